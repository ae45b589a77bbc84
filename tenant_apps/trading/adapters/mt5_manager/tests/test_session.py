"""The handshake, lost answers and strange ones: what counts as done, as refused, and as unknown."""

import asyncio

import pytest

from tenant_apps.trading.adapters.mt5_manager import Mt5ManagerPlatform
from tenant_apps.trading.adapters.mt5_manager.tests.scripted import (
    ACCOUNT,
    DEAL,
    DEPOSIT,
    DROP,
    RIGHTS,
    SILENCE,
    TIME,
    Reply,
    raw_frame,
)
from tenant_apps.trading.adapters.mt5_manager.values import moment_of
from tenant_apps.trading.errors import (
    ChangesIgnored,
    DuplicateOperation,
    OutcomeUnknown,
    PlatformRejected,
    PlatformUnavailable,
    Rejection,
)
from tenant_apps.trading.ports import AccountChange

SINCE = moment_of(TIME)


# --- the handshake


@pytest.mark.parametrize(
    ("hello", "welcome", "name"),
    [
        ({"contract": "another"}, {}, Rejection.WRONG_SERVER),
        ({"versions": [2]}, {}, Rejection.WRONG_SERVER),
        ({}, {"proof": "0" * 64}, Rejection.SERVER_IDENTITY),
        ({}, {"type": "refused", "error": {"name": "version_unsupported", "text": ""}}, Rejection.WRONG_SERVER),
        ({}, {"type": "refused", "error": {"name": "blocked_address", "text": ""}}, Rejection.BLOCKED_ADDRESS),
        ({"nonce": "short"}, {}, None),
        ({"time": "yesterday"}, {}, None),
        ({"type": "hello" * 10_000}, {}, None),
        ({}, {"type": "refused", "error": {"name": "clock_differs", "text": ""}}, None),
        ({}, {"type": "refused", "error": {"name": "never heard of", "text": ""}}, None),
        ({}, {"type": "answer"}, None),
        ({}, {"proof": None}, None),
    ],
)
def test_a_handshake_that_fails_is_a_refusal_or_for_later(play, hello, welcome, name):
    async def scenario(service):
        service.hello |= hello
        service.welcome |= welcome
        platform = Mt5ManagerPlatform(service.config())
        with pytest.raises((PlatformRejected, PlatformUnavailable)) as caught:
            await platform.account_get(5001)
        assert getattr(caught.value, "name", None) is name
        assert service.seen == []
        await platform.close()

    play(scenario)


def test_a_service_that_says_nothing_is_left(play):
    async def scenario(service):
        service.hello = {"type": "x"}
        server = await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        platform = Mt5ManagerPlatform(service.config(port=port, connect_seconds=0.1))
        with pytest.raises(PlatformUnavailable, match="in time"):
            await platform.account_get(5001)
        await platform.close()
        server.close()

    play(scenario)


def test_whoever_waits_for_a_log_in_shares_its_refusal(play):
    async def scenario(service):
        service.welcome |= {"proof": "0" * 64}
        platform = Mt5ManagerPlatform(service.config(login_pause_seconds=60))
        found = await asyncio.gather(*(platform.account_get(5001) for _ in range(5)), return_exceptions=True)
        assert [type(one) for one in found] == [PlatformRejected] * 5
        assert service.connections == 1
        await platform.close()

    play(scenario)


# --- changes


@pytest.mark.parametrize(
    "reply",
    [
        DROP,
        Reply(error="outcome_unknown"),
        Reply(error="in_progress"),
        Reply(error="internal_error"),
        Reply(error="a name of tomorrow"),
        Reply({"deal": {**DEAL, "profit": 500.25}}),
        Reply({"deal": {**DEAL, "profit": "5e2"}}),
        Reply({"deal": {**DEAL, "profit": "500.24"}}),
        Reply({"deal": {**DEAL, "login": 5002}}),
        Reply({"deal": {**DEAL, "comment": "op-2 Klarna"}}),
        Reply({"deal": {**DEAL, "kind": "credit"}}),
        Reply({"deal": {**DEAL, "executed_at": None}}),
        Reply({}),
        Reply([]),
        Reply(raw=raw_frame(b"{")),
        Reply(raw=b"\0\0\0\0"),
        Reply(raw=b"\xff\xff\xff\xff"),
    ],
)
def test_a_change_without_a_clear_answer_is_unknown_and_sent_once(play, reply):
    async def scenario(service):
        service.script["balance.apply"].append(reply)
        async with _connected(service) as platform:
            with pytest.raises(OutcomeUnknown):
                await platform.balance_operation(DEPOSIT)
            assert service.calls().count("balance.apply") == 1

    play(scenario)


