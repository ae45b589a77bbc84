"""dLocal against its sandbox: the contract in five countries, payouts by both schemes, and dLocal's own ways."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, ClassVar

import pytest

from kernel.errors import OutcomeUnknown, Rejected, Unavailable
from kernel.ids import uuid7
from kernel.money import Money
from sandbox.tests.support import Receiver, Sandbox
from tenant_apps.payments.adapters.dlocal import DLocalProvider
from tenant_apps.payments.errors import AmountNotPayable
from tenant_apps.payments.ports import (
    DepositOrder,
    EventKind,
    Payer,
    PaymentState,
    PayoutOrder,
    RefundState,
)
from tenant_apps.payments.services.providers import provider_of

from .contract import PAYER, PayoutContract, ProviderContract
from .dlocal_side import DLocalSide


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.close()


@pytest.fixture(scope="module")
def dlocal_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    running = Sandbox("dlocal", tmp_path_factory.mktemp("dlocal"), "--retry-base", "0.05")
    yield running
    running.close()


class InCountry(ProviderContract):
    """The contract with a payer of the country."""

    country: ClassVar[str]

    @pytest.fixture
    def side(self, tenant: Any, dlocal_server: Sandbox, receiver: Receiver) -> DLocalSide:
        return DLocalSide(dlocal_server, receiver)

    def order(self, side: Any) -> DepositOrder:
        return replace(super().order(side), payer=replace(PAYER, country=self.country), language="es")


class TestMexico(PayoutContract, InCountry):
    country = "MX"
    amount = Money(950_050, "MXN")
    method = "card"
    payout_amount = Money(450_025, "MXN")
    payout_method = "spei"
    destination: ClassVar[dict[str, str]] = {"clabe": "002 010 07777777777 1"}

    @pytest.mark.parametrize(
        ("number", "state", "failure"),
        [
            ("4000000000009995", PaymentState.FAILED, "insufficient_funds"),
            ("4000000000000002", PaymentState.FAILED, "declined"),
            ("4000000000000069", PaymentState.FAILED, "expired_card"),
            ("4000000000000127", PaymentState.FAILED, "wrong_details"),
            ("4100000000000019", PaymentState.FAILED, "fraud"),
            ("4000000000000119", PaymentState.FAILED, "error"),
        ],
    )
    def test_what_a_card_may_end_as(
        self, side: DLocalSide, provider: DLocalProvider, number: str, state: PaymentState, failure: str
    ) -> None:
        order = self.order(side)
        redirect = provider.create_deposit(order)
        side.pay(order, redirect, number)
        status = provider.fetch_deposit(redirect.provider_reference)
        assert (status.state, status.failure, status.method) == (state, failure, "card")
        assert status.failure_text
        assert status.source == f"Visa •••• {number[-4:]}"

    def test_a_payer_is_the_same_person_every_time(self, side: DLocalSide, provider: DLocalProvider) -> None:
        """dLocal's risk rules count by it; it names nobody."""
        order = self.order(side)
        provider.create_deposit(replace(order, payer=replace(order.payer, reference="c-17")))
        (made,) = side.control("GET", "payments")["data"]
        assert made["payer"]["user_reference"] == "c-17"
        assert "document" not in made["payer"]

    def test_a_cancelled_payment_has_ended(self, side: DLocalSide, provider: DLocalProvider) -> None:
        redirect = provider.create_deposit(self.order(side))
        side.control("POST", f"payments/{redirect.provider_reference}/cancel")
        status = provider.fetch_deposit(redirect.provider_reference)
        assert (status.state, status.failure) == (PaymentState.EXPIRED, "cancelled")

    @pytest.mark.parametrize("fault", ["api_error_after_commit", "api_reset_after_commit"])
    def test_an_answer_that_was_lost_is_found_by_asking_again(
        self, side: DLocalSide, provider: DLocalProvider, fault: str
    ) -> None:
        """The order id is taken then: the second attempt is refused and finds the first one's page."""
        order = self.order(side)
        side.control("PUT", "faults", {fault: 1})
        with pytest.raises(OutcomeUnknown):
            provider.create_deposit(order)
        redirect = provider.create_deposit(order)
        (made,) = side.control("GET", "payments")["data"]
        assert (redirect.provider_reference, redirect.url) == (made["id"], made["redirect_url"])

    def test_a_refund_whose_answer_was_lost_is_not_made_twice(self, side: DLocalSide, provider: DLocalProvider) -> None:
        order = self.order(side)
        redirect = provider.create_deposit(order)
        side.pay(order, redirect)
        operation, part = uuid7(), Money(10_000, "MXN")
        side.control("PUT", "faults", {"api_reset_after_commit": 1})
        with pytest.raises(OutcomeUnknown):
            provider.refund(
                operation_id=operation, payment_reference=redirect.provider_reference, amount=part, reason="W1"
            )
        again = provider.refund(
            operation_id=operation, payment_reference=redirect.provider_reference, amount=part, reason="W1"
        )
        (made,) = side.control("GET", "refunds")["data"]
        assert again.reference == made["id"]

    def test_no_list_of_refunds_is_no_proof(self, side: DLocalSide, provider: DLocalProvider) -> None:
        with pytest.raises(Unavailable):
            provider.find_refund(uuid7(), payment_reference=side.unknown_reference)

    def test_a_refund_that_waits_for_the_payer_is_told_later(self, side: DLocalSide, provider: DLocalProvider) -> None:
        side.control("PUT", "settings", {"refunds": "pending"})
        order = self.order(side)
        redirect = provider.create_deposit(order)
        side.pay(order, redirect)
        provider.config = replace(provider.config, webhook_url=f"{side.receiver.url}/hooks")
        operation = uuid7()
        first = provider.refund(
            operation_id=operation, payment_reference=redirect.provider_reference, amount=self.amount, reason="W1"
        )
        assert first.state is RefundState.PENDING
        side.control("POST", f"refunds/{first.reference}/pay")
        body, headers = side._delivered(operation.hex[:8].encode(), b'"SUCCESS"')
        (event,) = provider.verify_webhook(body, headers)
        assert (event.kind, event.operation_id) == (EventKind.REFUND, operation)
        assert event.refund is not None
        assert event.refund == provider.find_refund(operation, payment_reference=redirect.provider_reference)
        assert event.refund.payment_reference == redirect.provider_reference

    def test_a_chargeback_takes_back_and_a_won_dispute_restores(
        self, side: DLocalSide, provider: DLocalProvider
    ) -> None:
        order = self.order(side)
        redirect = provider.create_deposit(order)
        side.pay(order, redirect)
        side.control("POST", f"payments/{redirect.provider_reference}/chargeback")
        dispute = side.control("GET", "chargebacks")["data"][0]["id"].encode()
        body, headers = side._delivered(dispute, b'"COMPLETED"')
        (lost,) = provider.verify_webhook(body, headers)
        side.control("POST", f"chargebacks/{dispute.decode()}/win")
        body, headers = side._delivered(dispute, b'"REVERSAL"')
        (won,) = provider.verify_webhook(body, headers)
        assert lost.event_key != won.event_key
        assert (lost.deposit_id, won.deposit_id) == (order.deposit_id, order.deposit_id)
        assert lost.deposit is not None
        assert won.deposit is not None
        assert (lost.deposit.state, lost.deposit.failure) == (PaymentState.REVERSED, "chargeback")
        assert won.deposit.state is PaymentState.REINSTATED
        assert {lost.deposit.payment_reference, won.deposit.payment_reference} == {redirect.provider_reference}

    def test_both_kinds_of_key_are_told_apart(self, side: DLocalSide, provider: DLocalProvider) -> None:
        side.control("PUT", "settings", {"secret_key": "another"})
        report = provider.test_connection()
        assert (report.good, report.details) == (False, ("Invalid request.",))

    # --- payouts ------------------------------------------------------------------------------------------------------

    def test_a_payout_tells_its_fee(self, side: DLocalSide, payer: DLocalProvider) -> None:
        assert payer.payout(self.payout_order(side)).fee == Money(1_200, "MXN")

    def test_a_payout_whose_answer_was_lost_is_found(self, side: DLocalSide, payer: DLocalProvider) -> None:
        order = self.payout_order(side)
        side.control("PUT", "faults", {"api_reset_after_commit": 1})
        with pytest.raises(OutcomeUnknown):
            payer.payout(order)
        found = payer.find_payout(order.operation_id, reference="")
        assert found is not None
        assert found.state is RefundState.PENDING
        with pytest.raises(OutcomeUnknown):
            payer.payout(order)
        assert side.payouts_made(order) == 1

    def test_a_wrong_clabe_is_refused_by_dlocal_and_a_short_one_by_us(
        self, side: DLocalSide, payer: DLocalProvider
    ) -> None:
        for clabe in ("002010077777777772", "0020100777", ""):
            order = self.payout_order(side, destination={"clabe": clabe})
            with pytest.raises(Rejected):
                payer.payout(order)
            assert side.payouts_made(order) == 0


