"""The bridge as a real process against real sandbox servers: once, in time, after a crash, beside a slow neighbour."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, connections, transaction
from django.test.utils import CaptureQueriesContext

from kernel.clock import now
from kernel.models import OutboxMessage
from kernel.money import Money
from kernel.redis import client as redis_client
from kernel.tenancy import context
from tenant_apps.ledger import selectors as ledger
from tenant_apps.trading import platforms
from tenant_apps.trading.bridge import ingest, lease, metrics
from tenant_apps.trading.bridge.records import CLOSING, accounts_of
from tenant_apps.trading.bridge.watch import OVERLAP_EVERY, RECENT, ServerWatch
from tenant_apps.trading.models import Case, CaseKind, Deal, EquityPoint, Position, TradingAccount
from tenant_apps.trading.services import transfers
from tenant_apps.trading.services.accounts import account_adopt
from tenant_apps.trading.tests.conftest import TEST, World, settle
from tenant_apps.trading.tests.processes import bridge, until
from tenant_apps.trading.tests.test_journey import balance


def trader(world: World, minor: int = 1_000_000) -> TradingAccount:
    """A funded account."""
    client = world.client()
    account = world.open_account(client)
    world.funds(client, minor)
    transfers.transfer_to_account(actor=TEST, account=account, amount=Money(minor, "EUR"), key=f"fund:{account.pk}")
    settle()
    account.refresh_from_db()
    return account


def server_minor(world: World, account: TradingAccount) -> int:
    return Money.of(world.on_server(int(account.login or 0))["balance"], "EUR").minor


def agree(world: World, account: TradingAccount) -> bool:
    """The ledger's mirror is what the server says, and so is our copy."""
    account.refresh_from_db()
    now = server_minor(world, account)
    return balance(account.client_id, account.ledger_kind) == now == account.balance_minor


def test_trades_are_stored_told_and_posted(world: World, tmp_path: Path) -> None:
    account = trader(world)
    live = redis_client().pubsub(ignore_subscribe_messages=True)
    live.subscribe(f"rialto:live:{context.tenant().id}:client:{account.client_id}")
    with bridge(tmp_path):
        until(lambda: Deal.objects.filter(kind="balance").count() == 1, "the deposit's deal")
        position = world.admin(
            "POST", "/orders", {"login": account.login, "symbol": "EURUSD", "side": "buy", "lots": "0.10"}
        )["deal"]["PositionID"]
        until(lambda: Position.objects.filter(account=account).count() == 1, "the position")
        world.admin("POST", "/orders", {"position": int(position)})
        until(lambda: Deal.objects.filter(kind="sell", entry="out").exists(), "the closing deal")
        until(lambda: not Position.objects.exists(), "the position's end")
        assert [len(deal.price_text.partition(".")[2]) for deal in Deal.objects.exclude(symbol="")] == [5, 5]
        until(lambda: agree(world, account), "ledger and server agreeing")
        # How long it took is the bench's matter: the deposit is older than the bridge, and tests share a machine.
        until(lambda: metrics.read(world.server.pk).get("deals") == "3", "the metrics")
    until(lambda: live.get_message(timeout=0.2), "what pages were told")
    live.close()
    assert EquityPoint.objects.filter(account=account).exists()
    assert Case.objects.count() == 0
    assert ledger.broken_invariants() == {}


def test_a_burst_of_a_thousand_deals_comes_in_once(world: World, tmp_path: Path) -> None:
    account = trader(world)
    with bridge(tmp_path):
        until(lambda: Deal.objects.exists(), "the first deal")
        world.admin("POST", "/faults", {"kind": "burst", "login": account.login, "count": 1000})
        until(lambda: Deal.objects.filter(kind__in=["buy", "sell"]).count() == 1000, "a thousand deals")
        until(lambda: agree(world, account), "ledger and server agreeing")
    assert Deal.objects.count() == 1001
    assert ledger.broken_invariants() == {}


def test_what_happened_while_no_bridge_ran_is_caught_up(world: World, tmp_path: Path) -> None:
    account = trader(world)
    with bridge(tmp_path) as process:
        until(lambda: Deal.objects.count() == 1, "the deposit's deal")
        process.stop(signal.SIGKILL)
        world.admin("POST", "/faults", {"kind": "burst", "login": account.login, "count": 40})
        redis_client().delete(
            lease._key(world.server.pk)
        )  # as when it has ended: until then nobody else may follow the server
        process.start()
        until(lambda: Deal.objects.count() == 41, "the deals of the gap")
        until(lambda: agree(world, account), "ledger and server agreeing")
    assert Case.objects.count() == 0
    assert ledger.broken_invariants() == {}


