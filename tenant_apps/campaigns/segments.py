"""Segments: their definitions, and the evaluator that keeps track of who is in them.

Membership changes in two ways: `segments_of_client_update` re-evaluates one client when something happened to it, and
`segment_sweep` compares a whole segment with its members in chunks, because time alone moves clients too ("no activity
for 14 days"). Both write the difference with INSERT … ON CONFLICT DO NOTHING / UPDATE … WHERE left_at IS NULL and take
for changed only the rows that the database returns, so that two evaluators at once publish each change once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import IntegrityError, connection, transaction
from django.db.models import Exists, OuterRef
from django.utils.text import slugify
from django.utils.translation import pgettext_lazy

from kernel import audit, clock
from kernel.actors import Actor, named, system
from kernel.errors import Invalid
from kernel.events import publish
from kernel.ids import short_id, uuid7
from kernel.live.publish import publish as live
from tenant_apps.clients import facts
from tenant_apps.clients.models import Client
from tenant_apps.clients.timeline import timeline_add

from .errors import NameTaken, SegmentInUse
from .events import SegmentEntered, SegmentLeft
from .models import Segment, SegmentMember, Series
from .permissions_list import EDIT

CHUNK = 1000
EVALUATOR = system(named("segments", pgettext_lazy("system actor", "Segments")))


@transaction.atomic
def segment_save(
    *,
    segment: Segment | None,
    name: str,
    definition: Mapping[str, Any],
    description: str = "",
    tone: str = "neutral",
    actor: Actor,
) -> Segment:
    """Make or change a segment. Members follow at the next sweep. Raises DefinitionInvalid, NameTaken, Invalid."""
    actor.require(EDIT)
    if not name.strip():
        raise Invalid(field="name")
    tree = facts.parse(definition).as_json()
    row = segment or Segment(key=f"{slugify(name)[:48] or 'segment'}-{short_id(6)}")
    before = {"name": row.name, "definition": row.definition} if segment else {}
    row.name, row.definition, row.description = name.strip()[:80], tree, description.strip()[:300]
    row.tone, row.updated_at, row.swept_at = tone, clock.now(), None
    try:
        with transaction.atomic():
            row.save()
    except IntegrityError as error:
        raise NameTaken(field="name") from error
    old, new = audit.changes(before, {"name": row.name, "definition": tree})
    audit.record(actor=actor, action="campaigns.segment_saved", obj=row, before=old, after=new)
    return row


@transaction.atomic
def segment_delete(*, segment: Segment, actor: Actor) -> None:
    """Remove a segment and its history of members. Raises SegmentInUse while a series runs on it."""
    actor.require(EDIT)
    if Series.objects.filter(segment=segment).exists():
        raise SegmentInUse
    audit.record(
        actor=actor, action="campaigns.segment_deleted", obj=segment, before={"definition": segment.definition}
    )
    segment.delete()


# --- who is in -----------------------------------------------------------------------------------------------------------


@transaction.atomic
def segments_of_client_update(*, client_id: UUID) -> int:
    """Re-evaluate all active segments for one client; returns how many memberships changed. Three queries when none."""
    client = Client.objects.filter(pk=client_id).first()
    if client is None:
        return 0
    moment = clock.now()
    open_rows = set(
        SegmentMember.objects.filter(client_id=client_id, left_at=None).values_list("segment_id", flat=True)
    )
    changed = 0
    for segment in Segment.objects.filter(active=True):
        inside = facts.matches(facts.parse(segment.definition), client, moment)
        if inside and segment.pk not in open_rows:
            changed += _enter(segment, [client_id], moment)
        elif not inside and segment.pk in open_rows:
            changed += _leave(segment, [client_id], moment)
    return changed


def segment_sweep(*, segment: Segment) -> int:
    """Bring a segment's members up to date, a chunk per transaction; returns the number of changes.

    Killed between chunks, the next sweep goes on with what is still different.
    """
    moment = clock.now()
    fits = facts.compile_q(facts.parse(segment.definition), moment)
    changed = 0
    while True:
        with transaction.atomic():
            members = SegmentMember.objects.filter(segment=segment, left_at=None)
            mine = members.filter(client_id=OuterRef("pk"))
            missing = Client.objects.filter(fits).filter(~Exists(mine)).order_by("pk")
            entered = _enter(segment, list(missing.values_list("pk", flat=True)[:CHUNK]), moment)
            still = Client.objects.filter(fits, pk=OuterRef("client_id"))
            gone = members.filter(~Exists(still)).order_by("client_id")
            left = _leave(segment, list(gone.values_list("client_id", flat=True)[:CHUNK]), moment)
        changed += entered + left
        if entered < CHUNK and left < CHUNK:
            break
    Segment.objects.filter(pk=segment.pk).update(swept_at=moment)
    return changed


def segments_sweep() -> int:
    """All active segments of the brokerage, those that were never swept first."""
    rows = Segment.objects.filter(active=True).order_by("swept_at")
    return sum(segment_sweep(segment=segment) for segment in rows)


def _enter(segment: Segment, client_ids: list[UUID], moment: datetime) -> int:
    if not client_ids:
        return 0
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO campaigns_segment_member (id, segment_id, client_id, entered_at)"
            " SELECT id, %s, client_id, %s FROM unnest(%s::uuid[], %s::uuid[]) AS fresh (id, client_id)"
            " ON CONFLICT (segment_id, client_id) WHERE left_at IS NULL DO NOTHING RETURNING client_id",
            [segment.pk, moment, [uuid7() for _ in client_ids], client_ids],
        )
        return _tell(segment, (row[0] for row in cursor.fetchall()), SegmentEntered, "campaigns.segment_entered")


def _leave(segment: Segment, client_ids: list[UUID], moment: datetime) -> int:
    if not client_ids:
        return 0
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE campaigns_segment_member SET left_at = %s"
            " WHERE segment_id = %s AND left_at IS NULL AND client_id = ANY(%s::uuid[]) RETURNING client_id",
            [moment, segment.pk, client_ids],
        )
        return _tell(segment, (row[0] for row in cursor.fetchall()), SegmentLeft, "campaigns.segment_left")


def _tell(segment: Segment, client_ids: Iterable[UUID], fact: Any, kind: str) -> int:
    count = 0
    for client_id in client_ids:
        timeline_add(client_id=client_id, kind=kind, actor=EVALUATOR, data={"segment": segment.name, "id": segment.pk})
        publish(
            fact(client_id=client_id, segment_id=segment.pk, segment_key=segment.key),
            aggregate=f"client:{client_id}",
            actor=EVALUATOR,
        )
        count += 1
    if count:
        live("segments", {"id": str(segment.pk)})
    return count
