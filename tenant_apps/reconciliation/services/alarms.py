"""What is stuck: found every few minutes, told once and again as it grows older, gone when it moves on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q

from kernel import audit, clock, locks
from kernel.actors import Actor
from kernel.live import publish as live

from ..models import Alarm, DeskSettings
from ..permissions_list import SETTINGS, VIEW
from . import stuck
from .reports import TOPIC
from .telling import tell_those_who_may


def desk_settings() -> DeskSettings:
    return DeskSettings.objects.filter(key="desk").first() or DeskSettings(key="desk")


def settings_save(*, actor: Actor, **ages: int) -> DeskSettings:
    """Set some of the AGES (alarm_models), in the units of their names; the others stay as they are."""
    actor.require(SETTINGS)
    with transaction.atomic():
        row, _ = DeskSettings.objects.select_for_update().get_or_create(key="desk")
        before, after = audit.changes({name: getattr(row, name) for name in ages}, ages)
        for name, value in ages.items():
            setattr(row, name, value)
        row.updated_at = clock.now()
        row.save()
        audit.record(actor=actor, action="reconciliation.settings_saved", obj=row, before=before, after=after)
    return row


def alarms_run() -> int:
    """Raise what is new, end what has moved on, tell of what is new or has grown older by its setting; how many were
    told of. Safe to repeat, at once and at the same time."""
    with transaction.atomic():
        locks.hold("reconciliation:alarms")
        now, found = clock.now(), stuck.stuck(desk_settings())
        known = {row.key: row for row in Alarm.objects.filter(Q(ended_at=None) | Q(key__in=list(found)))}
        over = [row for row in known.values() if row.ended_at is None and row.key not in found]
        Alarm.objects.filter(pk__in=[row.pk for row in over]).update(ended_at=now, updated_at=now)
        full = _full(row for row in known.values() if row.ended_at is None)
        back = [row for row in known.values() if row.ended_at is not None]
        Alarm.objects.bulk_update(_moved(known, found, now), ["since", "amount_minor", "ended_at", "updated_at"])
        fresh = [alarm for key, (alarm, _) in found.items() if key not in known]
        Alarm.objects.bulk_create(fresh)
        older = [row for key, (_, age) in found.items() if (row := known.get(key)) and _grown(row, age, now)]
        told = [*(row for row in fresh if row.kind not in full), *older]
        Alarm.objects.filter(pk__in=[row.pk for row in told]).update(told_at=now, updated_at=now)
        if told:
            _tell(told)
        if fresh or over or back:
            live.publish(TOPIC, {"alarms": len(found)})
    return len(told)


def _full(standing: Iterable[Alarm]) -> set[str]:
    """Kinds of which as many stood as are looked at: what comes up there, as others go, was stuck before."""
    return {kind for kind, count in Counter(row.kind for row in standing).items() if count >= stuck.MOST}


def _moved(known: dict[str, Alarm], found: Mapping[str, tuple[Alarm, object]], now: datetime) -> list[Alarm]:
    """Those that are stuck again, or about another amount, as they are now."""
    moved = []
    for key, (alarm, _) in found.items():
        row = known.get(key)
        if row is None or (row.ended_at is None and row.amount_minor == alarm.amount_minor):
            continue
        if row.ended_at is not None:
            row.since = alarm.since
        row.amount_minor, row.ended_at, row.updated_at = alarm.amount_minor, None, now
        moved.append(row)
    return moved


def _grown(row: Alarm, age: timedelta | None, now: datetime) -> bool:
    """Whether it has grown older by its setting since somebody was told of it."""
    return age is not None and now - (row.told_at or row.created_at) >= age


def _tell(rows: list[Alarm]) -> None:
    label = rows[0].label if len(rows) == 1 else f"{rows[0].label} +{len(rows) - 1}"
    tell_those_who_may(VIEW, "alarm", label, None, link="/reconciliation/alarms/")
