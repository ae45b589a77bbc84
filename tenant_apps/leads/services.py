"""Writes of sales work: capture, distribution, status, calls, invitations, saved views."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils.translation import override, pgettext, pgettext_lazy

from kernel import audit, clock, locks
from kernel.actors import Actor, named, system
from kernel.errors import Invalid, NotFound
from kernel.live.publish import publish as live
from tenant_apps.accounts.models import User
from tenant_apps.clients import services as clients
from tenant_apps.clients.models import Client, Stage
from tenant_apps.clients.registration import invitation_address
from tenant_apps.clients.selectors import clients_visible
from tenant_apps.clients.timeline import timeline_add
from tenant_apps.notifications.services import mail_queue, notify

from . import distribution
from .errors import OwnerUnknown, StatusUnknown
from .models import Assignment, Call, LeadRule, Outcome, PipelineStatus, RuleAgent, SavedView
from .permissions_list import PIPELINE, RULES, WORK
from .selectors import view_removable

RULE = named("lead rule", pgettext_lazy("system actor", "Lead rule"))
PAGES = ("leads", "clients")  # with saved views; other apps name their own
MOST_VIEWS = 50  # kept per page: shared ones, and of each person
FORM = system(named("lead form", pgettext_lazy("system actor", "Lead form")))


@transaction.atomic
def lead_capture(
    *,
    email: str,
    first_name: str,
    last_name: str = "",
    phone: str = "",
    country: str = "",
    language: str = "",
    source: Mapping[str, Any] | None = None,
    consents: Mapping[str, Any] | None = None,
    actor: Actor = FORM,
) -> clients.LeadResult:
    """A lead from a form or the API: made or recognised, then distributed. A returning one keeps its agent."""
    result = clients.lead_create(
        email=email, first_name=first_name, last_name=last_name, phone=phone, country=country, language=language,
        source=source, consents=consents, actor=actor,
    )  # fmt: skip
    client = result.client
    if client.owner_id and User.objects.filter(pk=client.owner_id, active=True).exists():
        if not result.created:
            _tell_owner(client, "leads.returned", pgettext("notification", "A lead is back"))
        return result
    lead_distribute(client=client)
    return result


@transaction.atomic
def lead_distribute(*, client: Client) -> User | None:
    """Give a lead to whom the rules say; None leaves it in the pool. The agent is told at once."""
    decision = distribution.decide(distribution.Facts.of(client), lock=True)
    if decision.rule is None or decision.user is None:
        return None
    clients.owner_set(
        client=client,
        owner_id=decision.user.pk,
        team_id=decision.user.team_id,
        reason=decision.rule.name,
        actor=system(f"{RULE}: {decision.rule.name}"),
    )
    distribution.count_turn(decision.rule, decision.user)
    Assignment.objects.create(client=client, user_id=decision.user.pk, rule=decision.rule, at=clock.now())
    _tell_owner(client, "leads.assigned", pgettext("notification", "A new lead for you"))
    return decision.user


def _tell_owner(client: Client, kind: str, title: str) -> None:
    if client.owner_id is None:
        return
    owner = User.objects.filter(pk=client.owner_id).first()
    if owner is None:
        return
    with override(owner.language or "en"):
        notify(
            user_id=owner.pk, kind=kind, title=title, body=client.name, link=f"/clients/{client.pk}/",
            data={"client_id": str(client.pk)},
        )  # fmt: skip


@transaction.atomic
def owner_assign(*, client_ids: Sequence[UUID], owner_id: UUID | None, actor: Actor) -> int:
    """Make one colleague (or nobody) responsible for many clients within the actor's reach; returns how many changed."""
    actor.require("clients.assign")
    owner = None
    if owner_id is not None:
        from tenant_apps.accounts.selectors import agents

        owner = next((user for user in agents(actor) if user.pk == owner_id), None)
        if owner is None:
            raise OwnerUnknown(field="owner")
    changed = 0
    for client in clients_visible(actor).filter(pk__in=list(client_ids)[:500]).select_for_update().order_by("pk"):
        if client.owner_id == owner_id:
            continue
        clients.owner_set(
            client=client, owner_id=owner_id, team_id=owner.team_id if owner else client.team_id, actor=actor
        )
        if owner:
            Assignment.objects.create(client=client, user_id=owner.pk, at=clock.now())
            if str(owner.pk) != actor.id:
                _tell_owner(client, "leads.assigned", pgettext("notification", "A new lead for you"))
        changed += 1
    return changed


