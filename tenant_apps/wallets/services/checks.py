"""What stands between a client and moving money, the same as before a withdrawal."""

from __future__ import annotations

from django.utils.translation import pgettext_lazy

from tenant_apps.clients.address_change import payout_held
from tenant_apps.clients.models import Client, KycState, Stage

from ..errors import MoveRefused


def mover_required(client: Client) -> None:
    """Raise MoveRefused unless the client is verified, open, and reads the confirmed address.

    A frozen wallet is refused by the ledger itself, when money leaves it.
    """
    if client.kyc_state != KycState.APPROVED or client.stage == Stage.CLOSED:
        raise MoveRefused(
            pgettext_lazy("wallets error", "Your identity has to be verified before you can move money."), check="kyc"
        )
    if payout_held(client):
        raise MoveRefused(
            pgettext_lazy(
                "wallets error",
                "Your e-mail address was changed lately. To protect your money, it can be moved again after some time, "
                "once the new address is confirmed.",
            ),
            check="address",
        )
