"""The contract, and cTrader's own habits, against the sandbox server.

Another program, written from the same document.
"""

import asyncio
import signal
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from tenant_apps.trading.adapters.blocking import BlockingPlatform
from tenant_apps.trading.adapters.contract import PATIENCE, Calls, TradingPlatformContract, new_account, operation
from tenant_apps.trading.adapters.ctrader import CTraderPlatform, ledger
from tenant_apps.trading.adapters.ctrader.tests.sandbox import MANAGER, SandboxHarness, SandboxProcess
from tenant_apps.trading.errors import OutcomeUnknown, PlatformRejected, PlatformUnavailable, Rejection
from tenant_apps.trading.ports import (
    Account,
    AccountChange,
    BalanceKind,
    Copies,
    Deal,
    DealEntry,
    DealKind,
    Heard,
    Lots,
    NewAccount,
    Side,
    TellsCopies,
)

TENTH = Lots(Decimal("0.10"))


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxProcess]:
    process = SandboxProcess(tmp_path_factory.mktemp("ctrader"))
    process.start()
    yield process
    process.stop()


@pytest.fixture(scope="module")
def harness(process: SandboxProcess) -> SandboxHarness:
    return SandboxHarness(process, "contract")


class TestCTraderContract(TradingPlatformContract):
    pass


async def heard_until(heard: AsyncIterator[Heard], number: int) -> list[Heard]:
    """Everything up to the message with this deal."""
    found: list[Heard] = []
    async with asyncio.timeout(20):
        while not any(deal.deal == number for one in found for deal in one.deals):
            found.append(await anext(heard))
    return found


def deals_in(heard: list[Heard]) -> dict[int, Deal]:
    return {deal.deal: deal for one in heard for deal in one.deals}


