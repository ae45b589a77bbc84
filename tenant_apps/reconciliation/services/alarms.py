"""What is stuck: found every few minutes, told once, gone when it moves on."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from django.db import transaction

from kernel import audit, clock, locks
from kernel.actors import Actor
from kernel.live import publish as live
from kernel.models import Command, CommandState, InboxMessage
from tenant_apps.payments.models import Deposit, DepositState, Withdrawal, WithdrawalPart, WithdrawalState

from ..models import Alarm, AlarmKind, Case, CaseState, DeskSettings
from ..permissions_list import SETTINGS, VIEW
from .reports import TOPIC
from .telling import tell_those_who_may

MOST = 200  # of each kind
UNKNOWN = timedelta(hours=1)


def desk_settings() -> DeskSettings:
    return DeskSettings.objects.filter(key="desk").first() or DeskSettings(key="desk")


def settings_save(*, actor: Actor, deposit_days: int, withdrawal_days: int, case_days: int) -> DeskSettings:
    actor.require(SETTINGS)
    given = {"deposit_days": deposit_days, "withdrawal_days": withdrawal_days, "case_days": case_days}
    with transaction.atomic():
        row, _ = DeskSettings.objects.select_for_update().get_or_create(key="desk")
        before, after = audit.changes({name: getattr(row, name) for name in given}, given)
        for name, value in given.items():
            setattr(row, name, value)
        row.updated_at = clock.now()
        row.save()
        audit.record(actor=actor, action="reconciliation.settings_saved", obj=row, before=before, after=after)
    return row


def _stuck() -> Iterator[Alarm]:
    chosen, now = desk_settings(), clock.now()
    yield from _deposits(now - timedelta(days=chosen.deposit_days))
    yield from _withdrawals(now - timedelta(days=chosen.withdrawal_days))
    yield from _unknown(now - UNKNOWN)
    yield from _messages()
    yield from _cases(now - timedelta(days=chosen.case_days))


def _alarm(
    kind: str, row: object, since: datetime, label: str, link: str, minor: int | None = None, currency: str = ""
) -> Alarm:
    return Alarm(
        kind=kind, key=f"{kind}:{row}:{since:%Y%m%d%H%M%S}", label=label[:160], link=link, amount_minor=minor,
        currency=currency, since=since,
    )  # fmt: skip


def _deposits(before: datetime) -> Iterator[Alarm]:
    rows = Deposit.objects.filter(state__in=[DepositState.DELAYED, DepositState.AUTHORISED], pending_at__lte=before)
    for row in rows.order_by("pending_at")[:MOST]:
        yield _alarm(AlarmKind.DEPOSIT, row.pk, row.pending_at or row.created_at, row.reference,
                     f"/payments/deposits/{row.pk}/", row.amount_minor, row.currency)  # fmt: skip


def _withdrawals(before: datetime) -> Iterator[Alarm]:
    rows = Withdrawal.objects.filter(
        state__in=[WithdrawalState.SENDING, WithdrawalState.APPROVED], approved_at__lte=before
    )
    for row in rows.order_by("approved_at")[:MOST]:
        yield _alarm(AlarmKind.WITHDRAWAL, row.pk, row.approved_at or row.created_at, row.reference,
                     f"/payments/withdrawals/{row.pk}/", row.amount_minor, row.currency)  # fmt: skip


def _unknown(before: datetime) -> Iterator[Alarm]:
    """Refunds and payouts of which no clear answer came."""
    sent = Command.objects.filter(state=CommandState.UNKNOWN, kind__startswith="payments.", created_at__lte=before)
    commands = {row.pk: row for row in sent.order_by("created_at")[:MOST]}
    for part in WithdrawalPart.objects.filter(pk__in=commands).select_related("withdrawal"):
        yield _alarm(AlarmKind.UNKNOWN, part.pk, commands[part.pk].created_at, part.withdrawal.reference,
                     f"/payments/withdrawals/{part.withdrawal_id}/", part.amount_minor, part.currency)  # fmt: skip


def _messages() -> Iterator[Alarm]:
    rows = InboxMessage.objects.filter(source__startswith="payments.", dead_at__isnull=False, processed_at=None)
    for row in rows.order_by("dead_at").defer("body")[:MOST]:
        yield _alarm(AlarmKind.MESSAGE, row.pk, row.dead_at or row.received_at, row.event_key, "")


def _cases(before: datetime) -> Iterator[Alarm]:
    rows = Case.objects.filter(state__in=[CaseState.OPEN, CaseState.IN_WORK], happened_at__lte=before)
    for row in rows.order_by("happened_at")[:MOST]:
        yield _alarm(AlarmKind.CASE, row.pk, row.happened_at, row.label or row.fact,
                     f"/reconciliation/cases/{row.pk}/", row.difference.minor, row.currency)  # fmt: skip


def alarms_run() -> int:
    """Raise what is new, end what has moved on, tell once. Safe to repeat, at once and at the same time."""
    with transaction.atomic():
        locks.hold("reconciliation:alarms")
        found = {alarm.key: alarm for alarm in _stuck()}
        on = set(Alarm.objects.filter(ended_at=None).values_list("key", flat=True))
        known = set(Alarm.objects.filter(key__in=found).values_list("key", flat=True))
        Alarm.objects.filter(key__in=on - set(found)).update(ended_at=clock.now(), updated_at=clock.now())
        Alarm.objects.filter(key__in=found, ended_at__isnull=False).update(ended_at=None, updated_at=clock.now())
        fresh = [alarm for key, alarm in found.items() if key not in known]
        Alarm.objects.bulk_create(fresh)
        if fresh:
            label = fresh[0].label if len(fresh) == 1 else f"{fresh[0].label} +{len(fresh) - 1}"
            tell_those_who_may(VIEW, "alarm", label, None, link="/reconciliation/alarms/")
        if fresh or on - set(found):
            live.publish(TOPIC, {"alarms": len(found)})
    return len(fresh)
