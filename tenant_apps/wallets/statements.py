"""Statements: what a wallet had at an instant, what moved until another, what it had then; and all wallets at an instant.

A period is [start, end) in posting time. Opening, lines and closing come from the same entries, so opening + lines = closing
whatever is posted meanwhile, as long as nothing is posted into the past.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from itertools import islice

from django.utils.translation import pgettext, pgettext_lazy

from kernel import clock
from kernel.errors import Invalid
from kernel.money import Money
from tenant_apps.clients.models import Client
from tenant_apps.ledger import selectors as ledger
from tenant_apps.ledger.models import Account
from tenant_apps.ledger.services import HOUSE, client_owner

from .lines import Words, words_for
from .services import WALLET
from .words import account_names, account_words

TICK = timedelta(microseconds=1)  # what the database tells apart
CHUNK = 500


@dataclass(frozen=True, slots=True)
class Period:
    """[start, end), UTC."""

    start: datetime
    end: datetime


def period_of(wanted: Mapping[str, str], zone: tzinfo) -> Period:
    """From `from` and `to`, dates or local times; without them until now, and from the beginning of the end's month. A date as
    `to` is included.

    Raises Invalid at the field.
    """
    end = moment_of(wanted.get("to", ""), zone, "to", whole_day=True) or clock.now() + TICK
    month = datetime.combine((end - TICK).astimezone(zone).date().replace(day=1), time(), zone)
    start = moment_of(wanted.get("from", ""), zone, "from") or month.astimezone(UTC)
    if end <= start:
        raise Invalid(pgettext_lazy("statement", "The period ends before it begins."), field="to")
    return Period(start, end)


def moment_of(text: str, zone: tzinfo, field: str, *, whole_day: bool = False) -> datetime | None:
    """An instant out of `2026-11-21` or `2026-11-21T14:30` in that zone; None for nothing. Raises Invalid."""
    if not text:
        return None
    try:
        if len(text) == 10:
            day = date.fromisoformat(text) + timedelta(days=1 if whole_day else 0)
            return datetime.combine(day, time(), zone).astimezone(UTC)
        given = datetime.fromisoformat(text)
        return (given if given.tzinfo else given.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise Invalid(pgettext_lazy("statement", "Enter a date."), field=field) from error


@dataclass(frozen=True, slots=True)
class StatementLine:
    at: datetime
    words: Words
    amount: Money
    balance: Money
    entry_id: int


@dataclass(frozen=True, slots=True)
class Statement:
    """Of any account of the ledger, a client's or the house's. Opening and closing are read at once; lines when asked for,
    in chunks. `client` is whose it is, `name` what people call it."""

    client: Client | None
    account: Account
    period: Period
    opening: Money
    closing: Money
    name: str = ""

    @property
    def title(self) -> str:
        wallet = self.client is not None and self.account.kind == WALLET
        return pgettext("wallet", "Wallet statement") if wallet else pgettext("statement", "Account statement")

    @property
    def currency(self) -> str:
        return self.account.currency

    def lines(self) -> Iterator[StatementLine]:
        """Oldest first, each with the balance after it."""
        balance, rows = self.opening, iter(ledger.lines_between(self.account, self.period.start, self.period.end))
        while chunk := list(islice(rows, CHUNK)):
            told = self._told(chunk, balance)
            yield from told
            balance = told[-1].balance

    def page(self, *, after: int, size: int) -> tuple[list[StatementLine], bool]:
        """The lines after an entry's id, and whether more follow. Three queries and those of `words_for`, wherever in the
        period they stand."""
        start, end = self.period.start, self.period.end
        balance = self.opening + ledger.sum_between(self.account, start, end, until=after)
        rows = list(ledger.lines_after(self.account, start, end, after=after, limit=size + 1))
        return self._told(rows[:size], balance), len(rows) > size

    def _told(self, rows: Sequence[ledger.Line], balance: Money) -> list[StatementLine]:
        found, house = [], self.account.owner == HOUSE
        for line, words in zip(rows, words_for([(line.kind, line.data) for line in rows], house=house), strict=True):
            balance += line.amount
            found.append(StatementLine(line.at, words, line.amount, balance, line.entry_id))
        return found


def statement_of(client: Client, currency: str, period: Period) -> Statement | None:
    """None without such a wallet. Three queries."""
    account = Account.objects.filter(owner=client_owner(client.pk), kind=WALLET, currency=currency).first()
    return statement_made(account, period, client=client) if account else None


def statement_made(account: Account, period: Period, *, client: Client | None = None, name: str = "") -> Statement:
    opening = ledger.balance_at(account, period.start - TICK)
    closing = ledger.balance_at(account, period.end - TICK)
    return Statement(client, account, period, opening, closing, name)


def balances_of(client: Client, moment: datetime) -> list[Money]:
    """What each wallet had at an instant, by currency; wallets that were not there yet left out."""
    accounts = [one for one in ledger.accounts_of(client_owner(client.pk), WALLET) if one.created_at <= moment]
    return [ledger.balance_at(account, moment) for account in accounts]


@dataclass(frozen=True, slots=True)
class BooksLine:
    """One line of the trial balance; `clients`: all clients' accounts of a kind together, else `account_id` is its account."""

    clients: bool
    kind: str
    name: str
    amount: Money
    account_id: int | None = None


@dataclass(frozen=True, slots=True)
class Books:
    """A currency's trial balance. `difference` is zero in a sound ledger."""

    currency: str
    lines: tuple[BooksLine, ...]

    @property
    def difference(self) -> Money:
        return Money(sum(line.amount.minor for line in self.lines), self.currency)


def _folded(moment: datetime) -> dict[tuple[str, str, str], int]:
    """Minor units by currency, owner group and kind, a client's kind without its detail; in the ledger's order."""
    sums: dict[tuple[str, str, str], int] = {}
    for owner, kind, currency, minor in ledger.trial_balance(moment):
        key = currency, owner, kind if owner == HOUSE else kind.partition(":")[0]
        sums[key] = sums.get(key, 0) + minor
    return sums


def books_at(moment: datetime) -> list[Books]:
    """The trial balance per currency at an instant; accounts that stood at zero left out. Clients' accounts that go by a detail,
    their trading accounts by server and login, are one line per kind: whose they are is said to those who reach the client
    alone. A query more than there are apps that name accounts."""
    names, house = account_names(), ledger.house_accounts()
    found: dict[str, list[BooksLine]] = {}
    for (currency, owner, kind), minor in _folded(moment).items():
        lines = found.setdefault(currency, [])
        if minor:
            account_id = house.get((kind, currency)) if owner == HOUSE else None
            lines.append(
                BooksLine(owner != HOUSE, kind, account_words(kind, names), Money(minor, currency), account_id)
            )
    return [Books(currency, tuple(lines)) for currency, lines in found.items()]
