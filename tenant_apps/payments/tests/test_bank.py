"""Bank wires: instructions, statements as banks write them, matching with reasons, four eyes for the rest."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

import pytest

from kernel.actors import Actor
from kernel.errors import Forbidden, Invalid
from kernel.models import AuditEntry
from kernel.money import Money
from sandbox.bank import camt
from sandbox.bank.mt940 import STYLES, render_mt940
from tenant_apps.accounts.tests.support import staff as staff_user
from tenant_apps.clients.models import Client
from tenant_apps.ledger import selectors as ledger
from tenant_apps.notifications.models import Notification
from tenant_apps.payments.adapters.bank_wire import camt053
from tenant_apps.payments.errors import SamePerson, StatementRefused, WrongState
from tenant_apps.payments.models import (
    BankLine,
    BankStatement,
    Deposit,
    DepositState,
    LineState,
    ProviderAccount,
    Withdrawal,
)
from tenant_apps.payments.permissions_list import APPROVE, BANK_APPROVE, BANK_IMPORT, PROPOSE
from tenant_apps.payments.services import bank, bank_lines, posting
from tenant_apps.payments.services.by_hand import part_refused_by_bank, part_sent_by_hand
from tenant_apps.payments.services.deposits import deposit_open, deposit_start
from tenant_apps.payments.services.withdrawals import withdrawal_approve, withdrawal_check, withdrawal_request
from tenant_apps.wallets.selectors import wallet_of
from tenant_apps.wallets.tests.support import give

from .support import client_actor, eur, make_account, make_client, make_rule, staff

OURS = "DE89370400440532013000"
THEIRS = "AT611904300234573201"


def wire_account() -> ProviderAccount:
    made = make_account(
        "bank_wire", settings={"iban": OURS, "holder": "Nordwind", "bic": "X", "bank": "Bank"}, currencies=["EUR"]
    )
    make_rule(made, "wire")
    return made


@pytest.fixture
def account(tenant: Any) -> ProviderAccount:
    return wire_account()


def announced(account: ProviderAccount, amount: str = "500", client: Client | None = None) -> Deposit:
    person = client or make_client()
    deposit = deposit_start(
        actor=client_actor(person), client=person, amount=eur(amount), offer_key=f"{account.pk}:wire"
    )
    return deposit_open(deposit_id=deposit.pk)


def entry(amount: str, reference: str = "", name: str = "Lena Vogt", iban: str = THEIRS, **values: Any) -> camt.Entry:
    return camt.Entry(amount=Decimal(amount), name=name, reference=reference, iban=iban, **values)


def document(*entries: camt.Entry, **values: Any) -> bytes:
    return camt.render(camt.Statement(iban=OURS, currency="EUR", entries=list(entries), **values))


def uploaded(account: ProviderAccount, data: bytes, actor: Actor | None = None) -> bank.Imported:
    return bank.statement_import(actor=actor or staff(BANK_IMPORT), account=account, name="s.xml", data=data)


def imported(account: ProviderAccount, data: bytes) -> bank.Imported:
    """Uploaded by one and approved by another."""
    done = uploaded(account, data)
    if not done.waiting:
        return done
    return bank.statement_approve(actor=staff(BANK_APPROVE), statement_id=done.statements[0].pk)


def balance(client: Client) -> Money:
    wallet = wallet_of(client.pk, "EUR")
    return wallet.balance if wallet else eur("0")


def test_instructions_carry_the_reference(account: ProviderAccount) -> None:
    deposit = announced(account)
    assert (deposit.state, deposit.payment_url) == (DepositState.PENDING, "")
    assert deposit.instructions["reference"] == deposit.reference
    assert deposit.instructions["iban"] == OURS


@pytest.mark.parametrize("version", [2, 8])
@pytest.mark.parametrize("split", [0, 7, 35])
def test_a_reference_is_found_however_the_bank_writes_it(account: ProviderAccount, version: int, split: int) -> None:
    deposit = announced(account)
    text = f"Einzahlung Konto {deposit.reference[:5]}-{deposit.reference[5:].lower()} danke"
    done = imported(
        account, document(entry("500", text, name="VOGT, LENA".replace(",", ""), split=split), version=version)
    )
    assert (done.lines, done.credited) == (1, 1)
    deposit.refresh_from_db()
    assert (deposit.state, deposit.source) == (DepositState.CREDITED, "AT •••• 3201")
    assert balance(deposit.client) == eur("500")
    assert BankLine.objects.get().reasons == ["reference", "amount", "name"]


def test_the_same_file_or_line_again_credits_nothing(account: ProviderAccount) -> None:
    deposit = announced(account)
    first = entry("500", deposit.reference, bank_reference="B1")
    assert imported(account, document(first)).credited == 1
    assert imported(account, document(first)).known == 1
    again = imported(account, document(first, entry("20", "other", bank_reference="B2")))
    assert (again.lines, again.credited, again.known) == (1, 0, 1)
    assert balance(deposit.client) == eur("500")
    assert ledger.broken_invariants() == {}


def test_paid_twice_the_second_waits_for_people(account: ProviderAccount) -> None:
    deposit = announced(account)
    imported(account, document(entry("500", deposit.reference), entry("500", deposit.reference, bank_reference="B2")))
    assert balance(deposit.client) == eur("500")
    assert sorted(BankLine.objects.values_list("state", flat=True)) == ["matched", "unmatched"]


def test_money_on_another_of_our_accounts_waits_for_people(account: ProviderAccount) -> None:
    """Credited by itself it would be booked as lying where it was announced, and both accounts' books would be wrong."""
    other = make_account("bank_wire", settings={**account.settings})
    deposit = announced(account)
    done = imported(other, document(entry("500", deposit.reference)))
    assert (done.lines, done.credited) == (1, 0)
    line = BankLine.objects.get()
    assert (line.state, line.reasons) == (LineState.UNMATCHED, ["reference", "amount", "name", "other_account"])
    bank_lines.line_propose(actor=staff(BANK_IMPORT), line_id=line.pk, client_number=deposit.client.number)
    bank_lines.line_approve(actor=staff(BANK_APPROVE), line_id=line.pk)
    assert balance(deposit.client) == eur("500")
    assert ledger.balance(posting.clearing(other, "EUR")).balance == eur("-500")
    assert ledger.balance(posting.clearing(account, "EUR")).balance == eur("0")


