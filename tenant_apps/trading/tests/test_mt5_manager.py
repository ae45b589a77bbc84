"""A brokerage on MT5 through a Manager bridge, against a real sandbox: commands, what is told, nothing lost or doubled."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from django.db import connections

from kernel import clock, commands
from kernel.models import CommandState
from kernel.money import Money
from kernel.tenancy import context
from tenant_apps.ledger import selectors as ledger
from tenant_apps.trading import platforms
from tenant_apps.trading.adapters.mt5_manager.tests.sandbox import MANAGER, SECRET, SandboxProcess
from tenant_apps.trading.bridge import ingest
from tenant_apps.trading.bridge.news import news_of
from tenant_apps.trading.bridge.watch import ServerWatch
from tenant_apps.trading.models import AccountState, AccountType, Case, Deal, Platform, Position, TransferState
from tenant_apps.trading.services import accounts, servers, transfers
from tenant_apps.trading.tests.conftest import TEST, World, names, settle
from tenant_apps.trading.tests.processes import bridge, until
from tenant_apps.trading.tests.test_bridge import agree, server_minor, trader
from tenant_apps.trading.tests.test_journey import balance
from tenant_apps.trading.tests.test_kill import recover


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxProcess]:
    """One process; each test has a server of its own in it."""
    process = SandboxProcess(tmp_path_factory.mktemp("manager"))
    process.start()
    yield process
    process.stop()


@pytest.fixture
def world(live_tenant: Any, service: SandboxProcess) -> Iterator[World]:
    """The present brokerage, with a Manager bridge as the office would save it."""
    name = f"mb{clock.now():%H%M%S%f}{next(names)}"
    managers = [{"login": MANAGER, "secret": SECRET}]
    service.admin("POST", "/servers", {"name": name, "currency": "EUR", "managers": managers})
    server = servers.server_save(
        actor=TEST, kind=Platform.MT5_MANAGER.value, name=name[:40], host=f"{name}.mt5-manager.localhost",
        port=service.port, manager=MANAGER, password=SECRET,
        settings={"ca_file": str(service.ca_file), "quiet_period": 2.0, "comment": "Rialto"},
    )  # fmt: skip
    kind = AccountType.objects.create(
        name="Standard", server=server, group="real\\std-eur", currency="EUR", leverages=[10, 30], leverage_default=30
    )
    yield World(service, server, kind)  # type: ignore[arg-type]
    platforms.close_all()


def deal(world: World, login: int | None, lots: str = "0.10") -> int:
    order = {"login": login, "symbol": "EURUSD", "side": "buy", "lots": lots}
    return int(world.admin("POST", "/orders", order)["deal"]["PositionID"])


def burst(world: World, login: int | None, count: int) -> None:
    world.admin("POST", "/faults", {"kind": "burst", "login": login, "count": count})


def test_the_test_of_a_connection_finds_name_clock_and_rights(world: World) -> None:
    probe = servers.server_test(actor=TEST, server=world.server)
    assert (probe.ok, probe.problem, probe.utc_offset.total_seconds()) == (True, "", 7200)
    assert probe.groups == ["demo\\std-eur", "real\\ecn-eur", "real\\pro-eur", "real\\std-eur"]


def test_from_opening_to_a_trade_and_the_money_back_in_the_wallet(world: World, tmp_path: Path) -> None:
    account = trader(world)
    assert (account.state, account.server.kind, account.currency) == (AccountState.OPEN, "mt5_manager", "EUR")
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
    assert (Deal.objects.count(), Case.objects.count()) == (4, 0)
    assert ledger.broken_invariants() == {}


def test_deals_made_while_the_connection_was_lost_come_once_without_reading_all_again(world: World) -> None:
    """The stream is taken up where it was: nothing is read whole meanwhile."""
    account = trader(world)
    ingest.watermark_start(world.server.pk)
    platform = platforms.platform_for(world.server)
    with ThreadPoolExecutor(1) as executor:
        watch = ServerWatch(context.tenant(), world.server, executor=executor, bridge="test")

        async def followed() -> tuple[bool, int]:
            stirred = asyncio.Event()
            async with asyncio.timeout(30), platform, news_of(platform, stirred.set) as news:
                while not watch._at.get("whole"):
                    await watch._turn(platform, news, time.monotonic())
                whole = watch._at["whole"]
                assert await watch._db(Deal.objects.count) == 1
                for count in (21, 41):
                    await asyncio.to_thread(world.admin, "POST", "/faults", {"kind": "hang_up"})
                    await asyncio.to_thread(burst, world, account.login, 20)
                    while await watch._db(Deal.objects.count) < count:
                        await stirred.wait()
                        stirred.clear()
                        await watch._turn(platform, news, time.monotonic())
                return watch._at["whole"] == whole, await watch._db(Deal.objects.count)

        assert asyncio.run(followed()) == (True, 41)
        executor.submit(connections.close_all).result()
    assert balance(account.client_id, account.ledger_kind) == server_minor(world, account)
    assert ledger.broken_invariants() == {}


def test_a_service_killed_in_the_middle_loses_and_doubles_nothing(world: World, tmp_path: Path) -> None:
    account = trader(world)
    world.funds(account.client, 5_000)
    with bridge(tmp_path):
        until(lambda: Deal.objects.count() == 1, "the deposit's deal")
        burst(world, account.login, 40)
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
    assert (Deal.objects.filter(kind="balance").count(), Case.objects.count()) == (2, 0)
    assert ledger.broken_invariants() == {}


@pytest.mark.parametrize(("kind", "left"), [("drop_after_commit", 1), ("drop_before_commit", 0)])
def test_an_answer_that_never_came_is_looked_up_and_nothing_is_done_twice(world: World, kind: str, left: int) -> None:
    client = world.client()
    world.admin("POST", "/faults", {"kind": kind, "path": "accounts.open"})
    account = accounts.account_open(actor=TEST, client=client, account_type=world.account_type)
    settle()
    assert world.admin("GET", "/accounts")["total"] == left
    recover()
    account.refresh_from_db()
    assert (account.state, world.admin("GET", "/accounts")["total"]) == (AccountState.OPEN, 1)
    world.funds(client, 3_000)
    world.admin("POST", "/faults", {"kind": kind, "path": "balance.apply"})
    row = transfers.transfer_to_account(actor=TEST, account=account, amount=Money(3_000, "EUR"), key="only")
    assert commands.run(row.command_id) in {CommandState.UNKNOWN, CommandState.PENDING}
    recover()
    row.refresh_from_db()
    assert (row.state, world.on_server(int(account.login or 0))["balance"]) == (TransferState.DONE, "30.00")
    assert (balance(client.pk, "wallet"), balance(client.pk, "in_transit")) == (0, 0)
    assert ledger.broken_invariants() == {}
