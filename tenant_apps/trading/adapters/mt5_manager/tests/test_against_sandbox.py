"""The contract, and this adapter's own habits, against the sandbox: another program, written from the same README."""

import asyncio
import hashlib
import signal
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import aclosing
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from tenant_apps.trading.adapters.blocking import BlockingPlatform
from tenant_apps.trading.adapters.contract import PATIENCE, Calls, TradingPlatformContract, new_account, operation
from tenant_apps.trading.adapters.mt5_manager import Mt5ManagerPlatform
from tenant_apps.trading.adapters.mt5_manager.tests.sandbox import MANAGER, SandboxHarness, SandboxProcess
from tenant_apps.trading.errors import OutcomeUnknown, PlatformRejected, PlatformUnavailable, Rejection
from tenant_apps.trading.ports import Account, AccountChange, Deal, DealEntry, Heard, Lots, PushingPlatform, Side

TENTH = Lots(Decimal("0.10"))
GAP = Heard(gap=True)
Scenario = Callable[[Mt5ManagerPlatform, AsyncIterator[Heard]], Awaitable[None]]


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxProcess]:
    process = SandboxProcess(tmp_path_factory.mktemp("manager"))
    process.start()
    yield process
    process.stop()


@pytest.fixture(scope="module")
def harness(process: SandboxProcess) -> SandboxHarness:
    return SandboxHarness(process, "contract")


class TestMt5ManagerContract(TradingPlatformContract):
    pass


class TestHabits:
    @pytest.fixture
    def calls(self, harness: SandboxHarness) -> Iterator[Calls]:
        with BlockingPlatform(harness.platform) as platform:
            yield Calls(platform)
        harness.disarm()

    @pytest.fixture
    def account(self, harness: SandboxHarness, calls: Calls) -> Account:
        return calls.run(lambda platform: platform.account_open(new_account(harness.group)))

    def test_the_same_operation_again_is_the_same_deal(self, calls: Calls, account: Account) -> None:
        wish = operation(account.login, "500.25", note="Klarna")
        assert calls.move(wish) == calls.move(wish)
        assert calls.balance(account.login) == Decimal("500.25")
        with pytest.raises(PlatformRejected) as caught:
            calls.move(replace(wish, amount=Decimal("500.26")))
        assert caught.value.name is Rejection.ALREADY_EXISTS
        assert calls.balance(account.login) == Decimal("500.25")

    def test_the_same_opening_again_is_the_same_account(self, harness: SandboxHarness, calls: Calls) -> None:
        wish = new_account(harness.group)
        harness.fault("drop_after_commit", "accounts.open")
        with pytest.raises(OutcomeUnknown):
            calls.run(lambda platform: platform.account_open(wish))
        again = calls.run(lambda platform: platform.account_open(wish))
        assert calls.run(lambda platform: platform.account_open_find(wish.group, wish.external_id)) == again

    def test_a_half_open_connection_ends_with_the_time_out(self, harness: SandboxHarness, account: Account) -> None:
        patience = {"call_seconds": 0.5, "heartbeat_seconds": 0.1, "silence_seconds": 0.5}
        with BlockingPlatform(lambda: harness.platform(**patience)) as platform:
            hasty = Calls(platform)
            harness.fault("half_open", "accounts.get")
            with pytest.raises(PlatformUnavailable, match="no answer"):
                hasty.get(account.login)
            until = datetime.now(UTC) + PATIENCE
            while True:
                try:
                    assert hasty.get(account.login).login == account.login
                    break
                except PlatformUnavailable:
                    assert datetime.now(UTC) < until

    def test_the_wrong_secret_is_refused(self, harness: SandboxHarness) -> None:
        for wrong in ({"password": "another secret, as long as the right one"}, {"manager": 4711}):
            with pytest.raises(PlatformRejected) as caught, BlockingPlatform(lambda w=wrong: harness.platform(**w)):
                pass
            assert caught.value.name is Rejection.AUTHENTICATION_FAILED

    def test_a_fingerprint_is_enough_and_another_is_refused(self, harness: SandboxHarness) -> None:
        pem = (harness.process.folder / "tls" / "server.pem").read_text()
        right = hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).hexdigest()
        shown = ":".join(right[at : at + 2] for at in range(0, 64, 2)).upper()
        with BlockingPlatform(lambda: harness.platform(ca_file=None, fingerprint=shown)) as platform:
            assert Calls(platform).run(lambda one: one.groups())
        for wrong in ({"ca_file": None, "fingerprint": "0" * 64}, {"ca_file": None}, {"fingerprint": "1" * 64}):
            with pytest.raises(PlatformRejected) as caught, BlockingPlatform(lambda w=wrong: harness.platform(**w)):
                pass
            assert caught.value.name is Rejection.SERVER_IDENTITY

    def test_a_manager_with_few_rights_is_told_so(self, harness: SandboxHarness, account: Account) -> None:
        with BlockingPlatform(lambda: harness.platform(manager=MANAGER + 1)) as platform:
            calls = Calls(platform)
            assert (calls.get(account.login).name, calls.get(account.login).login) == ("", account.login)
            with pytest.raises(PlatformRejected) as caught:
                calls.update(account.login, AccountChange(leverage=200))
            assert caught.value.name is Rejection.NO_PERMISSION
            with pytest.raises(PlatformRejected):
                calls.move(operation(account.login, "10"))
        with BlockingPlatform(lambda: harness.platform(manager=MANAGER + 2)) as platform:
            with pytest.raises(PlatformRejected) as caught:
                Calls(platform).get(account.login)
            assert caught.value.name is Rejection.NOT_FOUND

    def test_money_in_a_currency_without_minor_units(self, calls: Calls) -> None:
        opened = calls.run(lambda platform: platform.account_open(new_account("real\\std-jpy")))
        with pytest.raises(PlatformRejected) as caught:
            calls.move(operation(opened.login, "1000.5"))
        assert caught.value.name is Rejection.UNSUPPORTED_SCALE
        calls.move(operation(opened.login, "1000"))
        state = calls.state(opened.login)
        assert (state.currency, state.digits, state.balance) == ("JPY", 0, Decimal(1000))

    def test_long_lists_come_in_pages(self, process: SandboxProcess) -> None:
        harness, since = SandboxHarness(process, "paged"), datetime.now(UTC) - PATIENCE
        paged = BlockingPlatform(lambda: harness.platform(page_size=3, batch_size=2))
        with BlockingPlatform(harness.platform) as whole, paged:
            calls = Calls(whole)
            order = [new_account(harness.group) for _ in range(5)]
            logins = [whole.run(lambda platform, one=one: platform.account_open(one)).login for one in order]
            for login in logins * 2:
                calls.move(operation(login, "7"))
            for which in ({"logins": logins}, {"group": "*"}):
                read = [
                    one.run(lambda platform, w=which: platform.deals(since, since + 2 * PATIENCE, **w))
                    for one in (whole, paged)
                ]
                assert read[0] == read[1]
                assert sorted(deal.login for deal in read[0]) == sorted(logins * 2)
                states = paged.run(lambda platform, w=which: platform.account_states(**w))
                assert [state.login for state in states] == sorted(logins)
            symbols = [one.run(lambda platform: platform.symbols()) for one in (whole, paged)]
            assert symbols[0] == symbols[1]
            assert len(symbols[0]) > 3

    def test_a_clock_that_goes_wrong_is_noticed(self, harness: SandboxHarness, calls: Calls) -> None:
        harness.fault("clock_skew", seconds=420)
        with pytest.raises(PlatformUnavailable, match="clock"):
            calls.run(lambda platform: platform.server_info())


