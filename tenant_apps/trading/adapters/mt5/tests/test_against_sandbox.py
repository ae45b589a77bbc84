"""The contract, and MT5's own habits, against the sandbox server.

Another program, written from the same document.
"""

import signal
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from threading import Event

import pytest

from tenant_apps.trading.adapters.blocking import BlockingPlatform
from tenant_apps.trading.adapters.contract import (
    Calls,
    TradingPlatformContract,
    new_account,
    operation,
)
from tenant_apps.trading.adapters.mt5.tests.sandbox import (
    MANAGER,
    SandboxHarness,
    SandboxProcess,
)
from tenant_apps.trading.errors import (
    ChangesIgnored,
    OutcomeUnknown,
    PlatformRejected,
    PlatformUnavailable,
    Rejection,
)
from tenant_apps.trading.ports import Account, AccountChange


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxProcess]:
    # Over TCP the server pings often and cuts its answers small, so that joining and skipping are never idle.
    options = ("--silence", "3", "--raw-port", "0", "--raw-ping", "0.05", "--raw-packet", "1001")
    process = SandboxProcess(tmp_path_factory.mktemp("mt5"), *options)
    process.start()
    yield process
    process.stop()


@pytest.fixture(scope="module")
def harness(process: SandboxProcess) -> SandboxHarness:
    return SandboxHarness(process, "contract")


class TestMt5Contract(TradingPlatformContract):
    pass


class OverTcp:
    """The same tests over the text protocol, encrypted."""

    @pytest.fixture(scope="class")
    @classmethod
    def harness(cls, process: SandboxProcess) -> SandboxHarness:
        return SandboxHarness(process, cls.__name__.lower(), transport="raw")


class TestMt5ContractOverTcp(OverTcp, TradingPlatformContract):
    pass


