"""Money that came in another currency than asked for. The house keeps it in that currency, and two people decide.

There is no conversion at the day's rate: it is credited in its own currency, as a deposit of its own, or sent back. Each
movement is keyed and made under the deposit's lock, so what suspense holds of a payment is `left` to the unit.
"""

from __future__ import annotations

from uuid import UUID

from django.db import transaction
from django.db.models import Q
from django.utils.translation import pgettext, pgettext_lazy

from kernel import audit, clock
from kernel.actors import Actor
from kernel.errors import Invalid
from kernel.events import publish
from kernel.ids import short_id
from kernel.live import publish as live
from kernel.money import Money
from kernel.ui.formatting import money_isolated
from tenant_apps.clients.timeline import timeline_add
from tenant_apps.ledger.models import Transfer

from .. import events
from ..errors import WrongState
from ..models import Deposit, DepositState, SuspenseDecision, SuspensePayment, SuspenseState
from ..permissions_list import APPROVE, PROPOSE
from . import alerts, posting
from .deposit_rows import locked
from .eyes import as_shown, others_required

WAITING = (SuspenseState.OPEN, SuspenseState.PROPOSED)


def suspense_book(deposit: Deposit, received: Money, *, actor: Actor) -> SuspensePayment:
    """Under the deposit's lock, once; the caller saves the deposit."""
    posting.suspense_post(deposit, received, actor=actor)
    row = SuspensePayment.objects.create(
        deposit=deposit, currency=received.currency, amount_minor=received.minor, left_minor=received.minor
    )
    deposit.state, deposit.attention = DepositState.SUSPENSE, "currency"
    deposit.failure = deposit.failure_text = ""
    deposit.closed_at = clock.now()
    publish(
        events.DepositSuspended(
            deposit_id=deposit.pk, client_id=deposit.client_id, amount=received,
            provider=deposit.provider_account.kind, method=deposit.method,
        ),
        aggregate=f"deposit:{deposit.pk}",
        actor=actor,
    )  # fmt: skip
    _note(row, deposit, "payments.suspense_booked", actor, received)
    _alert(deposit, received)
    return row


def suspense_of(deposit: Deposit) -> SuspensePayment | None:
    """Locked: its deposit is."""
    return SuspensePayment.objects.select_for_update(of=("self",)).filter(deposit=deposit).first()


def suspense_back(deposit: Deposit, taken: Money | None, *, key: str, actor: Actor) -> Money | None:
    """The payer's bank, or the provider's own pages, took it back. None when nothing of it is left here."""
    row = suspense_of(deposit)
    if row is None or not row.left_minor or posting.posted(key):
        return None
    if taken is not None and taken.currency != row.currency:
        return None
    amount = Money(min(row.left_minor, row.left_minor if taken is None else taken.minor), row.currency)
    if amount.minor <= 0:
        return None
    posting.suspense_out_post(deposit, amount, key=key, actor=actor)
    row.left_minor -= amount.minor
    if not row.left_minor:
        row.state, row.decided_at = SuspenseState.TAKEN_BACK, clock.now()
        deposit.state, deposit.attention = DepositState.REVERSED, ""
    _saved(row)
    _note(row, deposit, "payments.suspense_taken_back", actor, amount)
    return amount


def suspense_restore(deposit: Deposit, taken: Transfer, *, told: Money | None = None, actor: Actor) -> Money | None:
    """What had been taken back came back after all, or as much of it as is told: it waits for a decision again. Returns
    what is told beyond that, None where nothing is."""
    row = suspense_of(deposit)
    assert row is not None  # the transfer is one of its own
    took = posting.taken_of(deposit, taken, currency=row.currency)
    if told is not None and told.currency == row.currency and 0 < told.minor < took.minor:
        amount = told
        posting.restored_part_post(deposit, taken, amount, house=amount, actor=actor)
    else:
        amount = posting.restored_post(deposit, taken, actor=actor, currency=row.currency)
    row.left_minor += amount.minor
    row.state, row.decision, row.decided_at = SuspenseState.OPEN, "", None
    row.proposer_id = row.proposer_label = row.approver_id = row.approver_label = ""
    _saved(row)
    deposit.state, deposit.attention = DepositState.SUSPENSE, "currency"
    _note(row, deposit, "payments.suspense_booked", actor, amount)
    return told - amount if told is not None and told.currency == amount.currency else None


def suspense_propose(*, actor: Actor, row_id: UUID, decision: str, note: str = "") -> SuspensePayment:
    """The first pair of eyes. Raises Invalid, WrongState."""
    if decision not in SuspenseDecision.values:
        raise Invalid(pgettext_lazy("payments error", "Choose what becomes of it."), field="decision")
    with transaction.atomic():
        row, deposit = _locked(row_id)
        actor.require(PROPOSE, deposit.client)
        if row.state != SuspenseState.OPEN:
            raise WrongState
        row.state, row.decision, row.note = SuspenseState.PROPOSED, decision, note.strip()[:300]
        row.proposer_id, row.proposer_label = actor.id, actor.label[:160]
        _saved(row)
        _audit(row, deposit, "payments.suspense_proposed", actor)
    return row


