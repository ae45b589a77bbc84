"""Streams taken up again, holes in them, and services that tell nonsense."""

import asyncio
from contextlib import aclosing

import pytest

from tenant_apps.trading.adapters.mt5_manager import Mt5ManagerPlatform
from tenant_apps.trading.adapters.mt5_manager.tests.scripted import DROP, Reply, stream, told
from tenant_apps.trading.errors import PlatformRejected, Rejection
from tenant_apps.trading.ports import Heard

GAP = Heard(gap=True)


def hear(play, scenario, *begins, **settings):
    """`begins` are what the service sends after each subscription."""

    async def main(service):
        service.script["events.subscribe"].extend(Reply(after=begin) for begin in begins)
        platform = Mt5ManagerPlatform(service.config(**settings))
        async with aclosing(platform.listen()) as heard:
            await scenario(service, heard)
        await platform.close()

    play(main)


async def numbers(heard, count):
    """The deals of the next messages, 0 for a gap."""
    found = [await anext(heard) for _ in range(count)]
    return [one.deals[0].deal if one.deals else 0 for one in found]


def subscriptions(service):
    return [one["args"] for one in service.seen if one.get("call") == "events.subscribe"]


def test_a_stream_is_taken_up_where_it_was(play):
    async def scenario(service, heard):
        assert await numbers(heard, 3) == [0, 901, 902]
        service.drop_all()
        assert await numbers(heard, 1) == [903]
        assert subscriptions(service) == [{"epoch": None, "since": None}, {"epoch": "a", "since": 8}]

    first = (stream("a", 7), told(7, 901), told(8, 902))
    hear(play, scenario, first, (stream("a", 9, resumed=True), told(9, 903)))


@pytest.mark.parametrize(
    "begin", [stream("a", 8), stream("b", 8, resumed=True), stream("a", 9, resumed=True), stream("b", 1)]
)
def test_a_stream_that_does_not_follow_is_a_gap(play, begin):
    async def scenario(service, heard):
        assert await numbers(heard, 2) == [0, 901]
        service.drop_all()
        assert await numbers(heard, 2) == [0, 902]

    hear(play, scenario, (stream("a", 7), told(7, 901)), (begin, told(begin["next"], 902)))


@pytest.mark.parametrize(
    "nonsense",
    [
        {"type": "event", "seq": "8"},
        {"type": "event", "seq": 8, "event": "deal", "deal": {}},
        {"type": "event", "seq": 8, "event": "account"},
        {"type": "event", "seq": 8, "event": "missed"},
        {"type": "stream", "epoch": 1},
    ],
)
def test_what_cannot_be_understood_is_a_gap(play, nonsense):
    async def scenario(service, heard):
        assert await numbers(heard, 2) == [0, 901]
        service.push(nonsense, told(9, 902))
        assert await anext(heard) == GAP
        while (last := await numbers(heard, 1)) == [0]:
            pass
        assert last == [902]

    hear(play, scenario, (stream("a", 7), told(7, 901)))


def test_events_before_a_stream_and_of_unknown_kinds_concern_nobody(play):
    async def scenario(service, heard):
        assert await anext(heard) == GAP
        assert await anext(heard) == Heard()
        assert await numbers(heard, 1) == [901]

    hear(play, scenario, (told(6, 900), stream("a", 7), {"type": "event", "seq": 7, "event": "new"}, told(8, 901)))


def test_a_service_that_is_away_at_first_is_waited_for(play):
    async def scenario(service):
        service.script["events.subscribe"].extend([DROP, Reply(error="busy"), Reply(after=(stream("a", 1),))])
        platform = Mt5ManagerPlatform(service.config())
        async with aclosing(platform.listen()) as heard:
            assert await anext(heard) == GAP
        assert service.connections == 2
        await platform.close()

    play(scenario)


def test_a_refusal_ends_the_listening_after_what_was_heard(play):
    async def scenario(service, heard):
        assert await numbers(heard, 2) == [0, 901]
        service.welcome |= {"type": "refused", "error": {"name": "authentication_failed", "text": ""}}
        service.push(told(8, 902))
        assert await numbers(heard, 1) == [902]
        service.drop_all()
        with pytest.raises(PlatformRejected) as caught:
            await anext(heard)
        assert caught.value.name is Rejection.AUTHENTICATION_FAILED

    hear(play, scenario, (stream("a", 7), told(7, 901)))


def test_one_listens_at_a_time_and_the_next_begins_with_a_gap(play):
    async def scenario(service):
        service.always["events.subscribe"] = Reply(after=(stream("a", 7), told(7, 901)))
        platform = Mt5ManagerPlatform(service.config())
        async with aclosing(platform.listen()) as first:
            assert await numbers(first, 2) == [0, 901]
            with pytest.raises(ValueError, match="already"):
                await anext(platform.listen())
        async with aclosing(platform.listen()) as second:
            assert await numbers(second, 2) == [0, 901]
        assert service.connections == 1
        await platform.close()
        assert asyncio.all_tasks() >= {asyncio.current_task()}

    play(scenario)
