"""Coins, their networks, and addresses that a wallet would accept."""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import dataclass
from decimal import Decimal

ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
BECH32 = re.compile(r"(bc1|tb1)[02-9ac-hj-np-z]{11,71}")
TRON, BITCOIN_SCRIPT = 0x41, 0x05
BITCOIN = frozenset({0x00, 0x05, 0x6F, 0xC4})


@dataclass(frozen=True, slots=True)
class Coin:
    """``precision`` is the decimals CryptoProcessing writes; ``least`` the smallest deposit and withdrawal."""

    network: str
    least: Decimal
    confirmations: int
    precision: int = 8


COINS = {
    "BTC": Coin("bitcoin", Decimal("0.0001"), 1),
    "ETH": Coin("ethereum", Decimal("0.01"), 12),
    "USDTE": Coin("ethereum", Decimal(10), 12),
    "USDTT": Coin("tron", Decimal(10), 20),
}


def base58(payload: bytes) -> str:
    """With the four bytes of checksum that Bitcoin and TRON put behind."""
    whole = payload + hashlib.sha256(hashlib.sha256(payload).digest()).digest()[:4]
    number, text = int.from_bytes(whole, "big"), ""
    while number:
        number, digit = divmod(number, 58)
        text = ALPHABET[digit] + text
    return "1" * (len(whole) - len(whole.lstrip(b"\0"))) + text


def _version(address: str) -> int | None:
    """The version byte of a base58 address whose checksum is right."""
    number = 0
    for char in address:
        if char not in ALPHABET:
            return None
        number = number * 58 + ALPHABET.index(char)
    try:
        whole = number.to_bytes(25, "big")
    except OverflowError:
        return None
    return whole[0] if base58(whole[:-4]) == address else None


def fresh(network: str) -> str:
    key = secrets.token_bytes(20)
    if network == "ethereum":
        return f"0x{key.hex()}"
    return base58(bytes([TRON if network == "tron" else BITCOIN_SCRIPT]) + key)


def is_address(network: str, address: str) -> bool:
    if network == "ethereum":
        return bool(re.fullmatch(r"0x[0-9a-fA-F]{40}", address))
    if network == "tron":
        return _version(address) == TRON
    return bool(BECH32.fullmatch(address)) or _version(address) in BITCOIN


def transaction_id(network: str) -> str:
    return ("0x" if network == "ethereum" else "") + secrets.token_hex(32)