# --- what the service tells


async def until_deal(heard: AsyncIterator[Heard], number: int) -> list[Heard]:
    """Everything up to the message with this deal."""
    found: list[Heard] = []
    while not any(deal.deal == number for one in found for deal in one.deals):
        found.append(await anext(heard))
    return found


def deals_in(heard: list[Heard]) -> list[Deal]:
    return [deal for one in heard for deal in one.deals]


def follow(harness: SandboxHarness, scenario: Scenario, **settings: object) -> None:
    """Run a scenario with a platform and what it hears, the first gap taken."""

    async def main() -> None:
        async with asyncio.timeout(40), harness.platform(**settings) as platform:
            assert isinstance(platform, PushingPlatform)
            async with aclosing(platform.listen()) as heard:  # type: ignore[type-var]
                assert await anext(heard) == GAP
                await scenario(platform, heard)

    try:
        asyncio.run(main())
    finally:
        harness.disarm()


async def funded(platform: Mt5ManagerPlatform, harness: SandboxHarness, heard: AsyncIterator[Heard]) -> int:
    """An account with money, its deal heard."""
    login = (await platform.account_open(new_account(harness.group))).login
    await until_deal(heard, (await platform.balance_operation(operation(login, "100000"))).deal)
    return login


class TestListening:
    def test_what_is_told_is_what_is_read_later(self, harness: SandboxHarness) -> None:
        async def scenario(platform: Mt5ManagerPlatform, heard: AsyncIterator[Heard]) -> None:
            login, since = await funded(platform, harness, heard), datetime.now(UTC) - PATIENCE
            number = await asyncio.to_thread(harness.position_open, login, Side.BUY, TENTH)
            await asyncio.to_thread(harness.position_close, login, number)
            read = await platform.deals_of(login, since, since + 2 * PATIENCE)
            told = await until_deal(heard, read[-1].deal)
            assert [deal.entry for deal in deals_in(told)] == [DealEntry.IN, DealEntry.OUT]
            assert tuple(deals_in(told)) == read[1:]
            assert all(one.logins == {login} for one in told)

        follow(harness, scenario)

    def test_deals_made_while_the_connection_was_lost_are_told_once_and_without_a_gap(
        self, harness: SandboxHarness
    ) -> None:
        async def scenario(platform: Mt5ManagerPlatform, heard: AsyncIterator[Heard]) -> None:
            login, since = await funded(platform, harness, heard), datetime.now(UTC) - PATIENCE
            told: list[Heard] = []
            for _ in range(3):
                await asyncio.to_thread(harness.fault, "hang_up")
                burst = await asyncio.to_thread(harness.fault, "burst", login=login, count=20)
                told += await until_deal(heard, burst["last"])
            read = await platform.deals_of(login, since, since + 2 * PATIENCE)
            assert [deal.deal for deal in deals_in(told)] == [deal.deal for deal in read[1:]]
            assert len(read) == 61
            assert GAP not in told

        follow(harness, scenario)

    def test_a_service_that_may_have_missed_something_says_so(self, harness: SandboxHarness) -> None:
        async def scenario(platform: Mt5ManagerPlatform, heard: AsyncIterator[Heard]) -> None:
            login = await funded(platform, harness, heard)
            await asyncio.to_thread(harness.fault, "forget")
            done = await platform.balance_operation(operation(login, "5"))
            told = await until_deal(heard, done.deal)
            assert GAP in told[: told.index(Heard(deals=(deals_in(told)[-1],), logins=frozenset({login})))]

        follow(harness, scenario)

    def test_a_missing_number_is_a_gap_and_a_repeated_one_is_nothing(self, harness: SandboxHarness) -> None:
        async def scenario(platform: Mt5ManagerPlatform, heard: AsyncIterator[Heard]) -> None:
            login = await funded(platform, harness, heard)
            await asyncio.to_thread(harness.fault, "repeat_event", "deal")
            twice = await platform.balance_operation(operation(login, "5"))
            once = await platform.balance_operation(operation(login, "6"))
            told = await until_deal(heard, once.deal)
            assert [deal.deal for deal in deals_in(told)] == [twice.deal, once.deal]
            assert GAP not in told
            await asyncio.to_thread(harness.fault, "skip_event", "deal")
            await platform.balance_operation(operation(login, "7"))
            after = await platform.balance_operation(operation(login, "8"))
            told = await until_deal(heard, after.deal)
            assert (told[0], [deal.deal for deal in deals_in(told)]) == (GAP, [after.deal])

        follow(harness, scenario)

    def test_a_flood_reaches_a_slow_listener_as_a_gap(self, harness: SandboxHarness) -> None:
        async def scenario(platform: Mt5ManagerPlatform, heard: AsyncIterator[Heard]) -> None:
            login = await funded(platform, harness, heard)
            burst = await asyncio.to_thread(harness.fault, "burst", login=login, count=200)
            await platform.account_get(login)  # everything told before this answer has been heard
            assert await anext(heard) == GAP
            told = await until_deal(heard, burst["last"])
            assert len(told) <= 51

        follow(harness, scenario, listen_limit=50)

    def test_changes_of_accounts_are_told_by_login(self, harness: SandboxHarness) -> None:
        async def scenario(platform: Mt5ManagerPlatform, heard: AsyncIterator[Heard]) -> None:
            login = await funded(platform, harness, heard)
            await platform.account_update(login, AccountChange(leverage=77))
            assert await anext(heard) == Heard(logins=frozenset({login}))

        follow(harness, scenario)

    def test_a_manager_hears_of_its_own_groups_only(self, harness: SandboxHarness) -> None:
        async def scenario(platform: Mt5ManagerPlatform, heard: AsyncIterator[Heard]) -> None:
            async with harness.platform() as other:
                foreign = (await other.account_open(new_account(harness.group))).login
                await other.balance_operation(operation(foreign, "5"))
                own = (await other.account_open(new_account("demo\\std-eur"))).login
                done = await other.balance_operation(operation(own, "5"))
            told = await until_deal(heard, done.deal)
            assert {login for one in told for login in one.logins} == {own}
            assert GAP not in told

        follow(harness, scenario, manager=MANAGER + 2)

    def test_a_killed_service_is_a_gap_and_keeps_what_it_confirmed(self, process: SandboxProcess) -> None:
        harness = SandboxHarness(process, "killed")

        async def scenario(platform: Mt5ManagerPlatform, heard: AsyncIterator[Heard]) -> None:
            login = await funded(platform, harness, heard)
            wish, since = operation(login, "500"), datetime.now(UTC)
            done = await platform.balance_operation(wish)
            await asyncio.to_thread(process.stop, signal.SIGKILL)
            with pytest.raises(PlatformUnavailable):
                await platform.account_get(login)
            await asyncio.to_thread(process.start)
            while await anext(heard) != GAP:
                pass
            found = await platform.balance_operation_find(login, wish.operation_id, since)
            assert found is not None
            assert found.deal == done.deal
            assert (await platform.balance_operation(wish)).deal == done.deal
            again = await platform.balance_operation(operation(login, "1"))
            assert [deal.deal for deal in deals_in(await until_deal(heard, again.deal))] == [again.deal]

        follow(harness, scenario)
