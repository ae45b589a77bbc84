"""How the house stands: what providers owe and since when, clients' money, the trading platforms against the ledger.

Reads only. The comparison with the platforms is trading's own (trading.compare); its differences are shown here, not made again.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Q, QuerySet

from kernel import clock
from kernel.money import Money
from tenant_apps.ledger import selectors as ledger
from tenant_apps.ledger.models import Account, Transfer
from tenant_apps.ledger.services import CLIENT, HOUSE
from tenant_apps.trading.models import Case as TradingCase
from tenant_apps.trading.models import Comparison, TradingAccount, TransferState
from tenant_apps.trading.models import Transfer as TradingTransfer
from tenant_apps.wallets.words import Names, account_names, account_words

BUCKETS = (timedelta(days=1), timedelta(days=7), timedelta(days=30))
CLEARING = "clearing:"
SHOWN = 200

_OWED = """
    SELECT a.id, a.kind, a.currency, -sum(e.amount)::bigint AS owed
      FROM ledger_account a JOIN ledger_entry e ON e.account_id = a.id
     WHERE a.owner = %(house)s AND (a.kind LIKE %(clearing)s OR a.kind = 'bank') GROUP BY a.id"""
# The newest postings that make up what is owed: payouts settle what is oldest first.
_MAKING = f"""
    WITH owed AS ({_OWED}), parts AS (
        SELECT e.account_id, e.id, e.transfer_id, e.created_at, -e.amount AS amount, o.owed,
               coalesce(sum(-e.amount) OVER (PARTITION BY e.account_id ORDER BY e.id DESC
                                             ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS newer
          FROM ledger_entry e JOIN owed o ON o.id = e.account_id WHERE e.amount < 0 AND o.owed > 0
    )"""  # noqa: S608 - constants only


@dataclass(slots=True)
class Owed:
    """What stands on one clearing account. `owed` is negative where the provider gave us more than it held for us.

    `ages`: of what is owed, up to a day, a week, a month, and older.
    """

    account: str  # id of the provider account, empty for the bank in general
    name: str
    bank: bool
    owed: Money
    ages: list[Money] = field(default_factory=list)
    oldest: datetime | None = None


def owed() -> list[Owed]:
    """Per provider account and currency, what is not zero. Three queries."""
    ages = _ages()
    names, banks = account_names(), _banks()
    rows = []
    for account_id, kind, currency, minor in _rows(_OWED):
        if not minor:
            continue
        provider = kind.removeprefix(CLEARING) if kind.startswith(CLEARING) else ""
        parts, oldest = ages.get(account_id, ([0] * 4, None))
        rows.append(
            Owed(
                provider,
                _named(kind, names),
                not provider or provider in banks,
                Money(int(minor), currency),
                [Money(part, currency) for part in parts],
                oldest,
            )  # fmt: skip
        )
    return sorted(rows, key=lambda row: (row.bank, row.name, row.owed.currency))


def there() -> list[tuple[bool, Money]]:
    """What every provider and bank has, by (is it a bank), without its age: not the whole history is read. Four queries."""
    house = Account.objects.filter(Q(kind__startswith=CLEARING) | Q(kind="bank"), owner=HOUSE)
    accounts, banks = list(house), _banks()
    balances = ledger.balances_at(accounts, clock.now())
    return [
        (row.kind == "bank" or row.kind.removeprefix(CLEARING) in banks, -balances[row.pk])
        for row in accounts if balances[row.pk]
    ]  # fmt: skip


# What was owed at an instant less what came in since: payouts settle what is oldest first. From the last snapshot before
# the instant on, so that an account's history is not read again each time.
_OWED_BEFORE = """
    WITH closed AS (SELECT id, until, floor_entry FROM ledger_period WHERE until <= %(moment)s
                     ORDER BY until DESC LIMIT 1)
    SELECT a.kind, a.currency, -coalesce(snap.balance, 0) - coalesce(sum(e.amount) FILTER (
               WHERE e.created_at < %(moment)s OR e.amount > 0), 0)::bigint
      FROM ledger_account a
      LEFT JOIN closed ON true
      LEFT JOIN LATERAL (SELECT s.balance FROM ledger_snapshot s
                          WHERE s.account_id = a.id AND s.period_id <= closed.id
                          ORDER BY s.period_id DESC LIMIT 1) snap ON true
      LEFT JOIN ledger_entry e ON e.account_id = a.id AND e.id >= coalesce(closed.floor_entry, 0)
           AND (closed.until IS NULL OR e.created_at >= closed.until)
     WHERE a.owner = %(house)s AND a.kind LIKE %(clearing)s
     GROUP BY a.id, snap.balance"""


def owed_before(moment: datetime) -> list[Owed]:
    """What providers (not banks) owed us at an instant and have not settled since, the name first. Three queries."""
    names, banks = account_names(), _banks()
    rows = []
    for kind, currency, minor in _rows(_OWED_BEFORE, moment=moment):
        provider = kind.removeprefix(CLEARING)
        if minor > 0 and provider not in banks:
            rows.append(Owed(provider, _named(kind, names), False, Money(int(minor), currency)))
    return sorted(rows, key=lambda row: (row.name, row.owed.currency))


def _named(kind: str, names: Names) -> str:
    """A provider by its own name."""
    return names["clearing"].get(kind.removeprefix(CLEARING)) or account_words(kind, names)


def _banks() -> set[str]:
    from tenant_apps.payments.models import ProviderAccount

    return {str(pk) for pk in ProviderAccount.objects.filter(kind="bank_wire").values_list("pk", flat=True)}


def _rows(query: str, **values: Any) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(query, {"house": HOUSE, "clients": f"{CLIENT}%", "clearing": f"{CLEARING}%", **values})
        return list(cursor.fetchall())


def _ages() -> dict[int, tuple[list[int], datetime | None]]:
    now = clock.now()
    limits = {f"since{n}": now - age for n, age in enumerate(BUCKETS)}
    rest = "least(amount, owed - newer)"
    query = f"""{_MAKING} SELECT account_id,
        coalesce(sum({rest}) FILTER (WHERE created_at >= %(since0)s), 0)::bigint,
        coalesce(sum({rest}) FILTER (WHERE created_at < %(since0)s AND created_at >= %(since1)s), 0)::bigint,
        coalesce(sum({rest}) FILTER (WHERE created_at < %(since1)s AND created_at >= %(since2)s), 0)::bigint,
        coalesce(sum({rest}) FILTER (WHERE created_at < %(since2)s), 0)::bigint, min(created_at)
        FROM parts WHERE newer < owed GROUP BY account_id"""  # noqa: S608 - constants only
    return {row[0]: ([int(part) for part in row[1:5]], row[5]) for row in _rows(query, **limits)}


@dataclass(frozen=True, slots=True)
class Making:
    """One posting among those that make up what is owed: `rest` of it is still outstanding."""

    at: datetime
    kind: str
    reference: str
    deposit_id: str
    amount: Money
    rest: Money


def making_up(account_id: UUID, currency: str) -> list[Making]:
    """Which deposits (and other postings) make up what a provider owes, oldest first, at most 200. Two queries."""
    query = f"""{_MAKING} SELECT p.transfer_id, p.created_at, p.amount, least(p.amount, p.owed - p.newer)::bigint
        FROM parts p JOIN owed o ON o.id = p.account_id
        WHERE p.newer < p.owed AND o.kind = %(kind)s AND o.currency = %(currency)s ORDER BY p.id LIMIT {SHOWN}"""  # noqa: S608
    rows = _rows(query, kind=f"{CLEARING}{account_id}", currency=currency)
    transfers = Transfer.objects.in_bulk([row[0] for row in rows])
    return [
        Making(
            at, transfers[pk].kind, str(transfers[pk].data.get("reference") or ""),
            str(transfers[pk].data.get("deposit_id") or ""), Money(int(amount), currency), Money(int(rest), currency),
        )
        for pk, at, amount, rest in rows
    ]  # fmt: skip


# --- clients' money


def requirement_of(each: str) -> str:
    """The query for what has to be covered, by currency, of one for (currency, owner, minor): a client who owes us covers
    no other."""
    return f"SELECT currency, sum(greatest(minor, 0))::bigint FROM ({each}) each GROUP BY currency"  # noqa: S608


_REQUIREMENT = requirement_of("""
    SELECT currency, owner, sum(balance) AS minor FROM ledger_account
     WHERE owner LIKE %(clients)s AND seq > 0 GROUP BY 1, 2""")
_CLIENTS = """
    SELECT currency, CASE WHEN kind = 'in_transit' THEN 'to_trading' WHEN kind LIKE 'trading:%%' THEN 'trading'
                          WHEN kind LIKE 'copying:%%' THEN 'copying'
                          ELSE 'wallets' END, sum(balance)::bigint
      FROM ledger_account WHERE owner LIKE %(clients)s AND seq > 0 GROUP BY 1, 2"""


def clients_money() -> list[tuple[str, str, int]]:
    """(currency, where the ledger has it, minor units) by the running balances, and the `requirement`. Two queries."""
    told = [(currency, "requirement", minor) for currency, minor in _rows(_REQUIREMENT)]
    return [(currency, name, int(minor)) for currency, name, minor in [*_rows(_CLIENTS), *told]]


# --- the third side: trading platforms


@dataclass(frozen=True, slots=True)
class Platform:
    """One currency: what platforms say their accounts hold, and what the ledger's mirror says they should."""

    currency: str
    accounts: int
    platform: Money
    mirror: Money
    differing: int

    @property
    def difference(self) -> Money:
        return self.platform - self.mirror


_MIRROR = """
    FROM trading_account t JOIN ledger_account a
      ON a.kind = t.ledger_kind AND a.currency = t.currency AND a.owner = 'client:' || t.client_id::text
   WHERE t.live AND t.ledger_kind <> '' AND t.seen_at IS NOT NULL"""


def platforms() -> list[Platform]:
    """By currency. The platform's balances are its last word, some seconds old while money moves."""
    query = f"""SELECT t.currency, count(*), sum(t.balance_minor)::bigint, sum(a.balance)::bigint,
        count(*) FILTER (WHERE t.balance_minor <> a.balance) {_MIRROR} GROUP BY t.currency ORDER BY t.currency"""  # noqa: S608
    return [
        Platform(code, count, Money(int(there), code), Money(int(ours), code), differing)
        for code, count, there, ours, differing in _rows(query)
    ]


@dataclass(frozen=True, slots=True)
class Apart:
    """A trading account whose balance is not the mirror's; `moving` while a transfer is on its way."""

    account: TradingAccount
    mirror: Money
    moving: bool

    @property
    def difference(self) -> Money:
        return self.account.balance - self.mirror


def accounts_apart() -> list[Apart]:
    """The largest differences, at most fifty. Three queries."""
    query = f"""SELECT t.id, a.balance {_MIRROR} AND t.balance_minor <> a.balance
        ORDER BY abs(t.balance_minor - a.balance) DESC, t.id LIMIT 50"""  # noqa: S608 - constants only
    mirrors = dict(_rows(query))
    accounts = TradingAccount.objects.select_related("client", "server").in_bulk(list(mirrors))
    moving = set(
        TradingTransfer.objects.filter(account_id__in=mirrors, state=TransferState.PENDING).values_list(
            "account_id", flat=True
        )
    )
    return [Apart(accounts[pk], accounts[pk].money(int(minor)), pk in moving) for pk, minor in mirrors.items()]


def trading_cases() -> QuerySet[TradingCase]:
    """What trading's own comparison found and nobody has resolved."""
    rows = TradingCase.objects.filter(resolved_at=None).select_related("account", "server")
    return rows.order_by("created_at")


@dataclass(frozen=True, slots=True)
class Night:
    """What the comparison after a day found on a server in one currency."""

    row: Comparison
    currency: str
    accounts: int
    differing: int
    missing: int
    unsettled: int
    platform: Money
    mirror: Money
    in_transit: Money
    difference: Money

    @property
    def agrees(self) -> bool:
        return not (self.difference or self.differing or self.missing or self.unsettled)


def nights(count: int = 60) -> list[Night]:
    """The newest comparisons, by server and currency. One query."""
    rows = Comparison.objects.select_related("server").order_by("-day", "server__name", "-at")[:count]
    return [
        Night(
            row, one["currency"], one["accounts"], one["differing"], one["missing"], one.get("unsettled", 0),
            *(Money(one[name], one["currency"]) for name in ("platform", "mirror", "in_transit", "difference")),
        )
        for row in rows for one in row.figures
    ]  # fmt: skip