class TestCTraderHabits:
    @pytest.fixture
    def calls(self, harness: SandboxHarness) -> Iterator[Calls]:
        with BlockingPlatform(harness.platform) as platform:
            yield Calls(platform)
        harness.disarm()

    @pytest.fixture
    def account(self, harness: SandboxHarness, calls: Calls) -> Account:
        return calls.run(lambda platform: platform.account_open(new_account(harness.group)))

    def test_what_is_told_is_what_is_read_later(self, harness: SandboxHarness) -> None:
        async def main() -> None:
            async with harness.platform() as platform:
                assert isinstance(platform, CTraderPlatform)
                heard = platform.listen()
                assert await anext(heard) == Heard(gap=True)
                login = (await platform.account_open(new_account(harness.group))).login
                since = datetime.now(UTC) - PATIENCE
                done = await platform.balance_operation(operation(login, "10000"))
                money = deals_in(await heard_until(heard, done.deal))
                assert (money[done.deal].login, money[done.deal].profit) == (login, 10000)
                number = await asyncio.to_thread(harness.position_open, login, Side.BUY, TENTH)
                await asyncio.to_thread(harness.position_close, login, number)
                read = await platform.deals_of(login, since, since + 2 * PATIENCE)
                told = deals_in(await heard_until(heard, read[-1].deal))
                assert [deal.entry for deal in told.values()] == [DealEntry.IN, DealEntry.OUT]
                assert {**money, **told} == {deal.deal: deal for deal in read}
                await heard.aclose()  # type: ignore[attr-defined]

        asyncio.run(main())

    def test_a_killed_server_is_a_gap_and_keeps_what_it_confirmed(self, process: SandboxProcess) -> None:
        harness = SandboxHarness(process, "killed")

        async def main() -> None:
            async with harness.platform() as platform:
                heard = platform.listen()
                assert await anext(heard) == Heard(gap=True)
                login = (await platform.account_open(new_account(harness.group))).login
                wish, since = operation(login, "500"), datetime.now(UTC)
                done = await platform.balance_operation(wish)
                await asyncio.to_thread(process.stop, signal.SIGKILL)
                with pytest.raises(PlatformUnavailable):
                    await platform.account_get(login)
                await asyncio.to_thread(process.start)
                async with asyncio.timeout(20):
                    while not (await anext(heard)).gap:
                        pass
                found = await platform.balance_operation_find(login, wish.operation_id, since)
                assert found is not None
                assert found.deal == done.deal
                again = await platform.balance_operation(operation(login, "1"))
                await heard_until(heard, again.deal)
                await heard.aclose()  # type: ignore[attr-defined]

        asyncio.run(main())

    def test_a_flood_of_deals_reaches_a_slow_listener_as_a_gap(self, harness: SandboxHarness) -> None:
        async def main() -> None:
            async with harness.platform(listen_limit=50) as platform:
                login = (await platform.account_open(new_account(harness.group))).login
                await platform.balance_operation(operation(login, "100000"))
                heard, since = platform.listen(), datetime.now(UTC) - PATIENCE
                assert await anext(heard) == Heard(gap=True)
                flood = {"kind": "burst", "login": login, "count": 300}
                await asyncio.to_thread(harness.admin, "POST", "/faults", flood)
                await platform.server_info()  # its answer comes behind all of them
                assert (await anext(heard)).gap
                read = await platform.deals_of(login, since, since + 2 * PATIENCE)
                assert len(read) == 301
                await heard.aclose()  # type: ignore[attr-defined]

        asyncio.run(main())

    def test_histories_longer_than_an_answer_come_whole(self, process: SandboxProcess) -> None:
        harness = SandboxHarness(process, "chunked", chunk=5, newest_first=False)
        with BlockingPlatform(harness.platform) as platform:
            calls = Calls(platform)
            logins = [
                calls.run(lambda platform: platform.account_open(new_account(harness.group))).login for _ in range(7)
            ]
            since = datetime.now(UTC) - PATIENCE
            for login in logins:
                calls.move(operation(login, "1000"))
                calls.move(operation(login, "1"))
                harness.position_open(login, Side.SELL, TENTH)
            deals = calls.run(lambda platform: platform.deals(since, since + 3 * PATIENCE, group="*"))
            assert sorted(deal.login for deal in deals) == sorted(logins * 3)
            states = calls.run(lambda platform: platform.account_states(group="*"))
            assert [state.login for state in states] == sorted(logins)
            positions = calls.run(lambda platform: platform.positions(group=harness.group))
            assert sorted(one.login for one in positions) == sorted(logins)

    def test_what_is_worked_out_is_what_the_server_says(
        self, harness: SandboxHarness, calls: Calls, account: Account
    ) -> None:
        calls.move(operation(account.login, "10000"))
        calls.move(operation(account.login, "50", BalanceKind.CREDIT))
        calls.move(operation(account.login, "20", BalanceKind.BONUS))
        harness.position_open(account.login, Side.BUY, TENTH)
        harness.position_open(account.login, Side.SELL, Lots(Decimal("0.30")))
        harness.admin("POST", "/freeze", {"frozen": True})
        try:
            said = calls.state(account.login)
            with BlockingPlatform(lambda: harness.platform(states_by_web=0)) as other:
                worked_out = Calls(other).state(account.login)
        finally:
            harness.admin("POST", "/freeze", {"frozen": False})
        assert (said.raw["from"], worked_out.raw["from"]) == ("webservices", "positions")
        assert (said.credit, said.balance) == (70, 10000)
        cent = Decimal("0.02")
        assert abs(worked_out.floating - said.floating) <= cent
        assert abs(worked_out.margin - said.margin) <= cent
        same = {"read_at": said.read_at, "floating": said.floating, "equity": said.equity, "margin": said.margin}
        same |= {"free_margin": said.free_margin, "margin_level": said.margin_level}
        assert replace(worked_out, **same) == said

    def test_bonus_is_credit_and_a_deal_of_its_own(self, calls: Calls, account: Account) -> None:
        since = datetime.now(UTC) - PATIENCE
        done = calls.move(operation(account.login, "7", BalanceKind.BONUS))
        assert done.deal > ledger.BONUS_NUMBERS
        (deal,) = calls.run(lambda platform: platform.deals_of(account.login, since, since + 2 * PATIENCE))
        assert (deal.deal, deal.kind, deal.profit) == (done.deal, DealKind.CREDIT, 7)
        assert (calls.state(account.login).credit, calls.balance(account.login)) == (7, 0)

    def test_money_in_a_currency_without_minor_units(self, harness: SandboxHarness) -> None:
        with BlockingPlatform(lambda: harness.platform(deposit_currency="JPY")) as platform:
            calls = Calls(platform)
            opened = calls.run(lambda platform: platform.account_open(new_account(harness.group)))
            with pytest.raises(PlatformRejected) as caught:
                calls.move(operation(opened.login, "1000.5"))
            assert caught.value.name is Rejection.UNSUPPORTED_SCALE
            calls.move(operation(opened.login, "1000"))
            state = calls.state(opened.login)
            assert (state.currency, state.digits, state.balance) == ("JPY", 0, Decimal(1000))

    def test_an_account_moves_to_another_group(self, calls: Calls, account: Account) -> None:
        changed = calls.update(account.login, AccountChange(group="vip", gets_reports=True))
        assert (changed.group, changed.rights.gets_reports) == ("vip", True)
        with pytest.raises(PlatformRejected):
            calls.update(account.login, AccountChange(group="no such group"))
        assert calls.get(account.login).group == "vip"

    def test_the_wrong_password_is_refused(self, harness: SandboxHarness) -> None:
        wrong = BlockingPlatform(lambda: harness.platform(password="Other-Pass1"))
        with pytest.raises(PlatformRejected) as caught, wrong:
            pass
        assert caught.value.name is Rejection.AUTHENTICATION_FAILED

    @pytest.mark.parametrize("wrong", [{"plant": "elsewhere"}, {"environment": "live"}])
    def test_the_wrong_plant_or_environment_is_another_server(self, harness: SandboxHarness, wrong: dict) -> None:
        with pytest.raises(PlatformRejected) as caught, BlockingPlatform(lambda: harness.platform(**wrong)):
            pass
        assert caught.value.name is Rejection.WRONG_SERVER

    def test_a_manager_with_few_rights_is_told_so(self, harness: SandboxHarness, account: Account) -> None:
        with BlockingPlatform(lambda: harness.platform(manager=MANAGER + 1)) as platform:
            calls = Calls(platform)
            assert calls.get(account.login).login == account.login
            for refused in (
                lambda: calls.update(account.login, AccountChange(leverage=200)),
                lambda: calls.move(operation(account.login, "10")),
            ):
                with pytest.raises(PlatformRejected) as caught:
                    refused()
                assert caught.value.name in (Rejection.NO_PERMISSION, Rejection.FORBIDDEN)

    def test_a_half_open_connection_is_replaced_by_a_time_out(self, harness: SandboxHarness, account: Account) -> None:
        with BlockingPlatform(
            lambda: harness.platform(call_seconds=0.5, heartbeat_seconds=0.2, silence_seconds=1)
        ) as one:
            hasty = Calls(one)
            hasty.get(account.login)
            harness.fault("half_open", "ProtoTraderByIdReq")
            with pytest.raises(PlatformUnavailable, match="no answer"):
                hasty.get(account.login)
            until = datetime.now(UTC) + timedelta(seconds=15)
            while True:
                try:
                    assert hasty.get(account.login).login == account.login
                    break
                except PlatformUnavailable:
                    assert datetime.now(UTC) < until

    def test_the_same_holder_has_one_ctrader_id(self, harness: SandboxHarness, calls: Calls) -> None:
        with BlockingPlatform(lambda: harness.platform(link_ctid=True)) as platform:
            linking = Calls(platform)
            wish = new_account(harness.group)
            opened = linking.run(lambda platform: platform.account_open(wish))
            assert opened.external_id == wish.external_id
            users = [linking.run(lambda platform: platform.ctid.create(wish.email)) for _ in range(2)]
            assert users[0] == users[1]


