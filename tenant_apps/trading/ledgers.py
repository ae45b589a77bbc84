"""The ledger accounts that trading uses.

A live account is mirrored by the client's ledger account `trading:<login>`; it may go below zero, because a stop-out in a
gap does on the server too. What trading itself gains or loses stands against the house's `trading-pnl`.
"""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from tenant_apps.ledger.models import Account
from tenant_apps.ledger.services import HOUSE, account_ensure, client_owner

from .models import TradingAccount

PREFIX = "trading:"
COPYING = "copying:"


def wallet(account: TradingAccount) -> Account:
    """The client's wallet in the account's currency."""
    return account_ensure(owner=client_owner(account.client_id), kind="wallet", currency=account.currency)


def in_transit(account: TradingAccount) -> Account:
    """Money that has left the wallet and is not yet known to be on the server."""
    return account_ensure(owner=client_owner(account.client_id), kind="in_transit", currency=account.currency)


def mirror(account: TradingAccount) -> Account:
    """What the server's balance must be."""
    return account_ensure(
        owner=client_owner(account.client_id), kind=account.ledger_kind, currency=account.currency, overdraft=True
    )


def copying(account: TradingAccount) -> Account:
    """What the account's owner copies others with on the server. Below zero only while less is known to have been put in
    than came back."""
    return account_ensure(
        owner=client_owner(account.client_id), kind=_copying_kind(account), currency=account.currency, overdraft=True
    )


def _copying_kind(account: TradingAccount) -> str:
    return COPYING + account.ledger_kind.removeprefix(PREFIX)


def copying_of(accounts: Iterable[TradingAccount]) -> dict[UUID, Account]:
    """By account, of those that ever copied. One query."""
    ids = {(client_owner(row.client_id), _copying_kind(row), row.currency): row.pk for row in accounts}
    found = Account.objects.filter(owner__in={key[0] for key in ids}, kind__in={key[1] for key in ids})
    return {ids[key]: one for one in found if (key := (one.owner, one.kind, one.currency)) in ids}


def mirrors_and(house: str, accounts: Iterable[TradingAccount]) -> tuple[dict[UUID, Account], dict[str, Account]]:
    """Those mirrors that are there already, and the house's accounts of one kind by currency. One query."""
    ids = {(client_owner(row.client_id), row.ledger_kind, row.currency): row.pk for row in accounts}
    owners, kinds = {HOUSE, *(key[0] for key in ids)}, {house, *(key[1] for key in ids)}
    found = {
        (one.owner, one.kind, one.currency): one for one in Account.objects.filter(owner__in=owners, kind__in=kinds)
    }
    houses = {key[2]: one for key, one in found.items() if key[:2] == (HOUSE, house)}
    return {ids[key]: one for key, one in found.items() if key in ids}, houses


def mirrors(accounts: Iterable[TradingAccount]) -> dict[UUID, int]:
    """What the servers' balances must be in minor units, of those that anything was posted for. One query."""
    ids = {(client_owner(row.client_id), row.ledger_kind, row.currency): row.pk for row in accounts}
    owners, kinds = {owner for owner, _, _ in ids}, {kind for _, kind, _ in ids}
    rows = Account.objects.filter(owner__in=owners, kind__in=kinds).values_list("owner", "kind", "currency", "balance")
    return {ids[row[:3]]: row[3] for row in rows if row[:3] in ids}


def against(account: TradingAccount, kind: str) -> Account:
    """What stands against an account's mirror: a house account, or the client's own for copying."""
    return copying(account) if kind == COPYING else counter(kind, account.currency)


def counter(kind: str, currency: str) -> Account:
    """A house account: trading-pnl, trading-opening, trading-adjustments, suspense."""
    return account_ensure(owner=HOUSE, kind=kind, currency=currency)


def kind_for(account: TradingAccount, login: int) -> str:
    """`trading:<login>`; with the server's name behind it where another server gave out the same number."""
    plain = f"{PREFIX}{login}"
    taken = TradingAccount.objects.filter(ledger_kind=plain).exclude(pk=account.pk).exists()
    return f"{plain}@{account.server.name}"[:60] if taken else plain
