"""Running rules. One row per (rule, client, occurrence) makes every run happen once: it is inserted first, in the
transaction of the actions, so that a second delivery, a second sweeper or a killed worker repeats nothing.

An action that fails takes back the run's other actions and leaves a line that says why; it never holds up the events
behind it, because a rule is somebody's wish, not a fact.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo, available_timezones

from django.db import IntegrityError, transaction
from django.db.models import F, QuerySet
from django.utils.translation import pgettext_lazy

from kernel import clock
from kernel.actors import Actor, named, system
from kernel.errors import AppError
from kernel.events import Envelope
from kernel.ids import parse_uuid
from kernel.logs import log
from kernel.tenancy import context as tenancy
from tenant_apps.clients import facts
from tenant_apps.clients.models import Client, Stage
from tenant_apps.clients.timeline import timeline_add

from .actions import PERFORM
from .definitions import fits
from .models import RuleRun, RuleVersion, RunState, Wait

CHUNK = 500

RULE = named("rule", pgettext_lazy("system actor", "Rule"))


def versions_in_force() -> QuerySet[RuleVersion]:
    return RuleVersion.objects.filter(rule__active=True, number=F("rule__number")).select_related("rule")


def on_event(event: Envelope) -> None:
    """Let every rule see an event: run, begin to wait, or stop waiting."""
    client_id = _client_of(event)
    if client_id is None or event.name.startswith("automation."):
        return
    occurrence = str(event.message_id)
    for version in versions_in_force():
        trigger = version.trigger
        if trigger["kind"] == "event" and trigger["event"] == event.name and fits(trigger, event.payload):
            run(version=version, client_id=client_id, occurrence=occurrence)
        elif trigger["kind"] == "absence":
            _watch(version, event, client_id, occurrence)


def _client_of(event: Envelope) -> UUID | None:
    return parse_uuid(event.payload.get("client_id"))


def _watch(version: RuleVersion, event: Envelope, client_id: UUID, occurrence: str) -> None:
    trigger = version.trigger
    if event.name in trigger["unless"]:
        Wait.objects.filter(rule=version.rule, client_id=client_id, since__lte=event.created_at).delete()
    if event.name == trigger["event"] and Client.objects.filter(pk=client_id).exists():
        due_at = event.created_at + timedelta(hours=trigger["hours"])
        Wait.objects.bulk_create(
            [
                Wait(
                    rule=version.rule, client_id=client_id, occurrence=occurrence, since=event.created_at, due_at=due_at
                )
            ],
            ignore_conflicts=True,
        )


def actor_of(version: RuleVersion) -> Actor:
    return system(f"{RULE}: {version.rule.name}")


@transaction.atomic
def run(*, version: RuleVersion, client_id: UUID, occurrence: str) -> RuleRun | None:
    """Run a rule for one occurrence of a client; None when it ran before or the client is unknown or closed."""
    client = Client.objects.filter(pk=client_id).exclude(stage=Stage.CLOSED).first()
    if client is None:
        return None
    row = _claimed(version, client, occurrence[:60])
    if row is None:
        return None
    if version.conditions and not facts.matches(facts.parse(version.conditions), client, clock.now()):
        row.state = RunState.SKIPPED
    else:
        _perform(row, version, client)
    row.save(update_fields=["state", "result", "error"])
    return row


def _claimed(version: RuleVersion, client: Client, occurrence: str) -> RuleRun | None:
    """The run's row, if this call is the one that made it."""
    row = RuleRun(rule=version.rule, version=version, client=client, occurrence=occurrence, state=RunState.DONE)
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError:
        return None
    return row


def _perform(row: RuleRun, version: RuleVersion, client: Client) -> None:
    actor = actor_of(version)
    done: list[dict[str, Any]] = []
    try:
        with transaction.atomic():
            for index, action in enumerate(version.actions):
                key = f"rule:{version.rule_id}:{client.pk}:{row.pk}:{index}"
                done.append({"do": action["do"], "result": PERFORM[action["do"]](action, client, key, actor)})
            timeline_add(
                client_id=client.pk,
                kind="automation.rule",
                actor=actor,
                data={"rule": version.rule.name, "done": done},
                dedupe_key=f"rule-run:{row.pk}",
            )
    except AppError as error:
        row.state, row.error = RunState.FAILED, str(error)[:300]
        return
    except Exception as error:  # noqa: BLE001 - a rule's defect is its own: logged, shown, and nothing waits for it
        log.exception("rule_failed", rule=version.rule.key)
        row.state, row.error = RunState.FAILED, type(error).__name__
        return
    row.result = done


# --- by the clock ----------------------------------------------------------------------------------------------------------


def waits_run() -> int:
    """Run absence rules whose time is up; returns how many waits were settled."""
    versions = {version.rule_id: version for version in versions_in_force() if version.trigger["kind"] == "absence"}
    settled = 0
    while True:
        with transaction.atomic():
            rows = list(
                Wait.objects.select_for_update(skip_locked=True)
                .filter(rule_id__in=list(versions), due_at__lte=clock.now())
                .order_by("due_at")[:CHUNK]
            )
            for wait in rows:
                run(version=versions[wait.rule_id], client_id=wait.client_id, occurrence=wait.occurrence)
            Wait.objects.filter(pk__in=[wait.pk for wait in rows]).delete()
        settled += len(rows)
        if len(rows) < CHUNK:
            return settled


def zone() -> ZoneInfo:
    name = str(tenancy.tenant().setting("time_zone") or "")
    return ZoneInfo(name) if name in available_timezones() else ZoneInfo("UTC")


def slot(trigger: dict[str, Any], moment: datetime) -> datetime:
    """The last time at or before `moment` at which a schedule was due, in the brokerage's zone."""
    local = moment.astimezone(zone())
    due = local.replace(hour=trigger["hour"], minute=0, second=0, microsecond=0)
    if due > local:
        due -= timedelta(days=1)
    if trigger["every"] == "week":
        due -= timedelta(days=due.weekday())
    elif trigger["every"] == "month":
        due = due.replace(day=1)
    return due


def schedules_run() -> int:
    """Run schedule rules that are due, for who fits now and has not had this period; in chunks."""
    count = 0
    for version in versions_in_force():
        if version.trigger["kind"] != "schedule" or not version.conditions:
            continue
        due = slot(version.trigger, clock.now())
        if due < version.published_at:
            continue
        fitting = facts.compile_q(facts.parse(version.conditions), clock.now())
        occurrence = due.date().isoformat()
        while True:
            had = RuleRun.objects.filter(rule=version.rule, occurrence=occurrence).values("client_id")
            batch = Client.objects.filter(fitting).exclude(stage=Stage.CLOSED).exclude(pk__in=had)
            ids = list(batch.order_by("pk").values_list("pk", flat=True)[:CHUNK])
            done = sum(run(version=version, client_id=one, occurrence=occurrence) is not None for one in ids)
            count += done
            if len(ids) < CHUNK or not done:
                break
    return count
