"""Scalars and records of the contract: exact, or malformed."""

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from enum import StrEnum

import pytest

from tenant_apps.trading.adapters.mt5_manager import frames, names, records
from tenant_apps.trading.adapters.mt5_manager.tests.scripted import DEAL
from tenant_apps.trading.adapters.mt5_manager.values import (
    Malformed,
    Record,
    decimal_text,
    moment_after,
    moment_of,
    moment_text,
)
from tenant_apps.trading.errors import PlatformRejected, PlatformUnavailable, Rejection
from tenant_apps.trading.ports import DealEntry, DealKind, DealReason, Heard

AT = datetime(2026, 3, 2, 9, 0, 0, 250_999, tzinfo=UTC)


class Colour(StrEnum):
    RED = "red"


def test_times_are_utc_to_the_millisecond() -> None:
    assert (moment_text(AT), moment_after(AT)) == ("2026-03-02T09:00:00.250Z", "2026-03-02T09:00:00.251Z")
    whole = AT.replace(microsecond=250_000)
    assert moment_text(whole) == moment_after(whole) == "2026-03-02T09:00:00.250Z"
    assert moment_of(moment_text(whole)) == whole
    assert moment_text(whole.astimezone(timezone(timedelta(hours=3)))) == moment_text(whole)


@pytest.mark.parametrize(
    "text",
    [
        "2026-03-02T09:00:00Z",
        "2026-03-02 09:00:00.250Z",
        "2026-03-02T09:00:00.250+00:00",
        "2026-02-30T09:00:00.250Z",
        7,
        None,
    ],
)
def test_other_forms_of_a_time_are_malformed(text: object) -> None:
    with pytest.raises(Malformed):
        moment_of(text)


@pytest.mark.parametrize(
    "value", ["1e3", "1.", ".5", "+1", "", "NaN", " 1", "1" * 19, "0." + "1" * 11, 1, 1.5, None, True]
)
def test_a_decimal_is_a_plain_string(value: object) -> None:
    with pytest.raises(Malformed):
        Record({"x": value}).decimal("x")
    assert Record({"x": "-0.10"}).decimal("x") == Decimal("-0.10")
    assert decimal_text(Decimal("1E+3")) == "1000"


@pytest.mark.parametrize("value", [True, "1", None, 2**63, -(2**63) - 1, [1]])
def test_a_whole_number_is_one_of_64_bits(value: object) -> None:
    with pytest.raises(Malformed):
        Record({"x": value}).integer("x")
    assert Record({"x": 2**63 - 1}).integer("x") == 2**63 - 1


def test_what_is_missing_or_of_another_type_is_malformed() -> None:
    record = Record({"text": "a", "null": None, "list": [{}], "colour": "red"})
    assert (record.shown("null"), record.decimal_or_none("null"), record.moment_or_none("null")) == ("", None, None)
    assert (record.choice("colour", Colour), record.choice("text", Colour, Colour.RED)) == (Colour.RED, Colour.RED)
    asks = [
        lambda: record.text("null"), lambda: record.text("gone"), lambda: record.flag("text"),
        lambda: record.records("text"), lambda: record.record("list"), lambda: record.choice("text", Colour),
        lambda: record.shown("gone"), lambda: record.decimal_or_none("gone"), lambda: Record([]),
    ]  # fmt: skip
    for ask in asks:
        with pytest.raises(Malformed):
            ask()


def test_a_trade_is_read_whole() -> None:
    trade = {
        **DEAL, "kind": "sell", "entry": "in_out", "reason": "stop_out", "symbol": "EURUSD", "lots": "0.1000",
        "price": "1.08350", "bid": "1.08350", "ask": "1.08362", "profit": "-1.25", "position": 9, "comment": "[so]",
    }  # fmt: skip
    deal = records.deal_from(Record(trade), "s")
    assert (deal.kind, deal.entry, deal.reason) == (DealKind.SELL, DealEntry.IN_OUT, DealReason.STOP_OUT)
    assert (deal.lots, deal.price, deal.ask, deal.gateway_price) == (
        Decimal("0.1"), Decimal("1.08350"), Decimal("1.08362"), None,
    )  # fmt: skip
    assert (deal.server, deal.profit, deal.raw) == ("s", Decimal("-1.25"), trade)
    assert records.movement_from(deal, "[so]") is None
    odd = records.deal_from(Record({**DEAL, "kind": "of tomorrow", "reason": "whim"}), "s")
    assert (odd.kind, odd.reason) == (DealKind.OTHER, DealReason.OTHER)


def test_events_are_deals_and_logins() -> None:
    def heard(**event: object) -> Heard:
        return records.heard_from(Record(event), "s")

    (deal,) = heard(event="deal", deal=DEAL).deals
    assert (deal.deal, heard(event="deal", deal=DEAL).logins) == (71, frozenset({5001}))
    for kind in ("deal_changed", "deal_deleted", "position", "account", "margin"):
        assert heard(event=kind, login=7) == Heard(logins=frozenset({7}))
    assert (heard(event="missed"), heard(event="of tomorrow")) == (Heard(gap=True), Heard())


def test_an_error_s_name_decides_what_may_be_done_again() -> None:
    refused = names.error_of("not_enough_money", "short", server="s", native=10019)
    assert isinstance(refused, PlatformRejected)
    assert (refused.name, refused.number) == (Rejection.NOT_ENOUGH_MONEY, 10019)
    later = names.error_of("busy", "", server="s", wait=7)
    assert isinstance(later, PlatformUnavailable)
    assert later.retry_after == 7
    doubtful = [name for name in (*names.REJECTIONS, *names.BUSY) if names.is_doubtful(name)]
    assert doubtful == []
    assert all(map(names.is_doubtful, ("outcome_unknown", "in_progress", "internal_error", "of tomorrow")))


def test_a_frame_is_its_length_and_its_message() -> None:
    assert frames.pack({"n": "ä"}) == b"\x00\x00\x00\x0a" + '{"n":"ä"}'.encode()
    with pytest.raises(Malformed):
        frames.pack({"n": "x" * (1 << 20)})
