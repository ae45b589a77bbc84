"""Addresses of blockchains: whether one can be of a network, as far as its own checksum says.

A coin sent to an address that is not one is lost. Bitcoin: base58check, and bech32 and bech32m (BIP 173, 350). TRON:
base58check with version 0x41. Ethereum: the case of the letters (EIP-55); all small or all capital letters carry no checksum
and pass. Well-kept libraries have one of these each (base58, bech32, eth-utils with eth-hash and a C extension): four
dependencies for what follows, which the published vectors and the interpreter's SHA-3 prove.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable

TRON, ETHEREUM, BITCOIN = "tron", "ethereum", "bitcoin"
NETWORKS = frozenset({TRON, ETHEREUM, BITCOIN})
_BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_BECH32 = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_VERSIONS = {TRON: {"live": {0x41}, "test": {0x41}}, BITCOIN: {"live": {0x00, 0x05}, "test": {0x00, 0x05, 0x6F, 0xC4}}}
_PREFIXES = {"live": ("bc",), "test": ("bc", "tb")}


def address_good(network: str, address: str, mode: str) -> bool:
    """Whether an address can be of the network: form and checksum. `mode` "test" lets those of test networks pass too."""
    if network == ETHEREUM:
        return bool(re.fullmatch(r"0x[0-9a-fA-F]{40}", address)) and _case_good(address[2:])
    versions = _VERSIONS.get(network, {}).get("live" if mode == "live" else "test", set())
    if network == BITCOIN and _is_bech32(address, mode):
        return _bech32_good(address)
    return _base58_version(address) in versions


def folded(network: str, address: str) -> str:
    """The same for all ways to write one address: in Ethereum's and bech32's the letters' case says nothing of which."""
    if network == ETHEREUM or (network == BITCOIN and _is_bech32(address, "test")):
        return address.lower()
    return address


def _is_bech32(address: str, mode: str) -> bool:
    return "1" in address[2:4] and address.lower()[:2] in _PREFIXES.get(mode, _PREFIXES["test"])


def _base58_version(address: str) -> int | None:
    """The first byte of what a base58 address holds, when its four bytes of checksum are right."""
    if not 26 <= len(address) <= 35 or set(address) - set(_BASE58):
        return None
    number = 0
    for char in address:
        number = number * 58 + _BASE58.index(char)
    if number >= 1 << 200:
        return None
    whole = number.to_bytes(25, "big")
    zeros = len(whole) - len(whole.lstrip(b"\0"))
    if zeros != len(address) - len(address.lstrip("1")):
        return None
    return whole[0] if hashlib.sha256(hashlib.sha256(whole[:-4]).digest()).digest()[:4] == whole[-4:] else None


def _bech32_good(address: str) -> bool:
    """BIP 173 and 350: one case, known letters, and the remainder of version 0 or of the later ones."""
    text = address.lower()
    if address not in (text, address.upper()) or len(text) > 90:
        return False
    prefix, _, data = text.rpartition("1")
    if len(data) < 8 or set(data) - set(_BECH32):
        return False
    values = [ord(char) >> 5 for char in prefix] + [0] + [ord(char) & 31 for char in prefix]
    digits = [_BECH32.index(char) for char in data]
    return _bech32_remainder(values + digits) == (1 if digits[0] == 0 else 0x2BC830A3)


def _bech32_remainder(values: Iterable[int]) -> int:
    generators = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
    check = 1
    for value in values:
        top = check >> 25
        check = (check & 0x1FFFFFF) << 5 ^ value
        for bit, generator in enumerate(generators):
            check ^= generator if top >> bit & 1 else 0
    return check


def _case_good(letters: str) -> bool:
    """EIP-55: a letter is capital where the digit of the hash of the small ones is 8 or more."""
    if letters in (letters.lower(), letters.upper()):
        return True
    digest = keccak_256(letters.lower().encode()).hex()
    return all(
        not char.isalpha() or char.isupper() == (int(digit, 16) >= 8)
        for char, digit in zip(letters, digest, strict=False)
    )


_RATE = 136  # bytes of the state that input goes into: 1600 bits less twice 256
_MASK = (1 << 64) - 1


def keccak_256(data: bytes, *, padding: int = 0x01) -> bytes:
    """Keccak-256 as Ethereum uses it: SHA-3 (FIPS 202) before its padding became 0x06."""
    last = data + bytes([padding]) + bytes(_RATE - 1 - len(data) % _RATE)
    padded = last[:-1] + bytes([last[-1] | 0x80])
    state = [0] * 25
    for start in range(0, len(padded), _RATE):
        for lane in range(_RATE // 8):
            at = start + 8 * lane
            state[lane] ^= int.from_bytes(padded[at : at + 8], "little")
        state = _permuted(state)
    return b"".join(lane.to_bytes(8, "little") for lane in state[:4])


def _permuted(state: list[int]) -> list[int]:
    """Keccak-f[1600]: 24 rounds of theta, rho with pi, chi and iota. Lane (x, y) stands at x + 5y."""
    constant = 1
    for _ in range(24):
        column = [state[x] ^ state[x + 5] ^ state[x + 10] ^ state[x + 15] ^ state[x + 20] for x in range(5)]
        state = [lane ^ column[(at - 1) % 5] ^ _rolled(column[(at + 1) % 5], 1) for at, lane in enumerate(state)]
        state = _moved(state)
        state = [
            lane ^ (~state[at - at % 5 + (at + 1) % 5] & state[at - at % 5 + (at + 2) % 5])
            for at, lane in enumerate(state)
        ]
        constant = _iota(state, constant)
    return state


def _rolled(lane: int, by: int) -> int:
    return (lane << by | lane >> 64 - by) & _MASK if by else lane


def _moved(state: list[int]) -> list[int]:
    moved, x, y, by = list(state), 1, 0, 0
    for step in range(24):
        by = (by + step + 1) % 64
        target = y + 5 * ((2 * x + 3 * y) % 5)
        moved[target] = _rolled(state[x + 5 * y], by)
        x, y = y, (2 * x + 3 * y) % 5
    return moved


def _iota(state: list[int], register: int) -> int:
    """The round's constant, from a shift register of eight bits."""
    for bit in range(7):
        state[0] ^= (register & 1) << (1 << bit) - 1
        register = register << 1 ^ (0x171 if register & 0x80 else 0)
    return register
