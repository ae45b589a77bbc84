"""Which ways out there are: the payout methods of enabled accounts, and the account that a method goes through."""

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


def accounts_paying(code: str, currency: str) -> list[ProviderAccount]:
    """Enabled accounts that pay out this way in this currency, the one made for the currency first, then by order."""
    fitting = []
    for account in ProviderAccount.objects.filter(enabled=True).order_by("position", "created_at"):
        if account.kind not in registry.adapters() or not _uses(account, code):
            continue
        method = registry.capabilities(account.kind).payout_method(code)
        if method is None or (method.currencies is not None and currency not in method.currencies):
            continue
        if not account.currencies or currency in account.currencies:
            fitting.append(account)
    return sorted(fitting, key=lambda account: currency not in account.currencies)


def _uses(account: ProviderAccount, code: str) -> bool:
    """A bank account pays wires because that is what it is for; other providers pay out where it was switched on."""
    return code in account.payouts or (account.kind == "bank_wire" and code == WIRE)


def methods_offered(currency: str, country: str) -> list[PayoutMethod]:
    """Ways out for a client of a country with a wallet in a currency, each once."""
    found: dict[str, PayoutMethod] = {}
    for account in ProviderAccount.objects.filter(enabled=True).order_by("position", "created_at"):
        if account.kind not in registry.adapters():
            continue
        if account.currencies and currency not in account.currencies:
            continue
        for method in registry.capabilities(account.kind).payout_methods:
            here = method.countries is None or country in method.countries
            takes = method.currencies is None or currency in method.currencies
            if here and takes and _uses(account, method.code):
                found.setdefault(method.code, method)
    return list(found.values())
