"""The other side of the Skrill sandbox."""

from __future__ import annotations

import itertools
from typing import Any
from urllib.parse import parse_qs, urlsplit

from kernel import secrets
from sandbox.tests.support import Receiver, Sandbox
from tenant_apps.payments.models import ProviderAccount
from tenant_apps.payments.ports import DepositOrder, PayoutOrder, ProviderConfig, Redirect
from tenant_apps.payments.registry import adapter_class

from .support import make_account

_numbers = itertools.count(1)


class SkrillSide:
    wrong_key = "nobodys-password"
    unknown_reference = "not-a-payment-of-ours"

    def __init__(self, server: Sandbox, receiver: Receiver, currency: str = "EUR") -> None:
        self.server, self.receiver, self.currency = server, receiver, currency
        number = next(_numbers)
        self.email = f"contract{number}@broker.example"
        self.merchant_id = str(10_000_000 + number)
        self.secret_word, self.password = f"word{number}", f"password-{number}"

    def connect(self, **values: Any) -> ProviderAccount:
        self.control("PUT", "settings", {
            "merchant_id": self.merchant_id, "secret_word": self.secret_word, "api_password": self.password,
            "currency": self.currency,
        })  # fmt: skip
        self.account = make_account("skrill", settings=self.settings, credentials=self.credentials, **values)
        return self.account

    @property
    def settings(self) -> dict[str, str]:
        base = self.server.url.replace("127.0.0.1", "skrill.localhost")
        return {"pay_to_email": self.email, "merchant_id": self.merchant_id, "base_url": base}

    @property
    def credentials(self) -> dict[str, str]:
        return {"secret_word": self.secret_word, "api_password": self.password}

    def provider(self) -> Any:
        """The adapter as the service makes it, its webhooks at the receiver."""
        config = ProviderConfig(
            account_id=self.account.pk, mode="test", settings=self.account.settings,
            secrets=secrets.credentials_of(self.account.secrets_owner), webhook_url=f"{self.receiver.url}/hooks",
        )  # fmt: skip
        return adapter_class("skrill")(config)

    def control(self, method: str, path: str, body: Any = None) -> Any:
        answer = self.server.http.request(method, f"/_control/api/{self.email}/{path}", json=body or {})
        assert answer.status_code == 200, answer.text
        return answer.json()

    def pay(self, order: DepositOrder, redirect: Redirect, **values: Any) -> Any:
        sid = parse_qs(urlsplit(redirect.url).query)["sid"][0]
        return self.control("POST", f"sessions/{sid}/pay", values)

    def news(self, *parts: str) -> tuple[bytes, dict[str, str]]:
        """The first report that contains all of `parts`."""
        wanted = [part.encode() for part in parts]
        found = self.receiver.wait(lambda got: any(all(part in one.body for part in wanted) for one in got))
        request = next(one for one in found if all(part in one.body for part in wanted))
        return request.body, request.headers

    def delivery_of(self, order: DepositOrder) -> tuple[bytes, dict[str, str]]:
        return self.news(f"transaction_id={order.deposit_id}")

    # --- payouts ------------------------------------------------------------------------------------------------------

    def hold_payouts(self) -> None:
        self.control("PUT", "settings", {"hold_payouts": "1"})

    def _sent(self, order: PayoutOrder) -> list[Any]:
        sent = self.control("GET", "payouts")["data"]
        return [one for one in sent if one["transaction_id"] == str(order.operation_id)]

    def finish_payout(self, order: PayoutOrder) -> None:
        (made,) = self._sent(order)
        if made["status"] == "1":
            self.control("POST", f"payouts/{made['id']}/process")

    def fail_payout(self, order: PayoutOrder) -> None:
        (made,) = self._sent(order)
        self.control("POST", f"payouts/{made['id']}/cancel")

    def payouts_made(self, order: PayoutOrder) -> int:
        return len(self._sent(order))
