"""Whether an account's statements follow one another: each opens with what the one before closed with.

Looked at anew each time, over all statements that stand or wait, so that they may come out of order, overlap or repeat, and
a gap closes by itself when the missing one arrives. Only the bank can say what is missing; nothing is booked by it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cache
from itertools import groupby
from uuid import UUID

from django.db.models import Q, Sum

from kernel import clock
from kernel.money import Money

from ..models import BankLine, BankStatement, StatementState

LOOK = timedelta(days=400)  # older statements were looked at when they were new


@dataclass(frozen=True, slots=True)
class Gap:
    """A statement that does not begin where any before it ended: `missing` moved on the account and no statement told it."""

    statement: BankStatement
    expected: Money

    @property
    def missing(self) -> Money:
        return self.statement.opening - self.expected


def gaps(accounts: Iterable[UUID] | None = None, *, waiting: bool = True) -> list[Gap]:
    """Every open gap, the oldest first; of the given bank accounts, or of all. One query where each follows another, else
    a second for what they tell, however many statements."""
    states = [StatementState.APPROVED, *([StatementState.WAITING] if waiting else [])]
    since = clock.today() - LOOK
    rows = BankStatement.objects.filter(state__in=states).filter(Q(period_to__gte=since) | Q(period_to=None))
    if accounts is not None:
        rows = rows.filter(provider_account__in=list(accounts))
    chains: dict[tuple[UUID, str], list[BankStatement]] = defaultdict(list)
    for row in rows.select_related("provider_account").order_by("created_at", "id"):
        chains[row.provider_account_id, row.currency].append(row)
    days = cache(lambda: _days([row.pk for chain in chains.values() for row in chain]))
    found = [gap for chain in chains.values() for gap in _Chain(chain, days).gaps()]
    return sorted(found, key=lambda gap: (_ends(gap.statement), gap.statement.created_at))


def _days(statements: Sequence[UUID]) -> dict[UUID, dict[date, int]]:
    """What each statement was the first to tell, by day, in minor units."""
    told: dict[UUID, dict[date, int]] = defaultdict(dict)
    rows = BankLine.objects.filter(statement__in=statements).values_list("statement", "booked_on")
    for pk, day, minor in rows.annotate(minor=Sum("amount_minor")).order_by():
        told[pk][day] = int(minor)
    return told


def _begins(row: BankStatement) -> date:
    return row.period_from or row.created_at.date()


def _ends(row: BankStatement) -> date:
    return max(row.period_to or row.created_at.date(), _begins(row))


def _first(rows: list[BankStatement]) -> BankStatement:
    """The one that no other of them comes before."""
    ended = [(one.closing_minor, one.pk) for one in rows]
    free = (row for row in rows if all(pk == row.pk or minor != row.opening_minor for minor, pk in ended))
    return next(free, rows[0])


@dataclass(slots=True)
class _Chain:
    """The statements of one account and currency, placed one after the other."""

    rows: list[BankStatement]
    days: Callable[[], dict[UUID, dict[date, int]]]  # read when one does not open with the close before it
    placed: list[BankStatement] = field(default_factory=list)
    by_end: dict[date, list[BankStatement]] = field(default_factory=lambda: defaultdict(list))
    moved: dict[date, int] | None = None

    def gaps(self) -> Iterator[Gap]:
        """Those that begin on one day may stand in any order: whichever follows comes next."""
        ordered = sorted(self.rows, key=lambda row: (_begins(row), _ends(row), row.created_at, row.pk))
        for _, alike in groupby(ordered, key=_begins):
            left = list(alike)
            while left:
                next_one = next((one for one in left if self._follows(one)), None) if self.placed else _first(left)
                row = next_one or left[0]
                if next_one is None:
                    yield Gap(row, Money(self._before(row)[0].closing_minor, row.currency))
                left.remove(row)
                self.placed.append(row)
                self.by_end[_ends(row)].append(row)

    def _before(self, row: BankStatement) -> list[BankStatement]:
        """The nearest that ended by the day this one begins, the latest placed first; else whatever was placed last."""
        ended = [day for day in self.by_end if day <= _begins(row)]
        return self.by_end[max(ended)][::-1] if ended else self.placed[-1:]

    def _follows(self, row: BankStatement) -> bool:
        if any(one.closing_minor == row.opening_minor for one in self._before(row)):
            return True
        told = sum(self.days().get(row.pk, {}).values())
        if told and told == row.closing_minor - row.opening_minor:
            return False  # everything it tells is new: it repeats nothing of another one
        return any(self._at(one, _begins(row)) == row.opening_minor for one in self.placed)

    def _at(self, one: BankStatement, day: date) -> int | None:
        """What stood on the account before `day`, as a statement knows it that covers that day."""
        if not _begins(one) <= day <= _ends(one):
            return None
        return one.opening_minor + sum(minor for at, minor in self._moved().items() if _begins(one) <= at < day)

    def _moved(self) -> dict[date, int]:
        """What all of them tell, by day."""
        if self.moved is None:
            self.moved = defaultdict(int)
            for row in self.rows:
                for day, minor in self.days().get(row.pk, {}).items():
                    self.moved[day] += minor
        return self.moved
