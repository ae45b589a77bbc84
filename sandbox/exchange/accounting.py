"""Arithmetic of a trading account: profit, margin, equity. Pure functions, exact to the currency's digits."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from sandbox.exchange.catalogue import FOREX, GroupSpec, SymbolSpec
from sandbox.exchange.market import Market
from sandbox.exchange.money import LOT, from_scaled, to_scaled
from sandbox.exchange.records import Account, Action, Position


@dataclass(frozen=True, slots=True)
class Profit:
    """A result in the profit currency, the rate used, and the same in minor units of the account's
    currency.
    """

    raw: Decimal
    rate: Decimal
    minor: int


@dataclass(frozen=True, slots=True)
class AccountState:
    """Money of an account right now, all in minor units of its currency; `level` is equity/margin in per
    cent.
    """

    profit: int
    storage: int
    margin: int
    equity: int
    free: int
    level: Decimal

    @property
    def floating(self) -> int:
        """Unrealised result with swaps."""
        return self.profit + self.storage


def profit_of(
    market: Market, group: GroupSpec, spec: SymbolSpec, action: int, volume: int, opened: int, closed: int
) -> Profit:
    """Result of `volume` opened and closed at these prices (points) at the current conversion rate."""
    points = closed - opened if action == Action.BUY else opened - closed
    raw = from_scaled(points * spec.contract_size * volume, spec.digits) / LOT
    rate = market.rate(spec.profit, group.currency)
    return Profit(raw, rate, to_scaled(raw * rate, group.currency_digits))


def notional_of(market: Market, group: GroupSpec, spec: SymbolSpec, volume: int, price: int) -> tuple[int, Decimal]:
    """Margin before leverage in account minor units, and the margin currency's rate used for it."""
    amount = Decimal(spec.contract_size * volume) / LOT
    if spec.calc_mode != FOREX:
        amount *= from_scaled(price, spec.digits)
    rate = market.rate(spec.margin, group.currency)
    return to_scaled(amount * rate * Decimal(spec.margin_rate), group.currency_digits), rate


def margin_of(positions: Iterable[Position], leverage: int) -> int:
    """Margin in minor units. Of opposite positions in a symbol only the larger side needs margin."""
    sides: dict[str, list[int]] = {}
    for position in positions:
        sides.setdefault(position.symbol, [0, 0])[position.action] += position.notional
    total = sum(max(pair) for pair in sides.values())
    return int((Decimal(total) / leverage).to_integral_value(rounding=ROUND_HALF_UP))


def closing_price(market: Market, position: Position) -> int:
    """The price at which a position could be closed now, in points."""
    quote = market.quotes[position.symbol]
    return quote.bid if position.action == Action.BUY else quote.ask


def floating_of(market: Market, group: GroupSpec, position: Position) -> Profit:
    """A position's unrealised result without swaps."""
    spec = market.symbols[position.symbol]
    return profit_of(
        market,
        group,
        spec,
        position.action,
        position.volume,
        position.price_open,
        closing_price(market, position),
    )


def state_of(market: Market, group: GroupSpec, account: Account, positions: list[Position]) -> AccountState:
    """Equity, margin and the rest at current prices."""
    profit = sum(floating_of(market, group, position).minor for position in positions)
    storage = sum(position.storage for position in positions)
    margin = margin_of(positions, account.leverage)
    equity = account.balance + account.credit + profit + storage
    level = from_scaled(to_scaled(Decimal(equity) * 100 / margin, 2), 2) if margin else Decimal("0.00")
    return AccountState(profit, storage, margin, equity, equity - margin, level)
