"""What the server tells by itself, and the gaps wherever something may be missing."""

import asyncio
import socket
import time
from decimal import Decimal
from typing import Any

import pytest

from tenant_apps.trading.adapters.ctrader import CTraderPlatform, ledger, wire
from tenant_apps.trading.adapters.ctrader import manager_pb2 as pb
from tenant_apps.trading.adapters.ctrader.listening import Ear
from tenant_apps.trading.adapters.ctrader.tests.scripted import EURUSD, LOGIN, TRADER, Reply, trader
from tenant_apps.trading.adapters.ctrader.wire import Incoming
from tenant_apps.trading.adapters.sockets import connect_directly
from tenant_apps.trading.errors import PlatformRejected, PlatformUnavailable, Rejection
from tenant_apps.trading.ports import DealEntry, DealReason, Heard, PushingPlatform

GAP = Heard(gap=True)
MOVED = Heard(logins=frozenset({LOGIN}))


def told(kind: int, **parts: Any) -> pb.ExecutionEvent:
    return pb.ExecutionEvent(type=kind, event_id=1, **parts)


def fill(number: int, *, status: int = 2) -> pb.ExecutionEvent:
    deal = pb.Deal(
        deal_id=number,
        order_id=800,
        position_id=700,
        trader_id=TRADER,
        volume=1_000_000,
        filled_volume=1_000_000,
        symbol_id=EURUSD,
        executed_at=1_700_000_000_123,
        price=1.18657,
        side=1,
        status=status,
        money_digits=2,
    )
    return told(3, deal=deal)


def deposit(number: int) -> pb.ExecutionEvent:
    change = pb.BalanceChange(type=0, id=number, trader_id=TRADER, delta=500, at=1_700_000_000_000, money_digits=2)
    return told(10, balance_change=change)


def test_a_connection_begins_with_a_gap_and_goes_on_with_what_happens(play):
    async def scenario(server):
        async with CTraderPlatform(server.config()) as platform:
            assert isinstance(platform, PushingPlatform)
            heard = platform.listen()
            assert await anext(heard) == GAP
            await server.push(wire.EXECUTION, fill(900))
            traded = await anext(heard)
            assert [(deal.deal, deal.login, deal.entry, deal.lots) for deal in traded.deals] == [
                (900, LOGIN, DealEntry.IN, Decimal("0.1"))
            ]
            assert traded.logins == {LOGIN}
            await server.push(wire.EXECUTION, deposit(55))
            (moved,) = (await anext(heard)).deals
            assert (moved.deal, moved.profit) == (ledger.balance_number(55), 5)
            bonus = pb.BonusChange(type=0, id=7, trader_id=TRADER, manager_delta=100, at=1, money_digits=2)
            await server.push(wire.EXECUTION, told(12, bonus_change=bonus))
            (given,) = (await anext(heard)).deals
            assert given.deal == ledger.bonus_number(7)
            assert server.connections == 1

    play(scenario)


def test_what_is_no_deal_says_whose_account_is_no_longer_as_read(play):
    async def scenario(server):
        async with CTraderPlatform(server.config()) as platform:
            heard = platform.listen()
            await anext(heard)
            order = pb.Order(order_id=1, trade=pb.TradeData(symbol_id=EURUSD, trader_id=TRADER))
            position = pb.Position(position_id=700, trade=pb.TradeData(symbol_id=EURUSD, trader_id=TRADER))
            for event in (told(2, order=order), told(9, position=position), fill(901, status=4)):
                await server.push(wire.EXECUTION, event)
                assert await anext(heard) == MOVED
            await server.push(wire.TRADER_CHANGED, pb.TraderChanged(trader=trader(leverage_in_cents=500), operation=3))
            assert await anext(heard) == MOVED

    play(scenario)


def test_nobodys_events_are_passed_over(play):
    async def scenario(server):
        async with CTraderPlatform(server.config()) as platform:
            heard = platform.listen()
            await anext(heard)
            await server.push(wire.EXECUTION, told(2))
            await server.push(wire.SPOT, pb.SpotEvent(symbol_id=EURUSD, bid=1, ask=2))
            await server.push(wire.EXECUTION, fill(900))
            assert [deal.deal for deal in (await anext(heard)).deals] == [900]

    play(scenario)


def test_a_stop_out_is_told_as_one(play):
    async def scenario(server):
        async with CTraderPlatform(server.config()) as platform:
            heard = platform.listen()
            await anext(heard)
            event = fill(900)
            event.order.is_stop_out = True
            await server.push(wire.EXECUTION, event)
            assert (await anext(heard)).deals[0].reason is DealReason.STOP_OUT

    play(scenario)


