"""A fee that a provider tells with the payment: booked once, at the house's cost, never the client's."""

from __future__ import annotations

from typing import Any

from kernel.money import Money
from tenant_apps.ledger import selectors as ledger
from tenant_apps.payments.models import Deposit, DepositState
from tenant_apps.payments.ports import DepositStatus, PaymentState
from tenant_apps.payments.services import posting
from tenant_apps.payments.services.deposits import deposit_apply
from tenant_apps.wallets.selectors import wallet_of

from .support import SYSTEM, eur, make_account, make_client


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
