"""The other side of the PayPal sandbox."""

from __future__ import annotations

import itertools
from typing import Any

from kernel import secrets
from sandbox.tests.support import Receiver, Sandbox
from tenant_apps.payments.models import ProviderAccount
from tenant_apps.payments.ports import DepositOrder, PayoutOrder, Redirect
from tenant_apps.payments.services.providers import provider_of

from .support import make_account

_numbers = itertools.count(1)


class PayPalSide:
    wrong_key = "nobodys-secret-000000"
    unknown_reference = "0UNKNOWN00000000X"

    def __init__(self, server: Sandbox, receiver: Receiver) -> None:
        self.server, self.receiver = server, receiver
        self.client_id = f"AContract{next(_numbers):04d}-rialto"
        self.secret = f"E{self.client_id}-secret"
        self.orders: dict[Any, str] = {}

    def connect(self, **values: Any) -> ProviderAccount:
        base = self.server.url.replace("127.0.0.1", "paypal.localhost")
        self.account = make_account(
            "paypal",
            settings={"client_id": self.client_id, "base_url": base},
            credentials={"client_secret": self.secret},
            **values,
        )
        register: Any = provider_of(self.account)
        webhook = register.register_webhook(f"{self.receiver.url}/hooks")
        secrets.credential_set(owner=self.account.secrets_owner, name="webhook_secret", value=webhook)
        return self.account

    def control(self, method: str, path: str, body: Any = None) -> Any:
        answer = self.server.http.request(method, f"/_control/api/{self.client_id}/{path}", json=body or {})
        assert answer.status_code == 200, answer.text
        return answer.json()

    def pay(self, order: DepositOrder, redirect: Redirect, **values: Any) -> None:
        """The payer agrees; nothing is captured by that."""
        self.orders[order.deposit_id] = redirect.provider_reference
        self.control("POST", f"orders/{redirect.provider_reference}/approve", values)

    def news(self, *parts: str) -> tuple[bytes, dict[str, str]]:
        """The first webhook that contains all of `parts`."""
        wanted = [part.encode() for part in parts]
        found = self.receiver.wait(lambda got: any(all(part in one.body for part in wanted) for one in got))
        request = next(one for one in found if all(part in one.body for part in wanted))
        return request.body, request.headers

    def delivery_of(self, order: DepositOrder) -> tuple[bytes, dict[str, str]]:
        provider_of(self.account).fetch_deposit(self.orders[order.deposit_id])  # captures
        return self.news("PAYMENT.CAPTURE.COMPLETED", str(order.deposit_id))

    # --- payouts ------------------------------------------------------------------------------------------------------

    def _batch(self, order: PayoutOrder) -> str:
        wanted = str(order.operation_id)
        batches = self.control("GET", "payouts")["data"]
        return next(one["id"] for one in batches if one["items"][0]["payout_item"]["sender_item_id"] == wanted)

    def finish_payout(self, order: PayoutOrder) -> None:
        self.control("POST", f"payouts/{self._batch(order)}/settle", {"status": "SUCCESS"})

    def fail_payout(self, order: PayoutOrder) -> None:
        self.control("POST", f"payouts/{self._batch(order)}/settle", {"status": "FAILED"})

    def payouts_made(self, order: PayoutOrder) -> int:
        wanted = str(order.operation_id)
        batches = self.control("GET", "payouts")["data"]
        return sum(one["items"][0]["payout_item"]["sender_item_id"] == wanted for one in batches)

    def payout_delivery_of(self, order: PayoutOrder) -> tuple[bytes, dict[str, str]]:
        return self.news("PAYOUTS-ITEM.SUCCEEDED", str(order.operation_id))