@pytest.mark.parametrize("kind", ["symbol", "side"])
def test_what_cannot_be_understood_is_a_gap(play, kind):
    async def scenario(server):
        async with CTraderPlatform(server.config()) as platform:
            heard = platform.listen()
            await anext(heard)
            event = fill(900)
            event.deal.symbol_id, event.deal.side = (999, 1) if kind == "symbol" else (EURUSD, 9)
            await server.push(wire.EXECUTION, event)
            assert await anext(heard) == GAP

    play(scenario)


def test_a_lost_connection_is_made_again_and_begins_with_a_gap(play):
    async def scenario(server):
        async with CTraderPlatform(server.config()) as platform:
            heard = platform.listen()
            await anext(heard)
            for number in range(3):
                server.drop_all()
                assert await anext(heard) == GAP
                await server.push(wire.EXECUTION, fill(900 + number))
                assert [deal.deal for deal in (await anext(heard)).deals] == [900 + number]
            assert server.connections == 4

    play(scenario)


def test_attempts_become_rarer_while_the_server_is_away(play):
    async def scenario(server):
        attempts: list[float] = []
        down = asyncio.Event()

        async def connect(host: str, port: int) -> socket.socket:
            if down.is_set():
                attempts.append(time.monotonic())
                if len(attempts) < 5:
                    raise OSError("away")
            return await connect_directly(host, port)

        platform = CTraderPlatform(server.config(backoff_first=0.02, backoff_most=0.1), connect=connect)
        heard = platform.listen()
        assert await anext(heard) == GAP
        down.set()
        server.drop_all()
        assert await anext(heard) == GAP
        pauses = [later - earlier for earlier, later in zip(attempts, attempts[1:], strict=False)]
        # Doubling from 0.02 with a quarter more or less each way, and never above 0.1.
        assert [pause >= least for pause, least in zip(pauses, (0.015, 0.03, 0.06, 0.075), strict=True)] == [True] * 4
        await heard.aclose()
        await platform.close()

    play(scenario)


def test_refused_credentials_end_the_listening(play):
    async def scenario(server):
        platform = CTraderPlatform(server.config(password="Password2"))
        with pytest.raises(PlatformRejected) as caught:
            await anext(platform.listen())
        assert caught.value.name is Rejection.AUTHENTICATION_FAILED
        await platform.close()

    play(scenario)


def test_credentials_refused_later_end_it_after_what_was_heard(play):
    async def scenario(server):
        async with CTraderPlatform(server.config(login_pause_seconds=60)) as platform:
            heard = platform.listen()
            await anext(heard)
            server.always[wire.AUTH.request] = Reply(pb.Failure(error_code="AUTHENTICATION_FAILED"), number=wire.ERROR)
            server.drop_all()
            with pytest.raises(PlatformRejected):
                await anext(heard)

    play(scenario)


def test_a_server_that_is_away_at_first_is_waited_for(play):
    async def scenario(server):
        server.script[wire.AUTH.request].extend([Reply(drop=True), Reply(drop=True)])
        platform = CTraderPlatform(server.config())
        heard = platform.listen()
        assert await anext(heard) == GAP
        assert (server.connections, server.authorised) == (3, 1)
        await heard.aclose()
        await platform.close()

    play(scenario)


def test_one_listens_at_a_time(play):
    async def scenario(server):
        async with CTraderPlatform(server.config()) as platform:
            first = platform.listen()
            await anext(first)
            with pytest.raises(ValueError, match="already"):
                await anext(platform.listen())
            await first.aclose()
            assert await anext(platform.listen()) == GAP

    play(scenario)


def test_calls_go_on_while_somebody_listens_slowly(play):
    async def scenario(server):
        async with CTraderPlatform(server.config(listen_limit=3)) as platform:
            heard = platform.listen()
            await anext(heard)
            for number in range(900, 905):
                await server.push(wire.EXECUTION, fill(number))
            assert (await platform.account_get(LOGIN)).login == LOGIN  # the answer comes behind the events
            assert await anext(heard) == GAP
            rest = [(await anext(heard)).deals[0].deal for _ in range(2)]
            assert rest == [903, 904]

    play(scenario)


def test_what_does_not_fit_becomes_one_gap_in_order():
    async def main() -> list[int | None]:
        ear = Ear(2)
        ear.connected()
        for number in range(5):
            ear.heard(Incoming(number + 1000, b""))
        found = []
        while ear._items:
            incoming = await ear.take()
            found.append(incoming and incoming.number)
        return found

    assert asyncio.run(main()) == [None, 1004]


def test_listening_after_the_end_is_unavailable_for_good(play):
    async def scenario(server):
        async with CTraderPlatform(server.config()) as platform:
            heard = platform.listen()
            await anext(heard)
        with pytest.raises(PlatformUnavailable, match="closed"):
            await anext(heard)

    play(scenario)
