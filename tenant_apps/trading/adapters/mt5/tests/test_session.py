"""Log-in, keep-alive, loss: what is sent again and what never is. Against a server that follows a script."""

import asyncio
import socket
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from tenant_apps.trading.adapters.mt5.client import Mt5Platform
from tenant_apps.trading.adapters.mt5.tests.scripted import (
    DEPOSIT,
    DROP,
    USER,
    Reply,
    code,
    done,
)
from tenant_apps.trading.adapters.sockets import connect_directly
from tenant_apps.trading.errors import (
    OutcomeUnknown,
    PlatformRejected,
    PlatformUnavailable,
    Rejection,
)


def test_logs_in_and_measures_the_clock(play):
    async def scenario(server):
        server.always["/api/common/get"] = done({"Name": "Nordwind", "Owner": "Nordwind Ltd"})
        server.always["/api/time/get"] = done(
            {"TimeZone": "120", "Daylight": "1", "DaylightState": "1", "TimeServer": ""}
        )
        async with Mt5Platform(server.config()) as platform:
            info = await platform.server_info()
        assert (info.name, info.owner, info.build) == ("Nordwind", "Nordwind Ltd", "3661")
        assert (info.utc_offset, info.zone_agrees) == (timedelta(hours=3), True)
        start = server.seen[0]
        assert start.params == {"version": "1290", "agent": "Rialto", "login": "1000", "type": "manager"}
        assert start.headers["host"] == f"scripted.mt5.localhost:{server.port}"
        assert start.headers["connection"] == "keep-alive"
        assert start.headers["content-type"] == "application/x-www-form-urlencoded"
        assert server.seen[-1].path == "/api/quit"
        assert server.connections == 1

    play(scenario)


def test_cookies_of_the_log_in_are_returned(play):
    async def scenario(server):
        start = server._reply  # the default reply, decorated
        server._reply = lambda request: (
            Reply(start(request).payload, headers=("Set-Cookie: sid=42; Path=/; Secure",))
            if request.path == "/api/auth/start"
            else start(request)
        )
        async with Mt5Platform(server.config()) as platform:
            await platform.account_get(5001)
        assert [one.headers.get("cookie") for one in server.seen[:2]] == [None, "sid=42"]
        assert server.paths("/api/user/get")[0].headers["cookie"] == "sid=42"

    play(scenario)


def test_wrong_password_is_refused_and_not_insisted_on(play):
    async def scenario(server):
        platform = Mt5Platform(server.config(password="Password2", login_pause_seconds=60))
        for _ in range(3):
            with pytest.raises(PlatformRejected) as caught:
                await platform.account_get(5001)
            assert (caught.value.name, caught.value.number) == (Rejection.AUTHENTICATION_FAILED, 403)
        assert len(server.paths("/api/auth/answer")) == 1
        await platform.close()

    play(scenario)


def test_a_server_that_does_not_know_the_password_is_not_believed(play):
    async def scenario(server):
        server.always["/api/auth/answer"] = done(cli_rand_answer="0" * 32)
        with pytest.raises(PlatformRejected) as caught:
            await Mt5Platform(server.config()).connect()
        assert caught.value.name is Rejection.SERVER_IDENTITY
        assert not server.paths("/api/time/server")

    play(scenario)


def test_a_foreign_certificate_is_not_accepted(play):
    async def scenario(server):
        with pytest.raises(PlatformUnavailable, match="certificate verify failed"):
            await Mt5Platform(server.config(ca_file=None)).connect()
        assert server.seen == []

    play(scenario)


def test_a_certificate_for_another_name_is_not_accepted(play):
    async def scenario(server):
        with pytest.raises(PlatformUnavailable, match="Hostname mismatch"):
            await Mt5Platform(server.config(host="other.mt5.localhost")).connect()
        assert server.seen == []

    play(scenario)


