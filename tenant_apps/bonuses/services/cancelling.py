"""Cancelling a client's bonus by hand: one person says why, another agrees. Money that was paid out stays paid."""

from __future__ import annotations

from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils.translation import pgettext_lazy

from kernel import audit
from kernel.actors import Actor
from kernel.errors import Invalid
from tenant_apps.clients.eyes import as_shown, others_required
from tenant_apps.wallets.models import Decision

from ..errors import ProposalWaits, WrongState
from ..models import CancelRequest, Ending, Grant, GrantState
from ..permissions_list import APPROVE, PROPOSE
from .burning import grant_end
from .deciding import decide, proposed, proposer, tell_approvers

CANCELLABLE = (GrantState.OFFERED, GrantState.GRANTING, GrantState.ACTIVE)


def cancel_propose(*, actor: Actor, grant: Grant, reason: str) -> CancelRequest:
    """First pair of eyes. Raises Invalid at the reason, WrongState, ProposalWaits."""
    actor.require(PROPOSE, grant.client)
    if not reason.strip():
        raise Invalid(pgettext_lazy("bonus error", "Say why."), field="reason")
    if grant.state not in CANCELLABLE:
        raise WrongState
    try:
        with transaction.atomic():
            row = CancelRequest.objects.create(grant=grant, reason=reason.strip()[:300], **proposer(actor))
            audit.record(actor=actor, action="bonuses.cancel_proposed", obj=grant, subject=grant.client_id,
                         reason=row.reason)  # fmt: skip
            tell_approvers("cancel", grant.reference, link=f"/bonuses/grants/{grant.pk}/", besides=actor.id)
    except IntegrityError as error:
        raise ProposalWaits from error
    return row


def cancel_approve(*, actor: Actor, request_id: UUID, seen: str | None = None) -> CancelRequest:
    """Second pair of eyes: the credit is taken back. Raises SamePerson, WrongState; ShownDiffers for another wish than `seen`."""
    with transaction.atomic():
        row = proposed(CancelRequest, request_id)
        as_shown(seen, row)
        grant = Grant.objects.select_related("client").get(pk=row.grant_id)
        actor.require(APPROVE, grant.client)
        signs = others_required(actor, row.proposer_id, client=grant.client)
        if grant.state not in CANCELLABLE:
            raise WrongState
        decide(row, actor, Decision.APPROVED)
        grant_end(grant_id=grant.pk, ending=Ending.BY_HAND, actor=actor)
        audit.record(actor=actor, action="bonuses.cancel_approved", obj=grant, subject=grant.client_id,
                     reason=row.reason, after={"likeness": sorted(signs)} if signs else {})  # fmt: skip
    return row


def cancel_refuse(*, actor: Actor, request_id: UUID, reason: str = "") -> CancelRequest:
    """Who proposed it takes it back; anybody else who may decide refuses it."""
    with transaction.atomic():
        row = proposed(CancelRequest, request_id)
        own = row.proposer_id == actor.id
        actor.require(PROPOSE if own else APPROVE, row.grant.client)
        row.refusal = reason.strip()[:300]
        decide(row, actor, Decision.WITHDRAWN if own else Decision.REJECTED)
        audit.record(actor=actor, action="bonuses.cancel_refused", obj=row.grant, subject=row.grant.client_id,
                     reason=row.refusal)  # fmt: skip
    return row