class Mt5Habits:
    @pytest.fixture
    def calls(self, harness: SandboxHarness) -> Iterator[Calls]:
        with BlockingPlatform(harness.platform) as platform:
            yield Calls(platform)
        harness.disarm()

    @pytest.fixture
    def account(self, harness: SandboxHarness, calls: Calls) -> Account:
        return calls.run(lambda platform: platform.account_open(new_account(harness.group)))

    def test_a_half_open_connection_ends_with_the_time_out(self, harness: SandboxHarness, account: Account) -> None:
        with BlockingPlatform(lambda: harness.platform(call_seconds=0.5)) as platform:
            hasty = Calls(platform)
            harness.admin("POST", "/faults", {"kind": "half_open", "path": "/api/user/get"})
            with pytest.raises(PlatformUnavailable, match="no answer"):
                hasty.get(account.login)
            assert hasty.get(account.login).login == account.login

    def test_the_wrong_password_is_refused(self, harness: SandboxHarness) -> None:
        wrong = BlockingPlatform(lambda: harness.platform(password="Other-Pass1"))
        with pytest.raises(PlatformRejected) as caught, wrong:
            pass
        assert caught.value.name is Rejection.AUTHENTICATION_FAILED

    def test_a_manager_with_few_rights_is_told_so(self, harness: SandboxHarness, account: Account) -> None:
        def weak() -> BlockingPlatform:
            return BlockingPlatform(lambda: harness.platform(manager=MANAGER + 1))

        with weak() as platform:
            calls = Calls(platform)
            assert calls.get(account.login).name == ""
            with pytest.raises(PlatformRejected) as caught:
                calls.update(account.login, AccountChange(leverage=200))
            assert caught.value.name is Rejection.DETAILS_HIDDEN
            with pytest.raises(PlatformRejected) as caught:
                calls.move(operation(account.login, "10"))
            assert caught.value.name in (Rejection.NO_PERMISSION, Rejection.FORBIDDEN)

    def test_money_in_a_currency_without_minor_units(self, harness: SandboxHarness, calls: Calls) -> None:
        opened = calls.run(lambda platform: platform.account_open(new_account("real\\std-jpy")))
        with pytest.raises(PlatformRejected) as caught:
            calls.move(operation(opened.login, "1000.5"))
        assert caught.value.name is Rejection.UNSUPPORTED_SCALE
        calls.move(operation(opened.login, "1000"))
        state = calls.state(opened.login)
        assert (state.currency, state.digits, state.balance) == ("JPY", 0, Decimal(1000))

    def test_more_than_the_server_takes_at_once_is_refused(self, calls: Calls, account: Account) -> None:
        with pytest.raises(PlatformRejected) as caught:
            calls.move(operation(account.login, "1000000001"))
        assert caught.value.name is Rejection.MONEY_LIMIT

    def test_a_group_of_another_currency_is_refused(self, calls: Calls, account: Account) -> None:
        calls.move(operation(account.login, "10"))
        with pytest.raises(PlatformRejected) as caught:
            calls.update(account.login, AccountChange(group="real\\std-jpy"))
        assert caught.value.name is Rejection.CURRENCY_DIFFERS

    def test_a_silent_session_is_kept_by_pings_and_replaced_when_dropped(
        self, harness: SandboxHarness, account: Account
    ) -> None:
        # The sandbox drops whoever is silent for 3 seconds: one platform pings, the other sleeps through it.
        platforms = [harness.platform(ping_seconds=1), harness.platform(ping_seconds=60)]
        with (
            BlockingPlatform(lambda: platforms[0]) as awake,
            BlockingPlatform(lambda: platforms[1]) as asleep,
        ):
            started = time.monotonic()
            while harness.sessions_alive(platforms[1]):
                assert time.monotonic() - started < 30
                Event().wait(0.05)
            assert Calls(awake).get(account.login).login == account.login
            assert Calls(asleep).get(account.login).login == account.login
            Calls(asleep).move(operation(account.login, "5"))
            assert Calls(awake).balance(account.login) == 5

    def test_an_update_holds_where_fields_left_out_are_wiped(
        self, harness: SandboxHarness, calls: Calls, account: Account
    ) -> None:
        harness.admin("PATCH", "", {"update_semantics": "replace"})
        try:
            changed = calls.update(account.login, AccountChange(leverage=200, can_use_experts=False))
        finally:
            harness.admin("PATCH", "", {"update_semantics": "keep"})
        assert (changed.leverage, changed.rights.can_use_experts) == (200, False)
        assert (changed.name, changed.email, changed.phone) == (account.name, account.email, account.phone)
        assert changed.external_id == account.external_id

    def test_a_leverage_the_server_does_not_know_is_reported(self, calls: Calls, account: Account) -> None:
        with pytest.raises(PlatformRejected) as caught:
            calls.update(account.login, AccountChange(leverage=100_000, can_trade=False))
        assert isinstance(caught.value, ChangesIgnored)
        assert caught.value.ignored == {"Leverage": ("100000", "100")}
        assert caught.value.lost == {}

    def test_a_clock_that_goes_wrong_is_noticed(self, harness: SandboxHarness, calls: Calls) -> None:
        harness.admin("POST", "/faults", {"kind": "clock_skew", "seconds": 420})
        with pytest.raises(PlatformUnavailable, match="no time zone"):
            calls.run(lambda platform: platform.server_info())

    def test_a_killed_server_keeps_what_it_confirmed(self, harness: SandboxHarness, calls: Calls) -> None:
        opened = calls.run(lambda platform: platform.account_open(new_account(harness.group)))
        since = datetime.now(UTC)
        wish = operation(opened.login, "500")
        done = calls.move(wish)
        harness.process.stop(signal.SIGKILL)
        with pytest.raises(PlatformUnavailable):
            calls.get(opened.login)
        harness.process.start()
        found = calls.find(wish, since - timedelta(seconds=1))
        assert found is not None
        assert (found.deal, calls.balance(opened.login)) == (done.deal, Decimal(500))


class TestMt5Habits(Mt5Habits):
    @pytest.mark.parametrize("status", [500, 502, 429])
    def test_a_strange_status_after_a_change_is_unknown(
        self, harness: SandboxHarness, calls: Calls, account: Account, status: int
    ) -> None:
        wish = operation(account.login, "10")
        harness.admin("POST", "/faults", {"kind": "http_status", "path": "/api/trade/balance", "status": status})
        with pytest.raises(OutcomeUnknown, match=str(status)):
            calls.move(wish)
        assert calls.balance(account.login) in (0, 10)


class TestMt5HabitsOverTcp(OverTcp, Mt5Habits):
    def test_a_server_that_speaks_https_is_no_server_for_tcp(self, harness: SandboxHarness) -> None:
        stranger = BlockingPlatform(lambda: harness.platform(port=harness.process.port))
        with pytest.raises(PlatformUnavailable, match="log-in"), stranger:
            pass

    def test_without_encryption_everything_works_as_well(self, harness: SandboxHarness) -> None:
        with BlockingPlatform(lambda: harness.platform(encrypt=False)) as platform:
            calls = Calls(platform)
            opened = calls.run(lambda platform: platform.account_open(new_account(harness.group)))
            since = datetime.now(UTC)
            wish = operation(opened.login, "12.34", note="a=b | c")
            done = calls.move(wish)
            found = calls.find(wish, since)
            assert found is not None
            assert (found.deal, calls.balance(opened.login)) == (done.deal, Decimal("12.34"))
            assert calls.update(opened.login, AccountChange(leverage=200)).leverage == 200
            assert calls.run(lambda platform: platform.symbols([harness.symbol]))
