"""Limits of deposits by verification level, rule pack and currency: how much room a client has, and keeping to it.

What counts: credited money that was not taken back, payments the bank has promised, and those started within the last
half hour that nobody has declined (the payer may be on the provider's page). Under the client's lock (deposit_start), so
that payments started at the same moment see each other. Money that arrives is credited whatever the limits.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import IntegrityError, models, transaction
from django.db.models import Q, Sum
from django.utils.translation import pgettext_lazy

from kernel import audit, clock
from kernel.actors import Actor
from kernel.errors import Invalid, NotFound
from kernel.money import Money
from kernel.ui.formatting import money_isolated
from tenant_apps.clients import entities
from tenant_apps.clients.models import Client
from tenant_apps.clients.rule_packs import packs, protecting

from ..errors import DepositLimitReached
from ..models import CAME, STILL_THERE, Deposit, DepositLimit, DepositState, FundsThreshold, VelocityRule
from ..permissions_list import LIMITS
from ..words import WINDOWS
from .routing import level_of

SPANS = {"day": timedelta(hours=24), "week": timedelta(days=7), "month": timedelta(days=30), "total": None}
UNDER_WAY = timedelta(minutes=30)


@dataclass(frozen=True, slots=True)
class Room:
    """A limit of a window and what is left of it."""

    window: str
    limit: Money
    used: Money

    @property
    def left(self) -> Money:
        return Money(max(0, self.limit.minor - self.used.minor), self.limit.currency)


def pack_of(client: Client) -> str:
    """The rule pack that protects residents of the country which the client names, proved or not; "" for none."""
    pack = protecting(client.country)
    return pack.key if pack else ""


def limits_of(client: Client, currency: str) -> dict[str, Money]:
    """What holds for the client by window: the narrowest of the limits for everybody, of the client's pack, and of the pack
    of the client's legal entity. One query."""
    packs_of = Q(pack__in=["", pack_of(client)]) | Q(pack__in=entities.own_of(client).values("pack"))
    rows = DepositLimit.objects.filter(packs_of, currency=currency, kyc_level__lte=level_of(client))
    highest = {row.pack: row for row in rows.order_by("kyc_level")}  # the highest level comes last and stays
    found: dict[str, Money] = {}
    for window in SPANS:
        amounts = [money for row in highest.values() if (money := row.of(window)) is not None]
        if amounts:
            found[window] = min(amounts)
    return found


def room_of(client: Client, currency: str, *, attempt: UUID | None = None) -> list[Room]:
    """The client's limits, the narrowest window first; none where there are none. Two queries."""
    limits = limits_of(client, currency)
    if not limits:
        return []
    used = _used(client.pk, currency, list(limits), attempt)
    return [Room(window, limit, used[window]) for window, limit in limits.items()]


def _used(client_id: UUID, currency: str, windows: list[str], attempt: UUID | None) -> dict[str, Money]:
    now = clock.now()
    rows = Deposit.objects.filter(client_id=client_id, currency=currency)
    sums: dict[str, Any] = {}
    for window in windows:
        span = SPANS[window]
        since = now - span if span else datetime.min.replace(tzinfo=now.tzinfo)
        started = _started(max(since, now - UNDER_WAY), attempt)
        promised = Q(state__in=[DepositState.AUTHORISED, DepositState.DELAYED], created_at__gt=since)
        sums[f"{window}_came"] = Sum(STILL_THERE, filter=CAME & Q(credited_at__gt=since))
        sums[f"{window}_comes"] = Sum("amount_minor", filter=promised | started)
    found = rows.aggregate(**sums) if sums else {}
    return {
        window: Money(int(found[f"{window}_came"] or 0) + int(found[f"{window}_comes"] or 0), currency)
        for window in windows
    }


def under_way(attempt: UUID | None) -> Q:
    """What may still be paid of what was begun: promised by banks, or started within the last half hour."""
    promised = Q(state__in=[DepositState.AUTHORISED, DepositState.DELAYED])
    return promised | _started(clock.now() - UNDER_WAY, attempt)


