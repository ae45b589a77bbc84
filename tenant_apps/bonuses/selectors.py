"""Reads about bonuses, as far as the actor's right reaches: staff by their clients, clients by what is theirs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db.models import Count, Q, QuerySet, Sum

from kernel import clock
from kernel.actors import Actor
from kernel.errors import NotFound
from kernel.models import AuditEntry
from kernel.money import Money
from kernel.permissions import scoped
from tenant_apps.wallets.models import Decision

from .models import ENDED, CancelRequest, CreditMove, Grant, GrantState, PackChoice, SchemeVersion
from .permissions_list import APPROVE, VIEW
from .services.traded import progress

VIEWS = {
    "alive": ~Q(state__in=ENDED),
    "offered": Q(state=GrantState.OFFERED),
    "ended": Q(state__in=ENDED),
    "attention": ~Q(attention=""),
    "all": Q(),
}


def visible(actor: Actor, right: str = VIEW) -> QuerySet[Grant]:
    rows = Grant.objects.select_related("client", "account", "version__scheme", "deposit")
    return scoped(actor, right, rows, owner="client__owner_id", team="client__team_id")


def filtered(actor: Actor, *, view: str, text: str = "") -> QuerySet[Grant]:
    rows = visible(actor).filter(VIEWS.get(view, VIEWS["alive"]))
    words = text.strip()
    if not words:
        return rows
    found = Q(reference__istartswith=words) | Q(client__last_name__istartswith=words)
    found |= Q(client__email__istartswith=words)
    if words.isdecimal():
        found |= Q(account__login=int(words)) | Q(client__number=int(words))
    return rows.filter(found)


def totals(rows: QuerySet[Grant]) -> list[dict[str, Any]]:
    """Per currency: how many, what was given, what stands as credit, what was paid out. One query."""
    sums = rows.order_by().values("currency").annotate(
        count=Count("pk"), sum_given=Sum("amount_minor"), sum_credit=Sum("credit_minor"), sum_paid=Sum("paid_minor")
    )  # fmt: skip
    return [
        {"currency": row["currency"], "count": row["count"],
         "given": Money(row["sum_given"], row["currency"]), "credit": Money(row["sum_credit"], row["currency"]),
         "paid": Money(row["sum_paid"], row["currency"])}
        for row in sums.order_by("currency")
    ]  # fmt: skip


def get(actor: Actor, grant_id: UUID) -> Grant:
    """Raises NotFound for one out of reach just as for one that does not exist."""
    row = visible(actor).filter(pk=grant_id).first()
    if row is None:
        raise NotFound
    return row


def moves_of(grant: Grant) -> list[CreditMove]:
    return list(CreditMove.objects.filter(grant=grant).order_by("created_at", "pk"))


def acts_of(grant: Grant) -> list[AuditEntry]:
    rows = AuditEntry.objects.filter(object_type="bonuses.grant", object_id=str(grant.pk))
    return list(rows.order_by("id")[:100])


def cancel_request_of(grant: Grant) -> CancelRequest | None:
    return CancelRequest.objects.filter(grant=grant).order_by("-created_at").first()


def waiting(actor: Actor) -> list[QuerySet[Any]]:
    """What waits for this actor and was not proposed by them."""
    if not actor.may(APPROVE):
        return []
    return [
        model._default_manager.filter(state=Decision.PROPOSED).exclude(proposer_id=actor.id)
        for model in (PackChoice, SchemeVersion, CancelRequest)
    ]


@dataclass(frozen=True, slots=True)
class Progress:
    """A bonus with how far it is. `days` left are whole days, None where no time runs."""

    grant: Grant
    lots: Decimal
    needed: Decimal
    days: int | None

    @property
    def percent(self) -> int:
        return int(min(Decimal(100), self.lots * 100 / self.needed)) if self.needed else 0


def shown(grants: Iterable[Grant]) -> list[Progress]:
    """Two queries beside the grants' own."""
    rows = list(grants)
    done = progress(rows)
    return [Progress(row, done[row.pk], row.lots_needed.normalize(), _days(row)) for row in rows]


def _days(grant: Grant) -> int | None:
    until = grant.offered_until if grant.state == GrantState.OFFERED else grant.expires_at
    if until is None or grant.state in ENDED:
        return None
    return max(0, (until - clock.now()).days)


def of_client(client_id: UUID) -> QuerySet[Grant]:
    rows = Grant.objects.filter(client_id=client_id).select_related(
        "account__account_type", "version__scheme", "client"
    )
    return rows.order_by("-created_at", "-pk")
