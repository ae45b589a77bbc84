"""A bank's closing balance against the ledger's clearing account of that bank, at the end (UTC) of a statement's day.

    bank − ledger = before the first statement + not assigned yet + booked later + not clients' + on the way + the rest

The rest has two parts: what a missing statement would tell (the bank's own balances do not follow one another), and what
nobody can explain. Reads only; a fixed number of queries for any number of accounts and days: the movements come as sums by
day and are added up here, so that more days cost nothing more of the database.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import F, Min, Q, Window
from django.db.models.functions import Coalesce, DenseRank, TruncDate

from kernel.money import Money
from tenant_apps.ledger.services import HOUSE
from tenant_apps.payments.models import BankStatement, ProviderAccount, StatementState
from tenant_apps.wallets.target_days import last_banking_day

ON_THE_WAY = timedelta(days=10)  # a wire or payout that no statement tells of after that is not explained by it
REASONS = ("before", "unassigned", "late", "on_the_way", "not_clients")

# What was posted on banks' clearing accounts: when, whether since the account's first statement was approved (`after`), and
# on which day a line first told of it. Positive where the bank has more.
_POSTED = """
    WITH asked AS (
        SELECT account, currency, begun
          FROM unnest(%(names)s::text[], %(currencies)s::text[], %(begun)s::timestamptz[]) AS t(account, currency, begun)
    ), linked AS (
        SELECT CASE WHEN l.deposit_id IS NULL THEN 'payments.part' ELSE 'payments.deposit' END AS what,
               coalesce(l.deposit_id, l.part_id)::text AS id, l.amount_minor > 0 AS came, min(l.booked_on) AS told_on
          FROM payments_bank_line l JOIN payments_bank_statement b ON b.id = l.statement_id
         WHERE b.provider_account_id = ANY(%(accounts)s::uuid[]) AND (l.deposit_id IS NOT NULL OR l.part_id IS NOT NULL)
         GROUP BY 1, 2, 3
    ), posted AS (
        SELECT s.account, s.currency, -e.amount AS amount, t.kind, (e.created_at AT TIME ZONE 'UTC')::date AS day,
               e.created_at >= s.begun AS after, l.told_on
          FROM asked s
          JOIN ledger_account a ON a.owner = %(house)s AND a.kind = 'clearing:' || s.account AND a.currency = s.currency
          JOIN ledger_entry e ON e.account_id = a.id JOIN ledger_transfer t ON t.id = e.transfer_id
          LEFT JOIN linked l ON l.what = split_part(t.key, ':', 1) AND l.id = split_part(t.key, ':', 2)
                            AND l.came = (e.amount < 0)
    )"""
# As sums by day, and one by one what no line is linked to: wires marked as sent by hand, what was sent back, providers'
# payouts. These may be on their way; a deposit that no line brought is not.
_MOVED = f"""{_POSTED}
    SELECT 'moves', account, currency, day, after, told_on, kind LIKE %(corrections)s, sum(amount)::bigint FROM posted
     GROUP BY 1, 2, 3, 4, 5, 6, 7
    UNION ALL
    SELECT 'lone_posted', account, currency, day, amount < 0 OR kind LIKE %(wires)s OR kind = %(payout)s, NULL, NULL,
           amount FROM posted
     WHERE after AND told_on IS NULL AND kind NOT LIKE %(corrections)s ORDER BY day"""  # noqa: S608 - constants only
# Materialised: read account by account, whatever the planner thinks of the states.
_TOLD = """
    WITH told AS MATERIALIZED (
        SELECT b.provider_account_id::text AS account, l.currency, l.booked_on, l.amount_minor, l.state,
               coalesce(l.deposit_id, l.part_id) AS linked
          FROM payments_bank_line l JOIN payments_bank_statement b ON b.id = l.statement_id
         WHERE b.state = 'approved' AND b.provider_account_id = ANY(%(accounts)s::uuid[]))"""
_LINES = f"""{_TOLD}
    SELECT account, currency, booked_on, state IN ('unmatched', 'proposed'), sum(amount_minor)::bigint FROM told
     GROUP BY 1, 2, 3, 4"""  # noqa: S608 - constants only
# Lines that are no client's, and what left without a wire of ours while nobody has said what it is.
_LONE_TOLD = f"""{_TOLD}
    SELECT account, currency, amount_minor, booked_on, state = 'unmatched' FROM told
     WHERE (state IN ('ignored', 'outgoing') OR state = 'unmatched' AND amount_minor < 0) AND linked IS NULL
     ORDER BY booked_on"""  # noqa: S608 - constants only

# Minor units, day, and: of a posting, whether it may be on its way; of a line, whether nobody has looked at it. The oldest first.
Lone = list[tuple[int, date, bool]]


@dataclass(slots=True)
class Stand:
    """One bank account and currency at the end of a day on which a statement ends. Amounts in minor units."""

    account: ProviderAccount
    currency: str
    day: date
    bank: int
    opening: int  # of its first statement
    begun: datetime  # when the first of its statements was approved: what was posted before then is taken as given
    ledger: int = 0
    explained: dict[str, int] = field(default_factory=lambda: dict.fromkeys(REASONS, 0))
    missing: int = 0  # what a missing statement would tell
    gone: int = 0  # negative: left the bank, and is in no posting or correction: the ledger still has it
    unseen: bool = False  # something left without an order of ours and nobody has said what it was
    moved_since: bool = False  # the ledger has moved since, up to the day that was asked about

    @property
    def difference(self) -> Money:
        return Money(self.bank - self.ledger, self.currency)

    @property
    def rest(self) -> Money:
        """What stands between bank and ledger once everything that explains itself is taken off."""
        return Money(self.bank - self.ledger - sum(self.explained.values()), self.currency)

    @property
    def unexplained(self) -> Money:
        return Money(self.rest.minor - self.missing, self.currency)

    @property
    def closing(self) -> Money:
        return Money(self.bank, self.currency)

    @property
    def posted(self) -> Money:
        return Money(self.ledger, self.currency)

    @property
    def reasons(self) -> list[tuple[str, Money]]:
        found = {**self.explained, "missing": self.missing}
        return [(name, Money(minor, self.currency)) for name, minor in found.items() if minor]


def day_end(day: date) -> datetime:
    return datetime.combine(day + timedelta(days=1), time.min, UTC)


def stands(*, until: date, account: UUID | None = None, days: int = 1) -> list[Stand]:
    """Each bank account and currency at its last `days` statement days up to `until`, the newest first. Five queries."""
    ends = Coalesce("period_to", TruncDate("created_at", tzinfo=UTC))
    begins = Coalesce("period_from", TruncDate("created_at", tzinfo=UTC))
    one = [F("provider_account"), F("currency")]
    rows = BankStatement.objects.filter(state=StatementState.APPROVED).annotate(ends=ends, begins=begins)
    rows = rows.filter(ends__lte=until, **({"provider_account": account} if account else {}))
    rows = rows.annotate(
        oldest=Window(DenseRank(), partition_by=one, order_by=F("begins").asc()),
        newest=Window(DenseRank(), partition_by=one, order_by=F("ends").desc()),
        begun=Window(Min(Coalesce("decided_at", "created_at")), partition_by=one),
    ).filter(Q(oldest=1) | Q(newest__lte=days))
    chains: dict[tuple[UUID, str], list[Any]] = defaultdict(list)
    for row in rows.select_related("provider_account").order_by("created_at", "id"):
        chains[row.provider_account_id, row.currency].append(row)
    found = [one for chain in chains.values() for one in _stands(chain, days)]
    books = _books(found)
    for stand in found:
        _explain(stand, books[str(stand.account.pk), stand.currency], until)
    return sorted(found, key=lambda one: (one.account.name, one.currency, -one.day.toordinal()))


def _stands(chain: list[Any], days: int) -> Iterator[Stand]:
    """Of the statements that begin, or end, on one day, the one that no other comes before, or after."""
    started = [row for row in chain if row.oldest == 1]
    first = _end_of(started, lambda row: row.opening_minor, lambda row: row.closing_minor)[0]
    for day in sorted({row.ends for row in chain if row.newest <= days}, reverse=True):
        ended = [row for row in chain if row.ends == day]
        last = _end_of(ended, lambda row: row.closing_minor, lambda row: row.opening_minor)[-1]
        yield Stand(last.provider_account, last.currency, day, last.closing_minor, first.opening_minor, first.begun)


def _end_of(rows: list[Any], here: Callable[[Any], int], there: Callable[[Any], int]) -> list[Any]:
    """Those whose balance `here` is no other's balance `there`; all, where each has a neighbour."""
    return [row for row in rows if all(here(row) != there(one) for one in rows if one is not row)] or rows


