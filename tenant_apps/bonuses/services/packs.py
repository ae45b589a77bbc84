"""Which rules apply to a client, and who decided so. Without a decision nobody gets a bonus.

A resident of a country whose regulator protects its people falls under that regulator's pack wherever the brokerage is;
the choice for a country may be stricter than that, never laxer, also where the pack came after the choice. Of a client
whose legal entity names a pack that one counts instead of the choice's default, and again the strictest of all. A client's
country is what he says himself until his documents prove it: until then no pack is known to apply and he gets no bonus,
nor later for a deposit made before, since its promise would rest on rules nobody had looked at.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import QuerySet, Subquery
from django.utils.translation import pgettext_lazy

from kernel import audit, clock
from kernel.actors import Actor
from kernel.errors import Invalid
from tenant_apps.clients import entities, identity_change
from tenant_apps.clients.eyes import others_required
from tenant_apps.clients.models import Client, KycState
from tenant_apps.clients.rule_packs import RulePack, packs, protecting
from tenant_apps.wallets.models import Decision

from ..errors import ProposalWaits
from ..models import PackChoice
from ..permissions_list import APPROVE, PROPOSE
from .deciding import decide, proposed, proposer, tell_approvers


def choice_in_force(before: datetime | None = None) -> PackChoice | None:
    """The choice that holds, or held until an instant."""
    rows = _approved()
    if before is not None:
        rows = rows.filter(decided_at__lt=before)
    return rows.first()


def _approved() -> QuerySet[PackChoice]:
    return PackChoice.objects.filter(state=Decision.APPROVED).order_by("-decided_at", "-id")


def pack_of(client: Client) -> RulePack | None:
    """The pack a client falls under; None while the brokerage has decided nothing or it is not proved who he is and where
    he lives. One query."""
    if not client.country or client.kyc_state != KycState.APPROVED or identity_change.held(client):
        return None
    choice = _approved().annotate(entity_pack=Subquery(entities.own_of(client).values("pack")[:1])).first()
    return pack_under(choice, client.country, choice.entity_pack or "") if choice else None


def pack_under(choice: PackChoice, country: str, entity_pack: str = "") -> RulePack | None:
    """The strictest of what protects the residents, what was chosen for their country, and the pack of the client's legal
    entity, or else the default; None where one of those is no longer there."""
    own, key = protecting(country), choice.countries.get(country)
    if own is not None and (not own.allows_bonuses or not (key or entity_pack)):
        return own
    named = [packs().get(one) for one in (key, entity_pack) if one] or [packs().get(choice.default)]
    return next((pack for pack in named if pack is None or not pack.allows_bonuses), named[-1])


def choice_propose(*, actor: Actor, default: str, countries: dict[str, str], reason: str) -> PackChoice:
    """First pair of eyes. Raises Invalid at a field, ProposalWaits."""
    actor.require(PROPOSE)
    if default not in packs():
        raise Invalid(pgettext_lazy("bonus error", "Choose one of the rule packs."), field="default")
    for country, key in countries.items():
        _check_country(country, key)
    if not reason.strip():
        raise Invalid(pgettext_lazy("bonus error", "Say why."), field="reason")
    try:
        with transaction.atomic():
            row = PackChoice.objects.create(
                default=default, countries=countries, reason=reason.strip()[:300], **proposer(actor)
            )
            audit.record(actor=actor, action="bonuses.pack_proposed", obj=row, reason=row.reason, after=_told(row))
            tell_approvers("pack", str(packs()[default].name), link="/bonuses/rules/", besides=actor.id)
    except IntegrityError as error:
        raise ProposalWaits from error
    return row


def _check_country(country: str, key: str) -> None:
    pack, own = packs().get(key), protecting(country)
    if pack is None:
        raise Invalid(pgettext_lazy("bonus error", "Choose one of the rule packs."), field="countries")
    if own is not None and pack.allows_bonuses and not own.allows_bonuses:
        raise Invalid(
            pgettext_lazy("bonus error", "Residents of this country are protected by rules that cannot be set aside."),
            field="countries",
        )


def choice_approve(*, actor: Actor, choice_id: UUID) -> PackChoice:
    """Second pair of eyes: it holds from now on. Raises SamePerson, WrongState."""
    actor.require(APPROVE)
    with transaction.atomic():
        row = proposed(PackChoice, choice_id)
        signs = others_required(actor, row.proposer_id)
        before = choice_in_force()
        decide(row, actor, Decision.APPROVED)
        audit.record(
            actor=actor, action="bonuses.pack_approved", obj=row, before=_told(before) if before else None,
            after={**_told(row), **({"likeness": sorted(signs)} if signs else {})},
        )  # fmt: skip
    return row


def choice_refuse(*, actor: Actor, choice_id: UUID, reason: str = "") -> PackChoice:
    """Who proposed it takes it back; anybody else who may decide refuses it."""
    with transaction.atomic():
        row = proposed(PackChoice, choice_id)
        own = row.proposer_id == actor.id
        actor.require(PROPOSE if own else APPROVE)
        row.refusal = reason.strip()[:300]
        decide(row, actor, Decision.WITHDRAWN if own else Decision.REJECTED)
        audit.record(actor=actor, action="bonuses.pack_refused", obj=row, reason=row.refusal)
    return row


def _told(row: PackChoice) -> dict[str, object]:
    versions = {key: packs()[key].version for key in {row.default, *row.countries.values()} if key in packs()}
    return {"default": row.default, "countries": row.countries, "pack_versions": versions, "at": str(clock.today())}
