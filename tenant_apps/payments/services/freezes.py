"""After a chargeback: what was not sent yet waits, as does what is asked for since, in whatever
currency; and what the wallet no longer had of the loss is set aside as it comes.

All of it happens in the client's turn (turns.py). Money is set aside by holds of the ledger, so that neither withdrawals
nor transfers can reach it; nothing is taken without a person, and a reinstated deposit undoes all of it.
"""

from __future__ import annotations

from uuid import UUID

from django.db import transaction
from django.db.models import Q
from django.utils.translation import pgettext

from kernel import audit, clock
from kernel.actors import Actor
from kernel.errors import NotFound
from kernel.events import publish
from kernel.live import publish as live
from kernel.money import Money
from kernel.tasks import going_on
from kernel.ui.formatting import money_isolated
from tenant_apps.clients.timeline import timeline_add
from tenant_apps.ledger.errors import AccountFrozen, InsufficientFunds
from tenant_apps.wallets.selectors import wallet_of

from .. import events, registry
from ..actors import CASHIER
from ..errors import WrongState
from ..models import (
    OPEN_WITHDRAWALS,
    Deposit,
    Freeze,
    PartState,
    PayoutLine,
    Reversal,
    Withdrawal,
    WithdrawalState,
)
from ..permissions_list import APPROVE, PROPOSE
from . import alerts, posting
from .chain import steps_again
from .turns import turn, turn_of_deposit
from .waiting import withdrawal_tell

REVERSAL = "reversal"


def freeze_begin(
    deposit: Deposit, reversal: Reversal | None = None, *, lost: Money, uncovered: Money, actor: Actor
) -> Freeze:
    """In the transaction of the chargeback, under the deposit's lock. Each round of a dispute has its own; without one it
    is a correction: less had come than was credited, and the wallet does not have the difference any more."""
    rows = _withdrawals_locked(deposit.client_id)
    freeze = Freeze.objects.create(
        deposit=deposit, reversal=reversal, client_id=deposit.client_id, currency=lost.currency,
        lost_minor=lost.minor, uncovered_minor=uncovered.minor,
        cause=Freeze.REVERSED if reversal else Freeze.CORRECTED,
    )  # fmt: skip
    held = [row for row in rows if _hold(row, actor)]
    audit.record(
        actor=actor, action="payments.freeze_begun", obj=deposit, subject=deposit.client_id,
        after={
            "lost": str(lost), "uncovered": str(uncovered), "withdrawals": [row.reference for row in held],
        },
    )  # fmt: skip
    _alert(deposit, lost, len(held))
    return freeze


def _withdrawals_locked(client_id: UUID) -> list[Withdrawal]:
    rows = Withdrawal.objects.select_for_update(of=("self",)).select_related("client")
    return list(rows.filter(client_id=client_id, state__in=OPEN_WITHDRAWALS).order_by("id"))


def _hold(row: Withdrawal, actor: Actor) -> bool:
    """Back to "requested", with the reason. What is with a provider already can only be kept from going on by hand."""
    if row.hold_reason:
        return False
    row.hold_reason = REVERSAL
    if row.state == WithdrawalState.SENDING and not _pulled_back(row):
        _saved(row)
        return False
    row.state = WithdrawalState.REQUESTED
    row.proposer_id = row.proposer_label = row.approver_id = row.approver_label = ""
    row.checked_at = row.approved_at = None
    row.checks, row.auto = [], False
    _saved(row)
    steps_again(row)
    held_tell(row, actor)
    return True


def held_tell(row: Withdrawal, actor: Actor) -> None:
    """The news that a withdrawal waits: one that was open at the loss, or was asked for since."""
    _line(row, "payments.withdrawal_held", actor)
    publish(
        events.WithdrawalHeld(
            withdrawal_id=row.pk, client_id=row.client_id, amount=row.amount, reason=REVERSAL
        ),
        aggregate=f"withdrawal:{row.pk}",
        actor=actor,
    )  # fmt: skip


def _pulled_back(row: Withdrawal) -> bool:
    """Wires that nobody has sent yet are planned again; False when a part is, or was, with a provider or a bank."""
    parts = list(row.parts.select_for_update(of=("self",)).select_related("provider_account").order_by("id"))
    live = [part for part in parts if part.state != PartState.DROPPED]
    if any(part.deposit_id or part.sent_by or part.state != PartState.SENDING for part in live):
        return False
    if any(registry.pays_by_itself(part.provider_account.kind) for part in live):
        return False
    if PayoutLine.objects.filter(part__in=live, live=True).exists():  # in a payment file: cancel that first
        return False
    for part in live:
        part.state = PartState.PLANNED
        part.save(update_fields=["state"])
    return True


