"""The vendor's published vectors of the log-in proof."""

from tenant_apps.trading.adapters.mt5 import auth

PASSWORD_HASH = bytes.fromhex("904ba8ecb16273d2f0ae9c3b8a023752")
CLIENT_RANDOM = bytes.fromhex("4db98fec17aab4dc5a240bdc659e8395")


def test_password_hash_is_the_published_one():
    assert auth.password_hash("Password1") == PASSWORD_HASH


def test_answer_to_the_server_is_the_published_one():
    challenge = bytes.fromhex("73007dc7184747ce0f7c98516ef1c851")
    assert auth.proof(PASSWORD_HASH, challenge).hex() == "77fe51827f7fa69dd80fbec9aa33f1bb"


def test_answer_of_the_server_is_the_published_one():
    assert auth.is_proof(PASSWORD_HASH, CLIENT_RANDOM, "1732021b1b332f51660b2b315eed3a35")
    assert auth.is_proof(PASSWORD_HASH, CLIENT_RANDOM, "1732021B1B332F51660B2B315EED3A35\n")


def test_any_other_answer_of_the_server_is_refused():
    assert not auth.is_proof(PASSWORD_HASH, CLIENT_RANDOM, "1732021b1b332f51660b2b315eed3a36")
    assert not auth.is_proof(PASSWORD_HASH, CLIENT_RANDOM, "")


def test_passwords_are_hashed_as_utf_16():
    assert auth.password_hash("Пароль1!") == bytes.fromhex("739b5ce78ab5e167a39e20a7662b3c2d")


def test_challenges_differ():
    assert len({auth.new_challenge() for _ in range(100)}) == 100
    assert len(auth.new_challenge()) == 16
