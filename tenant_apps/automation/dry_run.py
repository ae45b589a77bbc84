"""What a rule would have done: its trigger against the events of the past days, its conditions against clients as they
are now (what they were then is not kept), its actions not at all."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from kernel import clock
from kernel.models import OutboxMessage
from tenant_apps.clients import facts
from tenant_apps.clients.models import Client

from .definitions import fits

MAX_EVENTS = 100_000


@dataclass(frozen=True, slots=True)
class DryRun:
    """`occurrences` how often the trigger would have fired, `clients` for how many people the conditions hold now."""

    days: int
    occurrences: int
    clients: int
    sample: list[Client]
    truncated: bool


def dry_run(*, trigger: Mapping[str, Any], conditions: Mapping[str, Any] | None, days: int = 30) -> DryRun:
    """Look `days` back. Reads at most MAX_EVENTS events and says when there were more."""
    moment = clock.now()
    since = moment - timedelta(days=days)
    people = Client.objects.exclude(stage="closed")
    if conditions:
        people = people.filter(facts.compile_q(facts.parse(conditions), moment))
    if trigger["kind"] == "schedule":
        count = people.count()
        slots = {"day": days, "week": days // 7, "month": max(1, days // 30)}[trigger["every"]]
        return DryRun(days, count * slots, count, list(people.order_by("-created_at")[:10]), False)
    found, truncated = _fired(trigger, since, moment)
    people = people.filter(pk__in=set(found))
    return DryRun(days, len(found), people.count(), list(people.order_by("-created_at")[:10]), truncated)


def _fired(trigger: Mapping[str, Any], since: datetime, moment: datetime) -> tuple[list[str], bool]:
    messages = OutboxMessage.objects.filter(name=trigger["event"], created_at__gte=since).order_by("id")
    rows = list(messages.values_list("payload", "created_at")[: MAX_EVENTS + 1])
    truncated, rows = len(rows) > MAX_EVENTS, rows[:MAX_EVENTS]
    if trigger["kind"] == "event":
        return [row[0]["client_id"] for row in rows if row[0].get("client_id") and fits(trigger, row[0])], truncated
    window = timedelta(hours=trigger["hours"])
    followed = _times(trigger["unless"], since)
    found = []
    for payload, at in rows:
        times = followed.get(payload.get("client_id"), [])
        index = bisect_left(times, at)
        in_time = index < len(times) and times[index] <= at + window
        if payload.get("client_id") and at + window <= moment and not in_time:
            found.append(payload["client_id"])
    return found, truncated


def _times(names: list[str], since: datetime) -> dict[str, list[datetime]]:
    times: dict[str, list[datetime]] = defaultdict(list)
    rows = OutboxMessage.objects.filter(name__in=names, created_at__gte=since).order_by("created_at")
    for payload, at in rows.values_list("payload", "created_at")[:MAX_EVENTS]:
        if client_id := payload.get("client_id"):
            times[client_id].append(at)
    return times
