"""The handshake's vectors, printed in the README."""

import re
from pathlib import Path

import pytest

from tenant_apps.trading.adapters.mt5_manager.config import fingerprint_of
from tenant_apps.trading.adapters.mt5_manager.proof import Transcript, is_nonce, new_nonce

README = (Path(__file__).parents[1] / "README.md").read_text()
FIRST = Transcript(
    manager=1000,
    certificate="e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    service_nonce="00112233445566778899aabbccddeeff" * 2,
    service_time="2026-03-02T09:00:00.000Z",
    client_nonce="ffeeddccbbaa99887766554433221100" * 2,
    client_time="2026-03-02T09:00:00.250Z",
)
SECOND = Transcript(
    manager=9223372036854775807,
    certificate="0" * 64,
    service_nonce="1" * 64,
    service_time="2026-12-31T23:59:59.999Z",
    client_nonce="2" * 64,
    client_time="2027-01-01T00:00:00.000Z",
)
SECRETS = ("an example of a shared secret, 32+ characters", "Schlüssel — ключ — مفتاح — 0123456789")


def row(name: str) -> list[str]:
    """A line of the README's table of vectors."""
    (line,) = re.findall(rf"^\| {name} \| `(.+)` \| `(.+)` \|$", README, re.MULTILINE)
    return list(line)


def test_the_vectors_of_the_readme() -> None:
    pairs = list(zip((FIRST, SECOND), SECRETS, strict=True))
    assert row("secret") == list(SECRETS)
    assert row("proof, client") == [one.proof(secret, "client") for one, secret in pairs]
    assert row("proof, service") == [one.proof(secret, "service") for one, secret in pairs]
    assert all(one.is_proven(secret, "service", one.proof(secret, "service")) for one, secret in pairs)
    assert not FIRST.is_proven(SECRETS[0], "service", FIRST.proof(SECRETS[0], "client"))
    assert not FIRST.is_proven(SECRETS[0], "service", "")


def test_nonces_are_new_and_of_one_form() -> None:
    made = {new_nonce() for _ in range(100)}
    assert len(made) == 100
    assert all(is_nonce(one) for one in made)
    assert not any(is_nonce(one) for one in ("", "0" * 63, "0" * 65, "G" * 64, "A" * 64, "0" * 64 + "\n"))


def test_fingerprints_are_taken_as_tools_print_them() -> None:
    plain = "ab" * 32
    assert fingerprint_of(":".join(["AB"] * 32)) == fingerprint_of(" " + plain.upper()) == plain
    assert fingerprint_of("") == ""
    for wrong in ("ab", "zz" * 32, plain + "ab"):
        with pytest.raises(ValueError):
            fingerprint_of(wrong)
