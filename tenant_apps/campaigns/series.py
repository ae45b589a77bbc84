"""Series of mails: enrolling, the mail that is due, stopping, unsubscribing.

`step_send` is the whole promise: under the enrolment's row lock it decides, queues the mail under the dedupe key
`series:<enrolment>:<step>`, writes the StepSent row (unique) and sets the next due time, in one transaction. Killed
anywhere, either all of it happened or nothing; run twice at once, the second finds the row locked or not due.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import pgettext_lazy

from kernel import audit, clock, secrets
from kernel.actors import Actor, named, system
from kernel.errors import Conflict
from kernel.events import publish
from kernel.tenancy import context as tenancy
from kernel.tenancy import directory
from tenant_apps.clients.models import Client, Stage
from tenant_apps.clients.reading import zone_of
from tenant_apps.clients.timeline import tell, timeline_add
from tenant_apps.notifications.models import Mail
from tenant_apps.notifications.services import mail_queue

from . import texts
from .errors import TextIncomplete
from .events import Unsubscribed
from .mails import TEMPLATE, common_values, mail_noted
from .models import (
    Enrolment,
    EnrolmentState,
    SegmentMember,
    Series,
    SeriesState,
    SeriesStep,
    StepSent,
    Suppression,
)
from .permissions_list import SEND

SENDER = system(named("mail series", pgettext_lazy("system actor", "Mail series")))
UNSUBSCRIBE = "campaigns.unsubscribe"
UNSUBSCRIBE_AGE = 10 * 366 * 86_400


# --- when ----------------------------------------------------------------------------------------------------------------


def within_window(moment: datetime, series: Series, zone: ZoneInfo) -> datetime:
    """The first instant from `moment` on that lies in the series' hours in the given zone."""
    if series.window_from >= series.window_to:
        return moment
    local = moment.astimezone(zone)
    opening = local.replace(hour=series.window_from, minute=0, second=0, microsecond=0)
    if local < opening:
        return opening.astimezone(moment.tzinfo)
    if local.hour >= series.window_to:
        return (opening + timedelta(days=1)).astimezone(moment.tzinfo)
    return moment


def due_at(enrolment: Enrolment, step: SeriesStep, series: Series, client: Client) -> datetime:
    """When a step is due. One on day 0 answers what the client has just done and waits for nothing."""
    if step.after_days == 0:
        return enrolment.entered_at
    planned = enrolment.entered_at + timedelta(days=step.after_days)
    if enrolment.last_sent_at:
        planned = max(planned, enrolment.last_sent_at + timedelta(hours=series.gap_hours))
    return within_window(planned, series, zone_of(client))


# --- enrolling -----------------------------------------------------------------------------------------------------------


@transaction.atomic
def enrol(*, series: Series, client: Client) -> Enrolment | None:
    """Put a client on a running series, once ever; None when it is not running, has no steps or the client wants none."""
    first = series.steps.order_by("position").first()
    if series.state != SeriesState.ACTIVE or first is None or client.stage == Stage.CLOSED or suppressed(client.email):
        return None
    row = Enrolment(series=series, client=client, next_step=first)
    row.next_at = due_at(row, first, series, client)
    if not Enrolment.objects.bulk_create([row], ignore_conflicts=True) or not _is_mine(row):
        return None
    timeline_add(
        client_id=client.pk,
        kind="campaigns.enrolled",
        actor=SENDER,
        data={"series": series.name},
        dedupe_key=f"enrolled:{row.pk}",
    )
    return row


def _is_mine(row: Enrolment) -> bool:
    return Enrolment.objects.filter(pk=row.pk).exists()


def enrol_on_entry(*, segment_id: UUID, client_id: UUID) -> int:
    """Enrol a client who entered a segment into its running series; returns in how many."""
    rows = Series.objects.filter(segment_id=segment_id, state=SeriesState.ACTIVE)
    client = Client.objects.filter(pk=client_id).first()
    return sum(1 for series in rows if client and enrol(series=series, client=client))


@transaction.atomic
def series_start(*, series: Series, also_present: bool = False, actor: Actor) -> Series:
    """Let a series run. `also_present` enrols who is in the segment now, in the background. Raises TextIncomplete."""
    actor.require(SEND)
    steps = list(series.steps.all())
    if not steps:
        raise TextIncomplete
    for step in steps:
        if not step.content:
            raise TextIncomplete
        for text in step.content.values():
            texts.check(text, texts.COMMON)
    if (
        Series.objects.filter(pk=series.pk)
        .exclude(state=SeriesState.ACTIVE)
        .update(state=SeriesState.ACTIVE, updated_at=clock.now())
    ):
        audit.record(actor=actor, action="campaigns.series_started", obj=series, after={"also_present": also_present})
    series.refresh_from_db()
    if also_present:
        from kernel.tasks import enqueue

        from .tasks import series_backfill

        enqueue(series_backfill, str(series.pk))
    return series


