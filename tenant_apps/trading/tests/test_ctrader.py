"""A brokerage on cTrader, against a real sandbox: commands, what the server tells, and nothing lost or doubled."""

from __future__ import annotations

import asyncio
import signal
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from django.db import connections

from kernel import clock, commands, secrets
from kernel.actors import Actor
from kernel.models import CommandState
from kernel.money import Money
from kernel.tenancy import context
from tenant_apps.ledger import selectors as ledger
from tenant_apps.trading import platforms
from tenant_apps.trading.adapters.ctrader.tests.sandbox import MANAGER, PASSWORD, SandboxProcess
from tenant_apps.trading.bridge import ingest
from tenant_apps.trading.bridge.news import news_of
from tenant_apps.trading.bridge.watch import ServerWatch
from tenant_apps.trading.models import (
    AccountState,
    AccountType,
    Case,
    Deal,
    Platform,
    Position,
    TradingServer,
    TransferState,
)
from tenant_apps.trading.services import accounts, servers, transfers
from tenant_apps.trading.tests.conftest import TEST, World, names, settle
from tenant_apps.trading.tests.processes import bridge, until
from tenant_apps.trading.tests.test_bridge import agree, trader
from tenant_apps.trading.tests.test_journey import balance
from tenant_apps.trading.tests.test_kill import recover


@pytest.fixture(scope="module")
def plant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxProcess]:
    """One process; each test has a plant of its own in it."""
    process = SandboxProcess(tmp_path_factory.mktemp("ctrader"))
    process.start()
    yield process
    process.stop()


@pytest.fixture
def world(live_tenant: Any, plant: SandboxProcess) -> Iterator[World]:
    """The present brokerage, with a cTrader server as the office would save it."""
    name = f"ct{clock.now():%H%M%S%f}{next(names)}"
    managers = [{"login": MANAGER, "password": PASSWORD}]
    plant.admin("POST", "/servers", {"name": name, "broker": "nordwind", "managers": managers})
    server = servers.server_save(
        actor=TEST, kind=Platform.CTRADER.value, name=name[:40], host=f"{name}.ctrader.localhost", port=plant.port,
        manager=MANAGER, password=PASSWORD,
        settings={
            "ca_file": str(plant.ca_file), "quiet_period": 2.0, "comment": "Rialto", "plant": name,
            "environment": "demo", "broker": "nordwind", "web_host": "", "web_port": plant.web_port,
        },
    )  # fmt: skip
    kind = AccountType.objects.create(
        name="Standard", server=server, group="standard", currency="EUR", leverages=[10, 20, 30], leverage_default=30
    )
    yield World(plant, server, kind)  # type: ignore[arg-type]
    platforms.close_all()


def deal(world: World, login: int | None, lots: str = "0.10") -> int:
    order = {"login": login, "symbol": "EURUSD", "side": "buy", "lots": lots}
    return int(world.admin("POST", "/orders", order)["deal"]["positionId"])


def test_the_test_of_a_connection_says_what_the_manager_may(world: World) -> None:
    world.admin("PATCH", "", {"managers": [{"login": 7, "password": PASSWORD, "rights": [1, 20, 150]}]})
    probe = servers.server_test(actor=TEST, server=world.server)
    assert (probe.ok, probe.problem, probe.utc_offset.total_seconds()) == (True, "", 0)
    assert probe.groups == ["demo", "raw", "standard", "vip"]
    assert probe.rights == dict.fromkeys(("groups", "accounts", "positions", "deals", "openings"), True)
    world.server.settings["web_port"] = world.process.admin_port  # type: ignore[attr-defined]
    elsewhere = servers.server_test(actor=TEST, server=world.server)
    assert (elsewhere.ok, [name for name, works in elsewhere.rights.items() if not works]) == (False, ["openings"])
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        world.server.settings["web_port"] = taken.getsockname()[1]
        shut = servers.server_test(actor=TEST, server=world.server)
    assert shut.failures == {"openings": "Nothing answers on this port. Check host and port."}


def test_an_authority_may_be_text_and_what_is_wrong_has_advice(world: World) -> None:
    """Both interfaces believe the text; without it, and with a wrong password or port, the test says what to do."""
    server = world.server
    text = Path(server.settings.pop("ca_file")).read_text()
    assert "authority that did" in servers.server_test(actor=TEST, server=server).advice
    server.settings["authority"] = text
    assert servers.server_test(actor=TEST, server=server).ok
    secrets.credential_set(owner=server.secret_owner, name=platforms.PASSWORD, value="wrong")
    assert "password" in servers.server_test(actor=TEST, server=server).advice
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        server.port = taken.getsockname()[1]
        assert servers.server_test(actor=TEST, server=server).advice == (
            "Nothing answers on this port. Check host and port."
        )
    assert TradingServer.objects.get(pk=server.pk).last_problem == "closed"


