"""Both sides prove that they know the manager's API password, without sending it.

H = MD5(MD5(password in UTF-16LE) + "WebAPI"); each side answers the other's 16 random bytes with MD5(H +
bytes). All on raw bytes: hashing their hex text is the usual mistake. Source: MetaQuotes' manual,
"Authentication" of the Web API, whose published vectors are our tests.
"""

import hashlib
import hmac
import secrets


def _md5(data: bytes) -> bytes:
    # The protocol demands MD5; the TLS channel, not this hash, is what protects the exchange.
    return hashlib.md5(data, usedforsecurity=False).digest()


def password_hash(password: str) -> bytes:
    """H of the protocol: stands for the password in every proof, so it is as secret as the password."""
    return _md5(_md5(password.encode("utf-16-le")) + b"WebAPI")


def proof(hashed: bytes, challenge: bytes) -> bytes:
    """What whoever knows the password answers to these 16 random bytes."""
    return _md5(hashed + challenge)


def new_challenge() -> bytes:
    return secrets.token_bytes(16)


def is_proof(hashed: bytes, challenge: bytes, answer: str) -> bool:
    """Whether the hex text `answer` proves knowledge of the password, compared in constant time."""
    return hmac.compare_digest(proof(hashed, challenge).hex(), answer.strip().lower())