def backfill(*, series: Series, chunk: int = 500) -> int:
    """Enrol the segment's present members who never were on the series; returns how many. Safe to repeat."""
    count = 0
    while True:
        members = SegmentMember.objects.filter(segment_id=series.segment_id, left_at=None)
        fresh = Client.objects.filter(pk__in=members.values("client_id")).exclude(
            pk__in=Enrolment.objects.filter(series=series).values("client_id")
        )
        fresh = fresh.exclude(email__in=Suppression.objects.values("email")).exclude(stage=Stage.CLOSED)
        batch = list(fresh.order_by("pk")[:chunk])
        enrolled = sum(1 for client in batch if enrol(series=series, client=client))
        count += enrolled
        if not enrolled:
            return count


@transaction.atomic
def series_pause(*, series: Series, actor: Actor) -> Series:
    """Hold a series: nobody is enrolled and nothing is sent until it is started again; what is due then goes out."""
    actor.require(SEND)
    if Series.objects.filter(pk=series.pk, state=SeriesState.ACTIVE).update(
        state=SeriesState.PAUSED, updated_at=clock.now()
    ):
        audit.record(actor=actor, action="campaigns.series_paused", obj=series)
    series.refresh_from_db()
    return series


# --- sending -------------------------------------------------------------------------------------------------------------


def due_enrolments(series: Series, limit: int) -> QuerySet[Enrolment]:
    return Enrolment.objects.filter(series=series, state=EnrolmentState.RUNNING, next_at__lte=clock.now()).order_by(
        "next_at"
    )[:limit]


@transaction.atomic
def step_send(*, enrolment_id: UUID) -> Mail | None:
    """Send the mail that is due for an enrolment, or stop it; None when there was nothing to send. Safe to repeat."""
    row = (
        Enrolment.objects.select_for_update(skip_locked=True, of=("self",))
        .select_related("series", "client", "next_step")
        .filter(pk=enrolment_id, state=EnrolmentState.RUNNING, next_at__lte=clock.now())
        .first()
    )
    if row is None or row.series.state != SeriesState.ACTIVE:
        return None
    if reason := _stop_reason(row):
        _end(row, EnrolmentState.UNSUBSCRIBED if reason == "unsubscribed" else EnrolmentState.STOPPED, reason)
        return None
    if row.next_step is None:
        _advance(row, after=None)
        return None
    if (
        row.next_step.after_days
        and (opens := within_window(clock.now(), row.series, zone_of(row.client))) > clock.now()
    ):
        row.next_at = opens
        row.save(update_fields=["next_at"])
        return None
    mail = _queue(row, row.next_step)
    _advance(row, after=row.next_step)
    tell(row.client_id, "campaigns.mail")
    return mail


def _queue(row: Enrolment, step: SeriesStep) -> Mail:
    language, text = texts.step_text(step.content, row.client.language)
    address = unsubscribe_url(row)
    mail = mail_queue(
        to=row.client.email,
        template=TEMPLATE,
        context={"content": texts.filled(text, common_values(row.client)), "unsubscribe_url": address},
        language=language,
        client_id=row.client_id,
        dedupe_key=f"series:{row.pk}:{step.pk}",
        headers={"List-Unsubscribe": f"<{address}>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"},
    )
    StepSent.objects.bulk_create(
        [StepSent(enrolment=row, step=step, step_key=step.pk, mail_id=mail.pk, language=language)],
        ignore_conflicts=True,
    )
    mail_noted(mail, row.client, kind=row.series.name, actor=SENDER)
    return mail


def _advance(row: Enrolment, *, after: SeriesStep | None) -> None:
    """The next step that this enrolment has not had; finished when there is none."""
    if after is not None:
        row.last_sent_at = clock.now()
    done = StepSent.objects.filter(enrolment=row).values("step_key")
    following = row.series.steps.exclude(pk__in=done).order_by("position").first()
    if following is None:
        _end(row, EnrolmentState.FINISHED, "")
        return
    row.next_step = following
    row.next_at = due_at(row, following, row.series, row.client)
    row.updated_at = clock.now()
    row.save(update_fields=["next_step", "next_at", "last_sent_at", "updated_at"])


