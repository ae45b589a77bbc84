"""Who has to agree to a withdrawal: the rule that fits, the steps it asks for, and whether an actor may take the next one.

Invariants. The steps are written with the request and taken in order; nobody takes two of one withdrawal (the database
refuses it too), nor one of a withdrawal they asked for on the client's behalf, nor one of their own money.
"""

from __future__ import annotations

from collections.abc import Container

from django.db.models import CharField, QuerySet, Value
from django.db.models.functions import Concat
from django.utils.translation import pgettext

from kernel import clock
from kernel.actors import Actor
from kernel.ids import parse_uuid
from kernel.money import Money
from tenant_apps.accounts.models import Role
from tenant_apps.clients.models import Client

from ..errors import NotYourTurn, WrongState
from ..models import ApprovalRule, ApprovalStep, Withdrawal
from ..permissions_list import AGREE, APPROVE, PROPOSE
from .eyes import others_required

ANYBODY, MANAGER, ROLE = "", "manager", "role:"
BACK = "back"  # a withdrawal that goes wholly back to where it came from, as a method in rules


def rule_for(client: Client, amount: Money, *, method: str, risk: int) -> ApprovalRule | None:
    """The first enabled rule, by position, that fits. One query."""
    tags = set(client.tags or [])
    for rule in ApprovalRule.objects.filter(enabled=True).order_by("position", "created_at"):
        if rule.currency and rule.currency != amount.currency:
            continue
        largest = amount.minor if rule.maximum_minor is None else rule.maximum_minor
        if rule.currency and not rule.minimum_minor <= amount.minor <= largest:
            continue
        if rule.methods and method not in rule.methods:
            continue
        if rule.countries and client.country not in rule.countries:
            continue
        if rule.tags and not tags & set(rule.tags):
            continue
        if risk < rule.risk_from:
            continue
        return rule
    return None


def steps_make(row: Withdrawal, rule: ApprovalRule | None) -> None:
    """The check, then each approval. A step of the client's manager falls to anybody where the client has none."""
    whose = [ANYBODY, *((rule.steps if rule else None) or [ANYBODY])]
    has_manager = row.client.owner_id is not None
    ApprovalStep.objects.bulk_create(
        ApprovalStep(
            withdrawal=row, position=position, who=ANYBODY if who == MANAGER and not has_manager else who
        )
        for position, who in enumerate(whose)
    )  # fmt: skip


def fell_to_anybody(row: Withdrawal, step: ApprovalStep) -> bool:
    """Whether the rule gives this step to the client's manager, and the client had none when it was made."""
    whose = (row.rule.steps if row.rule else None) or []
    given = whose[step.position - 1] if 0 < step.position <= len(whose) else ANYBODY
    return step.who == ANYBODY and given == MANAGER


def step_words(row: Withdrawal, step: ApprovalStep) -> str:
    """Who takes a step, for staff."""
    if fell_to_anybody(row, step):
        return pgettext("approval rule", "Nobody is responsible for the client: anybody who may approve")
    if step.who == MANAGER:
        return pgettext("approval rule", "Who is responsible for the client")
    if step.who == ANYBODY:
        return pgettext("approval rule", "Anybody who may approve")
    return role_names().get(step.who, step.who)


def steps_again(row: Withdrawal) -> None:
    """What was decided counts no more: the whole chain is asked again."""
    row.steps.all().delete()
    steps_make(row, row.rule)


def next_step(row: Withdrawal) -> ApprovalStep | None:
    return row.steps.filter(decided_at=None).order_by("position").first()


def may_take(actor: Actor, step: ApprovalStep, client: Client, *, holders: Container[str] | None = None) -> bool:
    """Whether this step is for this actor, whatever they did before. `holders`: who has the step's role, read once for
    many actors."""
    if step.is_check:
        return actor.may(PROPOSE, client)
    if step.who == MANAGER:
        return actor.id == str(client.owner_id) and (actor.may(AGREE, client) or actor.may(APPROVE, client))
    if not actor.may(APPROVE, client):
        return False
    if step.who.startswith(ROLE):
        return actor.id in (role_holders(step) if holders is None else holders)
    return True


def role_steps(actor: Actor) -> QuerySet[Role, str]:
    """The actor's roles, as steps name them; for a query to ask in its own statement."""
    user_id = parse_uuid(actor.id)
    roles = Role.objects.none() if user_id is None else Role.objects.filter(user=user_id)
    return roles.values_list(Concat(Value(ROLE), "code", output_field=CharField()), flat=True)


def role_holders(step: ApprovalStep) -> frozenset[str]:
    """Ids of who has the role that the step names."""
    if not step.who.startswith(ROLE):
        return frozenset()
    roles = Role.objects.filter(code=step.who.removeprefix(ROLE), user__isnull=False)
    return frozenset(str(user_id) for user_id in roles.values_list("user", flat=True))


def step_take(actor: Actor, row: Withdrawal, *, check: bool) -> frozenset[str]:
    """Decide the next step. Returns the likeness of the people so far (services.eyes). Raises NotYourTurn, SamePerson,
    WrongState; Forbidden without the right."""
    step = next_step(row)
    if step is None or step.is_check != check:
        raise WrongState
    if step.is_check:
        actor.require(PROPOSE, row.client)
    elif not may_take(actor, step, row.client):
        if step.who != MANAGER or actor.may(APPROVE, row.client):
            actor.require(APPROVE, row.client)
        raise NotYourTurn
    earlier = row.steps.exclude(decided_by_id="").values_list("decided_by_id", flat=True)
    signs = others_required(actor, *earlier, row.requested_by, client=row.client)
    step.decided_by_id, step.decided_by_label, step.decided_at = actor.id, actor.label[:160], clock.now()
    step.updated_at = clock.now()
    step.save()
    return signs


def role_names() -> dict[str, str]:
    """Role labels by step code, for forms and trackers."""
    return {f"{ROLE}{role.code}": role.label for role in Role.objects.order_by("name")}


def who_choices() -> list[tuple[str, str]]:
    """Whom a step may be given to, in words; "any" stands for ANYBODY, since forms cannot tell "" from nothing."""
    return [
        ("any", pgettext("approval rule", "Anybody who may approve")),
        (MANAGER, pgettext("approval rule", "Who is responsible for the client")),
        *role_names().items(),
    ]
