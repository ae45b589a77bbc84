"""What a new brokerage has of trading: in the demo, a server of its own in the sandbox, and account types of its region.

Idempotent. Elsewhere than in the demo there is nothing to make: a brokerage connects its own server in the office.
"""

from __future__ import annotations

import secrets as randomness
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.utils.translation import pgettext_lazy

from kernel import http
from kernel.actors import named, system
from kernel.errors import Unavailable
from kernel.tenancy import context

ORDER = 60
MANAGER = 1000
SETUP = system(named("set-up", pgettext_lazy("system actor", "Set-up")))


@dataclass(frozen=True, slots=True)
class Region:
    """Leverages are the region's rule: 30:1 at most for retail clients in the EU (ESMA 2018/796)."""

    currencies: tuple[str, ...]
    leverages: tuple[int, ...]
    leverage_default: int
    professional: bool


REGIONS = {
    "eu_retail": Region(("EUR",), (5, 10, 20, 30), 30, professional=False),
    "gcc": Region(("USD", "AED", "KWD"), (50, 100, 200, 400), 200, professional=True),
    "central_asia": Region(("USD", "KZT"), (50, 100, 200, 500), 200, professional=True),
    "latin_america": Region(("USD", "MXN", "COP"), (50, 100, 200, 400), 200, professional=True),
}


def connect(preset: str) -> None:
    """Make server and account types of the preset where the sandbox is configured. Safe to repeat.

    Calls the sandbox, so never within a transaction. Raises Unavailable while it is down.
    """
    if not (settings.SANDBOX.get("mt5_admin_url") and settings.SANDBOX.get("mt5_url")):
        return
    region = REGIONS.get(preset, REGIONS["gcc"])
    _types(_server(region), region)


def _server(region: Region) -> Any:
    from tenant_apps.trading.models import TradingServer
    from tenant_apps.trading.services.servers import server_save

    slug, name = context.tenant().slug, context.tenant().name
    password = f"Mt5-{randomness.token_urlsafe(9)}a1"
    known = TradingServer.objects.filter(name=slug).first()
    if known is not None and _exists(slug):
        return known
    manager = {"login": MANAGER, "password": password}
    if _exists(slug):  # left behind by an earlier installation: it keeps its accounts and gets a new password
        _admin("PATCH", f"/servers/{slug}", {"managers": [manager]})
    else:
        _admin(
            "POST",
            "/servers",
            {
                "name": slug,
                "owner": name,
                "currency": region.currencies[0],
                "currencies": list(region.currencies),
                "managers": [manager],
                "autotrade": True,
            },
        )
    address = urlsplit(settings.SANDBOX["mt5_url"])
    return server_save(
        actor=SETUP,
        name=slug,
        host=f"{slug}.mt5.localhost",
        port=address.port or 443,
        manager=MANAGER,
        password=password,
        server_id=known.pk if known else None,
        settings={
            "ca_file": settings.SANDBOX.get("mt5_ca", ""),
            "quiet_period": 5,
            "comment": "Rialto",
            "public_name": f"{name.replace(' ', '')}-Live",
        },
    )


def _exists(slug: str) -> bool:
    return _admin("GET", f"/servers/{slug}", None, missing_is_fine=True)


def _admin(method: str, path: str, data: Any, *, missing_is_fine: bool = False) -> bool:
    """One call to the sandbox's control desk. True when done; raises Unavailable."""
    base = str(settings.SANDBOX["mt5_admin_url"]).rstrip("/")
    response = http.request(method, base + path, json=data, safe_to_repeat=method != "POST", timeout=20.0)
    if response.status_code == 404 and missing_is_fine:
        return False
    if response.status_code >= 400:
        raise Unavailable(f"sandbox: {response.status_code} {response.text[:200]}")
    return True


def _types(server: Any, region: Region) -> None:
    from tenant_apps.trading.models import AccountType

    products = [
        ("Standard", "real\\std", True, "No commission, spreads from 0.8 pips", 10, True),
        ("ECN", "real\\ecn", True, "Raw spreads, commission per lot", 20, False),
        ("Demo", "demo\\std", False, "Practice with virtual money", 90, False),
    ]
    if region.professional:
        products.append(("Pro", "real\\pro", True, "Netting, for large volumes", 30, False))
    for position, currency in enumerate(region.currencies):
        for name, group, live, text, order, automatic in products:
            AccountType.objects.get_or_create(
                server=server,
                group=f"{group}-{currency.lower()}",
                defaults={
                    "name": name,
                    "currency": currency,
                    "live": live,
                    "description": text,
                    "leverages": list(region.leverages),
                    "leverage_default": region.leverage_default,
                    "automatic": automatic,
                    "order": order + position,
                },
            )
