"""What every trading platform adapter has to do, as tests against a running server.

An adapter's test module subclasses `TradingPlatformContract` (with a name that begins with `Test`) and gives
it a fixture `harness`: a `Harness` around a real server or a sandbox of it. Nothing here knows a protocol.
"""

import itertools
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from threading import Event
from typing import Any, Protocol

import pytest

from tenant_apps.trading.adapters.blocking import BlockingPlatform
from tenant_apps.trading.errors import OutcomeUnknown, PlatformRejected, Rejection
from tenant_apps.trading.ports import (
    Account,
    AccountChange,
    AccountRights,
    AccountState,
    Amount,
    BalanceKind,
    BalanceOperation,
    BalanceResult,
    DealEntry,
    DealKind,
    Lots,
    NewAccount,
    PasswordKind,
    Side,
    TradingPlatform,
)

PATIENCE = timedelta(seconds=20)
PASSWORD = "Wald-Ufer7"  # noqa: S105 - of accounts in a sandbox
INVESTOR_PASSWORD = "Nur-Lesen8"  # noqa: S105
WEAK_PASSWORD = "weak"  # noqa: S105
numbers = itertools.count(1)


class Fault(StrEnum):
    """Failures a harness can make the server show once, at the next balance operation, log-in or read."""

    DROP_BEFORE_COMMIT = "drop_before_commit"
    DROP_AFTER_COMMIT = "drop_after_commit"
    SLOW = "slow"
    RIGHTS_MISSING = "rights_missing"
    WRONG_PROOF = "wrong_proof"
    DROP_READ = "drop_read"


@dataclass(frozen=True, slots=True)
class Abilities:
    """What a platform has and another has not. What it lacks it must refuse as UNSUPPORTED, not ignore."""

    investor_password: bool = True
    """A second password, for looking only."""
    separate_rights: bool = True
    """Whether an account may trade is remembered while nobody may log in to it."""


class Harness(Protocol):
    """A server under test. Accounts may be opened in `group`, of `currency`; `symbol` is traded there."""

    abilities: Abilities
    group: str
    currency: str
    symbol: str
    utc_offset: timedelta

    def platform(self, **settings: Any) -> TradingPlatform:
        """A new platform object, not yet connected.

        `call_seconds` is understood by every adapter's harness.
        """

    def arm(self, fault: Fault) -> None:
        """Make the server fail once in this way. SLOW means an answer after `slow_seconds`."""

    def disarm(self) -> None:
        """Take back faults not yet used up."""

    def position_open(self, login: int, side: Side, lots: Lots) -> int:
        """Open a position as the trader would, at the market; its number."""

    def position_close(self, login: int, position: int) -> None:
        """Close it whole at the market."""


def operation_id() -> str:
    return f"t-{next(numbers)}-{secrets.token_hex(6)}"


def operation(login: int, amount: str, kind: BalanceKind = BalanceKind.BALANCE, **more: Any) -> BalanceOperation:
    return BalanceOperation(login, kind, Amount(Decimal(amount)), operation_id(), **more)


class Calls:
    """The few calls most tests make, in short."""

    def __init__(self, platform: BlockingPlatform) -> None:
        self.run = platform.run

    def move(self, wish: BalanceOperation) -> BalanceResult:
        return self.run(lambda platform: platform.balance_operation(wish))

    def find(self, wish: BalanceOperation, since: datetime) -> BalanceResult | None:
        return self.run(lambda platform: platform.balance_operation_find(wish.login, wish.operation_id, since))

    def state(self, login: int) -> AccountState:
        (state,) = self.run(lambda platform: platform.account_states(logins=[login]))
        return state

    def balance(self, login: int) -> Decimal:
        return self.state(login).balance

    def update(self, login: int, change: AccountChange) -> Account:
        return self.run(lambda platform: platform.account_update(login, change))

    def get(self, login: int) -> Account:
        return self.run(lambda platform: platform.account_get(login))


