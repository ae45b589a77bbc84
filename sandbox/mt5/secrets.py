"""Passwords: the platform's strength rule, how accounts' are kept, and the manager's Web API hash."""

from __future__ import annotations

import hashlib
import hmac
import os

_ROUNDS = 1000
"""Few, because seeding creates hundreds of invented accounts at once; nothing real is protected here."""


def strong_enough(password: str, shortest: int) -> bool:
    """8 (or the group's minimum) to 16 characters with lower, upper, digit and special."""
    return (
        max(8, shortest) <= len(password) <= 16
        and any(character.islower() for character in password)
        and any(character.isupper() for character in password)
        and any(character.isdigit() for character in password)
        and any(not character.isalnum() for character in password)
    )


def password_hash(password: str) -> str:
    """A salted hash to store."""
    salt = os.urandom(8)
    return f"{salt.hex()}${hashlib.pbkdf2_hmac('sha256', password.encode(), salt, _ROUNDS).hex()}"


def password_matches(password: str, stored: str) -> bool:
    """True for the password behind `stored`; never for an empty one."""
    salt, _, digest = stored.partition("$")
    if not digest:
        return False
    tried = hashlib.pbkdf2_hmac("sha256", password.encode(), bytes.fromhex(salt), _ROUNDS).hex()
    return hmac.compare_digest(tried, digest)


def manager_secret(password: str) -> str:
    """Hex of MD5(MD5(password as UTF-16LE) + ASCII "WebAPI")."""
    return hashlib.md5(hashlib.md5(password.encode("utf-16-le")).digest() + b"WebAPI").hexdigest()


def proof(secret: str, challenge: str) -> str:
    """Hex of MD5(secret + challenge), both as raw bytes.

    ValueError where `challenge` is not 16 bytes in hex.
    """
    nonce = bytes.fromhex(challenge)
    if len(nonce) != 16:
        raise ValueError("a challenge is 16 bytes")
    return hashlib.md5(bytes.fromhex(secret) + nonce).hexdigest()
