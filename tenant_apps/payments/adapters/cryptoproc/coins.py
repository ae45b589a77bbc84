"""Which coins we take, on which networks, how amounts are written, and which addresses can be right.

CryptoProcessing's code of a coin names its network too (USDTT is USDT on TRON, USDTE on Ethereum; github.com/coinspaid/docs).
Amounts are text in whole coins. A coin sent on another network than its address belongs to is lost, so that an address
is checked as far as its own checksum goes; Ethereum's needs Keccak and is not checked.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import ROUND_UP, Decimal
from typing import Any

from kernel.money import Money, minor_units

TRON, ETHEREUM, BITCOIN = "tron", "ethereum", "bitcoin"
NETWORKS = {TRON: "TRON (TRC-20)", ETHEREUM: "Ethereum (ERC-20)", BITCOIN: "Bitcoin"}
_BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_BECH32 = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_VERSIONS = {TRON: {"live": {0x41}, "test": {0x41}}, BITCOIN: {"live": {0x00, 0x05}, "test": {0x00, 0x05, 0x6F, 0xC4}}}
_PREFIXES = {"live": ("bc",), "test": ("bc", "tb")}


@dataclass(frozen=True, slots=True, kw_only=True)
class Coin:
    method: str
    wire: str
    currency: str
    network: str


COINS = (
    Coin(method="usdt_trc20", wire="USDTT", currency="USDT", network=TRON),
    Coin(method="usdt_erc20", wire="USDTE", currency="USDT", network=ETHEREUM),
    Coin(method="btc", wire="BTC", currency="BTC", network=BITCOIN),
    Coin(method="eth", wire="ETH", currency="ETH", network=ETHEREUM),
)
BY_METHOD = {coin.method: coin for coin in COINS}
CURRENCY_OF = {coin.wire: coin.currency for coin in COINS}
CURRENCIES = frozenset(CURRENCY_OF.values())


def coin_out(currency: str, network: str) -> Coin | None:
    """What is sent for a currency on a network; None when it does not exist there."""
    return next((coin for coin in COINS if (coin.currency, coin.network) == (currency, network)), None)


def to_wire(amount: Money) -> str:
    """Whole coins with the decimals we keep: "250.500000"."""
    return f"{amount.amount:f}"


def from_wire(data: Mapping[str, Any]) -> Money:
    """`{currency, amount}`. Refuses (ValueError) what would have to be rounded; zeros behind our decimals are nothing.

    USDT has as many decimals as we keep. Of ether we keep eight: finer dust is not credited by guess but told to staff.
    """
    return Money.of(Decimal(str(data["amount"])), CURRENCY_OF[str(data["currency"])])


def fee_of(fees: Iterable[Mapping[str, Any]], currency: str) -> Money | None:
    """What the provider keeps in one currency, rounded up to our decimals; fees in others (gas) are left out."""
    mine = [Decimal(str(fee["amount"])) for fee in fees if CURRENCY_OF.get(str(fee["currency"])) == currency]
    if not mine:
        return None
    step = Decimal(1).scaleb(-minor_units(currency))
    return Money.of(sum(mine, Decimal(0)).quantize(step, ROUND_UP), currency)


def address_good(network: str, address: str, mode: str) -> bool:
    """Whether an address can be of the network: form and, where there is one, checksum."""
    if network == ETHEREUM:
        return bool(re.fullmatch(r"0x[0-9a-fA-F]{40}", address))
    versions = _VERSIONS.get(network, {}).get("live" if mode == "live" else "test", set())
    if network == BITCOIN and "1" in address[2:4] and address.lower()[:2] in _PREFIXES.get(mode, _PREFIXES["test"]):
        return _bech32_good(address)
    return _base58_version(address) in versions


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
