"""AES-256 output feedback as the platform does it: a packet always begins on a fresh block."""

from __future__ import annotations

import hashlib

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms
from cryptography.hazmat.primitives.ciphers.modes import ECB

_BLOCK = 16


class Keystream:
    """One direction."""

    def __init__(self, key: bytes, vector: bytes) -> None:
        self._aes = Cipher(algorithms.AES(key), ECB()).encryptor()
        self._state = vector

    def cross(self, body: bytes) -> bytes:
        """The body with the keystream over it, either way; the rest of the last block is lost."""
        crossed = bytearray()
        for start in range(0, len(body), _BLOCK):
            self._state = self._aes.update(self._state)
            block = body[start : start + _BLOCK]
            pad = int.from_bytes(self._state[: len(block)], "little")
            crossed += (int.from_bytes(block, "little") ^ pad).to_bytes(len(block), "little")
        return bytes(crossed)


def directions(secret: bytes, crypt_rand: bytes) -> tuple[Keystream, Keystream]:
    """The client's and the server's keystream; `secret` is the manager's hash, `crypt_rand` 16 blocks."""
    vectors, last = [], secret
    for number in range(16):
        last = hashlib.md5(crypt_rand[number * _BLOCK :][:_BLOCK] + last).digest()
        vectors.append(last)
    key = vectors[0] + vectors[1]
    return Keystream(key, vectors[2]), Keystream(key, vectors[3])