def _stop_reason(row: Enrolment) -> str:
    if suppressed(row.client.email):
        return "unsubscribed"
    if row.client.stage == Stage.CLOSED:
        return "closed"
    if row.series.stop_on_leave:
        inside = SegmentMember.objects.filter(
            segment_id=row.series.segment_id, client_id=row.client_id, left_at=None
        ).exists()
        if not inside:
            return "left_segment"
    return ""


def _end(row: Enrolment, state: str, reason: str) -> None:
    row.state, row.reason, row.ended_at = state, reason, clock.now()
    row.next_at, row.next_step, row.updated_at = None, None, clock.now()
    row.save(update_fields=["state", "reason", "ended_at", "next_at", "next_step", "last_sent_at", "updated_at"])


def stop_on_event(*, client_id: UUID, event_name: str) -> int:
    """End the client's running series that name this event as a reason to stop; returns how many."""
    return (
        Enrolment.objects.filter(
            client_id=client_id, state=EnrolmentState.RUNNING, series__stop_events__contains=[event_name]
        ).update(
            state=EnrolmentState.STOPPED, reason=event_name, ended_at=clock.now(), next_at=None, updated_at=clock.now()
        )
    )  # fmt: skip


@transaction.atomic
def enrolment_stop(*, enrolment_id: UUID, actor: Actor) -> None:
    """Take one client off a series. Raises Conflict when it is not running any more."""
    actor.require(SEND)
    row = Enrolment.objects.select_for_update(of=("self",)).get(pk=enrolment_id)
    if row.state != EnrolmentState.RUNNING:
        raise Conflict
    _end(row, EnrolmentState.STOPPED, "staff")
    audit.record(actor=actor, action="campaigns.enrolment_stopped", obj=row, subject=row.client_id)


# --- who wants none ------------------------------------------------------------------------------------------------------


def suppressed(email: str) -> bool:
    return Suppression.objects.filter(email=email.strip().lower()).exists()


def unsubscribe_url(row: Enrolment) -> str:
    """A link that takes this client off all series; signed, for this brokerage only, good for ten years."""
    signed = secrets.sign({"e": str(row.pk)}, purpose=UNSUBSCRIBE)
    return directory.absolute_url(tenancy.tenant(), "portal", f"/mail/unsubscribe/{signed}/")


def enrolment_of_token(token: str) -> Enrolment | None:
    """The enrolment a link was made for; None for a link that is not ours."""
    try:
        value: Any = secrets.unsign(token, purpose=UNSUBSCRIBE, max_age=UNSUBSCRIBE_AGE)
    except (secrets.BadSignature, ValueError):
        return None
    return Enrolment.objects.select_related("client", "series").filter(pk=value["e"]).first()


@transaction.atomic
def unsubscribe(*, enrolment: Enrolment) -> None:
    """No more campaigns to this address; running series end. Mails about the own account still go out. Repeatable."""
    client = enrolment.client
    suppress(email=client.email, client=client, reason="unsubscribed", series=enrolment.series)


@transaction.atomic
def suppress(*, email: str, client: Client | None, reason: str, series: Series | None = None) -> bool:
    """Put an address on the suppression list; False when it was there."""
    address = email.strip().lower()
    row = Suppression(email=address, client=client, reason=reason, series=series, at=clock.now())
    Suppression.objects.bulk_create([row], ignore_conflicts=True)
    if not Suppression.objects.filter(pk=row.pk).exists():
        return False
    if client is None:
        return True
    Enrolment.objects.filter(client=client, state=EnrolmentState.RUNNING).update(
        state=EnrolmentState.UNSUBSCRIBED, reason=reason, ended_at=clock.now(), next_at=None, updated_at=clock.now()
    )
    actor = Actor(kind="client", id=str(client.user_id or client.pk), label=client.name, client_id=client.pk)
    audit.record(actor=actor, action="campaigns.unsubscribed", obj=row, subject=client.pk, reason=reason)
    timeline_add(client_id=client.pk, kind="campaigns.unsubscribed", actor=actor, data={"reason": reason})
    publish(Unsubscribed(client_id=client.pk, reason=reason), aggregate=f"client:{client.pk}", actor=actor)
    return True


@transaction.atomic
def suppression_remove(*, suppression: Suppression, reason: str, actor: Actor) -> None:
    """Take an address off the list, at the client's wish; the reason is kept in the audit trail."""
    actor.require(SEND)
    audit.record(
        actor=actor, action="campaigns.suppression_removed", obj=suppression, subject=suppression.client_id or "",
        reason=reason,
    )  # fmt: skip
    suppression.delete()
