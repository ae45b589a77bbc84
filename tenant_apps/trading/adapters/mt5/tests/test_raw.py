"""The text protocol: log-in, encryption, pings, loss. Against a server that follows a script."""

import asyncio
from collections.abc import Awaitable, Callable
from decimal import Decimal
from itertools import pairwise

import pytest

from tenant_apps.trading.adapters.mt5.client import Mt5Platform
from tenant_apps.trading.adapters.mt5.tests.scripted import DEPOSIT, PASSWORD
from tenant_apps.trading.adapters.mt5.tests.scripted_raw import (
    PING,
    USER,
    RawScriptedServer,
    drop,
    packet,
    said,
)
from tenant_apps.trading.errors import OutcomeUnknown, PlatformRejected, PlatformUnavailable, Rejection
from tenant_apps.trading.ports import PasswordKind

PING_WITH_BODY = packet(0x4002, "|\r\n".encode("utf-16-le"))
DEPOSITED = "TRADE_BALANCE|RETCODE=0 Done|TICKET=901|\r\n"


@pytest.fixture
def play():
    """Run an async scenario with a scripted server of its own."""

    def run(scenario: Callable[[RawScriptedServer], Awaitable[None]]) -> None:
        async def main() -> None:
            async with asyncio.timeout(30), RawScriptedServer() as server:
                await scenario(server)

        asyncio.run(main())

    return run


@pytest.mark.parametrize(("encrypt", "method"), [(True, "AES256OFB"), (False, "NONE")])
def test_logs_in_as_the_manual_says(play, encrypt, method):
    async def scenario(server):
        async with Mt5Platform(server.config(encrypt=encrypt)) as platform:
            assert (await platform.account_get(5001)).name == "Ada Lovelace"
            assert (await platform.server_info()).build == "3661"
        start, answer, *_ = server.seen
        assert (start.name, start.serial) == ("AUTH_START", 1)
        assert start.params == {
            "VERSION": "1290",
            "AGENT": "Rialto",
            "LOGIN": "1000",
            "TYPE": "MANAGER",
            "CRYPT_METHOD": method,
        }
        assert (answer.name, set(answer.params)) == ("AUTH_ANSWER", {"SRV_RAND_ANSWER", "CLI_RAND"})
        assert [two.serial - one.serial for one, two in pairwise(server.seen)] == [1] * (len(server.seen) - 1)
        assert (server.seen[-1].name, server.connections) == ("QUIT", 1)

    play(scenario)


def test_after_the_log_in_nothing_is_legible(play):
    async def scenario(server):
        server.always["USER_PASS_CHANGE"] = said("USER_PASS_CHANGE|RETCODE=0 Done|\r\n")
        async with Mt5Platform(server.config()) as platform:
            await platform.password_change(5001, PasswordKind.MAIN, "Neu-Gesetzt9")
        (sent,) = server.named("USER_PASS_CHANGE")
        assert sent.params == {"LOGIN": "5001", "TYPE": "MAIN", "PASSWORD": "Neu-Gesetzt9"}
        for word in ("AUTH_START", "USER_PASS_CHANGE", "Neu-Gesetzt9", PASSWORD):
            assert (word.encode("utf-16-le") in server.heard) is (word == "AUTH_START")

    play(scenario)


@pytest.mark.parametrize("offer", ["", "CRYPT_RAND=|", "CRYPT_RAND=00ff|", f"CRYPT_RAND={'zz' * 256}|"])
def test_a_server_that_refuses_encryption_is_told_nothing(play, offer):
    async def scenario(server):
        honest = server.proof
        server.proof = lambda seen: honest(seen).partition("CRYPT_RAND=")[0] + offer
        with pytest.raises(PlatformRejected, match="encryption") as caught:
            await Mt5Platform(server.config()).connect()
        assert caught.value.name is Rejection.SERVER_IDENTITY
        assert [one.name for one in server.seen] == ["AUTH_START", "AUTH_ANSWER"]

    play(scenario)


def test_a_server_that_does_not_know_the_password_is_not_believed(play):
    async def scenario(server):
        server.always["AUTH_ANSWER"] = said(f"AUTH_ANSWER|RETCODE=0 Done|CLI_RAND_ANSWER={'0' * 32}|\r\n")
        with pytest.raises(PlatformRejected) as caught:
            await Mt5Platform(server.config()).connect()
        assert caught.value.name is Rejection.SERVER_IDENTITY
        assert not server.named("TIME_SERVER")

    play(scenario)


