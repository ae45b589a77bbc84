"""How an account did, whatever was paid in and out: time-weighted return and maximum drawdown.

Return: the record is cut at every movement of money from outside, the growths between are multiplied, so neither size nor
moment of a payment counts as profit (CFA Institute, GIPS Standards 2020, "time-weighted return"; Bacon, Practical Portfolio
Performance Measurement and Attribution, ch. 3). Where a payment fell between two points of the curve, money in is taken to
have come right after the first, money out to have gone right before the second: what was gained or lost in that minute is
then measured on all the capital that was at work.

Drawdown: the largest fall of that growth from a peak so far, 1 − index / peak (Magdon-Ismail and Atiya, Maximum Drawdown,
Risk 2004): a withdrawal is no fall.

An account emptied by withdrawals stands still until money comes; one emptied by trading has lost everything, and stays so.

Where money moved in a long silence of the record, and something was won or lost in it too, nobody knows on how much capital
that was (`Gap.unknown`): who shows figures to others shows none of such a time.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise

from django.db import connection
from django.db.models import Case, F, Q, When

from kernel import clock

from .models import Deal, EquityPoint, TradingAccount

PERIOD = timedelta(days=365)
SILENCE = timedelta(days=1)  # without a point, after which a payment can no longer be told from what trading did
SKEW = timedelta(minutes=2)  # a server's clock and ours, and the minute between two points
# Not won or lost by trading on this account: put in or taken out, copied elsewhere, earned from who copies it.
FLOWS = ("balance", "charge", "correction", "bonus", "compensation", "copy", "copy_fee")


@dataclass(frozen=True, slots=True)
class Point:
    at: datetime
    equity: int


@dataclass(frozen=True, slots=True)
class Flow:
    """Money from outside: positive in, negative out."""

    at: datetime
    minor: int


@dataclass(slots=True)
class Gap:
    """Two neighbouring points of the curve between which money came or went."""

    left: Point
    right: Point
    inflow: int = 0
    outflow: int = 0  # not negative

    @property
    def unknown(self) -> bool:
        moved = self.right.equity - self.left.equity
        return self.right.at - self.left.at > SILENCE and moved != self.inflow - self.outflow


@dataclass(frozen=True, slots=True)
class Stretch:
    """From `at` on, equity × `factor` is the index (1 at the beginning). None: no money was there, the index stood."""

    at: datetime
    factor: float | None
    level: float  # the index at its beginning

    def index(self, equity: int) -> float:
        return self.level if self.factor is None else max(0.0, equity * self.factor)


@dataclass(frozen=True, slots=True)
class Record:
    """A curve from its first point to its last, and how it is cut."""

    first: Point
    last: Point
    gaps: list[Gap]
    parts: list[Stretch]

    @property
    def level(self) -> float:
        """The index at the end."""
        return self.parts[-1].index(self.last.equity)

    def known_since(self, moment: datetime) -> bool:
        """Whether everything from this moment on is known."""
        return self.first.at <= moment and not any(gap.unknown and gap.right.at > moment for gap in self.gaps)


@dataclass(frozen=True, slots=True)
class Performance:
    """As shares: 0.1 is 10 %. `since` the first point of the record that counts."""

    since: datetime
    growth: Decimal
    drawdown: Decimal


def stretches(first: Point, gaps: Iterable[Gap]) -> list[Stretch]:
    """The record cut at its movements of money."""
    found = [Stretch(first.at, 1 / first.equity if first.equity > 0 else None, 1.0)]
    for gap in gaps:
        found.append(_after(found[-1], gap))
    return found


def _after(before: Stretch, gap: Gap) -> Stretch:
    level, factor = before.index(gap.left.equity), before.factor
    if gap.inflow:
        capital = max(gap.left.equity, 0) + gap.inflow
        factor = level / capital
    if gap.outflow:
        level = level if factor is None else max(0.0, (gap.right.equity + gap.outflow) * factor)
        factor = level / gap.right.equity if gap.right.equity > 0 else None
    elif factor is not None:
        level = max(0.0, gap.right.equity * factor)
    return Stretch(gap.right.at, factor, level)


def place(flow: Flow, around: Sequence[Point]) -> tuple[Point, Point] | None:
    """Between which of the points around it the money shows. Clocks differ by seconds: a neighbouring pair wins where its
    equity jumps more like the payment does. None: before the record, within its first point, or not in it yet."""
    pairs = list(pairwise(around))
    if pairs and _in_the_first(flow, *pairs[0], earlier=sum(point.at <= flow.at for point in around)):
        return None
    best = next(((left, right) for left, right in pairs if left.at <= flow.at < right.at), None)
    cost = _unlike(flow, best) if best else abs(flow.minor) // 2
    for left, right in pairs:
        near = min(abs(left.at - flow.at), abs(right.at - flow.at)) <= SKEW
        if near and _unlike(flow, (left, right)) < cost:
            best, cost = (left, right), _unlike(flow, (left, right))
    return best


def _in_the_first(flow: Flow, first: Point, second: Point, *, earlier: int) -> bool:
    """Whether the payment that began the record is what its first point shows: a point is dated with the beginning of its
    minute, so it may seem to be older. With two points `earlier` than the flow the first of them begins no record."""
    jump = second.equity - first.equity
    near = earlier < 2 and abs(flow.at - first.at) <= SKEW
    return near and 2 * first.equity >= flow.minor and abs(jump) < abs(jump - flow.minor)


def _unlike(flow: Flow, pair: tuple[Point, Point]) -> int:
    return abs(pair[1].equity - pair[0].equity - flow.minor)


def gaps(flows: Iterable[Flow], around: Sequence[Sequence[Point]]) -> list[Gap]:
    """The pairs of points between which the flows fell, oldest first; `around`: the points near each flow, by time."""
    found: dict[datetime, Gap] = {}
    for flow, points in zip(flows, around, strict=True):
        pair = place(flow, points)
        if pair is None:
            continue
        gap = found.setdefault(pair[0].at, Gap(*pair))
        if flow.minor > 0:
            gap.inflow += flow.minor
        else:
            gap.outflow -= flow.minor
    return [found[at] for at in sorted(found)]


def performance(account: TradingAccount) -> Performance | None:
    """Over the last year, or as long as there is a record of the equity; None without one. Five queries at most."""
    record = record_of(account, clock.now() - PERIOD)
    if record is None:
        return None
    return Performance(record.first.at, _share(record.level - 1), _share(drawdown(account, record)))


def record_of(account: TradingAccount, since: datetime | None = None) -> Record | None:
    """The account's record from a moment on, or all there is; None with fewer than two points. Four queries at most."""
    points = EquityPoint.objects.filter(account=account)
    if since is not None:
        points = points.filter(at__gte=since)
    first, last = points.order_by("at").first(), points.order_by("-at").first()
    if first is None or last is None or first.at == last.at:
        return None
    flows = _flows(account, first.at)
    begin, found = Point(first.at, first.equity_minor), gaps(flows, _around(account, first.at, flows))
    return Record(begin, Point(last.at, last.equity_minor), found, stretches(begin, found))


