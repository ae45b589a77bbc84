"""The port's calls as requests and answers: WebServices, accounts, prices, histories. Against a scripted server."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from tenant_apps.trading.adapters.ctrader import CTraderPlatform, ledger, wire
from tenant_apps.trading.adapters.ctrader import manager_pb2 as pb
from tenant_apps.trading.adapters.ctrader.tests.scripted import (
    DEPOSIT,
    EUR,
    EURUSD,
    HASH,
    LOGIN,
    TOKEN,
    TRADER,
    USDJPY,
    WEB_DROP,
    Reply,
    WebReply,
    failure,
    trader,
    web_trader,
)
from tenant_apps.trading.errors import (
    ChangesIgnored,
    DuplicateOperation,
    OutcomeUnknown,
    PlatformRejected,
    PlatformUnavailable,
    Rejection,
)
from tenant_apps.trading.ports import AccountChange, AccountRights, BalanceKind, NewAccount, PasswordKind

TRADERS = "/v2/webserv/traders"
ONE = f"{TRADERS}/{LOGIN}"
NOW = datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)
WISH = NewAccount(
    group="std-usd",
    name="Ada Byron Lovelace",
    leverage=100,
    password="Wald-Ufer7",
    investor_password="Nur-Lesen8",
    external_id="acc-1",
    email="ada@example.test",
    country="United Kingdom",
    comment="#77",
)


def reading(**changes):
    """What the server has of the account from now on."""
    return Reply(pb.TraderByIdRes(trader=[trader(**changes)]))


# --- WebServices


def test_every_call_carries_the_token_and_asks_for_json(play):
    async def scenario(server):
        async with CTraderPlatform(server.config()) as platform:
            for _ in range(2):
                await platform.account_states(logins=[LOGIN])
        assert [one.path for one in server.asked] == ["/v2/webserv/managers/token", ONE, ONE]
        assert server.asked[0].body == {"login": 1000, "hashedPassword": HASH}
        assert [one.params for one in server.asked[1:]] == [{"token": TOKEN}] * 2

    play(scenario)


def test_a_token_that_died_is_fetched_anew_once(play):
    async def scenario(server):
        async with CTraderPlatform(server.config()) as platform:
            await platform.account_states(logins=[LOGIN])
            server.web_script["GET", ONE].append(WebReply(status=401))
            await platform.account_states(logins=[LOGIN])
            assert len(server.asked_for("POST", "/v2/webserv/managers/token")) == 2
            server.web_script["GET", ONE].extend([WebReply(status=403)] * 2)
            with pytest.raises(PlatformRejected) as caught:
                await platform.account_states(logins=[LOGIN])
            assert caught.value.name is Rejection.FORBIDDEN

    play(scenario)


def test_a_missing_right_is_no_dead_token(play):
    async def scenario(server):
        async with CTraderPlatform(server.config()) as platform:
            server.web_script["GET", ONE].append(WebReply({"errorCode": "NOT_ENOUGH_RIGHTS"}, 403))
            with pytest.raises(PlatformRejected) as caught:
                await platform.account_states(logins=[LOGIN])
            assert caught.value.name is Rejection.NO_PERMISSION
            assert len(server.asked_for("POST", "/v2/webserv/managers/token")) == 1

    play(scenario)


def test_an_older_token_is_doubted_when_rights_are_missing(play):
    async def scenario(server):
        async with CTraderPlatform(server.config(token_doubt_seconds=0.0)) as platform:
            server.web_script["GET", ONE].append(WebReply({"errorCode": "NOT_ENOUGH_RIGHTS"}, 400))
            assert await platform.account_states(logins=[LOGIN])
            assert len(server.asked_for("POST", "/v2/webserv/managers/token")) == 2

    play(scenario)


def test_a_refused_log_in_to_webservices_says_so(play):
    async def scenario(server):
        token = ("POST", "/v2/webserv/managers/token")
        async with CTraderPlatform(server.config()) as platform:
            server.web_script[token].append(WebReply({"error": {"errorCode": "INVALID_REQUEST"}}, 400))
            with pytest.raises(PlatformRejected) as caught:
                await platform.account_states(logins=[LOGIN])
            assert caught.value.name is Rejection.AUTHENTICATION_FAILED
            server.web_script[token].append(WebReply(status=502))
            with pytest.raises(PlatformUnavailable):
                await platform.account_states(logins=[LOGIN])

    play(scenario)


@pytest.mark.parametrize(
    "body",
    [
        {"errorCode": "TRADER_NOT_FOUND"},
        {"error": {"errorCode": "TRADER_NOT_FOUND", "description": "x"}},
        {"error": "TRADER_NOT_FOUND"},
        {"code": "TRADER_NOT_FOUND"},
    ],
)
def test_the_code_is_found_in_any_envelope(play, body):
    async def scenario(server):
        async with CTraderPlatform(server.config()) as platform:
            server.web_script["GET", ONE].append(WebReply(body, 400))
            assert await platform.account_states(logins=[LOGIN]) == ()

    play(scenario)


@pytest.mark.parametrize(
    "reply",
    [WEB_DROP, WebReply(status=500), WebReply(status=429), WebReply({"errorCode": "UNKNOWN_ERROR"}, 400),
     WebReply(raw=b"HTTP/1.1 200 X\r\nContent-Length: 3\r\n\r\n<x>")],
    ids=["dropped", "500", "429", "unknown error", "no json"],
)  # fmt: skip
def test_a_change_without_a_clear_answer_is_unknown_and_sent_once(play, reply):
    async def scenario(server):
        async with CTraderPlatform(server.config()) as platform:
            server.web_script["POST", f"{ONE}/changepassword"].append(reply)
            with pytest.raises(OutcomeUnknown):
                await platform.password_change(LOGIN, PasswordKind.MAIN, "Neu-Gesetzt9")
        assert len(server.asked_for("POST", f"{ONE}/changepassword")) == 1

    play(scenario)


@pytest.mark.parametrize(
    ("status", "name"), [(400, Rejection.OTHER), (401, Rejection.FORBIDDEN), (404, Rejection.NOT_FOUND)]
)
def test_a_refusal_without_a_code_is_one_all_the_same(play, status, name):
    async def scenario(server):
        async with CTraderPlatform(server.config()) as platform:
            server.web_script["POST", f"{ONE}/changepassword"].extend([WebReply(status=status)] * 2)
            with pytest.raises(PlatformRejected) as caught:
                await platform.password_change(LOGIN, PasswordKind.MAIN, "Neu-Gesetzt9")
            assert caught.value.name is name

    play(scenario)


def test_a_read_is_asked_again_when_the_connection_was_gone(play):
    async def scenario(server):
        async with CTraderPlatform(server.config()) as platform:
            server.web_script["GET", ONE].append(WEB_DROP)
            assert (await platform.account_states(logins=[LOGIN]))[0].balance == 1000

    play(scenario)


# --- accounts


def test_an_account_is_opened_with_our_id_where_it_is_found_again(play):
    async def scenario(server):
        server.web_script["POST", TRADERS].append(WebReply(web_trader(), 201))
        async with CTraderPlatform(server.config(group_currencies={"std-usd": "USD"})) as platform:
            opened = await platform.account_open(WISH)
            assert (opened.login, opened.external_id, opened.comment) == (LOGIN, "acc-1", "#77")
            assert (opened.name, opened.country, opened.leverage) == ("Ada Lovelace", "United Kingdom", 100)
            found = await platform.account_open_find("STD-usd", "acc-1")
            assert found is not None
            assert found.login == LOGIN
            assert await platform.account_open_find("std-usd", "acc-2") is None
            assert await platform.account_open_find("other", "acc-1") is None
        (sent,) = server.asked_for("POST", TRADERS)
        assert {name: sent.body[name] for name in ("name", "lastName", "description", "balance")} == {
            "name": "Ada Byron",
            "lastName": "Lovelace",
            "description": "acc-1 #77",
            "balance": 0,
        }
        assert sent.body["contactDetails"] == {"countryId": 826, "email": "ada@example.test"}
        assert (sent.body["accessRights"], sent.body["leverageInCents"]) == ("FULL_ACCESS", 10_000)
        assert (sent.body["brokerName"], sent.body["depositCurrency"]) == ("nordwind", "USD")
        assert "Wald-Ufer7" not in str(sent)

    play(scenario)


def test_our_id_may_stand_elsewhere(play):
    async def scenario(server):
        server.web_script["POST", TRADERS].append(WebReply(web_trader()))
        server.always[wire.TRADERS.request] = Reply(
            pb.TraderListRes(trader=[trader(document_id="acc-1", description="")])
        )
        async with CTraderPlatform(server.config(external_id_field="documentId")) as platform:
            assert (await platform.account_open(replace(WISH, comment=""))).external_id == "acc-1"
        (sent,) = server.asked_for("POST", TRADERS)
        assert sent.body["contactDetails"]["documentId"] == "acc-1"
        assert "description" not in sent.body

    play(scenario)


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"rights": AccountRights(can_use_experts=False)}, Rejection.UNSUPPORTED),
        ({"rights": AccountRights(can_log_in=False)}, Rejection.UNSUPPORTED),
        ({"login": 5}, Rejection.UNSUPPORTED),
        ({"password": "weak"}, Rejection.INVALID_PASSWORD),
        ({"password": "alllowercase"}, Rejection.INVALID_PASSWORD),
        ({"password": "Wald-Üfer7"}, Rejection.INVALID_PASSWORD),
        ({"country": "Atlantis"}, Rejection.INVALID_DATA),
        ({"external_id": "two words"}, Rejection.INVALID_DATA),
        ({"leverage": 0}, Rejection.INVALID_DATA),
        ({"name": " "}, Rejection.INVALID_DATA),
    ],
)
def test_what_could_not_be_kept_is_refused_before_sending(play, changes, name):
    async def scenario(server):
        async with CTraderPlatform(server.config()) as platform:
            with pytest.raises(PlatformRejected) as caught:
                await platform.account_open(replace(WISH, **changes))
            assert caught.value.name is name
        assert server.asked == []

    play(scenario)


def test_an_opened_account_that_cannot_be_read_is_unknown_not_failed(play):
    async def scenario(server):
        server.web_script["POST", TRADERS].append(WebReply(web_trader()))
        server.always[wire.TRADERS.request] = failure("NOT_ENOUGH_RIGHTS")
        async with CTraderPlatform(server.config()) as platform:
            with pytest.raises(OutcomeUnknown, match=str(LOGIN)):
                await platform.account_open(WISH)

    play(scenario)


def test_the_holder_is_linked_by_address_when_wanted(play):
    async def scenario(server):
        server.web_script["POST", "/cid/ctid/create"].append(WebReply({"userId": 42}))
        server.web_script["POST", TRADERS].append(WebReply(web_trader()))
        server.web_script["POST", "/cid/ctid/link"].append(WebReply({"errorCode": "INVALID_REQUEST"}, 400))
        async with CTraderPlatform(server.config(link_ctid=True)) as platform:
            assert (await platform.account_open(WISH)).login == LOGIN  # that the link failed does not undo it
            server.web_script["POST", "/cid/ctid/link"].append(WebReply({"ctidTraderAccountId": 9}))
            assert await platform.ctid.link(LOGIN, WISH.password, 42) == 9
        changes = [one.path for one in server.asked if one.method == "POST"]
        assert changes[1:] == ["/cid/ctid/create", TRADERS, "/cid/ctid/link", "/cid/ctid/link"]
        assert server.asked_for("POST", "/cid/ctid/create")[0].body["email"] == "ada@example.test"

    play(scenario)


def test_two_accounts_of_one_id_are_reported(play):
    async def scenario(server):
        twins = [trader(), trader(trader_id=72, login=LOGIN + 1)]
        server.always[wire.TRADERS.request] = Reply(pb.TraderListRes(trader=twins))
        async with CTraderPlatform(server.config()) as platform:
            with pytest.raises(DuplicateOperation) as caught:
                await platform.account_open_find("std-usd", "acc-1")
            assert caught.value.deals == (LOGIN, LOGIN + 1)

    play(scenario)


def test_a_change_names_only_what_differs(play):
    async def scenario(server):
        async with CTraderPlatform(server.config()) as platform:
            await platform.account_get(LOGIN)
            server.web_always["PATCH", ONE] = WebReply(status=204)
            server.script[703].extend([reading(), reading(leverage_in_cents=20_000)])
            changed = await platform.account_update(LOGIN, AccountChange(leverage=200, can_trade=True, group="std-usd"))
            assert changed.leverage == 200
            await platform.account_update(LOGIN, AccountChange(leverage=100))
        assert [one.body for one in server.asked_for("PATCH", ONE)] == [{"leverageInCents": 20_000}]

    play(scenario)


def test_what_the_server_ignored_or_lost_is_reported(play):
    async def scenario(server):
        async with CTraderPlatform(server.config()) as platform:
            await platform.account_get(LOGIN)
            server.web_always["PATCH", ONE] = WebReply(status=204)
            server.script[703].extend([reading(), reading(leverage_in_cents=10_000, email="")])
            with pytest.raises(ChangesIgnored) as caught:
                await platform.account_update(LOGIN, AccountChange(leverage=200))
            assert caught.value.ignored == {"leverageInCents": ("20000", "10000")}
            assert caught.value.lost == {"email": ("ada@example.test", "")}

    play(scenario)


def test_an_unknown_login_is_not_found(play):
    async def scenario(server):
        async with CTraderPlatform(server.config()) as platform:
            for call in (platform.account_get(5), platform.balance_operation(replace(DEPOSIT, login=5))):
                with pytest.raises(PlatformRejected) as caught:
                    await call
                assert caught.value.name is Rejection.NOT_FOUND

    play(scenario)


@pytest.mark.parametrize("registered", [1_700_000_000_000, 1_700_000_000])
def test_a_login_is_resolved_once_by_its_registration_in_either_unit(play, registered):
    async def scenario(server):
        server.web_always["GET", ONE] = WebReply(web_trader(registrationTimestamp=registered))
        async with CTraderPlatform(server.config()) as platform:
            for _ in range(3):
                await platform.account_get(LOGIN)
        (asked,) = server.of(wire.TRADERS)
        window = wire.read(pb.TraderListReq, asked.payload)
        assert (window.since, window.until) == (1_699_999_999_000, 1_700_000_002_000)
        assert len(server.asked_for("GET", ONE)) == 1
        assert len(server.of(wire.TRADERS_BY_ID)) == 2

    play(scenario)


@pytest.mark.parametrize("lookups", [20, 0])
def test_logins_that_do_not_exist_are_not_looked_for_at_every_round(play, lookups):
    async def scenario(server):
        async with CTraderPlatform(server.config(lookups=lookups)) as platform:
            for _ in range(3):
                states = await platform.account_states(logins=[LOGIN, 4_000_000])
                assert [state.login for state in states] == [LOGIN]
        assert len(server.asked_for("GET", f"{TRADERS}/4000000")) == (1 if lookups else 0)
        assert len(server.of(wire.TRADERS)) == 1

    play(scenario)


def test_one_missing_account_does_not_hide_the_others(play):
    async def scenario(server):
        def answer(seen):
            wanted = list(wire.read(pb.TraderByIdReq, seen.payload).trader_id)
            if 72 in wanted:
                return failure("TRADER_NOT_FOUND")
            return Reply(pb.TraderByIdRes(trader=[trader(trader_id=one, login=one * 10) for one in wanted]))

        server.always[703] = answer
        async with CTraderPlatform(server.config()) as platform:
            known = await platform._parts.book.known([71, 72, 73, 74])
            assert sorted(known) == [71, 73, 74]

    play(scenario)


# --- money


def test_a_withdrawal_of_more_than_is_free_is_not_sent(play):
    async def scenario(server):
        server.web_always["GET", ONE] = WebReply(web_trader(freeMargin=30_000, usedMargin=70_000))
        out = replace(DEPOSIT, amount=Decimal("-300.01"))
        async with CTraderPlatform(server.config()) as platform:
            with pytest.raises(PlatformRejected) as caught:
                await platform.balance_operation(out)
            assert caught.value.name is Rejection.NOT_ENOUGH_MONEY
            assert not server.of(wire.CHANGE_BALANCE)
            server.script[519].append(Reply(pb.ChangedRes(trader_id=TRADER, history_id=1)))
            await platform.balance_operation(replace(out, check_margin=False))
        sent = wire.read(pb.ChangeBalanceReq, server.of(wire.CHANGE_BALANCE)[0].payload)
        assert (sent.type, sent.amount) == (1, 30_001)

    play(scenario)


def test_other_pockets_have_requests_of_their_own(play):
    async def scenario(server):
        async with CTraderPlatform(server.config()) as platform:
            server.script[519].extend([Reply(pb.ChangedRes(history_id=number)) for number in (1, 2)])
            server.script[780].append(Reply(pb.ChangedRes(history_id=3)))
            for kind in (BalanceKind.CREDIT, BalanceKind.CORRECTION, BalanceKind.BONUS):
                await platform.balance_operation(replace(DEPOSIT, kind=kind))
        credit, correction = (wire.read(pb.ChangeBalanceReq, one.payload) for one in server.of(wire.CHANGE_BALANCE))
        assert [(credit.type, credit.source), (correction.type, correction.source)] == [(19, ""), (0, "correction")]
        bonus = wire.read(pb.ChangeBonusReq, server.of(wire.CHANGE_BONUS)[0].payload)
        assert (bonus.type, bonus.amount, bonus.comment, bonus.in_asset_digits) == (0, 50_025, "op-1 Klarna", True)

    play(scenario)


def test_an_operation_found_twice_is_reported(play):
    async def scenario(server):
        twice = [
            pb.BalanceChange(id=number, trader_id=TRADER, delta=1, at=1, money_digits=2, comment="op-1 Klarna", type=0)
            for number in (8, 9)
        ]
        async with CTraderPlatform(server.config()) as platform:
            server.script[417].append(Reply(pb.BalanceHistoryRes(change=twice)))
            with pytest.raises(DuplicateOperation) as caught:
                await platform.balance_operation_find(LOGIN, "op-1", NOW)
            assert caught.value.deals == (ledger.balance_number(8), ledger.balance_number(9))

    play(scenario)


# --- deals, positions, prices


def test_histories_are_read_in_pieces_and_put_in_order(play):
    async def scenario(server):
        start = 1_700_000_000_000
        moments = [start + 10 * number for number in range(20)]

        def answer(seen):
            wish = wire.read(pb.HistoryReq, seen.payload)
            rows = [at for at in moments if wish.since <= at <= wish.until]
            changes = [
                pb.BalanceChange(id=at - start + 1, trader_id=TRADER, delta=1, at=at, money_digits=2, type=0)
                for at in rows[:4]
            ]
            return Reply(pb.BalanceHistoryRes(change=changes, has_more=len(rows) > 4))

        server.always[417] = answer
        async with CTraderPlatform(server.config()) as platform:
            deals = await platform.deals_of(LOGIN, NOW, NOW + timedelta(seconds=1))
            assert [deal.deal - ledger.BALANCE_NUMBERS for deal in deals] == [10 * number + 1 for number in range(20)]
            later = await platform.deals_of(LOGIN, NOW + timedelta(milliseconds=150), NOW + timedelta(milliseconds=170))
            assert [deal.deal - ledger.BALANCE_NUMBERS for deal in later] == [151, 161]

    play(scenario)


def test_deals_of_a_group_leave_out_the_others(play):
    async def scenario(server):
        rows = [
            pb.BalanceChange(id=number, trader_id=number, delta=1, at=1_700_000_000_000, money_digits=2, type=0)
            for number in (71, 72)
        ]
        members = [trader(), trader(trader_id=72, login=LOGIN + 1, group_id=6)]
        server.always[417] = Reply(pb.BalanceHistoryRes(change=rows))
        server.always[703] = Reply(pb.TraderByIdRes(trader=members))
        async with CTraderPlatform(server.config()) as platform:
            deals = await platform.deals(NOW, NOW + timedelta(seconds=1), group="std*")
            assert [deal.login for deal in deals] == [LOGIN]
            with pytest.raises(ValueError, match="either"):
                await platform.deals(NOW, NOW, group="std*", logins=[1])

    play(scenario)


def position(**changes) -> pb.Position:
    trade = pb.TradeData(symbol_id=USDJPY, volume=1_000_000, side=1, trader_id=TRADER, opened_at=1_700_000_000_000)
    fields = {"position_id": 700, "status": 1, "price": 142.745, "swap": -120, "commission": -300}
    return pb.Position(trade=trade, **{**fields, "used_margin": 10_000, "money_digits": 2, **changes})


def test_a_position_is_priced_in_the_currency_of_the_account(play):
    async def scenario(server):
        server.always[407] = Reply(pb.PositionListRes(position=[position(), position(position_id=701, status=2)]))
        async with CTraderPlatform(server.config(states_by_web=0)) as platform:
            reading = asyncio.create_task(platform.positions(logins=[LOGIN]))
            await server.until(lambda: bool(server.of(wire.SUBSCRIBE_SPOTS)))
            await server.push(wire.SPOT, pb.SpotEvent(symbol_id=USDJPY, bid=14_374_500))
            await server.push(wire.SPOT, pb.SpotEvent(symbol_id=USDJPY, ask=14_400_000, at=1_700_000_000_000))
            (found,) = await reading
            # 10 000 units moved by one yen, and a dollar costs 144.
            assert (found.position, found.price_current, found.profit) == (700, Decimal("143.745"), Decimal("69.44"))
            (state,) = await platform.account_states(logins=[LOGIN])
            assert (state.floating, state.equity) == (Decimal("65.24"), Decimal("1065.24"))
            assert (state.margin, state.free_margin) == (100, Decimal("965.24"))
            assert (state.margin_level, state.raw["from"]) == (Decimal("1065.24"), "positions")
            (in_group,) = await platform.account_states(group="std*")
            assert replace(in_group, read_at=state.read_at) == state
        assert len(server.of(wire.SUBSCRIBE_SPOTS)) == 1

    play(scenario)


def test_one_account_is_told_by_the_server_itself(play):
    async def scenario(server):
        server.web_always["GET", ONE] = WebReply(
            web_trader(equity=95_000, usedMargin=50_000, freeMargin=45_000, bonus=1_000, nonWithdrawableBonus=500)
        )
        async with CTraderPlatform(server.config()) as platform:
            (state,) = await platform.account_states(logins=[LOGIN])
            assert (state.balance, state.credit, state.equity) == (1000, 15, 950)
            assert (state.floating, state.margin_level, state.currency) == (-65, Decimal(190), "USD")
            assert state.raw["from"] == "webservices"
        assert not server.of(wire.POSITIONS)

    play(scenario)


def test_a_symbol_without_a_price_holds_up_nobody_else(play):
    async def scenario(server):
        server.always[407] = Reply(pb.PositionListRes(position=[position()]))
        async with CTraderPlatform(server.config(spot_seconds=0.05)) as platform:
            for _ in range(2):
                (found,) = await platform.positions(logins=[LOGIN])
                assert (found.profit, found.price_current, found.raw["unpriced"]) == (0, found.price_open, True)

    play(scenario)


def test_ticks_newer_than_the_cursor(play):
    async def scenario(server):
        async with CTraderPlatform(server.config()) as platform:
            reading = asyncio.create_task(platform.ticks(["EURUSD", "USDJPY", "NONE"]))
            await server.until(lambda: bool(server.of(wire.SUBSCRIBE_SPOTS)))
            await server.push(wire.SPOT, pb.SpotEvent(symbol_id=EURUSD, bid=118_657, ask=118_661, at=1_700_000_000_000))
            await server.push(wire.SPOT, pb.SpotEvent(symbol_id=USDJPY, bid=14_374_500, ask=14_374_900))
            ticks = await reading
            assert [(one.symbol, str(one.bid), one.at) for one in ticks.ticks] == [
                ("EURUSD", "1.18657", NOW),
                ("USDJPY", "143.745", None),
            ]
            assert (await platform.ticks(["EURUSD", "USDJPY"], ticks.cursor)).ticks == ()

    play(scenario)


@pytest.mark.parametrize(
    ("size", "settings", "contract"),
    [
        (10_000_000, {}, 100_000),
        (100_000, {}, 100_000),
        (5, {"lot_size_unit": "units"}, 5),
        (500, {"lot_size_unit": "cents"}, 5),
        (12_345, {}, None),
        (100_000, {"lot_symbol": "GBPUSD"}, None),
    ],
)
def test_the_unit_of_lots_is_told_by_a_symbol_everybody_knows(play, size, settings, contract):
    async def scenario(server):
        symbol = pb.Symbol(symbol_id=1, name="EUR/USD", digits=5, lot_size=size, base_asset_id=EUR, quote_asset_id=2)
        server.always[467] = Reply(pb.SymbolListRes(symbol=[symbol]))
        async with CTraderPlatform(server.config(**settings)) as platform:
            if contract is None:
                with pytest.raises(PlatformUnavailable, match="lot_size_unit"):
                    await platform.symbols()
            else:
                (found,) = await platform.symbols()
                assert (found.contract_size, found.base_currency, found.profit_currency) == (contract, "EUR", "USD")
                assert not found.is_tradable

    play(scenario)


def test_groups_have_the_currency_the_configuration_says(play):
    async def scenario(server):
        async with CTraderPlatform(server.config(deposit_currency="JPY")) as platform:
            (group,) = await platform.groups("std*")
            assert (group.name, group.currency, group.digits, group.stop_out) == ("std-usd", "JPY", 0, 50)
            assert await platform.groups("x*") == ()

    play(scenario)


def test_a_wrong_password_of_an_account_is_an_answer(play):
    async def scenario(server):
        async with CTraderPlatform(server.config()) as platform:
            server.script[307].extend([failure("WRONG_PASSWORD"), Reply(), failure("TRADER_NOT_FOUND")])
            assert await platform.password_check(LOGIN, PasswordKind.MAIN, "x") is False
            assert await platform.password_check(LOGIN, PasswordKind.MAIN, "x") is True
            with pytest.raises(PlatformRejected):
                await platform.password_check(LOGIN, PasswordKind.MAIN, "x")

    play(scenario)


@pytest.mark.parametrize(
    "answer",
    [
        {"subAccountLogins": {"login": [77]}},
        {"subAccountLogins": {"login": [77]}, "totalSubAccountsBalance": 5},
        {"subAccountLogins": {"login": []}, "totalSubAccountsBalance": 5},
        {"subAccountLogins": {"login": 77}, "totalSubAccountsBalance": 5, "totalSubAccountsEquity": 5},
    ],
)
def test_a_total_of_copies_that_is_not_told_is_not_zero(play, answer):
    async def scenario(server):
        server.web_always["GET", f"{ONE}/subaccounts"] = WebReply(answer)
        async with CTraderPlatform(server.config()) as platform:
            with pytest.raises(PlatformUnavailable):
                await platform.copies(LOGIN)

    play(scenario)


def test_who_copies_nobody_has_nothing_there(play):
    async def scenario(server):
        server.web_always["GET", f"{ONE}/subaccounts"] = WebReply({"subAccountLogins": {}})
        async with CTraderPlatform(server.config()) as platform:
            assert (await platform.copies(LOGIN)).balance == 0

    play(scenario)
