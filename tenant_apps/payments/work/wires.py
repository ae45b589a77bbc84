"""Approved wires that are in no payment file yet: put into one on the page of payment files."""

from __future__ import annotations

from django.db.models import Q, QuerySet
from django.db.models.functions import Coalesce
from django.urls import reverse
from django.utils.translation import pgettext, pgettext_lazy

from kernel.actors import Actor
from tenant_apps.wallets.worklist.registry import Source, register

from .. import selectors
from ..models import PartState, PayoutBatch, WithdrawalPart
from ..payouts import WIRE
from ..permissions_list import BATCH_MAKE, BATCH_VIEW


def by_wire(method: str) -> Q | None:
    """What concerns wires only, asked for by a payment method."""
    return Q() if method == WIRE else None


def _every(actor: Actor) -> QuerySet[WithdrawalPart]:
    return selectors.wires() if actor.may(BATCH_VIEW) else WithdrawalPart.objects.none()


def _free(actor: Actor) -> QuerySet[WithdrawalPart]:
    return selectors.wires_free() if actor.may(BATCH_VIEW) else WithdrawalPart.objects.none()


def _mine(actor: Actor) -> QuerySet[WithdrawalPart]:
    rows = _free(actor)
    return rows if actor.may(BATCH_MAKE) else rows.none()


def _file(row: WithdrawalPart) -> PayoutBatch | None:
    return selectors.payout_batches_of([row]).get(row.pk)


def _facts(row: WithdrawalPart) -> list[tuple[object, object]]:
    found = _file(row)
    return [
        (pgettext("work fact", "To"), row.withdrawal.iban),
        (pgettext("work fact", "Holder"), row.withdrawal.holder),
        (pgettext("work fact", "Account"), row.provider_account.name),
        (pgettext("work fact", "Payment file"), found.reference if found else ""),
        (
            pgettext("work fact", "Now"),
            "" if found else pgettext("work fact", "It waits to be put into a payment file, or to be sent by hand."),
        ),
    ]


def _decided_by(row: WithdrawalPart) -> str:
    found = _file(row)
    return found.maker_label if found else row.sent_by


register(
    Source(
        kind="wire", label=pgettext_lazy("work", "Wires to send"), icon="landmark", permission=BATCH_VIEW, order=24,
        open=_free, mine=_mine, every=_every, client="withdrawal__client", page=lambda row: reverse("payments:batches"),
        reference="withdrawal__reference", minor="amount_minor", currency="currency", states=PartState,
        since=Coalesce("withdrawal__approved_at", "created_at"), due="withdrawal__due_at",
        search=("withdrawal__iban",), provider=lambda account_id: Q(provider_account=account_id), method=by_wire,
        facts=_facts, decided_by=_decided_by,
    )
)  # fmt: skip
