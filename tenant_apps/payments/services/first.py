"""Which deposit is the client's first: taken back wholly it is the first no more, and it is again when it comes back."""

from __future__ import annotations

from kernel import audit
from kernel.actors import Actor
from kernel.events import publish
from tenant_apps.clients.services import ftd_set, ftd_unset

from .. import events
from ..models import Deposit, DepositState


def first_gone(deposit: Deposit, *, actor: Actor) -> None:
    """The deposit, wholly reversed, was the first: the earliest that is still there takes its place, else the next to
    come. Under the deposit's lock; the caller saves it."""
    if not deposit.first:
        return
    deposit.first, deposit.was_first = False, True
    ftd_unset(client_id=deposit.client_id, reason=deposit.reference, actor=actor)
    heir = (
        Deposit.objects.select_for_update(of=("self",))
        .filter(client_id=deposit.client_id, state=DepositState.CREDITED)
        .exclude(pk=deposit.pk)
        .order_by("credited_at", "id")
        .first()
    )
    if heir is not None and _becomes_first(heir, actor):
        Deposit.objects.filter(pk=heir.pk).update(first=True)
    _announce(deposit, heir, deposit, actor)


def first_back(deposit: Deposit, *, actor: Actor) -> None:
    """It came back: again the first, whatever took its place."""
    if not deposit.was_first:
        return
    deposit.was_first = False
    others = Deposit.objects.filter(client_id=deposit.client_id, first=True).exclude(pk=deposit.pk)
    held = others.first()
    others.update(first=False)
    ftd_unset(client_id=deposit.client_id, reason=deposit.reference, actor=actor)
    deposit.first = _becomes_first(deposit, actor)
    _announce(deposit, deposit, held, actor)


def _becomes_first(deposit: Deposit, actor: Actor) -> bool:
    assert deposit.credited_at is not None
    return ftd_set(
        client_id=deposit.client_id, minor=deposit.received_minor or 0, currency=deposit.currency,
        at=deposit.credited_at, actor=actor,
    )  # fmt: skip


def _announce(about: Deposit, now: Deposit | None, before: Deposit | None, actor: Actor) -> None:
    publish(
        events.FirstDepositChanged(
            client_id=about.client_id,
            deposit_id=now.pk if now else None,
            amount=now.received if now else None,
            previous_deposit_id=before.pk if before else None,
        ),
        aggregate=f"client:{about.client_id}",
        actor=actor,
    )
    audit.record(
        actor=actor, action="payments.first_deposit_changed", obj=about, subject=about.client_id,
        before={"first": before.reference if before else None}, after={"first": now.reference if now else None},
    )  # fmt: skip
