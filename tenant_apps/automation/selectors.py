"""Reads for the pages of rules."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db.models import Count, F, Q, QuerySet
from django.utils.translation import npgettext, pgettext

from kernel.actors import Actor
from kernel.errors import NotFound
from kernel.permissions import scoped
from tenant_apps.clients.models import Client, Stage

from .definitions import EVENTS, FIELD_WORDS, PERIODS
from .models import Rule, RuleRun, RuleVersion
from .permissions_list import VIEW


def rules(actor: Actor) -> list[Rule]:
    """All rules with `done`, `failed` and their version in force as `current`."""
    actor.require(VIEW)
    rows: list[Rule] = list(
        Rule.objects.annotate(
            done=Count("runs", filter=Q(runs__state="done")), failed=Count("runs", filter=Q(runs__state="failed"))
        ).order_by("-active", "name")
    )
    versions = {one.rule_id: one for one in RuleVersion.objects.filter(number=F("rule__number"))}
    for row in rows:
        row.current = versions.get(row.pk)  # type: ignore[attr-defined]
        row.words = trigger_words(row.current.trigger) if row.current else ""  # type: ignore[attr-defined]
    return rows


def rule_get(actor: Actor, rule_id: UUID) -> Rule:
    found = next((row for row in rules(actor) if row.pk == rule_id), None)
    if found is None:
        raise NotFound
    return found


def trigger_words(trigger: Mapping[str, Any]) -> str:
    """A trigger as a short line."""
    if trigger["kind"] == "schedule":
        return f"{PERIODS[trigger['every']]}, {trigger['hour']:02d}:00"
    name = str(EVENTS.get(trigger["event"], trigger["event"]))
    if trigger["kind"] == "absence":
        without = pgettext("trigger", "; ").join(str(EVENTS.get(one, one)) for one in trigger["unless"])
        words = npgettext(
            "trigger", "%(event)s, and within %(n)d hour none of: %(without)s",
            "%(event)s, and within %(n)d hours none of: %(without)s", trigger["hours"],
        )  # fmt: skip
        return words % {"event": name, "n": trigger["hours"], "without": without}
    where = ", ".join(where_words(key, value) for key, value in trigger.get("where", {}).items())
    return f"{name} ({where})" if where else name


def where_words(key: str, value: Any) -> str:
    """What a trigger narrows its event by, as people say it."""
    if key == "first":
        return pgettext("trigger", "the first one") if value else pgettext("trigger", "not the first one")
    told = dict(Stage.choices).get(value, value) if key == "stage" else value
    return f"{FIELD_WORDS.get(key, key)}: {told}"


def runs(actor: Actor, rule: Rule | None = None) -> QuerySet[RuleRun]:
    """The log, newest first, as far as the actor may see clients."""
    actor.require(VIEW)
    visible = scoped(actor, "clients.view", Client.objects.all()).values("pk")
    rows = RuleRun.objects.filter(client_id__in=visible).select_related("rule", "version", "client")
    return (rows.filter(rule=rule) if rule else rows).order_by("-at", "-id")
