"""Who has to agree: rules, steps in their order, roles, the client's manager, and what a rule lets through by itself."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils.html import escape

from kernel import clock
from kernel.actors import Reach
from kernel.errors import AppError, Forbidden, Invalid
from kernel.models import AuditEntry
from tenant_apps.accounts.models import Role, User
from tenant_apps.accounts.tests.support import actor as actor_of
from tenant_apps.accounts.tests.support import staff as staff_user
from tenant_apps.clients.models import Client
from tenant_apps.ledger import selectors as ledger
from tenant_apps.ledger.tests.support import in_threads
from tenant_apps.notifications.models import Notification
from tenant_apps.payments import selectors
from tenant_apps.payments.errors import NotYourTurn, SamePerson, WithdrawalRefused, WrongState
from tenant_apps.payments.models import (
    ApprovalRule,
    ApprovalStep,
    Deposit,
    DepositState,
    Freeze,
    FundsThreshold,
    Withdrawal,
    WithdrawalState,
)
from tenant_apps.payments.office.payout_forms import RuleForm
from tenant_apps.payments.permissions_list import AGREE, APPROVE, PROPOSE, RULES
from tenant_apps.payments.services.checks import withdrawal_checks
from tenant_apps.payments.services.rules import approval_rule_save
from tenant_apps.payments.services.tracker import MISSING, tracker_of
from tenant_apps.payments.services.withdrawals import (
    withdrawal_approve,
    withdrawal_check,
    withdrawal_reject,
    withdrawal_request,
)
from tenant_apps.wallets import risk_signs

from .support import client_actor, eur, staff
from .test_pages import trader
from .test_withdrawals import IBAN, amounts, funded, requested


def make_rule(**values: Any) -> ApprovalRule:
    fields: dict[str, Any] = {"name": "Rule", "currency": "EUR", "steps": [""]}
    return approval_rule_save(actor=staff(RULES), rule=ApprovalRule(**{**fields, **values}))


def checked(person: Client, amount: str = "200") -> Withdrawal:
    row = requested(person, amount)
    return withdrawal_check(actor=staff(PROPOSE), withdrawal_id=row.pk)


def test_the_first_rule_that_fits_makes_the_chain(tenant: Any) -> None:
    make_rule(name="large", position=1, minimum_minor=150_00, steps=["", "", ""])
    make_rule(name="any", position=2, steps=["", ""])
    make_rule(name="off", position=0, steps=[""] * 5, enabled=False)
    large, small = requested(funded(), "150"), requested(funded(), "149.99")
    assert [(row.rule and row.rule.name, row.steps.count()) for row in (large, small)] == [("large", 4), ("any", 3)]


@pytest.mark.parametrize(
    ("condition", "fits"),
    [
        ({"countries": ["DE"]}, True), ({"countries": ["FR"]}, False), ({"tags": ["vip"]}, True),
        ({"tags": ["bad"]}, False), ({"methods": ["wire"]}, True), ({"methods": ["back"]}, False),
        ({"risk_from": 5}, True), ({"risk_from": 99}, False), ({"currency": "USD"}, False), ({"currency": ""}, True),
        ({"maximum_minor": 100_00}, False),
    ],
)  # fmt: skip
def test_conditions(tenant: Any, condition: dict[str, Any], fits: bool) -> None:
    make_rule(**condition)
    row = requested(funded(tags=["vip", "new"]))
    assert (row.rule is not None) == fits
    assert row.steps.count() == 2


def test_three_people_one_after_the_other(tenant: Any) -> None:
    make_rule(steps=["", ""])
    person = funded()
    row = checked(person)
    first, second = staff(APPROVE, PROPOSE), staff(APPROVE)
    withdrawal_approve(actor=first, withdrawal_id=row.pk)
    row.refresh_from_db()
    assert (row.state, row.approved_at) == (WithdrawalState.CHECKED, None)
    with pytest.raises(SamePerson):
        withdrawal_approve(actor=first, withdrawal_id=row.pk)
    withdrawal_approve(actor=second, withdrawal_id=row.pk)
    row.refresh_from_db()
    assert (row.state, row.approver_id) == (WithdrawalState.SENDING, second.id)
    with pytest.raises(WrongState):
        withdrawal_approve(actor=staff(APPROVE), withdrawal_id=row.pk)
    assert amounts(person) == (eur("500"), eur("200"))


def test_the_database_itself_refuses_two_steps_of_one_person(tenant: Any) -> None:
    make_rule(steps=["", ""])
    row = requested(funded())
    with pytest.raises(IntegrityError), transaction.atomic():
        ApprovalStep.objects.filter(withdrawal=row).update(decided_by_id="same")


def test_a_rule_changed_later_changes_nothing(tenant: Any) -> None:
    rule = make_rule(steps=["", ""])
    row = checked(funded())
    rule.steps = [""]
    approval_rule_save(actor=staff(RULES), rule=rule)
    withdrawal_approve(actor=staff(APPROVE), withdrawal_id=row.pk)
    row.refresh_from_db()
    assert row.state == WithdrawalState.CHECKED


def test_a_step_for_a_role_is_for_who_holds_it(tenant: Any) -> None:
    finance, owner = staff_user("finance", name="Fin One"), staff_user("owner", name="Olga Own")
    make_rule(steps=["role:owner"])
    row = checked(funded())
    for one, waits in ((finance, 0), (owner, 1)):
        assert selectors.waiting_for(actor_of(one)).count() == waits
    with pytest.raises(NotYourTurn):
        withdrawal_approve(actor=actor_of(finance), withdrawal_id=row.pk)
    withdrawal_approve(actor=actor_of(owner), withdrawal_id=row.pk)
    row.refresh_from_db()
    assert row.state == WithdrawalState.SENDING


def test_telling_the_holders_of_a_role_costs_the_same_however_many_may_approve(tenant: Any) -> None:
    """It is told in the client's turn, in which everything else of the client's waits."""
    holder, asked = staff_user("owner"), []
    make_rule(steps=["role:owner"])
    for colleagues in (1, 5):
        for _ in range(colleagues):
            staff_user("finance")
        row = requested(funded(), "10")
        with CaptureQueriesContext(connection) as queries:
            withdrawal_check(actor=staff(PROPOSE), withdrawal_id=row.pk)
        asked.append(len(queries))
        told = Notification.objects.filter(
            data__withdrawal_id=str(row.pk), title="A withdrawal waits for your approval"
        )
        assert list(told.values_list("user_id", flat=True)) == [holder.pk]
    assert asked[0] == asked[1]


def manager(name: str) -> User:
    role = Role.objects.create(
        name="Managers", code=f"m-{name.lower()}", grants={AGREE: int(Reach.OWN), "payments.view": int(Reach.OWN)}
    )
    user = staff_user("sales", name=name)
    user.roles.set([role])
    return user


def test_the_clients_manager_is_asked_first(tenant: Any) -> None:
    make_rule(steps=["manager", ""])
    mine, other = manager("Mia"), manager("Otto")
    row = checked(funded(owner_id=mine.pk))
    with pytest.raises(Forbidden):
        withdrawal_approve(actor=actor_of(other), withdrawal_id=row.pk)
    with pytest.raises(NotYourTurn):
        withdrawal_approve(actor=staff(APPROVE), withdrawal_id=row.pk)
    assert [selectors.waiting_for(actor_of(one)).count() for one in (mine, other)] == [1, 0]
    withdrawal_approve(actor=actor_of(mine), withdrawal_id=row.pk)
    with pytest.raises(AppError):  # agreeing is not approving
        withdrawal_approve(actor=actor_of(mine), withdrawal_id=row.pk)
    withdrawal_approve(actor=staff(APPROVE), withdrawal_id=row.pk)
    row.refresh_from_db()
    assert row.state == WithdrawalState.SENDING


def test_a_client_without_a_manager_does_not_wait_for_nobody(tenant: Any) -> None:
    make_rule(steps=["manager"])
    row = checked(funded())
    withdrawal_approve(actor=staff(APPROVE), withdrawal_id=row.pk)
    row.refresh_from_db()
    assert row.state == WithdrawalState.SENDING


def test_the_manager_may_reject_at_their_step(tenant: Any) -> None:
    make_rule(steps=["manager"])
    mine = manager("Mia")
    person = funded(owner_id=mine.pk)
    row = checked(person)
    withdrawal_reject(actor=actor_of(mine), withdrawal_id=row.pk, reason="origin")
    assert amounts(person) == (eur("500"), eur("0"))


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("maximum", {"minimum_minor": 200, "maximum_minor": 100}), ("currency", {"currency": "", "minimum_minor": 1}),
        ("maximum", {"auto": True}), ("steps", {"steps": ["role:nobody"]}), ("steps", {"steps": [""] * 6}),
    ],
)  # fmt: skip
def test_rules_that_cannot_be_are_refused(tenant: Any, field: str, values: dict[str, Any]) -> None:
    with pytest.raises(Invalid) as refused:
        make_rule(**values)
    assert refused.value.field == field
    with pytest.raises(Forbidden):
        approval_rule_save(actor=staff(APPROVE), rule=ApprovalRule(name="x"))


# --- by a rule, without anybody ------------------------------------------------------------------------------------


def auto(**values: Any) -> ApprovalRule:
    return make_rule(**{"auto": True, "maximum_minor": 300_00, "auto_risk_below": 100, **values})


def test_small_and_sound_goes_by_itself(tenant: Any) -> None:
    auto()
    person = funded()
    row = requested(person, "100")
    assert (row.state, row.auto, row.approver_id, row.proposer_id) == (WithdrawalState.SENDING, True, "", "")
    assert row.approver_label == "rule: Rule"
    assert amounts(person) == (eur("500"), eur("100"))
    assert [(step.decided_by_id, step.decided_by_label) for step in row.steps.all()] == [("", "rule: Rule")]
    assert requested(funded(), "300.01").state == WithdrawalState.REQUESTED


def test_what_goes_by_itself_is_checked_once(tenant: Any) -> None:
    """The second time everybody else's withdrawals waited for it, too."""
    auto()
    person = funded()
    with CaptureQueriesContext(connection) as queries:
        row = requested(person, "100")
    limits = [query for query in queries if 'FROM "payments_withdrawal_policy"' in query["sql"]]
    assert (row.auto, len(limits)) == (True, 2)  # before anything is written, and by the checks
    assert [check["good"] for check in row.checks] == [True] * 11


