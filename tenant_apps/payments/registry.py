"""Which kinds of providers there are: ours, and those of installed packages (entry points `rialto.payment_providers`)."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from importlib.metadata import entry_points

from kernel.logs import log

from .ports import Capabilities, PaymentProvider

GROUP = "rialto.payment_providers"
LONGEST_KIND = 14  # `payments.<kind>:<uuid>` names the inbox source in 60 characters
BUILT_IN = {
    "stripe": "tenant_apps.payments.adapters.stripe:StripeProvider",
    "paytabs": "tenant_apps.payments.adapters.paytabs:PayTabsProvider",
    "praxis": "tenant_apps.payments.adapters.praxis:PraxisProvider",
    "cryptoproc": "tenant_apps.payments.adapters.cryptoproc:CryptoProcessingProvider",
    "tap": "tenant_apps.payments.adapters.tap:TapProvider",
    "dlocal": "tenant_apps.payments.adapters.dlocal:DLocalProvider",
    "freedompay": "tenant_apps.payments.adapters.freedompay:FreedomPayProvider",
    "payme": "tenant_apps.payments.adapters.payme:PaymeProvider",
    "click": "tenant_apps.payments.adapters.click:ClickProvider",
    "adyen": "tenant_apps.payments.adapters.adyen:AdyenProvider",
    "paypal": "tenant_apps.payments.adapters.paypal:PayPalProvider",
    "skrill": "tenant_apps.payments.adapters.skrill:SkrillProvider",
    "bank_wire": "tenant_apps.payments.adapters.bank_wire:BankWireProvider",
}


class ProviderUnknown(LookupError):
    """No adapter of this kind is installed."""


@cache
def adapters() -> dict[str, type[PaymentProvider]]:
    """Adapter class by kind. A package's adapter that does not load is logged and left out; ours must load."""
    found: dict[str, type[PaymentProvider]] = {}
    for kind, target in BUILT_IN.items():
        module, _, name = target.partition(":")
        found[kind] = getattr(import_module(module), name)
    for entry in entry_points(group=GROUP):
        if entry.name in found or len(entry.name) > LONGEST_KIND:
            continue
        try:
            found[entry.name] = entry.load()
        except Exception:  # noqa: BLE001 - somebody else's package must not take the cashier down
            log.exception("payment_provider_broken", kind=entry.name)
    return found


def adapter_class(kind: str) -> type[PaymentProvider]:
    try:
        return adapters()[kind]
    except KeyError:
        raise ProviderUnknown(kind) from None


def capabilities(kind: str) -> Capabilities:
    return adapter_class(kind).capabilities


def pays_by_itself(kind: str) -> bool:
    """Whether payouts of this kind are calls of ours. A bank without an API has them sent by people."""
    adapter = adapters().get(kind)
    return adapter is not None and bool(adapter.capabilities.payout_methods) and hasattr(adapter, "payout")
