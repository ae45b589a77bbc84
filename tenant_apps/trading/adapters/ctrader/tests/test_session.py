"""Log-in, heartbeats, loss: what is sent again and what never is. Against a server that follows a script."""

import asyncio
import socket
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from tenant_apps.trading.adapters.ctrader import CTraderPlatform, ledger, wire
from tenant_apps.trading.adapters.ctrader import manager_pb2 as pb
from tenant_apps.trading.adapters.ctrader.tests.scripted import (
    DEPOSIT,
    DROP,
    HASH,
    LOGIN,
    TRADER,
    Reply,
    failure,
    trader,
)
from tenant_apps.trading.adapters.sockets import connect_directly
from tenant_apps.trading.errors import OutcomeUnknown, PlatformRejected, PlatformUnavailable, Rejection

CHANGED = Reply(pb.ChangedRes(trader_id=TRADER, history_id=55))


def test_logs_in_once_and_reads_the_clock(play):
    async def scenario(server):
        async with CTraderPlatform(server.config()) as platform:
            info = await platform.server_info()
        assert (info.name, info.owner, info.build) == ("rialto demo", "nordwind", "89.2")
        assert (info.utc_offset, info.zone_agrees) == (timedelta(0), None)
        assert abs(info.clock_skew) < timedelta(seconds=5)
        first = server.seen[0]
        wish = wire.read(pb.AuthReq, first.payload)
        assert (first.number, wish.plant, wish.environment, wish.login) == (301, "rialto", "demo", 1000)
        assert wish.password_hash == HASH
        assert (server.connections, server.authorised) == (1, 1)

    play(scenario)


def test_a_server_without_a_greeting_is_logged_in_to(play):
    async def scenario(server):
        server.greets = False
        async with CTraderPlatform(server.config(hello_seconds=0.05)):
            assert server.authorised == 1

    play(scenario)


def test_a_clock_far_from_ours_is_noticed(play):
    async def scenario(server):
        server.always[wire.SERVER_TIME.request] = Reply(pb.ServerTimeRes(time=1_700_000_000_000))
        with pytest.raises(PlatformUnavailable, match="clock"):
            await CTraderPlatform(server.config()).connect()
        there = datetime.fromtimestamp(1_700_000_000, UTC)
        async with CTraderPlatform(server.config(), now=lambda: there) as platform:
            assert (await platform.server_info()).clock_skew == timedelta(0)

    play(scenario)


def test_wrong_password_is_refused_and_not_insisted_on(play):
    async def scenario(server):
        platform = CTraderPlatform(server.config(password="Password2", login_pause_seconds=60))
        for _ in range(3):
            with pytest.raises(PlatformRejected) as caught:
                await platform.server_info()
            assert caught.value.name is Rejection.AUTHENTICATION_FAILED
        assert len(server.of(wire.AUTH)) == 1
        await platform.close()

    play(scenario)


@pytest.mark.parametrize(
    ("changes", "text"), [({"ca_file": None}, "certificate verify failed"), ({"host": "other.localhost"}, "mismatch")]
)
def test_a_server_that_cannot_prove_who_it_is_gets_no_password(play, changes, text):
    async def scenario(server):
        with pytest.raises(PlatformRejected, match=text) as caught:
            await CTraderPlatform(server.config(**changes)).connect()
        assert caught.value.name is Rejection.SERVER_IDENTITY
        assert server.seen == []

    play(scenario)


def test_sockets_come_from_the_given_connector(play):
    async def scenario(server):
        asked: list[tuple[str, int]] = []

        async def guard(host: str, port: int) -> socket.socket:
            asked.append((host, port))
            if len(asked) > 2:
                raise OSError("not a public address")
            return await connect_directly(host, port)

        async with CTraderPlatform(server.config(), connect=guard) as platform:
            await platform.account_get(LOGIN)
            assert asked == [(server.config().host, port) for port in (server.port, server.web_port)]
            server.drop_all()
            with pytest.raises(PlatformUnavailable, match="not a public address"):
                await platform.server_info()

    play(scenario)


