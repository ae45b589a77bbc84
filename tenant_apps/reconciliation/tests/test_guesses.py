"""Layouts that nobody could look up: known by their header, read after the names of the providers' interfaces, and marked."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from tenant_apps.accounts.tests.support import actor, log_in
from tenant_apps.accounts.tests.support import staff as person
from tenant_apps.payments.tests.support import make_account
from tenant_apps.reconciliation.reading.formats import FORMATS
from tenant_apps.reconciliation.reading.guesses import GUESSES
from tenant_apps.reconciliation.reading.layout import fitting
from tenant_apps.reconciliation.reading.rows import Row, header_of, read
from tenant_apps.reconciliation.services.compare import account_compare

from .support import credited, stored, table, take_in

DAY = "2026-01-31 12:00:00"
# code → header, rows, and what they are: (kind, references, own, amount, currency, fee)
FILES: dict[str, tuple[tuple[str, ...], list[tuple[Any, ...]], list[tuple[Any, ...]]]] = {
    "skrill_eur": (
        ("ID", "Time (CET)", "Type", "Transaction Details", "[-] EUR", "[+] EUR", "Status", "Balance", "Reference",
         "Amount Sent", "Currency sent", "More information", "ID of the corresponding Skrill transaction", "Payment Type"),
        [
            ("71", "31 Jan 26 13:00", "Receive Money", "from a@b.c", "", "100.00", "processed", "100", "0190", "100", "EUR", "", "", ""),
            ("72", "31 Jan 26 13:00", "Fee", "", "1.90", "", "processed", "98.1", "", "", "", "", "71", ""),
            ("73", "31 Jan 26 13:01", "Send Money", "to a@b.c", "40.00", "", "processed", "58.1", "0191", "40", "EUR", "", "", ""),
            ("74", "31 Jan 26 13:02", "Send Money", "to a@b.c", "40.00", "", "cancelled", "58.1", "0192", "40", "EUR", "", "", ""),
        ],
        [
            ("charge", ("71",), "0190", 10_000, "EUR", 0), ("fee", ("72", "71"), "", -190, "EUR", 0),
            ("withdrawal", ("73",), "0191", -4_000, "EUR", 0),
        ],
    ),
    "praxis": (
        ("tid", "order_id", "intent", "transaction_status", "amount", "currency", "processed_amount", "processed_currency",
         "fee", "created_timestamp"),
        [
            ("9", "0190", "payment", "approved", "100.00", "EUR", "108.50", "USD", "2.00", "1769860800"),
            ("10", "0191", "withdrawal", "approved", "30.00", "EUR", "", "", "", "1769860800"),
            ("11", "0192", "payment", "rejected", "5.00", "EUR", "", "", "", "1769860800"),
        ],
        [("charge", ("9",), "0190", 10_850, "USD", 200), ("withdrawal", ("10",), "0191", -3_000, "EUR", 0)],
    ),
    "cryptoproc": (
        ("ENTRY_ID", "TRANSACTION_ID", "TRANSACTION_TYPE", "FOREIGN_ID", "AMOUNT", "CURRENCY", "CREATED_AT", "STATUS"),
        [
            ("1", "500", "deposit", "0190", "25.5", "USDT", DAY, "confirmed"),
            ("2", "501", "withdrawal", "0191", "-10", "USDT", DAY, "confirmed"),
            ("3", "502", "exchange", "", "-1", "USDT", DAY, "confirmed"),
        ],
        [
            ("charge", ("500",), "0190", 25_500_000, "USDT", 0), ("withdrawal", ("501",), "0191", -10_000_000, "USDT", 0),
            ("other", ("502",), "", -1_000_000, "USDT", 0),
        ],
    ),
    "tap": (
        ("charge_id", "refund_id", "object", "amount", "currency", "status", "created", "reference_order", "fees"),
        [
            ("chg_1", "", "charge", "10.500", "KWD", "CAPTURED", "1769860800000", "0190", "0.200"),
            ("chg_1", "re_1", "refund", "1.000", "KWD", "REFUNDED", "1769860800000", "", ""),
            ("chg_2", "", "charge", "9.000", "KWD", "DECLINED", "1769860800000", "0192", ""),
        ],
        [("charge", ("chg_1",), "0190", 10_500, "KWD", 200), ("refund", ("re_1", "chg_1"), "", -1_000, "KWD", 0)],
    ),
    "freedompay": (
        ("pg_payment_id", "pg_order_id", "pg_amount", "pg_currency", "pg_payment_date", "pg_type", "pg_payment_status"),
        [
            ("77", "0190", "5000", "KZT", "2026-01-31 17:00:00", "payment", "success"),
            ("78", "0190", "-1000", "KZT", "2026-01-31 17:00:00", "refund", "success"),
            ("79", "0192", "1", "KZT", "2026-01-31 17:00:00", "payment", "error"),
        ],
        [("charge", ("77",), "0190", 500_000, "KZT", 0), ("refund", ("78",), "0190", -100_000, "KZT", 0)],
    ),
    "payme": (
        ("id", "time", "amount", "account.order", "create_time", "perform_time", "cancel_time", "transaction", "state"),
        [
            ("5f", "1769860790000", "500000", "DABCDEFGH", "1769860790000", "1769860800000", "0", "t", "2"),
            ("60", "1769860790000", "500000", "DABCDEFGI", "1769860790000", "0", "0", "t", "1"),
        ],
        [("charge", ("5f",), "DABCDEFGH", 500_000, "UZS", 0)],
    ),
    "click": (
        ("click_trans_id", "click_paydoc_id", "merchant_trans_id", "amount", "sign_time", "error"),
        [("1", "900", "DABCDEFGH", "5000", "2026-01-31 17:00:00", "0"), ("2", "901", "D2", "5", "2026-01-31 17:00:00", "-5017")],
        [("charge", ("900", "1"), "DABCDEFGH", 500_000, "UZS", 0)],
    ),
    "dlocal_payouts": (
        ("PAYOUT_ID", "EXTERNAL_ID", "AMOUNT", "CURRENCY", "FEE_AMOUNT", "FEE_CURRENCY", "STATUS", "CREATION_DATE"),
        [
            ("P1", "0190", "300.00", "MXN", "1.50", "USD", "COMPLETED", DAY),
            ("P2", "0191", "300.00", "MXN", "", "", "REJECTED", DAY),
        ],
        [("withdrawal", ("P1",), "0190", -30_000, "MXN", 150)],
    ),
}  # fmt: skip


@pytest.mark.parametrize("code", FILES)
def test_a_guessed_file_is_known_by_its_header_and_read(code: str) -> None:
    header, lines, expected = FILES[code]
    data = table(header, lines)
    found = fitting(header_of(data), FORMATS)
    assert found is not None
    assert (found.code, found.verified) == (code, False)
    read_rows = list(read(data, found.layout))
    assert all(isinstance(row, Row) for row in read_rows), read_rows
    told = [(row.kind, row.references, row.own, row.amount, row.currency, row.fee) for row in read_rows]  # type: ignore[union-attr]
    assert told == expected
    assert {row.at for row in read_rows if code not in ("skrill_eur",)} <= {datetime(2026, 1, 31, 12, tzinfo=UTC)}  # type: ignore[union-attr]


def test_every_guess_has_a_file_here_and_none_is_called_verified() -> None:
    codes = {item.code for item in GUESSES}
    assert {code for code in codes if not code.startswith("skrill_")} | {"skrill_eur"} == set(FILES)
    assert not any(item.verified for item in GUESSES)


def test_a_layout_of_ours_is_not_taken_for_another_providers() -> None:
    for code, (header, _, _) in FILES.items():
        wrong = [item.code for item in FORMATS if item.code != code and fitting(list(header), [item])]
        assert wrong == [], code


def test_a_guessed_report_matches_by_our_id_and_says_that_it_is_a_guess(tenant: Any) -> None:
    account = make_account("click")
    deposit = credited(account, "5000.00", "UZS")
    header = FILES["click"][0]
    data = table(header, [("1", "900", deposit.reference, "5000", "2026-01-31 17:00:00", "0")])
    officer = person("finance")
    office = log_in(tenant, officer)
    draft = stored(data, actor(officer))
    body = office.get(f"/reconciliation/reports/new/?account={account.pk}&draft={draft.pk}").content.decode()
    assert "Unverified" in body
    assert "best guess" in body
    report = take_in(account, data, code="click")
    account_compare(account_id=account.pk)
    assert [(line.state, line.reasons) for line in report.lines.all()] == [("matched", ["own_id", "amount"])]
    assert "Unverified" in office.get(f"/reconciliation/reports/{report.pk}/").content.decode()
