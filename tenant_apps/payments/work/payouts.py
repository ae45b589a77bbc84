"""Clients' payout accounts to verify, and payment files to release."""

from __future__ import annotations

from django.db.models import Q, QuerySet
from django.urls import reverse
from django.utils.translation import pgettext, pgettext_lazy

from kernel.actors import Actor
from tenant_apps.wallets.worklist.registry import Decision, Source, Step, register

from .. import selectors
from ..models import BatchState, Destination, DestinationState, PayoutBatch
from ..payouts import payout_method
from ..permissions_list import BATCH_MAKE, BATCH_RELEASE, BATCH_VIEW, DESTINATIONS
from ..services.batches import payout_batch_cancel, payout_batch_release
from ..services.destinations import destination_refuse, destination_verify
from .wires import by_wire


def _new(actor: Actor) -> QuerySet[Destination]:
    return selectors.destinations_visible(actor).filter(state=DestinationState.NEW)


def _destination_decisions(actor: Actor, row: Destination) -> list[Decision]:
    if row.state != DestinationState.NEW or not actor.may(DESTINATIONS, row.client):
        return []
    return [
        Decision(
            key="approve", label=pgettext_lazy("work decision", "Verify"), icon="shield-check", hotkey="a",
            confirm=pgettext_lazy("work decision", "Money may be paid to this account then."),
            act=lambda who, what, said: destination_verify(actor=who, destination_id=what.pk),
            done=pgettext_lazy("work decision", "Verified. Money may be paid to it."),
        ),
        Decision(
            key="reject", label=pgettext_lazy("work decision", "Refuse"), icon="x", tone="danger", hotkey="r",
            wants_text=True, text_label=pgettext_lazy("work decision", "Message to the client"),
            act=lambda who, what, said: destination_refuse(actor=who, destination_id=what.pk, reason=said.text),
            done=pgettext_lazy("work decision", "Refused. Nothing is paid to it."),
        ),
    ]  # fmt: skip


def _method(row: Destination) -> str:
    method = payout_method(row.method)
    return str(method.label) if method else row.method


register(
    Source(
        kind="destination", label=pgettext_lazy("work", "Payout accounts"), one=pgettext_lazy("payments", "Payout account"),
        icon="contact", permission=DESTINATIONS,
        order=20, open=_new, mine=_new, every=selectors.destinations_visible,
        page=lambda row: reverse("payments:destination", args=[row.pk]),
        reference="label", states=DestinationState, method=lambda code: Q(method=code),
        facts=lambda row: [
            (pgettext("work fact", "Method"), _method(row)),
            (pgettext("work fact", "Holder"), row.holder),
            (pgettext("work fact", "Same account elsewhere"),
             str(selectors.same_elsewhere_count(row) or "")),
        ],
        decisions=_destination_decisions, decided_by=lambda row: row.decided_by_label,
    )
)  # fmt: skip


# --- payment files


def _batches(actor: Actor) -> QuerySet[PayoutBatch]:
    rows = PayoutBatch.objects.select_related("provider_account")
    return rows if actor.may(BATCH_VIEW) else rows.none()


def _made(actor: Actor) -> QuerySet[PayoutBatch]:
    return _batches(actor).filter(state=BatchState.MADE)


def _to_release(actor: Actor) -> QuerySet[PayoutBatch]:
    rows = _made(actor).exclude(maker_id=actor.id)
    return rows if actor.may(BATCH_RELEASE) else rows.none()


def _batch_decisions(actor: Actor, row: PayoutBatch) -> list[Decision]:
    if row.state != BatchState.MADE:
        return []
    found = []
    if actor.may(BATCH_RELEASE) and row.maker_id != actor.id:
        found.append(
            Decision(
                key="approve", label=pgettext_lazy("work decision", "Release"), icon="shield-check", hotkey="a",
                confirm=pgettext_lazy("work decision", "The file can be sent to the bank then."),
                act=lambda who, what, said: payout_batch_release(actor=who, batch_id=what.pk, seen=said.seen),
                done=pgettext_lazy("work decision", "Released."),
            )
        )  # fmt: skip
    if actor.may(BATCH_MAKE) or actor.may(BATCH_RELEASE):
        found.append(
            Decision(
                key="reject", label=pgettext_lazy("work decision", "Cancel the file"), icon="x", tone="danger",
                hotkey="r", wants_text=True, text_label=pgettext_lazy("work decision", "Why"),
                act=lambda who, what, said: payout_batch_cancel(actor=who, batch_id=what.pk, reason=said.text),
                done=pgettext_lazy("work decision", "Cancelled. The wires may go into another file."),
            )
        )  # fmt: skip
    return found


register(
    Source(
        kind="batch", label=pgettext_lazy("work", "Payment files"), one=pgettext_lazy("payments", "Payment file"),
        icon="send", permission=BATCH_VIEW, order=25,
        open=_made, mine=_to_release, every=_batches, client=None,
        page=lambda row: reverse("payments:batch", args=[row.pk]),
        reference="reference", minor="total_minor", currency="currency",
        states=BatchState,
        provider=lambda account_id: Q(provider_account=account_id), method=by_wire,
        facts=lambda row: [
            (pgettext("work fact", "Account"), row.provider_account.name),
            (pgettext("work fact", "Wires"), str(row.count)),
        ],
        steps=lambda row: [
            Step(title=pgettext("work step", "Made"), text=row.maker_label, state="done"),
            Step(title=pgettext("work step", "Release by another person"), text=row.releaser_label,
                 state="current" if row.state == BatchState.MADE else "done"),
        ],
        decisions=_batch_decisions, decided_by=lambda row: row.releaser_label,
    )
)  # fmt: skip
