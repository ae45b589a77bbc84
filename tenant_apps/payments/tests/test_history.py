"""A client's history: every payment once, page by page, of one kind or all, and as a file of one's own."""

from __future__ import annotations

import csv
import re
from datetime import UTC, timedelta
from html import unescape
from typing import Any

import pytest

from kernel import clock
from kernel.ids import uuid7
from tenant_apps.clients.models import Client
from tenant_apps.payments.models import (
    Deposit,
    DepositState,
    ProviderAccount,
    Withdrawal,
    WithdrawalPart,
    WithdrawalState,
)
from tenant_apps.payments.movements import Mark, all_movements, movements
from tenant_apps.payments.portal import history
from tenant_apps.payments.services.chain import BACK
from tenant_apps.payments.services.posting import deposit_post, part_capture, part_hold
from tenant_apps.wallets import selectors as wallets
from tenant_apps.wallets.statements import period_of, statement_of

from .support import SYSTEM, eur, make_account, make_client
from .test_pages import trader


def payments(person: Client, count: int) -> list[str]:
    """So many of each kind, newest first; always two at the very same moment."""
    account = ProviderAccount.objects.first() or make_account("bank_wire")
    now, told = clock.now(), []
    for number in range(count):
        for made in (_deposit(person, account), _withdrawal(person)):
            type(made).objects.filter(pk=made.pk).update(created_at=now - timedelta(hours=number))
            told.append((now - timedelta(hours=number), made.pk, made.reference))
    return [reference for _, _, reference in sorted(told, reverse=True)]


def _deposit(person: Client, account: ProviderAccount) -> Deposit:
    return Deposit.objects.create(
        client=person, provider_account=account, reference=f"D{uuid7().hex[-9:]}", method="wire", currency="EUR",
        amount_minor=10_000, received_minor=10_000, fee_minor=150, state=DepositState.CREDITED, credited_at=clock.now(),
    )  # fmt: skip


def _withdrawal(person: Client) -> Withdrawal:
    return Withdrawal.objects.create(
        client=person, reference=f"W{uuid7().hex[-9:]}", currency="EUR", amount_minor=5_000, fee_minor=200,
        paid_minor=4_800, fee_taken_minor=200, state=WithdrawalState.PAID,
    )  # fmt: skip


def test_pages_of_any_size_have_each_payment_once(tenant: Any) -> None:
    person, other = make_client(), make_client()
    wanted = payments(person, 6)
    payments(other, 1)
    for size in (1, 3, 5, 12):
        assert [one.row.reference for one in all_movements(person.pk, chunk=size)] == wanted
    only = [one.row.reference for one in all_movements(person.pk, kind="deposit", chunk=4)]
    assert only == [reference for reference in wanted if reference.startswith("D")]
    mark = movements(person.pk, limit=1)[0].mark
    assert Mark.read(str(mark)) == mark


@pytest.mark.parametrize(
    "text",
    ["", "x", "2026-01-01T00:00:00+00:00", "2026-01-01_x", "2026-01-01T00:00:00_01a2030c-7b59-7d8d-a915-3f663a125279"],
)
def test_what_is_no_mark_begins_anew(text: str) -> None:
    assert Mark.read(text) is None


@pytest.mark.parametrize("language", ["en", "ar"])
def test_the_page_is_turned_filtered_and_taken_along(
    tenant: Any, monkeypatch: pytest.MonkeyPatch, language: str
) -> None:
    monkeypatch.setattr(history, "PAGE", 5)
    person = make_client()
    wanted = payments(person, 4)
    web = trader(tenant, person)
    web.cookies["language"] = language
    path, seen = "/cashier/history/", []
    for _ in range(2):
        body = web.get(path).content.decode()
        seen += re.findall(r"[DW][0-9a-f]{9}(?=<)", body)
        found = re.search(r'href="(\?kind=&(?:amp;)?before=[^"]+)"', body)
        path = f"/cashier/history/{unescape(found[1])}" if found else ""
    assert (seen, path) == (wanted, "")
    kinds = web.get("/cashier/history/?kind=withdrawal").content.decode()
    assert {text[0] for text in re.findall(r"[DW][0-9a-f]{9}(?=<)", kinds)} == {"W"}
    part = web.get("/cashier/history/?kind=deposit", headers={"HX-Request": "true"}).content.decode()
    assert "<html" not in part


