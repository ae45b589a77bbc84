"""Reads about trading, as far as the actor's right reaches: staff by their clients, clients by what is theirs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Count, Max, QuerySet, Sum
from django.db.models.functions import TruncDate
from django.utils.translation import pgettext_lazy

from kernel import clock
from kernel.actors import Actor
from kernel.errors import NotFound
from kernel.models import Command
from kernel.money import Money
from kernel.permissions import scoped
from kernel.ui.charts import Chart, Series
from tenant_apps.accounts.models import User
from tenant_apps.clients.models import Client
from tenant_apps.ledger import selectors as ledger
from tenant_apps.ledger.models import Account as LedgerAccount
from tenant_apps.ledger.services import client_owner
from tenant_apps.trading import ledgers
from tenant_apps.trading.case_selectors import cases_unresolved
from tenant_apps.trading.models import (
    AccountState,
    AccountType,
    Deal,
    EquityPoint,
    Position,
    TradingAccount,
    TradingServer,
    Transfer,
    TransferState,
)
from tenant_apps.trading.permissions_list import VIEW
from tenant_apps.trading.refusal_words import refusal_words

CURVE_POINTS = 400
FEW = 30  # closed trades, below which a rate says little: the usual least size of a sample
MARGIN_MAILS = "margin_mails"  # in a client's preferences


def accounts_visible(actor: Actor, code: str = VIEW) -> QuerySet[TradingAccount]:
    """Accounts of the clients that the right reaches."""
    rows = TradingAccount.objects.select_related("client", "server", "account_type")
    return scoped(actor, code, rows, owner="client__owner_id", team="client__team_id")


def account_get(actor: Actor, account_id: UUID, code: str = VIEW) -> TradingAccount:
    """One account. Raises NotFound for one out of reach just as for one that does not exist."""
    account = accounts_visible(actor, code).filter(pk=account_id).first()
    if account is None:
        raise NotFound
    return account


def accounts_of_client(client_id: UUID) -> QuerySet[TradingAccount]:
    rows = TradingAccount.objects.filter(client_id=client_id).exclude(state=AccountState.FAILED)
    return rows.select_related("server", "account_type", "client").order_by("state", "-live", "created_at")


def own_account(actor: Actor, account_id: UUID) -> TradingAccount:
    """The client's own account. Raises NotFound."""
    account = accounts_of_client(actor.client_id).filter(pk=account_id).first() if actor.client_id else None
    if account is None:
        raise NotFound
    return account


def types_offered(*, verified: bool) -> QuerySet[AccountType]:
    """What a client may open by himself; practice accounts before the identity is known."""
    rows = AccountType.objects.filter(offered=True, server__enabled=True).select_related("server")
    return (rows if verified else rows.filter(live=False)).order_by("order", "name", "currency")


def margin_mails_wanted(client_id: UUID) -> bool:
    """Whether the client wants margin calls and stop-outs by mail: yes, until they say no."""
    users = User.objects.filter(pk__in=Client.objects.filter(pk=client_id).values("user_id"))
    preferences = users.values_list("preferences", flat=True).first() or {}
    return preferences.get(MARGIN_MAILS) is not False


def positions_of(account: TradingAccount) -> QuerySet[Position]:
    return Position.objects.filter(account=account).order_by("-opened_at", "-id")


def deals_of(account: TradingAccount) -> QuerySet[Deal]:
    """All deals that count, newest first: trades and money movements."""
    return Deal.objects.filter(account=account, deleted_at=None).order_by("-executed_at", "-id")


def closed_trades_of(account: TradingAccount) -> QuerySet[Deal]:
    return deals_of(account).filter(kind__in=["buy", "sell"], entry__in=["out", "in_out", "out_by"])


def transfers_of(account: TradingAccount) -> QuerySet[Transfer]:
    return Transfer.objects.filter(account=account).order_by("-created_at")


def commands_of(account: TradingAccount, limit: int = 30) -> list[Command]:
    """What was done on the server for this account, newest first."""
    found = list(Command.objects.filter(aggregate=account.aggregate).order_by("-created_at")[:limit])
    for row in found:
        row.problem = refusal_words(row.error_code)  # type: ignore[attr-defined]
    return found


