"""What the second person sees in the money inbox is what they agree to: all of it is there, and nothing else is approved."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

import pytest

from kernel.ids import uuid7
from tenant_apps.accounts.models import User
from tenant_apps.bonuses.models import PackChoice, SchemeVersion
from tenant_apps.bonuses.services.packs import choice_propose
from tenant_apps.bonuses.services.schemes import scheme_approve, scheme_propose
from tenant_apps.bonuses.tests.support import rules, terms
from tenant_apps.clients.errors import ShownDiffers
from tenant_apps.clients.eyes import shown
from tenant_apps.payments.models import BankLine, LineState, ProposedChange, SuspensePayment
from tenant_apps.payments.permissions_list import BANK_APPROVE, BANK_IMPORT
from tenant_apps.payments.services import bank_lines, suspense
from tenant_apps.payments.services.withdrawals import withdrawal_approve, withdrawal_shown
from tenant_apps.payments.tests.support import eur, make_client, staff
from tenant_apps.payments.tests.test_bank import document, entry, imported, wire_account
from tenant_apps.payments.tests.test_chain import checked
from tenant_apps.payments.tests.test_money_states import in_suspense
from tenant_apps.payments.tests.test_pages import officer, seen_on
from tenant_apps.payments.tests.test_withdrawals import funded
from tenant_apps.reconciliation.models import CorrectionState
from tenant_apps.reconciliation.services.corrections import correction_refuse
from tenant_apps.reconciliation.tests.support import stripe, stripe_line
from tenant_apps.reconciliation.tests.test_cases import case_for, proposed

HTMX = {"HTTP_HX_REQUEST": "true", "HTTP_HX_TARGET": "div#money"}
CASES = ("reconciliation.view", "reconciliation.work", "reconciliation.approve", "payments.view")
BONUSES = ("bonuses.view", "bonuses.propose", "bonuses.approve", "payments.view")
CHANGED = "This was changed meanwhile"


def text_of(answer: Any) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", answer.content.decode()))


def test_a_correction_is_shown_with_its_amount_its_accounts_and_whose_wallet_it_is(tenant: Any) -> None:
    case, person = case_for(stripe(), stripe_line(gross="100.00")), make_client(last_name="Sander")
    web, place = officer(tenant, *CASES), f"/money/case/{case.pk}/"
    assert "€100.00" in text_of(web.get(place))
    proposed(case, target="wallet", amount="12.34", client_number=person.number)
    page = web.get(place).content.decode()
    heading = page[page.index('id="money-title"') : page.index("</h2>", page.index('id="money-title"'))]
    assert "12.34" in heading
    assert "Sander" in heading
    assert "At the provider → The client&#x27;s wallet" in page
    assert f'<bdi dir="ltr" class="num">{person.number}' in page or str(person.number) in page
    assert "12.34" in text_of(web.get("/money/?scope=all&kind=case&q=12.34"))


def test_a_correction_put_in_the_place_of_another_is_not_approved(tenant: Any) -> None:
    case = case_for(stripe(), stripe_line(gross="100.00"))
    web, place = officer(tenant, *CASES), f"/money/case/{case.pk}/"
    first = proposed(case, amount="10.00")
    seen = seen_on(web, place)
    correction_refuse(actor=staff("reconciliation.approve"), correction_id=first.pk, reason="not this")
    second = proposed(case, amount="90.00")
    answer = web.post(f"{place}approve/", seen, **HTMX)
    assert CHANGED in answer.headers["HX-Trigger"]
    second.refresh_from_db()
    assert second.state == CorrectionState.PROPOSED
    web.post(f"{place}approve/", seen_on(web, place), **HTMX)
    second.refresh_from_db()
    assert second.state == CorrectionState.POSTED


def test_a_change_of_rules_is_shown_before_and_after(tenant: Any) -> None:
    row = ProposedChange.objects.create(
        kind="approval_rule", object_id=uuid7(), title="Large ones", proposer_id="someone", proposer_label="Someone",
        before={"approvals": 2}, after={"approvals": 1},
    )  # fmt: skip
    web = officer(tenant, "payments.view", "payments.rules.manage", "payments.rules.edit", "payments.rules")
    page = text_of(web.get(f"/money/change/{row.pk}/"))
    assert re.search(r"Before After \S.* 2 1 ", page)


def line_proposed() -> tuple[BankLine, Any]:
    wire_account()
    imported(wire_account(), document(entry("75", "no reference at all", name="L. V.")))
    line = BankLine.objects.get()
    proposer = staff(BANK_IMPORT)
    bank_lines.line_propose(actor=proposer, line_id=line.pk, client_number=make_client().number)
    return BankLine.objects.get(), proposer


def test_a_bank_payment_moved_to_another_client_is_not_approved_for_them(tenant: Any) -> None:
    line, proposer = line_proposed()
    web = officer(tenant, BANK_IMPORT, BANK_APPROVE, "payments.view")
    seen = [seen_on(web, f"/money/bank_line/{line.pk}/"), seen_on(web, "/payments/bank/")]
    bank_lines.line_back(actor=proposer, line_id=line.pk)
    bank_lines.line_propose(actor=proposer, line_id=line.pk, client_number=make_client().number)
    for posted, path in zip(
        seen, (f"/money/bank_line/{line.pk}/approve/", f"/payments/bank/lines/{line.pk}/approve/"), strict=True
    ):
        assert posted["seen"]
        for values in (posted, {}):
            web.post(path, values)
            line.refresh_from_db()
            assert line.state == LineState.PROPOSED, path
    with pytest.raises(ShownDiffers):
        bank_lines.line_approve(actor=staff(BANK_APPROVE), line_id=line.pk, seen=seen[0]["seen"])
    web.post(f"/money/bank_line/{line.pk}/approve/", seen_on(web, f"/money/bank_line/{line.pk}/"))
    line.refresh_from_db()
    assert line.state == LineState.ASSIGNED


def test_money_in_suspense_proposed_otherwise_meanwhile_stays(tenant: Any) -> None:
    _, row = in_suspense()
    suspense.suspense_propose(actor=staff(), row_id=row.pk, decision="credit")
    seen = shown(SuspensePayment.objects.get(pk=row.pk))
    suspense.suspense_withdraw(actor=staff(), row_id=row.pk)
    suspense.suspense_propose(actor=staff(), row_id=row.pk, decision="refund")
    with pytest.raises(ShownDiffers):
        suspense.suspense_approve(actor=staff(), row_id=row.pk, seen=seen)
    row.refresh_from_db()
    assert row.state == "proposed"


def test_a_withdrawal_whose_parts_go_elsewhere_now_is_looked_at_again(tenant: Any) -> None:
    row = checked(funded())
    seen = withdrawal_shown(row)
    row.parts.update(amount_minor=row.parts.get().amount_minor - 1)
    with pytest.raises(ShownDiffers):
        withdrawal_approve(actor=staff(), withdrawal_id=row.pk, seen=seen)
    row.parts.update(amount_minor=row.parts.get().amount_minor + 1)
    assert withdrawal_approve(actor=staff(), withdrawal_id=row.pk, seen=seen).state == "sending"


def test_what_is_shown_is_drawn_anew_together_with_what_is_approved(tenant: Any) -> None:
    line, proposer = line_proposed()
    web, place = (
        officer(tenant, BANK_IMPORT, BANK_APPROVE, "payments.view", "clients.view"),
        f"/money/bank_line/{line.pk}/",
    )
    other = make_client(last_name="Abendroth")
    bank_lines.line_back(actor=proposer, line_id=line.pk)
    bank_lines.line_propose(actor=proposer, line_id=line.pk, client_number=other.number)
    part = web.get(place, HTTP_HX_REQUEST="true", HTTP_HX_TARGET="div#money-stand").content.decode()
    assert part.count("Abendroth") >= 3  # heading, facts, the client's card
    assert shown(BankLine.objects.get()) in part


def test_terms_of_a_bonus_wait_in_the_inbox_with_what_would_change(tenant: Any) -> None:
    first = scheme_propose(actor=staff(), code="welcome", terms=terms())
    scheme_approve(actor=staff(), version_id=first.pk)
    row = scheme_propose(actor=staff(), code="", terms=terms(percent=Decimal(80)), scheme=first.scheme)
    web, place = officer(tenant, *BONUSES), f"/money/bonus_scheme/{row.pk}/"
    assert "welcome" in text_of(web.get("/money/?kind=bonus_scheme"))
    page = text_of(web.get(place))
    assert "Percent 50 80" in page
    assert "Most per bonus" not in page  # unchanged
    web.post(f"{place}approve/", seen_on(web, place), **HTMX)
    assert SchemeVersion.objects.get(pk=row.pk).state == "approved"


def test_new_terms_show_amounts_as_amounts(tenant: Any) -> None:
    row = scheme_propose(actor=staff(), code="welcome", terms=terms())
    page = text_of(officer(tenant, *BONUSES).get(f"/money/bonus_scheme/{row.pk}/"))
    assert "Most per bonus: €250.00" in page


def test_a_choice_of_rules_waits_in_the_inbox(tenant: Any) -> None:
    rules()
    row = choice_propose(actor=staff(), default="esma", countries={}, reason="Stricter")
    web, place = officer(tenant, *BONUSES), f"/money/bonus_rules/{row.pk}/"
    assert "Stricter" in text_of(web.get(place))
    web.post(f"{place}reject/", {"text": "Not now"}, **HTMX)
    assert PackChoice.objects.get(pk=row.pk).state == "rejected"


def test_nobody_decides_on_their_own_terms(tenant: Any) -> None:
    web = officer(tenant, *BONUSES)
    row = scheme_propose(actor=staff(), code="welcome", terms=terms())
    SchemeVersion.objects.filter(pk=row.pk).update(proposer_id=str(User.objects.latest("created_at").pk))
    page = web.get(f"/money/bonus_scheme/{row.pk}/").content.decode()
    assert f"/money/bonus_scheme/{row.pk}/approve/" not in page
    assert "Take it back" in page


def test_a_digest_tells_apart_and_does_not_depend_on_the_reading(tenant: Any) -> None:
    one, other = make_client(), make_client()
    assert shown(one, eur("1")) == shown(type(one).objects.get(pk=one.pk), eur("1"))
    assert len({shown(one, eur("1")), shown(one, eur("2")), shown(other, eur("1")), shown(one)}) == 4
