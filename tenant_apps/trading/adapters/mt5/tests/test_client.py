"""What the port promises beyond the session: safe changes, whole histories, currencies, clocks."""

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from tenant_apps.trading.adapters.mt5.client import Mt5Platform
from tenant_apps.trading.adapters.mt5.tests.scripted import (
    USER,
    code,
    done,
)
from tenant_apps.trading.errors import (
    ChangesIgnored,
    DuplicateOperation,
    PlatformRejected,
    PlatformUnavailable,
    Rejection,
)
from tenant_apps.trading.ports import (
    AccountChange,
    Amount,
    BalanceKind,
    BalanceOperation,
    PasswordKind,
)


@pytest.mark.parametrize(
    ("operation", "name"),
    [
        (
            BalanceOperation(5001, BalanceKind.BALANCE, Amount(Decimal(1)), "o" * 32),
            Rejection.COMMENT_UNUSABLE,
        ),
        (
            BalanceOperation(5001, BalanceKind.BALANCE, Amount(Decimal(1)), "o" * 28, "note"),
            Rejection.COMMENT_UNUSABLE,
        ),
        (BalanceOperation(5001, BalanceKind.BALANCE, Amount(Decimal(1)), "a b"), Rejection.COMMENT_UNUSABLE),
        (
            BalanceOperation(5001, BalanceKind.BALANCE, Amount(Decimal(1)), "a", "ä"),
            Rejection.COMMENT_UNUSABLE,
        ),
        (
            BalanceOperation(5001, BalanceKind.BALANCE, Amount(Decimal("0.001")), "a"),
            Rejection.UNSUPPORTED_SCALE,
        ),
        (BalanceOperation(5001, BalanceKind.BALANCE, Amount(Decimal(0)), "a"), Rejection.INVALID_DATA),
        (BalanceOperation(5001, BalanceKind.BALANCE, Amount(Decimal("NaN")), "a"), Rejection.INVALID_DATA),
    ],
)
def test_what_the_server_would_cut_or_round_is_refused_before_sending(play, operation, name):
    async def scenario(server):
        async with Mt5Platform(server.config()) as platform:
            with pytest.raises(PlatformRejected) as caught:
                await platform.balance_operation(operation)
            assert caught.value.name is name
        assert server.paths("/api/trade/balance") == []

    play(scenario)


def test_a_lost_operation_is_found_by_its_id_and_nothing_else(play):
    async def scenario(server):
        now = int((datetime.now(UTC) + server.offset).timestamp())
        base = {"Login": "5001", "Action": "2", "Profit": "500.00", "Time": str(now)}
        server.always["/api/deal/get_page"] = done(
            [
                {**base, "Deal": "1", "Comment": "op-10"},
                {**base, "Deal": "2", "Comment": "op-1 Klarna"},
                {**base, "Deal": "3", "Comment": "op-1", "Action": "0"},
                {**base, "Deal": "4", "Comment": "op-2"},
                {**base, "Deal": "5", "Comment": "op-2 again"},
            ]
        )
        since = datetime.now(UTC) - timedelta(minutes=1)
        async with Mt5Platform(server.config()) as platform:
            found = await platform.balance_operation_find(5001, "op-1", since)
            assert found is not None
            assert (found.deal, found.kind, found.amount) == (2, BalanceKind.BALANCE, Decimal("500.00"))
            assert await platform.balance_operation_find(5001, "op", since) is None
            with pytest.raises(DuplicateOperation) as caught:
                await platform.balance_operation_find(5001, "op-2", since)
            assert caught.value.deals == (4, 5)

    play(scenario)


def test_long_histories_are_paged_within_a_fixed_window(play):
    async def scenario(server):
        now = int((datetime.now(UTC) + server.offset).timestamp())
        rows = [{"Deal": str(n), "Login": "5001", "Action": "0", "Time": str(now - 500 + n)} for n in range(1, 251)]
        server.script["/api/deal/get_page"].extend(done(rows[n : n + 100]) for n in (0, 100, 200))
        until = datetime.now(UTC)
        async with Mt5Platform(server.config()) as platform:
            deals = await platform.deals_of(5001, until - timedelta(hours=1), until)
        assert [deal.deal for deal in deals] == list(range(1, 251))
        pages = server.paths("/api/deal/get_page")
        assert [(page.params["offset"], page.params["total"]) for page in pages] == [
            ("0", "100"),
            ("100", "100"),
            ("200", "100"),
        ]
        assert len({page.params["to"] for page in pages}) == 1

    play(scenario)


def test_an_update_sends_the_whole_record_and_proves_itself(play):
    async def scenario(server):
        changed = {**USER, "Leverage": "200", "Rights": "487", "LastAccess": "7"}
        server.always["/api/user/update"] = done(changed)
        server.script["/api/user/get"].extend([done(USER), done(changed)])
        async with Mt5Platform(server.config()) as platform:
            account = await platform.account_update(5001, AccountChange(leverage=200, can_trade=False))
        assert (account.leverage, account.rights.can_trade) == (200, False)
        (sent,) = server.paths("/api/user/update")
        assert sent.params == {"login": "5001", "leverage": "200", "rights": "487"}
        assert re.sub(rb"\s", b"", sent.body) == (
            b'{"Group":"real\\\\std-usd","Name":"AdaLovelace","Rights":"487","Leverage":"200",'
            b'"Email":"ada@example.test"}'
        )

    play(scenario)