def test_wrong_password_is_refused_and_not_insisted_on(play):
    async def scenario(server):
        platform = Mt5Platform(server.config(password="Password2", login_pause_seconds=60))
        for _ in range(3):
            with pytest.raises(PlatformRejected) as caught:
                await platform.account_get(5001)
            assert (caught.value.name, caught.value.number) == (Rejection.AUTHENTICATION_FAILED, 1001)
        assert len(server.named("AUTH_ANSWER")) == 1
        await platform.close()

    play(scenario)


def unclear(name):
    """Answers to a command that say nothing clear, by what is wrong with them."""
    done = f"{name}|RETCODE=0 Done|TICKET=1|\r\n"
    whole = packet(1, done.encode("utf-16-le"))[9:]
    return {
        "closed": drop,
        "garbage": lambda serial: b"HTTP/1.1 400 Bad Request\r\n\r\n",
        "another serial": lambda serial: packet(serial + 1, whole),
        "half a header, then closed": lambda serial: b"00ff0",
        "half a packet, then closed": lambda serial: packet(serial, whole)[:-5],
        "one of two packets, then closed": lambda serial: packet(serial, whole, flag=1),
        "too long": lambda serial: packet(serial, bytes(40_000), flag=1) * 2,
        "another command": said("SYMBOL_GET|RETCODE=0 Done|\r\n"),
        "no return code": said(f"{name}|TICKET=1|\r\n"),
        "half a character": lambda serial: packet(serial, whole[:-1]),
        "broken JSON": said(done + '{"Login":'),
    }


CLOSING = {"half a header, then closed", "half a packet, then closed", "one of two packets, then closed"}


def close_after(server, reply):
    """The reply, and then the end of the connection."""

    def answer(serial):
        asyncio.get_running_loop().call_soon(lambda: [writer.close() for writer in set(server.writers)])
        return reply(serial)

    return answer


@pytest.mark.parametrize("encrypt", [True, False])
@pytest.mark.parametrize("what", unclear("X"))
def test_a_change_without_a_clear_answer_is_unknown_and_never_repeated(play, what, encrypt):
    async def scenario(server):
        reply = unclear("TRADE_BALANCE")[what]
        server.script["TRADE_BALANCE"].append(close_after(server, reply) if what in CLOSING else reply)
        async with Mt5Platform(server.config(encrypt=encrypt, max_answer_bytes=50_000)) as platform:
            with pytest.raises(OutcomeUnknown) as caught:
                await platform.balance_operation(DEPOSIT)
            assert caught.value.server == "scripted"
            assert (await platform.account_get(5001)).login == 5001  # the platform itself works on
        assert len(server.named("TRADE_BALANCE")) == 1
        assert server.connections == 2

    play(scenario)


@pytest.mark.parametrize("what", unclear("X"))
def test_a_read_that_keeps_failing_fails_after_the_second_time(play, what):
    async def scenario(server):
        reply = unclear("USER_GET")[what]
        server.always["USER_GET"] = close_after(server, reply) if what in CLOSING else reply
        async with Mt5Platform(server.config(max_answer_bytes=50_000)) as platform:
            with pytest.raises(PlatformUnavailable):
                await platform.account_get(5001)
        assert [one.connection for one in server.named("USER_GET")] == [1, 2]

    play(scenario)


@pytest.mark.parametrize("code", ["9 Timeout", "7 Network"])
def test_a_doubtful_return_code_after_a_change_is_unknown(play, code):
    async def scenario(server):
        server.always["TRADE_BALANCE"] = said(f"TRADE_BALANCE|RETCODE={code}|\r\n")
        async with Mt5Platform(server.config()) as platform:
            with pytest.raises(OutcomeUnknown):
                await platform.balance_operation(DEPOSIT)
        assert len(server.named("TRADE_BALANCE")) == 1

    play(scenario)