def test_a_bridge_without_redis_goes_on(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    account = trader(world)
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:9/0")  # of the bridge: this process has its own since long
    with bridge(tmp_path):
        until(lambda: Deal.objects.count() == 1, "the deposit's deal")
        world.admin("POST", "/faults", {"kind": "burst", "login": account.login, "count": 4})
        until(lambda: Deal.objects.count() == 5, "the deals")
        until(lambda: agree(world, account), "ledger and server agreeing")
    world.server.refresh_from_db()
    assert (world.server.last_error, world.server.last_error_at) == ("", None)


def test_two_bridges_share_without_doubling(world: World, tmp_path: Path) -> None:
    account = trader(world)
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    with bridge(tmp_path / "one"), bridge(tmp_path / "two"):
        until(lambda: Deal.objects.count() == 1, "the deposit's deal")
        world.admin("POST", "/faults", {"kind": "burst", "login": account.login, "count": 20})
        until(lambda: Deal.objects.count() == 21, "the deals")
        until(lambda: agree(world, account), "ledger and server agreeing")
    assert Deal.objects.count() == 21  # also after both have ended
    assert ledger.broken_invariants() == {}


def test_the_same_deals_twice_are_one(world: World) -> None:
    """What two bridges at once, or an overlapping window, would bring."""
    account = trader(world)
    world.admin("POST", "/faults", {"kind": "burst", "login": account.login, "count": 10})
    known = accounts_of(world.server.pk)
    read = platforms.ask(
        world.server,
        lambda platform: platform.deals(
            now() - ingest.OVERLAP, now() + ingest.OVERLAP, logins=[int(account.login or 0)]
        ),
    )
    first = ingest.store_deals(world.server, read, known)
    second = ingest.store_deals(world.server, [*read, *read], known)
    assert (len(first.new), len(second.new), Deal.objects.count()) == (11, 0, 11)
    assert balance(account.client_id, account.ledger_kind) == server_minor(world, account)


def test_of_two_that_store_the_same_deals_at_once_one_waits_and_finds_them(world: World) -> None:
    account = trader(world)
    world.admin("POST", "/faults", {"kind": "burst", "login": account.login, "count": 4})
    known, tenant = accounts_of(world.server.pk), context.tenant()
    since, until_ = now() - ingest.OVERLAP, now() + ingest.OVERLAP
    read = platforms.ask(world.server, lambda platform: platform.deals(since, until_, logins=list(known)))

    def store() -> int:
        try:
            with context.use(tenant):
                return len(ingest.store_deals(world.server, read, known).new)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as executor:
        with transaction.atomic():
            first = len(ingest.store_deals(world.server, read[:3], known).new)
            second = executor.submit(store)
            until(_somebody_waits, "the second storing's waiting for the first")
        assert (first, second.result()) == (3, 2)
    assert balance(account.client_id, account.ledger_kind) == server_minor(world, account)


def test_a_withdrawal_and_the_deals_of_its_account_do_not_deadlock(world: World) -> None:
    """Who moves money takes the account first and its ledger then. Deals that are stored meanwhile do the same."""
    account = trader(world)
    world.admin("POST", "/faults", {"kind": "burst", "login": account.login, "count": 4})
    known = accounts_of(world.server.pk)
    since, until_ = now() - ingest.OVERLAP, now() + ingest.OVERLAP
    read = platforms.ask(world.server, lambda platform: platform.deals(since, until_, logins=list(known)))

    def store() -> int:
        try:
            with context.use(tenant):
                return len(ingest.store_deals(world.server, read, known).new)
        finally:
            connections.close_all()

    tenant = context.tenant()
    with ThreadPoolExecutor(1) as executor:
        with transaction.atomic():
            TradingAccount.objects.select_for_update(no_key=True).get(pk=account.pk)
            stored = executor.submit(store)
            until(_somebody_waits, "the storing's waiting for the account")
            transfers.transfer_to_wallet(actor=TEST, account=account, amount=Money(5_000, "EUR"), key="meanwhile")
        assert stored.result() == 5
    settle()
    assert balance(account.client_id, account.ledger_kind) == server_minor(world, account)


def _somebody_waits() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid)))"
        )
        return bool(cursor.fetchone()[0])


def test_more_deals_at_once_are_not_more_questions(world: World) -> None:
    account = trader(world)
    world.admin("POST", "/faults", {"kind": "burst", "login": account.login, "count": 42})
    known = accounts_of(world.server.pk)
    since, until_ = now() - ingest.OVERLAP, now() + ingest.OVERLAP
    read = platforms.ask(world.server, lambda platform: platform.deals(since, until_, logins=list(known)))
    trades = sorted((deal for deal in read if deal.entry), key=lambda deal: deal.deal)
    asked = []
    for some in (trades[:2], trades[2:4], trades[4:]):  # the first time, accounts of the ledger come into being
        with CaptureQueriesContext(connection) as queries:
            assert ingest.store_deals(world.server, some, known).new
        asked.append(len(queries))
    assert asked[1] == asked[2]