def _started(since: datetime, attempt: UUID | None) -> Q:
    """Open payments without a decline; not the earlier tries of the same payment."""
    query = Q(state__in=[DepositState.CREATED, DepositState.PENDING], created_at__gt=since, failure="")
    if attempt is not None:
        query &= ~Q(pk=attempt) & (Q(attempt=None) | ~Q(attempt=attempt))
    return query


def check(client: Client, amount: Money, *, attempt: UUID | None = None) -> None:
    """Raises DepositLimitReached for the window that leaves the least."""
    rooms = room_of(client, amount.currency, attempt=attempt)
    tight = min(rooms, key=lambda room: room.left.minor, default=None)
    if tight is not None and tight.left < amount:
        raise DepositLimitReached(
            field="amount", amount=amount, window=WINDOWS[tight.window],
            limit=money_isolated(tight.limit), left=money_isolated(tight.left),
        )  # fmt: skip


# --- the office's side: limits, velocity rules and thresholds are rows of the same kind ------------------------------

Row = DepositLimit | VelocityRule | FundsThreshold


def row_save(*, actor: Actor, row: Row) -> Row:
    """Store a limit, a velocity rule or a threshold. Raises Invalid for what cannot be and for a second of its kind."""
    actor.require(LIMITS)
    _sound(row)
    stored = type(row).objects.filter(pk=row.pk).first()
    was, now = audit.changes(_facts(stored) if stored else {}, _facts(row))
    if not now:
        return row
    row.updated_at = clock.now()
    with transaction.atomic():
        try:
            with transaction.atomic():
                row.save()
        except IntegrityError as error:
            raise Invalid(
                pgettext_lazy("payments error", "There is one for this already; change that."), field="currency"
            ) from error
        audit.record(actor=actor, action="payments.deposit_limits_saved", obj=row, before=was, after=now)
    return row


def row_remove(*, actor: Actor, row: Row) -> None:
    actor.require(LIMITS)
    with transaction.atomic():
        audit.record(actor=actor, action="payments.deposit_limits_removed", obj=row, before=_facts(row), after={})
        row.delete()


def limiting_packs() -> dict[str, str]:
    """Packs that protect residents of some country, or that a legal entity has, by key, with their names."""
    had = set(entities.live().values_list("pack", flat=True))
    return {key: pack.name for key, pack in packs().items() if pack.countries or key in had}


def row_get(kind: type[Any], row_id: UUID) -> Any:
    found = kind.objects.filter(pk=row_id).first()
    if found is None:
        raise NotFound
    return found


def _sound(row: Row) -> None:
    if isinstance(row, DepositLimit):
        _sound_limit(row)
    elif isinstance(row, VelocityRule):
        if row.most <= 0 or row.hours <= 0:
            raise Invalid(field="most")
    elif row.amount_minor <= 0:
        raise Invalid(pgettext_lazy("payments error", "Enter an amount above zero."), field="amount")


def _sound_limit(row: DepositLimit) -> None:
    """Something is limited, for a pack that protects somebody, and no longer window is narrower than a shorter one."""
    if row.pack and row.pack not in limiting_packs():
        raise Invalid(pgettext_lazy("payments error", "Choose one of the rule packs."), field="pack")
    given = [(window, row.of(window)) for window in SPANS]
    amounts = [(window, money) for window, money in given if money is not None]
    if not amounts or any(money.minor <= 0 for _, money in amounts):
        raise Invalid(pgettext_lazy("payments error", "Enter an amount above zero."), field="day")
    for (_, shorter), (window, longer) in zip(amounts, amounts[1:], strict=False):
        if longer < shorter:
            raise Invalid(pgettext_lazy("payments error", "This is less than for the shorter time."), field=window)


def _facts(row: models.Model) -> dict[str, Any]:
    if isinstance(row, DepositLimit):
        limits = {window: row.of(window) for window in SPANS}
        return {
            "currency": row.currency, "kyc_level": row.kyc_level, **({"pack": row.pack} if row.pack else {}),
            **{window: None if money is None else str(money) for window, money in limits.items()},
        }  # fmt: skip
    if isinstance(row, VelocityRule):
        return {"measure": row.measure, "most": row.most, "hours": row.hours, "action": row.action}
    assert isinstance(row, FundsThreshold)
    return {"currency": row.currency, "amount": str(row.amount), "action": row.action}