async def gap_of(heard: AsyncIterator[Heard]) -> None:
    async with asyncio.timeout(20):
        while not (await anext(heard)).gap:
            pass


class TestFaultsOfWebServices:
    """The second interface: accounts are opened and changed there, and nowhere else."""

    path = "/v2/webserv/traders"

    @pytest.fixture
    def calls(self, harness: SandboxHarness) -> Iterator[Calls]:
        with BlockingPlatform(lambda: harness.platform(call_seconds=0.5)) as platform:
            calls = Calls(platform)
            calls.run(lambda platform: platform.groups())
            yield calls
        harness.disarm()

    def open(self, calls: Calls, wish: NewAccount) -> Account:
        return calls.run(lambda platform: platform.account_open(wish))

    def find(self, calls: Calls, wish: NewAccount) -> Account | None:
        return calls.run(lambda platform: platform.account_open_find(wish.group, wish.external_id))

    @pytest.mark.parametrize(
        ("kind", "more", "happened"),
        [
            ("http_status", {"status": 500}, False),
            ("http_status", {"status": 429}, False),
            ("drop_before_commit", {}, False),
            ("half_open", {}, False),
            ("drop_after_commit", {}, True),
            ("slow", {"seconds": 1.0}, True),
        ],
    )
    def test_an_opening_without_a_clear_answer_is_unknown_then_found_or_not(
        self, harness: SandboxHarness, calls: Calls, kind: str, more: dict[str, Any], happened: bool
    ) -> None:
        wish = new_account(harness.group)
        harness.fault(kind, self.path, **more)
        with pytest.raises(OutcomeUnknown):
            self.open(calls, wish)
        found = self.find(calls, wish)
        assert (found is not None) == happened
        if found is not None:
            assert calls.get(found.login).external_id == wish.external_id
        else:
            assert self.open(calls, wish).external_id == wish.external_id

    def test_missing_rights_are_a_refusal_and_nothing_is_opened_or_changed(
        self, harness: SandboxHarness, calls: Calls
    ) -> None:
        wish = new_account(harness.group)
        harness.fault("rights_missing", self.path)
        with pytest.raises(PlatformRejected) as caught:
            self.open(calls, wish)
        assert caught.value.name is Rejection.NO_PERMISSION
        assert self.find(calls, wish) is None
        login = self.open(calls, wish).login
        harness.fault("rights_missing", f"{self.path}/{login}")
        with pytest.raises(PlatformRejected):
            calls.update(login, AccountChange(leverage=77))
        assert calls.get(login).leverage == wish.leverage

    @pytest.mark.parametrize("path", ["ProtoManagerAuthReq", "/v2/webserv/managers/token"])
    def test_a_refused_hash_is_a_refused_log_in_and_no_unknown(self, harness: SandboxHarness, path: str) -> None:
        harness.fault("wrong_hash", path)
        wish = new_account(harness.group)
        try:
            with BlockingPlatform(harness.platform) as platform, pytest.raises(PlatformRejected) as caught:
                self.open(Calls(platform), wish)
        except PlatformRejected as error:  # the Manager's API is logged in to at once
            refused = error
        else:
            refused = caught.value
        finally:
            harness.disarm()
        assert refused.name is Rejection.AUTHENTICATION_FAILED
        with BlockingPlatform(harness.platform) as platform:
            assert self.find(Calls(platform), wish) is None

    def test_a_changed_manager_s_password_ends_the_token_too(self, process: SandboxProcess) -> None:
        harness = SandboxHarness(process, "changed")
        with BlockingPlatform(lambda: harness.platform(token_doubt_seconds=0.0)) as platform:
            calls = Calls(platform)
            wish = new_account(harness.group)
            self.open(calls, wish)
            harness.admin("PATCH", "", {"managers": [{"login": MANAGER, "password": "Another-Pass2"}]})
            with pytest.raises(PlatformRejected) as caught:
                self.open(calls, new_account(harness.group))
            assert caught.value.name is Rejection.AUTHENTICATION_FAILED
        with BlockingPlatform(lambda: harness.platform(password="Another-Pass2")) as platform:
            assert self.find(Calls(platform), wish) is not None