def test_changes_the_server_ignores_or_spoils_are_listed(play):
    async def scenario(server):
        server.always["/api/user/update"] = done(USER)
        server.script["/api/user/get"].extend([done(USER), done({**USER, "Email": "", "Rights": "487"})])
        async with Mt5Platform(server.config()) as platform:
            with pytest.raises(ChangesIgnored) as caught:
                await platform.account_update(5001, AccountChange(leverage=200, can_trade=False))
        assert caught.value.ignored == {"Leverage": ("200", "100")}
        assert caught.value.lost == {"Email": ("ada@example.test", "")}
        assert "example.test" not in str(caught.value)

    play(scenario)


def test_an_account_already_as_wished_is_not_written(play):
    async def scenario(server):
        async with Mt5Platform(server.config()) as platform:
            await platform.account_update(5001, AccountChange(leverage=100, can_trade=True))
        assert server.paths("/api/user/update") == []

    play(scenario)


def test_a_manager_who_may_not_see_details_may_not_write_records(play):
    async def scenario(server):
        server.always["/api/user/get"] = done({**USER, "Name": "", "Email": ""})
        async with Mt5Platform(server.config()) as platform:
            with pytest.raises(PlatformRejected) as caught:
                await platform.account_update(5001, AccountChange(leverage=200))
            assert caught.value.name is Rejection.DETAILS_HIDDEN
        assert server.paths("/api/user/update") == []

    play(scenario)


def test_passwords_travel_in_the_body(play):
    async def scenario(server):
        server.always["/api/user/check_password"] = code("3006 Invalid account password")
        server.always["/api/user/change_password"] = done()
        async with Mt5Platform(server.config()) as platform:
            assert await platform.password_check(5001, PasswordKind.MAIN, "Secret1!") is False
            await platform.password_change(5001, PasswordKind.INVESTOR, "Secret2!")
        (sent,) = server.paths("/api/user/change_password")
        assert sent.params == {}
        assert sent.body == b'{"Login": "5001", "Type": "investor", "Password": "Secret2!"}'

    play(scenario)


@pytest.mark.parametrize("offset", [timedelta(hours=3, minutes=7), timedelta(days=21), timedelta(hours=-16)])
def test_a_clock_beside_all_zones_is_not_used(play, offset):
    async def scenario(server):
        server.offset = offset
        with pytest.raises(PlatformUnavailable, match="clock"):
            await Mt5Platform(server.config()).connect()

    play(scenario)


def test_a_zone_that_disagrees_with_the_clock_is_not_used(play):
    async def scenario(server):
        config = server.config(server_zone="Asia/Kathmandu")
        with pytest.raises(PlatformUnavailable, match="disagrees"):
            await Mt5Platform(config).connect()

    play(scenario)


def test_ticks_carry_the_cursor_on(play):
    async def scenario(server):
        tick = {
            "Symbol": "EURUSD",
            "Bid": "1.08350",
            "Ask": "1.08362",
            "Last": "0.00000",
            "Datetime": "1572518788",
        }
        server.script["/api/tick/last"].append(done([tick], trans_id="77"))
        server.script["/api/tick/last"].append(code("1 OK none"))
        async with Mt5Platform(server.config()) as platform:
            first = await platform.ticks(["EURUSD", "AUDUSD"])
            second = await platform.ticks(["EURUSD"], first.cursor)
        assert (first.cursor, [one.bid for one in first.ticks]) == (77, [Decimal("1.08350")])
        assert first.ticks[0].last is None
        assert (second.cursor, second.ticks) == (77, ())
        assert [one.params for one in server.paths("/api/tick/last")] == [
            {"symbol": "AUDUSD,EURUSD", "trans_id": "0"},
            {"symbol": "EURUSD", "trans_id": "77"},
        ]

    play(scenario)


STATE = {"CurrencyDigits": "2", "Balance": "5.00", "Credit": "0.00", "Equity": "5.00", "Margin": "0.00"}


def test_states_of_a_mask_learn_their_currencies_in_one_request(play):
    async def scenario(server):
        logins = range(1, 301)
        states = [{"Login": str(login), "MarginFree": "5.00", **STATE} for login in logins]
        users = [{"Login": str(login), "Group": "real\\std-usd"} for login in logins]
        server.always["/api/user/account/get_batch"] = done(states)
        server.always["/api/user/get_batch"] = done(users)
        async with Mt5Platform(server.config()) as platform:
            for _ in range(2):
                found = await platform.account_states(group="real*")
                assert [state.login for state in found] == list(logins)
        assert {state.currency for state in found} == {"USD"}
        assert [one.params for one in server.paths("/api/user/get_batch")] == [{"group": "real*"}]
        assert len(server.paths("/api/group/get")) == 1

    play(scenario)


def test_many_logins_are_asked_in_batches(play):
    async def scenario(server):
        server.always["/api/position/get_batch"] = code("13 Not found")
        async with Mt5Platform(server.config(batch_size=2)) as platform:
            assert await platform.positions(logins=[5, 4, 3, 2, 1]) == ()
            with pytest.raises(ValueError, match="either"):
                await platform.positions()
        asked = [one.params["login"] for one in server.paths("/api/position/get_batch")]
        assert asked == ["1,2", "3,4", "5"]

    play(scenario)


def test_symbols_fail_with_a_plain_error(play):
    async def scenario(server):
        async with Mt5Platform(server.config(sessions=2)) as platform:
            with pytest.raises(PlatformRejected) as caught:
                await platform.symbols(["EURUSD", "GBPUSD", "USDJPY"])
            assert caught.value.name is Rejection.NOT_FOUND

    play(scenario)