# --- what explains a difference


@dataclass(slots=True)
class _Book:
    """The movements of one bank account and currency."""

    moves: list[tuple[date, bool, date | None, bool, int]] = field(
        default_factory=list
    )  # day, after, told on, correction
    lines: list[tuple[date, bool, int]] = field(default_factory=list)  # day, not assigned yet
    lone_posted: Lone = field(default_factory=list)
    lone_told: Lone = field(default_factory=list)


def _books(found: Sequence[Stand]) -> dict[tuple[str, str], _Book]:
    """Three queries."""
    begun = {(str(one.account.pk), one.currency): one.begun for one in found}
    values: dict[str, Any] = {
        "names": [name for name, _ in begun], "currencies": [currency for _, currency in begun],
        "begun": list(begun.values()), "accounts": list({one.account.pk for one in found}), "house": HOUSE,
        "corrections": "reconciliation.correction%", "wires": "payments.withdrawal%", "payout": "reconciliation.payout",
    }  # fmt: skip
    books: dict[tuple[str, str], _Book] = defaultdict(_Book)
    with connection.cursor() as cursor:
        cursor.execute(_MOVED, values)
        for part, name, currency, day, flag, told_on, by_hand, minor in cursor.fetchall():
            if part == "moves":
                books[name, currency].moves.append((day, flag, told_on, by_hand, minor))
            else:
                books[name, currency].lone_posted.append((minor, day, flag))
        for query, part in ((_LINES, "lines"), (_LONE_TOLD, "lone_told")):
            cursor.execute(query, values)
            for name, currency, *row in cursor.fetchall():
                getattr(books[name, currency], part).append(tuple(row))
    return books


