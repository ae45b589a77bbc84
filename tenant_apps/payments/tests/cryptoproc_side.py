"""The other side of the CryptoProcessing sandbox."""

from __future__ import annotations

import itertools
from typing import Any

from sandbox.tests.support import Receiver, Sandbox
from tenant_apps.payments.models import ProviderAccount
from tenant_apps.payments.ports import DepositOrder, PayoutOrder, Redirect

from .support import make_account

_keys = itertools.count(1)
SECRET = "AbCdEfG123456"  # noqa: S105


class CryptoSide:
    wrong_key = "AnotherSecret"
    unknown_reference = "an address nobody made"
    absent_reference = "00000000-0000-7000-8000-000000000000"

    def __init__(self, server: Sandbox, receiver: Receiver) -> None:
        self.server, self.receiver = server, receiver
        self.key = f"key{next(_keys)}"

    def connect(self, callback_url: str = "") -> ProviderAccount:
        self.control("PUT", "settings", {
            "secret_key": SECRET, "callback_url": callback_url or f"{self.receiver.url}/hooks",
        })  # fmt: skip
        return make_account(
            "cryptoproc",
            settings={
                "api_key": self.key,
                "legal_name": "Nordwind GmbH",
                "legal_country": "deu",
                "base_url": self.server.url.replace("127.0.0.1", "cryptoproc.localhost"),
            },
            credentials={"secret_key": SECRET},
        )

    def control(self, method: str, path: str, body: Any = None) -> Any:
        answer = self.server.http.request(method, f"/_control/api/{self.key}/{path}", json=body or {})
        assert answer.status_code == 200, answer.text
        return answer.json()

    def send(self, address: str, amount: str, **values: Any) -> Any:
        """Somebody sends to an address; the network has it, no more."""
        return self.control("POST", f"addresses/{address}/receive", {"amount": amount, **values})

    def decide(self, number: object, action: str) -> Any:
        return self.control("POST", f"transactions/{number}/{action}")

    def pay(self, order: DepositOrder, redirect: Redirect) -> Any:
        seen = self.send(redirect.instructions["address"], f"{order.amount.amount:f}")
        return self.decide(seen["id"], "confirm")

    def _delivery(self, foreign_id: object, status: str) -> tuple[bytes, dict[str, str]]:
        wanted = [str(foreign_id).encode(), f'"status":"{status}"'.encode()]
        found = self.receiver.wait(lambda got: any(all(part in one.body for part in wanted) for one in got))
        request = next(one for one in found if all(part in one.body for part in wanted))
        return request.body, request.headers

    def delivery_of(self, order: DepositOrder, status: str = "confirmed") -> tuple[bytes, dict[str, str]]:
        return self._delivery(order.deposit_id, status)

    # --- payouts ------------------------------------------------------------------------------------------------------

    def _payouts(self, order: PayoutOrder) -> list[Any]:
        every = self.control("GET", "transactions")["data"]
        return [one for one in every if one.get("foreign_id") == str(order.operation_id)]

    def finish_payout(self, order: PayoutOrder) -> None:
        self.decide(self._payouts(order)[0]["id"], "confirm")

    def fail_payout(self, order: PayoutOrder) -> None:
        self.decide(self._payouts(order)[0]["id"], "decline")

    def payout_delivery_of(self, order: PayoutOrder) -> tuple[bytes, dict[str, str]]:
        return self._delivery(order.operation_id, "confirmed")

    def payouts_made(self, order: PayoutOrder) -> int:
        return len(self._payouts(order))