def test_a_change_answered_too_late_is_unknown_and_the_connection_goes_on(play):
    async def scenario(service):
        gate = asyncio.Event()
        service.script["balance.apply"].append(Reply({"deal": DEAL}, gate=gate))
        service.always["accounts.get"] = Reply({"account": ACCOUNT})
        async with _connected(service, call_seconds=0.2) as platform:
            with pytest.raises(OutcomeUnknown):
                await platform.balance_operation(DEPOSIT)
            gate.set()
            assert (await platform.account_get(5001)).name == "Ada Lovelace"
            assert service.connections == 1

    play(scenario)


@pytest.mark.parametrize(
    ("error", "kind"),
    [("busy", PlatformUnavailable), ("platform_unavailable", PlatformUnavailable), ("money_limit", PlatformRejected)],
)
def test_a_clear_no_is_no_unknown(play, error, kind):
    async def scenario(service):
        service.script["balance.apply"].append(Reply(error=error))
        service.script["balance.apply"].append(Reply({"deal": DEAL}))
        async with _connected(service) as platform:
            with pytest.raises(kind):
                await platform.balance_operation(DEPOSIT)
            assert (await platform.balance_operation(DEPOSIT)).deal == 71

    play(scenario)


def test_a_connection_found_dead_before_sending_is_replaced(play):
    async def scenario(service):
        service.always["balance.apply"] = Reply({"deal": DEAL})
        async with _connected(service) as platform:
            session = await platform._link.session()
            service.drop_all()
            while session.is_usable:
                await asyncio.sleep(0)
            assert (await platform.balance_operation(DEPOSIT)).deal == 71
            assert service.calls().count("balance.apply") == 1

    play(scenario)


def test_what_is_too_large_is_not_sent(play):
    async def scenario(service):
        async with _connected(service) as platform:
            with pytest.raises(PlatformUnavailable, match="bytes"):
                await platform.symbols(["x" * 2_000_000])
            assert service.calls() == []

    play(scenario)


def test_a_change_that_was_ignored_or_did_more_is_told(play):
    async def scenario(service):
        after = {**ACCOUNT, "leverage": 200, "email": "", "rights": RIGHTS}
        service.script["accounts.get"].extend([Reply({"account": ACCOUNT}), Reply({"account": after})])
        async with _connected(service) as platform:
            with pytest.raises(ChangesIgnored) as caught:
                await platform.account_update(5001, AccountChange(leverage=200, can_trade=False))
            assert caught.value.ignored == {"can_trade": ("False", "True")}
            assert caught.value.lost == {"email": ("ada@example.test", "")}
            (change,) = [one for one in service.seen if one.get("call") == "accounts.update"]
            assert change["args"] == {"login": 5001, "changes": {"leverage": 200, "rights": {"can_trade": False}}}

    play(scenario)


def test_nothing_to_change_is_nothing_sent(play):
    async def scenario(service):
        service.always["accounts.get"] = Reply({"account": ACCOUNT})
        async with _connected(service) as platform:
            await platform.account_update(5001, AccountChange(leverage=100, can_trade=True))
            assert service.calls() == ["accounts.get"]

    play(scenario)


# --- reads


def test_a_read_is_asked_once_more_over_a_new_connection_only(play):
    async def scenario(service):
        service.script["accounts.get"].extend([DROP, Reply({"account": ACCOUNT}), DROP, DROP])
        async with _connected(service) as platform:
            assert (await platform.account_get(5001)).login == 5001
            with pytest.raises(PlatformUnavailable):
                await platform.account_get(5001)
            assert (service.connections, len(service.calls())) == (3, 4)

    play(scenario)


def test_a_read_that_timed_out_is_not_asked_again(play):
    async def scenario(service):
        service.always["accounts.get"] = SILENCE
        async with _connected(service, call_seconds=0.1) as platform:
            with pytest.raises(PlatformUnavailable, match="no answer"):
                await platform.account_get(5001)
            assert service.calls() == ["accounts.get"]

    play(scenario)


