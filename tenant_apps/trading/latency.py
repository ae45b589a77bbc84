"""How long a trading server took to answer what was asked of it: from a command's sending to its answer, done or refused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.db import connection
from django.utils.translation import pgettext_lazy

from kernel import clock
from kernel.models import Command, CommandState

from .models import TradingAccount, TradingServer
from .refusal_words import refusal_words

WINDOWS = {"1h": timedelta(hours=1), "24h": timedelta(hours=24)}
BUCKETS = (50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000)  # milliseconds, each up to and with
KINDS = {
    "trading.account_open": pgettext_lazy("trading command", "Opened"),
    "trading.balance": pgettext_lazy("trading command", "Money moved"),
    "trading.leverage": pgettext_lazy("trading command", "Leverage"),
    "trading.group": pgettext_lazy("trading command", "Account type"),
    "trading.password": pgettext_lazy("trading command", "Password"),
    "trading.archive": pgettext_lazy("trading command", "Archived"),
    "trading.reopen": pgettext_lazy("trading command", "Reopened"),
}
_AGGREGATE = "trading.account:"
# An answered command's time is what was measured, or for a refusal what lies between the two moments.
_ANSWERED = (
    "SELECT c.kind, c.state, coalesce(c.latency_ms, round(extract(epoch FROM c.finished_at - c.sent_at) * 1000)) AS ms"
    " FROM kernel_command c JOIN trading_account a ON c.aggregate = %s || a.id"
    " WHERE c.id >= %s AND c.kind LIKE 'trading.%%' AND a.server_id = %s AND c.sent_at IS NOT NULL"
    " AND c.finished_at IS NOT NULL"
)
_SHARES = ", ".join(f"percentile_disc({share}) WITHIN GROUP (ORDER BY ms)" for share in (0.5, 0.95, 0.99))


@dataclass(frozen=True, slots=True)
class Bar:
    """Answers that took more than the bar before it and at most `upto` ms; None: more than all."""

    upto: int | None
    count: int


@dataclass(frozen=True, slots=True)
class Latencies:
    """Of one kind of command, or of all (`kind` empty)."""

    kind: str
    count: int
    failed: int
    p50: int
    p95: int
    p99: int
    bars: Sequence[Bar]

    @property
    def label(self) -> object:
        return KINDS.get(self.kind, self.kind)

    @property
    def highest(self) -> int:
        return max((bar.count for bar in self.bars), default=0)


def _first_id(window: timedelta) -> UUID:
    """The least id that a command made within the window can have: ids begin with their moment, so their index serves."""
    return UUID(int=int((clock.present() - window).timestamp() * 1000) << 80)


def latencies(server: TradingServer, window: timedelta) -> list[Latencies]:
    """All together first, then by kind; empty when nothing was answered. One query."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT coalesce(kind, ''), count(*), count(*) FILTER (WHERE state = 'failed'), {_SHARES},"  # noqa: S608
            " array_agg(width_bucket(ms - 1, %s::numeric[])) FROM (" + _ANSWERED + ") answered"
            " GROUP BY GROUPING SETS ((kind), ()) HAVING count(*) > 0 ORDER BY grouping(kind) DESC, kind",
            [[0, *BUCKETS], _AGGREGATE, _first_id(window), server.pk],
        )
        rows = cursor.fetchall()
    return [Latencies(kind, count, failed, int(p50), int(p95), int(p99), _bars(places)) for
            kind, count, failed, p50, p95, p99, places in rows]  # fmt: skip


def _bars(places: Sequence[int]) -> list[Bar]:
    counts = [0] * (len(BUCKETS) + 1)
    for place in places:
        counts[max(place - 1, 0)] += 1
    return [Bar(upto, count) for upto, count in zip((*BUCKETS, None), counts, strict=True)]


@dataclass(frozen=True, slots=True)
class Trouble:
    command: Command
    account: TradingAccount

    @property
    def label(self) -> object:
        return KINDS.get(self.command.kind, self.command.kind)

    @property
    def problem(self) -> str:
        return refusal_words(self.command.error_code)


def troubles(server: TradingServer, window: timedelta, limit: int = 10) -> list[Trouble]:
    """The latest that were refused or whose outcome is being found out. Two queries."""
    rows = Command.objects.filter(id__gte=_first_id(window), kind__startswith="trading.")
    rows = rows.filter(state__in=[CommandState.FAILED, CommandState.UNKNOWN]).order_by("-id")
    found = [(row, row.aggregate.removeprefix(_AGGREGATE)) for row in rows[: limit * 20]]
    accounts = TradingAccount.objects.filter(server=server, pk__in={account for _, account in found})
    mine = {str(account.pk): account for account in accounts}
    shown = [(row, mine[account]) for row, account in found if account in mine]
    return [Trouble(row, account) for row, account in shown[:limit]]
