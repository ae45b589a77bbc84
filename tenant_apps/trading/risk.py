"""What trading knows that speaks against letting money out (wallets.risk_signs)."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.utils.translation import pgettext_lazy

from kernel.money import Money
from tenant_apps.ledger.models import Account, Entry, Transfer
from tenant_apps.ledger.services import client_owner
from tenant_apps.wallets.risk_signs import register_sign
from tenant_apps.wallets.services import WALLET

from .models import Deal, Position

DEPOSIT = "payments.deposit"  # the ledger's word for money that came in; payments is a neighbour
TRADES = ("buy", "sell")


def last_deposit(client_id: UUID) -> datetime | None:
    """When money last came into a wallet of the client from outside, UTC."""
    wallets = Account.objects.filter(owner=client_owner(client_id), kind=WALLET).values("id")
    mine = Entry.objects.filter(account_id__in=wallets, amount__gt=0).values("transfer_id")
    return (
        Transfer.objects.filter(kind=DEPOSIT, id__in=mine)
        .order_by("-created_at")
        .values_list("created_at", flat=True)
        .first()
    )


def no_trade_since_deposit(client_id: UUID, amount: Money) -> bool:
    """Money that goes out as it came in passed through a brokerage and was not meant for it: a sign of laundering."""
    since = last_deposit(client_id)
    if since is None:
        return False
    trades = Deal.objects.filter(account__client_id=client_id, account__live=True, kind__in=TRADES, deleted_at=None)
    return not trades.filter(executed_at__gte=since).exists()


def hedged_across_accounts(client_id: UUID, amount: Money) -> bool:
    """The same symbol bought on one live account of the client and sold on another: one of them loses to nobody's risk."""
    open_ = Position.objects.filter(account__client_id=client_id, account__live=True)
    sides: dict[str, dict[str, set[UUID]]] = {}
    for symbol, side, account_id in open_.values_list("symbol", "side", "account_id"):
        sides.setdefault(symbol, {}).setdefault(side, set()).add(account_id)
    return any(len(both) == 2 and len(set.union(*both.values())) > 1 for both in sides.values())


def register() -> None:
    register_sign(
        code="no_trade", points=25, words=pgettext_lazy("risk sign", "No trade since the last deposit"),
        found=no_trade_since_deposit,
    )  # fmt: skip
    register_sign(
        code="hedged", points=15, words=pgettext_lazy("risk sign", "Bought on one trading account and sold on another"),
        found=hedged_across_accounts,
    )  # fmt: skip
