"""A cTrader server beside the MT5 one at one brokerage, with a few clients who trade there by robot.

Unlike the MT5 accounts these have no past and only virtual money: they are opened by the product's own commands, which
the worker carries out once the demo runs. The sandbox gives a robot to every account that has money.
"""

from __future__ import annotations

import secrets as randomness
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings

from kernel import clock, http
from kernel.errors import Unavailable

from .book import SEED, Book
from .brokers import PUERTOCLARO, Broker

BROKER = PUERTOCLARO
MANAGER = 2000
CURRENCY = "USD"
ACCOUNTS = 3
PRODUCTS = (
    ("cTrader Standard", "standard", True, "No commission, spreads from 0.8 pips", 40),
    ("cTrader Raw", "raw", True, "Raw spreads, commission per lot", 41),
    ("cTrader Demo", "demo", False, "Practice with virtual money", 91),
)


def admin(method: str, path: str, data: Any = None) -> Any:
    """One call to the control desk of the cTrader sandbox. Raises Unavailable."""
    base = str(settings.SANDBOX["ctrader_admin_url"]).rstrip("/")
    response = http.request(method, base + path, json=data, safe_to_repeat=method == "GET", timeout=60.0)
    if response.status_code >= 400:
        raise Unavailable(f"cTrader sandbox: {response.status_code} {response.text[:300]}")
    return response.json()


def server_name(broker: Broker) -> str:
    return f"{broker.slug}-ctrader"


def write(book: Book) -> None:
    """Server, products and the first accounts. Nothing where there is no sandbox of it. Safe to repeat."""
    if book.broker != BROKER or not settings.SANDBOX.get("ctrader_admin_url"):
        return
    behind = (int(clock.now().timestamp() * 1000) - int(admin("GET", "/clock")["utc_ms"])) // 1000
    if behind > 0:  # the demo's clock was moved before this sandbox was there
        admin("POST", "/clock", {"advance_seconds": behind})
    types = _products(_server(book.broker))
    _accounts(book, types["demo"])


def _server(broker: Broker) -> Any:
    from tenant_apps.trading.models import Platform, TradingServer
    from tenant_apps.trading.services.servers import server_save

    name = server_name(broker)
    if known := TradingServer.objects.filter(name=name).first():
        return known
    password = f"Ct-{randomness.token_urlsafe(9)}a1"
    managers = [{"login": MANAGER, "password": password}]
    if any(one["name"] == broker.slug for one in admin("GET", "/servers")["servers"]):
        admin("PATCH", f"/servers/{broker.slug}", {"managers": managers})
    else:
        plant = {"name": broker.slug, "environment": "live", "broker": broker.slug, "autotrade": True}
        admin("POST", "/servers", {**plant, "managers": managers})
    return server_save(
        actor=SEED,
        kind=Platform.CTRADER.value,
        name=name,
        host=f"{broker.slug}.ctrader.localhost",
        port=_ports()[0],
        manager=MANAGER,
        password=password,
        settings={
            **_sandbox_settings(),
            "quiet_period": 5,
            "comment": "Rialto",
            "public_name": f"{broker.name.replace(' ', '')}-cTrader",
            "plant": broker.slug,
            "environment": "live",
            "broker": broker.slug,
            "web_host": "",
        },
    )


def _ports() -> tuple[int, int]:
    """Of the Manager's API and of WebServices."""
    manager, web = (urlsplit(settings.SANDBOX[name]).port for name in ("ctrader_url", "ctrader_web_url"))
    return manager or 5011, web or 8443


def _sandbox_settings() -> dict[str, Any]:
    """What may be another at the next start."""
    return {"ca_file": settings.SANDBOX.get("ctrader_ca", ""), "web_port": _ports()[1]}


def _products(server: Any) -> dict[str, Any]:
    from tenant_apps.trading.models import AccountType

    made = {}
    for name, group, live, text, order in PRODUCTS:
        values = {"name": name, "currency": CURRENCY, "live": live, "description": text, "order": order}
        values |= {"leverages": list(BROKER.leverages), "leverage_default": BROKER.leverage}
        made[group], _ = AccountType.objects.get_or_create(server=server, group=group, defaults=values)
    return made


def _accounts(book: Book, account_type: Any) -> None:
    """Practice accounts of the first verified clients; not of the one everybody logs in as."""
    from tenant_apps.clients.models import KycState
    from tenant_apps.trading.services.accounts import account_open

    people = [book.clients[life.index] for life in book.lives if life.index in book.clients]
    verified = [one for one in people if one.kyc_state == KycState.APPROVED and one.email != book.broker.trader[0]]
    for client in verified[:ACCOUNTS]:
        account_open(actor=SEED, client=client, account_type=account_type, dedupe_key=f"demo-ctrader:{client.pk}")


def follow_ports(broker: Broker) -> bool:
    """Correct the server's ports and certificate after a start on other ports. True when something changed."""
    from tenant_apps.trading.models import TradingServer
    from tenant_apps.trading.services.servers import server_save

    row = TradingServer.objects.filter(name=server_name(broker), host__endswith=".ctrader.localhost").first()
    if row is None or not settings.SANDBOX.get("ctrader_url"):
        return False
    if row.port == _ports()[0] and _sandbox_settings().items() <= row.settings.items():
        return False
    server_save(
        actor=SEED,
        name=row.name,
        host=row.host,
        port=_ports()[0],
        manager=row.manager,
        settings=_sandbox_settings(),
        enabled=row.enabled,
        server_id=row.pk,
    )
    return True
