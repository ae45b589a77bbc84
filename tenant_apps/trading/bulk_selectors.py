"""Reads about bulk changes: one's own, and all of them for whoever sees the whole brokerage or agrees to others'."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any
from uuid import UUID

from django.db.models import Case, CharField, Count, Exists, F, OuterRef, Q, QuerySet, Value, When

from kernel.actors import Actor, Reach
from kernel.errors import NotFound
from kernel.permissions import within
from tenant_apps.clients.models import Client
from tenant_apps.trading.models import (
    AccountType,
    BulkChange,
    BulkChangeRow,
    BulkRowState,
    BulkState,
    BulkWhat,
    Obstacle,
)
from tenant_apps.trading.permissions_list import BULK_APPROVE, BULK_VIEW, VIEW
from tenant_apps.trading.refusal_words import refusal_words
from tenant_apps.wallets.models import ChangeState, ProposedChange

KIND = "trading_bulk"  # of change_kinds
MOST_DIGITS = 18


def _waiting() -> QuerySet[ProposedChange]:
    return ProposedChange.objects.filter(kind=KIND, state=ChangeState.WAITING, object_id=OuterRef("pk"))


# Where a bulk change stands, as a column: nothing is stored that could say otherwise.
STANDING: Any = Case(
    When(Q(state=BulkState.PLANNED) & Exists(_waiting()), then=Value(BulkState.WAITING.value)),
    default=F("state"),
    output_field=CharField(),
)


def bulk_visible(actor: Actor) -> QuerySet[Any]:
    """With `standing`; none without the right."""
    rows = BulkChange.objects.select_related("account_type", "origin").annotate(standing=STANDING)
    if actor.may(BULK_APPROVE) or actor.reach(BULK_VIEW) is Reach.ALL:
        return rows
    return rows.filter(proposer_id=actor.id) if actor.may(BULK_VIEW) else rows.none()


def bulk_get(actor: Actor, bulk_id: UUID) -> Any:
    """One of them. Raises NotFound for one out of reach just as for one that does not exist."""
    found = bulk_visible(actor).filter(pk=bulk_id).first()
    if found is None:
        raise NotFound
    return found


def bulk_waiting(actor: Actor) -> QuerySet[Any]:
    return bulk_visible(actor).filter(standing=BulkState.WAITING)


def bulk_mine(actor: Actor) -> QuerySet[Any]:
    """What somebody else proposed and this actor may agree to."""
    rows = bulk_waiting(actor)
    return rows.exclude(proposer_id=actor.id) if actor.may(BULK_APPROVE) else rows.none()


def proposal_of(bulk_id: UUID) -> ProposedChange | None:
    """The last proposal of it, decided or not."""
    return ProposedChange.objects.filter(kind=KIND, object_id=bulk_id).order_by("-created_at").first()


def counts_of(change: BulkChange) -> dict[str, int]:
    """Accounts by state, and by reason under its own name: one query over the index."""
    found = dict.fromkeys(BulkRowState.values, 0)
    rows = change.rows.values_list("state", "reason").annotate(count=Count("id")).order_by()
    for state, reason, count in rows:
        found[state] += count
        if reason:
            found[f"{state}:{reason}"] = count
    return found


def rows_of(
    actor: Actor, change: BulkChange, *, text: str = "", state: str = "", reason: str = ""
) -> QuerySet[BulkChangeRow]:
    """Its accounts that the actor may see, by login or number, or by name; in the order they were found in."""
    rows = change.rows.select_related("account__client", "account__server").order_by("id")
    if not actor.may(BULK_APPROVE):  # whoever agrees sees what they agree to
        rows = rows.filter(within(actor, VIEW, owner="account__client__owner_id", team="account__client__team_id"))
    if state in BulkRowState.values:
        rows = rows.filter(state=state)
    if reason:
        rows = rows.filter(reason=reason[:60])
    if text.isdecimal() and len(text) < MOST_DIGITS:
        return rows.filter(Q(account__login=int(text)) | Q(account__client__number=int(text)))
    for word in text.split()[:4]:
        named = Q(account__client__first_name__icontains=word) | Q(account__client__last_name__icontains=word)
        rows = rows.filter(named)
    return rows


def worded(change: BulkChange, rows: Iterable[BulkChangeRow]) -> list[Any]:
    """With `was` and `gets` as people say them."""
    words, found = _value_words(change), list(rows)
    for row in found:
        row.was, row.gets = words(row.before), words(row.after)  # type: ignore[attr-defined]
    return found


def lines_of(change: BulkChange, rows: QuerySet[BulkChangeRow]) -> Iterator[list[object]]:
    """Rows as a file has them, in the order of its columns: a hundred thousand, so columns and no objects are read."""
    words, states, reasons = _value_words(change), dict(BulkRowState.choices), dict(Obstacle.choices)
    person = [f"account__client__{name}" for name in ("corporate", "company", "first_name", "last_name")]
    found = rows.values_list("account__login", "before", "after", "state", "reason", "finished_at", *person)
    for login, before, after, state, reason, at, corporate, company, first, last in found.iterator(chunk_size=5000):
        client = Client(corporate=corporate, company=company, first_name=first, last_name=last)
        told = reasons.get(reason) or refusal_words(reason)
        yield [login, client.name, words(before), words(after), str(states[state]), str(told), at]


def _value_words(change: BulkChange) -> Callable[[str], str]:
    """Leverages and types by name; types are read once."""
    if change.what == BulkWhat.LEVERAGE:
        return lambda value: f"1:{value}"
    types = {str(kind.pk): f"{kind.name} \u2068{kind.group}\u2069" for kind in AccountType.objects.all()}
    return lambda value: types.get(value, value)