def levels(account: TradingAccount, record: Record, moments: Sequence[datetime]) -> list[float]:
    """The index at each of these moments, as the last point before left it; 1 where there is none yet. One query."""
    begins = [part.at for part in record.parts]
    found = [1.0] * len(moments)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT m.n, p.at, p.equity_minor FROM unnest(%s::timestamptz[]) WITH ORDINALITY AS m(moment, n), LATERAL ("
            "SELECT at, equity_minor FROM trading_equity_point WHERE account_id = %s AND at >= %s AND at <= m.moment"
            " ORDER BY at DESC LIMIT 1) p",
            [list(moments), account.pk, record.first.at],
        )
        for number, at, equity in cursor.fetchall():
            found[number - 1] = record.parts[bisect_right(begins, at) - 1].index(equity)
    return found


def _share(value: float) -> Decimal:
    return Decimal(str(round(value, 6)))


def _flows(account: TradingAccount, since: datetime) -> list[Flow]:
    """Movements of money that are no result of trading. Credit is no balance, but it is equity."""
    rows = Deal.objects.filter(account=account, deleted_at=None, executed_at__gte=since - SKEW)
    rows = rows.filter(Q(kind__in=FLOWS) | Q(kind="credit"))
    amount = Case(When(kind="credit", then=F("profit_minor")), default=F("result_minor"))
    found = rows.annotate(amount=amount).exclude(amount=0).order_by("executed_at", "id")
    return [Flow(at, minor) for at, minor in found.values_list("executed_at", "amount")]


def _around(account: TradingAccount, since: datetime, flows: Sequence[Flow]) -> list[list[Point]]:
    """Two points before and two after each flow. One query."""
    found: list[list[Point]] = [[] for _ in flows]
    if not flows:
        return found
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT f.n, p.at, p.equity_minor FROM unnest(%s::timestamptz[]) WITH ORDINALITY AS f(at, n), LATERAL ("
            "(SELECT at, equity_minor FROM trading_equity_point WHERE account_id = %s AND at >= %s AND at <= f.at"
            " ORDER BY at DESC LIMIT 2) UNION ALL"
            " (SELECT at, equity_minor FROM trading_equity_point WHERE account_id = %s AND at >= %s AND at > f.at"
            " ORDER BY at LIMIT 2)) p ORDER BY f.n, p.at",
            [[flow.at for flow in flows], account.pk, since, account.pk, since],
        )
        for number, at, equity in cursor.fetchall():
            found[number - 1].append(Point(at, equity))
    return found


def drawdown(account: TradingAccount, record: Record) -> float:
    """Over every point of the record, in the database: a busy year has some hundred thousand of them."""
    parts = record.parts
    ends = [*(part.at for part in parts[1:]), clock.now() + PERIOD]
    held = [(part.at, end, part.factor) for part, end in zip(parts, ends, strict=True) if part.factor is not None]
    if not held:
        return 0.0
    begins, until, factors = (list(column) for column in zip(*held, strict=True))
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT max(1 - index / peak) FROM (SELECT index, max(index) OVER (ORDER BY at) AS peak FROM ("
            " SELECT p.at, greatest(p.equity_minor, 0) * s.factor AS index FROM trading_equity_point p"
            " JOIN unnest(%s::timestamptz[], %s::timestamptz[], %s::float8[]) AS s(begins, until, factor)"
            " ON p.at >= s.begins AND p.at < s.until WHERE p.account_id = %s) i) w WHERE peak > 0",
            [begins, until, factors, account.pk],
        )
        (found,) = cursor.fetchone() or (None,)
    return float(found or 0)