def test_many_requests_at_a_time_are_told_apart(play):
    async def scenario(server):
        gates = [asyncio.Event() for _ in range(3)]
        answers = [pb.ServerTimeRes(time=1_000 + number) for number in range(3)]
        platform = CTraderPlatform(server.config())
        await platform.connect()
        link = platform._parts.link
        server.script[313].extend(Reply(answer, gate=gate) for answer, gate in zip(answers, gates, strict=True))
        calls = [asyncio.create_task(link.ask(wire.SERVER_TIME)) for _ in range(3)]
        await server.until(lambda: len(server.of(wire.SERVER_TIME)) == 4)
        assert len({one.client_id for one in server.seen}) == len(server.seen)
        for number in (2, 0, 1):
            gates[number].set()
            assert (await calls[number]).time == 1_000 + number
        assert server.connections == 1
        await platform.close()

    play(scenario)


def test_no_more_requests_at_a_time_than_allowed(play):
    async def scenario(server):
        platform = CTraderPlatform(server.config(in_flight=2))
        await platform.connect()
        gate = asyncio.Event()
        server.script[313].extend(Reply(pb.ServerTimeRes(time=1), gate=gate) for _ in range(5))
        calls = [asyncio.create_task(platform._parts.link.ask(wire.SERVER_TIME)) for _ in range(5)]
        await server.until(lambda: len(server.of(wire.SERVER_TIME)) == 3)
        gate.set()
        await asyncio.gather(*calls)
        assert len(server.of(wire.SERVER_TIME)) == 6
        await platform.close()

    play(scenario)


def test_an_event_with_the_id_of_a_request_is_not_its_answer(play):
    async def scenario(server):
        async with CTraderPlatform(server.config()) as platform:
            told = pb.ExecutionEvent(type=10, balance_change=pb.BalanceChange(trader_id=TRADER))
            server.script[519].append(Reply(CHANGED.message, first=((wire.EXECUTION, told, ""),)))
            done = await platform.balance_operation(DEPOSIT)
            assert done.deal == ledger.balance_number(55)

    play(scenario)


def test_an_error_without_an_id_is_nobodys_answer(play):
    async def scenario(server):
        async with CTraderPlatform(server.config(call_seconds=0.5)) as platform:
            await platform.account_get(LOGIN)
            refused = pb.Failure(error_code="NOT_ENOUGH_MONEY")
            server.script[519].append(Reply(refused, number=wire.ERROR, client_id=""))
            with pytest.raises(OutcomeUnknown):
                await platform.balance_operation(DEPOSIT)

    play(scenario)


def test_a_log_in_refused_without_an_id_is_refused(play):
    async def scenario(server):
        refused = pb.Failure(error_code="AUTHENTICATION_FAILED")
        server.script[wire.AUTH.request].append(Reply(refused, number=wire.ERROR, client_id=""))
        with pytest.raises(PlatformRejected):
            await CTraderPlatform(server.config()).connect()

    play(scenario)


def test_answers_nobody_waits_for_are_left(play):
    async def scenario(server):
        async with CTraderPlatform(server.config()) as platform:
            await server.push(314, pb.ServerTimeRes(time=5), "999")
            await server.push(12_345, pb.Empty())
            await server.push(wire.ERROR, pb.Failure(error_code="UNKNOWN_ERROR"))
            assert (await platform.account_get(LOGIN)).login == LOGIN
        assert server.connections == 1

    play(scenario)


# --- heartbeats


def test_heartbeats_go_on_while_nobody_asks(play):
    async def scenario(server):
        async with CTraderPlatform(server.config(heartbeat_seconds=0.05)):
            await server.until(lambda: len([one for one in server.seen if one.number == wire.HEARTBEAT]) >= 3)
        assert server.connections == 1

    play(scenario)


def test_a_server_that_says_nothing_is_pinged_and_kept_if_it_answers(play):
    async def scenario(server):
        async with CTraderPlatform(server.config(heartbeat_seconds=0.05, silence_seconds=5.0)) as platform:
            await server.until(lambda: len(server.of(wire.PROBE)) >= 3)
            await platform.server_info()
        assert server.connections == 1

    play(scenario)


def test_a_server_that_no_longer_answers_is_left(play):
    async def scenario(server):
        gate = asyncio.Event()
        platform = CTraderPlatform(server.config(heartbeat_seconds=0.05, silence_seconds=0.3))
        await platform.connect()
        server.always[wire.PROBE.request] = Reply(gate=gate)
        server.script[313].append(Reply(pb.ServerTimeRes(time=1), gate=gate))
        await platform.server_info()  # the read is made again over a new connection
        assert server.connections == 2
        await platform.close()

    play(scenario)


# --- loss


