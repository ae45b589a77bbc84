"""Acmepay against its sandbox: Rialto's contract, which is the definition of done."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import pytest

from kernel.errors import OutcomeUnknown
from kernel.money import Money
from sandbox.tests.support import Receiver, Sandbox
from tenant_apps.payments.models import ProviderAccount
from tenant_apps.payments.ports import DepositOrder, PaymentProvider, PaymentState, Redirect
from tenant_apps.payments.tests.contract import ProviderContract
from tenant_apps.payments.tests.support import make_account

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


class TestAcmepay(ProviderContract):
    amount = Money(50_000, "EUR")
    method = "card"

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


class TestAcmepayInDinar(TestAcmepay):
    amount = Money(150_550, "KWD")


class TestAcmepayInYen(TestAcmepay):
    amount = Money(10_000, "JPY")