def _saved(row: Withdrawal) -> None:
    row.updated_at = clock.now()
    row.save()
    withdrawal_tell(row)


def _line(row: Withdrawal, kind: str, actor: Actor) -> None:
    timeline_add(
        client_id=row.client_id, kind=kind, actor=actor,
        data={"withdrawal_id": row.pk, "reference": row.reference, "amount": row.amount},
    )  # fmt: skip
    audit.record(actor=actor, action=kind, obj=row, subject=row.client_id, after={"amount": str(row.amount)})


def _alert(deposit: Deposit, lost: Money, held: int) -> None:
    def words() -> tuple[str, str]:
        title = pgettext("notification", "A deposit was charged back")
        body = f"{deposit.client.name} \u00b7 {money_isolated(lost)} \u00b7 \u2066{deposit.reference}\u2069"
        if held:
            body += " \u00b7 " + pgettext("notification", "withdrawals stopped: %(count)s") % {"count": held}
        return title, body

    alerts.alert(
        deposit.client, kind="payments.charged_back", words=words, link=f"/payments/deposits/{deposit.pk}/",
        deposit_id=str(deposit.pk),
    )  # fmt: skip


def freeze_more(client_id: UUID, currency: str) -> None:
    """Money came to the wallet, or came free in it: set aside what losses still want. Repeated it does nothing more."""
    with transaction.atomic():
        turn(client_id)
        active = Freeze.objects.select_for_update().filter(client_id=client_id, currency=currency, active=True)
        for freeze in active.order_by("created_at", "id"):
            wallet = wallet_of(client_id, currency)
            wanted = freeze.uncovered_minor - freeze.held.minor
            found = min(wanted, wallet.available.minor if wallet else 0)
            if found > 0:
                _set_aside(freeze, Money(found, currency))


def freezes_more() -> int:
    """Every freeze that wants more, as the sweep looks at them: money may have come free without news (a transfer to
    another client called off). Returns how many there are."""
    active = Freeze.objects.filter(active=True, uncovered_minor__gt=0).order_by("client_id", "currency")
    wanting = sorted({(row.client_id, row.currency) for row in active if row.held < row.uncovered})
    for client_id, currency in wanting:
        with going_on("freeze_not_more", client=client_id, currency=currency):
            freeze_more(client_id, currency)
    return len(wanting)


def _set_aside(freeze: Freeze, amount: Money) -> None:
    try:
        hold = posting.freeze_hold(freeze, amount, actor=CASHIER)
    except (InsufficientFunds, AccountFrozen):
        return  # somebody else was at the wallet; what comes next tries again
    freeze.holds = [*freeze.holds, {"id": str(hold.pk), "minor": amount.minor}]
    freeze.save(update_fields=["holds"])


def freeze_take(*, actor: Actor, deposit_id: UUID) -> Freeze:
    """Cover the loss with what was set aside: carries a change out that two people agreed to (change_kinds.py), who have
    the right. Raises WrongState when nothing is set aside, NotFound."""
    with transaction.atomic():
        turn_of_deposit(deposit_id)
        found = _locked(deposit_id, actor)
        if not any(freeze.holds for freeze in found):
            raise WrongState
        taken = sum(_take(freeze, actor) for freeze in found)
        left = sum(freeze.uncovered_minor for freeze in found)
        last = found[-1]
        audit.record(
            actor=actor, action="payments.freeze_taken", obj=last.deposit, subject=last.client_id,
            after={"taken": str(Money(taken, last.currency)), "uncovered": str(Money(left, last.currency)), **_lost(found)},
        )  # fmt: skip
    return last


def _take(freeze: Freeze, actor: Actor) -> int:
    """Minor units that one round's loss was covered with."""
    amount = freeze.held
    for one in freeze.holds:
        freeze.taken = [*freeze.taken, posting.freeze_capture(freeze, one["id"], actor=actor).key]
    freeze.holds = []
    freeze.uncovered_minor -= amount.minor
    freeze.save()
    return amount.minor


def freeze_lift(*, actor: Actor, deposit_id: UUID) -> None:
    """Let withdrawals go on, and what was set aside be free; the house bears what is not covered. Carries a change out
    that two people agreed to. Raises NotFound."""
    with transaction.atomic():
        turn_of_deposit(deposit_id)
        client_id = Deposit.objects.values_list("client_id", flat=True).get(pk=deposit_id)
        rows = _withdrawals_locked(client_id)
        found = _locked(deposit_id, actor)
        for freeze in found:
            _lift(freeze, rows, actor)
        _lifted(found, actor)


