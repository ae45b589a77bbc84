"""The other side of the Freedom Pay sandbox."""

from __future__ import annotations

import itertools
from typing import Any

from sandbox.tests.support import Receiver, Sandbox
from tenant_apps.payments.models import ProviderAccount
from tenant_apps.payments.ports import DepositOrder, PayoutOrder, Redirect

from .support import make_account

_merchants = itertools.count(550_001)


class FreedomPaySide:
    wrong_key = "wrong"
    unknown_reference = "1"

    def __init__(self, server: Sandbox, receiver: Receiver | None = None) -> None:
        self.server, self._receiver = server, receiver
        self.merchant = str(next(_merchants))
        self.secret, self.payout_secret = f"s{self.merchant}", f"p{self.merchant}"
        self.account: ProviderAccount | None = None

    @property
    def receiver(self) -> Receiver:
        assert self._receiver is not None
        return self._receiver

    def connect(self, payout_currency: str = "KZT") -> ProviderAccount:
        keys = {"secret_key": self.secret, "payout_key": self.payout_secret}
        self.control("PUT", "settings", {**keys, "currency": payout_currency, "name": "Turan"})
        base = self.server.url.replace("127.0.0.1", "freedompay.localhost")
        settings = {"merchant_id": self.merchant, "base_url": base, "payout_currency": payout_currency}
        self.account = make_account("freedompay", settings=settings, credentials=keys)
        return self.account

    @property
    def webhook_url(self) -> str:
        """At the receiver, with the last part of the account's real address: Freedom Pay signs that part too."""
        assert self.account is not None
        return f"{self.receiver.url}/webhooks/{self.account.pk}/"

    def control(self, method: str, path: str, body: Any = None) -> Any:
        answer = self.server.http.request(method, f"/_control/api/{self.merchant}/{path}", json=body or {})
        assert answer.status_code == 200, answer.text
        return answer.json()

    def pay(self, order: DepositOrder | None, redirect: Redirect, number: str = "4111111111111111") -> None:
        self.control("POST", f"payments/{redirect.provider_reference}/pay", {"number": number})

    def _call_about(self, reference: object) -> tuple[bytes, dict[str, str]]:
        wanted = str(reference).encode()
        found = self.receiver.wait(lambda got: any(wanted in request.body for request in got))
        request = next(request for request in found if wanted in request.body)
        return request.body, request.headers

    def delivery_of(self, order: DepositOrder) -> tuple[bytes, dict[str, str]]:
        return self._call_about(order.deposit_id)

    def payout_delivery_of(self, order: PayoutOrder) -> tuple[bytes, dict[str, str]]:
        return self._call_about(order.operation_id)

    def items(self, kind: str) -> list[dict[str, Any]]:
        return [item for item in self.control("GET", "payments")["data"] if item["kind"] == kind]

    def _payout(self, order: PayoutOrder) -> dict[str, Any]:
        return next(item for item in self.items("payout") if item["order_id"] == str(order.operation_id))

    def finish_payout(self, order: PayoutOrder) -> None:
        self.control("POST", f"payouts/{self._payout(order)['id']}/succeed")

    def fail_payout(self, order: PayoutOrder) -> None:
        self.control("POST", f"payouts/{self._payout(order)['id']}/fail", {"reason": "Карта закрыта"})

    def payouts_made(self, order: PayoutOrder) -> int:
        return sum(item["order_id"] == str(order.operation_id) for item in self.items("payout"))
