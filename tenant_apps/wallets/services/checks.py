"""What stands between a client and moving money, the same as before a withdrawal."""

from __future__ import annotations

from django.utils.translation import pgettext_lazy

from kernel.money import Money
from tenant_apps.clients import identity_change
from tenant_apps.clients.address_change import payout_held
from tenant_apps.clients.models import Client, KycState, Stage

from ..errors import MoveRefused
from ..selectors import wallet_of
from ..stops import kept


def enough_required(client: Client, amount: Money) -> None:
    """Raise MoveRefused unless the wallet has the amount besides what has to stay in it. Within a transaction."""
    wallet = wallet_of(client.pk, amount.currency)
    if wallet is None or wallet.available < amount:
        raise MoveRefused(
            pgettext_lazy("wallets error", "This is more than is available in this wallet."),
            field="amount",
            check="funds",
        )
    kept_required(client, amount)


def kept_required(client: Client, amount: Money) -> None:
    """Raise MoveRefused where the amount would take what has to stay in its wallet (stops.py). Within a transaction."""
    stays = kept(client.pk, amount.currency)  # first: what else moves this money has had its turn then
    wallet = wallet_of(client.pk, amount.currency) if stays else None
    if wallet is not None and wallet.available - stays < amount:
        raise MoveRefused(
            pgettext_lazy(
                "wallets error",
                "Please show us first where the money you deposited comes from; then you can move all of it.",
            ),
            field="amount",
            check="funds_source",
        )


def mover_required(client: Client) -> None:
    """Raise MoveRefused unless the client is verified, open, reads the confirmed address, and is who was verified.

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
    if identity_change.held(client):
        raise MoveRefused(
            pgettext_lazy(
                "wallets error",
                "Your verified details were changed lately. To protect your money, it can be moved again once a second "
                "person here has confirmed the change.",
            ),
            check="identity",
        )
