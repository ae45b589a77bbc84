"""The other side of the Praxis sandbox."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Mapping
from typing import Any

from sandbox.tests.support import Receiver, Sandbox
from tenant_apps.payments.models import ProviderAccount
from tenant_apps.payments.ports import DepositOrder, PayoutOrder, PayoutProvider, Redirect
from tenant_apps.payments.services.providers import provider_of

from .support import make_account

_merchants = itertools.count(1)
SECRET = "MerchantSecretKey"  # noqa: S105


def digest(*values: Any, secret: str = SECRET) -> str:
    """Praxis' signature, written a third time: the values that are there, then the secret."""
    text = "".join(str(value) for value in values if value is not None) + secret
    return hashlib.sha384(text.encode()).hexdigest()


class PraxisSide:
    wrong_key = "AnotherSecretKey"
    unknown_reference = "00000000-0000-7000-8000-000000000000"

    def __init__(
        self, server: Sandbox, receiver: Receiver, *, unscaled: str = "", fractions: Mapping[str, int] | None = None
    ) -> None:
        self.server, self.receiver = server, receiver
        self.merchant = f"API-Nordwind{next(_merchants)}"
        self.unscaled, self.fractions = unscaled, dict(fractions or {})
        self.account: ProviderAccount | None = None

    def connect(self) -> ProviderAccount:
        self.control("PUT", "settings", {
            "application_key": "nordwind.example", "merchant_secret": SECRET, "fractions": self.fractions,
        })  # fmt: skip
        self.account = make_account(
            "praxis",
            settings={
                "merchant_id": self.merchant,
                "application_key": "nordwind.example",
                "unscaled": self.unscaled,
                "base_url": self.server.url.replace("127.0.0.1", "praxis.localhost"),
            },
            credentials={"merchant_secret": SECRET},
        )
        return self.account

    def control(self, method: str, path: str, body: Any = None) -> Any:
        answer = self.server.http.request(method, f"/_control/api/{self.merchant}/{path}", json=body or {})
        assert answer.status_code == 200, answer.text
        return answer.json()

    def pay(self, order: DepositOrder, redirect: Redirect | None = None, number: str = "4111111111111111") -> Any:
        return self.control("POST", f"sessions/{order.deposit_id}/pay", {"number": number})

    def settle(self, tid: object, status: str, **amounts: Any) -> Any:
        return self.control("POST", f"transactions/{tid}/settle", {"status": status, **amounts})

    def _delivery(self, order_id: object, status: str) -> tuple[bytes, dict[str, str]]:
        wanted = [str(order_id).encode(), f'"transaction_status": "{status}"'.encode()]
        found = self.receiver.wait(lambda got: any(all(part in one.body for part in wanted) for one in got))
        request = next(one for one in found if all(part in one.body for part in wanted))
        return request.body, request.headers

    def delivery_of(self, order: DepositOrder, status: str = "approved") -> tuple[bytes, dict[str, str]]:
        """The notification about an order, as it came over the wire."""
        return self._delivery(order.deposit_id, status)

    # --- payouts ------------------------------------------------------------------------------------------------------

    def submit(self, order: PayoutOrder) -> Any:
        """The payee says where to."""
        return self.control("POST", f"sessions/{order.operation_id}/withdraw", {"account": "lena@example.com"})

    def finish_payout(self, order: PayoutOrder) -> None:
        self.submit(order)
        self.ask(order)

    def ask(self, order: PayoutOrder) -> Any:
        assert self.account is not None
        provider: PayoutProvider = provider_of(self.account)  # type: ignore[assignment]
        return provider.find_payout(order.operation_id, reference="")

    def fail_payout(self, order: PayoutOrder) -> None:
        self.settle(self.submit(order)["tid"], "rejected")

    def payout_delivery_of(self, order: PayoutOrder) -> tuple[bytes, dict[str, str]]:
        return self._delivery(order.operation_id, "approved")

    def payouts_made(self, order: PayoutOrder) -> int:
        return len(
            [one for one in self.control("GET", "sessions")["data"] if one["order_id"] == str(order.operation_id)]
        )
