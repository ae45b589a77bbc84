"""Lines against the books: what matches and why, what does not, and what a report alone brings."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from kernel import clock
from kernel.ids import short_id
from kernel.money import Money
from tenant_apps.ledger import selectors as ledger
from tenant_apps.ledger.models import Transfer
from tenant_apps.ledger.services import HOUSE, account_ensure
from tenant_apps.payments.models import (
    Deposit,
    DepositState,
    PartState,
    ProviderAccount,
    SuspensePayment,
    Withdrawal,
    WithdrawalPart,
)
from tenant_apps.payments.permissions_list import APPROVE, PROPOSE
from tenant_apps.payments.ports import DepositStatus, PaymentState, RefundState, RefundStatus
from tenant_apps.payments.services import posting, suspense
from tenant_apps.payments.services.deposits import deposit_apply
from tenant_apps.payments.services.losses import deposit_refunded
from tenant_apps.payments.services.parts import part_apply
from tenant_apps.payments.tests.support import SYSTEM, eur, make_account, staff
from tenant_apps.reconciliation.models import ReportLine, ReportMapping
from tenant_apps.reconciliation.services import books
from tenant_apps.reconciliation.services.compare import account_compare, deposits_only_with_us, parts_only_with_us

from .support import credited, stripe, stripe_file, stripe_line, take_in


def compared(account: ProviderAccount, *lines: list[str]) -> list[ReportLine]:
    """The lines of one report after a run, in their order."""
    report = take_in(account, stripe_file(*lines))
    account_compare(account_id=account.pk)
    return list(ReportLine.objects.filter(report=report).order_by("number"))


def clearing(account: ProviderAccount, currency: str = "EUR") -> Money:
    return ledger.balance(posting.clearing(account, currency)).balance


def fees(currency: str = "EUR") -> Money:
    return ledger.balance(posting.provider_fees(currency)).balance


def told(line: ReportLine) -> tuple[str, list[str]]:
    return line.state, line.reasons


def test_a_payment_is_known_by_the_providers_reference_then_by_our_id(tenant: Any) -> None:
    account = stripe()
    one, two, three = credited(account), credited(account), credited(account)
    lines = compared(
        account,
        stripe_line(intent=one.payment_reference),
        stripe_line(own=str(two.pk)),
        stripe_line(own=three.reference),
    )
    assert [told(line) for line in lines] == [
        ("matched", ["reference", "amount"]), ("matched", ["own_id", "amount"]), ("matched", ["own_id", "amount"]),
    ]  # fmt: skip
    assert [line.deposit_id for line in lines] == [one.pk, two.pk, three.pk]


def test_without_either_amount_currency_and_time_will_do_if_they_mean_one(tenant: Any) -> None:
    account = stripe()
    lone = credited(account, "77.00")
    credited(account, "55.00")
    credited(account, "55.00")
    late = clock.now() + timedelta(days=3)
    lines = compared(
        account, stripe_line(gross="77.00"), stripe_line(gross="55.00"), stripe_line(gross="77.00", currency="usd"),
        stripe_line(gross="55.00", at=late),
    )  # fmt: skip
    assert [told(line) for line in lines] == [
        ("matched", ["amount_time"]), ("only_there", ["none"]), ("only_there", ["none"]), ("only_there", ["none"]),
    ]  # fmt: skip
    assert lines[0].deposit_id == lone.pk


def test_another_amount_another_currency_and_a_payment_twice(tenant: Any) -> None:
    account = stripe()
    one, two = credited(account, "100.00"), credited(account, "100.00")
    lines = compared(
        account, stripe_line(gross="99.00", intent=one.payment_reference),
        stripe_line(gross="100.00", currency="usd", intent=two.payment_reference),
        stripe_line(gross="100.00", intent=one.payment_reference),
    )  # fmt: skip
    assert [told(line) for line in lines] == [
        ("differs", ["reference", "amount_differs"]), ("differs", ["reference", "currency_differs"]),
        ("only_there", ["reference", "taken"]),
    ]  # fmt: skip
    assert lines[0].ours == eur("100.00")


def test_what_came_later_is_matched_by_the_next_run(tenant: Any) -> None:
    account = stripe()
    deposit = Deposit.objects.create(
        client=credited(account).client, reference=f"D{short_id(8).upper()}", amount_minor=500, currency="EUR",
        provider_account=account, method="card", state=DepositState.PENDING, payment_reference="pi_late",
    )  # fmt: skip
    (line,) = compared(account, stripe_line(gross="5.00", fee="0.30", intent="pi_late"))
    assert (told(line), line.booked_at) == (("only_there", ["reference", "not_credited"]), None)
    assert fees() == eur("0")
    status = DepositStatus(state=PaymentState.PAID, provider_reference="", amount=eur("5.00"))
    deposit_apply(deposit_id=deposit.pk, status=status, actor=SYSTEM)
    account_compare(account_id=account.pk)
    line.refresh_from_db()
    assert told(line) == ("matched", ["reference", "amount"])
    assert fees() == eur("-0.30")


def test_fees_are_booked_from_lines_once(tenant: Any) -> None:
    account = stripe()
    deposit = credited(account, "100.00")
    compared(account, stripe_line(fee="1.75", intent=deposit.payment_reference), stripe_line("fee", "-2.00"))
    for _ in range(3):
        account_compare(account_id=account.pk)
    assert (clearing(account), fees()) == (eur("-96.25"), eur("-3.75"))
    assert Transfer.objects.filter(kind="reconciliation.fee").count() == 2


@pytest.mark.parametrize(
    ("line_fee", "total", "posted"), [("1.75", "-1.75", 0), ("2.00", "-2.00", 1), ("1.50", "-1.50", 1)]
)
def test_of_a_fee_told_with_the_payment_only_the_difference_is_booked(
    tenant: Any, line_fee: str, total: str, posted: int
) -> None:
    account = stripe()
    deposit = credited(account, "100.00", status={"fee": eur("1.75")})
    compared(account, stripe_line(fee=line_fee, intent=deposit.payment_reference))
    assert fees() == eur(total)
    assert Transfer.objects.filter(kind="reconciliation.fee").count() == posted


def test_a_report_without_fees_takes_none_back(tenant: Any) -> None:
    account = stripe()
    deposit = credited(account, "100.00", status={"fee": eur("1.75")})
    compared(account, stripe_line(fee="0.00", intent=deposit.payment_reference))
    assert fees() == eur("-1.75")


def test_a_fee_in_another_currency_than_told_replaces_it(tenant: Any) -> None:
    account = stripe()
    deposit = credited(account, "100.00", status={"fee": Money.of("1.90", "USD")})
    compared(account, stripe_line(fee="1.75", intent=deposit.payment_reference))
    assert (fees("EUR"), fees("USD")) == (eur("-1.75"), Money.zero("USD"))
    assert clearing(account, "USD") == Money.zero("USD")


def test_a_payout_moves_what_the_provider_owed_to_the_bank(tenant: Any) -> None:
    account, bank = stripe(), make_account("bank_wire", settings={})
    ReportMapping.objects.create(provider_account=account, bank_account=bank)
    deposit = credited(account, "100.00")
    lines = compared(
        account, stripe_line(fee="2.00", intent=deposit.payment_reference), stripe_line("payout", "-98.00")
    )
    assert told(lines[1]) == ("settled", ["payout"])
    assert (clearing(account), clearing(bank)) == (eur("0"), eur("-98.00"))


def test_without_a_bank_account_chosen_a_payout_stands_at_the_bank_in_general(tenant: Any) -> None:
    compared(stripe(), stripe_line("payout", "-98.00"))
    assert ledger.balance(account_ensure(owner=HOUSE, kind="bank", currency="EUR")).balance == eur("-98.00")


def refund_part(
    deposit: Deposit, amount: str, reference: str = "", state: str = PartState.SENDING, *, fee_minor: int = 0
) -> WithdrawalPart:
    minor = eur(amount).minor
    row = Withdrawal.objects.create(
        client=deposit.client, reference=f"W{short_id(8).upper()}", amount_minor=minor + fee_minor, fee_minor=fee_minor,
        currency="EUR", state="sending",
    )  # fmt: skip
    part = WithdrawalPart.objects.create(
        withdrawal=row, deposit=deposit, provider_account=deposit.provider_account, amount_minor=minor, currency="EUR",
        fee_minor=fee_minor, state=state, provider_reference=reference,
    )  # fmt: skip
    part.hold_id = str(posting.part_hold(part, actor=SYSTEM).pk)
    part.save()
    return part


def paid_part(deposit: Deposit, amount: str, reference: str, fee: Money | None = None) -> WithdrawalPart:
    part = refund_part(deposit, amount)
    status = RefundStatus(state=RefundState.SUCCEEDED, reference=reference, amount=part.amount, fee=fee)
    part_apply(part_id=part.pk, status=status, actor=SYSTEM)
    return WithdrawalPart.objects.get(pk=part.pk)


@pytest.mark.parametrize(
    ("line_fee", "total", "posted"), [("0.50", "-0.50", 0), ("0.70", "-0.70", 1), ("0.00", "-0.50", 0)]
)
def test_of_the_cost_of_paying_out_only_the_difference_is_booked(
    tenant: Any, line_fee: str, total: str, posted: int
) -> None:
    account = stripe()
    part = paid_part(credited(account), "40.00", "re_1", eur("0.50"))
    line = stripe_line("refund", "-40.00", fee=line_fee, own=str(part.pk))
    compared(account, line)
    status = RefundStatus(state=RefundState.SUCCEEDED, reference="re_1", amount=part.amount, fee=eur("0.90"))
    if line_fee != "0.00":  # a report's word is the last
        part_apply(part_id=part.pk, status=status, actor=SYSTEM)
    account_compare(account_id=account.pk)
    assert (fees(), Transfer.objects.filter(kind="reconciliation.fee").count()) == (eur(total), posted)
    assert clearing(account) == eur("-60") - eur(total)


def test_a_report_that_is_before_the_news_waits_with_the_cost(tenant: Any) -> None:
    """Of a payout that we have not heard of yet nobody knows what will be told, so the line books it once it is known."""
    account = stripe()
    part = refund_part(credited(account), "40.00", "re_2")
    (line,) = compared(account, stripe_line("refund", "-40.00", fee="0.70", own=str(part.pk)))
    assert (told(line), line.booked_at, fees()) == (("only_there", ["own_id", "not_paid"]), None, eur("0"))
    status = RefundStatus(state=RefundState.SUCCEEDED, reference="re_2", amount=part.amount, fee=eur("0.50"))
    part_apply(part_id=part.pk, status=status, actor=SYSTEM)
    account_compare(account_id=account.pk)
    part_apply(part_id=part.pk, status=status, actor=SYSTEM)
    assert fees() == eur("-0.70")


def test_the_cost_told_in_another_currency_than_by_the_report_is_taken_out(tenant: Any) -> None:
    account = stripe()
    part = paid_part(credited(account), "40.00", "re_1", Money.of("0.60", "USD"))
    compared(account, stripe_line("refund", "-40.00", fee="0.50", own=str(part.pk)))
    assert (fees("EUR"), fees("USD"), clearing(account, "USD")) == (eur("-0.50"), Money.zero("USD"), Money.zero("USD"))


def test_refunds_are_parts_of_withdrawals_or_made_at_the_provider(tenant: Any) -> None:
    account = stripe()
    one, two, three, four = (credited(account) for _ in range(4))
    by_reference, by_payment = paid_part(one, "30.00", "re_1"), paid_part(two, "40.00", "re_2")
    refund_part(three, "20.00", "re_3")
    there = RefundStatus(state=RefundState.SUCCEEDED, reference="re_4", amount=eur("10.00"))
    deposit_refunded(deposit_id=four.pk, refund=there, actor=SYSTEM)
    lines = compared(
        account, stripe_line("refund", "-30.00", intent="re_1"), stripe_line("refund", "-40.00", intent=two.payment_reference),
        stripe_line("refund", "-20.00", intent="re_3"), stripe_line("refund", "-3.00", intent=four.payment_reference),
        stripe_line("refund", "-1.00", intent="pi_unknown"),
    )  # fmt: skip
    assert [told(line) for line in lines] == [
        ("matched", ["reference", "amount"]), ("matched", ["payment", "amount"]), ("only_there", ["reference", "not_paid"]),
        ("only_there", ["reference", "not_refunded"]), ("only_there", ["none"]),
    ]  # fmt: skip
    assert [line.part_id for line in lines[:2]] == [by_reference.pk, by_payment.pk]


def test_a_chargeback_is_compared_with_what_was_taken_back_and_given_again(tenant: Any) -> None:
    account = stripe()
    one, two = credited(account), credited(account)
    for state in (PaymentState.REVERSED, PaymentState.REINSTATED):
        status = DepositStatus(state=state, provider_reference="", amount=eur("100.00"))
        deposit_apply(deposit_id=one.pk, status=status, actor=SYSTEM)
    lines = compared(
        account, stripe_line("dispute", "-100.00", fee="20.00", intent=one.payment_reference),
        stripe_line("dispute_reversal", "100.00", intent=one.payment_reference),
        stripe_line("dispute", "-100.00", intent=two.payment_reference),
    )  # fmt: skip
    assert [told(line) for line in lines] == [
        ("matched", ["reference", "amount"]), ("matched", ["reference", "amount"]),
        ("only_there", ["reference", "not_reversed"]),
    ]  # fmt: skip
    assert fees() == eur("-20.00")


def test_a_chargeback_presumed_too_large_is_compared_with_what_was_told_since(tenant: Any) -> None:
    """The loss was heard of first, so all that was asked for was booked as come and gone; clearing stands at nothing."""
    account = stripe()
    deposit = credited(account, status={"state": PaymentState.REVERSED, "amount": None})
    paid = DepositStatus(state=PaymentState.PAID, provider_reference="", amount=eur("60.00"))
    deposit_apply(deposit_id=deposit.pk, status=paid, actor=SYSTEM)
    deposit.refresh_from_db()
    assert deposit.received == eur("60.00")
    lines = compared(
        account, stripe_line(gross="60.00", intent=deposit.payment_reference),
        stripe_line("dispute", "-60.00", intent=deposit.payment_reference),
    )  # fmt: skip
    assert [told(line) for line in lines] == [("matched", ["reference", "amount"])] * 2


def test_what_only_we_know_of_within_the_period(tenant: Any) -> None:
    account = stripe()
    known, unknown, before = credited(account), credited(account), credited(account)
    Deposit.objects.filter(pk=before.pk).update(credited_at=clock.now() - timedelta(days=9))
    part = paid_part(known, "10.00", "re_9")
    since, until = clock.now() - timedelta(hours=1), clock.now() + timedelta(hours=1)
    report = take_in(account, stripe_file(
        stripe_line(intent=known.payment_reference, at=since), stripe_line("fee", "-1.00", at=until),
    ))  # fmt: skip
    account_compare(account_id=account.pk)
    assert list(deposits_only_with_us(report)) == [unknown]
    assert list(parts_only_with_us(report)) == [part]
    only_fees = take_in(
        account, stripe_file(stripe_line("fee", "-1.00", at=since), stripe_line("fee", "-1.00", at=until))
    )
    assert list(deposits_only_with_us(only_fees)) == []


def test_what_only_we_know_of_is_looked_up_and_not_compared_with_every_line(tenant: Any) -> None:
    account = stripe()
    (line,) = compared(account, stripe_line(intent=credited(account).payment_reference))
    plan = deposits_only_with_us(line.report).explain()
    assert (plan.count("Anti Join"), plan.count("SubPlan")) == (3, 0)


def test_another_account_knows_nothing_of_it(tenant: Any) -> None:
    mine, other = stripe(), stripe()
    deposit = credited(mine)
    (line,) = compared(other, stripe_line(intent=deposit.payment_reference))
    assert told(line) == ("only_there", ["none"])


def test_a_chunk_takes_the_same_queries_however_many_lines_match(tenant: Any) -> None:
    counts = []
    for size in (5, 60):
        account = stripe()
        deposits = [credited(account) for _ in range(size)]
        take_in(account, stripe_file(*(stripe_line(intent=row.payment_reference) for row in deposits)))
        with CaptureQueriesContext(connection) as queries:
            account_compare(account_id=account.pk)
        counts.append(len(queries))
        assert ReportLine.objects.filter(provider_account=account, state="matched").count() == size
    assert counts[0] == counts[1] <= 32


# --- another currency came


def in_dollars(account: ProviderAccount, minor: int = 12_000) -> Deposit:
    """Asked for in euros, paid in dollars."""
    return credited(account, status={"amount": Money(minor, "USD")})


def settled(deposit: Deposit, decision: str) -> SuspensePayment:
    """Two people have decided what becomes of it."""
    row = SuspensePayment.objects.get(deposit=deposit)
    suspense.suspense_propose(actor=staff(PROPOSE), row_id=row.pk, decision=decision)
    return suspense.suspense_approve(actor=staff(APPROVE), row_id=row.pk)


@pytest.mark.parametrize("decision", ["", "credit", "refund"])
@pytest.mark.parametrize("first", [True, False])
def test_a_payment_in_suspense_is_booked_there_whatever_becomes_of_it(tenant: Any, decision: str, first: bool) -> None:
    """Told before the decision or after it, by its reference, its id, or only its amount."""
    account = stripe()
    rows = [in_dollars(account, minor) for minor in (12_000, 13_000, 14_000)]
    assert {row.state for row in rows} == {DepositState.SUSPENSE}
    told_so = [
        stripe_line(gross="120.00", currency="usd", intent=rows[0].payment_reference),
        stripe_line(gross="130.00", currency="usd", own=str(rows[1].pk)),
        stripe_line(gross="140.00", currency="usd"),
    ]
    lines = compared(account, *told_so) if first else []
    for row in rows if decision else []:
        settled(row, decision)
    lines = lines or compared(account, *told_so)
    assert [told(line) for line in lines] == [
        ("matched", ["reference", "amount"]), ("matched", ["own_id", "amount"]), ("matched", ["amount_time"]),
    ]  # fmt: skip
    assert [line.deposit_id for line in lines] == [row.pk for row in rows]
    again = compared(account, stripe_line(gross="120.00", currency="usd", intent=rows[0].payment_reference))
    assert told(again[0]) == ("only_there", ["reference", "taken"])
    assert not deposits_only_with_us(again[0].report).exists()


def test_what_was_sent_back_out_of_suspense_is_a_refund_once(tenant: Any) -> None:
    account = stripe()
    row = in_dollars(account)
    settled(row, "refund")
    refund = ("refund", "-120.00")
    lines = compared(
        account, *(stripe_line(*refund, currency="usd", intent=row.payment_reference) for _ in range(2))
    )  # fmt: skip
    assert [told(line) for line in lines] == [
        ("matched", ["reference", "amount"]), ("only_there", ["reference", "not_refunded"]),
    ]  # fmt: skip
    assert clearing(account, "USD").minor == 0


def test_disputes_before_and_after_the_decision_are_rounds_of_one_payment(tenant: Any) -> None:
    account = stripe()
    row = in_dollars(account)

    def dispute(state: PaymentState, number: int) -> None:
        told_of = DepositStatus(
            state=state, provider_reference="", amount=Money(12_000, "USD"), dispute=f"dp_{number}"
        )  # fmt: skip
        deposit_apply(deposit_id=row.pk, status=told_of, actor=SYSTEM)

    dispute(PaymentState.REVERSED, 1)
    dispute(PaymentState.REINSTATED, 1)
    settled(row, "credit")
    dispute(PaymentState.REVERSED, 2)
    away = stripe_line("dispute", "-120.00", currency="usd", intent=row.payment_reference)
    lines = compared(account, away, stripe_line("dispute", "-120.00", currency="usd", intent=row.payment_reference))
    assert [told(line)[0] for line in lines] == ["matched", "matched"]
    assert {line.deposit_id for line in lines} == {row.pk}


def disputed(row: Deposit, state: PaymentState, minor: int | None, name: str = "dp") -> None:
    amount = None if minor is None else Money(minor, "USD")
    status = DepositStatus(state=state, provider_reference="", amount=amount, dispute=name)
    deposit_apply(deposit_id=row.pk, status=status, actor=SYSTEM)


@pytest.mark.parametrize("taken", [6_000, 4_000])
@pytest.mark.parametrize("at_once", [True, False])
def test_what_was_sent_back_twice_is_two_refunds(tenant: Any, taken: int, at_once: bool) -> None:
    """Part of it was disputed, the rest sent back; the dispute was won, and that was sent back too."""
    account = stripe()
    row = in_dollars(account)
    disputed(row, PaymentState.REVERSED, taken)
    settled(row, "refund")
    disputed(row, PaymentState.REINSTATED, None)
    settled(row, "refund")
    assert clearing(account, "USD").minor == 0
    refunds = [
        stripe_line("refund", f"-{Money(minor, 'USD').amount}", currency="usd", intent=row.payment_reference)
        for minor in (12_000 - taken, taken, taken)
    ]
    lines = compared(account, *refunds) if at_once else [line for one in refunds for line in compared(account, one)]
    assert [told(line) for line in lines] == [
        ("matched", ["reference", "amount"]), ("matched", ["reference", "amount"]),
        ("only_there", ["reference", "not_refunded"]),
    ]  # fmt: skip


def credited_in_two(account: ProviderAccount) -> tuple[Deposit, list[Deposit]]:
    """40 were disputed, 80 credited; the dispute was won, and the 40 were credited too."""
    row = credited_in_two_of(account)
    made = list(Deposit.objects.filter(currency="USD").order_by("created_at"))
    assert [one.amount_minor for one in made] == [8_000, 4_000]
    return row, made


@pytest.mark.parametrize("later", [True, False])
def test_what_was_credited_in_two_is_one_payment(tenant: Any, later: bool) -> None:
    account = stripe()
    row, made = credited_in_two(account)
    if later:
        Deposit.objects.filter(pk__in=[one.pk for one in made]).update(payment_reference="")
    whole = stripe_line(gross="120.00", currency="usd", intent=row.payment_reference)
    hours = [clock.now() - timedelta(hours=1), clock.now() + timedelta(hours=1)]
    fees_told = [stripe_line("fee", "-1.00", currency="usd", at=at) for at in hours]
    (line, other, *_) = compared(account, whole, stripe_line(gross="40.00", currency="usd"), *fees_told)
    assert (told(line), line.deposit_id) == (("matched", ["reference", "amount"]), row.pk)
    assert told(other) == ("only_there", ["none"])
    period = line.report.period_from, line.report.period_to
    assert all(one.credited_at and period[0] < one.credited_at < period[1] for one in made)
    assert not deposits_only_with_us(line.report).exists()


def test_each_part_that_was_credited_is_its_payment(tenant: Any) -> None:
    """By our id of any of them, and refunds of any of them."""
    account = stripe()
    row, made = credited_in_two(account)
    out = Withdrawal.objects.create(client=row.client, reference="W1", amount_minor=4_000, currency="USD", state="paid")
    part = WithdrawalPart.objects.create(
        withdrawal=out, deposit=made[1], provider_account=account, amount_minor=4_000, currency="USD",
        state=PartState.PAID,
    )  # fmt: skip
    lines = compared(
        account,
        stripe_line(gross="120.00", currency="usd", own=str(made[1].pk)),
        stripe_line("refund", "-40.00", currency="usd", intent=row.payment_reference),
    )
    assert [(line.state, line.deposit_id, line.part_id) for line in lines] == [
        ("matched", row.pk, None), ("matched", None, part.pk),
    ]  # fmt: skip


def test_parts_in_suspense_take_the_same_queries_however_many(tenant: Any) -> None:
    account = stripe()
    rows = [credited_in_two_of(account) for _ in range(3)]

    def queries(found: list[Deposit]) -> int:
        lines = [
            ReportLine(kind="charge", amount_minor=12_000, currency="USD", at=clock.now(), own=str(row.pk))
            for row in found
        ]
        with CaptureQueriesContext(connection) as asked:
            books.load(account, lines)
        return len(asked)

    assert queries(rows[:1]) == queries(rows)


def credited_in_two_of(account: ProviderAccount) -> Deposit:
    row = in_dollars(account)
    disputed(row, PaymentState.REVERSED, 4_000)
    settled(row, "credit")
    disputed(row, PaymentState.REINSTATED, None)
    settled(row, "credit")
    return row
