"""Money between wallets and trading accounts of which nobody knows whether the server moved it."""

from __future__ import annotations

from datetime import timedelta

from django.db.models import QuerySet
from django.urls import reverse
from django.utils.translation import pgettext, pgettext_lazy

from kernel.actors import Actor
from kernel.models import Command, CommandState
from kernel.permissions import scoped
from tenant_apps.wallets.worklist.registry import Source, register

from .models import Transfer, TransferState
from .permissions_list import TRANSFER, VIEW


def _transfers(actor: Actor, code: str = VIEW) -> QuerySet[Transfer]:
    rows = Transfer.objects.select_related("account__server", "client")
    return scoped(actor, code, rows, owner="client__owner_id", team="client__team_id")


def _unknown(actor: Actor, code: str = VIEW) -> QuerySet[Transfer]:
    """From the commands that are still asked about: they are few, and have an index of their own."""
    asked = Command.objects.filter(state=CommandState.UNKNOWN)
    return _transfers(actor, code).filter(state=TransferState.PENDING, command_id__in=asked.values("pk"))


register(
    Source(
        kind="trading_transfer", label=pgettext_lazy("work", "Trading transfers in doubt"), icon="arrow-left-right",
        permission=VIEW, order=65, open=_unknown, mine=lambda actor: _unknown(actor, TRANSFER), every=_transfers,
        page=lambda row: reverse("trading:office-account", args=[row.account_id]),
        reference="account__login", minor="amount_minor", currency="currency", within=timedelta(hours=1),
        states=TransferState,
        facts=lambda row: [
            (pgettext("work fact", "Direction"), row.get_direction_display()),
            (pgettext("work fact", "Server"), row.account.server.name),
            (pgettext("work fact", "Now"), pgettext("work fact", "The server is being asked whether it moved the money.")),
        ],
    )
)  # fmt: skip
