"""Reading the ledger: balances now and then, statements, the trial balance and the proofs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import CharField, Q, QuerySet, Sum, Value
from django.db.models.functions import Cast, Concat

from kernel.money import Money

from .models import Account, Entry, Period, Snapshot, Transfer
from .services import CLIENT, HOUSE


@dataclass(frozen=True, slots=True)
class Balance:
    """In one currency: `available` is balance less held."""

    balance: Money
    held: Money

    @property
    def available(self) -> Money:
        return self.balance - self.held


def balance(account: Account) -> Balance:
    """The account's balance as of now, read afresh. A house account's is its last snapshot and the entries since."""
    fresh = Account.objects.get(pk=account.pk)
    minor = fresh.balance if fresh.running else _sum(fresh, None)
    return Balance(fresh.money(minor), fresh.money(fresh.held))


def balance_at(account: Account, moment: datetime) -> Money:
    """The balance at an instant (posting time): the snapshot of the last period closed by then, and the entries since."""
    return account.money(_sum(account, moment))


def _sum(account: Account, moment: datetime | None) -> int:
    """Three queries at most, over the entries of one period, however long the history."""
    periods = Period.objects.all() if moment is None else Period.objects.filter(until__lte=moment)
    period = periods.order_by("-until").first()
    entries = Entry.objects.filter(account_id=account.pk)
    minor = 0
    if period is not None:
        snapshots = Snapshot.objects.filter(account_id=account.pk, period_id__lte=period.pk)
        minor = snapshots.order_by("-period_id").values_list("balance", flat=True).first() or 0
        entries = entries.filter(id__gte=period.floor_entry, created_at__gte=period.until)
    if moment is not None:
        entries = entries.filter(created_at__lte=moment)
    return minor + int(entries.aggregate(total=Sum("amount"))["total"] or 0)


def accounts_of(owner: str, kind: str | None = None) -> list[Account]:
    accounts = Account.objects.filter(owner=owner)
    return list((accounts.filter(kind=kind) if kind else accounts).order_by("kind", "currency"))


@dataclass(frozen=True, slots=True)
class Line:
    """One line of an account's statement, newest first when listed."""

    entry_id: int
    at: datetime
    kind: str
    amount: Money
    balance_after: Money | None
    data: dict[str, object]
    transfer_key: str


def statement(
    account: Account, *, before_entry: int | None = None, limit: int = 50, since: datetime | None = None
) -> list[Line]:
    """The newest lines, or those before an entry's id (keyset paging). Two queries, however long the history."""
    entries = Entry.objects.filter(account_id=account.pk)
    if before_entry is not None:
        entries = entries.filter(id__lt=before_entry)
    if since is not None:
        entries = entries.filter(created_at__gte=since)
    page = list(entries.order_by("-id")[:limit])
    transfers = Transfer.objects.in_bulk([entry.transfer_id for entry in page])
    return [_line(account, entry, transfers[entry.transfer_id]) for entry in page]


def _line(account: Account, entry: Entry, transfer: Transfer) -> Line:
    after = account.money(entry.balance_after) if entry.balance_after is not None else None
    return Line(
        entry.id, entry.created_at, transfer.kind, account.money(entry.amount), after, transfer.data, transfer.key
    )


def lines_between(account: Account, start: datetime, end: datetime, *, chunk: int = 500) -> Iterator[Line]:
    """The lines of a period (posting time, `start` included, `end` not), oldest first, two queries per chunk."""
    entries = Entry.objects.filter(account_id=account.pk, created_at__gte=start, created_at__lt=end).order_by("id")
    last = 0
    while page := list(entries.filter(id__gt=last)[:chunk]):
        transfers = Transfer.objects.in_bulk([entry.transfer_id for entry in page])
        yield from (_line(account, entry, transfers[entry.transfer_id]) for entry in page)
        last = page[-1].id


def _within(account: Account, start: datetime, end: datetime) -> QuerySet[Entry]:
    return Entry.objects.filter(account_id=account.pk, created_at__gte=start, created_at__lt=end)


def sum_between(account: Account, start: datetime, end: datetime, *, until: int) -> Money:
    """What moved in a period up to and with an entry's id. One query."""
    rows = _within(account, start, end).filter(id__lte=until)
    return account.money(int(rows.aggregate(total=Sum("amount"))["total"] or 0) if until else 0)


def lines_after(account: Account, start: datetime, end: datetime, *, after: int, limit: int) -> list[Line]:
    """The first lines of a period behind an entry's id, oldest first (keyset paging). Two queries."""
    page = list(_within(account, start, end).filter(id__gt=after).order_by("id")[:limit])
    transfers = Transfer.objects.in_bulk([entry.transfer_id for entry in page])
    return [_line(account, entry, transfers[entry.transfer_id]) for entry in page]


def house_accounts() -> dict[tuple[str, str], int]:
    """The house's accounts by kind and currency."""
    return {(kind, currency): pk for pk, kind, currency in
            Account.objects.filter(owner=HOUSE).values_list("pk", "kind", "currency")}  # fmt: skip


def clients_accounts(
    kind: str, currency: str, *, clients: QuerySet[Any], after: int = 0, limit: int = 100
) -> list[Account]:
    """These clients' accounts of a kind, whatever its detail (`<kind>:<detail>`), in a currency, behind an account's id, in the
    order they were opened. One query."""
    owners = clients.order_by().annotate(owner_name=Concat(Value(CLIENT), Cast("pk", CharField())))
    rows = Account.objects.filter(currency=currency, pk__gt=after, owner__in=owners.values("owner_name"))
    return list(rows.filter(Q(kind=kind) | Q(kind__startswith=f"{kind}:")).order_by("pk")[:limit])


