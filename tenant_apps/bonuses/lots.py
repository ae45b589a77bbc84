"""How much was traded for each bonus. A lot counts once: for the oldest bonus of the account that still needs it.

Counted are lots of positions closed while the bonus stood (entries out and in-out, by `executed_at`). Positions closed
against each other ("close by") do not count: they carry no risk and are how volume is made up. Deals that the server
took back or changed count as they are now, so progress may shrink until the bonus is released; then it is settled.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from fnmatch import fnmatchcase
from typing import Any

COUNTED_ENTRIES = ("out", "in_out")
LAST = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Window:
    """A bonus: when it counts, what it needs, which symbols (patterns such as `EUR*`; none means all)."""

    key: Any
    start: datetime
    end: datetime | None
    needed: Decimal
    symbols: tuple[str, ...] = ()

    def takes(self, deal: ClosedDeal) -> bool:
        in_time = self.start <= deal.at and (self.end is None or deal.at < self.end)
        return in_time and (not self.symbols or any(fnmatchcase(deal.symbol, one) for one in self.symbols))


@dataclass(frozen=True, slots=True)
class ClosedDeal:
    at: datetime
    symbol: str
    lots: Decimal


def concerning(windows: Sequence[Window], wanted: Collection[Any]) -> list[Window]:
    """The windows that bear on how far the `wanted` ones are: these, and whatever ran beside one of them, for a lot that
    an older bonus took counts for no younger one. Those that had ended before bear on nothing."""
    found = [window for window in windows if window.key in wanted]
    rest = [window for window in windows if window.key not in wanted]
    start = min((window.start for window in found), default=None)
    for window in sorted(rest, key=lambda one: one.end or LAST, reverse=True):
        if start is not None and (window.end is None or window.end > start):
            found.append(window)
            start = min(start, window.start)
    return found


def spans(windows: Sequence[Window]) -> list[tuple[datetime, datetime | None]]:
    """The time that windows cover, cut wherever one begins or ends; the last span may be open."""
    ends = [window.end for window in windows]
    cuts = sorted({*(window.start for window in windows), *(end for end in ends if end is not None)})
    pairs: list[tuple[datetime, datetime | None]] = [*zip(cuts, cuts[1:], strict=False)]
    if None in ends:
        pairs.append((cuts[-1], None))
    return [pair for pair in pairs if any(w.start <= pair[0] and (w.end is None or pair[0] < w.end) for w in windows)]


def fill(windows: Sequence[Window], deals: Iterable[ClosedDeal]) -> dict[Any, Decimal]:
    """Lots by bonus, never more than it needs. Older bonuses first."""
    order = sorted(windows, key=lambda one: (one.start, str(one.key)))
    done = {window.key: Decimal(0) for window in order}
    for deal in sorted(deals, key=lambda one: one.at):
        left = deal.lots
        for window in order:
            if left <= 0:
                break
            if window.takes(deal):
                taken = min(left, window.needed - done[window.key])
                done[window.key] += max(taken, Decimal(0))
                left -= max(taken, Decimal(0))
    return done
