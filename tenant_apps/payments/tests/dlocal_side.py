"""The other side of the dLocal sandbox."""

from __future__ import annotations

import itertools
from typing import Any

from sandbox.tests.support import Sandbox
from tenant_apps.payments.models import ProviderAccount
from tenant_apps.payments.ports import DepositOrder, PayoutOrder, Redirect

from .support import make_account

_logins = itertools.count(1)


class DLocalSide:
    wrong_key = "not-the-key"
    unknown_reference = "D-4-00000000-0000-0000-0000-000000000000"
    tokens = False  # payouts by OAuth instead of a signature

    def __init__(self, server: Sandbox, receiver: Any) -> None:
        self.server, self.receiver = server, receiver
        self.login = f"merchant{next(_logins)}"

    def connect(self, **values: Any) -> ProviderAccount:
        keys = {"trans_key": "trans-key-1", "secret_key": "secret-key-1"}
        client = {"client_id": f"client-{self.login}", "client_secret": "client-secret-1"}
        self.control("PUT", "settings", {**keys, **(client if self.tokens else {})})
        credentials = {"x_trans_key": keys["trans_key"], "secret_key": keys["secret_key"]}
        settings = {"x_login": self.login, "base_url": self.server.url.replace("127.0.0.1", "dlocal.localhost")}
        if self.tokens:
            settings["payouts_client_id"] = client["client_id"]
            credentials["payouts_client_secret"] = client["client_secret"]
        return make_account("dlocal", settings=settings, credentials=credentials, **values)

    def control(self, method: str, path: str, body: Any = None) -> Any:
        answer = self.server.http.request(method, f"/_control/api/{self.login}/{path}", json=body or {})
        assert answer.status_code == 200, answer.text
        return answer.json()

    def pay(self, order: DepositOrder, redirect: Redirect, number: str = "4111111111111111") -> None:
        self.control("POST", f"payments/{redirect.provider_reference}/pay", {"number": number})

    def delivery_of(self, order: DepositOrder) -> tuple[bytes, dict[str, str]]:
        """The notification about a payment, as it came over the wire."""
        return self._delivered(str(order.deposit_id).encode(), b'"PAID"')

    def _delivered(self, *wanted: bytes) -> tuple[bytes, dict[str, str]]:
        found = self.receiver.wait(lambda got: any(all(part in one.body for part in wanted) for one in got))
        request = next(one for one in found if all(part in one.body for part in wanted))
        return request.body, request.headers

    # --- payouts ------------------------------------------------------------------------------------------------------

    def payouts_of(self, order: PayoutOrder) -> list[dict[str, Any]]:
        listed = self.control("GET", "payouts")["data"]
        return [one for one in listed if one["external_id"] == str(order.operation_id)]

    def payouts_made(self, order: PayoutOrder) -> int:
        return len(self.payouts_of(order))

    def finish_payout(self, order: PayoutOrder) -> None:
        self._decide(order, "pay")

    def fail_payout(self, order: PayoutOrder) -> None:
        self._decide(order, "reject")

    def _decide(self, order: PayoutOrder, action: str) -> None:
        (payout,) = self.payouts_of(order)
        self.control("POST", f"payouts/{payout['id']}/{action}")

    def payout_delivery_of(self, order: PayoutOrder) -> tuple[bytes, dict[str, str]]:
        return self._delivered(str(order.operation_id).encode(), b'"PAID"')