def round_corrected(reversal: Reversal, more: Money) -> Money:
    """A round took so much more (or less) than was known. Returns by how much less the house carries of it."""
    freeze = _of_round(reversal)
    if freeze is None:
        return Money.zero(more.currency)
    relief = min(max(0, -more.minor), freeze.uncovered_minor)
    _lessened(freeze, lost=-more.minor, uncovered=relief)
    return Money(relief, more.currency)


def round_partly_back(reversal: Reversal, back: Money) -> Money:
    """A part of a round came back. Returns how much of that the house had carried and gets first."""
    freeze = _of_round(reversal)
    if freeze is None:
        return Money.zero(back.currency)
    house = min(back.minor, freeze.uncovered_minor)
    _lessened(freeze, lost=back.minor, uncovered=house)
    return Money(house, back.currency)


def _of_round(reversal: Reversal) -> Freeze | None:
    return Freeze.objects.select_for_update().filter(reversal=reversal).order_by("created_at").last()


def _lessened(freeze: Freeze, *, lost: int, uncovered: int) -> None:
    """What is set aside beyond the rest is free again."""
    freeze.lost_minor -= lost
    freeze.uncovered_minor -= uncovered
    if freeze.held > freeze.uncovered:
        _let_free(freeze)
    freeze.save()
    if freeze.active:
        freeze_more(freeze.client_id, freeze.currency)


def _let_free(freeze: Freeze) -> None:
    """The caller saves it."""
    for one in freeze.holds:
        posting.freeze_release(one["id"])
    freeze.holds = []


def freeze_undo(reversal: Reversal, *, mirrored: bool = True, actor: Actor) -> None:
    """A round came back: what had covered its loss returns to the wallet, and nothing is held on its account.

    `mirrored`: the round was given back as it was booked, so what covered it since is given back here."""
    deposit = reversal.deposit
    rows = _withdrawals_locked(deposit.client_id)
    its = Q(reversal=reversal)
    if reversal.number == 1:  # one of before rounds were counted
        its |= Q(deposit=deposit, reversal=None, cause=Freeze.REVERSED)
    for freeze in Freeze.objects.select_for_update().filter(its).order_by("created_at"):
        for key in freeze.taken if mirrored else ():
            posting.undone(key, deposit=deposit, actor=actor)
        if freeze.active:
            _lift(freeze, rows, actor)
            _lifted([freeze], actor)


def _lift(freeze: Freeze, rows: list[Withdrawal], actor: Actor) -> None:
    _let_free(freeze)
    freeze.active = False
    freeze.lifted_by, freeze.lifted_at = actor.label[:160], clock.now()
    freeze.save()
    live.publish("money")
    others = Freeze.objects.filter(client_id=freeze.client_id, active=True).exclude(pk=freeze.pk)
    if not others.exists():
        for row in rows:
            if row.hold_reason == REVERSAL:
                row.hold_reason = ""
                _saved(row)
                _line(row, "payments.withdrawal_let_go", actor)
    for other in others:
        freeze_more(other.client_id, other.currency)


def _lifted(freezes: list[Freeze], actor: Actor) -> None:
    """One line, however many rounds there were: what the house bears for good."""
    last = freezes[-1]
    borne = Money(sum(freeze.uncovered_minor for freeze in freezes), last.currency)
    audit.record(
        actor=actor, action="payments.freeze_lifted", obj=last.deposit, subject=last.client_id,
        after={"uncovered": str(borne), **_lost(freezes)},
    )  # fmt: skip


def _lost(freezes: list[Freeze]) -> dict[str, str]:
    """Two people agree on what they were shown: a round that came since makes another line of it, covered or not."""
    return {"lost": str(Money(sum(freeze.lost_minor for freeze in freezes), freezes[-1].currency))}


def frozen_of(deposit: Deposit) -> dict[str, Money] | None:
    """What the deposit's page shows: all its rounds that stand, together. None when none does."""
    found = list(Freeze.objects.filter(deposit=deposit, active=True))
    if not found:
        return None
    names = ("lost", "uncovered", "held")
    return {name: Money(sum(getattr(one, name).minor for one in found), found[0].currency) for name in names}


def _locked(deposit_id: UUID, actor: Actor) -> list[Freeze]:
    """The deposit's freezes, oldest first; at least one. Raises NotFound."""
    rows = Freeze.objects.select_for_update(of=("self",)).select_related("client", "deposit")
    found = list(rows.filter(deposit_id=deposit_id, active=True).order_by("created_at", "id"))
    if not found:
        raise NotFound
    if actor.kind != "system" and not actor.may(PROPOSE, found[0].client):
        actor.require(APPROVE, found[0].client)
    return found


def frozen(client_id: UUID) -> bool:
    """Whether a loss of this client, in any currency, is not settled: nothing goes out or to other clients then."""
    return Freeze.objects.filter(client_id=client_id, active=True).exists()
