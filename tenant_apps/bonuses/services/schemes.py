"""Bonuses a brokerage offers: every set of terms is proposed by one person and approved by another, and never edited."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Max
from django.utils.translation import pgettext_lazy

from kernel import audit
from kernel.actors import Actor
from kernel.errors import Invalid
from kernel.money import CURRENCIES
from tenant_apps.clients.eyes import others_required
from tenant_apps.wallets.models import Decision

from ..errors import ProposalWaits
from ..models import Burn, Scheme, SchemeVersion
from ..permissions_list import APPROVE, PROPOSE
from .deciding import decide, proposed, proposer, tell_approvers

AMOUNTS = ("minimum", "cap", "client_cap")


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What a version says; see the model for units."""

    names: Mapping[str, str]
    percent: Decimal
    currencies: Mapping[str, Mapping[str, Any]]
    starts_at: datetime
    ends_at: datetime | None = None
    terms: Mapping[str, str] = field(default_factory=dict)
    enabled: bool = True
    first_only: bool = False
    countries: list[str] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)
    account_types: list[str] = field(default_factory=list)
    symbols: list[str] = field(default_factory=list)
    opt_in: bool = True
    offer_days: int = 7
    days: int = 90
    burn: str = Burn.ALL
    equity_factor: Decimal = Decimal(1)


def versions_in_force() -> list[SchemeVersion]:
    """The latest approved version of each scheme, switched-off ones left out, those that come first first. One query."""
    rows = SchemeVersion.objects.filter(state=Decision.APPROVED).select_related("scheme")
    latest = rows.order_by("scheme_id", "-number").distinct("scheme_id")
    return sorted((row for row in latest if row.enabled), key=lambda row: (row.scheme.order, row.scheme.code))


def scheme_propose(
    *, actor: Actor, code: str, terms: Terms, order: int = 50, scheme: Scheme | None = None
) -> SchemeVersion:
    """First pair of eyes: a new bonus, or with `scheme` further terms of one. Raises Invalid at a field, ProposalWaits."""
    actor.require(PROPOSE)
    _check(terms)
    who = proposer(actor)
    with transaction.atomic():
        row = _scheme(scheme, code, order)
        number = (row.versions.aggregate(last=Max("number"))["last"] or 0) + 1
        try:
            with transaction.atomic():
                version = SchemeVersion.objects.create(scheme=row, number=number, **who, **_columns(terms))
        except IntegrityError as error:
            raise ProposalWaits from error
        audit.record(actor=actor, action="bonuses.scheme_proposed", obj=version, after=_told(version))
        tell_approvers("scheme", row.code, link=f"/bonuses/schemes/{version.pk}/", besides=actor.id)
    return version


def _scheme(scheme: Scheme | None, code: str, order: int) -> Scheme:
    if scheme is not None:
        return Scheme.objects.select_for_update().get(pk=scheme.pk)
    taken = pgettext_lazy("bonus error", "Another bonus has this name.")
    if not code.strip():
        raise Invalid(pgettext_lazy("bonus error", "Give it a name."), field="code")
    try:
        with transaction.atomic():
            return Scheme.objects.create(code=code.strip()[:40], order=order)
    except IntegrityError as error:
        raise Invalid(taken, field="code") from error


def _columns(terms: Terms) -> dict[str, Any]:
    return {name: dict(value) if isinstance(value, Mapping) else value for name, value in asdict(terms).items()}


def _check(terms: Terms) -> None:
    """A cap of nothing or a deposit of less than nothing is a slip of the pen; said before a second person looks."""
    if not any(terms.names.values()):
        raise Invalid(pgettext_lazy("bonus error", "Say what clients read as its name."), field="names")
    if not 0 < terms.percent <= 1000:
        raise Invalid(pgettext_lazy("bonus error", "Between 0 and 1,000 percent."), field="percent")
    if terms.ends_at is not None and terms.ends_at <= terms.starts_at:
        raise Invalid(pgettext_lazy("bonus error", "It ends before it begins."), field="ends_at")
    if terms.days < 1 or terms.offer_days < 1:
        raise Invalid(pgettext_lazy("bonus error", "At least one day."), field="days")
    if not terms.currencies:
        raise Invalid(pgettext_lazy("bonus error", "Name at least one currency."), field="currencies")
    for currency, row in terms.currencies.items():
        _check_currency(currency, row)


def _check_currency(currency: str, row: Mapping[str, Any]) -> None:
    wrong = pgettext_lazy("bonus error", "Each currency needs a most per bonus, a most per client and lots to trade.")
    amounts = [row.get(name) for name in AMOUNTS]
    if currency not in CURRENCIES or not all(isinstance(one, int) and one >= 0 for one in amounts):
        raise Invalid(wrong, field="currencies")
    lots = Decimal(str(row.get("lots", "0")))
    if not row["cap"] or row["client_cap"] < row["cap"] or not lots.is_finite() or lots <= 0:
        raise Invalid(wrong, field="currencies")


def scheme_approve(*, actor: Actor, version_id: UUID) -> SchemeVersion:
    """Second pair of eyes: these terms hold from now on. Raises SamePerson, WrongState."""
    actor.require(APPROVE)
    with transaction.atomic():
        row = proposed(SchemeVersion, version_id)
        signs = others_required(actor, row.proposer_id)
        decide(row, actor, Decision.APPROVED)
        more = {"likeness": sorted(signs)} if signs else {}
        audit.record(actor=actor, action="bonuses.scheme_approved", obj=row, after={**_told(row), **more})
    return row


def scheme_refuse(*, actor: Actor, version_id: UUID, reason: str = "") -> SchemeVersion:
    """Who proposed it takes it back; anybody else who may decide refuses it."""
    with transaction.atomic():
        row = proposed(SchemeVersion, version_id)
        own = row.proposer_id == actor.id
        actor.require(PROPOSE if own else APPROVE)
        row.refusal = reason.strip()[:300]
        decide(row, actor, Decision.WITHDRAWN if own else Decision.REJECTED)
        audit.record(actor=actor, action="bonuses.scheme_refused", obj=row, reason=row.refusal)
    return row


def _told(row: SchemeVersion) -> dict[str, Any]:
    return {
        "number": row.number, "enabled": row.enabled, "percent": str(row.percent), "currencies": row.currencies,
        "countries": row.countries, "days": row.days, "burn": row.burn, "equity_factor": str(row.equity_factor),
        "opt_in": row.opt_in, "first_only": row.first_only,
    }  # fmt: skip
