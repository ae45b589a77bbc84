"""Statements: what a wallet had at an instant, what moved until another, what it had then; and all wallets at an instant.

A period is [start, end) in posting time. Opening, lines and closing come from the same entries, so opening + lines = closing
whatever is posted meanwhile, as long as nothing is posted into the past.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from zoneinfo import ZoneInfo, available_timezones

from django.utils.translation import pgettext_lazy

from kernel import clock
from kernel.errors import Invalid
from kernel.money import Money
from kernel.tenancy import context
from tenant_apps.clients.models import Client
from tenant_apps.ledger import selectors as ledger
from tenant_apps.ledger.models import Account
from tenant_apps.ledger.services import client_owner

from .lines import Words, words_of
from .services import WALLET

TICK = timedelta(microseconds=1)  # what the database tells apart


def zone_of(client: Client) -> tzinfo:
    """The client's time zone, else the brokerage's, else UTC."""
    for name in (client.time_zone, str(context.tenant().setting("time_zone") or "")):
        if name in available_timezones():
            return ZoneInfo(name)
    return UTC


@dataclass(frozen=True, slots=True)
class Period:
    """[start, end), UTC."""

    start: datetime
    end: datetime


def period_of(wanted: Mapping[str, str], zone: tzinfo) -> Period:
    """From `from` and `to`, dates or local times; without them the current month until now. A date as `to` is included.

    Raises Invalid at the field.
    """
    now = clock.now()
    month = datetime.combine(now.astimezone(zone).date().replace(day=1), time(), zone)
    start = moment_of(wanted.get("from", ""), zone, "from") or month.astimezone(UTC)
    end = moment_of(wanted.get("to", ""), zone, "to", whole_day=True) or now + TICK
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


@dataclass(frozen=True, slots=True)
class Statement:
    """Opening and closing are read at once; lines when asked for, in chunks."""

    client: Client
    account: Account
    period: Period
    opening: Money
    closing: Money

    @property
    def currency(self) -> str:
        return self.account.currency

    def lines(self) -> Iterator[StatementLine]:
        """Oldest first, each with the balance after it."""
        balance = self.opening
        for line in ledger.lines_between(self.account, self.period.start, self.period.end):
            balance += line.amount
            yield StatementLine(line.at, words_of(line.kind, line.data), line.amount, balance)


def statement_of(client: Client, currency: str, period: Period) -> Statement | None:
    """None without such a wallet. Three queries."""
    account = Account.objects.filter(owner=client_owner(client.pk), kind=WALLET, currency=currency).first()
    if account is None:
        return None
    opening = ledger.balance_at(account, period.start - TICK)
    closing = ledger.balance_at(account, period.end - TICK)
    return Statement(client, account, period, opening, closing)


def balances_of(client: Client, moment: datetime) -> list[Money]:
    """What each wallet had at an instant, by currency; wallets that were not there yet left out."""
    accounts = [one for one in ledger.accounts_of(client_owner(client.pk), WALLET) if one.created_at <= moment]
    return [ledger.balance_at(account, moment) for account in accounts]


@dataclass(frozen=True, slots=True)
class BooksLine:
    """One line of the trial balance; `clients`: all clients' accounts of a kind together."""

    clients: bool
    kind: str
    amount: Money


@dataclass(frozen=True, slots=True)
class Books:
    """A currency's trial balance. `difference` is zero in a sound ledger."""

    currency: str
    lines: tuple[BooksLine, ...]

    @property
    def difference(self) -> Money:
        return Money(sum(line.amount.minor for line in self.lines), self.currency)


def books_at(moment: datetime) -> list[Books]:
    """The trial balance per currency at an instant; accounts that stood at zero left out. One query."""
    found: dict[str, list[BooksLine]] = {}
    for owner, kind, currency, minor in ledger.trial_balance(moment):
        lines = found.setdefault(currency, [])
        if minor:
            lines.append(BooksLine(owner != "house", kind, Money(minor, currency)))
    return [Books(currency, tuple(lines)) for currency, lines in found.items()]
