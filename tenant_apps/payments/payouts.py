"""Which ways out there are: the payout methods that adapters have, and where an account uses them. Through which account money
goes is services/payout_routing.py."""

from __future__ import annotations

from . import registry
from .models import ProviderAccount
from .ports import PayoutMethod

WIRE = "wire"


def payout_method(code: str) -> PayoutMethod | None:
    """A method by its code, of whichever adapter has it."""
    for adapter in registry.adapters().values():
        if found := adapter.capabilities.payout_method(code):
            return found
    return None


def uses(account: ProviderAccount, code: str) -> bool:
    """A bank account pays wires because that is what it is for; other providers pay out where it was switched on."""
    return code in account.payouts or (account.kind == "bank_wire" and code == WIRE)


def payouts_used(account: ProviderAccount) -> list[PayoutMethod]:
    """The ways out that an account is used for."""
    if account.kind not in registry.adapters():
        return []
    return [method for method in registry.capabilities(account.kind).payout_methods if uses(account, method.code)]
