"""Scalars, return codes, clocks and records."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from tenant_apps.trading.adapters.mt5 import records
from tenant_apps.trading.adapters.mt5.calls import Call
from tenant_apps.trading.adapters.mt5.clock import WallClock, measure
from tenant_apps.trading.adapters.mt5.https import answer_from, target_of
from tenant_apps.trading.adapters.mt5.retcodes import Retcode
from tenant_apps.trading.adapters.mt5.values import Malformed, Record, amount_text, scale_of
from tenant_apps.trading.errors import PlatformRejected, PlatformUnavailable, Rejection
from tenant_apps.trading.ports import AccountRights, DealEntry, DealKind, DealReason, Side

ATHENS_WINTER = WallClock(timedelta(hours=2))
NEW_YORK_CLOSE = WallClock(timedelta(hours=2), ZoneInfo("America/New_York"), timedelta(hours=7))


@pytest.mark.parametrize(
    ("text", "number", "words", "is_done", "is_doubtful"),
    [
        ("0 Done", 0, "Done", True, False),
        ("1", 1, "", True, False),
        ("10009 Request done", 10009, "Request done", True, False),
        ("8 Not enough permissions", 8, "Not enough permissions", False, False),
        (" 3006 Invalid account password ", 3006, "Invalid account password", False, False),
        ("9 Timeout", 9, "Timeout", False, True),
        ("7 Network", 7, "Network", False, True),
        ("12 Too frequent", 12, "Too frequent", False, False),
    ],
)
def test_retcodes_are_read_by_their_number(text, number, words, is_done, is_doubtful):
    retcode = Retcode.parse(text)
    assert (retcode.code, retcode.text) == (number, words)
    assert (retcode.is_done, retcode.is_doubtful) == (is_done, is_doubtful)


@pytest.mark.parametrize("text", ["", "Done", None, "x0"])
def test_a_retcode_without_number_is_malformed(text):
    with pytest.raises(ValueError):
        Retcode.parse(text)


@pytest.mark.parametrize(
    ("number", "name"),
    [
        (3, Rejection.INVALID_PARAMETERS),
        (8, Rejection.NO_PERMISSION),
        (13, Rejection.NOT_FOUND),
        (1012, Rejection.BLOCKED_ADDRESS),
        (3002, Rejection.LOGINS_EXHAUSTED),
        (3004, Rejection.ALREADY_EXISTS),
        (3006, Rejection.INVALID_PASSWORD),
        (3010, Rejection.CURRENCY_DIFFERS),
        (4005, Rejection.MONEY_LIMIT),
        (10019, Rejection.NOT_ENOUGH_MONEY),
        (77777, Rejection.OTHER),
    ],
)
def test_refusals_have_names(number, name):
    error = Retcode(number, "text of this build").error("nordwind-live")
    assert isinstance(error, PlatformRejected)
    assert (error.name, error.number, error.text, error.server) == (
        name,
        number,
        "text of this build",
        "nordwind-live",
    )


@pytest.mark.parametrize("number", [2, 7, 9, 10, 11, 12, 15])
def test_a_busy_or_broken_server_is_unavailable(number):
    assert isinstance(Retcode(number, "").error("s"), PlatformUnavailable)


def test_scalars_are_exact_and_keys_in_any_case():
    record = Record({"Balance": "26000.10", "LOGIN": "764636", "Empty": "", "None": None})
    assert record.decimal("balance") == Decimal("26000.10")
    assert record.integer("Login") == 764636
    assert (record.decimal("Empty"), record.integer("Missing"), record.text("None")) == (0, 0, "")


@pytest.mark.parametrize("value", ["abc", "NaN", "Infinity", "1.5", "", None])
def test_numbers_that_are_none_are_malformed(value):
    with pytest.raises(Malformed):
        Record({"Login": value}).integer("Login", None)


@pytest.mark.parametrize(
    ("fields", "lots"),
    [
        ({"Volume": "10000"}, "1"),
        ({"Volume": "100"}, "0.01"),
        ({"Volume": "100", "VolumeExt": "1000000"}, "0.01"),
        ({"Volume": "0", "VolumeExt": "12345"}, "0.00012345"),
        ({}, "0"),
    ],
)
def test_volumes_become_lots(fields, lots):
    assert Record(fields).lots("Volume") == Decimal(lots)


@pytest.mark.parametrize(
    ("amount", "text", "scale"),
    [
        ("500", "500", 0),
        ("-0.10", "-0.10", 1),
        ("1E+3", "1000", 0),
        ("0.001", "0.001", 3),
        ("5.00", "5.00", 0),
    ],
)
def test_amounts_leave_as_plain_digits(amount, text, scale):
    assert amount_text(Decimal(amount)) == text
    assert scale_of(Decimal(amount)) == scale


@pytest.mark.parametrize(
    ("server", "ours", "offset", "skew"),
    [
        # the manual's sample: the epoch, read as UTC, is the wall clock's text
        (
            1572518788,
            datetime(2019, 10, 31, 8, 46, 30, tzinfo=UTC),
            timedelta(hours=2),
            timedelta(seconds=-2),
        ),
        (0, datetime(1970, 1, 1, tzinfo=UTC), timedelta(0), timedelta(0)),
        (
            20700,
            datetime(1970, 1, 1, 0, 0, 40, tzinfo=UTC),
            timedelta(hours=5, minutes=45),
            timedelta(seconds=-40),
        ),
        (0, datetime(1970, 1, 1, 5, tzinfo=UTC), timedelta(hours=-5), timedelta(0)),
    ],
)
def test_the_offset_is_measured_to_the_quarter_of_an_hour(server, ours, offset, skew):
    assert measure(server, ours) == (offset, skew)


def test_wall_clock_to_utc_and_back():
    assert ATHENS_WINTER.to_utc(1572518788, 250_000) == datetime(2019, 10, 31, 8, 46, 28, 250_000, tzinfo=UTC)
    assert ATHENS_WINTER.from_utc(datetime(2019, 10, 31, 8, 46, 28, 999_999, tzinfo=UTC)) == 1572518788


@pytest.mark.parametrize(
    ("wall", "utc"),
    [
        (datetime(2026, 1, 15, 0, 0, tzinfo=UTC), datetime(2026, 1, 14, 22, 0, tzinfo=UTC)),
        (datetime(2026, 7, 15, 0, 0, tzinfo=UTC), datetime(2026, 7, 14, 21, 0, tzinfo=UTC)),
        # New York is in summer time from 8 March, Athens only from 29 March
        (datetime(2026, 3, 15, 0, 0, tzinfo=UTC), datetime(2026, 3, 14, 21, 0, tzinfo=UTC)),
    ],
)
def test_a_configured_zone_knows_summer_time(wall, utc):
    assert NEW_YORK_CLOSE.to_utc(int(wall.timestamp())) == utc
    assert NEW_YORK_CLOSE.from_utc(utc) == int(wall.timestamp())
    assert NEW_YORK_CLOSE.offset_at(utc) == wall - utc


@pytest.mark.parametrize(
    ("flags", "rights"),
    [
        (0x163, AccountRights()),
        (0x1E3, AccountRights()),
        (0x162, AccountRights(can_log_in=False)),
        (0x167, AccountRights(can_trade=False)),
        (0x4, AccountRights(*[False] * 6)),
    ],
)
def test_rights_bits(flags, rights):
    assert records.rights_from_flags(flags) == rights


@pytest.mark.parametrize(
    ("flags", "wanted", "result"),
    [
        (0x1E3, {"can_log_in": False}, 0x1E2),
        (0x1E3, {"can_trade": False}, 0x1E7),
        (0x1E7, {"can_trade": True}, 0x1E3),
        (0x81E3, {"can_use_experts": False, "can_trade": None}, 0x81A3),
    ],
)
def test_changing_rights_keeps_all_other_bits(flags, wanted, result):
    assert records.flags_with_rights(flags, wanted) == result


DEAL = {
    "Deal": "901",
    "Login": "5001",
    "Order": "77",
    "Action": "1",
    "Entry": "1",
    "Reason": "4",
    "Digits": "5",
    "DigitsCurrency": "2",
    "ContractSize": "100000.00",
    "Time": "1572518788",
    "TimeMsc": "1572518788250",
    "Symbol": "EURUSD",
    "Price": "1.11500",
    "Volume": "2500",
    "VolumeClosed": "2500",
    "Profit": "-12.50",
    "Storage": "-0.35",
    "Commission": "-1.75",
    "RateProfit": "1.00000000",
    "PositionID": "70",
    "Comment": "[tp 1.11500]",
    "MarketBid": "1.11498",
    "MarketAsk": "0.00000",
}


def test_a_trade_deal():
    deal = records.deal_from(Record(DEAL), "live-1", ATHENS_WINTER)
    assert (deal.server, deal.deal, deal.login, deal.position) == ("live-1", 901, 5001, 70)
    assert (deal.kind, deal.entry, deal.reason) == (DealKind.SELL, DealEntry.OUT, DealReason.TAKE_PROFIT)
    assert (deal.lots, deal.price) == (Decimal("0.25"), Decimal("1.11500"))
    assert (deal.profit, deal.swap, deal.commission) == (
        Decimal("-12.50"),
        Decimal("-0.35"),
        Decimal("-1.75"),
    )
    assert (deal.bid, deal.ask) == (Decimal("1.11498"), None)
    assert deal.executed_at == datetime(2019, 10, 31, 8, 46, 28, 250_000, tzinfo=UTC)
    assert deal.raw == DEAL


@pytest.mark.parametrize(
    ("action", "kind"),
    [
        *((2, DealKind.BALANCE), (3, DealKind.CREDIT), (4, DealKind.CHARGE), (5, DealKind.CORRECTION)),
        *((6, DealKind.BONUS), (7, DealKind.COMMISSION), (9, DealKind.COMMISSION), (10, DealKind.AGENT)),
        *((12, DealKind.INTEREST), (13, DealKind.CANCELLED_BUY), (14, DealKind.CANCELLED_SELL)),
        *((15, DealKind.DIVIDEND), (17, DealKind.TAX), (18, DealKind.AGENT), (19, DealKind.COMPENSATION)),
        *((20, DealKind.COMPENSATION), (99, DealKind.OTHER)),
    ],
)
def test_other_deals_have_no_entry(action, kind):
    deal = records.deal_from(Record({**DEAL, "Action": str(action)}), "s", ATHENS_WINTER)
    assert (deal.kind, deal.entry) == (kind, None)


def test_a_position():
    raw = {
        "Position": "70",
        "Login": "5001",
        "Symbol": "EURUSD",
        "Action": "1",
        "TimeCreate": "1572518788",
        "TimeUpdate": "1572518790",
        "PriceOpen": "1.11000",
        "PriceCurrent": "1.11200",
        "PriceSL": "0.00000",
        "PriceTP": "1.10000",
        "VolumeExt": "150000000",
        "Volume": "15000",
        "Profit": "-300.00",
        "Storage": "0.00",
    }
    position = records.position_from(Record(raw), "live-1", ATHENS_WINTER)
    assert (position.side, position.lots, position.profit) == (Side.SELL, Decimal("1.5"), Decimal("-300.00"))
    assert (position.stop_loss, position.take_profit) == (None, Decimal("1.10000"))
    assert position.updated_at - position.opened_at == timedelta(seconds=2)


def test_no_margin_means_no_margin_level():
    raw = {
        "Login": "1",
        "CurrencyDigits": "2",
        "Balance": "5.00",
        "Credit": "0.00",
        "Equity": "5.00",
        "Margin": "0.00",
        "MarginFree": "5.00",
        "MarginLevel": "0.00",
        "MarginLeverage": "100",
    }
    read_at = datetime(2026, 1, 1, tzinfo=UTC)
    assert records.account_state_from(Record(raw), "EUR", read_at).margin_level is None
    used = {**raw, "Margin": "2.00", "MarginLevel": "250.00"}
    assert records.account_state_from(Record(used), "EUR", read_at).margin_level == Decimal("250.00")


def test_group_names_and_masks_in_a_query():
    call = Call("/api/user/logins", {"group": "demo*,!demo\\x y", "n": 1})
    assert target_of(call) == "/api/user/logins?group=demo*,!demo%5Cx%20y&n=1"


@pytest.mark.parametrize(
    ("body", "rows"),
    [
        (b'{"retcode":"0 Done","answer":[{"a":"1"},{"a":"2"}]}', [{"a": "1"}, {"a": "2"}]),
        (b'\xef\xbb\xbf{"retcode":"0 Done","answer":{"a":"1"}}', [{"a": "1"}]),
        (b'{"retcode":"1 OK none","answer":{}}', []),
        (b'{"RetCode":"0 Done"}', []),
    ],
)
def test_answers_in_all_their_shapes(body, rows):
    assert answer_from(body).rows == rows


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"answer":{}}', b'{"retcode":"Done"}', b"\xff\xfe{"])
def test_what_is_no_answer_is_malformed(body):
    with pytest.raises(Malformed):
        answer_from(body)
