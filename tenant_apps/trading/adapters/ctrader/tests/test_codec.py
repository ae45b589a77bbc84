"""Numbers, times, rights, countries: what the server writes and what we make of it."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from tenant_apps.trading.adapters.ctrader import countries, ledger, records
from tenant_apps.trading.adapters.ctrader import manager_pb2 as pb
from tenant_apps.trading.adapters.ctrader.accounts import _changed_access
from tenant_apps.trading.adapters.ctrader.catalogue import Instrument, matches
from tenant_apps.trading.adapters.ctrader.paging import windowed
from tenant_apps.trading.adapters.ctrader.prices import Spot
from tenant_apps.trading.adapters.ctrader.standing import _margin
from tenant_apps.trading.adapters.ctrader.values import (
    Malformed,
    exact,
    milliseconds,
    moment,
    money,
    password_hash,
    spot,
)
from tenant_apps.trading.ports import (
    AccountChange,
    BalanceKind,
    BalanceOperation,
    DealEntry,
    DealKind,
    DealReason,
    Side,
)

EURUSD = Instrument(11, "EURUSD", 5, Decimal(100_000), 1, 2, None)
GOLD = Instrument(12, "XAUUSD", 2, Decimal(100), 4, 2, None)
USD = pb.Asset(asset_id=2, name="USD", digits=2)


def test_a_password_is_its_md5_in_small_letters():
    assert password_hash("Password1") == "2ac9cb7dc02b3c0083eb70898e549b63"
    assert password_hash("") == "d41d8cd98f00b204e9800998ecf8427e"


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [
        (1.18657, 5, "1.18657"),
        (1.1, 5, "1.10000"),
        (0.1 + 0.2, 5, "0.30000"),
        (142.745, 2, "142.74"),
        (1e-7, 8, "1.0E-7"),
    ],
)
def test_doubles_become_the_decimal_that_was_meant(value, digits, text):
    assert exact(value, digits) == Decimal(text)
    assert -exact(value, digits).as_tuple().exponent == digits


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_price_that_is_no_number_is_malformed(value):
    with pytest.raises(Malformed):
        exact(value, 5)


def test_spots_are_hundred_thousandths():
    assert str(spot(118_657, 5)) == "1.18657"
    assert str(spot(14_274_500, 3)) == "142.745"


def test_money_is_scaled_by_its_own_digits():
    assert money(1_234_512, 2) == Decimal("12345.12")
    assert money(10_053_099_944, 8) == Decimal("100.53099944")
    assert money(-5, 0) == -5


def test_times_are_utc_milliseconds_both_ways():
    at = datetime(2023, 11, 14, 22, 13, 20, 123_000, UTC)
    assert moment(1_700_000_000_123) == at
    assert milliseconds(at) == 1_700_000_000_123
    with pytest.raises(Malformed):
        moment(1 << 62)


def test_volumes_are_cents_of_units():
    assert EURUSD.lots(10_000_000) == 1
    assert EURUSD.lots(100_000) == Decimal("0.01")
    assert GOLD.lots(1_000) == Decimal("0.1")


@pytest.mark.parametrize(
    ("mask", "name", "does"),
    [
        ("*", "anything", True),
        ("std-usd", "STD-usd", True),
        ("std-usd", "std-usd-2", False),
        ("std*", "std-usd", True),
        ("std*,!std-eur", "std-eur", False),
        ("!std-eur,std*", "std-usd", True),
        ("*usd*", "std-usd-2", True),
        ("a*a", "a", False),
        ("", "std", False),
    ],
)
def test_masks_choose_groups(mask, name, does):
    assert matches(mask, name) is does


def test_countries_have_iso_numbers():
    assert countries.number_of("Norway") == countries.number_of("no") == 578
    assert countries.name_of(578) == "Norway"
    assert countries.number_of("Atlantis") is None
    assert countries.name_of(0) == ""


@pytest.mark.parametrize(
    ("access", "change", "wanted"),
    [
        ("FULL_ACCESS", AccountChange(can_trade=False), "NO_TRADING"),
        ("CLOSE_ONLY", AccountChange(can_trade=False), "CLOSE_ONLY"),
        ("CLOSE_ONLY", AccountChange(leverage=5), "CLOSE_ONLY"),
        ("CLOSE_ONLY", AccountChange(can_trade=True), "FULL_ACCESS"),
        ("FULL_ACCESS", AccountChange(can_log_in=False), "NO_LOGIN"),
        ("NO_TRADING", AccountChange(can_log_in=False, can_trade=False), "NO_LOGIN"),
        ("NO_LOGIN", AccountChange(can_log_in=True), "NO_TRADING"),
        ("NO_LOGIN", AccountChange(can_log_in=True, can_trade=True), "FULL_ACCESS"),
    ],
)
def test_rights_are_one_of_four(access, change, wanted):
    assert _changed_access(access, change) == wanted


# --- deals


def opening(**changes) -> pb.Deal:
    fields = {
        "deal_id": 900,
        "order_id": 800,
        "position_id": 700,
        "trader_id": 71,
        "volume": 1_000_000,
        "filled_volume": 1_000_000,
        "symbol_id": 11,
        "created_at": 1_700_000_000_000,
        "executed_at": 1_700_000_000_123,
        "price": 1.18657,
        "side": 1,
        "status": 2,
        "commission": -350,
        "money_digits": 2,
        "margin_rate": 1.18657,
        "lp_price": 1.18655,
    }
    return pb.Deal(**{**fields, **changes})


def closing(**changes) -> pb.Deal:
    fields = {"entry_price": 1.18657, "profit": 5_000, "swap": -120, "commission": -700, "balance": 104_180}
    close = pb.CloseDetail(**{**fields, "closed_volume": 1_000_000, "net_profit": 4_180, "money_digits": 2, **changes})
    return opening(deal_id=901, side=2, price=1.19157, close=close)


def test_an_opening_deal():
    deal = records.deal_from(opening(), EURUSD, 3_000_001, "one")
    assert (deal.deal, deal.login, deal.order, deal.position) == (900, 3_000_001, 800, 700)
    assert (deal.kind, deal.entry, deal.lots, deal.closed_lots) == (DealKind.BUY, DealEntry.IN, Decimal("0.1"), 0)
    assert (str(deal.price), str(deal.gateway_price)) == ("1.18657", "1.18655")
    assert deal.executed_at == datetime(2023, 11, 14, 22, 13, 20, 123_000, UTC)
    assert (deal.profit, deal.commission, deal.bid, deal.digits) == (0, 0, None, 2)
    assert deal.raw["commission"] == "-350"


def test_a_closing_deal_bears_all_that_changed_the_balance():
    deal = records.deal_from(closing(), EURUSD, 3_000_001, "one", is_stop_out=True)
    assert (deal.kind, deal.entry, deal.reason) == (DealKind.SELL, DealEntry.OUT, DealReason.STOP_OUT)
    assert (deal.profit, deal.swap, deal.commission, deal.fee) == (50, Decimal("-1.20"), -7, 0)
    assert (deal.closed_lots, str(deal.position_price)) == (Decimal("0.1"), "1.18657")


def test_what_the_parts_do_not_explain_is_a_fee():
    deal = records.deal_from(closing(net_profit=4_130, conversion_fee=50), EURUSD, 3_000_001, "one")
    assert deal.fee == Decimal("-0.50")
    assert deal.profit + deal.swap + deal.commission + deal.fee == Decimal("41.30")


def test_a_deal_that_turns_a_position_is_in_and_out():
    deal = records.deal_from(closing(closed_volume=400_000), EURUSD, 3_000_001, "one")
    assert (deal.entry, deal.lots, deal.closed_lots) == (DealEntry.IN_OUT, Decimal("0.1"), Decimal("0.04"))


@pytest.mark.parametrize("field", ["deal_id", "price", "executed_at", "money_digits", "side"])
def test_a_deal_without_what_it_needs_is_malformed(field):
    deal = opening()
    deal.ClearField(field)
    with pytest.raises(Malformed):
        records.deal_from(deal, EURUSD, 3_000_001, "one")


# --- money


def change(**fields) -> pb.BalanceChange:
    given = {"type": 0, "id": 55, "trader_id": 71, "delta": 50_025, "at": 1_700_000_000_000, "money_digits": 2}
    return pb.BalanceChange(**{**given, "comment": "op-1 Klarna", "external_id": "op-1", **fields})


@pytest.mark.parametrize(
    ("kind", "delta", "amount", "deal_kind"),
    [
        (0, 50_025, "500.25", DealKind.BALANCE),
        (1, 50_025, "-500.25", DealKind.BALANCE),
        (1, -50_025, "-500.25", DealKind.BALANCE),
        (19, 100, "1", DealKind.CREDIT),
        (20, 100, "-1", DealKind.CREDIT),
        (5, 100, "1", DealKind.AGENT),
        (35, 100, "-1", DealKind.CHARGE),
        (15, 100, "1", DealKind.DIVIDEND),
        (39, 100, "1", DealKind.COMPENSATION),
        (77, -100, "-1", DealKind.OTHER),
    ],
)
def test_every_type_of_change_has_a_sign_and_a_kind(kind, delta, amount, deal_kind):
    deal = ledger.deal_of(change(type=kind, delta=delta), 3_000_001, "one", "correction")
    assert (deal.profit, deal.kind, deal.entry, deal.symbol) == (Decimal(amount), deal_kind, None, "")


def test_numbers_of_money_cannot_be_those_of_trades():
    deal = ledger.deal_of(change(id=900), 3_000_001, "one", "correction")
    bonus = pb.BonusChange(type=1, id=900, trader_id=71, manager_delta=700, at=1_700_000_000_000, money_digits=2)
    other = ledger.deal_of_bonus(bonus, 3_000_001, "one")
    numbers = [records.deal_from(opening(), EURUSD, 1, "one").deal, deal.deal, other.deal]
    assert numbers == [900, 4_000_000_000_000_900, 6_000_000_000_000_900]
    assert max(numbers) < 1 << 53
    assert (other.kind, other.profit) == (DealKind.CREDIT, -7)
    with pytest.raises(Malformed):
        ledger.deal_of(change(id=ledger.ROOM), 3_000_001, "one", "correction")


def test_a_correction_is_known_by_its_source():
    made = change(source="correction")
    assert ledger.kind_of(made, "correction") is BalanceKind.CORRECTION
    assert ledger.deal_of(made, 3_000_001, "one", "correction").kind is DealKind.CORRECTION
    assert ledger.kind_of(change(), "correction") is BalanceKind.BALANCE
    assert ledger.kind_of(change(type=9), "correction") is None


@pytest.mark.parametrize(
    ("fields", "found"),
    [
        ({}, True),
        ({"external_id": ""}, True),
        ({"comment": "edited by hand"}, True),
        ({"external_id": "op-12", "comment": "op-12"}, False),
        ({"external_id": "", "comment": "op-1x"}, False),
    ],
)
def test_our_id_is_found_in_either_place(fields, found):
    assert ledger.carries(change(**fields), "op-1") is found


def test_directions_have_types_of_their_own():
    wish = BalanceOperation(1, BalanceKind.CREDIT, Decimal(5), "op-1")
    assert [ledger.type_of(wish), ledger.type_of(replace(wish, amount=Decimal(-5)))] == [19, 20]
    assert ledger.type_of(replace(wish, kind=BalanceKind.CORRECTION, amount=Decimal(-5))) == 1


# --- positions


@pytest.mark.parametrize(("side", "profit", "price"), [(1, "40.00", "1.19057"), (2, "-41.00", "1.19067")])
def test_a_position_is_worth_what_closing_it_would_bring(side, profit, price):
    trade = pb.TradeData(symbol_id=11, volume=1_000_000, side=side, trader_id=71, opened_at=1_700_000_000_000)
    position = pb.Position(position_id=700, trade=trade, status=1, price=1.18657, swap=-120, money_digits=2)
    found = records.position_from(position, EURUSD, 5, "one", Spot(119_057, 119_067, 0, 1), Decimal(1), USD)
    assert (found.side, str(found.profit), str(found.price_current)) == ([Side.BUY, Side.SELL][side - 1], profit, price)
    assert (found.swap, found.stop_loss, found.lots) == (Decimal("-1.20"), None, Decimal("0.1"))


@pytest.mark.parametrize(("calculation", "margin"), [(0, 350), (1, 500), (2, 200)])
def test_hedged_positions_need_margin_as_the_account_says(calculation, margin):
    rows = [
        pb.Position(trade=pb.TradeData(symbol_id=symbol, side=side), used_margin=used, money_digits=2)
        for symbol, side, used in ((11, 1, 10_000), (11, 2, 20_000), (11, 2, 10_000), (12, 1, 5_000), (12, 2, 5_000))
    ]
    assert _margin(rows, calculation) == margin


# --- pages


@pytest.mark.parametrize("newest_first", [True, False])
def test_shortened_lists_are_read_whole_whatever_their_order(newest_first):
    rows = sorted([*range(0, 1000, 7), 500, 501, 502])

    async def fetch(start: int, end: int) -> tuple[list[int], bool]:
        within = sorted((row for row in rows if start <= row < end), reverse=newest_first)
        return within[:5], len(within) > 5

    assert sorted(asyncio.run(windowed(fetch, 0, 1000))) == rows


def test_a_millisecond_the_server_does_not_give_whole_is_noticed():
    async def fetch(start: int, end: int) -> tuple[list[int], bool]:
        return [5], start <= 5 < end

    with pytest.raises(Malformed, match="millisecond"):
        asyncio.run(windowed(fetch, 0, 10))