@pytest.mark.parametrize("why", ["unverified", "risk", "on behalf", "off"])
def test_whatever_is_not_sound_waits_for_people(tenant: Any, why: str) -> None:
    auto(auto_risk_below=1 if why == "risk" else 100, enabled=why != "off")
    person = funded()
    if why == "unverified":
        person.destinations.update(state="new")
    asker = staff(PROPOSE) if why == "on behalf" else client_actor(person)
    row = withdrawal_request(actor=asker, client=person, amount=eur("10"), iban=IBAN, holder="Lena Vogt")
    assert (row.state, row.auto) == (WithdrawalState.REQUESTED, False)


@pytest.fixture
def calm(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing that other apps know speaks against anybody: people of these tests share a bank account already."""
    monkeypatch.setattr(risk_signs, "_signs", {})


def test_caps_per_client_and_for_all(tenant: Any, settings: Any, calm: None) -> None:
    settings.DEMO = True
    auto(client_daily_minor=150_00, client_weekly_minor=200_00, total_daily_minor=250_00)
    one, two, now = funded(), funded(), clock.now()
    assert [requested(one, amount).auto for amount in ("100", "50", "0.01")] == [True, True, False]
    assert [requested(two, amount).auto for amount in ("100", "0.01")] == [True, False]  # 250 for everybody
    with clock.frozen_at(now + timedelta(days=2)):
        assert [requested(one, amount).auto for amount in ("50", "0.01")] == [True, False]  # 200 in the week


CAPS = ("client_daily", "client_weekly", "client_monthly", "total_daily")


@pytest.mark.parametrize("cap", CAPS)
def test_a_cap_of_zero_lets_nothing_through(tenant: Any, cap: str) -> None:
    """Typed, stored, proposed and shown: zero is a cap, and nothing typed is none."""
    rule = auto(**{f"{name}_minor": 500_00 for name in CAPS})
    assert requested(funded(), "10").auto
    typed = {
        "name": "Rule", "currency": "EUR", "minimum": "", "maximum": "300", "countries": "", "tags": "", "risk_from": "0",
        "step0": "any", "auto": "on", "auto_risk_below": "100", "position": "0", "enabled": "on",
        **{name: "0" if name == cap else "" for name in CAPS},
    }  # fmt: skip
    form = RuleForm(data=typed, rule=rule)
    assert form.is_valid(), form.errors
    stored = approval_rule_save(actor=staff(RULES), rule=form.result())
    assert [getattr(stored, f"{name}_minor") for name in CAPS] == [0 if name == cap else None for name in CAPS]
    shown = AuditEntry.objects.filter(action="payments.approval_rule_saved").latest("id").after
    assert {name: shown[name] for name in CAPS} == {name: "0.00 EUR" if name == cap else None for name in CAPS}
    assert RuleForm(rule=stored).initial[cap] == eur("0")
    assert not requested(funded(), "0.01").auto


def test_a_largest_amount_of_zero_fits_nothing(tenant: Any) -> None:
    auto(maximum_minor=0)
    assert requested(funded(), "0.01").rule is None


def test_what_was_refused_does_not_use_a_cap_up(tenant: Any) -> None:
    auto(client_daily_minor=100_00)
    person = funded()
    row = requested(person, "100")
    Withdrawal.objects.filter(pk=row.pk).update(state=WithdrawalState.FAILED)
    assert requested(person, "100").auto


def test_two_at_once_do_not_both_take_the_last_of_a_cap(live_tenant: Any, calm: None) -> None:
    auto(total_daily_minor=100_00)
    people = [funded() for _ in range(6)]

    def ask(number: int) -> bool:
        return requested(people[number], "100").auto

    assert sorted(in_threads(ask, 6, live_tenant)) == [False] * 5 + [True]
    connection.close()
    assert ledger.broken_invariants() == {}


# --- what the client sees ------------------------------------------------------------------------------------------


def test_the_tracker_says_who_has_it_what_is_missing_and_by_when(tenant: Any, settings: Any) -> None:
    settings.DEMO = True
    make_rule(steps=["manager", ""])
    mine = manager("Mia")
    person = funded(owner_id=mine.pk)
    person.destinations.update(state="new")
    row = requested(person)

    def seen() -> list[tuple[str, str]]:
        fresh = selectors.client_withdrawal(person.pk, row.pk)
        return [(stage.who, stage.state) for stage in tracker_of(fresh, list(fresh.parts.all())).stages]

    def titles() -> list[str]:
        return [str(stage.title) for stage in tracker_of(selectors.client_withdrawal(person.pk, row.pk), []).stages]

    first = tracker_of(row, [])
    assert seen() == [
        ("", "done"), ("Payments team", "current"), ("Your account manager", "todo"), ("Payments team", "todo"),
        ("Bank or payment provider", "todo"),
    ]  # fmt: skip
    assert titles() == ["Requested", "Check", "Approval", "Approval", "Sent"]  # nothing is told as done before it is
    assert [line.words for line in first.missing] == ["We are verifying that the account is yours."]
    assert first.due_at == row.due_at
    assert not first.late
    person.destinations.update(state="verified")
    withdrawal_check(actor=staff(PROPOSE), withdrawal_id=row.pk)
    assert [state for _, state in seen()] == ["done", "done", "current", "todo", "todo"]
    assert titles()[1:3] == ["Checked", "Approval"]
    assert "Mia" not in str(seen())
    with clock.frozen_at(clock.now() + timedelta(hours=25)):
        assert tracker_of(selectors.client_withdrawal(person.pk, row.pk), []).late
    withdrawal_reject(actor=staff(PROPOSE), withdrawal_id=row.pk, reason="origin")
    assert [state for _, state in seen()] == ["done", "done", "failed", "todo", "todo"]


def test_a_check_that_fails_stops_it_and_says_which(tenant: Any) -> None:
    person = funded()
    row = requested(person)
    person.destinations.update(state="refused")
    with pytest.raises(WithdrawalRefused) as refused:
        withdrawal_check(actor=staff(PROPOSE), withdrawal_id=row.pk)
    assert refused.value.data["check"] == "destination"
    assert row.steps.filter(decided_at=None).count() == 2


def test_every_check_that_fails_has_words_and_the_clients_own_part_a_link(tenant: Any) -> None:
    row = requested(funded())
    known = {check["code"] for check in withdrawal_checks(row)} | {"name", "iban", "destination"}
    states = {f"destination:{state}" for state in ("", "new", "cooling", "refused", "retired")}
    assert known - {"destination"} | states <= set(MISSING)


def test_the_tracker_says_what_is_missing_and_where_to_answer_it(tenant: Any) -> None:
    person = funded()
    row = requested(person)
    deposit = Deposit.objects.get()
    Withdrawal.objects.filter(pk=row.pk).update(holder="Somebody Else", iban="DE00")
    FundsThreshold.objects.create(currency="EUR", amount_minor=1)
    lost = Deposit.objects.create(
        client=person, provider_account=deposit.provider_account, reference="D2", method="wire", currency="EUR",
        amount_minor=1, state=DepositState.REVERSED,
    )  # fmt: skip
    Freeze.objects.create(client=person, deposit=lost, currency="EUR", lost_minor=1, uncovered_minor=1)
    web = trader(tenant, person)
    page = web.get(f"/cashier/withdrawals/{row.pk}/").content.decode()
    assert 'href="/cashier/funds/"' in page
    for code in ("funds_source", "name", "iban", "held", "no_reversal"):
        assert escape(str(MISSING[code])) in page, code
    Withdrawal.objects.filter(pk=row.pk).update(hold_reason="reversal")
    page = web.get(f"/cashier/withdrawals/{row.pk}/").content.decode()
    assert escape(str(MISSING["held"])) not in page  # said above already