def test_a_read_is_asked_again_over_a_new_connection(play):
    async def scenario(server):
        async with CTraderPlatform(server.config()) as platform:
            server.script[313].append(DROP)
            await platform.server_info()
        assert server.connections == 2

    play(scenario)


def test_a_read_lost_twice_is_given_up(play):
    async def scenario(server):
        async with CTraderPlatform(server.config()) as platform:
            server.script[313].extend([DROP, DROP])
            with pytest.raises(PlatformUnavailable):
                await platform.server_info()
        assert len(server.of(wire.SERVER_TIME)) == 3

    play(scenario)


def test_a_read_that_takes_too_long_is_not_asked_again(play):
    async def scenario(server):
        async with CTraderPlatform(server.config(call_seconds=0.2)) as platform:
            server.script[313].append(Reply(pb.ServerTimeRes(time=1), gate=asyncio.Event()))
            with pytest.raises(PlatformUnavailable, match="no answer within"):
                await platform.server_info()
            await platform.server_info()
        assert server.connections == 1
        assert len(server.of(wire.SERVER_TIME)) == 3

    play(scenario)


@pytest.mark.parametrize(
    "reply",
    [
        lambda: DROP,
        lambda: Reply(raw=bytes.fromhex("7fffffff")),
        lambda: Reply(raw=b"\x00"),
        lambda: Reply(CHANGED.message, gate=asyncio.Event()),
        lambda: failure("UNKNOWN_ERROR"),
        lambda: failure("TIMEOUT_ERROR"),
    ],
    ids=["dropped", "too long", "half", "too late", "unknown error", "timed out behind"],
)
def test_a_change_without_a_clear_answer_is_unknown_and_never_sent_again(play, reply):
    async def scenario(server):
        async with CTraderPlatform(server.config(call_seconds=0.5)) as platform:
            await platform.account_get(LOGIN)
            server.script[519].append(reply())
            before = datetime.now(UTC)
            with pytest.raises(OutcomeUnknown) as caught:
                await platform.balance_operation(DEPOSIT)
            assert before <= caught.value.attempted_at <= datetime.now(UTC)
            await platform.server_info()
        assert len(server.of(wire.CHANGE_BALANCE)) == 1

    play(scenario)


def test_a_change_of_which_nothing_was_sent_is_sent(play):
    async def scenario(server):
        async with CTraderPlatform(server.config()) as platform:
            await platform.account_get(LOGIN)
            session = await platform._parts.link.session()
            server.drop_all()
            await session.lost.wait()
            server.script[519].append(CHANGED)
            assert (await platform.balance_operation(DEPOSIT)).deal == ledger.balance_number(55)
        assert len(server.of(wire.CHANGE_BALANCE)) == 1
        assert server.connections == 2

    play(scenario)


def test_a_change_after_a_long_silence_begins_with_a_probe(play):
    async def scenario(server):
        async with CTraderPlatform(server.config()) as platform:
            link = platform._parts.link
            session = await link.session()
            server.script[wire.PROBE.request].append(DROP)
            session._heard_at -= 1000  # as after a machine's sleep
            server.script[519].append(CHANGED)
            wish = pb.ChangeBalanceReq(trader_id=TRADER, amount=1, type=0, in_asset_digits=True)
            assert (await link.change(wire.CHANGE_BALANCE, wish)).history_id == 55
        assert len(server.of(wire.CHANGE_BALANCE)) == 1
        assert server.connections == 2

    play(scenario)


@pytest.mark.parametrize(
    "entry",
    [pb.ChangedRes(trader_id=TRADER), pb.ChangedRes(trader_id=TRADER, history_id=ledger.ROOM)],
    ids=["no number", "no possible number"],
)
def test_a_change_that_was_done_but_cannot_be_named_is_unknown(play, entry):
    async def scenario(server):
        async with CTraderPlatform(server.config()) as platform:
            server.script[519].append(Reply(entry))
            server.always[wire.BALANCE_HISTORY.request] = failure("NOT_ENOUGH_RIGHTS")
            with pytest.raises(OutcomeUnknown, match="done"):
                await platform.balance_operation(DEPOSIT)

    play(scenario)


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("NOT_ENOUGH_MONEY", Rejection.NOT_ENOUGH_MONEY),
        ("CHANGE_BALANCE_BAD_AMOUNT", Rejection.NOT_ENOUGH_MONEY),
        ("NOT_ENOUGH_RIGHTS", Rejection.NO_PERMISSION),
        ("TRADER_NOT_FOUND", Rejection.NOT_FOUND),
        ("SOMETHING_NEW", Rejection.OTHER),
    ],
)
def test_a_refused_change_says_why(play, code, name):
    async def scenario(server):
        async with CTraderPlatform(server.config()) as platform:
            server.script[519].append(failure(code, "because"))
            with pytest.raises(PlatformRejected, match="because") as caught:
                await platform.balance_operation(DEPOSIT)
            assert caught.value.name is name

    play(scenario)


