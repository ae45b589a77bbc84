"""Payment files: approved wires put together by one person, released by another, and the bank's answer to them.

A wire is in at most one live batch; the database refuses a second. What is stopped (stops.py) is in no batch that is made
or released. Until the release nobody else can say that a wire in
the batch was sent or refused, and a cancelled batch puts them back. The file is built and kept at the release, in the
transaction that releases it: a batch is released with its file or not at all.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, timedelta
from uuid import UUID

from django.db import transaction
from django.utils.translation import pgettext, pgettext_lazy

from kernel import audit, clock, files, locks
from kernel.actors import Actor, Reach
from kernel.errors import Invalid, NotFound
from kernel.ids import short_id
from kernel.live import publish as live
from kernel.money import total

from ..adapters.bank_wire import own_iban, pain001, pain002
from ..errors import BatchRefused, WithdrawalRefused, WrongState
from ..models import (
    BatchState,
    ChangeState,
    OrderState,
    PartState,
    PayoutBatch,
    PayoutLine,
    ProposedChange,
    ProviderAccount,
    WithdrawalPart,
)
from ..permissions_list import BATCH_MAKE, BATCH_RELEASE, PROPOSE
from . import waiting
from .changes import ChangeWaits, change_propose
from .checks import iban_good
from .destinations import payout_settings
from .eyes import as_shown, others_required
from .parts import withdrawals_hold
from .routing import brokerage_today
from .stops import HELD, stop_of

FILE = "payout_batch"
WIRE_REFUSED = "wire_refused"  # of change_kinds
FARTHEST = timedelta(days=60)


def payout_batch_make(
    *, actor: Actor, account: ProviderAccount, currency: str, part_ids: Iterable[UUID], execution_on: date
) -> PayoutBatch:
    """First pair of eyes. Raises Invalid for the date, BatchRefused for wires that are not to be sent from here."""
    actor.require(BATCH_MAKE)
    _date_good(execution_on)
    wanted = sorted(set(part_ids))
    with transaction.atomic():
        parts = _free_parts(account, currency, wanted)
        batch = PayoutBatch(
            provider_account=account,
            reference=f"P{short_id(8).upper()}",
            currency=currency,
            execution_on=execution_on,
            total_minor=total([part.amount for part in parts], currency).minor,
            count=len(parts),
            maker_id=actor.id,
            maker_label=actor.label[:160],
        )
        _order(batch, parts)  # what cannot be written is said now, not at the release
        batch.save(force_insert=True)
        PayoutLine.objects.bulk_create(
            PayoutLine(batch=batch, part=part, position=position) for position, part in enumerate(parts)
        )
        told = {"count": batch.count, "execution_on": execution_on.isoformat()}
        _done(batch, "payments.batch_made", actor, told)
        waiting.batch_waits(batch)
    return batch


def _date_good(day: date) -> None:
    today = brokerage_today()
    if not today <= day <= today + FARTHEST:
        raise Invalid(
            pgettext_lazy("payments error", "The execution date is from today on, 60 days ahead at most."),
            field="execution_on",
        )


def _free_parts(account: ProviderAccount, currency: str, wanted: Sequence[UUID]) -> list[WithdrawalPart]:
    """The wires, locked: withdrawals before their parts, each in order, as everybody locks them."""
    if not wanted:
        raise BatchRefused(pgettext_lazy("payments error", "Choose at least one transfer."), field="part")
    locks.hold(f"payments.batch:{account.pk}")
    parts = _locked_parts(wanted)
    taken = PayoutLine.objects.filter(part__in=wanted, live=True).exists()
    sound = all(
        part.provider_account_id == account.pk
        and part.currency == currency
        and part.deposit_id is None
        and part.state == PartState.SENDING
        and iban_good(part.withdrawal.iban)
        for part in parts
    )
    if taken or not sound or len(parts) != len(wanted):
        raise BatchRefused(
            pgettext_lazy("payments error", "One of these transfers is not to be sent from this account any more.")
        )
    _none_stopped(parts, _TAKE_OUT)
    return parts


_TAKE_OUT = {
    True: pgettext_lazy(
        "payments error", "%(reference)s is stopped for now. Take it out and make the file without it."
    ),
    False: pgettext_lazy(
        "payments error",
        "%(reference)s goes to an account that nothing may be paid to now. Take it out and make the file without it.",
    ),
}
_CANCEL = {
    True: pgettext_lazy(
        "payments error", "%(reference)s is stopped for now. Cancel the file; the others can go into another one."
    ),
    False: pgettext_lazy(
        "payments error",
        "%(reference)s goes to an account that nothing may be paid to now. Cancel the file; the others can go into "
        "another one.",
    ),
}


_OTHER_LETTERS = pgettext_lazy(
    "payments error",
    "The holder of %(reference)s is not in Latin letters, so no payment file can have it. Ask the client for a new "
    "account, or send it by hand at the bank and mark it as sent.",
)


def _none_stopped(parts: Sequence[WithdrawalPart], words: Mapping[bool, object]) -> None:
    """Raises BatchRefused with what to do about the first that is not to go out now; `words` by whether it is held."""
    rules = payout_settings()
    for part in parts:
        if stop := stop_of(part, rules):
            raise BatchRefused(words[stop == HELD], field="part", reference=part.withdrawal.reference)


def _locked_parts(wanted: Sequence[UUID]) -> list[WithdrawalPart]:
    withdrawals_hold(wanted)
    rows = WithdrawalPart.objects.select_for_update(of=("self",))
    rows = rows.select_related("withdrawal__client", "withdrawal__destination")
    return list(rows.filter(pk__in=wanted).order_by("created_at", "id"))


def _order(batch: PayoutBatch, parts: Sequence[WithdrawalPart]) -> pain001.Order:
    """What the file says. Raises BatchRefused naming the transfer that cannot be written."""
    settings = batch.provider_account.settings
    for part in parts:
        if not part.withdrawal.holder_writable:
            raise BatchRefused(_OTHER_LETTERS, field="part", reference=part.withdrawal.reference)
    transfers = [
        pain001.Transfer(
            instruction_id=part.pk.hex,
            end_to_end=part.withdrawal.reference,
            amount=part.amount,
            name=part.withdrawal.holder,
            iban=part.withdrawal.iban,
            bank=part.withdrawal.bank,
            country=part.withdrawal.client.country,
        )
        for part in parts
    ]
    try:
        return pain001.Order(
            message_id=batch.reference,
            created_at=clock.now(),
            execution_on=batch.execution_on,
            holder=settings.get("holder", ""),
            iban=own_iban(settings),
            bic=settings.get("bic", ""),
            currency=batch.currency,
            transfers=[pain001.checked(transfer) for transfer in transfers],
            version=settings.get("payment_file") or "09",
        )
    except pain001.NotPayable as error:
        reference, why = error.args
        raise BatchRefused(
            pgettext_lazy("payments error", "%(reference)s cannot be put into a payment file: %(why)s."),
            reference=reference,
            why=why,
        ) from error


def _locked(batch_id: UUID, *states: BatchState) -> PayoutBatch:
    batch = (
        PayoutBatch.objects.select_for_update(of=("self",))
        .select_related("provider_account")
        .filter(pk=batch_id)
        .first()
    )
    if batch is None:
        raise NotFound
    if batch.state not in states:
        raise WrongState
    return batch


def payout_batch_release(*, actor: Actor, batch_id: UUID, seen: str | None = None) -> PayoutBatch:
    """Second pair of eyes: the file is made and may be downloaded.

    Raises SamePerson, WrongState, BatchRefused, Invalid; ShownDiffers for another file than `seen`.
    """
    actor.require(BATCH_RELEASE)
    with transaction.atomic():
        batch = _locked(batch_id, BatchState.MADE)
        as_shown(seen, batch)
        parts = _locked_parts(list(batch.lines.values_list("part_id", flat=True)))
        signs = others_required(actor, batch.maker_id, clients=[part.withdrawal.client for part in parts])
        if any(part.state != PartState.SENDING for part in parts):
            raise BatchRefused(
                pgettext_lazy("payments error", "One of these transfers is not to be sent any more. Cancel the file.")
            )
        _none_stopped(parts, _CANCEL)
        _date_good(batch.execution_on)
        data = pain001.build(_order(batch, parts))
        batch.file = files.save(
            data, kind=FILE, name=f"{batch.reference}.xml", content_type="application/xml", subject=batch.pk
        )
        batch.state, batch.released_at = BatchState.RELEASED, clock.now()
        batch.releaser_id, batch.releaser_label = actor.id, actor.label[:160]
        batch.save()
        after: dict[str, object] = {"count": batch.count, "sha256": batch.file.sha256}
        after |= {"likeness": sorted(signs)} if signs else {}
        _done(batch, "payments.batch_released", actor, after)
    return batch


def payout_batch_cancel(*, actor: Actor, batch_id: UUID, reason: str) -> PayoutBatch:
    """Before its release: the wires may go into another one. Raises Invalid without a reason, WrongState afterwards."""
    actor.require(BATCH_MAKE)
    with transaction.atomic():
        batch = _locked(batch_id, BatchState.MADE)
        if not reason.strip():
            raise Invalid(pgettext_lazy("payments error", "Say why it is cancelled."), field="reason")
        batch.lines.update(live=False)
        batch.state, batch.reason = BatchState.CANCELLED, reason.strip()[:300]
        batch.save()
        _done(batch, "payments.batch_cancelled", actor, {}, reason=batch.reason)
    return batch


def payout_batch_file(*, actor: Actor, batch_id: UUID) -> tuple[PayoutBatch, bytes]:
    """The released file, the same bytes every time; who fetched it is kept. Raises WrongState before the release."""
    actor.require(BATCH_MAKE if actor.may(BATCH_MAKE) else BATCH_RELEASE)
    with transaction.atomic():
        batch = _locked(batch_id, BatchState.RELEASED)
        if batch.file is None:
            raise NotFound
        data = files.read(batch.file)
        audit.record(actor=actor, action="payments.batch_downloaded", obj=batch, after={"sha256": batch.file.sha256})
    return batch, data


@dataclass(slots=True)
class Answered:
    accepted: int = 0
    refused: int = 0  # each waits for a second person, unless the money was back already
    booked: int = 0  # refused, but on a statement already: the statement counts


def payout_status_read(*, actor: Actor, batch_id: UUID, data: bytes) -> Answered:
    """Take in the bank's pain.002. An acceptance stands at once; what it refused is proposed, and goes back to the wallet
    when a second person agrees: a forged answer is one person's word. Raises BatchRefused, WrongState."""
    actor.require(BATCH_MAKE)
    counts = Answered()
    with transaction.atomic():
        batch = _locked(batch_id, BatchState.RELEASED)
        report = _report(batch, data)
        withdrawals_hold(batch.lines.values_list("part_id", flat=True))  # before it is looked how they stand
        lines = list(batch.lines.select_related("part__withdrawal__client").order_by("position"))
        _fits(report, lines)
        for line in lines:
            _take_in(line, _said(batch, line, report), counts, actor)
        batch.answered_at = clock.now()
        batch.save(update_fields=["answered_at"])
        told = {"accepted": counts.accepted, "refused": counts.refused, "booked": counts.booked}
        _done(batch, "payments.batch_answered", actor, told)
    return counts