class TestMexicoWithTokens(PayoutContract, InCountry):
    """Payouts with an OAuth token instead of a signature."""

    country = "MX"
    amount = Money(950_050, "MXN")
    method = "spei"
    payout_amount = Money(450_025, "MXN")
    payout_method = "spei"
    destination: ClassVar[dict[str, str]] = {"clabe": "002010077777777771"}

    @pytest.fixture
    def side(self, tenant: Any, dlocal_server: Sandbox, receiver: Receiver) -> DLocalSide:
        side = DLocalSide(dlocal_server, receiver)
        side.tokens = True
        side.control("PUT", "settings", {"refunds": "auto"})
        return side

    def test_refunds_add_up_and_can_be_found(self, side: Any, provider: Any) -> None:
        """A transfer's refund waits for the payer's bank account, so SPEI is not offered for it."""
        method = type(provider).capabilities.method(self.method)
        assert method is not None
        assert not method.refundable

    def test_a_wrong_client_secret_is_no_verdict(self, side: DLocalSide, payer: DLocalProvider) -> None:
        side.control("PUT", "settings", {"client_secret": "changed"})
        order = self.payout_order(side)
        with pytest.raises(Unavailable):
            payer.payout(order)
        assert side.payouts_made(order) == 0
        report = payer.test_connection()
        assert report.good
        assert any("Payouts" in line for line in report.details)