def wallet_balance(account: TradingAccount) -> Money:
    """What the client's wallet in the account's currency has to give."""
    found = LedgerAccount.objects.filter(
        owner=client_owner(account.client_id), kind="wallet", currency=account.currency
    ).first()
    return ledger.balance(found).available if found else Money.zero(account.currency)


def copying_of(account: TradingAccount) -> Money | None:
    """What its owner copies others with on the server (copies.py); None where that is nothing."""
    held = ledgers.copying_of([account]).get(account.pk) if account.live and account.ledger_kind else None
    return account.money(held.balance) if held and held.balance else None


def pending_of(account: TradingAccount) -> QuerySet[Transfer]:
    return transfers_of(account).filter(state=TransferState.PENDING)


@dataclass(frozen=True, slots=True)
class Statistics:
    """How trading went, over all closed trades; money in the account's currency, swap and commission included."""

    trades: int
    lots: Decimal
    net: Money
    best: Money  # the least loss where all trades lost
    worst: Money
    win_rate: Decimal | None  # 0…1
    profit_factor: Decimal | None  # gains over losses
    deposits: Money

    @property
    def few(self) -> bool:
        """Whether shares of these trades are still mostly chance."""
        return 0 < self.trades < FEW


def statistics(account: TradingAccount) -> Statistics:
    """One query over the closed trades, one over the money movements."""
    found = trades_closed(account)
    deposits = deals_of(account).filter(kind="balance").aggregate(total=Sum("result_minor"))["total"]
    return Statistics(
        trades=found.count,
        lots=found.lots,
        net=account.money(found.gains - found.losses),
        best=account.money(found.best),
        worst=account.money(found.worst),
        win_rate=found.win_rate,
        profit_factor=found.profit_factor,
        deposits=account.money(deposits or 0),
    )


@dataclass(frozen=True, slots=True)
class Closed:
    """Closed trades in minor units, all they cost included; `losses` is not negative."""

    count: int
    lots: Decimal
    best: int
    worst: int
    wins: int
    gains: int
    losses: int

    @property
    def win_rate(self) -> Decimal | None:
        return Decimal(self.wins) / self.count if self.count else None

    @property
    def profit_factor(self) -> Decimal | None:
        return Decimal(self.gains) / self.losses if self.losses else None


# MetaTrader charges commission at both ends. What a position cost when it was opened belongs to its closing deals, by lots.
_CLOSED = """
    WITH opened AS (
      SELECT position, sum(result_minor) / sum(lots) AS a_lot FROM trading_deal
       WHERE account_id = %(account)s AND deleted_at IS NULL AND kind IN ('buy', 'sell') AND entry = 'in'
       GROUP BY position HAVING sum(result_minor) <> 0 AND sum(lots) > 0
    ), closed AS (
      SELECT d.lots, d.result_minor + coalesce(round(o.a_lot * d.closed_lots), 0) AS earned
        FROM trading_deal d LEFT JOIN opened o ON o.position = d.position
       WHERE d.account_id = %(account)s AND d.deleted_at IS NULL AND d.kind IN ('buy', 'sell')
         AND d.entry IN ('in_out', 'out', 'out_by') AND d.executed_at >= coalesce(%(since)s::timestamptz, '-infinity')
    )
    SELECT count(*), coalesce(sum(lots), 0), coalesce(max(earned), 0)::bigint, coalesce(min(earned), 0)::bigint,
           count(*) FILTER (WHERE earned > 0), coalesce(sum(earned) FILTER (WHERE earned > 0), 0)::bigint,
           coalesce(-sum(earned) FILTER (WHERE earned < 0), 0)::bigint
      FROM closed"""


def trades_closed(account: TradingAccount, since: datetime | None = None) -> Closed:
    """What the trades closed from a moment on came to, or all of them. One query."""
    with connection.cursor() as cursor:
        cursor.execute(_CLOSED, {"account": account.pk, "since": since})
        return Closed(*cursor.fetchone())  # type: ignore[misc]


