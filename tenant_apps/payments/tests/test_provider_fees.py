"""A fee that a provider tells with the payment, in or out: booked once, at the house's cost, never the client's."""

from __future__ import annotations

import json
from typing import Any

from kernel.models import Command
from kernel.money import Money
from tenant_apps.ledger import selectors as ledger
from tenant_apps.ledger.models import Transfer
from tenant_apps.payments.commands import PayoutCommand, _as_result, _from_result
from tenant_apps.payments.models import Deposit, DepositState, WithdrawalPart
from tenant_apps.payments.permissions_list import APPROVE, PROPOSE
from tenant_apps.payments.ports import DepositStatus, PaymentState, RefundState, RefundStatus
from tenant_apps.payments.services import posting
from tenant_apps.payments.services.deposits import deposit_apply
from tenant_apps.payments.services.parts import part_apply
from tenant_apps.payments.services.withdrawals import withdrawal_approve, withdrawal_check, withdrawal_request
from tenant_apps.wallets.selectors import wallet_of

from .support import SYSTEM, client_actor, eur, make_account, make_client, staff
from .test_withdrawals import funded


def pending() -> Deposit:
    return Deposit.objects.create(
        client=make_client(), reference="DFEE00001", amount_minor=10_000, currency="EUR", method="card",
        provider_account=make_account(), state=DepositState.PENDING,
    )  # fmt: skip


def told(deposit: Deposit, fee: Money | None) -> None:
    status = DepositStatus(state=PaymentState.PAID, provider_reference="cs_1", amount=eur("100"), fee=fee)
    deposit_apply(deposit_id=deposit.pk, status=status, actor=SYSTEM)


def test_a_fee_that_is_told_stands_against_what_the_provider_owes(tenant: Any) -> None:
    deposit = pending()
    told(deposit, eur("1.75"))
    told(deposit, eur("1.75"))
    assert ledger.balance(posting.clearing(deposit.provider_account, "EUR")).balance == eur("-98.25")
    assert ledger.balance(posting.provider_fees("EUR")).balance == eur("-1.75")
    wallet = wallet_of(deposit.client_id, "EUR")
    assert wallet is not None
    assert wallet.balance == eur("100")
    assert ledger.broken_invariants() == {}


def test_a_fee_in_another_currency_stays_in_it(tenant: Any) -> None:
    deposit = pending()
    told(deposit, Money.of("2.00", "USD"))
    assert ledger.balance(posting.clearing(deposit.provider_account, "EUR")).balance == eur("-100")
    assert ledger.balance(posting.clearing(deposit.provider_account, "USD")).balance == Money.of("2.00", "USD")


def test_no_fee_or_none_told_books_none(tenant: Any) -> None:
    deposit = pending()
    told(deposit, eur("0"))
    assert ledger.balance(posting.provider_fees("EUR")).balance == eur("0")


# --- of what is paid out


def sending(amount: str = "200") -> WithdrawalPart:
    """A part of a withdrawal that is with a provider which pays out by itself."""
    person = funded()
    row = withdrawal_request(
        actor=client_actor(person), client=person, amount=eur(amount), destination=person.destinations.get()
    )
    withdrawal_check(actor=staff(PROPOSE), withdrawal_id=row.pk)
    withdrawal_approve(actor=staff(APPROVE), withdrawal_id=row.pk)
    WithdrawalPart.objects.filter(withdrawal=row).update(provider_account=make_account("paypal"))
    return WithdrawalPart.objects.select_related("provider_account").get(withdrawal=row)


def heard(part: WithdrawalPart, state: RefundState, fee: Money | None, *, asked: bool = False) -> str:
    status = RefundStatus(state=state, reference="po_1", amount=part.amount, fee=fee)
    return part_apply(part_id=part.pk, status=status, actor=SYSTEM, asked=asked)


def cost(currency: str = "EUR") -> Money:
    return ledger.balance(posting.provider_fees(currency)).balance


def owed(part: WithdrawalPart, currency: str = "EUR") -> Money:
    return ledger.balance(posting.clearing(part.provider_account, currency)).balance


def test_paying_out_costs_what_the_provider_says_once(tenant: Any) -> None:
    part = sending()
    assert heard(part, RefundState.PENDING, eur("1.50")) == "pending"
    assert cost() == eur("0")  # nothing is taken for what may yet fail
    assert heard(part, RefundState.SUCCEEDED, eur("1.50")) == "paid"
    assert heard(part, RefundState.SUCCEEDED, eur("1.50")) == "nothing"
    assert (cost(), owed(part)) == (eur("-1.50"), eur("201.50"))
    assert Transfer.objects.get(kind=posting.PROVIDER_FEE).key == f"payments.part:{part.pk}:fee:1"
    wallet = wallet_of(part.withdrawal.client_id, "EUR")
    assert wallet is not None
    assert (wallet.balance, ledger.broken_invariants()) == (eur("300"), {})


def test_a_cost_told_late_or_anew_is_booked_by_the_difference(tenant: Any) -> None:
    part = sending()
    heard(part, RefundState.SUCCEEDED, None)
    assert cost() == eur("0")
    heard(part, RefundState.SUCCEEDED, eur("1.50"))
    heard(part, RefundState.SUCCEEDED, eur("2.00"))
    assert (cost(), owed(part)) == (eur("-2.00"), eur("202.00"))
    heard(part, RefundState.SUCCEEDED, Money.of("3", "USD"))
    assert (cost(), cost("USD"), owed(part, "USD")) == (eur("0"), Money.of("-3", "USD"), Money.of("3", "USD"))
    part.refresh_from_db()
    assert part.provider_fee == Money.of("3", "USD")


def test_what_never_went_out_costs_nothing_and_what_came_back_what_is_told(tenant: Any) -> None:
    part = sending()
    heard(part, RefundState.FAILED, eur("1.50"))
    assert cost() == eur("0")
    heard(part, RefundState.SUCCEEDED, eur("1.50"))  # an old delivery, perhaps: it is asked about first
    assert cost() == eur("0")
    assert heard(part, RefundState.SUCCEEDED, eur("1.50"), asked=True) == "paid"
    assert cost() == eur("-1.50")
    assert heard(part, RefundState.FAILED, None) == "returned"
    assert cost() == eur("-1.50")
    heard(part, RefundState.FAILED, eur("0"))
    assert (cost(), ledger.broken_invariants()) == (eur("0"), {})


def test_an_answer_to_the_call_itself_may_tell_the_cost(tenant: Any) -> None:
    part = sending()
    status = RefundStatus(state=RefundState.SUCCEEDED, reference="po_1", amount=part.amount, fee=eur("1.50"))
    command = Command(pk=part.pk, payload={"part_id": str(part.pk)})
    PayoutCommand().succeeded(command, json.loads(json.dumps(_as_result(status))))
    assert cost() == eur("-1.50")
    older = {name: value for name, value in _as_result(status).items() if name != "fee"}
    assert _from_result(older).fee is None  # stored by the release before
