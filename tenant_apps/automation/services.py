"""Writing rules. A rule is never edited: each publication is a version, and the log says which one ran."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.utils.text import slugify

from kernel import audit, clock
from kernel.actors import Actor, Reach
from kernel.errors import Invalid
from kernel.ids import short_id
from tenant_apps.clients.money_tags import money_tags, normal
from tenant_apps.clients.permissions_list import MONEY_TAGS

from .definitions import actions_parse, conditions_parse, trigger_parse
from .errors import ActNotYours
from .models import Rule, RuleVersion, Wait
from .permissions_list import EDIT

ACTS = {"status": "leads.work", "tag": "clients.edit", "mail": "campaigns.send"}


@transaction.atomic
def rule_publish(
    *,
    rule: Rule | None,
    name: str,
    trigger: Mapping[str, Any],
    conditions: Mapping[str, Any] | None,
    actions: list[Mapping[str, Any]],
    key: str = "",
    actor: Actor,
) -> Rule:
    """A new rule (inactive), or the next version of one. Unchanged content makes no version. Raises RuleInvalid."""
    actor.require(EDIT)
    if not name.strip():
        raise Invalid(field="name")
    checked = trigger_parse(trigger)
    acts = actions_parse(list(actions))
    content = {"trigger": checked, "conditions": conditions_parse(conditions, checked), "actions": acts}
    if rule is None:
        row = Rule.objects.create(key=key or f"{slugify(name)[:48] or 'rule'}-{short_id(6)}", name=name.strip()[:120])
    else:
        row = Rule.objects.select_for_update().get(pk=rule.pk)
        row.name, row.updated_at = name.strip()[:120], clock.now()
    before = _content(row)
    if before != content:
        _require_actions(actor, acts)
        row.number += 1
        RuleVersion.objects.create(
            rule=row, number=row.number, author=actor.label[:160], published_at=clock.now(), **content
        )
        if before and before["trigger"] != content["trigger"]:
            Wait.objects.filter(rule=row).delete()
    row.save()
    audit.record(
        actor=actor, action="automation.rule_published", obj=row, before=before, after={**content, "number": row.number}
    )
    return row


def _require_actions(actor: Actor, actions: list[dict[str, Any]]) -> None:
    """A rule acts on every client, as the system: its author needs the right to each of its acts, over all clients.

    Tasks and notices only ask colleagues for something; writing rules is right enough for them.
    """
    for action in actions:
        code = ACTS.get(action["do"], "")
        if code and actor.reach(code) is not Reach.ALL:
            raise ActNotYours(permission=code)
        if action["do"] == "tag" and normal(action["tag"]) in money_tags() and not actor.may(MONEY_TAGS):
            raise ActNotYours(permission=MONEY_TAGS)


def _content(rule: Rule) -> dict[str, Any] | None:
    version = RuleVersion.objects.filter(rule=rule, number=rule.number).first()
    if version is None:
        return None
    return {"trigger": version.trigger, "conditions": version.conditions, "actions": version.actions}


@transaction.atomic
def rule_activate(*, rule: Rule, active: bool, actor: Actor) -> Rule:
    """Switch a rule on or off. Off: who it was waiting for is forgotten. On, it may be somebody else's words and a tag
    of it may carry money by now: whoever switches it on needs the rights to its acts too."""
    actor.require(EDIT)
    if active:
        _require_actions(actor, (_content(rule) or {}).get("actions", []))
    if Rule.objects.filter(pk=rule.pk).exclude(active=active).update(active=active, updated_at=clock.now()):
        action = "automation.rule_started" if active else "automation.rule_stopped"
        audit.record(actor=actor, action=action, obj=rule)
        if not active:
            Wait.objects.filter(rule=rule).delete()
    rule.refresh_from_db()
    return rule