class TestBrazil(PayoutContract, InCountry):
    country = "BR"
    amount = Money(50_010, "BRL")
    method = "pix"
    payout_amount = Money(20_005, "BRL")
    payout_method = "pix"
    destination: ClassVar[dict[str, str]] = {
        "pix_kind": "phone", "pix_key": "+55 (11) 98765-4321", "document_id": "450.539.758-09"
    }  # fmt: skip


class TestChile(PayoutContract, InCountry):
    """No decimals at all."""

    country = "CL"
    amount = Money(50_000, "CLP")
    method = "webpay"
    payout_amount = Money(25_000, "CLP")
    payout_method = "bank_cl"
    destination: ClassVar[dict[str, str]] = {
        "bank_code": "012", "bank_account": "12345678", "account_type": "VISTA", "document_id": "12.345.678-5"
    }  # fmt: skip


class TestColombia(PayoutContract, InCountry):
    """We keep two decimals of the peso, dLocal none."""

    country = "CO"
    amount = Money(20_000_000, "COP")
    method = "card"
    payout_amount = Money(9_000_000, "COP")
    payout_method = "bank_co"
    destination: ClassVar[dict[str, str]] = {
        "bank_code": "007", "bank_account": "272-132139-12", "account_type": "SAVINGS", "document_type": "CC",
        "document_id": "1.004.922.993",
    }  # fmt: skip

    def test_a_centavo_cannot_be_asked_for(self, side: DLocalSide, provider: DLocalProvider) -> None:
        with pytest.raises(AmountNotPayable):
            provider.create_deposit(replace(self.order(side), amount=Money(20_000_050, "COP")))
        assert side.control("GET", "payments")["data"] == []


class TestDollarsInEcuador(InCountry):
    country = "EC"
    amount = Money(10_050, "USD")
    method = "card"


DESTINATIONS = [
    ("bank_br", "BRL", {"bank_code": "341", "bank_branch": "0167", "bank_account": "12345-1",
                        "account_type": "CHECKING", "document_id": "55.694.732/0001-10"}),
    ("bank_pe", "PEN", {"cci": "002 193 001122334455 66", "account_type": "SAVINGS", "document_type": "DNI",
                        "document_id": "45678901"}),
    ("bank_ar", "ARS", {"cbu": "2850590940090418135201", "document_id": "20-12345678-6"}),
    ("pix", "BRL", {"pix_kind": "email", "pix_key": "ana@example.com", "document_id": "45053975809"}),
    ("pix", "USD", {"pix_kind": "bank_account", "pix_key": "2a1f0c52-5f2e-4c7e-9d6a-0d8f1f2b3c4d",
                    "document_id": "45053975809"}),
]  # fmt: skip


@pytest.mark.parametrize(("method", "currency", "destination"), DESTINATIONS)
def test_every_destination_is_accepted(
    tenant: Any, dlocal_server: Sandbox, receiver: Receiver, method: str, currency: str, destination: dict[str, str]
) -> None:
    side = DLocalSide(dlocal_server, receiver)
    provider = provider_of(side.connect())
    assert isinstance(provider, DLocalProvider)
    order = payout_order(method, destination, Money(900_000, currency))
    assert provider.payout(order).state is RefundState.PENDING
    assert side.payouts_made(order) == 1


def payout_order(method: str, destination: dict[str, str], amount: Money) -> PayoutOrder:
    return PayoutOrder(
        operation_id=uuid7(), reference="W1", amount=amount, method=method, destination=destination, language="es",
        payee=Payer(name="Ana Lima Ruiz", email="ana@example.com", country="BR"), description="W1",
        webhook_url="http://broker.localhost:1/hooks",
    )  # fmt: skip
