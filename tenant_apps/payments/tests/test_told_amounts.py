"""What the news says of amounts: fees of what came and not of what was asked for, losses that come back in part, payments
told otherwise than presumed, and withdrawals paid after they had failed."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kernel.models import AuditEntry
from kernel.money import Money
from tenant_apps.ledger import selectors as ledger
from tenant_apps.notifications.models import Notification
from tenant_apps.payments.models import Deposit, DepositState, Freeze, PartState, SuspensePayment, WithdrawalState
from tenant_apps.payments.ports import PaymentState, RefundState, RefundStatus
from tenant_apps.payments.services import suspense
from tenant_apps.payments.services.freezes import freeze_lift, freeze_take
from tenant_apps.payments.services.losses import deposit_refunded
from tenant_apps.payments.services.parts import part_apply, parts_to_ask
from tenant_apps.payments.services.withdrawals import withdrawal_approve, withdrawal_check

from .support import SYSTEM, eur, make_rule, staff
from .test_exactly_once import pending_deposit
from .test_money_states import another, asked, cleared, finance, funded_twice, house, spend, tell, wallet
from .test_pages import officer

LENIENT = settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def with_fee(*, percent: str = "0", fixed: int = 0, fee: int, minor: int = 10_000) -> Deposit:
    """Pending, with the fee that was shown for it."""
    deposit = pending_deposit(amount_minor=minor, fee_minor=fee)
    rule = make_rule(deposit.provider_account, "card", fee_percent=Decimal(percent), fee_fixed_minor=fixed)
    Deposit.objects.filter(pk=deposit.pk).update(rule=rule)
    deposit.refresh_from_db()
    return deposit


# --- fees -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("percent", "fixed", "fee", "came", "charged"),
    [
        ("2", 0, 200, 600_000, 12_000),  # more than a hundred times what was announced: still two per cent
        ("0", 500, 500, 250_000, 500),  # a fixed fee is not multiplied
        ("0", 500, 500, 5_000, 250),  # nor does it eat up a small payment
        ("1", 100, 200, 1, 0),
    ],
)
def test_the_fee_is_that_of_what_came(tenant: Any, percent: str, fixed: int, fee: int, came: int, charged: int) -> None:
    deposit = with_fee(percent=percent, fixed=fixed, fee=fee)
    assert tell(deposit, PaymentState.PAID, Money(came, "EUR")) == "credited"
    assert (deposit.fee_minor, wallet(deposit)) == (charged, (came - charged, 0))
    assert house("fees") == Money(charged, "EUR")


def test_each_further_payment_to_an_address_pays_its_own_fee(tenant: Any) -> None:
    deposit = with_fee(percent="2", fee=200)
    tell(deposit, PaymentState.PAID, eur("1000"), payment_reference="tx1", apart=True)
    for number, (amount, fee) in enumerate([("500", 1_000), ("50", 100), ("9000", 18_000)], 2):
        tell(deposit, PaymentState.PAID, eur(amount), payment_reference=f"tx{number}", apart=True)
        assert Deposit.objects.get(payment_reference=f"tx{number}").fee_minor == fee
    assert house("fees") == eur("211")


def test_a_providers_fee_is_that_payments(tenant: Any) -> None:
    deposit = pending_deposit()
    for reference, fee in (("tx1", "1"), ("tx2", "5"), ("tx1", "1"), ("tx2", "6")):
        tell(deposit, PaymentState.PAID, eur("100"), payment_reference=reference, apart=True, fee=eur(fee))
    fees = dict(Deposit.objects.values_list("payment_reference", "provider_fee_minor"))
    assert (fees, house("provider_fees")) == ({"tx1": 100, "tx2": 600}, eur("-7"))


def test_a_payment_of_nothing_credits_nothing(tenant: Any) -> None:
    deposit = pending_deposit()
    assert tell(deposit, PaymentState.PAID, eur("0")) == "nothing came"
    assert (deposit.state, wallet(deposit)) == (DepositState.PENDING, (0, 0))


# --- losses ---------------------------------------------------------------------------------------------------------


def test_a_dispute_won_in_part_makes_the_house_whole_first(tenant: Any) -> None:
    one, _ = funded_twice()
    spend(one, "900")
    tell(one, PaymentState.REVERSED, dispute="dp")  # 100 of the wallet, 400 of the house
    assert tell(one, PaymentState.REINSTATED, eur("450"), dispute="dp") == "reinstated in part"
    freeze = Freeze.objects.get()
    assert (freeze.lost, freeze.uncovered, freeze.active) == (eur("50"), eur("0"), True)
    assert (wallet(one), house("suspense"), one.state, one.reversed_minor) == (
        (5_000, 0), eur("0"), DepositState.REVERSED, 5_000,
    )  # fmt: skip
    assert tell(one, PaymentState.REINSTATED, eur("450"), dispute="dp") == "nothing"
    assert tell(one, PaymentState.REVERSED, dispute="dp") == "nothing"


@LENIENT
@given(spent=st.integers(0, 1000), back=st.integers(1, 700), later=st.integers(0, 600), lift=st.booleans())
def test_whatever_part_is_won_every_cent_is_accounted_for(
    tenant: Any, spent: int, back: int, later: int, lift: bool
) -> None:
    """Clearing shows what the provider owes; the wallet and what the house carries share the loss; no more is set aside than is
    not covered."""
    one, two = funded_twice()
    if spent:
        spend(one, str(spent), key=f"spent:{one.pk}")
    tell(one, PaymentState.REVERSED, dispute="dp")
    if later:
        tell(another(one), PaymentState.PAID, eur(str(later)))
    if lift:
        freeze_lift(actor=staff(), deposit_id=one.pk)
    tell(one, PaymentState.REINSTATED, eur(str(back)), dispute="dp")
    won = min(back, 500)
    lost = eur(str(500 - won))
    assert cleared(one) == -eur(str(won))
    freeze = Freeze.objects.filter(deposit=one).order_by("-created_at")[0]
    carried = freeze.uncovered if won < 500 else eur("0")  # won wholly: what had been booked is mirrored
    assert freeze.held <= carried <= lost
    assert freeze.active == (not lift and won < 500)
    purse, held = wallet(one)
    assert held == (freeze.held.minor if freeze.active else 0)
    assert purse >= held
    assert Money(purse, "EUR") - carried == eur(str(1000 + later - spent)) - lost
    assert ledger.broken_invariants() == {}
    assert two.pk != one.pk


@pytest.mark.parametrize("came", ["60", "100", "250", "500"])
@pytest.mark.parametrize("spent", [0, 300])
def test_a_loss_of_all_there_was_follows_what_there_was(tenant: Any, came: str, spent: int) -> None:
    """The chargeback is heard of before the payment and neither amount is known; then the payment tells its own."""
    other = pending_deposit()
    one = another(other, amount_minor=10_000)
    if spent:  # the house carries 300 already, and what comes is set aside for that
        tell(other, PaymentState.PAID)
        spend(other, str(spent))
        tell(other, PaymentState.REVERSED)
    tell(one, PaymentState.REVERSED, dispute="dp")
    tell(one, PaymentState.PAID, eur(came))
    assert (one.received, one.reversed_minor, cleared(one)) == (eur(came), eur(came).minor, eur("0"))
    assert wallet(one)[0] + house("suspense").minor == -spent * 100
    tell(one, PaymentState.REINSTATED, dispute="dp")
    assert (cleared(one), one.reversed_minor, one.state) == (-eur(came), 0, DepositState.CREDITED)
    assert wallet(one)[0] + house("suspense").minor == eur(came).minor - spent * 100
    assert ledger.broken_invariants() == {}


@pytest.mark.parametrize("came", ["120", "80"])
def test_what_covered_a_loss_that_was_corrected_comes_back_once(tenant: Any, came: str) -> None:
    one = pending_deposit(amount_minor=10_000)
    refund = RefundStatus(state=RefundState.SUCCEEDED, reference="re_0", amount=eur("0.01"))
    deposit_refunded(deposit_id=one.pk, refund=refund, actor=SYSTEM)  # presumes that 100 came
    spend(one, "99.99")
    tell(one, PaymentState.REVERSED, dispute="dp")
    tell(another(one, amount_minor=3_000), PaymentState.PAID)
    freeze_take(actor=staff(), deposit_id=one.pk)
    tell(one, PaymentState.PAID, eur(came))
    tell(one, PaymentState.REINSTATED, dispute="dp")
    assert cleared(one) == -eur(came) + eur("0.01")
    assert wallet(one)[0] + house("suspense").minor == eur(came).minor - 10_000 + 3_000
    assert house("suspense").minor == -wallet(one)[1]  # what the house carries yet is set aside
    assert ledger.broken_invariants() == {}


def test_less_than_was_credited_and_spent_stops_the_rest(tenant: Any) -> None:
    one = pending_deposit(amount_minor=10_000)
    refund = RefundStatus(state=RefundState.SUCCEEDED, reference="re_1", amount=eur("10"))
    deposit_refunded(deposit_id=one.pk, refund=refund, actor=SYSTEM)  # presumes that 100 came
    spend(one, "80")
    tell(one, PaymentState.PAID, eur("40"))
    freeze = Freeze.objects.get()
    assert (freeze.cause, freeze.lost, freeze.uncovered) == (Freeze.CORRECTED, eur("50"), eur("50"))
    assert (wallet(one), house("suspense")) == ((1_000 - 1_000, 0), eur("-50"))
    tell(another(one), PaymentState.PAID, eur("200"))
    assert wallet(one) == (20_000, 5_000)
    tell(one, PaymentState.REVERSED, eur("5"), dispute="dp")
    tell(one, PaymentState.REINSTATED, dispute="dp")
    freeze.refresh_from_db()
    assert freeze.active  # a dispute won is not the correction undone


def test_a_chargeback_in_another_currency_takes_all_and_asks_a_person(tenant: Any) -> None:
    one, _ = funded_twice()
    assert tell(one, PaymentState.REVERSED, Money(46_000, "USD"), dispute="dp") == "reversed"
    assert (wallet(one), one.attention, one.state) == ((50_000, 0), "currency", DepositState.REVERSED)
    assert Freeze.objects.filter(active=True).count() == 1


def test_letting_go_is_one_line_with_the_sum(tenant: Any) -> None:
    one, _ = funded_twice()
    spend(one, "1000")
    for reference, amount in (("dp_1", "200"), ("dp_2", "300")):
        tell(one, PaymentState.REVERSED, eur(amount), dispute=reference)
    freeze_lift(actor=staff(), deposit_id=one.pk)
    after = AuditEntry.objects.get(action="payments.freeze_lifted").after
    assert after == {"uncovered": "500.00 EUR", "lost": "500.00 EUR"}


# --- suspense -------------------------------------------------------------------------------------------------------


def decided(deposit: Deposit, decision: str) -> None:
    row = SuspensePayment.objects.get(deposit=deposit)
    suspense.suspense_propose(actor=staff(), row_id=row.pk, decision=decision)
    suspense.suspense_approve(actor=staff(), row_id=row.pk)


def test_what_was_taken_before_the_decision_comes_back_to_suspense(tenant: Any) -> None:
    one = pending_deposit()
    tell(one, PaymentState.PAID, Money(10_000, "USD"))
    tell(one, PaymentState.REVERSED, Money(4_000, "USD"), dispute="dp")
    decided(one, "credit")
    assert tell(one, PaymentState.REINSTATED, dispute="dp") == "reinstated"
    row = SuspensePayment.objects.get()
    assert (row.left, wallet(one, "USD"), house("suspense", "USD"), cleared(one, "USD")) == (
        Money(4_000, "USD"), (6_000, 0), Money(4_000, "USD"), Money(-10_000, "USD"),
    )  # fmt: skip
    first = row.credited_id
    decided(one, "credit")
    row.refresh_from_db()
    assert (row.credited_id, wallet(one, "USD"), house("suspense", "USD")) == (first, (10_000, 0), Money(0, "USD"))
    made = suspense.credited_as(one)
    assert [(each.pk == first, each.amount) for each in made] == [
        (True, Money(6_000, "USD")), (False, Money(4_000, "USD")),
    ]  # fmt: skip
    Deposit.objects.filter(pk=first).update(out_of=None)  # credited by the release before
    assert suspense.credited_as(one) == made
    page = officer(tenant, "payments.view").get(f"/payments/deposits/{one.pk}/").content.decode()
    assert all(each.reference in page for each in made)


@pytest.mark.parametrize(("lost", "back", "left"), [(None, None, 0), (7_000, 7_000, 3_000), (7_000, 2_000, 3_000)])
def test_a_loss_is_that_of_all_deposits_a_payment_was_credited_as(
    tenant: Any, lost: int | None, back: int | None, left: int
) -> None:
    one = pending_deposit()
    tell(one, PaymentState.PAID, Money(10_000, "USD"))
    tell(one, PaymentState.REVERSED, Money(4_000, "USD"), dispute="dp_1")
    decided(one, "credit")
    tell(one, PaymentState.REINSTATED, dispute="dp_1")
    decided(one, "credit")
    tell(one, PaymentState.REVERSED, Money(lost, "USD") if lost else None, dispute="dp_2")
    assert (wallet(one, "USD"), cleared(one, "USD")) == ((left, 0), Money(-left, "USD"))
    assert tell(one, PaymentState.REVERSED, Money(lost, "USD") if lost else None, dispute="dp_2") == "nothing"
    tell(one, PaymentState.REINSTATED, Money(back, "USD") if back else None, dispute="dp_2")
    whole = left + (back or lost or 10_000)
    assert (wallet(one, "USD"), cleared(one, "USD")) == ((whole, 0), Money(-whole, "USD"))
    assert ledger.broken_invariants() == {}


@pytest.mark.parametrize("amount", [5_000, 3_000])
def test_what_came_back_is_sent_back_again(tenant: Any, amount: int) -> None:
    one = pending_deposit()
    tell(one, PaymentState.PAID, Money(10_000, "USD"))
    tell(one, PaymentState.REVERSED, Money(amount, "USD"), dispute="dp")
    decided(one, "refund")
    tell(one, PaymentState.REINSTATED, dispute="dp")
    decided(one, "refund")
    assert (house("suspense", "USD"), cleared(one, "USD")) == (Money(0, "USD"), Money(0, "USD"))


# --- withdrawals ----------------------------------------------------------------------------------------------------


def failed_refund() -> Any:
    """300 that went back to the card, which the provider says it refused; so they are in the wallet again."""
    one = pending_deposit(payment_reference="pi_1")
    tell(one, PaymentState.PAID)
    finance()
    row = asked(one.client, "300")
    withdrawal_check(actor=staff(), withdrawal_id=row.pk)
    withdrawal_approve(actor=staff(), withdrawal_id=row.pk)
    part = row.parts.get()
    said(part, RefundState.FAILED)
    assert wallet(one) == (50_000, 0)
    return one, row, part


def said(part: Any, state: RefundState, *, asked: bool = False) -> str:
    status = RefundStatus(state=state, reference="re_1", amount=part.amount)
    return part_apply(part_id=part.pk, status=status, actor=SYSTEM, asked=asked)


def test_paid_after_failed_is_asked_about_and_then_booked_once(tenant: Any) -> None:
    one, row, part = failed_refund()
    assert said(part, RefundState.SUCCEEDED) == "doubted"  # perhaps an old delivery: nothing is taken on its word
    assert (wallet(one), parts_to_ask()) == ((50_000, 0), [part.pk])
    assert Notification.objects.filter(kind="payments.paid_after_failure").count() == 1  # some cannot be asked
    assert said(part, RefundState.FAILED) == "nothing"  # an older delivery yet: it does not end the doubt
    assert parts_to_ask() == [part.pk]
    assert [said(part, RefundState.SUCCEEDED, asked=True) for _ in range(2)] == ["paid", "nothing"]
    row.refresh_from_db()
    part.refresh_from_db()
    assert (row.state, row.paid, part.state, parts_to_ask()) == (WithdrawalState.PAID, eur("300"), PartState.PAID, [])
    assert (wallet(one), cleared(one)) == ((20_000, 0), eur("-200"))
    assert Notification.objects.filter(kind="payments.paid_after_failure").count() == 2


def test_doubt_ends_when_it_had_failed_indeed(tenant: Any) -> None:
    one, _, part = failed_refund()
    said(part, RefundState.SUCCEEDED)
    assert said(part, RefundState.FAILED, asked=True) == "nothing"
    assert (wallet(one), parts_to_ask()) == ((50_000, 0), [])


def test_what_the_wallet_has_not_is_the_houses_and_comes_back_to_it(tenant: Any) -> None:
    one, row, part = failed_refund()
    spend(one, "400")
    for _ in range(2):  # and all of it once more
        said(part, RefundState.SUCCEEDED, asked=True)
        assert (wallet(one), house("suspense"), cleared(one)) == ((0, 0), eur("-200"), eur("-200"))
        assert said(part, RefundState.FAILED) == "returned"
        row.refresh_from_db()
        assert (wallet(one), house("suspense"), cleared(one)) == ((10_000, 0), eur("0"), eur("-500"))
        assert row.state == WithdrawalState.FAILED
    assert ledger.broken_invariants() == {}
