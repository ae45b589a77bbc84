"""Which coins we take, on which networks, how amounts are written, and which addresses can be right.

CryptoProcessing's code of a coin names its network too (USDTT is USDT on TRON, USDTE on Ethereum; github.com/coinspaid/docs).
Amounts are text in whole coins. A coin sent on another network than its address belongs to is lost: `chain_addresses`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import ROUND_FLOOR, ROUND_UP, Decimal
from typing import Any

from kernel.money import Money, minor_units

from ...chain_addresses import BITCOIN, ETHEREUM, TRON

NETWORKS = {TRON: "TRON (TRC-20)", ETHEREUM: "Ethereum (ERC-20)", BITCOIN: "Bitcoin"}


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
    """`{currency, amount}`. Refuses (ValueError) what would have to be rounded; zeros behind our decimals are nothing."""
    return Money.of(Decimal(str(data["amount"])), CURRENCY_OF[str(data["currency"])])


def floored(data: Mapping[str, Any]) -> Money:
    """What came, in the decimals that we keep and never more than came: of ether's eighteen, eight. The dust behind them
    is in the balance at the provider and in nobody's books."""
    return Money.of(Decimal(str(data["amount"])), CURRENCY_OF[str(data["currency"])], rounding=ROUND_FLOOR)


def fee_of(fees: Iterable[Mapping[str, Any]], currency: str) -> Money | None:
    """What the provider keeps in one currency, rounded up to our decimals; fees in others (gas) are left out."""
    mine = [Decimal(str(fee["amount"])) for fee in fees if CURRENCY_OF.get(str(fee["currency"])) == currency]
    if not mine:
        return None
    step = Decimal(1).scaleb(-minor_units(currency))
    return Money.of(sum(mine, Decimal(0)).quantize(step, ROUND_UP), currency)
