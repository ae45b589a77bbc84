"""Money that left a bank without an order of ours: work until a person has said what it was."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from kernel.errors import Invalid
from sandbox.bank import camt
from sandbox.bank.mt940 import render_mt940
from tenant_apps.accounts.tests.support import log_in
from tenant_apps.accounts.tests.support import staff as person
from tenant_apps.payments.models import BankLine, LineState, ProviderAccount
from tenant_apps.payments.permissions_list import BANK_IMPORT
from tenant_apps.payments.services import bank_lines
from tenant_apps.wallets.worklist.registry import Said, source_for

from .support import staff
from .test_bank import OURS, document, entry, imported, wire_account


@pytest.fixture
def account(tenant: Any) -> ProviderAccount:
    return wire_account()


@pytest.mark.parametrize("form", ["camt", "mt940"])
def test_what_the_bank_calls_its_charges_waits_with_that_as_its_note(
    account: ProviderAccount, tenant: Any, form: str
) -> None:
    sheet = camt.Statement(
        iban=OURS, currency="EUR", entries=[entry("-3", "Fee", own_charges=True)], opening=Decimal(9)
    )
    imported(account, camt.render(sheet) if form == "camt" else render_mt940(sheet))
    line = BankLine.objects.get()
    assert (line.state, line.reasons) == (LineState.UNMATCHED, ["charges"])
    office = log_in(tenant, person("finance"))
    assert 'value="Charges of the bank"' in office.get("/payments/bank/").content.decode()
    assert office.post(f"/payments/bank/lines/{line.pk}/ignore/", {"note": "Charges of the bank"}).status_code == 302
    body = office.get(f"/payments/bank/{line.statement_id}/").content.decode()
    assert "Charges of the bank" in body
    assert f"/payments/bank/lines/{line.pk}/back/" in body


def test_money_that_left_without_an_order_is_work_until_somebody_says_what_it_was(account: ProviderAccount) -> None:
    imported(account, document(entry("-90", "Direct debit"), opening=Decimal(100)))
    line, finance = BankLine.objects.get(), staff(BANK_IMPORT)
    source = source_for(finance, "bank_line")
    assert source is not None
    assert line in source.mine(finance)
    (decision,) = source.decisions(finance, line)
    with pytest.raises(Invalid):
        decision.act(finance, line, Said(text=" "))
    decision.act(finance, line, Said(text="The rent"))
    line.refresh_from_db()
    assert (line.state, line.note) == (LineState.IGNORED, "The rent")
    assert line not in source.open(finance)


def test_what_left_before_people_had_to_say_why_can_be_taken_up(account: ProviderAccount) -> None:
    imported(account, document(entry("-90", "Direct debit"), opening=Decimal(100)))
    BankLine.objects.update(state=LineState.OUTGOING)
    line = bank_lines.line_back(actor=staff(BANK_IMPORT), line_id=BankLine.objects.get().pk)
    assert line.state == LineState.UNMATCHED