def test_the_file_has_amounts_fees_and_what_was_sent_and_nobody_elses(tenant: Any) -> None:
    person, other = make_client(), make_client()
    wanted = payments(person, 2)
    payments(other, 1)
    web = trader(tenant, person)
    answer = web.get("/cashier/history/export/")
    assert answer["Content-Type"].startswith("text/csv")
    rows = list(csv.reader(b"".join(answer.streaming_content).decode("utf-8-sig").splitlines()))
    assert [row[2] for row in rows[1:]] == wanted
    told = {row[2][0]: row[5:] for row in rows[1:]}
    assert told == {"D": ["100.00", "1.50", "98.50", "EUR"], "W": ["50.00", "2.00", "48.00", "EUR"]}
    one = b"".join(web.get("/cashier/history/export/?kind=withdrawal").streaming_content).decode()
    assert one.count("\nW") == 0
    assert len(one.strip().splitlines()) == 3


def test_the_file_says_in_words_how_money_went_back(tenant: Any) -> None:
    person = make_client()
    row = _withdrawal(person)
    Withdrawal.objects.filter(pk=row.pk).update(method=BACK)
    sent = trader(tenant, person).get("/cashier/history/export/")
    head, line = csv.reader(b"".join(sent.streaming_content).decode("utf-8-sig").splitlines())
    told = dict(zip(head, line, strict=True))
    assert told["Method"] == "Back to where it came from"
    assert (told["Amount"], told["Amount received or sent"]) == ("50.00", "48.00")


def test_the_number_of_queries_is_the_same_however_long_it_is(tenant: Any, django_assert_num_queries: Any) -> None:
    person = make_client()
    for _ in range(2):
        payments(person, 3)
        with django_assert_num_queries(2):
            movements(person.pk, limit=4)


def test_a_wallets_lines_say_where_money_came_from_and_went_to(tenant: Any, django_assert_num_queries: Any) -> None:
    client, account = make_client(), make_account("bank_wire", currencies=["EUR"])
    sources = ["visa •••• 4242", "", "DE •••• 3000"]
    for number, source in enumerate(sources):
        deposit = Deposit.objects.create(
            client=client, provider_account=account, reference=f"D{number}", amount_minor=10_000, currency="EUR",
            method="card", source=source,
        )  # fmt: skip
        deposit_post(deposit, deposit.amount, eur("0"), actor=SYSTEM)
    row = Withdrawal.objects.create(
        client=client, reference="W1", amount_minor=3_000, currency="EUR", iban="AT611904300234573201"
    )
    part = WithdrawalPart(withdrawal=row, provider_account=account, amount_minor=3_000, currency="EUR")
    part.hold_id = str(part_hold(part, actor=SYSTEM).pk)
    part.save()
    part_capture(part, actor=SYSTEM)
    wanted = [("W1", "AT •••• 3201"), ("D2", "DE •••• 3000"), ("D1", ""), ("D0", "visa •••• 4242")]
    with django_assert_num_queries(5):  # the account, its lines (2), deposits, withdrawals
        lines = wallets.history(client.pk, "EUR")
    assert [(line.words.detail, line.words.party) for line in lines] == wanted
    found = statement_of(client, "EUR", period_of({}, UTC))
    assert found is not None
    assert [(line.words.detail, line.words.party) for line in found.lines()] == wanted[::-1]
    assert [line.balance for line in found.lines()] == [eur("100"), eur("200"), eur("300"), eur("270")]
    page, more = found.page(after=0, size=3)
    assert ([line.words.party for line in page], more) == (sources, True)
