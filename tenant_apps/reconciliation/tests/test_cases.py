"""Cases and correcting entries: one per fact, two people, and the ledger's word at the end."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from kernel import clock
from kernel.errors import Forbidden
from kernel.money import Money
from tenant_apps.accounts.models import User
from tenant_apps.accounts.tests.support import actor, log_in
from tenant_apps.accounts.tests.support import staff as person
from tenant_apps.ledger import selectors as ledger
from tenant_apps.ledger.errors import InsufficientFunds
from tenant_apps.ledger.models import Transfer
from tenant_apps.ledger.services import HOUSE, account_ensure
from tenant_apps.notifications.models import Notification
from tenant_apps.payments.errors import SamePerson
from tenant_apps.payments.models import Deposit, ProviderAccount
from tenant_apps.payments.ports import DepositStatus, PaymentState
from tenant_apps.payments.services import posting
from tenant_apps.payments.services.deposits import deposit_apply
from tenant_apps.payments.tests.support import SYSTEM, eur, make_client, staff
from tenant_apps.reconciliation.errors import CaseClosed, NotCorrectable, ReasonMissing
from tenant_apps.reconciliation.models import Case, CaseState, Correction, CorrectionState
from tenant_apps.reconciliation.permissions_list import APPROVE, VIEW, WORK
from tenant_apps.reconciliation.services import cases
from tenant_apps.reconciliation.services.compare import account_compare
from tenant_apps.reconciliation.services.corrections import (
    correction_approve,
    correction_propose,
    correction_refuse,
    correction_reverse,
)
from tenant_apps.wallets.casework import NoColleague
from tenant_apps.wallets.selectors import wallet_of

from .support import credited, stripe, stripe_file, stripe_line, take_in
from .test_compare import credited_in_two_of, in_dollars, settled


def case_for(account: ProviderAccount, *lines: list[str]) -> Case:
    """The case that a run opens for the first line."""
    report = take_in(account, stripe_file(*lines))
    account_compare(account_id=account.pk)
    return Case.objects.get(line__report=report, line__number=2)


def house(kind: str) -> Money:
    return ledger.balance(account_ensure(owner=HOUSE, kind=kind, currency="EUR")).balance


def clearing(account: ProviderAccount) -> Money:
    return ledger.balance(posting.clearing(account, "EUR")).balance


def proposed(
    case: Case, source: str = "clearing", target: str = "suspense", amount: str = "100.00", **values: Any
) -> Correction:
    return correction_propose(
        actor=values.pop("actor", None) or staff(WORK), case_id=case.pk, source=source, target=target, amount=eur(amount),
        reason=values.pop("reason", "The provider has it"), **values,
    )  # fmt: skip


def test_every_mismatch_is_one_case_however_often_it_is_found(tenant: Any) -> None:
    account = stripe()
    one, alone = credited(account), credited(account)
    since, until = clock.now() - timedelta(hours=1), clock.now() + timedelta(hours=1)
    data = stripe_file(
        stripe_line(gross="99.00", intent=one.payment_reference, at=since), stripe_line(gross="5.00", at=until),
        stripe_line("other_adjustment", "-1.00"),
    )  # fmt: skip
    for _ in range(3):
        take_in(account, data)
        account_compare(account_id=account.pk)
    found = {case.fact.partition(":")[0] + ":" + case.kind: case for case in Case.objects.all()}
    assert Case.objects.count() == 4
    assert set(found) == {"line:differs", "line:only_there", "deposit:only_with_us"}
    assert (found["line:differs"].theirs, found["line:differs"].ours) == (eur("99.00"), eur("100.00"))
    assert found["line:differs"].difference == eur("-1.00")
    assert (found["deposit:only_with_us"].deposit_id, found["deposit:only_with_us"].difference) == (
        alone.pk,
        eur("-100.00"),
    )


def test_a_case_closes_when_both_sides_agree_and_says_so(tenant: Any) -> None:
    account = stripe()
    missing = credited(account)
    case = case_for(account, stripe_line(intent="pi_later", gross="7.00"))
    Deposit.objects.filter(pk=missing.pk).update(payment_reference="pi_later", received_minor=700)
    account_compare(account_id=account.pk)
    case.refresh_from_db()
    assert (case.state, case.closed_by) == (CaseState.SOLVED, "")
    assert [row.text for row in case.notes.all()] == ["agrees"]


def test_what_only_we_knew_of_is_told_by_a_later_report(tenant: Any) -> None:
    account = stripe()
    late = credited(account)
    since, until = clock.now() - timedelta(hours=1), clock.now() + timedelta(hours=1)
    take_in(account, stripe_file(stripe_line("fee", "-1", at=since), stripe_line(gross="3.00", at=until)))
    account_compare(account_id=account.pk)
    case = Case.objects.get(fact=f"deposit:{late.pk}")
    assert case.state == CaseState.OPEN
    take_in(account, stripe_file(stripe_line(intent=late.payment_reference)))
    account_compare(account_id=account.pk)
    case.refresh_from_db()
    assert case.state == CaseState.SOLVED


@pytest.mark.parametrize("both", [True, False])
def test_what_was_credited_out_of_suspense_is_told_by_its_payment(tenant: Any, both: bool) -> None:
    """The line belongs to the deposit that was asked for, the case to what that was credited as: all at once, or in two."""
    account = stripe()
    asked = credited_in_two_of(account) if both else in_dollars(account)
    if not both:
        settled(asked, "credit")
    made = list(Deposit.objects.filter(currency="USD"))
    since, until = clock.now() - timedelta(hours=1), clock.now() + timedelta(hours=1)
    take_in(account, stripe_file(stripe_line("fee", "-1", at=since), stripe_line(gross="3.00", at=until)))
    account_compare(account_id=account.pk)
    cases_of = Case.objects.filter(fact__in=[f"deposit:{one.pk}" for one in made])
    assert [case.state for case in cases_of] == [CaseState.OPEN] * len(made)
    take_in(account, stripe_file(stripe_line(gross="120.00", currency="usd", intent=asked.payment_reference)))
    account_compare(account_id=account.pk)
    assert [case.state for case in cases_of.all()] == [CaseState.SOLVED] * len(made)


def test_it_takes_two_people_to_post(tenant: Any) -> None:
    account = stripe()
    case = case_for(account, stripe_line(gross="100.00", fee="1.50"))
    both = staff(WORK, APPROVE)
    row = proposed(case, actor=both)
    with pytest.raises(SamePerson):
        correction_approve(actor=both, correction_id=row.pk)
    with pytest.raises(Forbidden):
        correction_approve(actor=staff(WORK), correction_id=row.pk)
    assert (clearing(account), Transfer.objects.filter(kind__startswith="reconciliation").count()) == (eur("0"), 0)
    done = correction_approve(actor=staff(APPROVE), correction_id=row.pk)
    case.refresh_from_db()
    assert (case.state, done.state) == (CaseState.SOLVED, CorrectionState.POSTED)
    assert (clearing(account), house("suspense"), house("provider_fees")) == (
        eur("-98.50"),
        eur("100.00"),
        eur("-1.50"),
    )
    with pytest.raises(CaseClosed):
        correction_approve(actor=staff(APPROVE), correction_id=row.pk)
    account_compare(account_id=account.pk)
    assert clearing(account) == eur("-98.50")


def test_two_accounts_of_one_person_are_one(tenant: Any) -> None:
    users = [person("finance", name="Ann Miller"), person("finance", name="MILLER Ann")]
    case = case_for(stripe(), stripe_line())
    row = proposed(case, actor=actor(users[0]))
    with pytest.raises(SamePerson):
        correction_approve(actor=actor(users[1]), correction_id=row.pk)


def test_the_database_refuses_one_person_and_a_wallet_without_reason(tenant: Any) -> None:
    row = proposed(case_for(stripe(), stripe_line()))
    for broken in ({"approver_id": row.proposer_id}, {"state": "posted"}, {"target": "wallet"}, {"amount_minor": 0}):
        with pytest.raises(IntegrityError), transaction.atomic():
            Correction.objects.filter(pk=row.pk).update(**broken)


def test_a_clients_wallet_is_touched_with_a_reason_only(tenant: Any) -> None:
    account, client = stripe(), make_client()
    case = case_for(account, stripe_line(gross="100.00"))
    with pytest.raises(ReasonMissing):
        proposed(case, target="wallet", reason=" ", client_number=client.number)
    with pytest.raises(NotCorrectable):
        proposed(case, target="wallet")
    row = proposed(case, target="wallet", client_number=client.number)
    correction_approve(actor=staff(APPROVE), correction_id=row.pk)
    wallet = wallet_of(client.pk, "EUR")
    assert wallet is not None
    assert (wallet.balance, clearing(account)) == (eur("100.00"), eur("-100.00"))


def test_nobody_proposes_or_approves_for_their_own_wallet(tenant: Any) -> None:
    client = make_client(email="ann@example.com")
    users = [person("finance"), person("finance")]
    User.objects.filter(pk=users[0].pk).update(email="ann+work@example.com")
    case = case_for(stripe(), stripe_line())
    with pytest.raises(SamePerson):
        proposed(case, target="wallet", client_number=client.number, actor=actor(users[0]))
    row = proposed(case, target="wallet", client_number=client.number, actor=actor(users[1]))
    with pytest.raises(SamePerson):
        correction_approve(actor=actor(users[0]), correction_id=row.pk)


def test_a_wallet_is_never_overdrawn(tenant: Any) -> None:
    account = stripe()
    deposit = credited(account, "10.00")
    case = case_for(account, stripe_line("refund", "-100.00", intent=deposit.payment_reference))
    row = proposed(case, source="wallet", target="clearing")
    with pytest.raises(InsufficientFunds):
        correction_approve(actor=staff(APPROVE), correction_id=row.pk)
    row.refresh_from_db()
    assert row.state == CorrectionState.PROPOSED


def test_a_posted_one_is_undone_by_two_people_and_once(tenant: Any) -> None:
    account = stripe()
    case = case_for(account, stripe_line(gross="100.00"))
    row = correction_approve(actor=staff(APPROVE), correction_id=proposed(case, target="write_off").pk)
    case.refresh_from_db()
    assert (case.state, house("write_off")) == (CaseState.WRITTEN_OFF, eur("100.00"))
    back = correction_reverse(actor=staff(WORK), correction_id=row.pk, reason="It came after all")
    with pytest.raises(CaseClosed):
        correction_reverse(actor=staff(WORK), correction_id=row.pk, reason="again")
    correction_approve(actor=staff(APPROVE), correction_id=back.pk)
    case.refresh_from_db()
    assert (case.state, house("write_off"), clearing(account)) == (CaseState.IN_WORK, eur("0"), eur("0"))
    with pytest.raises(CaseClosed):
        correction_reverse(actor=staff(WORK), correction_id=row.pk, reason="again")


def test_a_refusal_posts_nothing_and_gives_the_case_back(tenant: Any) -> None:
    case = case_for(stripe(), stripe_line())
    proposer = staff(WORK)
    row = proposed(case, actor=proposer)
    with pytest.raises(Forbidden):
        correction_refuse(actor=staff(WORK), correction_id=row.pk, reason="no")
    correction_refuse(actor=proposer, correction_id=row.pk, reason="my mistake")
    case.refresh_from_db()
    assert (case.state, Transfer.objects.filter(kind__startswith="reconciliation").count()) == (CaseState.IN_WORK, 0)
    assert proposed(case).state == CorrectionState.PROPOSED


def test_what_was_corrected_and_matches_later_is_taken_up_again(tenant: Any) -> None:
    account = stripe()
    deposit = credited(account)
    Deposit.objects.filter(pk=deposit.pk).update(state="pending", payment_reference="pi_twice")
    case = case_for(account, stripe_line(intent="pi_twice"))
    row = correction_approve(actor=staff(APPROVE), correction_id=proposed(case).pk)
    status = DepositStatus(state=PaymentState.PAID, provider_reference="", amount=eur("100.00"))
    deposit_apply(deposit_id=deposit.pk, status=status, actor=SYSTEM)
    for _ in range(2):
        account_compare(account_id=account.pk)
    case.refresh_from_db()
    assert (case.state, [note.text for note in case.notes.filter(author="")]) == (CaseState.IN_WORK, ["twice"])
    back = correction_reverse(actor=staff(WORK), correction_id=row.pk, reason="the webhook was late")
    correction_approve(actor=staff(APPROVE), correction_id=back.pk)
    account_compare(account_id=account.pk)
    case.refresh_from_db()
    assert case.state == CaseState.SOLVED


def test_people_take_note_close_and_reopen(tenant: Any) -> None:
    case, worker = case_for(stripe(), stripe_line()), staff(WORK)
    cases.case_take(actor=worker, case_id=case.pk)
    cases.case_note(actor=worker, case_id=case.pk, text="Asked the provider")
    with pytest.raises(ReasonMissing):
        cases.case_solve(actor=worker, case_id=case.pk, reason="")
    cases.case_solve(actor=worker, case_id=case.pk, reason="A test payment")
    with pytest.raises(CaseClosed):
        cases.case_take(actor=worker, case_id=case.pk)
    row = cases.case_reopen(actor=worker, case_id=case.pk, reason="It was none")
    assert (row.state, row.owner_id) == (CaseState.IN_WORK, worker.id)
    assert [note.text for note in case.notes.order_by("id")] == ["Asked the provider", "A test payment", "It was none"]
    with pytest.raises(Forbidden):
        cases.case_note(actor=staff(VIEW), case_id=case.pk, text="hello")


def test_a_case_is_handed_over_to_who_may_work_on_it_and_they_hear_of_it(tenant: Any) -> None:
    ann, bob, case = person("finance", name="Ann"), person("finance", name="Bob"), case_for(stripe(), stripe_line())
    with pytest.raises(NoColleague):
        cases.case_hand_over(actor=actor(ann), case_id=case.pk, to=str(person("support").pk))
    web = log_in(tenant, ann)
    assert "Bob" in web.get(f"/reconciliation/cases/{case.pk}/").content.decode()
    web.post(f"/reconciliation/cases/{case.pk}/hand-over/", {"to": str(bob.pk)})
    case.refresh_from_db()
    assert (case.owner_id, case.state) == (str(bob.pk), CaseState.IN_WORK)
    assert [row.user_id for row in Notification.objects.filter(kind="wallets.case_handed_over")] == [bob.pk]
    cases.case_solve(actor=actor(bob), case_id=case.pk, reason="A test payment")
    with pytest.raises(CaseClosed):
        cases.case_hand_over(actor=actor(bob), case_id=case.pk, to=str(ann.pk))


def test_who_may_approve_hears_of_it_once(tenant: Any) -> None:
    approver, proposer = person("finance"), person("finance")
    person("support")
    proposed(case_for(stripe(), stripe_line()), actor=actor(proposer))
    assert list(Notification.objects.filter(kind="reconciliation.correction").values_list("user_id", flat=True)) == [
        approver.pk
    ]


# --- the office


def test_from_the_list_to_a_posted_correction(tenant: Any) -> None:
    account = stripe()
    first, second = log_in(tenant, person("finance", name="Ann")), log_in(tenant, person("finance", name="Bob"))
    case = case_for(account, stripe_line(gross="100.00"), stripe_line(gross="3.00"))
    place = f"/reconciliation/cases/{case.pk}/"
    assert place in first.get("/reconciliation/cases/").content.decode()
    assert first.post(f"{place}take/").status_code == 302
    page = first.get(place)
    assert page.context["form"].initial["source"] == "clearing"
    assert (
        first.post(f"{place}propose/", {"source": "clearing", "target": "suspense", "amount": "0"}).status_code == 422
    )
    given = {"source": "clearing", "target": "suspense", "amount": "100.00", "reason": "It is there"}
    assert first.post(f"{place}propose/", given).status_code == 302
    row = Correction.objects.get()
    assert f"corrections/{row.pk}/approve/" not in first.get(place).content.decode()
    assert f"corrections/{row.pk}/approve/" in second.get(place).content.decode()
    assert second.post(f"/reconciliation/corrections/{row.pk}/approve/").status_code == 302
    body = second.get(place).content.decode()
    assert "Posted in the ledger" in body
    assert account.name in body
    assert second.get(f"{place}next/").headers["Location"] != place
    exported = b"".join(second.get("/reconciliation/cases/export/?view=all").streaming_content).decode()
    assert len(exported.splitlines()) == 3


def test_the_list_costs_the_same_however_many_cases(tenant: Any) -> None:
    office, account, counts = log_in(tenant, person("finance")), stripe(), []
    for size in (2, 30):
        take_in(account, stripe_file(*(stripe_line(gross=f"{size}.{n:02}") for n in range(size))))
        account_compare(account_id=account.pk)
        office.get("/reconciliation/cases/")
        with CaptureQueriesContext(connection) as queries:
            assert office.get("/reconciliation/cases/").status_code == 200
        counts.append(len(queries))
    assert counts[0] == counts[1]