class TestListeningThroughFaults:
    def test_a_half_open_connection_is_heard_of_again_from_a_gap_on(self, harness: SandboxHarness) -> None:
        async def main() -> None:
            quick = {"call_seconds": 0.5, "heartbeat_seconds": 0.2, "silence_seconds": 1.0}
            async with harness.platform(**quick) as platform:
                heard = platform.listen()
                assert await anext(heard) == Heard(gap=True)
                login = (await platform.account_open(new_account(harness.group))).login
                await asyncio.to_thread(harness.fault, "half_open", "ProtoTraderByIdReq")
                with pytest.raises(PlatformUnavailable):
                    await platform.account_get(login)
                await gap_of(heard)
                done = await platform.balance_operation(operation(login, "5"))
                await heard_until(heard, done.deal)
                await heard.aclose()  # type: ignore[attr-defined]

        asyncio.run(main())

    def test_a_dropped_connection_is_a_gap_and_what_follows_is_told_once(self, harness: SandboxHarness) -> None:
        async def main() -> None:
            async with harness.platform() as platform:
                heard = platform.listen()
                assert await anext(heard) == Heard(gap=True)
                login = (await platform.account_open(new_account(harness.group))).login
                await asyncio.to_thread(harness.fault, "drop_after_commit", "ProtoChangeBalanceReq")
                since = datetime.now(UTC)
                wish = operation(login, "500")
                with pytest.raises(OutcomeUnknown):
                    await platform.balance_operation(wish)
                await gap_of(heard)
                found = await platform.balance_operation_find(login, wish.operation_id, since)
                assert found is not None
                again = await platform.balance_operation(operation(login, "1"))
                told = await heard_until(heard, again.deal)
                assert [deal.deal for one in told for deal in one.deals] == [again.deal]
                await heard.aclose()  # type: ignore[attr-defined]

        asyncio.run(main())

    @pytest.mark.parametrize(("seconds", "fits"), [(60, True), (400, False)])
    def test_a_clock_that_runs_wrong_is_measured_or_refused(
        self, process: SandboxProcess, seconds: int, fits: bool
    ) -> None:
        harness = SandboxHarness(process, f"skewed-{seconds}")
        harness.admin("POST", "/faults", {"kind": "clock_skew", "seconds": seconds})
        platform = BlockingPlatform(harness.platform)
        if not fits:
            with pytest.raises(PlatformUnavailable, match="clock"), platform:
                pass
            return
        with platform:
            calls = Calls(platform)
            info = calls.run(lambda platform: platform.server_info())
            assert abs(info.clock_skew - timedelta(seconds=seconds)) < timedelta(seconds=10)
            login = calls.run(lambda platform: platform.account_open(new_account(harness.group))).login
            wish, since = operation(login, "3"), datetime.now(UTC)
            done = calls.move(wish)
            found = calls.find(wish, since)
            assert found is not None
            assert found.deal == done.deal


