"""Acmepay against its sandbox: Rialto's contract, which is the definition of done."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any, ClassVar

import pytest

from kernel.errors import OutcomeUnknown, Rejected
from kernel.money import Money
from sandbox.tests.support import Receiver, Sandbox
from tenant_apps.payments.models import ProviderAccount
from tenant_apps.payments.ports import (
    DepositOrder,
    DepositStatus,
    PaymentProvider,
    PaymentState,
    PayoutOrder,
    PayoutProvider,
    Redirect,
)
from tenant_apps.payments.tests.contract import PayoutContract, ProviderContract, UnitsContract
from tenant_apps.payments.tests.support import make_account

from ..provider import deposit_status, from_wire, to_wire

_numbers = itertools.count(1)


class AcmepaySide:
    """An account at the sandbox, connected to a provider account of Rialto's."""

    wrong_key = "nobody"
    unknown_reference = "pay_unknown"

    def __init__(self, server: Sandbox, receiver: Receiver) -> None:
        self.server, self.receiver = server, receiver
        self.name = f"contract{next(_numbers)}"

    def connect(self) -> ProviderAccount:
        self.control("PUT", "settings", {"webhook_key": f"webhook-{self.name}"})
        return make_account(
            "acmepay",
            settings={"base_url": self.server.url.replace("127.0.0.1", "acmepay.localhost")},
            credentials={"api_key": f"key_{self.name}", "webhook_key": f"webhook-{self.name}"},
        )

    def control(self, method: str, path: str, body: Any = None) -> Any:
        answer = self.server.http.request(method, f"/_control/api/{self.name}/{path}", json=body or {})
        assert answer.status_code == 200, answer.text
        return answer.json()

    def pay(self, order: DepositOrder, redirect: Redirect) -> None:
        self.control("POST", f"payments/{redirect.provider_reference}/pay")

    def delivery_of(self, order: DepositOrder) -> tuple[bytes, dict[str, str]]:
        """The webhook about it, as sent."""
        wanted = str(order.deposit_id).encode()
        found = self.receiver.wait(lambda got: any(wanted in one.body for one in got))
        request = next(one for one in found if wanted in one.body)
        return request.body, request.headers

    def _payout(self, order: PayoutOrder) -> list[Any]:
        return [one for one in self.control("GET", "payouts")["data"] if one["reference"] == str(order.operation_id)]

    def finish_payout(self, order: PayoutOrder) -> None:
        self.control("POST", f"payouts/{self._payout(order)[0]['id']}/finish")

    def fail_payout(self, order: PayoutOrder) -> None:
        self.control("POST", f"payouts/{self._payout(order)[0]['id']}/fail")

    def payouts_made(self, order: PayoutOrder) -> int:
        return len(self._payout(order))

    def payout_delivery_of(self, order: PayoutOrder) -> tuple[bytes, dict[str, str]]:
        wanted = str(order.operation_id).encode()
        found = self.receiver.wait(lambda got: any(wanted in one.body for one in got))
        request = next(one for one in found if wanted in one.body)
        return request.body, request.headers


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.close()


@pytest.fixture(scope="module")
def acmepay_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    state = tmp_path_factory.mktemp("acmepay")
    running = Sandbox("acmepay", state, "--retry-base", "0.05", module="acmepay.sandbox")
    yield running
    running.close()


class TestUnits(UnitsContract):
    """What an amount is on Acmepay's wire, from its documentation: one line for each currency that is offered."""

    kind = "acmepay"
    units = (
        (50_000, "EUR", 50_000),
        (1, "USD", 1),
        (99, "GBP", 99),
        (1_000, "JPY", 1_000),
        (1_505, "KWD", 1_505),
    )
    refused = ((1, "BTC"), (100, "CHF"))

    def to_wire(self, amount: Money) -> object:
        return to_wire(amount)

    def from_wire(self, wire: object, currency: str) -> Money:
        return from_wire(wire, currency)

    def told_as_paid(self, amount: Money) -> DepositStatus:
        return deposit_status(
            {"id": "pay_1", "state": "paid", "amount": amount.minor, "currency": amount.currency, "card": ""}
        )


class TestAcmepay(ProviderContract, PayoutContract):
    amount = Money(50_000, "EUR")
    method = "card"
    payout_amount = Money(20_000, "EUR")
    payout_method = "acmepay_bank"
    destination: ClassVar[dict[str, str]] = {"iban": "DE89370400440532013000", "holder": "Lena Vogt"}

    @pytest.fixture
    def side(self, tenant: Any, acmepay_server: Sandbox, receiver: Receiver) -> AcmepaySide:
        return AcmepaySide(acmepay_server, receiver)

    def test_a_lost_answer_is_found_by_asking_again(self, side: AcmepaySide, provider: PaymentProvider) -> None:
        order = self.order(side)
        side.control("PUT", "faults", {"api_error_after_commit": 3})
        with pytest.raises(OutcomeUnknown):
            provider.create_deposit(order)
        side.control("PUT", "faults", {})
        redirect = provider.create_deposit(order)
        assert len(side.control("GET", "payments")["data"]) == 1
        side.pay(order, redirect)
        assert provider.fetch_deposit(redirect.provider_reference).state is PaymentState.PAID

    def test_what_is_not_paid_out_for_certain_is_rejected(self, side: AcmepaySide, payer: PayoutProvider) -> None:
        side.control("PUT", "settings", {"refuse_payouts": "yes"})
        order = self.payout_order(side)
        with pytest.raises(Rejected):
            payer.payout(order)
        assert side.payouts_made(order) == 0

    @pytest.mark.parametrize("fault", ["api_error_after_commit", "api_reset_after_commit"])
    def test_a_lost_payout_is_found(self, side: AcmepaySide, payer: PayoutProvider, fault: str) -> None:
        """However often it is lost: that a call got no answer never means that nothing was paid."""
        order = self.payout_order(side)
        side.control("PUT", "faults", {fault: 3})
        with pytest.raises(OutcomeUnknown):
            payer.payout(order)
        side.control("PUT", "faults", {})
        assert payer.find_payout(order.operation_id, reference="") is not None
        assert side.payouts_made(order) == 1


class TestAcmepayInDinar(TestAcmepay):
    amount = Money(150_550, "KWD")
    payout_amount = Money(20_505, "KWD")


class TestAcmepayInYen(TestAcmepay):
    amount = Money(10_000, "JPY")
    payout_amount = Money(7_000, "JPY")