def test_a_busy_server_did_nothing(play):
    async def scenario(server):
        async with CTraderPlatform(server.config()) as platform:
            server.script[519].append(failure("REQUEST_FREQUENCY_EXCEEDED"))
            with pytest.raises(PlatformUnavailable):
                await platform.balance_operation(DEPOSIT)

    play(scenario)


def test_whoever_waits_while_an_attempt_fails_shares_its_failure(play):
    async def scenario(server):
        attempts = 0

        async def nowhere(host: str, port: int) -> socket.socket:
            nonlocal attempts
            attempts += 1
            await asyncio.sleep(0)
            raise OSError("nobody there")

        platform = CTraderPlatform(server.config(), connect=nowhere)
        found = await asyncio.gather(*(platform.server_info() for _ in range(20)), return_exceptions=True)
        assert all(isinstance(error, PlatformUnavailable) for error in found)
        assert attempts <= 4

    play(scenario)


def test_a_closed_platform_asks_nobody(play):
    async def scenario(server):
        platform = CTraderPlatform(server.config())
        await platform.connect()
        await platform.close()
        with pytest.raises(PlatformUnavailable, match="closed"):
            await platform.server_info()
        with pytest.raises(PlatformUnavailable, match="closed"):
            await platform.account_states(logins=[LOGIN])

    play(scenario)


# --- money


def test_a_deposit_carries_our_id_twice_in_whole_units(play):
    async def scenario(server):
        async with CTraderPlatform(server.config()) as platform:
            server.script[519].append(CHANGED)
            await platform.balance_operation(DEPOSIT)
        wish = wire.read(pb.ChangeBalanceReq, server.of(wire.CHANGE_BALANCE)[0].payload)
        assert (wish.trader_id, wish.amount, wish.type, wish.in_asset_digits) == (TRADER, 50_025, 0, True)
        assert (wish.external_id, wish.comment, wish.source) == ("op-1", "op-1 Klarna", "")

    play(scenario)


def test_amounts_are_in_the_digits_of_the_asset_not_of_the_account(play):
    async def scenario(server):
        yen = trader(deposit_asset_id=3, money_digits=2)
        server.always[wire.TRADERS_BY_ID.request] = Reply(pb.TraderByIdRes(trader=[yen]))
        server.always[wire.TRADERS.request] = Reply(pb.TraderListRes(trader=[yen]))
        async with CTraderPlatform(server.config()) as platform:
            with pytest.raises(PlatformRejected) as caught:
                await platform.balance_operation(DEPOSIT)
            assert caught.value.name is Rejection.UNSUPPORTED_SCALE
            assert not server.of(wire.CHANGE_BALANCE)
            server.script[519].append(CHANGED)
            await platform.balance_operation(type(DEPOSIT)(LOGIN, DEPOSIT.kind, Decimal(500), "op-2"))
        assert wire.read(pb.ChangeBalanceReq, server.of(wire.CHANGE_BALANCE)[0].payload).amount == 500

    play(scenario)


def test_an_answer_without_a_number_is_looked_up(play):
    async def scenario(server):
        entry = pb.BalanceChange(type=0, id=56, trader_id=TRADER, delta=50_025, money_digits=2, external_id="op-1")
        entry.at = 1_700_000_000_000
        async with CTraderPlatform(server.config()) as platform:
            server.script[519].append(Reply(pb.ChangedRes(trader_id=TRADER)))
            server.script[417].append(Reply(pb.BalanceHistoryRes(change=[entry])))
            assert (await platform.balance_operation(DEPOSIT)).deal == ledger.balance_number(56)
            server.script[519].append(Reply(pb.ChangedRes(trader_id=TRADER)))
            with pytest.raises(OutcomeUnknown, match="no history"):
                await platform.balance_operation(DEPOSIT)

    play(scenario)