def curve(account: TradingAccount, days: int = 30) -> Chart | None:
    """Balance and equity over the last days: by day from the deals before the bridge first saw the account, then by point."""
    rows = _curve_rows(account, days)
    if len(rows) < 2:
        return None
    unit = Money(1, account.currency).amount
    return Chart(
        kind="area",
        x=[at for at, _, _ in rows],
        series=[
            Series(name=pgettext_lazy("trading chart", "Equity"), values=[equity * unit for _, _, equity in rows]),
            Series(
                name=pgettext_lazy("trading chart", "Balance"),
                values=[money * unit for _, money, _ in rows],
                tone="muted",
            ),
        ],
        currency=account.currency,
    )


def small_curve(account: TradingAccount, days: int = 30) -> list[int]:
    """Equity in minor units at the end of each of the last days that had one, for a line without axes."""
    return list({at.date(): equity for at, _, equity in _curve_rows(account, days)}.values())


def _curve_rows(account: TradingAccount, days: int) -> list[tuple[datetime, int, int]]:
    """`(at, balance, equity)` in minor units, oldest first."""
    since = clock.now() - timedelta(days=days)
    points = list(
        EquityPoint.objects.filter(account=account, at__gte=since)
        .order_by("at")
        .values_list("at", "balance_minor", "equity_minor")
    )
    first = points[0][0] if points else clock.now()
    return _daily(account, since, first) + thinned(points, CURVE_POINTS)


def _daily(account: TradingAccount, since: datetime, until: datetime) -> list[tuple[datetime, int, int]]:
    """The balance at each day's last deal, before the first equity point."""
    before = deals_of(account).filter(executed_at__lt=since).aggregate(total=Sum("result_minor"))["total"] or 0
    days = (
        Deal.objects.filter(account=account, deleted_at=None, executed_at__gte=since, executed_at__lt=until)
        .annotate(day=TruncDate("executed_at"))
        .values("day")
        .annotate(total=Sum("result_minor"), last=Max("executed_at"))
        .order_by("day")
    )
    rows, balance = [], before
    for day in days:
        balance += day["total"]
        rows.append((day["last"], balance, balance))
    return rows


def thinned(points: Sequence[tuple[Any, ...]], most: int) -> list[Any]:
    """At most `most` of the points, evenly, the last one included."""
    if len(points) <= most:
        return list(points)
    step = len(points) / most
    return [points[int(index * step)] for index in range(most - 1)] + [points[-1]]


@dataclass(frozen=True, slots=True)
class Overview:
    """The trading desk at a glance; sums per currency, live accounts only."""

    equity: list[Money]
    floating: list[Money]
    accounts: int
    positions: int
    deals_today: int
    cases: int


def overview(actor: Actor) -> Overview:
    """As far as the actor's right reaches."""
    accounts = accounts_visible(actor).filter(live=True, state=AccountState.OPEN)
    sums = accounts.values("currency").annotate(worth=Sum("equity_minor"), unrealised=Sum("floating_minor"))
    ordered = sorted(sums, key=lambda row: row["currency"])
    midnight = clock.now().replace(hour=0, minute=0, second=0, microsecond=0)
    ids = accounts.values("pk")
    return Overview(
        equity=[Money(row["worth"], row["currency"]) for row in ordered],
        floating=[Money(row["unrealised"], row["currency"]) for row in ordered],
        accounts=accounts.count(),
        positions=Position.objects.filter(account__in=ids).count(),
        deals_today=Deal.objects.filter(account__in=ids, executed_at__gte=midnight, kind__in=["buy", "sell"]).count(),
        cases=cases_unresolved(actor).count(),
    )


def servers() -> QuerySet[TradingServer]:
    return TradingServer.objects.annotate(account_count=Count("accounts")).order_by("name")


def account_types() -> QuerySet[AccountType]:
    """All types in the order clients see them, each with its server and `account_count`."""
    rows = AccountType.objects.select_related("server").annotate(account_count=Count("accounts"))
    return rows.order_by("order", "name", "currency")