def new_account(group: str, **changes: Any) -> NewAccount:
    fields: dict[str, Any] = {
        "group": group,
        "name": "Zoë Ødegård",
        "leverage": 100,
        "password": PASSWORD,
        "investor_password": INVESTOR_PASSWORD,
        "external_id": operation_id(),
        "country": "Norway",
        "email": "zoe@example.test",
        "phone": "+47 22 00 00 00",
    }
    return NewAccount(**{**fields, **changes})


class TradingPlatformContract:
    """Run against any server by a subclass with a `harness` fixture."""

    @pytest.fixture
    def calls(self, harness: Harness) -> Iterator[Calls]:
        with BlockingPlatform(harness.platform) as platform:
            yield Calls(platform)
        harness.disarm()

    @pytest.fixture
    def account(self, harness: Harness, calls: Calls) -> Account:
        return calls.run(lambda platform: platform.account_open(new_account(harness.group)))

    # --- accounts

    def test_an_opened_account_is_as_ordered(self, harness: Harness, calls: Calls) -> None:
        order = new_account(harness.group, leverage=50, rights=AccountRights(can_trade=False))
        opened = calls.run(lambda platform: platform.account_open(order))
        read = calls.get(opened.login)
        assert opened.login > 0
        assert read.login == opened.login
        assert (read.group, read.name, read.leverage) == (harness.group, "Zoë Ødegård", 50)
        assert (read.email, read.phone, read.country) == ("zoe@example.test", "+47 22 00 00 00", "Norway")
        assert read.external_id == order.external_id
        assert (read.rights.can_log_in, read.rights.can_trade) == (True, False)
        assert (read.balance, read.credit) == (Decimal(0), Decimal(0))

    def test_an_opened_account_is_found_by_our_id(self, harness: Harness, calls: Calls, account: Account) -> None:
        def find(external_id: str) -> Account | None:
            return calls.run(lambda platform: platform.account_open_find(harness.group, external_id))

        found = find(account.external_id)
        assert found is not None
        assert found.login == account.login
        assert find(operation_id()) is None

    def test_a_weak_password_is_refused(self, harness: Harness, calls: Calls) -> None:
        order = new_account(harness.group, password=WEAK_PASSWORD)
        with pytest.raises(PlatformRejected) as caught:
            calls.run(lambda platform: platform.account_open(order))
        assert caught.value.name is Rejection.INVALID_PASSWORD
        find = calls.run(lambda platform: platform.account_open_find(harness.group, order.external_id))
        assert find is None

    def test_an_unknown_group_is_refused(self, calls: Calls) -> None:
        with pytest.raises(PlatformRejected):
            calls.run(lambda platform: platform.account_open(new_account("no\\such\\group")))

    def test_an_unknown_login_is_not_found(self, calls: Calls) -> None:
        with pytest.raises(PlatformRejected) as caught:
            calls.get(4_000_000_000)
        assert caught.value.name is Rejection.NOT_FOUND
        assert calls.run(lambda platform: platform.account_states(logins=[4_000_000_000])) == ()

    def test_leverage_and_rights_change_and_nothing_else(
        self, harness: Harness, calls: Calls, account: Account
    ) -> None:
        before = calls.get(account.login)
        changed = calls.update(account.login, AccountChange(leverage=200, can_trade=False))
        assert (changed.leverage, changed.rights.can_trade) == (200, False)
        read = calls.get(account.login)
        assert (read.leverage, read.rights) == (200, changed.rights)
        assert (read.name, read.email, read.phone, read.country, read.external_id) == (
            before.name,
            before.email,
            before.phone,
            before.country,
            before.external_id,
        )
        locked = AccountChange(leverage=200, can_log_in=False, can_trade=True)
        if harness.abilities.separate_rights:
            again = calls.update(account.login, locked)
            assert (again.rights.can_log_in, again.rights.can_trade) == (False, True)
            return
        with pytest.raises(PlatformRejected) as caught:
            calls.update(account.login, locked)
        assert caught.value.name is Rejection.UNSUPPORTED
        assert calls.get(account.login).rights == changed.rights
        again = calls.update(account.login, AccountChange(can_log_in=False))
        assert (again.rights.can_log_in, again.rights.can_trade) == (False, False)
        back = calls.update(account.login, AccountChange(can_log_in=True))
        assert (back.rights.can_log_in, back.rights.can_trade) == (True, False)

    def test_passwords_are_checked_and_changed(self, calls: Calls, account: Account) -> None:
        def check(kind: PasswordKind, password: str) -> bool:
            return calls.run(lambda platform: platform.password_check(account.login, kind, password))

        assert check(PasswordKind.MAIN, PASSWORD)
        assert not check(PasswordKind.MAIN, INVESTOR_PASSWORD)
        calls.run(lambda platform: platform.password_change(account.login, PasswordKind.MAIN, "Neu-Gesetzt9"))
        assert check(PasswordKind.MAIN, "Neu-Gesetzt9")
        assert not check(PasswordKind.MAIN, PASSWORD)
        with pytest.raises(PlatformRejected) as caught:
            calls.run(lambda platform: platform.password_change(account.login, PasswordKind.MAIN, "weak"))
        assert caught.value.name is Rejection.INVALID_PASSWORD
        assert check(PasswordKind.MAIN, "Neu-Gesetzt9")

    def test_the_investor_has_a_password_or_is_refused_one(
        self, harness: Harness, calls: Calls, account: Account
    ) -> None:
        kind, new = PasswordKind.INVESTOR, "Neu-Lesen10"
        if harness.abilities.investor_password:
            assert calls.run(lambda platform: platform.password_check(account.login, kind, INVESTOR_PASSWORD))
            calls.run(lambda platform: platform.password_change(account.login, kind, new))
            assert calls.run(lambda platform: platform.password_check(account.login, kind, new))
        else:
            with pytest.raises(PlatformRejected) as caught:
                calls.run(lambda platform: platform.password_check(account.login, kind, INVESTOR_PASSWORD))
            assert caught.value.name is Rejection.UNSUPPORTED
            with pytest.raises(PlatformRejected) as caught:
                calls.run(lambda platform: platform.password_change(account.login, kind, new))
            assert caught.value.name is Rejection.UNSUPPORTED
        assert calls.run(lambda platform: platform.password_check(account.login, PasswordKind.MAIN, PASSWORD))

    # --- money

    def test_a_deposit_is_one_deal_that_is_found_by_its_id(
        self, harness: Harness, calls: Calls, account: Account
    ) -> None:
        since = datetime.now(UTC)
        wish = operation(account.login, "500.25", note="Klarna")
        done = calls.move(wish)
        state = calls.state(account.login)
        assert (state.balance, state.equity, state.free_margin) == (Decimal("500.25"),) * 3
        assert (state.currency, state.margin_level) == (harness.currency, None)
        found = calls.find(wish, since)
        assert found is not None
        assert (found.deal, found.amount, found.kind) == (done.deal, Decimal("500.25"), BalanceKind.BALANCE)
        assert found.executed_at is not None
        assert abs(found.executed_at - since) < PATIENCE
        (deal,) = calls.run(lambda platform: platform.deals(since - PATIENCE, since + PATIENCE, logins=[account.login]))
        assert (deal.deal, deal.kind, deal.profit) == (done.deal, DealKind.BALANCE, Decimal("500.25"))
        assert (deal.entry, deal.symbol, deal.comment) == (None, "", wish.comment)

    def test_nobody_takes_out_more_than_there_is(self, calls: Calls, account: Account) -> None:
        calls.move(operation(account.login, "100"))
        with pytest.raises(PlatformRejected) as caught:
            calls.move(operation(account.login, "-100.01"))
        assert caught.value.name is Rejection.NOT_ENOUGH_MONEY
        assert calls.balance(account.login) == 100
        calls.move(operation(account.login, "-100"))
        assert calls.balance(account.login) == 0

    def test_credit_is_not_balance(self, calls: Calls, account: Account) -> None:
        calls.move(operation(account.login, "30", BalanceKind.CREDIT))
        state = calls.state(account.login)
        assert [state.balance, state.credit, state.equity] == [Decimal(0), Decimal(30), Decimal(30)]
        with pytest.raises(PlatformRejected) as caught:
            calls.move(operation(account.login, "-30.01", BalanceKind.CREDIT))
        assert caught.value.name is Rejection.NOT_ENOUGH_MONEY
        calls.move(operation(account.login, "-30", BalanceKind.CREDIT))
        assert calls.state(account.login).credit == 0

    @pytest.mark.parametrize("kind", [BalanceKind.BONUS, BalanceKind.CORRECTION])
    def test_other_kinds_are_found_as_what_they_are(self, calls: Calls, account: Account, kind: BalanceKind) -> None:
        since = datetime.now(UTC)
        wish = operation(account.login, "7", kind)
        done = calls.move(wish)
        found = calls.find(wish, since)
        assert found is not None
        assert (found.deal, found.kind, found.amount) == (done.deal, kind, Decimal(7))

    def test_a_comment_that_would_be_cut_is_refused(self, calls: Calls, account: Account) -> None:
        with pytest.raises(PlatformRejected) as caught:
            calls.move(operation(account.login, "1", note="x" * 31))
        assert caught.value.name is Rejection.COMMENT_UNUSABLE
        assert calls.balance(account.login) == 0

    def test_long_histories_come_whole(self, calls: Calls, account: Account) -> None:
        since = datetime.now(UTC)
        done = [calls.move(operation(account.login, "1")).deal for _ in range(103)]
        window = (since - PATIENCE, datetime.now(UTC) + PATIENCE)
        paged = calls.run(lambda platform: platform.deals_of(account.login, *window))
        batch = calls.run(lambda platform: platform.deals(*window, logins=[account.login]))
        assert [deal.deal for deal in paged] == done
        assert paged == batch
        assert calls.balance(account.login) == 103

    def test_a_group_says_the_same_as_its_logins(self, harness: Harness, calls: Calls, account: Account) -> None:
        calls.move(operation(account.login, "12.34"))
        states = calls.run(lambda platform: platform.account_states(group=harness.group))
        by_login = {state.login: state for state in states}
        assert by_login[account.login].balance == Decimal("12.34")
        since = datetime.now(UTC) - PATIENCE
        deals = calls.run(lambda platform: platform.deals(since, since + 2 * PATIENCE, group=harness.group))
        assert [deal.profit for deal in deals if deal.login == account.login] == [Decimal("12.34")]

    # --- trading

    def test_a_position_lives_and_leaves_two_deals(self, harness: Harness, calls: Calls, account: Account) -> None:
        since = datetime.now(UTC)
        calls.move(operation(account.login, "10000"))
        number = harness.position_open(account.login, Side.BUY, Lots(Decimal("0.10")))
        (position,) = calls.run(lambda platform: platform.positions(logins=[account.login]))
        assert (position.position, position.login, position.symbol) == (number, account.login, harness.symbol)
        assert (position.side, position.lots) == (Side.BUY, Decimal("0.10"))
        assert abs(position.opened_at - since) < PATIENCE
        state = calls.state(account.login)
        assert state.margin > 0
        assert state.margin_level is not None
        assert state.equity == state.balance + state.credit + state.floating
        in_group = calls.run(lambda platform: platform.positions(group=harness.group))
        assert number in [one.position for one in in_group]

        harness.position_close(account.login, number)
        assert calls.run(lambda platform: platform.positions(logins=[account.login])) == ()
        history = calls.run(lambda platform: platform.deals_of(account.login, since - PATIENCE, since + 2 * PATIENCE))
        trades = [deal for deal in history if deal.position == number]
        assert [(deal.kind, deal.entry) for deal in trades] == [
            (DealKind.BUY, DealEntry.IN),
            (DealKind.SELL, DealEntry.OUT),
        ]
        assert {deal.lots for deal in trades} == {Decimal("0.10")}
        assert all(deal.symbol == harness.symbol and deal.price > 0 for deal in trades)
        money = sum(deal.profit + deal.swap + deal.commission + deal.fee for deal in history)
        assert calls.balance(account.login) == money

    # --- the server

    def test_the_clock_is_measured(self, harness: Harness, calls: Calls) -> None:
        info = calls.run(lambda platform: platform.server_info())
        assert info.utc_offset == harness.utc_offset
        assert abs(info.clock_skew) < timedelta(seconds=10)
        assert info.zone_agrees is not False

    def test_groups_symbols_and_prices(self, harness: Harness, calls: Calls) -> None:
        groups = {group.name: group for group in calls.run(lambda platform: platform.groups())}
        assert groups[harness.group].currency == harness.currency
        (symbol,) = calls.run(lambda platform: platform.symbols([harness.symbol]))
        assert (symbol.symbol, symbol.is_tradable) == (harness.symbol, True)
        assert symbol.contract_size > 0
        assert symbol.lots_step > 0
        assert 0 < symbol.lots_min <= symbol.lots_max
        everything = calls.run(lambda platform: platform.symbols())
        assert harness.symbol in [one.symbol for one in everything]
        prices = calls.run(lambda platform: platform.ticks([harness.symbol]))
        (tick,) = prices.ticks
        assert tick.symbol == harness.symbol
        assert 0 < tick.bid <= tick.ask

    # --- failures

    def test_dropped_after_the_commit_is_unknown_then_found(
        self, harness: Harness, calls: Calls, account: Account
    ) -> None:
        wish = operation(account.login, "500")
        harness.arm(Fault.DROP_AFTER_COMMIT)
        with pytest.raises(OutcomeUnknown) as caught:
            calls.move(wish)
        found = calls.find(wish, caught.value.attempted_at)
        assert found is not None
        assert found.amount == 500
        assert calls.balance(account.login) == 500

    def test_dropped_before_the_commit_is_unknown_then_not_found(
        self, harness: Harness, calls: Calls, account: Account
    ) -> None:
        wish = operation(account.login, "500")
        harness.arm(Fault.DROP_BEFORE_COMMIT)
        with pytest.raises(OutcomeUnknown) as caught:
            calls.move(wish)
        assert calls.find(wish, caught.value.attempted_at) is None
        assert calls.balance(account.login) == 0
        calls.move(wish)
        assert calls.balance(account.login) == 500

    def test_too_slow_is_unknown_and_happens_once(self, harness: Harness, calls: Calls, account: Account) -> None:
        wish = operation(account.login, "500")
        with BlockingPlatform(lambda: harness.platform(call_seconds=0.5)) as hasty:
            impatient = Calls(hasty)
            impatient.balance(account.login)
            harness.arm(Fault.SLOW)
            with pytest.raises(OutcomeUnknown) as caught:
                impatient.move(wish)
        since = caught.value.attempted_at
        while calls.find(wish, since) is None:
            assert datetime.now(UTC) - since < PATIENCE
            Event().wait(0.1)
        assert calls.balance(account.login) == 500

    def test_missing_rights_are_refused(self, harness: Harness, calls: Calls, account: Account) -> None:
        harness.arm(Fault.RIGHTS_MISSING)
        with pytest.raises(PlatformRejected) as caught:
            calls.move(operation(account.login, "500"))
        assert caught.value.name in (Rejection.NO_PERMISSION, Rejection.FORBIDDEN)
        assert calls.balance(account.login) == 0

    def test_a_read_survives_a_lost_connection(self, harness: Harness, calls: Calls, account: Account) -> None:
        harness.arm(Fault.DROP_READ)
        assert calls.get(account.login).login == account.login

    def test_a_server_that_cannot_prove_itself_is_refused(self, harness: Harness) -> None:
        harness.arm(Fault.WRONG_PROOF)
        try:
            with pytest.raises(PlatformRejected) as caught, BlockingPlatform(harness.platform):
                pass
            assert caught.value.name in (Rejection.SERVER_IDENTITY, Rejection.AUTHENTICATION_FAILED)
        finally:
            harness.disarm()
