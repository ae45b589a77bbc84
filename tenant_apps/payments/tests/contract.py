"""What every adapter has to do at its sandbox, over real sockets. A new adapter subclasses `ProviderContract`,
`UnitsContract` and, where it pays out, `PayoutContract`.

The subclass gives a `side` fixture: an account at the sandbox with `connect() -> ProviderAccount`, `pay(order, redirect)`,
`decline(order, redirect)` and `deliveries() -> [(body, headers)]`, which are the webhooks as sent.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, ClassVar, cast

import pytest

from kernel import secrets
from kernel.errors import AppError, OutcomeUnknown, Rejected, Unavailable
from kernel.ids import uuid7
from kernel.money import Money
from tenant_apps.payments.models import ProviderAccount
from tenant_apps.payments.ports import (
    DepositOrder,
    DepositStatus,
    EventKind,
    Payer,
    PaymentProvider,
    PaymentState,
    PayoutOrder,
    PayoutProvider,
    ProviderConfig,
    RefundState,
    SignatureInvalid,
)
from tenant_apps.payments.registry import adapter_class
from tenant_apps.payments.services.providers import provider_of

PAYER = Payer(
    name="Lena Vogt", email="lena@example.com", country="DE", phone="+4915112345678", city="Berlin", street="Weg 1",
    postal_code="10115", ip="127.0.0.1",
)  # fmt: skip


def spoil_keys(side: Any, account: ProviderAccount) -> None:
    for name in secrets.credentials_of(account.secrets_owner):
        secrets.credential_set(owner=account.secrets_owner, name=name, value=side.wrong_key)


class UnitsContract:
    """What amounts look like on an adapter's wire. Set the table from the provider's documentation, never from the adapter:
    a mistake here is a factor of a hundred, and an adapter that reads what it wrote itself does not see it.

    Inherit in the adapter's own package; needs no server and no database.
    """

    kind: ClassVar[str]
    units: ClassVar[Sequence[tuple[int, str, Any]]]  # our minor units, currency, what goes over the wire
    refused: ClassVar[Sequence[tuple[int, str]]]  # what cannot be said there: our minor units, currency

    def to_wire(self, amount: Money) -> object:
        """As the adapter says an amount. Raises AppError for what cannot be said."""
        raise NotImplementedError

    def from_wire(self, wire: Any, currency: str) -> Money:
        raise NotImplementedError

    def told_as_paid(self, amount: Money) -> DepositStatus:
        """What the adapter makes of a payment that the provider calls paid, of this amount."""
        raise NotImplementedError

    def _provider(self) -> PaymentProvider:
        return adapter_class(self.kind)(ProviderConfig(account_id=uuid7(), mode="test", settings={}))

    def test_amounts_mean_the_same_on_both_sides(self) -> None:
        said = [(minor, currency, self.to_wire(Money(minor, currency))) for minor, currency, _ in self.units]
        assert said == list(self.units)
        read = [self.from_wire(wire, currency) for _, currency, wire in self.units]
        assert read == [Money(minor, currency) for minor, currency, _ in self.units]

    def test_what_cannot_be_said_is_refused_not_rounded(self) -> None:
        assert self.refused
        for minor, currency in self.refused:
            with pytest.raises((AppError, ValueError)):
                self.to_wire(Money(minor, currency))

    def test_steps_are_those_of_the_table(self) -> None:
        provider = self._provider()
        for minor, currency, _ in self.units:
            step = provider.amount_step(currency)
            assert step, currency
            assert minor % step == 0, currency
        for minor, currency in self.refused:
            step = provider.amount_step(currency)
            assert not step or minor % step, currency

    def test_every_currency_offered_is_in_the_table(self) -> None:
        capabilities = adapter_class(self.kind).capabilities
        offered: set[str] = set()
        for method in (*capabilities.methods, *capabilities.payout_methods):
            offered |= method.currencies or frozenset()
        assert offered <= {currency for _, currency, _ in self.units}

    def test_paid_of_nothing_is_no_payment(self) -> None:
        minor, currency, _ = self.units[0]
        assert self.told_as_paid(Money(minor, currency)).state is PaymentState.PAID
        assert self.told_as_paid(Money(0, currency)).state is not PaymentState.PAID


class ProviderContract:
    """Inherit, set `amount` and `method`, and give the `side` fixture."""

    amount: ClassVar[Money]
    method: ClassVar[str]
    repeats_give_the_same_page: ClassVar[bool] = True
    looks_for_refunds: ClassVar[bool] = True  # not where "none" is always the answer, and sending again harmless

    def order(self, side: Any) -> DepositOrder:
        url = side.receiver.url
        return DepositOrder(
            deposit_id=uuid7(), reference="D12345678", amount=self.amount, method=self.method, language="de",
            description="Nordwind D12345678", payer=PAYER, return_url=f"{url}/back", cancel_url=f"{url}/cancel",
            webhook_url=f"{url}/hooks",
        )  # fmt: skip

    @pytest.fixture
    def account(self, side: Any) -> ProviderAccount:
        return side.connect()

    @pytest.fixture
    def provider(self, account: ProviderAccount) -> PaymentProvider:
        return provider_of(account)

    def test_capabilities_say_what_the_registry_needs(self, provider: PaymentProvider) -> None:
        capabilities = type(provider).capabilities
        assert adapter_class(capabilities.kind) is type(provider)
        assert capabilities.method(self.method) is not None
        assert len({field.name for field in capabilities.fields}) == len(capabilities.fields)

    def test_connection(self, provider: PaymentProvider) -> None:
        assert provider.test_connection().good

    def test_wrong_keys_are_told_not_raised(self, side: Any, account: ProviderAccount) -> None:
        spoil_keys(side, account)
        report = provider_of(account).test_connection()
        assert not report.good
        assert report.details

    def test_wrong_keys_never_mean_not_there(self, side: Any, account: ProviderAccount) -> None:
        """What is not there may be sent again or given back: nobody who was not let in knows that."""
        spoil_keys(side, account)
        provider = provider_of(account)
        if type(provider).capabilities.asks:
            with pytest.raises((Unavailable, OutcomeUnknown)):
                provider.fetch_deposit(getattr(side, "absent_reference", side.unknown_reference))
        if self.looks_for_refunds:
            with pytest.raises((Unavailable, OutcomeUnknown)):
                provider.find_refund(uuid7(), payment_reference=side.unknown_reference)

    def test_a_new_payment_is_open_and_has_a_page(self, side: Any, provider: PaymentProvider) -> None:
        redirect = provider.create_deposit(self.order(side))
        assert redirect.url.startswith("http")
        assert provider.fetch_deposit(redirect.provider_reference).state is PaymentState.OPEN

    def test_asked_twice_there_is_one_page(self, side: Any, provider: PaymentProvider) -> None:
        order = self.order(side)
        first = provider.create_deposit(order)
        if self.repeats_give_the_same_page:
            assert provider.create_deposit(order) == first
        else:
            with pytest.raises(Rejected):
                provider.create_deposit(order)

    def test_paid_is_told_and_found(self, side: Any, provider: PaymentProvider) -> None:
        order = self.order(side)
        redirect = provider.create_deposit(order)
        side.pay(order, redirect)
        status = provider.fetch_deposit(redirect.provider_reference)
        assert (status.state, status.amount) == (PaymentState.PAID, self.amount)
        assert status.payment_reference
        body, headers = side.delivery_of(order)
        event = next(event for event in provider.verify_webhook(body, headers) if event.deposit)
        assert (event.kind, event.deposit_id) == (EventKind.DEPOSIT, order.deposit_id)
        assert event.deposit is not None
        assert (event.deposit.state, event.deposit.amount) == (PaymentState.PAID, self.amount)
        assert event.deposit.payment_reference == status.payment_reference
        assert provider.read_webhook(body) == provider.verify_webhook(body, headers)

    def test_a_changed_body_or_key_is_refused(self, side: Any, provider: PaymentProvider) -> None:
        order = self.order(side)
        side.pay(order, provider.create_deposit(order))
        body, headers = side.delivery_of(order)
        for changed_body, changed_headers in (
            (body.replace(b"5", b"6", 1), headers),
            (body + b" ", headers),
            (body, {}),
        ):
            with pytest.raises(SignatureInvalid):
                provider.verify_webhook(changed_body, changed_headers)

    def test_refunds_add_up_and_can_be_found(self, side: Any, provider: PaymentProvider) -> None:
        order = self.order(side)
        redirect = provider.create_deposit(order)
        side.pay(order, redirect)
        paid = provider.fetch_deposit(redirect.provider_reference).payment_reference
        part = Money(self.amount.minor // 50 * 10, self.amount.currency)
        operation = uuid7()
        assert provider.find_refund(operation, payment_reference=paid) is None
        first = provider.refund(operation_id=operation, payment_reference=paid, amount=part, reason="W1")
        assert (first.state, first.amount) == (RefundState.SUCCEEDED, part)
        found = provider.find_refund(operation, payment_reference=paid)
        assert found == first
        assert provider.refund(operation_id=operation, payment_reference=paid, amount=part, reason="W1") == first
        rest = self.amount - part
        provider.refund(operation_id=uuid7(), payment_reference=paid, amount=rest, reason="W2")
        with pytest.raises(Rejected):
            provider.refund(operation_id=uuid7(), payment_reference=paid, amount=part, reason="W3")

    def test_an_unknown_payment_is_rejected(self, side: Any, provider: PaymentProvider) -> None:
        with pytest.raises(Rejected):
            provider.fetch_deposit(side.unknown_reference)

    def test_amounts_it_cannot_express_are_refused_not_rounded(self, side: Any, provider: PaymentProvider) -> None:
        from tenant_apps.payments.errors import AmountNotPayable

        assert provider.amount_step("BTC") == 0
        with pytest.raises((AmountNotPayable, Rejected)):
            provider.create_deposit(replace(self.order(side), amount=Money(1, "BTC")))


class PayoutContract:
    """What an adapter that pays out has to do. Inherit beside `ProviderContract`; set the destination.

    The `side` also gives `finish_payout(order)` and `fail_payout(order)`, for providers that answer "pending" first, and
    `payout_delivery_of(order)`, the webhook about it.
    """

    payout_amount: ClassVar[Money]
    payout_method: ClassVar[str]
    destination: ClassVar[dict[str, str]]

    @pytest.fixture
    def payer(self, account: ProviderAccount) -> PayoutProvider:
        return cast(PayoutProvider, provider_of(account))

    def payout_order(self, side: Any, **changes: Any) -> PayoutOrder:
        url = side.receiver.url
        order = PayoutOrder(
            operation_id=uuid7(), reference="W12345678", amount=self.payout_amount, method=self.payout_method,
            destination=self.destination, payee=PAYER, language="de", description="Nordwind W12345678",
            webhook_url=f"{url}/hooks", return_url=f"{url}/back",
        )  # fmt: skip
        return replace(order, **changes)

    def test_the_destination_has_the_fields_that_were_announced(self, payer: PayoutProvider) -> None:
        method = type(payer).capabilities.payout_method(self.payout_method)
        assert method is not None
        assert {field.name for field in method.fields if field.required} <= set(self.destination)
        assert set(method.identity) <= {field.name for field in method.fields}

    def test_wrong_keys_never_mean_not_paid_out(self, side: Any, account: ProviderAccount) -> None:
        spoil_keys(side, account)
        payer = cast(PayoutProvider, provider_of(account))
        with pytest.raises((Unavailable, OutcomeUnknown)):
            payer.find_payout(uuid7(), reference=side.unknown_reference)

    def test_paid_out_once_and_found(self, side: Any, payer: PayoutProvider) -> None:
        order = self.payout_order(side)
        assert payer.find_payout(order.operation_id, reference="") is None
        first = payer.payout(order)
        assert first.state in (RefundState.PENDING, RefundState.SUCCEEDED)
        assert first.amount == self.payout_amount
        side.finish_payout(order)
        found = payer.find_payout(order.operation_id, reference=first.reference)
        assert found is not None
        assert (found.state, found.amount, found.reference) == (
            RefundState.SUCCEEDED, self.payout_amount, first.reference
        )  # fmt: skip
        assert payer.find_payout(order.operation_id, reference="") == found

    def test_sent_twice_it_is_one_payout(self, side: Any, payer: PayoutProvider) -> None:
        order = self.payout_order(side)
        first = payer.payout(order)
        try:
            assert payer.payout(order).reference == first.reference
        except OutcomeUnknown:  # it says "duplicate": asking finds the first
            found = payer.find_payout(order.operation_id, reference="")
            assert found is not None
            assert found.reference == first.reference
        assert side.payouts_made(order) == 1

    def test_a_failed_payout_is_told(self, side: Any, payer: PayoutProvider) -> None:
        order = self.payout_order(side)
        first = payer.payout(order)
        side.fail_payout(order)
        found = payer.find_payout(order.operation_id, reference=first.reference)
        assert found is not None
        assert found.state is RefundState.FAILED
        assert found.failure_text

    def test_the_webhook_of_a_payout(self, side: Any, payer: PayoutProvider) -> None:
        order = self.payout_order(side)
        first = payer.payout(order)
        side.finish_payout(order)
        body, headers = side.payout_delivery_of(order)
        event = next(event for event in payer.verify_webhook(body, headers) if event.refund)
        assert event.kind is EventKind.PAYOUT
        assert event.refund is not None
        assert order.operation_id == event.operation_id or event.refund.reference == first.reference
        assert (event.refund.state, event.refund.amount) == (RefundState.SUCCEEDED, self.payout_amount)
        with pytest.raises(SignatureInvalid):
            payer.verify_webhook(body + b" ", headers)
