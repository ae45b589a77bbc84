"""What people decide about a part: of wires sent from a bank's own pages, and of calls whose outcome nobody told.

A command without a clear answer is asked about for as long as it stands. Where the provider cannot answer, or refused a call
that came after one whose outcome was unknown, somebody looks at the provider's own pages and says here what stands there:
that it was carried out takes one person and the reference, that it was not takes two, for the money is in the wallet again.
The command is locked meanwhile and not on its way; when it is asked about next it finds the part settled and ends, unsent.
"""

from __future__ import annotations

from uuid import UUID

from django.db import transaction
from django.utils.translation import pgettext_lazy

from kernel import audit
from kernel.actors import Actor
from kernel.errors import Invalid
from kernel.models import Command, CommandState

from .. import registry
from ..errors import WithdrawalRefused, WrongState
from ..models import BatchState, PartState, Withdrawal, WithdrawalPart
from ..permissions_list import APPROVE, PROPOSE
from ..ports import RefundState, RefundStatus
from .parts import part_apply
from .stops import HELD, stop_of
from .turns import turn_of_parts


def decided_by_people(part: WithdrawalPart, command: Command | None) -> bool:
    """A wire of a bank without an API, or a call of unknown outcome that is not on its way at this moment."""
    if part.state != PartState.SENDING:
        return False
    if command is None:
        return part.deposit_id is None and not registry.pays_by_itself(part.provider_account.kind)
    return command.state == CommandState.UNKNOWN and command.lease_until is None


def _open(part_id: UUID, actor: Actor, *, agreed: bool = False) -> WithdrawalPart:
    """Locked, the withdrawal before its part. Raises WrongState for what no person decides, or not any more,
    WithdrawalRefused for what is stopped.

    `agreed`: two people decide that it comes back, and the one who agrees has the other right."""
    # The command before the turn, as whoever carries it out takes them.
    command = Command.objects.select_for_update().filter(pk=part_id).first()
    turn_of_parts([part_id])
    withdrawal_id = WithdrawalPart.objects.values_list("withdrawal_id", flat=True).get(pk=part_id)
    rows = Withdrawal.objects.select_for_update(of=("self",)).select_related("client", "destination")
    withdrawal = rows.get(pk=withdrawal_id)
    parts = WithdrawalPart.objects.select_for_update(of=("self",)).select_related("provider_account")
    part = parts.get(pk=part_id)
    part.withdrawal = withdrawal
    if not agreed or not actor.may(APPROVE, withdrawal.client):
        actor.require(PROPOSE, withdrawal.client)
    if not decided_by_people(part, command):
        raise WrongState
    stop = "" if command else stop_of(part)  # of what may be outside already, what is there counts
    if stop and (stop == HELD or not agreed):  # money may come back from an account that nothing is paid to
        raise WithdrawalRefused(check=HELD if stop == HELD else "destination")
    if part.orders.filter(live=True, batch__state=BatchState.MADE).exists():
        raise WrongState(
            pgettext_lazy(
                "payments error", "This transfer is in a payment file that waits for its release. Cancel that first."
            )
        )
    return part


def part_sent_by_hand(*, actor: Actor, part_id: UUID, bank_reference: str) -> str:
    """Finance has sent a wire from the bank's own pages, or has seen on the provider's that it was carried out;
    `bank_reference` is theirs. Raises Invalid, WrongState."""
    reference = bank_reference.strip()
    if not reference:
        raise Invalid(pgettext_lazy("payments error", "Give the bank's reference of the transfer."),
                      field="bank_reference")  # fmt: skip
    with transaction.atomic():
        part = _open(part_id, actor)
        WithdrawalPart.objects.filter(pk=part.pk).update(sent_by=actor.label[:160])
        _note("sent", part, actor, reference=reference)
        status = RefundStatus(state=RefundState.SUCCEEDED, reference=reference[:120], amount=part.amount)
        return part_apply(part_id=part.pk, status=status, actor=actor)


def part_refused_by_bank(*, actor: Actor, part_id: UUID, reason: str) -> str:
    """The bank did not carry a wire out, or the provider a call: the money is in the wallet again. Carries a change out that two people agreed to
    (change_kinds.py). Raises Invalid without a reason, WrongState."""
    words = reason.strip()
    if not words:
        raise Invalid(pgettext_lazy("payments error", "Say why the bank refused it."), field="reason")
    with transaction.atomic():
        part = _open(part_id, actor, agreed=True)
        _note("refused", part, actor, reason=words)
        status = RefundStatus(state=RefundState.FAILED, reference="", amount=part.amount, failure_text=words[:300])
        return part_apply(part_id=part.pk, status=status, actor=actor)


def _note(what: str, part: WithdrawalPart, actor: Actor, *, reason: str = "", reference: str = "") -> None:
    wire = part.deposit_id is None and not registry.pays_by_itself(part.provider_account.kind)
    after = {"bank_reference": reference} if reference else {}
    audit.record(
        actor=actor, action=f"payments.{'wire' if wire else 'call'}_{what}", obj=part.withdrawal,
        subject=part.withdrawal.client_id, reason=reason, after={"amount": str(part.amount), **after},
    )  # fmt: skip