@transaction.atomic
def status_set(*, client: Client, status: str, actor: Actor) -> Client:
    """Move a client along the pipeline. Raises StatusUnknown."""
    actor.require(WORK, client)
    row = PipelineStatus.objects.filter(code=status, active=True).first()
    if row is None:
        raise StatusUnknown(field="status")
    if client.status == status:
        return client
    before, client.status, client.updated_at = client.status, status, clock.now()
    client.save(update_fields=["status", "updated_at"])
    audit.record(
        actor=actor, action="leads.status_set", obj=client, subject=client.pk, before={"status": before},
        after={"status": status},
    )  # fmt: skip
    timeline_add(client_id=client.pk, kind="leads.status_set", actor=actor, data={"status": status, "before": before})
    live("leads", {"kind": "status", "id": str(client.pk)})
    return client


@transaction.atomic
def call_log(*, client: Client, outcome: str, seconds: int = 0, note: str = "", actor: Actor) -> Call:
    """Log a call. A new lead becomes "attempted" or, when reached, "contacted". `seconds`: 0 to a day."""
    actor.require(WORK, client)
    if outcome not in Outcome.values:
        raise Invalid(field="outcome")
    call = Call.objects.create(
        client=client, user_id=UUID(actor.id) if actor.kind == "staff" else None, outcome=outcome,
        seconds=max(0, min(int(seconds), 86_400)), note=note.strip()[:5000], at=clock.now(),
    )  # fmt: skip
    clients.contacted_mark(client=client)
    timeline_add(
        client_id=client.pk, kind="leads.call", actor=actor, text=call.note,
        data={"outcome": outcome, "seconds": call.seconds, "call_id": str(call.pk)},
    )  # fmt: skip
    reached = outcome in {Outcome.REACHED, Outcome.CALL_BACK}
    if client.status == "new" or (client.status == "attempted" and reached):
        wanted = "contacted" if reached else "attempted"
        if PipelineStatus.objects.filter(code=wanted, active=True).exists():
            status_set(client=client, status=wanted, actor=actor)
    return call


@transaction.atomic
def dialled(*, client: Client, actor: Actor) -> str:
    """The number to dial, for a click-to-call; that it was asked for stands in the audit trail. Raises NotFound."""
    actor.require(WORK, client)
    if not client.phone:
        raise NotFound
    audit.record(actor=actor, action="leads.dialled", obj=client, subject=client.pk)
    return client.phone


@transaction.atomic
def invitation_send(*, client: Client, actor: Actor) -> None:
    """Mail the registration link in the client's language. Raises Invalid for somebody who registered already."""
    actor.require(WORK, client)
    if client.stage != Stage.LEAD:
        raise Invalid(pgettext("lead", "This client has registered already."))
    mail_queue(
        to=client.email, template="leads.invitation", language=client.language, client_id=client.pk,
        context={"name": client.first_name, "agent": actor.label, "url": invitation_address(client)},
    )  # fmt: skip
    audit.record(actor=actor, action="leads.invited", obj=client, subject=client.pk)
    timeline_add(client_id=client.pk, kind="leads.invited", actor=actor)


# --- rules ----------------------------------------------------------------------------------------------------------


@transaction.atomic
def rule_save(
    *,
    rule: LeadRule | None,
    name: str,
    conditions: dict[str, Any],
    method: str,
    team_id: UUID | None,
    agents: Mapping[UUID, int],
    cap_open: int | None,
    cap_day: int | None,
    active: bool,
    actor: Actor,
) -> LeadRule:
    """Make or change a rule. `agents`: weight by account id; empty means all members of the team."""
    actor.require(RULES)
    if not agents and team_id is None:
        raise Invalid(pgettext("lead rule", "Name agents or a team."), field="team_id")
    row = rule or LeadRule(position=LeadRule.objects.count())
    before = _rule_facts(row) if rule else {}
    row.name, row.conditions, row.method = name.strip()[:80], distribution.conditions_clean(conditions), method
    row.team_id, row.cap_open, row.cap_day, row.active = team_id, cap_open, cap_day, active
    row.updated_at = clock.now()
    row.save()
    row.agents.exclude(user_id__in=list(agents)).update(named=False)
    floor = min((share.given for share in row.agents.all()), default=0)
    for user_id, weight in agents.items():
        RuleAgent.objects.update_or_create(
            rule=row, user_id=user_id, defaults={"weight": max(1, weight), "named": True},
            create_defaults={"weight": max(1, weight), "given": floor},
        )  # fmt: skip
    old, new = audit.changes(before, _rule_facts(row))
    audit.record(actor=actor, action="leads.rule_saved", obj=row, before=old, after=new)
    return row