def test_what_came_counts_not_what_was_announced(account: ProviderAccount) -> None:
    deposit = announced(account)
    imported(account, document(entry("499.50", deposit.reference, charges=Decimal("0.50"))))
    deposit.refresh_from_db()
    assert (deposit.state, deposit.attention) == (DepositState.CREDITED, "underpaid")
    assert balance(deposit.client) == eur("499.50")


def test_a_stranger_who_pays_for_a_client_is_not_credited(account: ProviderAccount) -> None:
    deposit = announced(account)
    imported(account, document(entry("500", deposit.reference, name="Karl Anders")))
    line = BankLine.objects.get()
    assert (line.state, line.reasons) == (LineState.UNMATCHED, ["reference", "amount", "other_name"])
    assert balance(deposit.client) == eur("0")


def test_without_a_reference_a_known_account_and_amount_will_do(account: ProviderAccount) -> None:
    first = announced(account)
    imported(account, document(entry("500", first.reference)))
    second = announced(account, "250", first.client)
    imported(account, document(entry("250", "for trading"), number=2))
    second.refresh_from_db()
    assert second.state == DepositState.CREDITED
    assert BankLine.objects.order_by("-created_at")[0].reasons == ["iban", "amount", "name"]


def test_a_payment_told_again_in_another_format_does_not_pay_another_deposit(account: ProviderAccount) -> None:
    """A week in MT940 after its days in camt.053: no line is known by its key, nor is the statement the same."""
    first = announced(account)
    imported(account, document(entry("500", first.reference)))
    announced(account, "500", first.client)
    alike = entry("500", "no reference")
    week = camt.Statement(iban=OURS, currency="EUR", entries=[alike, entry("-3", "Fee")], opening=Decimal(0), number=9)
    imported(account, render_mt940(week))
    assert balance(first.client) == eur("500")
    assert BankLine.objects.order_by("-created_at").filter(amount_minor=50000)[0].reasons == ["iban", "alike"]


def test_pending_returned_and_outgoing_entries_are_no_deposits(account: ProviderAccount) -> None:
    deposit = announced(account)
    imported(
        account,
        document(
            entry("500", deposit.reference, status="PDNG"),
            entry("500", deposit.reference, return_reason="AC04"),
            entry("-3", "Fee"),
            opening=Decimal(10),
        ),
    )
    rows = BankLine.objects.order_by("position").values_list("state", "reasons")
    assert list(rows) == [(LineState.UNMATCHED, ["returned"]), (LineState.UNMATCHED, ["no_order"])]
    assert balance(deposit.client) == eur("0")


@pytest.mark.parametrize("how", camt.CORRUPTIONS)
def test_a_spoilt_file_is_refused_whole(account: ProviderAccount, how: str) -> None:
    deposit = announced(account)
    with pytest.raises(StatementRefused):
        imported(account, camt.corrupt(document(entry("500", deposit.reference)), how))
    assert BankLine.objects.count() == 0
    assert balance(deposit.client) == eur("0")


