"""Files as providers and spreadsheets write them: read whole, or refused with the row that is wrong."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from tenant_apps.reconciliation.reading.formats import FORMATS, format_get
from tenant_apps.reconciliation.reading.layout import Layout, fitting
from tenant_apps.reconciliation.reading.rows import NotReadable, Row, RowError, header_of, read
from tenant_apps.reconciliation.reading.values import Unreadable, decimal_of, minor, moment, number, zone_of

from .support import stripe_file, stripe_line, table

PLAIN = Layout(
    columns={"reference": ("id",), "amount": ("amount",), "currency": ("ccy",), "at": ("when",), "kind": ("type",),
             "fee": ("fee",)},
    kinds={"pay": "charge", "back": "refund"},
)  # fmt: skip
HEADER = ("id", "amount", "ccy", "when", "type", "fee")


def rows(data: bytes, layout: Layout = PLAIN) -> list[Any]:
    return list(read(data, layout))


def one(amount: str, currency: str = "EUR", when: str = "2026-01-31T12:00:00Z", kind: str = "pay", fee: str = "",
        layout: Layout = PLAIN) -> Any:  # fmt: skip
    return rows(table(HEADER, [("p1", amount, currency, when, kind, fee)]), layout)[0]


@pytest.mark.parametrize(
    ("text", "mark", "value"),
    [
        ("1234.50", ".", "1234.50"), ("1,234.50", ".", "1234.50"), ("1.234,50", ",", "1234.50"),
        ("1 234,50", ",", "1234.50"), ("1\u00a0234,50", ",", "1234.50"), ("1'234.50", ".", "1234.50"),
        ("(12.50)", ".", "-12.50"), ("12,50-", ",", "-12.50"), ("\u22123", ".", "-3"), ("+7", ".", "7"),
        ("12,34,567.00", ".", "1234567.00"), ("١٬٢٣٤٫٥٠", ".", None), ("٥٠", ".", "50"), (".5", ".", "0.5"),
    ],
)  # fmt: skip
def test_numbers_are_read_with_the_files_mark(text: str, mark: str, value: str | None) -> None:
    if value is None:
        value = "1234.50"
    assert number(text, mark) == Decimal(value)


@pytest.mark.parametrize(
    ("text", "mark"),
    [("", "."), ("-", "."), ("1,23", "."), ("1.23,4", "."), ("12.3.4", "."), ("1e5", "."), ("NaN", "."), ("0x1", "."),
     ("1,2345.00", "."), ("EUR 5", "."), ("1.2", ",")],
)  # fmt: skip
def test_what_is_no_number_in_this_file_is_refused(text: str, mark: str) -> None:
    with pytest.raises(Unreadable):
        number(text, mark)


@pytest.mark.parametrize(
    ("texts", "mark"),
    [(["1,234.50", "7"], "."), (["1.234,50"], ","), (["12,5"], ","), (["1,234"], "."), (["0,500"], ","), ([], "."),
     (["1.234.567", "5"], ","), (["1,234", "5,00"], ",")],
)  # fmt: skip
def test_the_decimal_mark_is_what_the_whole_file_shows(texts: list[str], mark: str) -> None:
    assert decimal_of(texts) == mark


def test_a_file_that_contradicts_itself_is_not_guessed() -> None:
    data = table(HEADER, [("a", "1.50", "EUR", "2026-01-31", "pay", ""), ("b", "1,50", "EUR", "2026-01-31", "pay", "")])
    with pytest.raises(NotReadable, match="decimal"):
        rows(data)


@pytest.mark.parametrize(
    ("amount", "currency", "whole", "minor_units"),
    [
        ("10.50", "EUR", False, 1050),
        ("10.5", "KWD", False, 10500),
        ("500.00", "JPY", False, 500),
        ("1050", "EUR", True, 1050),
    ],
)
def test_amounts_become_minor_units_of_their_currency(
    amount: str, currency: str, whole: bool, minor_units: int
) -> None:
    assert minor(Decimal(amount), currency, whole=whole) == minor_units


def test_more_decimals_than_the_currency_has_are_an_error_with_the_row() -> None:
    assert one("10.505") == RowError(2, "decimals", "amount", "10.505")
    assert one("10.5", "JPY").code == "decimals"
    assert one("10", "XXQ") == RowError(2, "currency", "ccy", "XXQ")
    assert one("10", when="yesterday").code == "date"
    assert one("10", kind="mystery") == RowError(2, "kind", "type", "mystery")


@pytest.mark.parametrize(
    ("text", "formats", "zone", "hour"),
    [
        ("2026-01-31 12:00:00", (), "UTC", 12), ("2026-01-31T12:00:00+02:00", (), "UTC", 10),
        ("31.01.2026 12:00", ("%d.%m.%Y %H:%M",), "Europe/Berlin", 11), ("2026-01-31 12:00:00", (), "CET", 11),
        ("2026-01-31 12:00:00", (), "GMT+03:00", 9), ("1769860800", (), "UTC", 12), ("2026-01-31 12:00:00", (), "PST", 20),
    ],
)  # fmt: skip
def test_times_are_utc(text: str, formats: tuple[str, ...], zone: str, hour: int) -> None:
    assert moment(text, formats, zone_of(zone)) == datetime(2026, 1, 31, hour, tzinfo=UTC)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_encodings_and_separators_are_found_out(encoding: str, delimiter: str) -> None:
    text = table(HEADER, [("Zürich 1", "5.00", "EUR", "2026-01-31", "pay", "")], delimiter=delimiter).decode()
    found = rows(text.encode(encoding))
    assert [(row.reference, row.amount) for row in found] == [("Zürich 1", 500)]


def test_cyrillic_and_arabic_code_pages_can_be_chosen() -> None:
    for encoding, name in (("cp1251", "Оплата"), ("cp1256", "دفعة")):
        layout = Layout.from_json({**PLAIN.as_json(), "encoding": encoding, "kinds": {name.casefold(): "charge"}})
        data = table(HEADER, [("x", "5.00", "EUR", "2026-01-31", name, "")]).decode().encode(encoding)
        assert [row.kind for row in rows(data, layout)] == ["charge"]


def test_lines_before_the_header_are_passed_over() -> None:
    data = b"Report of January\n\nMerchant: Nordwind\n" + table(HEADER, [("a", "5.00", "EUR", "2026-01-31", "pay", "")])
    assert [(row.number, row.amount) for row in rows(data)] == [(5, 500)]


@pytest.mark.parametrize(
    ("data", "why"),
    [(b"\x89PNG\x00\x00\x00", "binary"), (b"", "header"), (b"one column only\n1\n", "header"),
     (b"id,amount\n1,2\n", "columns"), (b'id,amount,ccy,when\n"open,2,EUR,2026\n', "csv")],
)  # fmt: skip
def test_what_is_no_such_file_is_refused(data: bytes, why: str) -> None:
    with pytest.raises(NotReadable) as caught:
        rows(data)
    assert caught.value.code == why


def test_the_same_row_twice_is_one_and_two_equal_ones_without_a_name_are_two() -> None:
    named = ("a", "5.00", "EUR", "2026-01-31", "pay", "")
    nameless = ("", "-1.00", "EUR", "2026-01-31", "back", "")
    found = rows(table(HEADER, [named, named, nameless, nameless]))
    assert [row.reference for row in found] == ["a", "", ""]
    assert len({row.key for row in found}) == 3
    assert [row.key for row in rows(table(HEADER, [named, nameless, nameless]))] == [row.key for row in found]


def test_an_identity_that_says_two_things_is_an_error() -> None:
    first, second = stripe_line(txn="txn_1", gross="5.00"), stripe_line(txn="txn_1", gross="6.00")
    layout = format_get("stripe").layout  # type: ignore[union-attr]
    assert [type(item) for item in rows(stripe_file(first, second), layout)] == [Row, RowError]


def test_amounts_without_a_sign_go_where_their_kind_says() -> None:
    layout = Layout.from_json({**PLAIN.as_json(), "signed": False})
    assert (one("5", layout=layout).amount, one("5", kind="back", layout=layout).amount) == (500, -500)


def test_a_saved_layout_is_the_same_layout() -> None:
    for item in FORMATS:
        assert Layout.from_json(item.layout.as_json()) == item.layout


# --- the formats of providers ------------------------------------------------------------------------------------------

ADYEN = (
    b"Company Account,Merchant Account,Psp Reference,Merchant Reference,Payment Method,Creation Date,TimeZone,Type,"
    b"Modification Reference,Gross Currency,Gross Debit (GC),Gross Credit (GC),Exchange Rate,Net Currency,Net Debit (NC),"
    b"Net Credit (NC),Commission (NC),Markup (NC),Scheme Fees (NC),Interchange (NC),Payment Method Variant,"
    b"Modification Merchant Reference,Batch Number\n"
    b"Co,Mer,1813702551707653,DABCDEFGH,visa,2013-06-03 11:26:49,CEST,Settled,1713702551795048,GBP,,5.00,1,GBP,,4.88,,0.04,"
    b"0.01,0.07,visaclassic,,7\n"
    b"Co,Mer,1313642467023511,324959451,visa,2013-03-26 22:37:26,CET,Chargeback,2313642467170922,EUR,349.99,,1,EUR,357.49,,"
    b"7.5,,,,visaclassic,,7\n"
    b"Co,Mer,,,,2013-06-11 04:55:40,BST,Fee,Transaction Fees June 2013,,,,,EUR,3.20,,,,,,,,7\n"
    b"Co,Mer,,,,2013-06-11 04:55:40,BST,MerchantPayout,TX7 batch 7,,,,,EUR,100.00,,,,,,,,7\n"
)
PAYPAL = (
    '\ufeff"Date","Time","TimeZone","Name","Type","Status","Currency","Gross","Fee","Net","Transaction ID",'
    '"Reference Txn ID","Invoice Number","Custom Number"\n'
    '"01/31/2026","04:00:00","PST","Lena Vogt","Express Checkout Payment","Completed","EUR","1.234,50","-36,20",'
    '"1.198,30","8AB","","DABCDEFGH",""\n'
    '"01/31/2026","04:01:00","PST","Lena Vogt","Payment Refund","Completed","EUR","-100,00","3,00","-97,00","9CD","8AB","",""\n'
    '"01/31/2026","04:02:00","PST","Bank","General Withdrawal","Completed","EUR","-500,00","0,00","-500,00","1EF","","",""\n'
    '"01/31/2026","04:03:00","PST","X","General Authorization","Pending","EUR","7,00","0,00","7,00","2GH","","",""\n'
).encode()
DLOCAL = (
    b"ROW_TYPE,DLOCAL_TRANSACTION_ID,TRANSACTION_ID,CREATION_DATE,LOCAL_AMOUNT,LOCAL_CURRENCY,FX_RATE,SETTLEMENT_CURRENCY,"
    b"GROSS_AMOUNT,FEE_AMOUNT,NET_AMOUNT\n"
    b"SETTLEMENT,T-1,0190,2026-01-31 10:00:00,500.00,BRL,5.0,USD,100.00,2.50,97.50\n"
    b"REFUND,R-1,0191,2026-01-31 11:00:00,50.00,BRL,5.0,USD,-10.00,0.00,-10.00\n"
)
PAYTABS = (
    b"tran_ref,previous_tran_ref,tran_type,cart_id,cart_description,cart_amount,cart_currency,transaction_time,response_status\n"
    b"TST1,,Sale,0190,x,10.500,KWD,2026-01-31T10:00:00Z,A\nTST2,TST1,Refund,0190,x,1.500,KWD,2026-01-31T11:00:00Z,A\n"
    b"TST3,,Sale,0192,x,9.000,KWD,2026-01-31T11:00:00Z,D\n"
)


@pytest.mark.parametrize(
    ("code", "data", "expected"),
    [
        ("adyen", ADYEN, [
            ("charge", "1813702551707653", 500, "GBP", 12, "GBP"), ("chargeback", "1313642467023511", -34999, "EUR", 750, "EUR"),
            ("fee", "", -320, "EUR", 0, "EUR"), ("payout", "", -10000, "EUR", 0, "EUR"),
        ]),
        ("paypal", PAYPAL, [
            ("charge", "8AB", 123450, "EUR", 3620, "EUR"), ("refund", "8AB", -10000, "EUR", -300, "EUR"),
            ("payout", "1EF", -50000, "EUR", 0, "EUR"),
        ]),
        ("dlocal", DLOCAL, [
            ("charge", "T-1", 50000, "BRL", 250, "USD"), ("refund", "R-1", -5000, "BRL", 0, "USD"),
        ]),
        ("paytabs", PAYTABS, [
            ("charge", "TST1", 10500, "KWD", 0, "KWD"), ("refund", "TST1", -1500, "KWD", 0, "KWD"),
        ]),
        ("stripe", stripe_file(
            stripe_line("charge", "100.00", fee="1.75", intent="pi_1"), stripe_line("dispute", "-100.00", fee="20.00", intent="pi_1"),
            stripe_line("payout", "-500.00"), stripe_line("fee", "-2.00"),
        ), [
            ("charge", "pi_1", 10000, "EUR", 175, "EUR"), ("chargeback", "pi_1", -10000, "EUR", 2000, "EUR"),
            ("payout", None, -50000, "EUR", 0, "EUR"), ("fee", None, -200, "EUR", 0, "EUR"),
        ]),
    ],
)  # fmt: skip
def test_providers_files_are_known_by_their_header_and_read(code: str, data: bytes, expected: list[Any]) -> None:
    found = fitting(header_of(data), FORMATS)
    assert found is not None
    assert found.code == code
    read_rows = rows(data, found.layout)
    assert all(isinstance(row, Row) for row in read_rows), read_rows
    for row, (kind, reference, amount, currency, fee, fee_currency) in zip(read_rows, expected, strict=True):
        assert (row.kind, row.amount, row.currency, row.fee, row.fee_currency) == (
            kind,
            amount,
            currency,
            fee,
            fee_currency,
        )
        assert reference is None or row.reference == reference


def test_each_row_of_adyens_batch_has_an_identity_of_its_own() -> None:
    keys = [row.key for row in rows(ADYEN, format_get("adyen").layout)]  # type: ignore[union-attr]
    assert len(set(keys)) == 4
    assert keys[0] == "1813702551707653|1713702551795048|Settled|7"
