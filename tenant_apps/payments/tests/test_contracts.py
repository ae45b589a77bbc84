"""Each adapter against its sandbox, by the same contract."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from kernel.errors import OutcomeUnknown
from kernel.ids import uuid7
from kernel.money import Money
from sandbox.tests.support import Receiver, Sandbox
from tenant_apps.payments.adapters.paytabs import PayTabsProvider
from tenant_apps.payments.adapters.paytabs.provider import refund_status
from tenant_apps.payments.models import ProviderAccount
from tenant_apps.payments.ports import DepositOrder, PaymentState, Redirect, RefundState
from tenant_apps.payments.services.providers import provider_of

from .contract import ProviderContract
from .paytabs_side import PayTabsSide
from .stripe_side import StripeSide


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.close()


@pytest.fixture(scope="module")
def paytabs_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    running = Sandbox("paytabs", tmp_path_factory.mktemp("paytabs"), "--retry-base", "0.05")
    yield running
    running.close()


class ContractedStripe(StripeSide):
    wrong_key = "sk_test_other_revoked1"
    unknown_reference = "cs_test_unknown"

    def __init__(self, server: Sandbox, receiver: Receiver) -> None:
        super().__init__(server)
        self.receiver = receiver

    def connect(self, **_: Any) -> ProviderAccount:
        from kernel import secrets

        account = super().connect(webhook=False)
        register: Any = provider_of(account)
        secret = register.register_webhook(f"{self.receiver.url}/hooks")
        secrets.credential_set(owner=account.secrets_owner, name="webhook_secret", value=secret)
        return account

    def pay(self, order: Any, redirect: Any = None, **values: Any) -> Any:
        return super().pay(redirect.provider_reference, order.method)

    def delivery_of(self, order: DepositOrder) -> tuple[bytes, dict[str, str]]:
        wanted = [b"checkout.session.completed", str(order.deposit_id).encode()]
        found = self.receiver.wait(lambda got: any(all(part in one.body for part in wanted) for one in got))
        request = next(one for one in found if all(part in one.body for part in wanted))
        return request.body, request.headers


class TestStripe(ProviderContract):
    amount = Money(50_000, "EUR")
    method = "card"

    @pytest.fixture
    def side(self, tenant: Any, stripe_server: Sandbox, receiver: Receiver) -> ContractedStripe:
        return ContractedStripe(stripe_server, receiver)


class TestStripeInDinar(TestStripe):
    amount = Money(150_550, "KWD")


class TestStripeInYen(TestStripe):
    amount = Money(10_000, "JPY")


class TestPayTabs(ProviderContract):
    amount = Money(183_650, "AED")
    method = "card"
    repeats_give_the_same_page = False  # it knows no idempotency keys and refuses the second

    @pytest.fixture
    def side(self, tenant: Any, paytabs_server: Sandbox, receiver: Receiver) -> PayTabsSide:
        return PayTabsSide(paytabs_server, receiver)

    @pytest.mark.parametrize(
        ("number", "state", "failure"),
        [
            ("4000000000009995", PaymentState.FAILED, "insufficient_funds"),
            ("5200000000000114", PaymentState.FAILED, "declined"),
            ("4000000000000119", PaymentState.FAILED, "error"),
            ("4100000000000019", PaymentState.AUTHORISED, ""),
            ("4000000000007726", PaymentState.OPEN, ""),
        ],
    )
    def test_what_a_card_may_end_as(
        self, side: PayTabsSide, account: ProviderAccount, number: str, state: PaymentState, failure: str
    ) -> None:
        provider = provider_of(account)
        order = self.order(side)
        redirect: Redirect = provider.create_deposit(order)
        side.pay(order, redirect, number)
        status = provider.fetch_deposit(redirect.provider_reference)
        assert (status.state, status.failure) == (state, failure)

    def test_a_refund_refused_as_a_duplicate_may_have_happened(
        self, side: PayTabsSide, provider: PayTabsProvider, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """PayTabs refuses to do the same twice within minutes; what it did the first time it may not yet show."""
        order = self.order(side)
        redirect = provider.create_deposit(order)
        side.pay(order, redirect)
        paid = provider.fetch_deposit(redirect.provider_reference).payment_reference
        operation, half = uuid7(), Money(self.amount.minor // 100 * 10, self.amount.currency)
        provider.refund(operation_id=operation, payment_reference=paid, amount=half, reason="W1")
        monkeypatch.setattr(provider, "find_refund", lambda *_, **__: None)
        with pytest.raises(OutcomeUnknown):
            provider.refund(operation_id=operation, payment_reference=paid, amount=half, reason="W1")


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("A", RefundState.SUCCEEDED), ("P", RefundState.PENDING), ("H", RefundState.PENDING), ("Z", RefundState.PENDING),
        *((status, RefundState.FAILED) for status in "VEDXC"),
    ],
)  # fmt: skip
def test_what_a_refund_of_paytabs_may_end_as(status: str, state: RefundState) -> None:
    """A status that we do not know gives no money back: it is asked about again."""
    result = {"response_status": status, "response_message": "words"}
    told = refund_status({"tran_ref": "T", "cart_amount": "1", "cart_currency": "AED", "payment_result": result})
    assert (told.state, bool(told.failure_text)) == (state, state is RefundState.FAILED)


class TestPayTabsInDinar(TestPayTabs):
    amount = Money(150_550, "KWD")
