"""Writing series and their texts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils.text import slugify

from kernel import audit, clock
from kernel.actors import Actor
from kernel.errors import Conflict, Invalid
from kernel.ids import short_id

from . import texts
from .errors import TextIncomplete
from .models import Enrolment, EnrolmentState, Segment, Series, SeriesState, SeriesStep, StepSent
from .permissions_list import EDIT

MAX_STEPS = 40
STOP_EVENTS = ("payments.deposit_credited", "trading.account_opened", "kyc.approved", "payments.withdrawal_requested")


@transaction.atomic
def series_save(
    *,
    series: Series | None,
    name: str,
    segment: Segment,
    stop_on_leave: bool,
    stop_events: Sequence[str],
    window_from: int,
    window_to: int,
    gap_hours: int,
    per_minute: int,
    actor: Actor,
) -> Series:
    """Make (as a draft) or change a series. Hours 0–24 of the client's zone; from = to means at any hour."""
    actor.require(EDIT)
    if not name.strip():
        raise Invalid(field="name")
    if not (0 <= window_from <= 23 and 0 <= window_to <= 24):
        raise Invalid(field="window_from")
    if not 1 <= per_minute <= 100_000:
        raise Invalid(field="per_minute")
    if set(stop_events) - set(STOP_EVENTS):
        raise Invalid(field="stop_events")
    row = series or Series(key=f"{slugify(name)[:48] or 'series'}-{short_id(6)}")
    values = {
        "name": name.strip()[:80], "stop_on_leave": stop_on_leave, "stop_events": sorted(stop_events),
        "window_from": window_from, "window_to": window_to, "gap_hours": min(gap_hours, 24 * 14), "per_minute": per_minute,
    }  # fmt: skip
    before = {name: getattr(row, name) for name in values} if series else {}
    for field, value in values.items():
        setattr(row, field, value)
    row.segment, row.updated_at = segment, clock.now()
    row.save()
    old, new = audit.changes(before, values)
    audit.record(
        actor=actor, action="campaigns.series_saved", obj=row, before=old, after={**new, "segment": segment.key}
    )
    return row


@transaction.atomic
def step_save(
    *, series: Series, step: SeriesStep | None, after_days: int, language: str, text: Mapping[str, Any], actor: Actor
) -> SeriesStep:
    """Write one language's text of a mail, and its day; steps stay in order of their day. Raises TextIncomplete."""
    actor.require(EDIT)
    if not 0 <= after_days <= 365:
        raise Invalid(field="after_days")
    texts.check(text, texts.COMMON)
    locked = Series.objects.select_for_update().get(pk=series.pk)
    if step is None:
        if locked.steps.count() >= MAX_STEPS:
            raise Conflict
        step = SeriesStep(series=locked, position=locked.steps.count(), content={})
    step.after_days, step.content = after_days, {**step.content, language: dict(text)}
    step.updated_at = clock.now()
    step.save()
    _reorder(locked)
    audit.record(
        actor=actor, action="campaigns.step_saved", obj=step, after={"day": after_days, "language": language}
    )  # fmt: skip
    step.refresh_from_db()
    return step


def _reorder(series: Series) -> None:
    for position, step in enumerate(sorted(series.steps.all(), key=lambda one: (one.after_days, one.position))):
        SeriesStep.objects.filter(pk=step.pk).update(position=position)


@transaction.atomic
def text_remove(*, step: SeriesStep, language: str, actor: Actor) -> None:
    """Drop one language's text; the last one stays. Raises TextIncomplete."""
    actor.require(EDIT)
    if set(step.content) == {language}:
        raise TextIncomplete
    step.content = {code: text for code, text in step.content.items() if code != language}
    step.save(update_fields=["content"])
    audit.record(actor=actor, action="campaigns.text_removed", obj=step, before={"language": language})


@transaction.atomic
def step_delete(*, step: SeriesStep, actor: Actor) -> None:
    """Take a mail out of a series. Who waited for it waits for the next one. The last mail of a running series stays."""
    actor.require(EDIT)
    series = Series.objects.select_for_update().get(pk=step.series_id)
    if series.state == SeriesState.ACTIVE and series.steps.count() == 1:
        raise Conflict
    audit.record(actor=actor, action="campaigns.step_deleted", obj=step, before={"day": step.after_days})
    step_id: UUID = step.pk
    following = series.steps.filter(position__gt=step.position).order_by("position").first()
    waiting = Enrolment.objects.filter(series=series, next_step_id=step_id, state=EnrolmentState.RUNNING)
    waiting.update(next_step=following, updated_at=clock.now())
    StepSent.objects.filter(step_id=step_id).update(step=None)
    step.delete()
    _reorder(series)