def test_sockets_come_from_the_given_connector(play):
    async def scenario(server):
        asked: list[tuple[str, int]] = []

        async def guard(host: str, port: int) -> socket.socket:
            asked.append((host, port))
            if len(asked) > 1:
                raise OSError("not a public address")
            return await connect_directly(host, port)

        platform = Mt5Platform(server.config(), connect=guard)
        await platform.connect()
        assert asked == [("scripted.mt5.localhost", server.port)]
        server.drop_all()
        with pytest.raises(PlatformUnavailable, match="not a public address"):
            await platform.account_get(5001)
        await platform.close()

    play(scenario)


def test_a_read_lost_on_the_way_is_sent_once_more_after_a_new_log_in(play):
    async def scenario(server):
        async with Mt5Platform(server.config()) as platform:
            server.script["/api/user/get"].append(DROP)
            account = await platform.account_get(5001)
        assert account.name == "Ada Lovelace"
        assert [one.connection for one in server.paths("/api/user/get")] == [1, 2]
        assert len(server.paths("/api/auth/answer")) == 2

    play(scenario)


@pytest.mark.parametrize(
    ("reply", "error", "name"),
    [
        (DROP, PlatformUnavailable, None),
        (Reply({}, status=502), PlatformUnavailable, None),
        (Reply({}, status=403), PlatformRejected, Rejection.FORBIDDEN),
        (Reply(raw=b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nnope"), PlatformUnavailable, None),
        (Reply(raw=b"garbage\r\n\r\n"), PlatformUnavailable, None),
        (done({"Login": "x"}), PlatformUnavailable, None),
    ],
)
def test_a_read_that_keeps_failing_fails(play, reply, error, name):
    async def scenario(server):
        server.always["/api/user/get"] = reply
        async with Mt5Platform(server.config()) as platform:
            with pytest.raises(error) as caught:
                await platform.account_get(5001)
            assert getattr(caught.value, "name", None) is name
        assert len(server.paths("/api/user/get")) in (1, 2)

    play(scenario)


@pytest.mark.parametrize(
    "reply",
    [
        DROP,
        Reply({}, status=500),
        Reply(raw=b"HTTP/1.1 200 OK\r\nContent-Length: 400\r\n\r\n{"),
        Reply(raw=b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"),
        code("9 Timeout"),
        code("7 Network"),
        done({"NoTicket": "1"}),
    ],
)
def test_a_change_without_a_clear_answer_is_unknown_and_never_repeated(play, reply):
    async def scenario(server):
        server.always["/api/trade/balance"] = reply
        async with Mt5Platform(server.config()) as platform:
            before = datetime.now(UTC)
            with pytest.raises(OutcomeUnknown) as caught:
                await platform.balance_operation(DEPOSIT)
            assert before <= caught.value.attempted_at <= datetime.now(UTC)
            assert caught.value.server == "scripted"
            await platform.account_get(5001)  # the platform itself works on
        assert len(server.paths("/api/trade/balance")) == 1

    play(scenario)


def test_a_change_that_times_out_is_unknown_and_its_late_answer_is_nobodys(play):
    async def scenario(server):
        gate = asyncio.Event()
        server.script["/api/trade/balance"].append(Reply({"retcode": "0 Done", "answer": {"Ticket": "1"}}, gate=gate))
        async with Mt5Platform(server.config(call_seconds=0.2)) as platform:
            with pytest.raises(OutcomeUnknown, match="no answer within"):
                await platform.balance_operation(DEPOSIT)
            gate.set()
            assert (await platform.account_get(5001)).login == 5001
        assert server.connections == 2

    play(scenario)


@pytest.mark.parametrize(
    ("reply", "name"),
    [
        (code("10019 Not enough money"), Rejection.NOT_ENOUGH_MONEY),
        (code("8 Not enough permissions"), Rejection.NO_PERMISSION),
        (Reply({}, status=403), Rejection.FORBIDDEN),
    ],
)
def test_a_refused_change_is_rejected_and_not_repeated(play, reply, name):
    async def scenario(server):
        server.always["/api/trade/balance"] = reply
        async with Mt5Platform(server.config()) as platform:
            with pytest.raises(PlatformRejected) as caught:
                await platform.balance_operation(DEPOSIT)
            assert caught.value.name is name
        assert len(server.paths("/api/trade/balance")) == 1

    play(scenario)


def test_a_change_is_sent_on_a_new_session_when_the_old_one_is_already_gone(play):
    async def scenario(server):
        server.always["/api/trade/balance"] = done({"Ticket": "901"})
        async with Mt5Platform(server.config()) as platform:
            await platform.account_get(5001)
            server.drop_all()
            await asyncio.sleep(0)
            while server._writers:
                await asyncio.sleep(0)
            result = await platform.balance_operation(DEPOSIT)
        assert (result.deal, result.amount) == (901, Decimal("500.00"))
        (sent,) = server.paths("/api/trade/balance")
        assert sent.method == "POST"
        assert sent.params == {
            "login": "5001",
            "type": "2",
            "balance": "500.00",
            "comment": "op-1 Klarna",
            "check_margin": "1",
        }

    play(scenario)


def test_an_idle_session_pings_and_a_lost_one_is_replaced(play):
    async def scenario(server):
        async with Mt5Platform(server.config(ping_seconds=0.02)) as platform:
            await server.wait_for("/api/test/access", 3)
            server.always["/api/test/access"] = DROP
            count = len(server.paths("/api/test/access"))
            await server.wait_for("/api/test/access", count + 1)
            del server.always["/api/test/access"]
            assert (await platform.account_get(5001)).login == 5001
        assert {one.connection for one in server.paths("/api/user/get")} <= {2, 3}

    play(scenario)


def test_calls_on_one_session_go_one_after_the_other(play):
    async def scenario(server):
        gate = asyncio.Event()
        server.script["/api/user/get"].append(Reply({"retcode": "0 Done", "answer": USER}, gate=gate))
        async with Mt5Platform(server.config()) as platform, asyncio.TaskGroup() as group:
            for _ in range(5):
                group.create_task(platform.account_get(5001))
            await server.wait_for("/api/user/get")
            assert len(server.paths("/api/user/get")) == 1
            gate.set()
        assert (len(server.paths("/api/user/get")), server.connections) == (5, 1)

    play(scenario)


def test_waiting_is_bounded_in_number_and_time(play):
    async def scenario(server):
        gate = asyncio.Event()
        server.script["/api/user/get"].append(Reply({"retcode": "0 Done", "answer": USER}, gate=gate))
        config = server.config(waiting_limit=1, waiting_seconds=0.2)
        async with Mt5Platform(config) as platform:
            first = asyncio.create_task(platform.account_get(5001))
            await server.wait_for("/api/user/get")
            second = asyncio.create_task(platform.account_get(5001))
            await asyncio.sleep(0)
            with pytest.raises(PlatformUnavailable, match="too many calls"):
                await platform.account_get(5001)
            with pytest.raises(PlatformUnavailable, match="in time"):
                await second
            gate.set()
            assert (await first).login == 5001
            assert (await platform.account_get(5001)).login == 5001

    play(scenario)


def test_a_cancelled_call_takes_its_session_with_it(play):
    async def scenario(server):
        gate = asyncio.Event()
        other = {**USER, "Login": "7"}
        server.script["/api/user/get"].append(Reply({"retcode": "0 Done", "answer": other}, gate=gate))
        async with Mt5Platform(server.config()) as platform:
            call = asyncio.create_task(platform.account_get(7))
            await server.wait_for("/api/user/get")
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
            gate.set()
            assert (await platform.account_get(5001)).login == 5001
        assert server.connections == 2

    play(scenario)


def test_an_answer_that_is_too_large_is_not_read_to_its_end(play):
    async def scenario(server):
        server.always["/api/user/get"] = done({**USER, "Comment": "x" * 100_000})
        async with Mt5Platform(server.config(max_answer_bytes=50_000)) as platform:
            with pytest.raises(PlatformUnavailable, match="over 50000 bytes"):
                await platform.account_get(5001)

    play(scenario)


def test_after_close_nothing_is_sent(play):
    async def scenario(server):
        platform = Mt5Platform(server.config())
        await platform.connect()
        await platform.close()
        count = len(server.seen)
        with pytest.raises(PlatformUnavailable, match="closed"):
            await platform.account_get(5001)
        assert len(server.seen) == count

    play(scenario)
