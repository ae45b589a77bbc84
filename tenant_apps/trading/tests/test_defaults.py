"""What a new brokerage of the demo gets, however often it is asked for."""

from __future__ import annotations

from typing import Any

import pytest

from kernel.actors import Actor, Reach, system
from kernel.errors import Invalid
from tenant_apps.trading import defaults
from tenant_apps.trading.adapters.mt5.tests.sandbox import PASSWORD, SandboxProcess
from tenant_apps.trading.models import AccountType, TradingServer
from tenant_apps.trading.services.servers import server_save, server_test
from tenant_apps.trading.tests.conftest import World


@pytest.fixture
def demo(settings: Any, sandbox: SandboxProcess) -> None:
    settings.SANDBOX = {
        "mt5_url": f"https://127.0.0.1:{sandbox.port}",
        "mt5_admin_url": f"http://127.0.0.1:{sandbox.admin_port}",
        "mt5_ca": str(sandbox.ca_file),
    }
    settings.OUTGOING_ALLOWED_HOSTS = frozenset({f"127.0.0.1:{sandbox.admin_port}", f"127.0.0.1:{sandbox.port}"})


def test_the_same_preset_twice_makes_one_server_that_answers(live_tenant: Any, demo: None) -> None:
    for _ in range(2):
        defaults.connect("gcc")
    server = TradingServer.objects.get()
    assert AccountType.objects.filter(currency="KWD", automatic=True).count() == 1
    assert AccountType.objects.count() == 12
    probe = server_test(actor=system("tests"), server=server)
    assert (probe.ok, probe.problem) == (True, "")


def test_a_server_left_behind_gets_a_new_password(live_tenant: Any, demo: None) -> None:
    defaults.connect("eu_retail")
    AccountType.objects.all().delete()
    TradingServer.objects.all().delete()
    defaults.connect("eu_retail")
    assert server_test(actor=system("tests"), server=TradingServer.objects.get()).ok


def test_retail_clients_in_the_eu_get_thirty_to_one_at_most(live_tenant: Any, demo: None) -> None:
    defaults.connect("eu_retail")
    assert max(value for kind in AccountType.objects.all() for value in kind.leverages) == 30


def test_without_the_sandbox_nothing_is_made(tenant: Any, settings: Any) -> None:
    settings.SANDBOX = {"mt5_url": "", "mt5_admin_url": "", "mt5_ca": ""}
    defaults.connect("gcc")
    assert not TradingServer.objects.exists()


def test_a_server_answers_over_tcp_as_well(world: World) -> None:
    server = world.server
    server_save(
        actor=system("tests"),
        server_id=server.pk,
        name=server.name,
        host=server.host,
        port=world.admin("GET", "")["raw_port"],
        manager=server.manager,
        password=PASSWORD,
        settings={"transport": "raw"},
    )
    server.refresh_from_db()
    probe = server_test(actor=system("tests"), server=server)
    assert (probe.ok, probe.problem) == (True, "")


def test_a_kept_password_is_never_shown_to_another_host(tenant: Any) -> None:
    boss = Actor(kind="staff", id="1", grants={"trading.servers.edit": Reach.ALL})
    values = {"name": "one", "host": "mt5.example", "port": 443, "manager": 1000}
    server = server_save(actor=boss, password="Sek-ret-99", **values)
    for change in ({"host": "evil.example"}, {"port": 8443}, {"settings": {"transport": "raw"}}):
        with pytest.raises(Invalid) as error:
            server_save(actor=boss, server_id=server.pk, **(values | change))
        assert error.value.field == "password"
    server_save(actor=boss, server_id=server.pk, **(values | {"manager": 1001, "settings": {"transport": "https"}}))
    server_save(actor=boss, server_id=server.pk, password="Sek-ret-99", **(values | {"host": "new.example"}))
    server.refresh_from_db()
    assert server.host == "new.example"
