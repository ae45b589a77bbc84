"""The demo's cTrader server: made once, its accounts opened by the product's own commands, its ports followed."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from provisioning.demo import ctrader as demo
from provisioning.demo.brokers import NORDWIND, PUERTOCLARO
from tenant_apps.clients.models import Client, KycState
from tenant_apps.trading import platforms
from tenant_apps.trading.adapters.ctrader.tests.sandbox import SandboxProcess
from tenant_apps.trading.models import AccountState, AccountType, TradingAccount, TradingServer
from tenant_apps.trading.tests.conftest import settle


def book_of(clients: list[Client], broker: Any = PUERTOCLARO) -> Any:
    lives = [SimpleNamespace(index=number) for number in range(len(clients))]
    return SimpleNamespace(broker=broker, lives=lives, clients=dict(enumerate(clients)))


def client(number: int, **changes: Any) -> Client:
    values = {"kyc_state": KycState.APPROVED, "email": f"{number}@example.com", **changes}
    return Client.objects.create(
        number=number, stage="verified", first_name="Ada", last_name="Luna", language="es", country="MX",
        currency="USD", **values,
    )  # fmt: skip


def test_a_few_clients_trade_on_a_second_server(
    live_tenant: Any, settings: Any, tmp_path_factory: pytest.TempPathFactory
) -> None:
    process = SandboxProcess(tmp_path_factory.mktemp("ctrader"))
    process.start()
    try:
        settings.SANDBOX = {
            "ctrader_url": f"tls://127.0.0.1:{process.port}",
            "ctrader_web_url": f"https://127.0.0.1:{process.web_port}",
            "ctrader_admin_url": f"http://127.0.0.1:{process.admin_port}",
            "ctrader_ca": str(process.ca_file),
        }
        settings.OUTGOING_ALLOWED_HOSTS = frozenset({f"127.0.0.1:{process.admin_port}"})
        settings.OUTGOING_ALLOWED_SUFFIXES = (".localhost",)
        verified = [client(number) for number in (1, 2, 3, 4)]
        others = [client(5, kyc_state=KycState.SUBMITTED), client(6, email=PUERTOCLARO.trader[0])]
        demo.write(book_of(verified, NORDWIND))
        assert not TradingServer.objects.exists()
        for _ in range(2):
            demo.write(book_of([*others, *verified]))
        settle()
        server = TradingServer.objects.get()
        accounts = TradingAccount.objects.order_by("client__number")
        assert [(one.client_id, one.state, one.live) for one in accounts] == [
            (one.pk, AccountState.OPEN, False) for one in verified[: demo.ACCOUNTS]
        ]
        found = process.admin("GET", f"/servers/{PUERTOCLARO.slug}/accounts")["accounts"]
        assert [(one["login"], one["currency"], bool(one["robot"])) for one in found] == [
            (login, "USD", True) for login in sorted(one.login for one in accounts)
        ]
        assert AccountType.objects.filter(server=server, automatic=True).count() == 0
        assert not demo.follow_ports(PUERTOCLARO)
        settings.SANDBOX |= {"ctrader_url": "tls://127.0.0.1:1", "ctrader_web_url": "https://127.0.0.1:2"}
        assert demo.follow_ports(PUERTOCLARO)
        server.refresh_from_db()
        assert (server.port, server.settings["web_port"], server.settings["plant"]) == (1, 2, PUERTOCLARO.slug)
    finally:
        platforms.close_all()
        process.stop()