def test_a_late_answer_is_nobodys(play):
    async def scenario(server):
        server.held.add("TRADE_BALANCE")
        async with Mt5Platform(server.config(call_seconds=0.2)) as platform:
            with pytest.raises(OutcomeUnknown, match="no answer within"):
                await platform.balance_operation(DEPOSIT)
            server.gate.set()
            assert (await platform.account_get(5001)).login == 5001
        assert server.connections == 2

    play(scenario)


def test_a_cancelled_call_takes_its_session_with_it(play):
    async def scenario(server):
        server.held.add("USER_GET")
        async with Mt5Platform(server.config()) as platform:
            call = asyncio.create_task(platform.account_get(7))
            await server.wait_for("USER_GET")
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
            server.gate.set()
            assert (await platform.account_get(5001)).login == 5001
        assert server.connections == 2

    play(scenario)


@pytest.mark.parametrize("encrypt", [True, False])
def test_pings_and_news_between_the_packets_of_an_answer_are_skipped(play, encrypt):
    news = packet(0x8001, "TRADE_NEWS|".encode("utf-16-le"))

    def answer(serial):
        whole = f"USER_GET|RETCODE=0 Done|\r\n{USER}".encode("utf-16-le")
        parts = [packet(serial, whole[:3], flag=1), packet(serial, whole[3:60], flag=1), packet(serial, whole[60:])]
        return PING + PING_WITH_BODY.join([*parts, news]) + PING + packet(serial, b"")

    async def scenario(server):
        server.always["USER_GET"] = answer
        async with Mt5Platform(server.config(encrypt=encrypt)) as platform:
            for _ in range(3):
                assert (await platform.account_get(5001)).name == "Ada Lovelace"
        assert server.connections == 1

    play(scenario)


def test_an_answer_may_end_with_an_empty_packet(play):
    async def scenario(server):
        whole = f"USER_GET|RETCODE=0 Done|\r\n{USER}".encode("utf-16-le")
        server.always["USER_GET"] = lambda serial: packet(serial, whole, flag=1) + packet(serial, b"")
        async with Mt5Platform(server.config()) as platform:
            assert (await platform.account_get(5001)).name == "Ada Lovelace"

    play(scenario)


def test_what_follows_the_log_in_in_one_piece_is_decrypted(play):
    async def scenario(server):
        server.after_log_in = PING + PING_WITH_BODY
        async with Mt5Platform(server.config()) as platform:
            assert (await platform.account_get(5001)).name == "Ada Lovelace"
        assert server.connections == 1

    play(scenario)


def test_a_connection_closed_behind_a_ping_is_known_to_be_dead(play):
    async def scenario(server):
        server.always["TRADE_BALANCE"] = said(DEPOSITED)
        async with Mt5Platform(server.config()) as platform:
            await platform.account_get(5001)
            (session,) = platform._pool._idle
            for writer in set(server.writers):
                writer.write(PING)
                writer.close()
            while session.is_usable:
                await asyncio.sleep(0)
            result = await platform.balance_operation(DEPOSIT)
        assert (result.deal, result.amount) == (901, Decimal("500.00"))
        (sent,) = server.named("TRADE_BALANCE")
        assert sent.connection == 2
        assert sent.params == {
            "LOGIN": "5001",
            "TYPE": "2",
            "BALANCE": "500.00",
            "COMMENT": "op-1 Klarna",
            "CHECK_MARGIN": "1",
        }

    play(scenario)


def test_an_idle_session_asks_whether_the_server_is_there(play):
    async def scenario(server):
        async with Mt5Platform(server.config(ping_seconds=0.02)) as platform:
            await server.wait_for("TIME_SERVER", 4)
            server.always["TIME_SERVER"] = drop
            count = len(server.named("TIME_SERVER"))
            await server.wait_for("TIME_SERVER", count + 1)
            del server.always["TIME_SERVER"]
            assert (await platform.account_get(5001)).login == 5001
        assert {one.connection for one in server.named("USER_GET")} <= {2, 3}

    play(scenario)


def test_serials_begin_anew_after_the_last_of_the_clients(play):
    async def scenario(server):
        async with Mt5Platform(server.config()) as platform:
            await platform.connect()
            platform._pool._idle[0]._line._serial = 0x3FFE
            for _ in range(3):
                await platform.account_get(5001)
        assert [one.serial for one in server.named("USER_GET")] == [0x3FFF, 1, 2]

    play(scenario)
