"""Bank wires: instructions, statements as banks write them, matching with reasons, four eyes for the rest."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from kernel.money import Money
from sandbox.bank import camt
from tenant_apps.clients.models import Client
from tenant_apps.ledger import selectors as ledger
from tenant_apps.payments.adapters.bank_wire import camt053
from tenant_apps.payments.errors import SamePerson, StatementRefused, WrongState
from tenant_apps.payments.models import BankLine, Deposit, DepositState, LineState, ProviderAccount, WithdrawalState
from tenant_apps.payments.permissions_list import APPROVE, BANK_APPROVE, BANK_IMPORT, PROPOSE
from tenant_apps.payments.services import bank, posting
from tenant_apps.payments.services.deposits import deposit_open, deposit_start
from tenant_apps.payments.services.withdrawals import withdrawal_approve, withdrawal_check, withdrawal_request
from tenant_apps.wallets.selectors import wallet_of

from .support import client_actor, eur, make_account, make_client, make_rule, staff

OURS = "DE89370400440532013000"
THEIRS = "AT611904300234573201"


@pytest.fixture
def account(tenant: Any) -> ProviderAccount:
    made = make_account(
        "bank_wire", settings={"iban": OURS, "holder": "Nordwind", "bic": "X", "bank": "Bank"}, currencies=["EUR"]
    )
    make_rule(made, "wire")
    return made


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


def imported(account: ProviderAccount, data: bytes) -> bank.Imported:
    return bank.statement_import(actor=staff(BANK_IMPORT), account=account, name="s.xml", data=data)


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
    done = bank.statement_import(
        actor=staff(BANK_IMPORT), account=other, name="s.xml", data=document(entry("500", deposit.reference))
    )
    assert (done.lines, done.credited) == (1, 0)
    line = BankLine.objects.get()
    assert (line.state, line.reasons) == (LineState.UNMATCHED, ["reference", "amount", "name", "other_account"])
    bank.line_propose(actor=staff(BANK_IMPORT), line_id=line.pk, client_number=deposit.client.number)
    bank.line_approve(actor=staff(BANK_APPROVE), line_id=line.pk)
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
    assert list(BankLine.objects.order_by("position").values_list("state", flat=True)) == ["unmatched", "outgoing"]
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


def test_equal_movements_of_one_day_are_two() -> None:
    alike = entry("10", "same", bank_reference="")
    first, second = camt053.read(document(alike, alike))[0].lines
    assert first.key != second.key


def test_by_hand_it_takes_two_people(account: ProviderAccount) -> None:
    person = make_client()
    imported(account, document(entry("75", "no reference at all", name="L. V.")))
    line = BankLine.objects.get()
    proposer = staff(BANK_IMPORT, BANK_APPROVE)
    bank.line_propose(actor=proposer, line_id=line.pk, client_number=person.number)
    with pytest.raises(SamePerson):
        bank.line_approve(actor=proposer, line_id=line.pk)
    assert balance(person) == eur("0")
    bank.line_approve(actor=staff(BANK_APPROVE), line_id=line.pk)
    with pytest.raises(WrongState):
        bank.line_approve(actor=staff(BANK_APPROVE), line_id=line.pk)
    line.refresh_from_db()
    assert (line.state, balance(person)) == (LineState.ASSIGNED, eur("75"))


def test_a_wire_of_ours_on_the_statement_closes_the_withdrawal(account: ProviderAccount) -> None:
    deposit = announced(account)
    imported(account, document(entry("500", deposit.reference)))
    person = deposit.client
    row = withdrawal_request(
        actor=client_actor(person), client=person, amount=eur("200"), iban=THEIRS, holder="Lena Vogt"
    )  # fmt: skip
    withdrawal_check(actor=staff(PROPOSE), withdrawal_id=row.pk)
    withdrawal_approve(actor=staff(APPROVE), withdrawal_id=row.pk)
    imported(account, document(entry("-200", row.reference), opening=Decimal(500), number=2))
    row.refresh_from_db()
    assert (row.state, row.paid) == (WithdrawalState.PAID, eur("200"))
    assert balance(person) == eur("300")
    assert ledger.broken_invariants() == {}