def _explain(one: Stand, book: _Book, asked: date) -> None:
    day, told = one.day, sum(minor for at, _, minor in book.lines if at <= one.day)
    one.missing = one.bank - one.opening - told
    reasons = one.explained
    reasons["before"] = one.opening
    reasons["unassigned"] = sum(minor for at, waits, minor in book.lines if waits and at <= day)
    for at, after, told_on, by_hand, minor in book.moves:
        by_then = told_on is not None and told_on <= day
        if at > day:
            reasons["late"] += minor if by_then else 0
            one.moved_since |= at <= asked and not by_then
            continue
        one.ledger += minor
        if not after:
            reasons["before"] -= minor
        elif told_on is not None and not by_then:
            reasons["on_the_way"] -= minor
        elif by_hand:
            reasons["not_clients"] -= minor
    posted, lines = _unpaired(_by(book.lone_posted, day), _looked_at(book, day))
    reasons["on_the_way"] -= sum(minor for minor, at, moving in posted if moving and at > day - ON_THE_WAY)
    reasons["not_clients"] += sum(minor for minor, *_ in lines)
    one.unseen = any(waits for *_, waits in _by(book.lone_told, day))
    one.gone = _gone(book, day, asked)


def _gone(book: _Book, day: date, asked: date) -> int:
    """What the bank's lines up to a day take from it, less what was posted for that up to the day asked about. What came in
    covers no loss that nobody has looked at; of the lines that somebody did look at the sum counts."""
    posted, lines = _unpaired(_by(book.lone_posted, asked), _looked_at(book, day))
    corrected = sum(minor for at, after, told_on, by_hand, minor in book.moves
                    if by_hand and after and told_on is None and at <= asked)  # fmt: skip
    _, unseen = _unpaired(posted, [row for row in _by(book.lone_told, day) if row[2]])
    return min(0, sum(minor for minor, *_ in lines) - corrected) + sum(minor for minor, *_ in unseen)


def _looked_at(book: _Book, day: date) -> Lone:
    return [row for row in _by(book.lone_told, day) if not row[2]]


def _by(rows: Lone, day: date) -> Lone:
    return [row for row in rows if row[1] <= day]


def _unpaired(posted: Lone, told: Lone) -> tuple[Lone, Lone]:
    """What is left of both sides when each posting has taken a line of its amount, the oldest first."""
    pairs = Counter(minor for minor, *_ in posted) & Counter(minor for minor, *_ in told)
    return _without(posted, pairs), _without(told, pairs)


def _without(rows: Lone, taken: Counter[int]) -> Lone:
    left, still = [], Counter(taken)
    for row in rows:
        if still[row[0]] > 0:
            still[row[0]] -= 1
        else:
            left.append(row)
    return left


# --- what the daily close asks besides

_UNTOLD = """
    SELECT DISTINCT a.currency FROM ledger_account a JOIN payments_provider_account p ON a.kind = 'clearing:' || p.id::text
      JOIN ledger_entry e ON e.account_id = a.id
     WHERE a.owner = %(house)s AND p.kind = 'bank_wire' AND e.created_at < %(until)s
       AND NOT EXISTS (SELECT 1 FROM payments_bank_statement b
                        WHERE b.provider_account_id = p.id AND b.currency = a.currency AND b.state = 'approved'
                          AND coalesce(b.period_to, (b.created_at AT TIME ZONE 'UTC')::date) <= %(day)s)
     GROUP BY a.id, a.currency HAVING sum(e.amount) <> 0"""


def untold(day: date) -> set[str]:
    """Currencies in which the ledger has money at a bank of which no statement tells by then."""
    with connection.cursor() as cursor:
        cursor.execute(_UNTOLD, {"house": HOUSE, "day": day, "until": day_end(day)})
        return {currency for (currency,) in cursor.fetchall()}


def up_to_date(one: Stand, day: date) -> bool:
    """Whether the bank's word is of the last banking day, or nothing was posted that a later one could tell."""
    return one.day >= last_banking_day(day) or not one.moved_since