def test_what_an_account_copies_with_is_told_and_its_money_is_no_payment(harness: SandboxHarness) -> None:
    began = datetime.now(UTC)
    with BlockingPlatform(harness.platform) as platform:
        login = platform.run(lambda one: one.account_open(new_account(harness.group))).login
        platform.run(lambda one: one.balance_operation(operation(login, "1000")))

        def copies(login: int) -> Copies:
            assert isinstance(harness.platform(), TellsCopies)
            return platform.run(lambda one: one.copies(login))  # type: ignore[attr-defined,no-any-return]

        none = copies(login)
        below = harness.admin("POST", "/copies", {"login": login, "amount": "250"})["login"]
        some = copies(login)
        harness.admin("DELETE", f"/copies/{below}")
        until = datetime.now(UTC) + PATIENCE
        deals = platform.run(lambda one: one.deals(began - PATIENCE, until, logins=(login,)))
        with pytest.raises(PlatformRejected) as refused:
            copies(login + 999)
    assert (none.accounts, none.balance) == (0, 0)
    assert (some.accounts, some.balance, some.equity) == (1, Decimal("250.00"), Decimal("250.00"))
    assert [(deal.kind, deal.profit) for deal in deals] == [
        (DealKind.BALANCE, 1000), (DealKind.COPY, -250), (DealKind.COPY, 250),
    ]  # fmt: skip
    assert refused.value.name is Rejection.NOT_FOUND
