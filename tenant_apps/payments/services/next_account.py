"""A payout at another account: before it is sent, where the one it was planned with does not take it any more, and after the
provider has surely refused it.

Nothing is paid twice, whatever dies where. A payout goes on only

- out of a refusal of the call itself (`Rejected`) of which no attempt was lost (`commands._certainly`): not after a time-out,
  an unknown outcome, or a failure that the provider told of later. A call that was cut off is asked about before it is ever
  repeated, and asking marks the part `uncertain` first, for good: what is refused after that goes back to the wallet;
- in one transaction with that refusal (kernel.commands._fail): the refused part has failed, its successor is there with an
  operation id of its own and its command, and the hold has passed from one to the other. Killed before the commit, the
  refused call counts as one of unknown outcome; killed after it, all of it stands;
- once: a part has one successor at most (unique), and no account is tried a second time;
- while nothing stops it, and while every refused one before it still stands as refused: `not_paid_before` is looked at
  again at the very call, and so is the same by the call that completes a payout (`stops.payout_find`).
"""

from __future__ import annotations

from uuid import UUID

from django.db import transaction
from django.utils.translation import pgettext

from kernel import audit, clock
from kernel.actors import Actor
from kernel.errors import Rejected

from .. import registry
from ..errors import PayoutStopped
from ..models import PartState, ProviderAccount, Withdrawal, WithdrawalPart
from ..ports import RefundState, RefundStatus
from .parts import part_apply, payout_issue
from .payout_routing import accounts_of, payout_ways
from .stops import before, still_refused, stop_of
from .turns import turn_of_parts
from .waiting import withdrawal_tell


def part_rejected(*, part_id: UUID, words: str, actor: Actor) -> str:
    """A payout was refused when it was sent: on to the next account that takes it, else back to the wallet. Within the
    transaction that marks its command."""
    with transaction.atomic():
        turn_of_parts([part_id])
        withdrawal_id = WithdrawalPart.objects.values_list("withdrawal_id", flat=True).get(pk=part_id)
        rows = Withdrawal.objects.select_for_update(of=("self",)).select_related("client", "destination")
        withdrawal = rows.get(pk=withdrawal_id)
        part = WithdrawalPart.objects.select_for_update(of=("self",)).select_related("provider_account").get(pk=part_id)
        part.withdrawal = withdrawal
        account = _next(part)
        if account is not None:
            _passed_on(part, account, words, actor)
            return "passed on"
        refused = RefundStatus(state=RefundState.FAILED, reference="", amount=part.amount, failure_text=words)
        return part_apply(part_id=part_id, status=refused, actor=actor)


def _next(part: WithdrawalPart) -> ProviderAccount | None:
    """Who is tried next. Banks without an API are not: what people send by hand is decided by people."""
    known_there = part.uncertain or part.provider_reference or part.page_url
    if part.deposit_id is not None or part.state != PartState.SENDING or known_there or stop_of(part):
        return None
    if not all(still_refused(one) for one in before(part)):
        return None
    withdrawal = part.withdrawal
    tried = set(withdrawal.parts.filter(deposit=None).values_list("provider_account_id", flat=True))
    ways = payout_ways(withdrawal.client, part.amount, withdrawal.method, withdrawal.destination)
    free = (one for one in accounts_of(ways) if one.pk not in tried and registry.pays_by_itself(one.kind))
    return next(free, None)


def _passed_on(part: WithdrawalPart, account: ProviderAccount, words: str, actor: Actor) -> None:
    withdrawal, now = part.withdrawal, clock.now()
    hold, part.hold_id = part.hold_id, ""
    part.state, part.failure_text, part.closed_at, part.updated_at = PartState.FAILED, words[:300], now, now
    part.save()
    following = WithdrawalPart.objects.create(
        withdrawal=withdrawal, provider_account=account, amount_minor=part.amount_minor, fee_minor=part.fee_minor,
        passed_on_minor=part.passed_on_minor, currency=part.currency,
        state=PartState.SENDING, hold_id=hold, follows=part,
    )  # fmt: skip
    audit.record(
        actor=actor, action="payments.payout_passed_on", obj=withdrawal, subject=withdrawal.client_id, reason=words[:300],
        before={"provider": str(part.provider_account)}, after={"provider": str(account), "amount": str(part.amount)},
    )  # fmt: skip
    payout_issue(following, withdrawal, actor)
    withdrawal_tell(withdrawal)


def not_paid_before(part: WithdrawalPart) -> None:
    """Raises Rejected when one that was refused was paid after all, PayoutStopped while that is being asked, or when this one
    may have been paid, too."""
    if part.follows_id is None:
        return
    with transaction.atomic():
        turn_of_parts([part.pk])
        earlier = before(part)
    paid = any(one.state != PartState.FAILED for one in earlier)
    if paid and not part.uncertain:
        raise Rejected(pgettext("payments error", "The provider that had refused it has paid it after all."))
    if paid or any(one.doubted_at for one in earlier):
        raise PayoutStopped
