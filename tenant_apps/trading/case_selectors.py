"""Reads about cases: nobody's in particular, so that whoever may see them sees all."""

from __future__ import annotations

from typing import Any

from django.db.models import Case as Choice
from django.db.models import CharField, Exists, OuterRef, Q, QuerySet, Value, When

from kernel.actors import Actor
from tenant_apps.wallets.models import ChangeState, ProposedChange

from .models import Case, CaseState
from .permissions_list import CASES_APPROVE, CASES_EDIT, CASES_VIEW
from .services.cases import SETTLE


def _waiting() -> QuerySet[ProposedChange]:
    return ProposedChange.objects.filter(kind=SETTLE, state=ChangeState.WAITING, object_id=OuterRef("pk"))


# Where a case stands, as a column: nothing is stored that could say otherwise.
STANDING: Any = Choice(
    When(resolved_at__isnull=False, then=Value(CaseState.RESOLVED.value)),
    When(Exists(_waiting()), then=Value(CaseState.WAITING.value)),
    When(~Q(owner_id=""), then=Value(CaseState.IN_WORK.value)),
    default=Value(CaseState.OPEN.value),
    output_field=CharField(),
)


def cases_visible(actor: Actor) -> QuerySet[Any]:
    """All, with `standing`; none without the right."""
    rows = Case.objects.select_related("account__client", "server").annotate(standing=STANDING)
    return rows if actor.may(CASES_VIEW) else rows.none()


def cases_unresolved(actor: Actor) -> QuerySet[Any]:
    return cases_visible(actor).filter(resolved_at=None)


def cases_mine(actor: Actor) -> QuerySet[Any]:
    """Unresolved ones that nobody else has taken, and postings that somebody else proposed."""
    mine = Q(pk__in=[])
    if actor.may(CASES_EDIT):
        mine |= Q(standing=CaseState.OPEN) | Q(standing=CaseState.IN_WORK, owner_id=actor.id)
    if actor.may(CASES_APPROVE):
        mine |= Q(Exists(_waiting().exclude(proposer_id=actor.id)))
    return cases_unresolved(actor).filter(mine)


CASE_VIEWS = ("open", "mine", "waiting", "resolved", "all")


def cases_filtered(actor: Actor, *, view: str, kind: str) -> QuerySet[Any]:
    rows = cases_visible(actor)
    if view == "mine":
        rows = rows.filter(resolved_at=None, owner_id=actor.id)
    elif view == "waiting":
        rows = rows.filter(standing=CaseState.WAITING)
    elif view == "resolved":
        rows = rows.filter(resolved_at__isnull=False)
    elif view != "all":
        rows = rows.filter(resolved_at=None)
    return rows.filter(kind=kind) if kind else rows
