"""Margin calls and stop-outs as facts: a row and its event in one transaction, one open row per account and kind.

What is open stands in the database and nowhere else, so a bridge that dies or another that follows the same server tells
nothing twice and forgets nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from django.db import connection, transaction

from kernel import clock
from kernel.events import publish
from kernel.money import Money
from tenant_apps.trading.bridge.records import CLOSING, AccountRef, Snapshot, result_of
from tenant_apps.trading.events import MarginCall, StoppedOut
from tenant_apps.trading.margin import CASCADE, PERCENT, reached, recovered
from tenant_apps.trading.models import AccountType, AlertKind, MarginAlert
from tenant_apps.trading.ports import Deal, DealReason, GroupInfo

MOST = Decimal("999999999999999999.99")


def levels_store(server_id: UUID, groups: Iterable[GroupInfo]) -> None:
    """Keep the levels of the groups that our account types stand for, where they have changed."""
    known = {group.name: group for group in groups}
    for kind in AccountType.objects.filter(server_id=server_id, group__in=known):
        group = known[kind.group]
        now = (group.margin_call, group.stop_out, group.stop_out_unit.value)
        if (kind.margin_call, kind.stop_out, kind.stop_out_unit) != now:
            AccountType.objects.filter(pk=kind.pk).update(margin_call=now[0], stop_out=now[1], stop_out_unit=now[2])


def look(
    server_id: UUID, snapshots: Mapping[UUID, Snapshot], changed: Collection[UUID], accounts: Mapping[UUID, AccountRef]
) -> None:
    """Raise margin calls of the accounts that changed, and end the alerts of all that have recovered. One query when
    nothing of the kind happens."""
    called = [accounts[key] for key in changed if key in accounts and _called(accounts[key], snapshots[key])]
    open_ones = MarginAlert.objects.filter(account__server_id=server_id, recovered_at=None)
    known = {(row.account_id, row.kind) for row in open_ones if not _ended(row, snapshots, accounts)}
    for account in sorted(called, key=lambda one: one.id):
        if (account.id, AlertKind.MARGIN_CALL) not in known:
            _margin_call(account, snapshots[account.id])


def _value(account: AccountRef, snapshot: Snapshot) -> Decimal | None:
    equity = Money(snapshot.equity, account.currency)
    return account.levels.value(margin_level=snapshot.margin_level, equity=equity)


def _called(account: AccountRef, snapshot: Snapshot) -> bool:
    return reached(_value(account, snapshot), account.levels.margin_call)


def _ended(row: MarginAlert, snapshots: Mapping[UUID, Snapshot], accounts: Mapping[UUID, AccountRef]) -> bool:
    """Whether the alert is over, which is written down: recovered, or an account that has been archived. One not looked
    at yet stays."""
    account, snapshot = accounts.get(row.account_id), snapshots.get(row.account_id)
    if account is not None:
        level = account.levels.margin_call if row.kind == AlertKind.MARGIN_CALL else account.levels.stop_out
        if snapshot is None or not recovered(_value(account, snapshot), level):
            return False
    MarginAlert.objects.filter(pk=row.pk, recovered_at=None).update(recovered_at=clock.now())
    return True


@transaction.atomic
def _margin_call(account: AccountRef, snapshot: Snapshot) -> None:
    value, levels = _value(account, snapshot), account.levels
    if value is None or levels.margin_call is None:
        return
    alert = _insert(account, AlertKind.MARGIN_CALL, clock.now(), value=value, threshold=levels.margin_call)
    if alert is None:
        return
    publish(
        MarginCall(
            account_id=account.id,
            client_id=account.client_id,
            login=account.login,
            live=account.live,
            alert_id=alert,
            value=value,
            threshold=levels.margin_call,
            stop_out=levels.stop_out or Decimal(0),
            unit=levels.unit,
            currency=account.currency,
        ),
        aggregate=f"trading.account:{account.id}",
    )


def _insert(
    account: AccountRef,
    kind: AlertKind,
    at: datetime,
    *,
    value: Decimal | None = None,
    threshold: Decimal | None,
    deals: int = 0,
) -> int | None:
    """The new alert's id; None when another bridge has just written it."""
    held = None if value is None else max(-MOST, min(value, MOST))
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO trading_margin_alert (account_id, kind, at, last_at, value, threshold, unit, deals)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s, %s)"
            " ON CONFLICT (account_id, kind) WHERE recovered_at IS NULL DO NOTHING RETURNING id",
            [account.id, kind.value, at, at, held, threshold, account.levels.unit or PERCENT, deals],
        )
        row = cursor.fetchone()
    return int(row[0]) if row else None


def stop_outs(deals: Iterable[Deal], accounts: Mapping[int, AccountRef]) -> None:
    """Of deals just stored: those with which the server closed positions by itself. In the transaction that stores them,
    behind the update of their accounts, which holds off another bridge with more of the same cascade."""
    by_login: dict[int, list[Deal]] = defaultdict(list)
    for deal in deals:
        if deal.reason is DealReason.STOP_OUT and deal.entry in CLOSING:
            by_login[deal.login].append(deal)
    for login in sorted(by_login):
        _stopped_out(accounts[login], by_login[login])


def _stopped_out(account: AccountRef, deals: list[Deal]) -> None:
    first, last = min(deal.executed_at for deal in deals), max(deal.executed_at for deal in deals)
    mine = MarginAlert.objects.filter(account_id=account.id, kind=AlertKind.STOP_OUT)
    known = mine.order_by("-at", "-id").first()
    if known and (known.recovered_at is None or first - known.last_at < CASCADE):
        mine.filter(pk=known.pk).update(last_at=max(known.last_at, last), deals=known.deals + len(deals))
        return
    alert = _insert(account, AlertKind.STOP_OUT, first, threshold=account.levels.stop_out, deals=len(deals))
    if alert is None:
        return
    MarginAlert.objects.filter(pk=alert).update(last_at=last)
    publish(
        StoppedOut(
            account_id=account.id,
            client_id=account.client_id,
            login=account.login,
            live=account.live,
            alert_id=alert,
            threshold=account.levels.stop_out,
            unit=account.levels.unit,
            deals=len(deals),
            result=Money(sum(result_of(deal, account.currency) for deal in deals), account.currency),
        ),
        aggregate=f"trading.account:{account.id}",
    )