def suspense_withdraw(*, actor: Actor, row_id: UUID) -> SuspensePayment:
    """Take a proposal back: whoever made it, or may decide on it."""
    with transaction.atomic():
        row, deposit = _locked(row_id)
        actor.require(PROPOSE if actor.may(PROPOSE, deposit.client) else APPROVE, deposit.client)
        if row.state != SuspenseState.PROPOSED:
            raise WrongState
        row.state, row.decision = SuspenseState.OPEN, ""
        row.proposer_id = row.proposer_label = ""
        _saved(row)
        _audit(row, deposit, "payments.suspense_back", actor)
    return row


def suspense_approve(*, actor: Actor, row_id: UUID, seen: str | None = None) -> SuspensePayment:
    """The second pair of eyes: carry it out. Raises SamePerson, WrongState; ShownDiffers for another proposal than `seen`."""
    with transaction.atomic():
        row, deposit = _locked(row_id)
        actor.require(APPROVE, deposit.client)
        if row.state != SuspenseState.PROPOSED:
            raise WrongState
        as_shown(seen, row)
        others_required(actor, row.proposer_id, client=deposit.client)
        row.approver_id, row.approver_label, row.decided_at = actor.id, actor.label[:160], clock.now()
        left = row.left
        if row.decision == SuspenseDecision.CREDIT:
            credited = _credited(row, deposit, actor)
            row.credited = row.credited or credited  # the first; all of them: credited_as
            row.state, kind = SuspenseState.CREDITED, "payments.suspense_credited"
        else:
            key = posting.unused(posting.sent_back_key(deposit.pk))  # what came back goes out again
            posting.suspense_out_post(deposit, left, key=key, actor=actor)
            row.state, kind = SuspenseState.REFUNDED, "payments.suspense_refunded"
        row.left_minor = 0
        _saved(row)
        deposit.attention = ""
        deposit.updated_at = clock.now()
        deposit.save(update_fields=["attention", "updated_at"])
        _note(row, deposit, kind, actor, left)
    return row


def credited_as(deposit: Deposit) -> list[Deposit]:
    """What a payment in another currency was credited as, oldest first: one deposit, or one for each time that something
    of it was left to credit. News of the payment is about all of them."""
    kept = dict(SuspensePayment.objects.filter(deposit=deposit).values_list("pk", "credited"))
    if not kept:  # nearly always; over the joined tables the same condition reads every deposit
        return []
    made = Deposit.objects.filter(Q(out_of__in=kept) | Q(pk__in=[pk for pk in kept.values() if pk]))
    return list(made.order_by("created_at", "id"))


def _credited(row: SuspensePayment, deposit: Deposit, actor: Actor) -> Deposit:
    """A deposit of its own in the currency that came, so that refunds, chargebacks and figures know what it is."""
    from .crediting import credit_announce

    amount = row.left
    made = Deposit(
        out_of=row, client=deposit.client, reference=f"D{short_id(8).upper()}", amount_minor=amount.minor,
        received_minor=amount.minor, currency=amount.currency, provider_account=deposit.provider_account,
        rule=deposit.rule, method=deposit.method, state=DepositState.CREDITED, source=deposit.source,
        source_country=deposit.source_country, payment_reference=deposit.payment_reference,
        language=deposit.language, pending_at=deposit.pending_at, credited_at=clock.now(), closed_at=clock.now(),
    )  # fmt: skip
    made.save(force_insert=True)
    posting.suspense_credit_post(made, actor=actor)
    credit_announce(made, actor)
    made.save()
    return made


def _locked(row_id: UUID) -> tuple[SuspensePayment, Deposit]:
    deposit_id = SuspensePayment.objects.values_list("deposit_id", flat=True).get(pk=row_id)
    deposit = locked(deposit_id)
    return SuspensePayment.objects.select_for_update(of=("self",)).get(pk=row_id), deposit


def _saved(row: SuspensePayment) -> None:
    row.updated_at = clock.now()
    row.save()
    live.publish("money")


def _audit(row: SuspensePayment, deposit: Deposit, kind: str, actor: Actor) -> None:
    audit.record(
        actor=actor, action=kind, obj=deposit, subject=deposit.client_id, reason=row.note,
        after={"amount": str(row.left), "decision": row.decision},
    )  # fmt: skip


def _note(row: SuspensePayment, deposit: Deposit, kind: str, actor: Actor, amount: Money) -> None:
    timeline_add(
        client_id=deposit.client_id, kind=kind, actor=actor,
        data={"deposit_id": deposit.pk, "reference": deposit.reference, "amount": amount},
    )  # fmt: skip
    audit.record(
        actor=actor, action=kind, obj=deposit, subject=deposit.client_id, reason=row.note,
        after={"amount": str(amount)},
    )  # fmt: skip


def _alert(deposit: Deposit, received: Money) -> None:
    def words() -> tuple[str, str]:
        body = f"{deposit.client.name} \u00b7 {money_isolated(received)} \u00b7 \u2066{deposit.reference}\u2069"
        return pgettext("notification", "A payment came in another currency"), body

    alerts.alert(
        deposit.client, kind="payments.suspense", words=words, link="/payments/suspense/", deposit_id=str(deposit.pk)
    )