def test_from_opening_to_a_trade_and_the_money_back_in_the_wallet(world: World, tmp_path: Path) -> None:
    account = trader(world)
    assert (account.state, account.server.kind, account.currency) == (AccountState.OPEN, "ctrader", "EUR")
    seen = world.on_server(int(account.login or 0))
    assert (seen["name"], seen["group"], seen["currency"], seen["balance"]) == (
        "Greta Lindqvist", "standard", "EUR", "10000.00",
    )  # fmt: skip
    owner = Actor(kind="client", client_id=account.client_id)
    assert list(accounts.password_reveal(actor=owner, account=account)) == ["main"]
    with bridge(tmp_path):
        until(lambda: Deal.objects.filter(kind="balance").count() == 1, "the deposit's deal")
        position = deal(world, account.login)
        until(lambda: Position.objects.filter(account=account).count() == 1, "the position")
        world.admin("POST", "/orders", {"position": position})
        until(lambda: Deal.objects.filter(kind="sell", entry="out").exists(), "the closing deal")
        until(lambda: not Position.objects.exists(), "the position's end")
        until(lambda: agree(world, account), "ledger and server agreeing")
        rest = account.balance_minor
        back = transfers.transfer_to_wallet(actor=TEST, account=account, amount=Money(rest, "EUR"), key="back")
        settle()
        until(lambda: Deal.objects.filter(kind="balance").count() == 2, "the withdrawal's deal")
        until(lambda: agree(world, account), "ledger and server agreeing")
    back.refresh_from_db()
    assert (back.state, account.balance_minor, balance(account.client_id, "wallet")) == (TransferState.DONE, 0, rest)
    assert Deal.objects.count() == 4
    assert Case.objects.count() == 0
    assert ledger.broken_invariants() == {}


def test_what_the_server_tells_is_stored_in_the_turn_it_comes_with(world: World) -> None:
    """Nothing is read whole meanwhile: the deal came by itself."""
    account = trader(world)
    ingest.watermark_start(world.server.pk)
    platform = platforms.platform_for(world.server)
    with ThreadPoolExecutor(1) as executor:
        watch = ServerWatch(context.tenant(), world.server, executor=executor, bridge="test")

        async def stored() -> tuple[bool, int]:
            stirred = asyncio.Event()
            async with asyncio.timeout(30), platform, news_of(platform, stirred.set) as news:
                while not watch._at.get("whole"):
                    await watch._turn(platform, news, time.monotonic())
                whole = watch._at["whole"]
                assert await watch._db(Deal.objects.count) == 1
                stirred.clear()
                await asyncio.to_thread(deal, world, account.login)
                while await watch._db(Deal.objects.count) == 1:
                    await stirred.wait()
                    stirred.clear()
                    await watch._turn(platform, news, time.monotonic())
                return watch._at["whole"] == whole, await watch._db(Position.objects.count)

        assert asyncio.run(stored()) == (True, 1)
        executor.submit(connections.close_all).result()


def test_a_server_killed_in_the_middle_loses_and_doubles_nothing(world: World, tmp_path: Path) -> None:
    account = trader(world)
    world.funds(account.client, 5_000)
    with bridge(tmp_path):
        until(lambda: Deal.objects.count() == 1, "the deposit's deal")
        world.admin("POST", "/faults", {"kind": "burst", "login": account.login, "count": 40})
        world.process.stop(signal.SIGKILL)
        row = transfers.transfer_to_account(actor=TEST, account=account, amount=Money(5_000, "EUR"), key="down")
        assert commands.run(row.command_id) in {CommandState.PENDING, CommandState.UNKNOWN}
        world.process.start()
        recover()
        deal(world, account.login)
        until(lambda: Deal.objects.filter(account=account).count() == 43, "all deals")
        until(lambda: agree(world, account), "ledger and server agreeing")
    row.refresh_from_db()
    assert row.state == TransferState.DONE
    assert Deal.objects.filter(kind="balance").count() == 2
    assert Case.objects.count() == 0
    assert ledger.broken_invariants() == {}


@pytest.mark.parametrize(("kind", "left"), [("drop_after_commit", 1), ("drop_before_commit", 0)])
def test_an_answer_that_never_came_is_looked_up_and_nothing_is_done_twice(world: World, kind: str, left: int) -> None:
    client = world.client()
    world.admin("POST", "/faults", {"kind": kind, "path": "/v2/webserv/traders"})
    account = accounts.account_open(actor=TEST, client=client, account_type=world.account_type)
    settle()
    assert world.admin("GET", "/accounts")["total"] == left
    recover()
    account.refresh_from_db()
    assert (account.state, world.admin("GET", "/accounts")["total"]) == (AccountState.OPEN, 1)
    world.funds(client, 3_000)
    world.admin("POST", "/faults", {"kind": kind, "path": "ProtoChangeBalanceReq"})
    row = transfers.transfer_to_account(actor=TEST, account=account, amount=Money(3_000, "EUR"), key="only")
    assert commands.run(row.command_id) in {CommandState.UNKNOWN, CommandState.PENDING}
    recover()
    row.refresh_from_db()
    assert (row.state, world.on_server(int(account.login or 0))["balance"]) == (TransferState.DONE, "30.00")
    assert (balance(client.pk, "wallet"), balance(client.pk, "in_transit")) == (0, 0)
    assert ledger.broken_invariants() == {}
