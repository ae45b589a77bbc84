"""Kinds of brokerages, and the registry of what each app sets up for them.

A preset is data. What it means for payments, trading or KYC is known by those apps: `<app>/defaults.py` with
`ensure(preset: str) -> None`, idempotent, run in the brokerage's scope.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from django.apps import apps
from django.utils.module_loading import module_has_submodule
from django.utils.translation import pgettext_lazy

from kernel.tenancy.context import TenantRef


@dataclass(frozen=True, slots=True)
class Preset:
    """Defaults of a region. Languages: first is the default. Currencies: ISO 4217, first is the base currency."""

    key: str
    label: Any
    text: Any
    icon: str
    country: str
    time_zone: str
    languages: tuple[str, ...]
    currencies: tuple[str, ...]
    theme: str
    colour: str
    points: tuple[Any, ...]


PRESETS: dict[str, Preset] = {
    preset.key: preset
    for preset in (
        Preset(
            key="eu_retail",
            label=pgettext_lazy("preset", "EU retail"),
            text=pgettext_lazy("preset", "Retail clients under ESMA's rules: 30:1 at most, no bonuses, risk warning."),
            icon="landmark",
            country="DE",
            time_zone="Europe/Berlin",
            languages=("de", "en"),
            currencies=("EUR",),
            theme="base",
            colour="#1d4ed8",
            points=(
                pgettext_lazy("preset", "Euro accounts, cards and Klarna through Stripe"),
                pgettext_lazy("preset", "ESMA risk warning and document set"),
                pgettext_lazy("preset", "Appropriateness test in the KYC form"),
            ),
        ),
        Preset(
            key="gcc",
            label=pgettext_lazy("preset", "GCC"),
            text=pgettext_lazy("preset", "Gulf clients in Arabic and English, swap-free accounts, local payments."),
            icon="globe",
            country="AE",
            time_zone="Asia/Dubai",
            languages=("ar", "en"),
            currencies=("USD", "AED", "KWD"),
            theme="base",
            colour="#0f766e",
            points=(
                pgettext_lazy("preset", "Dollar, dirham and Kuwaiti dinar through PayTabs"),
                pgettext_lazy("preset", "Arabic first, right to left throughout"),
                pgettext_lazy("preset", "Islamic accounts on the trading server"),
            ),
        ),
        Preset(
            key="central_asia",
            label=pgettext_lazy("preset", "Central Asia"),
            text=pgettext_lazy("preset", "Clients in Kazakhstan and its neighbours, in Russian and English."),
            icon="mountain",
            country="KZ",
            time_zone="Asia/Almaty",
            languages=("ru", "en"),
            currencies=("USD", "KZT"),
            theme="base",
            colour="#b45309",
            points=(
                pgettext_lazy("preset", "Dollar and tenge, cards and bank wire"),
                pgettext_lazy("preset", "Transfers matched from bank statements"),
                pgettext_lazy("preset", "Documents of the region in the KYC form"),
            ),
        ),
        Preset(
            key="latin_america",
            label=pgettext_lazy("preset", "Latin America"),
            text=pgettext_lazy("preset", "Clients in Mexico, Colombia and their neighbours, in Spanish and English."),
            icon="sailboat",
            country="MX",
            time_zone="America/Mexico_City",
            languages=("es", "en"),
            currencies=("USD", "MXN", "COP"),
            theme="base",
            colour="#be123c",
            points=(
                pgettext_lazy("preset", "SPEI, OXXO, PSE, Efecty and cards through dLocal"),
                pgettext_lazy("preset", "Payouts to bank accounts in Mexico and Colombia"),
                pgettext_lazy("preset", "Dollar, Mexican and Colombian peso"),
            ),
        ),
    )
}

Default = Callable[[TenantRef, str], None]
_defaults: list[tuple[int, str, Default]] = []
_connections: list[tuple[int, str, Default]] = []


def register_default(order: int, name: str, ensure: Default) -> None:
    """Add what is set up for every new brokerage. `ensure` must be idempotent; a name counts once."""
    if any(known == name for _, known, _ in _defaults):
        return
    _defaults.append((order, name, ensure))
    _defaults.sort(key=lambda entry: entry[:2])


def register_connection(order: int, name: str, connect: Default) -> None:
    """Add what is arranged with other systems for every new brokerage, after all defaults. `connect` must be idempotent;
    it runs outside of any transaction and commits what it stores.
    """
    if any(known == name for _, known, _ in _connections):
        return
    _connections.append((order, name, connect))
    _connections.sort(key=lambda entry: entry[:2])


def defaults() -> list[tuple[int, str, Default]]:
    return list(_defaults)


def connections_outside() -> list[tuple[int, str, Default]]:
    return list(_connections)


def discover() -> None:
    """Register `ensure` and `connect` of each app's `defaults`. Such modules import models only in functions or at start."""
    for config in apps.get_app_configs():
        if config.name.startswith("tenant_apps.") and module_has_submodule(config.module, "defaults"):
            module = import_module(f"{config.name}.defaults")
            order = getattr(module, "ORDER", 50)
            if ensure := getattr(module, "ensure", None):
                register_default(order, config.label, _without_ref(ensure))
            if connect := getattr(module, "connect", None):
                register_connection(order, config.label, _without_ref(connect))

    register_default(10, "clients", _legal_documents)
    register_default(20, "leads", _pipeline)


def _legal_documents(_: TenantRef, preset: str) -> None:
    """Terms, privacy and risk documents, version 1, for clients to accept at registration."""
    from tenant_apps.clients.legal import legal_defaults_ensure

    legal_defaults_ensure()


def _pipeline(_: TenantRef, preset: str) -> None:
    """The statuses of the sales pipeline."""
    from tenant_apps.leads.defaults import pipeline_ensure

    pipeline_ensure()


def _without_ref(ensure: Callable[[str], None]) -> Default:
    return lambda _, preset: ensure(preset)
