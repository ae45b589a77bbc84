"""Bank lines: credited to a deposit once, by the import or, where nobody could match one, by two people.

One assigns, another approves. A line credits one deposit and a deposit is credited once.
"""

from __future__ import annotations

from uuid import UUID

from django.db import transaction
from django.utils.translation import pgettext_lazy

from kernel import audit, clock
from kernel.actors import Actor
from kernel.errors import Invalid, NotFound
from kernel.ids import short_id
from kernel.live import publish as live
from tenant_apps.clients.models import Client

from ..errors import WrongState
from ..models import BankLine, Deposit, DepositState, LineState
from ..permissions_list import BANK_APPROVE, BANK_IMPORT
from ..ports import DepositStatus, PaymentState
from .deposits import deposit_apply
from .eyes import as_shown, others_required
from .matching import WAITING
from .turns import turn


def line_credit(line: BankLine, deposit: Deposit, actor: Actor) -> bool:
    status = DepositStatus(
        state=PaymentState.PAID,
        provider_reference=deposit.provider_reference or deposit.reference,
        payment_reference=line.line_key[:120],
        amount=line.amount,
        method="wire",
        source=f"{line.counterparty_iban[:2]} •••• {line.counterparty_iban[-4:]}" if line.counterparty_iban else "",
    )
    if deposit_apply(deposit_id=deposit.pk, status=status, actor=actor) != "credited":
        BankLine.objects.filter(pk=line.pk).update(reasons=[*line.reasons, "taken"])
        return False
    BankLine.objects.filter(pk=line.pk).update(
        state=LineState.MATCHED if line.state == LineState.UNMATCHED else LineState.ASSIGNED,
        deposit=deposit,
        client_id=deposit.client_id,
    )
    return True


def _locked(line_id: UUID, *states: LineState) -> BankLine:
    line = BankLine.objects.select_for_update(of=("self",)).select_related("statement__provider_account").filter(
        pk=line_id
    ).first()  # fmt: skip
    if line is None:
        raise NotFound
    if line.state not in states:
        raise WrongState
    return line


def line_propose(*, actor: Actor, line_id: UUID, client_number: int, note: str = "") -> BankLine:
    """First pair of eyes: this payment is that client's. Raises Invalid for an unknown client."""
    actor.require(BANK_IMPORT)
    client = Client.objects.filter(number=client_number).first()
    if client is None:
        raise Invalid(pgettext_lazy("payments error", "There is no client with this number."), field="client")
    with transaction.atomic():
        line = _locked(line_id, LineState.UNMATCHED)
        if line.amount_minor <= 0:
            raise Invalid(
                pgettext_lazy("payments error", "Money that left is no payment of a client's."), field="client"
            )
        line.client, line.state, line.note = client, LineState.PROPOSED, note[:300]
        line.proposer_id, line.proposer_label = actor.id, actor.label[:160]
        _done(line, "payments.line_proposed", actor, note)
    return line


def line_ignore(*, actor: Actor, line_id: UUID, note: str) -> BankLine:
    """Not a client's payment: fees, interest, own transfers; what left without an order of ours. The note says what it is."""
    actor.require(BANK_IMPORT)
    if not note.strip():
        raise Invalid(pgettext_lazy("payments error", "Say what this payment is."), field="note")
    with transaction.atomic():
        line = _locked(line_id, LineState.UNMATCHED)
        line.state, line.note = LineState.IGNORED, note[:300]
        _done(line, "payments.line_ignored", actor, note)
    return line


def line_back(*, actor: Actor, line_id: UUID) -> BankLine:
    """Refuse a proposed assignment, or take up again a line that is no client's."""
    actor.require(BANK_IMPORT)
    with transaction.atomic():
        line = _locked(line_id, LineState.PROPOSED, LineState.IGNORED, LineState.OUTGOING)
        line.state, line.proposer_id, line.proposer_label = LineState.UNMATCHED, "", ""
        _done(line, "payments.line_reopened", actor, "")
    return line


def line_approve(*, actor: Actor, line_id: UUID, seen: str | None = None) -> BankLine:
    """Second pair of eyes: credit the client, on an open deposit of that amount or on a new one.

    Raises SamePerson; ShownDiffers where `seen` is not the proposal that waits now.
    """
    actor.require(BANK_APPROVE)
    with transaction.atomic():
        line = _locked(line_id, LineState.PROPOSED)
        as_shown(seen, line)
        assert line.client is not None
        signs = others_required(actor, line.proposer_id, client=line.client)
        turn(line.client.pk)
        deposit = (
            Deposit.objects.filter(
                client=line.client,
                provider_account=line.statement.provider_account,
                currency=line.currency,
                amount_minor=line.amount_minor,
                state__in=WAITING,
            )
            .order_by("created_at")
            .first()
        ) or _deposit_for(line)
        line.approver_id = actor.id
        _done(line, "payments.line_approved", actor, line.note, likeness=signs)
        line_credit(line, deposit, actor)
        line.refresh_from_db()
    return line


def _deposit_for(line: BankLine) -> Deposit:
    """A payment nobody announced."""
    assert line.client is not None
    reference = f"D{short_id(8).upper()}"
    return Deposit.objects.create(
        client=line.client,
        reference=reference,
        amount_minor=line.amount_minor,
        currency=line.currency,
        provider_account=line.statement.provider_account,
        method="wire",
        state=DepositState.PENDING,
        provider_reference=reference,
        pending_at=clock.now(),
        language=line.client.language,
    )


def _done(line: BankLine, action: str, actor: Actor, reason: str, *, likeness: frozenset[str] = frozenset()) -> None:
    line.updated_at = clock.now()
    line.save()
    audit.record(
        actor=actor,
        action=action,
        obj=line,
        label=f"{line.amount} {line.counterparty}",
        subject=line.client_id or "",
        reason=reason,
        after={"likeness": sorted(likeness)} if likeness else None,
    )
    live.publish("money")