def _report(batch: PayoutBatch, data: bytes) -> pain002.Report:
    try:
        report = pain002.read(data)
    except pain002.NotAReport as error:
        raise BatchRefused(
            pgettext_lazy("payments error", "This file was refused: %(why)s."), field="file", why=str(error)
        ) from error
    if report.message_id != batch.reference:
        raise BatchRefused(
            pgettext_lazy("payments error", "This is the answer to another file: %(reference)s."),
            field="file",
            reference=report.message_id[:40],
        )
    return report


def _fits(report: pain002.Report, lines: Sequence[PayoutLine]) -> None:
    """Nothing in the report that is not in the file, and no other amount."""
    known = {line.part.pk.hex: line for line in lines} | {line.part.withdrawal.reference: line for line in lines}
    strange = report.count not in (None, len(lines))
    for transaction_ in report.transactions:
        line = known.get(transaction_.instruction_id or transaction_.end_to_end)
        strange |= line is None
        if line is not None and transaction_.amount is not None:
            amount = line.part.amount
            strange |= (transaction_.amount, transaction_.currency) != (amount.amount, amount.currency)
    if strange:
        raise BatchRefused(
            pgettext_lazy("payments error", "This answer speaks of transfers that are not in the file."), field="file"
        )


def _said(batch: PayoutBatch, line: PayoutLine, report: pain002.Report) -> pain002.Said:
    reference, iban = line.part.withdrawal.reference, line.part.withdrawal.iban
    transfer = pain001.Transfer(line.part.pk.hex, reference, line.part.amount, "", iban)
    block = pain001.block_id(batch.reference, sepa=pain001.is_sepa(own_iban(batch.provider_account.settings), transfer))
    return report.about(instruction_id=transfer.instruction_id, end_to_end=reference, block_id=block)