def test_what_an_account_closed_on_one_day_is_one_event(world: World) -> None:
    account = trader(world)
    world.admin("POST", "/faults", {"kind": "burst", "login": account.login, "count": 8})
    known = accounts_of(world.server.pk)
    since, until_ = now() - ingest.OVERLAP, now() + ingest.OVERLAP
    read = platforms.ask(world.server, lambda platform: platform.deals(since, until_, logins=list(known)))
    trades = sorted((deal for deal in read if deal.entry), key=lambda deal: deal.deal)
    yesterday = [replace(deal, executed_at=deal.executed_at - timedelta(days=1)) for deal in trades[:2]]
    ingest.store_deals(world.server, [*yesterday, *trades[2:]], known)
    told = list(OutboxMessage.objects.filter(name="trading.deal_closed").order_by("id"))
    assert [(row.aggregate, row.payload["deals"]) for row in told] == [
        (f"trading.account:{account.pk}", n) for n in (1, 3)
    ]
    closing = [deal for deal in trades if deal.entry in CLOSING]
    assert [row.payload["deal_id"] for row in told] == [closing[0].deal, closing[-1].deal]
    assert sum(Decimal(row.payload["lots"]) for row in told) == sum(deal.closed_lots for deal in closing)
    profit = sum(Money.from_json(row.payload["profit"]).minor for row in told)
    assert profit == sum(Deal.objects.filter(entry="out").values_list("result_minor", flat=True))


def test_a_slow_server_starves_no_neighbour(
    live_tenants: Callable[..., Any], make: Callable[..., World], tmp_path: Path
) -> None:
    slow_tenant, quick_tenant = live_tenants(), live_tenants()
    with context.use(slow_tenant):
        slow = make()
        trader(slow)
        slow.admin("POST", "/faults", {"kind": "slow", "path": "/api/", "seconds": 30, "count": 1000})
    with context.use(quick_tenant):
        quick = make()
        account = trader(quick)
        with bridge(tmp_path):
            until(lambda: Deal.objects.count() == 1, "the quick server's deal")
            quick.admin("POST", "/faults", {"kind": "burst", "login": account.login, "count": 4})
            until(lambda: Deal.objects.count() == 5, "deals beside a slow neighbour", seconds=10)
    slow.process.admin("DELETE", f"/servers/{slow.server.name}/faults")
    with context.use(slow_tenant):
        assert Deal.objects.count() == 0


def test_money_that_moved_without_us_is_a_case(world: World, tmp_path: Path) -> None:
    from tenant_apps.accounts.tests.support import actor, staff
    from tenant_apps.trading.ports import Amount, BalanceKind, BalanceOperation
    from tenant_apps.trading.services.cases import case_resolve, settlement_approve

    account = trader(world)
    operation = BalanceOperation(
        int(account.login or 0), BalanceKind.BALANCE, Amount(Money(2_500, "EUR").amount), "desk"
    )
    platforms.ask(world.server, lambda platform: platform.balance_operation(operation))
    with bridge(tmp_path):
        until(lambda: Case.objects.filter(kind=CaseKind.ORPHAN_DEAL).exists(), "the case")
        until(lambda: agree(world, account), "ledger and server agreeing")
    case = Case.objects.get()
    assert case.amount == Money(2_500, "EUR")
    one, other = actor(staff("dealing", name="Dora Deal")), actor(staff("finance", name="Fin One"))
    proposal = case_resolve(actor=one, case_id=case.pk, note="Paid out of goodwill")
    assert proposal is not None
    settlement_approve(actor=other, change_id=proposal.pk)
    house = {kind: minor for owner, kind, _, minor in ledger.trial_balance() if owner == "house"}
    assert (house["suspense"], house["trading-adjustments"]) == (0, -2_500)


def test_an_adopted_account_brings_its_past_quietly(world: World, tmp_path: Path) -> None:
    other = trader(world)
    world.admin("POST", "/faults", {"kind": "burst", "login": other.login, "count": 10})
    login, client, account_type = int(other.login or 0), world.client(), world.account_type
    # The same server seen by a brokerage that knows nothing of the account yet.
    Deal.objects.all().delete()
    TradingAccount.objects.filter(pk=other.pk).update(login=None, ledger_kind="", state="archived")
    adopted = account_adopt(actor=TEST, client=client, account_type=account_type, login=login, leverage=30)
    with bridge(tmp_path):
        until(lambda: Deal.objects.filter(account=adopted).count() == 11, "the past")
        until(lambda: agree(world, adopted), "ledger and server agreeing")
    assert Case.objects.count() == 0
    assert not OutboxMessage.objects.filter(name="trading.deal_closed").exists()


def test_only_now_and_then_the_whole_overlap_is_read_again(world: World) -> None:
    ingest.watermark_start(world.server.pk)
    with ThreadPoolExecutor(1) as executor:
        watch = ServerWatch(context.tenant(), world.server, executor=executor, bridge="test")
        whole = ingest.watermark(world.server.pk)

        async def begins() -> list[datetime]:
            first, second = await watch._since(), await watch._since()
            watch._at["overlap"] -= OVERLAP_EVERY
            return [first, second, await watch._since()]

        assert asyncio.run(begins()) == [whole, whole + ingest.OVERLAP - RECENT, whole]
        executor.submit(connections.close_all).result()