def _rule_facts(rule: LeadRule) -> dict[str, Any]:
    return {
        "name": rule.name, "conditions": rule.conditions, "method": rule.method, "team_id": str(rule.team_id or ""),
        "cap_open": rule.cap_open, "cap_day": rule.cap_day, "active": rule.active,
        "agents": {str(one.user_id): one.weight for one in rule.agents.filter(named=True).order_by("user_id")},
    }  # fmt: skip


@transaction.atomic
def rule_move(*, rule: LeadRule, up: bool, actor: Actor) -> None:
    """Ask a rule earlier or later, by one place."""
    actor.require(RULES)
    order = list(LeadRule.objects.select_for_update().order_by("position", "created_at"))
    at = next(index for index, row in enumerate(order) if row.pk == rule.pk)
    other = at - 1 if up else at + 1
    if not 0 <= other < len(order):
        return
    order[at], order[other] = order[other], order[at]
    for position, row in enumerate(order):
        LeadRule.objects.filter(pk=row.pk).update(position=position)
    audit.record(actor=actor, action="leads.rule_moved", obj=rule, after={"position": other})


@transaction.atomic
def rule_delete(*, rule: LeadRule, actor: Actor) -> None:
    actor.require(RULES)
    audit.record(actor=actor, action="leads.rule_deleted", obj=rule, before=_rule_facts(rule))
    rule.delete()


# --- the pipeline and saved views -----------------------------------------------------------------------------------


@transaction.atomic
def pipeline_status_save(
    *, status: PipelineStatus | None, name: str, tone: str, phase: str, position: int, active: bool, actor: Actor
) -> PipelineStatus:
    """Make or change a status. Its code is made once and stays; "new" can neither be switched off nor close a lead."""
    from kernel.ids import short_id

    actor.require(PIPELINE)
    if not name.strip():
        raise Invalid(field="name")
    row = status or PipelineStatus(code=f"s_{short_id(6)}")
    before = {"name": row.name, "tone": row.tone, "phase": row.phase, "position": row.position, "active": row.active}
    if row.code == "new" and (not active or phase != "open"):
        raise Invalid(pgettext("lead", "New leads need the status they begin with."), field="active")
    row.name, row.tone, row.phase, row.position, row.active = name.strip()[:60], tone, phase, position, active
    row.save()
    after = {"name": row.name, "tone": tone, "phase": phase, "position": position, "active": active}
    old, new = audit.changes(before if status else {}, after)
    audit.record(actor=actor, action="leads.pipeline_status_saved", obj=row, before=old, after=new)
    return row


@transaction.atomic
def view_save(*, page: str, name: str, query: str, shared: bool, actor: Actor) -> SavedView:
    """Keep a list's filter under a name. Raises Invalid without a name, and where MOST_VIEWS are kept already."""
    if actor.kind != "staff" or not name.strip():
        raise Invalid(field="name")
    locks.hold(f"leads.views:{page}")
    kept = SavedView.objects.filter(page=page)
    kept = kept.filter(shared=True) if shared else kept.filter(user_id=actor.id)
    if kept.count() >= MOST_VIEWS:
        raise Invalid(pgettext_lazy("lead error", "There are too many saved views. Delete one first."), field="name")
    return SavedView.objects.create(
        user_id=UUID(actor.id), page=page, name=name.strip()[:60], query=query[:1000], shared=shared
    )


@transaction.atomic
def view_delete(*, view_id: UUID, actor: Actor, pages: Sequence[str] = PAGES, managing: str = RULES) -> None:
    """Whoever made it, and of a shared one whoever has the right to manage its page. Raises NotFound for others' views."""
    row = SavedView.objects.filter(pk=view_id, page__in=pages).first()
    if row is None or not view_removable(row, actor, managing):
        raise NotFound
    row.delete()
