"""The text protocol's encryption: AES-256 as a keystream, begun anew on a block for every packet.

Key and first states come out of the password's hash and 256 random bytes of the server:
IV(i) = MD5(block i of the random bytes + IV(i-1)), beginning with the hash; IV(0) and IV(1) are the key, IV(2) is the
state of what the client sends and IV(3) of what the server sends. The next block of keystream is the encryption of
the one before; what a packet leaves of its last block is thrown away. Source: MetaQuotes' manual, "Encryption" of the
text protocol, whose published sequence is our test.

Nothing authenticates the packets, so this hides what is said but does not keep somebody on the way from garbling it.
"""

import hashlib

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

BLOCK = 16
RANDOM_SIZE = 16 * BLOCK


def sequence(hashed: bytes, random: bytes) -> list[bytes]:
    """The sixteen IVs. ValueError unless there are 256 random bytes."""
    if len(random) != RANDOM_SIZE:
        raise ValueError(f"{RANDOM_SIZE} random bytes, not {len(random)}")
    found: list[bytes] = []
    for start in range(0, RANDOM_SIZE, BLOCK):
        before = found[-1] if found else hashed
        found.append(hashlib.md5(random[start : start + BLOCK] + before, usedforsecurity=False).digest())
    return found


class Keystream:
    """One direction of a connection; packets must pass in the order in which they are on the wire."""

    def __init__(self, key: bytes, state: bytes) -> None:
        # In CBC over zeros each block is the encryption of the block before: the keystream, at the library's speed.
        self._blocks = Cipher(algorithms.AES(key), modes.CBC(state)).encryptor()

    def apply(self, body: bytes) -> bytes:
        """Encrypt or decrypt the body of one packet."""
        size = len(body)
        stream = self._blocks.update(bytes(-(-size // BLOCK) * BLOCK))[:size]
        return (int.from_bytes(body) ^ int.from_bytes(stream)).to_bytes(size)


def keystreams(hashed: bytes, random: bytes) -> tuple[Keystream, Keystream]:
    """What the client sends with, and what it receives with. ValueError as `sequence`."""
    ivs = sequence(hashed, random)
    key = ivs[0] + ivs[1]
    return Keystream(key, ivs[2]), Keystream(key, ivs[3])
