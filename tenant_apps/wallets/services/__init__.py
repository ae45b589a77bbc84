"""A client's wallets are ledger accounts of kind "wallet", one per currency. Who moves money posts to the ledger itself."""

from __future__ import annotations

from uuid import UUID

from tenant_apps.ledger.models import Account
from tenant_apps.ledger.services import account_ensure, client_owner

WALLET = "wallet"


def wallet_ensure(*, client_id: UUID, currency: str) -> Account:
    """The client's wallet in a currency, made on first use. It can never be overdrawn (ledger, I4)."""
    return account_ensure(owner=client_owner(client_id), kind=WALLET, currency=currency)
