"""What keeps a part of an approved withdrawal from going out at this very moment.

It was sound when the last person agreed; since then a deposit may have been charged back (freezes.py), the client's
payout account refused, or what their identity was verified by changed (clients/identity_change.py). Looked at in the
client's turn, so that a chargeback that is being booked is waited for. What is stopped waits as it is, and goes on by
itself when the stop is lifted.
"""

from __future__ import annotations

from typing import cast
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, Q

from kernel import clock
from tenant_apps.clients import identity_change

from ..models import DestinationState, PartState, PayoutSettings, WithdrawalPart
from ..ports import Completing, PayoutProvider, RefundStatus
from .destinations import usable
from .providers import provider_of
from .turns import turn_of_parts

HELD = "held"


def stop_of(part: WithdrawalPart, rules: PayoutSettings | None = None) -> str:
    """Why it is not to go out now: "", "held", or what is the matter with the account it goes to (destinations.usable)."""
    if part.withdrawal.hold_reason or identity_change.held(part.withdrawal.client):
        return HELD
    return usable(part.withdrawal.destination, rules) if part.deposit_id is None else ""


def stop_now(part_id: UUID) -> str:
    """The same of a part by its id, read in the client's turn. Not for long calls: the turn ends with the answer."""
    with transaction.atomic():
        turn_of_parts([part_id])
        return stop_of(
            WithdrawalPart.objects.select_related("withdrawal__destination", "withdrawal__client").get(pk=part_id)
        )


def free_to_go() -> Q:
    """Parts paid out that nothing stops, for a query: exactly those of which `stop_of` says ""."""
    unverified = Exists(PayoutSettings.objects.filter(verify_destinations=False))
    sound = Q(withdrawal__destination__state=DestinationState.VERIFIED)
    sound |= Q(unverified, withdrawal__destination__state=DestinationState.NEW)
    rested = Q(withdrawal__destination__usable_from=None) | Q(withdrawal__destination__usable_from__lte=clock.now())
    good = sound & rested
    known = identity_change.standing("withdrawal__client__")
    return Q(withdrawal__hold_reason="") & known & (Q(withdrawal__destination=None) | good)


def before(part: WithdrawalPart) -> list[WithdrawalPart]:
    """The refused ones that a part follows, the last one first."""
    found: list[WithdrawalPart] = []
    while part.follows_id is not None:
        part = WithdrawalPart.objects.get(pk=part.follows_id)
        found.append(part)
    return found


def still_refused(part: WithdrawalPart) -> bool:
    """Nobody says that it was paid after all."""
    return part.state == PartState.FAILED and part.doubted_at is None


def payout_find(part: WithdrawalPart) -> RefundStatus | None:
    """What the provider says of a payout; None if it surely knows of none. Raises Outside.

    Asking may complete it where the payee says where to; what is stopped, or may have been paid by the one that it follows,
    is looked at alone."""
    provider = cast(PayoutProvider, provider_of(part.provider_account))
    if isinstance(provider, Completing) and not _may_complete(part):
        return provider.look_payout(part.pk, reference=part.provider_reference)
    return provider.find_payout(part.pk, reference=part.provider_reference)


def _may_complete(part: WithdrawalPart) -> bool:
    """Read in the client's turn: one that was refused, or settled by somebody, meanwhile is not completed any more."""
    with transaction.atomic():
        turn_of_parts([part.pk])
        rows = WithdrawalPart.objects.select_related("withdrawal__destination", "withdrawal__client")
        fresh = rows.get(pk=part.pk)
        return (
            fresh.state == PartState.SENDING and not stop_of(fresh) and all(still_refused(one) for one in before(fresh))
        )
