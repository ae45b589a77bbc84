"""Reads for segments, series and the client's page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db.models import Count, Q, QuerySet
from django.utils.translation import get_language

from kernel import clock
from kernel.actors import Actor
from kernel.errors import NotFound
from kernel.permissions import scoped
from tenant_apps.clients import facts
from tenant_apps.clients.models import Client
from tenant_apps.notifications.models import Mail

from .models import Enrolment, MailText, Segment, SegmentMember, Series, StepSent, Suppression
from .permissions_list import VIEW
from .texts import step_text

SAMPLE = 10


def segments(actor: Actor) -> list[Segment]:
    """All segments with `size`, the number of members now."""
    actor.require(VIEW)
    rows = Segment.objects.annotate(size=Count("members", filter=Q(members__left_at=None)))
    return list(rows.order_by("-active", "name"))


def segment_get(actor: Actor, segment_id: UUID) -> Segment:
    actor.require(VIEW)
    found = Segment.objects.filter(pk=segment_id).first()
    if found is None:
        raise NotFound
    return found


@dataclass(frozen=True, slots=True)
class Preview:
    """How many clients fit a definition now, and the first whom the actor may see."""

    count: int = 0
    clients: list[Client] = field(default_factory=list)
    error: str = ""


def preview(actor: Actor, tree: Mapping[str, Any] | None) -> Preview:
    """For the builder: an incomplete definition is not an error there but a sentence."""
    actor.require(VIEW)
    rows = Client.objects.all()
    if tree:
        try:
            rows = rows.filter(facts.compile_q(facts.parse(tree), clock.now()))
        except facts.DefinitionInvalid as error:
            return Preview(error=str(error))
    visible = scoped(actor, "clients.view", rows)
    return Preview(rows.count(), list(visible.order_by("-created_at")[:SAMPLE]))


def members(actor: Actor, segment: Segment) -> QuerySet[SegmentMember]:
    """Who is in the segment now, as far as the actor may see clients; newest first."""
    visible = scoped(actor, "clients.view", Client.objects.all()).values("pk")
    rows = SegmentMember.objects.filter(segment=segment, left_at=None, client_id__in=visible)
    return rows.select_related("client").order_by("-entered_at", "-pk")


def series_all(actor: Actor) -> list[Series]:
    """All series with figures: enrolled, running, sent mails, unsubscribed, stopped."""
    actor.require(VIEW)
    rows: list[Series] = list(
        Series.objects.select_related("segment")
        .annotate(
            enrolled=Count("enrolments"),
            running=Count("enrolments", filter=Q(enrolments__state="running")),
            stopped=Count("enrolments", filter=Q(enrolments__state="stopped")),
            finished=Count("enrolments", filter=Q(enrolments__state="finished")),
            unsubscribed=Count("enrolments", filter=Q(enrolments__state="unsubscribed")),
        )
        .order_by("name")
    )
    sent = dict(
        StepSent.objects.values_list("enrolment__series_id")
        .annotate(n=Count("pk"))
        .values_list("enrolment__series_id", "n")
    )
    steps = dict(Series.objects.annotate(n=Count("steps")).values_list("pk", "n"))
    for row in rows:
        row.sent_count, row.step_count = sent.get(row.pk, 0), steps.get(row.pk, 0)  # type: ignore[attr-defined]
    return rows


def series_get(actor: Actor, series_id: UUID) -> Series:
    actor.require(VIEW)
    found = next((row for row in series_all(actor) if row.pk == series_id), None)
    if found is None:
        raise NotFound
    return found


def step_figures(series: Series) -> list[dict[str, Any]]:
    """Per step: mails sent, how many people wait for it, and how many unsubscribed after it as their last mail."""
    sent = dict(
        StepSent.objects.filter(enrolment__series=series)
        .values_list("step_key")
        .annotate(n=Count("pk"))
        .values_list("step_key", "n")
    )
    waiting = dict(
        Enrolment.objects.filter(series=series, state="running")
        .values_list("next_step_id")
        .annotate(n=Count("pk"))
        .values_list("next_step_id", "n")
    )
    return [
        {
            "step": step,
            "sent": sent.get(step.pk, 0),
            "waiting": waiting.get(step.pk, 0),
            "languages": sorted(step.content),
            "subject": step_text(step.content, get_language() or "")[1].get("subject", "") if step.content else "",
        }
        for step in series.steps.all()
    ]


def enrolments(actor: Actor, series: Series, state: str = "") -> QuerySet[Enrolment]:
    """Who is where on a series, as far as the actor may see clients; next due first."""
    visible = scoped(actor, "clients.view", Client.objects.all()).values("pk")
    rows = Enrolment.objects.filter(series=series, client_id__in=visible).select_related("client", "next_step")
    if state:
        rows = rows.filter(state=state)
    return rows.order_by("next_at", "-created_at")


def suppressions(actor: Actor) -> QuerySet[Suppression]:
    actor.require(VIEW)
    return Suppression.objects.select_related("client", "series").order_by("-at", "-pk")


# --- the client's page -----------------------------------------------------------------------------------------------------


def segments_of(client_id: UUID) -> list[SegmentMember]:
    rows = SegmentMember.objects.filter(client_id=client_id, left_at=None).select_related("segment")
    return list(rows.order_by("segment__name"))


def enrolments_of(client_id: UUID) -> list[Enrolment]:
    rows = Enrolment.objects.filter(client_id=client_id).select_related("series", "next_step")
    return list(rows.annotate(mails=Count("sent")).order_by("-created_at"))


def mails_of(client_id: UUID, limit: int = 50) -> list[Mail]:
    rows = Mail.objects.filter(client_id=client_id).defer("html", "text")
    return list(rows.order_by("-created_at")[:limit])


def own_wordings() -> set[tuple[str, str]]:
    """(mail, language) where the brokerage has words of its own."""
    return set(MailText.objects.values_list("key", "language"))