def test_another_accounts_statement_is_refused(account: ProviderAccount) -> None:
    other = camt.render(camt.Statement(iban=THEIRS, currency="EUR", entries=[entry("5")]))
    with pytest.raises(StatementRefused):
        imported(account, other)


@pytest.mark.parametrize("style", STYLES)
def test_a_statement_in_mt940_credits_as_one_in_camt(account: ProviderAccount, style: str) -> None:
    deposit = announced(account)
    made = camt.Statement(iban=OURS, currency="EUR", entries=[entry("500", f"Deposit {deposit.reference}")])
    assert imported(account, render_mt940(made, style)).credited == 1
    deposit.refresh_from_db()
    assert (deposit.state, deposit.source, balance(deposit.client)) == ("credited", "AT •••• 3201", eur("500"))


def test_equal_movements_of_one_day_are_two() -> None:
    alike = entry("10", "same", bank_reference="")
    first, second = camt053.read(document(alike, alike))[0].lines
    assert first.key != second.key


def test_alike_payments_in_two_statements_of_one_name_are_two(account: ProviderAccount) -> None:
    """Statements of a day, both called the same, and a bank that gives its bookings no reference."""
    first, second = (
        re.sub(rb"<AcctSvcrRef>.*?</AcctSvcrRef>", b"", document(entry("10", "same"), opening=Decimal(opening)))
        for opening in ("100", "110")
    )
    inner = second[second.index(b"<Stmt>") : second.index(b"</BkToCstmrStmt>")]
    data = first.replace(b"</BkToCstmrStmt>", inner + b"</BkToCstmrStmt>")
    waiting = uploaded(account, data)
    assert len({row.statement_id for row in waiting.statements}) == 2
    assert [one.opening for one in bank.statements_of(waiting.statements)] == [eur("100"), eur("110")]
    done = bank.statement_approve(actor=staff(BANK_APPROVE), statement_id=waiting.statements[0].pk)
    assert (done.lines, done.known) == (2, 0)
    assert imported(account, first).known == 1


def test_by_hand_it_takes_two_people(account: ProviderAccount) -> None:
    person = make_client()
    imported(account, document(entry("75", "no reference at all", name="L. V.")))
    line = BankLine.objects.get()
    proposer = staff(BANK_IMPORT, BANK_APPROVE)
    bank_lines.line_propose(actor=proposer, line_id=line.pk, client_number=person.number)
    with pytest.raises(SamePerson):
        bank_lines.line_approve(actor=proposer, line_id=line.pk)
    assert balance(person) == eur("0")
    bank_lines.line_approve(actor=staff(BANK_APPROVE), line_id=line.pk)
    with pytest.raises(WrongState):
        bank_lines.line_approve(actor=staff(BANK_APPROVE), line_id=line.pk)
    line.refresh_from_db()
    assert (line.state, balance(person)) == (LineState.ASSIGNED, eur("75"))


def wired(account: ProviderAccount, amount: str = "200") -> Withdrawal:
    """An approved withdrawal of a client with 500, its wire not yet sent."""
    deposit = announced(account)
    before = Decimal(500) * BankStatement.objects.count()
    imported(account, document(entry("500", deposit.reference), opening=before))
    person = deposit.client
    row = withdrawal_request(
        actor=client_actor(person), client=person, amount=eur(amount), iban=THEIRS, holder="Lena Vogt"
    )
    withdrawal_check(actor=staff(PROPOSE), withdrawal_id=row.pk)
    withdrawal_approve(actor=staff(APPROVE), withdrawal_id=row.pk)
    row.refresh_from_db()
    return row


def stands(row: Withdrawal) -> tuple[str, str, Money]:
    """State of the withdrawal and of its wire, and what the wallet holds; the books are whole."""
    row.refresh_from_db()
    assert ledger.broken_invariants() == {}
    return row.state, row.parts.get().state, balance(row.client)


def back(row: Withdrawal, amount: str = "200", **values: Any) -> camt.Entry:
    told = {"return_reason": "AC04", "end_to_end_id": row.reference, **values}
    return entry(amount, "account closed", **told)


def test_a_wire_of_ours_on_the_statement_closes_the_withdrawal(account: ProviderAccount) -> None:
    row = wired(account)
    imported(account, document(entry("-200", row.reference), opening=Decimal(500), number=2))
    assert stands(row) == ("paid", "paid", eur("300"))
    assert row.paid == eur("200")