def balances_at(accounts: Sequence[Account], moment: datetime) -> dict[int, Money]:
    """The balances of some accounts at an instant, as `balance_at` of each. Three queries, however many."""
    ids = [account.pk for account in accounts]
    period = Period.objects.filter(until__lte=moment).order_by("-until").first()
    entries = Entry.objects.filter(account_id__in=ids, created_at__lte=moment)
    minor: dict[int, int] = {}
    if period is not None:
        told = Snapshot.objects.filter(account_id__in=ids, period_id__lte=period.pk).order_by(
            "account_id", "-period_id"
        )
        minor = dict(told.distinct("account_id").values_list("account_id", "balance"))
        entries = entries.filter(id__gte=period.floor_entry, created_at__gte=period.until)
    for pk, total in entries.order_by().values_list("account_id").annotate(total=Sum("amount")):
        minor[pk] = minor.get(pk, 0) + int(total)
    return {account.pk: account.money(minor.get(account.pk, 0)) for account in accounts}


def trial_balance(moment: datetime | None = None) -> list[tuple[str, str, str, int]]:
    """(owner group, kind, currency, minor units), clients summed per kind. The minor units of a currency sum to zero.

    With a `moment`, as it stood then (posting time, the instant included).
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT CASE WHEN a.owner = %s THEN a.owner ELSE 'clients' END, a.kind, a.currency, sum(e.amount)::bigint"
            " FROM ledger_entry e JOIN ledger_account a ON a.id = e.account_id"
            " WHERE %s::timestamptz IS NULL OR e.created_at <= %s GROUP BY 1, 2, 3 ORDER BY 3, 1, 2",
            [HOUSE, moment, moment],
        )
        return [
            (str(owner), str(kind), str(currency), int(minor)) for owner, kind, currency, minor in cursor.fetchall()
        ]


_PROOFS = {
    "I1 transfers sum to zero per currency": """
        SELECT e.transfer_id::text FROM ledger_entry e JOIN ledger_account a ON a.id = e.account_id
         GROUP BY e.transfer_id, a.currency HAVING sum(e.amount) <> 0""",
    "I2 balances are the sum of entries": """
        SELECT a.id::text FROM ledger_account a LEFT JOIN ledger_entry e ON e.account_id = a.id
         WHERE a.running GROUP BY a.id HAVING a.balance <> coalesce(sum(e.amount), 0)""",
    "I2 held amounts are the sum of open holds": """
        SELECT a.id::text FROM ledger_account a LEFT JOIN ledger_hold h ON h.account_id = a.id AND h.state = 'open'
         GROUP BY a.id HAVING a.held <> coalesce(sum(h.amount), 0)""",
    "I3 sequences are gapless and balances follow": """
        SELECT account_id::text FROM (
            SELECT account_id, seq, balance_after, amount,
                   lag(seq, 1, 0::bigint) OVER w AS seq_before, lag(balance_after, 1, 0::bigint) OVER w AS before
              FROM ledger_entry WHERE seq IS NOT NULL WINDOW w AS (PARTITION BY account_id ORDER BY seq)
        ) t WHERE seq <> seq_before + 1 OR balance_after <> before + amount""",
    "I3 the last entry is the balance": """
        SELECT a.id::text FROM ledger_account a
          JOIN LATERAL (SELECT max(seq) AS seq FROM ledger_entry e WHERE e.account_id = a.id) m ON true
         WHERE a.running AND a.seq <> coalesce(m.seq, 0)""",
    "I9 snapshots are the sum of the entries before their period's end": """
        SELECT s.id::text FROM ledger_snapshot s JOIN ledger_period p ON p.id = s.period_id
         WHERE s.period_id = (SELECT max(id) FROM ledger_period)
           AND s.balance <> (SELECT coalesce(sum(e.amount), 0) FROM ledger_entry e
                              WHERE e.account_id = s.account_id AND e.created_at < p.until)""",
    "I9 every account that moved in the last period has a snapshot of it": """
        SELECT DISTINCT e.account_id::text FROM ledger_entry e,
               (SELECT id, until, lag(until) OVER (ORDER BY until) AS since, lag(floor_entry) OVER (ORDER BY until) AS low
                  FROM ledger_period ORDER BY until DESC LIMIT 1) p
         WHERE e.id >= coalesce(p.low, 1) AND e.created_at < p.until AND (p.since IS NULL OR e.created_at >= p.since)
           AND NOT EXISTS (SELECT 1 FROM ledger_snapshot s WHERE s.period_id = p.id AND s.account_id = e.account_id)""",
    "I9 a period's snapshots sum to zero per currency": """
        SELECT a.currency FROM ledger_account a JOIN LATERAL (
            SELECT s.balance FROM ledger_snapshot s WHERE s.account_id = a.id ORDER BY s.period_id DESC LIMIT 1) l ON true
         GROUP BY a.currency HAVING sum(l.balance) <> 0""",
    "I9 what came after a close has a higher id than its floor": """
        SELECT e.id::text FROM ledger_entry e, (SELECT until, floor_entry FROM ledger_period ORDER BY until DESC LIMIT 1) p
         WHERE e.id < p.floor_entry AND e.created_at >= p.until""",
    "I4 nothing is overdrawn": "SELECT id::text FROM ledger_account WHERE NOT overdraft AND balance < held",
}


def broken_invariants() -> dict[str, list[str]]:
    """Run all proofs; an empty dict is a sound ledger. Values are the first twenty offending ids."""
    return {name: found for name, found in _prove() if found}


def _prove() -> Iterator[tuple[str, list[str]]]:
    with connection.cursor() as cursor:
        for name, query in _PROOFS.items():
            cursor.execute(f"{query} LIMIT 20")
            yield name, [str(row[0]) for row in cursor.fetchall()]
