"""Live quotes of one trading server: the feed's curve in integer points, with a spread, or prices set by
hand.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from sandbox.exchange.catalogue import SymbolSpec
from sandbox.exchange.feed import Feed
from sandbox.exchange.money import from_scaled, parse_decimal, to_scaled
from sandbox.exchange.retcodes import Refused, Retcode

RATE_DIGITS = 8


@dataclass(slots=True)
class Quote:
    """Bid and ask in points, the tick's number on this server and its time (server wall clock,
    milliseconds).
    """

    bid: int
    ask: int
    tick: int
    time_msc: int


class Market:
    """Quotes by symbol. A fixed price stays until released; a frozen market does not tick at all."""

    def __init__(self, name: str, feed: Feed, symbols: tuple[SymbolSpec, ...]) -> None:
        self._name = name
        self._feed = feed
        self.symbols = {spec.name: spec for spec in symbols}
        self.quotes: dict[str, Quote] = {}
        self.fixed: set[str] = set()
        self.frozen = False
        self.last_tick = 0
        self._rates: dict[tuple[str, str], Decimal] = {}

    def start(self, utc_ms: int, wall_ms: int) -> None:
        """Quote every symbol once.

        Tick numbers continue from the time, so that a restart never repeats one.
        """
        self.last_tick = utc_ms // 100
        for spec in self.symbols.values():
            self._tick(spec, utc_ms, wall_ms)

    def step(self, utc_ms: int, wall_ms: int) -> list[str]:
        """Move the market to `utc_ms`; the symbols whose bid or ask changed."""
        if self.frozen:
            return []
        changed = []
        for spec in self.symbols.values():
            if spec.name in self.fixed or self._feed.noise(f"{self._name}/{spec.name}/tick", utc_ms) > spec.activity:
                continue
            if self._tick(spec, utc_ms, wall_ms):
                changed.append(spec.name)
        return changed

    def points_at(self, spec: SymbolSpec, utc_ms: int) -> tuple[int, int]:
        """Bid and ask the feed gives for any moment, past ones included."""
        middle = self._feed.per_euro(spec.profit, utc_ms) / self._feed.per_euro(spec.base, utc_ms)
        points = round(middle * 10**spec.digits)
        widening = 0.75 + 0.5 * self._feed.noise(f"{self._name}/{spec.name}/spread", utc_ms)
        spread = max(1, round(spec.spread * widening))
        bid = points - spread // 2
        return bid, bid + spread

    def _tick(self, spec: SymbolSpec, utc_ms: int, wall_ms: int) -> bool:
        bid, ask = self.points_at(spec, utc_ms)
        known = self.quotes.get(spec.name)
        if known is not None and known.bid == bid and known.ask == ask:
            return False
        self._put(spec.name, bid, ask, wall_ms)
        return True

    def _put(self, symbol: str, bid: int, ask: int, wall_ms: int) -> None:
        self.last_tick += 1
        self.quotes[symbol] = Quote(bid, ask, self.last_tick, wall_ms)
        self._rates.clear()

    def fix(self, symbol: str, bid: str, ask: str, wall_ms: int) -> None:
        """Hold a symbol at these prices. Refused (3, 10015) for an unknown symbol or prices that are none."""
        spec = self.symbols.get(symbol)
        if spec is None:
            raise Refused(Retcode.INVALID_PARAMETERS, f"unknown symbol {symbol}")
        low, high = parse_decimal(str(bid)), parse_decimal(str(ask))
        if low is None or high is None or not 0 < low <= high:
            raise Refused(Retcode.INVALID_PRICE, f"{bid}/{ask}")
        self.fixed.add(symbol)
        self._put(symbol, to_scaled(low, spec.digits), to_scaled(high, spec.digits), wall_ms)

    def release(self, symbols: list[str] | None = None) -> None:
        """Let the given symbols (or all) follow the feed again."""
        self.fixed -= set(symbols) if symbols is not None else set(self.fixed)

    def rate(self, source: str, target: str) -> Decimal:
        """Units of `target` for one `source` at mid prices, 8 digits.

        Refused (10015) where no pair leads there.
        """
        key = (source, target)
        found = self._rates.get(key)
        if found is None:
            found = self._rates[key] = self._compute_rate(source, target)
        return found

    def _compute_rate(self, source: str, target: str) -> Decimal:
        if source == target:
            return Decimal(1)
        exact = self._direct(source, target)
        if exact is None:
            for between in ("USD", "EUR"):
                first, second = self._direct(source, between), self._direct(between, target)
                if first is not None and second is not None:
                    exact = first * second
                    break
        if exact is None:
            raise Refused(Retcode.INVALID_PRICE, f"no rate from {source} to {target}")
        return from_scaled(to_scaled(exact, RATE_DIGITS), RATE_DIGITS)

    def _direct(self, source: str, target: str) -> Decimal | None:
        if source == target:
            return Decimal(1)
        straight, inverse = self.quotes.get(source + target), self.quotes.get(target + source)
        if straight is not None:
            return self._middle(source + target, straight)
        if inverse is not None:
            return 1 / self._middle(target + source, inverse)
        return None

    def _middle(self, symbol: str, quote: Quote) -> Decimal:
        return from_scaled(quote.bid + quote.ask, self.symbols[symbol].digits) / 2