@pytest.mark.parametrize("form", ["camt", *STYLES])
def test_a_wire_that_came_back_is_in_the_wallet_again(account: ProviderAccount, form: str) -> None:
    row = wired(account)
    imported(account, document(entry("-200", row.reference), opening=Decimal(500), number=2))
    made = camt.Statement(iban=OURS, currency="EUR", entries=[back(row)], opening=Decimal(300), number=3)
    imported(account, camt.render(made) if form == "camt" else render_mt940(made, form))
    assert stands(row) == ("failed", "failed", eur("500"))
    line = BankLine.objects.get(amount_minor=20000)
    assert (line.state, line.reasons) == (LineState.MATCHED, ["returned", "reference", "amount"])
    assert "AC04" in row.parts.get().failure_text
    assert ledger.balance(posting.clearing(account, "EUR")).balance == eur("-500")


@pytest.mark.parametrize("order", [1, -1])
def test_sent_and_back_in_one_statement(account: ProviderAccount, order: int) -> None:
    row = wired(account)
    entries = [entry("-200", row.reference), back(row)][::order]
    imported(account, document(*entries, opening=Decimal(500), number=2))
    assert stands(row) == ("failed", "failed", eur("500"))
    assert not BankLine.objects.filter(statement__statement_id__contains="2").exclude(state=LineState.MATCHED).exists()


def lines_of(amount: int) -> list[tuple[str, list[str]]]:
    rows = BankLine.objects.filter(amount_minor=amount).order_by("created_at", "position")
    return list(rows.values_list("state", "reasons"))


@pytest.mark.parametrize("apart", [False, True])
def test_a_wire_that_left_twice_waits_for_people(account: ProviderAccount, apart: bool) -> None:
    """In one statement or in two: one line is the wire, and of the other somebody has to know."""
    row = wired(account)
    first, second = entry("-200", row.reference, bank_reference="R1"), entry("-200", row.reference, bank_reference="R2")
    if apart:
        imported(account, document(first, opening=Decimal(500), number=2))
        imported(account, document(second, opening=Decimal(300), number=3))
    else:
        imported(account, document(first, second, opening=Decimal(500), number=2))
    assert stands(row) == ("paid", "paid", eur("300"))
    assert lines_of(-20000) == [
        (LineState.MATCHED, ["reference", "amount"]),
        (LineState.UNMATCHED, ["reference", "amount", "taken"]),
    ]
    line = BankLine.objects.get(state=LineState.UNMATCHED)
    assert line.part is None
    with pytest.raises(Invalid):
        bank_lines.line_propose(actor=staff(BANK_IMPORT), line_id=line.pk, client_number=row.client.number)
    bank_lines.line_ignore(actor=staff(BANK_IMPORT), line_id=line.pk, note="sent twice, asked back")


def test_a_wire_sent_by_hand_that_left_twice_waits_for_people(account: ProviderAccount) -> None:
    row = wired(account)
    part_sent_by_hand(actor=staff(PROPOSE), part_id=row.parts.get().pk, bank_reference="BR-1")
    for number, opening in ((2, 500), (3, 300)):
        left = entry("-200", row.reference, bank_reference=f"R{number}")
        imported(account, document(left, opening=Decimal(opening), number=number))
    assert stands(row) == ("paid", "paid", eur("300"))
    assert lines_of(-20000) == [
        (LineState.MATCHED, ["reference", "amount"]),
        (LineState.UNMATCHED, ["reference", "amount", "taken"]),
    ]


@pytest.mark.parametrize("spent", ["0", "400"])
def test_a_wire_that_left_though_the_bank_had_refused_it_is_paid_after_all(
    account: ProviderAccount, spent: str
) -> None:
    """What the wallet does not have any more is the house's loss, and people are told."""
    row = wired(account)
    told = Notification.objects.filter(kind="payments.paid_after_failure")
    staff_user("finance", name="Fin One")
    part_refused_by_bank(actor=staff(PROPOSE), part_id=row.parts.get().pk, reason="Account closed")
    if spent != "0":
        give(row.client, f"-{spent}")
    imported(account, document(entry("-200", row.reference), opening=Decimal(500), number=2))
    assert stands(row) == ("paid", "paid", eur("300") if spent == "0" else eur("0"))
    assert lines_of(-20000) == [(LineState.MATCHED, ["reference", "amount"])]
    assert ledger.balance(posting.clearing(account, "EUR")).balance == eur("-300")
    assert told.exists()