def test_answers_are_matched_by_their_id(play):
    async def scenario(service):
        gate = asyncio.Event()
        service.script["accounts.get"].append(Reply({"account": ACCOUNT}, gate=gate))
        service.script["accounts.get"].append(Reply({"account": {**ACCOUNT, "login": 5002}}))
        async with _connected(service) as platform:
            slow = asyncio.create_task(platform.account_get(5001))
            while not service.calls():
                await asyncio.sleep(0)
            assert (await platform.account_get(5002)).login == 5002
            gate.set()
            assert (await slow).login == 5001

    play(scenario)


@pytest.mark.parametrize("state", ["running", "unknown", "something"])
def test_no_deal_proves_nothing_while_the_service_is_still_at_it(play, state):
    async def scenario(service):
        service.script["balance.find"].append(Reply({"deals": [], "state": state}))
        service.script["balance.find"].append(Reply({"deals": [DEAL], "state": state}))
        service.script["balance.find"].append(Reply({"deals": [], "state": "none"}))
        async with _connected(service) as platform:
            with pytest.raises(PlatformUnavailable):
                await platform.balance_operation_find(5001, "op-1", SINCE)
            found = await platform.balance_operation_find(5001, "op-1", SINCE)
            assert found is not None
            assert found.deal == 71
            assert await platform.balance_operation_find(5001, "op-1", SINCE) is None

    play(scenario)


def test_an_operation_on_two_deals_is_for_a_person(play):
    async def scenario(service):
        service.always["balance.find"] = Reply({"deals": [DEAL, {**DEAL, "deal": 72}], "state": "done"})
        async with _connected(service) as platform:
            with pytest.raises(DuplicateOperation) as caught:
                await platform.balance_operation_find(5001, "op-1", SINCE)
            assert caught.value.deals == (71, 72)

    play(scenario)


@pytest.mark.parametrize(
    "page", [{"deals": [], "next": "x"}, {"deals": [DEAL], "next": "same"}, {"deals": [DEAL], "next": 7}]
)
def test_pages_without_end_end(play, page):
    async def scenario(service):
        service.always["deals.list"] = Reply(page)
        async with _connected(service) as platform:
            with pytest.raises(PlatformUnavailable, match="without end"):
                await platform.deals(SINCE, SINCE, group="*")

    play(scenario)


# --- staying alive


def test_pings_are_answered_and_a_silent_service_is_left(play):
    async def scenario(service):
        service.always["accounts.get"] = Reply({"account": ACCOUNT}, after=({"type": "ping", "n": 77}, {"type": "new"}))
        async with _connected(service, heartbeat_seconds=0.05, silence_seconds=0.2) as platform:
            await platform.account_get(5001)
            session = await platform._link.session()
            await session.lost.wait()
            assert {"type": "pong", "n": 77} in service.seen
            assert [one["n"] for one in service.seen if one["type"] == "ping"][:2] == [1, 2]
            assert (await platform.account_get(5001)).login == 5001
            assert service.connections == 2

    play(scenario)


def test_after_long_silence_a_change_is_preceded_by_a_ping(play):
    async def scenario(service):
        service.always["balance.apply"] = Reply({"deal": DEAL})
        async with _connected(service, heartbeat_seconds=60, call_seconds=0.3) as platform:
            (await platform._link.session())._heard_at -= 1000
            assert (await platform.balance_operation(DEPOSIT)).deal == 71
            # This service never says pong: the change went over a connection known to be alive.
            assert [one["type"] for one in service.seen] == ["ping", "request"]
            assert service.connections == 2

    play(scenario)


def test_a_service_that_says_goodbye_is_gone(play):
    async def scenario(service):
        service.always["accounts.get"] = Reply({"account": ACCOUNT})
        async with _connected(service) as platform:
            session = await platform._link.session()
            service.push({"type": "bye", "reason": "maintenance"})
            await session.lost.wait()
            assert (await platform.account_get(5001)).login == 5001
            assert service.connections == 2

    play(scenario)


class _connected:
    """A platform that has logged in, without asking for the server's clock."""

    def __init__(self, service, **settings):
        self._platform = Mt5ManagerPlatform(service.config(**settings))

    async def __aenter__(self):
        await self._platform._link.session()
        return self._platform

    async def __aexit__(self, *_):
        await self._platform.close()