def _take_in(line: PayoutLine, said: pain002.Said, counts: Answered, actor: Actor) -> None:
    """A refusal is final, an acceptance is not: banks refuse later what they had accepted."""
    if line.state == OrderState.REFUSED:
        return
    if said.status in pain002.ACCEPTED and line.state == OrderState.OPEN:
        counts.accepted += 1
        PayoutLine.objects.filter(pk=line.pk).update(state=OrderState.ACCEPTED, updated_at=clock.now())
    elif said.status in pain002.REJECTED:
        if line.part.state == PartState.PAID:
            counts.booked += 1
            return
        counts.refused += 1
        PayoutLine.objects.filter(pk=line.pk).update(
            state=OrderState.REFUSED, reason=said.reason, updated_at=clock.now()
        )
        if line.part.state == PartState.SENDING:
            _refusal_propose(line.part, said.reason, actor)


def _refusal_propose(part: WithdrawalPart, reason: str, actor: Actor) -> None:
    """What a person proposes who was told so by the bank. Whoever may read its answers in may propose what they say; where
    it waits already, or the withdrawal is held meanwhile, the line's state tells people enough."""
    proposer = actor.with_grants({**actor.grants, PROPOSE: Reach.ALL})
    words = " ".join([pgettext("payments", "Refused by the bank."), reason]).strip()
    with suppress(ChangeWaits, WithdrawalRefused):
        change_propose(
            actor=proposer, kind=WIRE_REFUSED, object_id=part.pk, title=part.withdrawal.reference, values={},
            client=part.withdrawal.client, note=words,
        )  # fmt: skip


def refusals_waiting(batch: PayoutBatch) -> set[UUID]:
    """Parts whose refusal by the bank waits for a second person."""
    waiting_ = ProposedChange.objects.filter(kind=WIRE_REFUSED, state=ChangeState.WAITING)
    return set(waiting_.filter(object_id__in=batch.lines.values("part_id")).values_list("object_id", flat=True))


def _done(batch: PayoutBatch, action: str, actor: Actor, after: Mapping[str, object], *, reason: str = "") -> None:
    audit.record(
        actor=actor, action=action, obj=batch, label=batch.reference, reason=reason,
        after={"amount": str(batch.total), **after},
    )  # fmt: skip
    live.publish("money")