@pytest.mark.parametrize("order", [1, -1])
@pytest.mark.parametrize("apart", [False, True])
def test_a_refused_wire_that_left_and_came_back_changes_nothing(
    account: ProviderAccount, order: int, apart: bool
) -> None:
    """In either order, in one statement or in two."""
    row = wired(account)
    part_refused_by_bank(actor=staff(PROPOSE), part_id=row.parts.get().pk, reason="Account closed")
    entries = [entry("-200", row.reference), back(row)][::order]
    if apart:
        imported(account, document(entries[0], opening=Decimal(500), number=2))
        imported(account, document(entries[1], opening=Decimal(300 if order == 1 else 700), number=3))
    else:
        imported(account, document(*entries, opening=Decimal(500), number=2))
    assert stands(row) == ("failed", "failed", eur("500"))
    assert [state for state, _ in lines_of(-20000) + lines_of(20000)] == [LineState.MATCHED] * 2
    assert ledger.balance(posting.clearing(account, "EUR")).balance == eur("-500")


def test_a_wire_that_came_back_twice_in_one_statement_is_given_back_once(account: ProviderAccount) -> None:
    row = wired(account)
    both = [back(row, bank_reference="R1"), back(row, bank_reference="R2")]
    imported(account, document(entry("-200", row.reference), *both, opening=Decimal(500), number=2))
    assert stands(row) == ("failed", "failed", eur("500"))
    assert [state for state, _ in lines_of(20000)] == [LineState.MATCHED, LineState.UNMATCHED]
    assert lines_of(20000)[1][1][-1] == "taken"
    assert lines_of(-20000) == [(LineState.MATCHED, ["reference", "amount"])]


def test_a_line_of_nothing_pays_for_nothing(account: ProviderAccount) -> None:
    deposit = announced(account)
    imported(account, document(entry("500", deposit.reference)).replace(b"500.00", b"0.00"))
    deposit.refresh_from_db()
    assert (deposit.state, balance(deposit.client)) == ("pending", eur("0"))
    assert lines_of(0) == [(LineState.UNMATCHED, ["none"])]


def test_a_return_told_again_in_another_file_changes_nothing(account: ProviderAccount) -> None:
    row = wired(account)
    imported(account, document(back(row, bank_reference="R1"), opening=Decimal(500), number=2))
    imported(account, document(back(row, bank_reference="R2"), opening=Decimal(700), number=3))
    assert stands(row) == ("failed", "failed", eur("500"))
    states = BankLine.objects.filter(amount_minor=20000).order_by("created_at").values_list("state", flat=True)
    assert list(states) == [LineState.MATCHED, LineState.UNMATCHED]


@pytest.mark.parametrize("amount", ["199.50", "200.01"])
def test_a_return_of_another_amount_waits_for_people(account: ProviderAccount, amount: str) -> None:
    row = wired(account)
    imported(account, document(entry("-200", row.reference), back(row, amount), opening=Decimal(500), number=2))
    assert stands(row) == ("paid", "paid", eur("300"))
    line = BankLine.objects.get(reasons=["returned"])
    assert line.state == LineState.UNMATCHED


def test_the_banks_correction_of_a_credit_is_not_taken_for_a_wire_of_ours(account: ProviderAccount) -> None:
    row = wired(account)
    imported(account, document(entry("-200", row.reference, reversal=True), opening=Decimal(500), number=2))
    assert stands(row) == ("sending", "sending", eur("500"))


def test_a_wire_refused_by_the_bank_is_in_the_wallet_again(account: ProviderAccount) -> None:
    row = wired(account)
    part = row.parts.get()
    with pytest.raises(Invalid):
        part_refused_by_bank(actor=staff(PROPOSE), part_id=part.pk, reason="  ")
    with pytest.raises(Forbidden):
        part_refused_by_bank(actor=staff(BANK_IMPORT), part_id=part.pk, reason="closed")
    assert stands(row)[0] == "sending"
    part_refused_by_bank(actor=staff(PROPOSE), part_id=part.pk, reason="Account closed")
    assert stands(row) == ("failed", "failed", eur("500"))
    said = AuditEntry.objects.get(action="payments.wire_refused")
    assert (said.reason, said.object_id) == ("Account closed", str(row.pk))
    for again in (part_refused_by_bank, part_sent_by_hand):
        words = {"reason": "x"} if again is part_refused_by_bank else {"bank_reference": "x"}
        with pytest.raises(WrongState):
            again(actor=staff(PROPOSE), part_id=part.pk, **words)


def test_a_wire_sent_by_hand_needs_the_banks_reference(account: ProviderAccount) -> None:
    row = wired(account)
    with pytest.raises(Invalid):
        part_sent_by_hand(actor=staff(PROPOSE), part_id=row.parts.get().pk, bank_reference=" ")
    assert stands(row) == ("sending", "sending", eur("500"))
