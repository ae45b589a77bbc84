"""The other side of the PayTabs sandbox."""

from __future__ import annotations

import itertools
from typing import Any

from sandbox.tests.support import Receiver, Sandbox
from tenant_apps.payments.models import ProviderAccount
from tenant_apps.payments.ports import DepositOrder, Redirect

from .support import make_account

_profiles = itertools.count(41_000)


class PayTabsSide:
    wrong_key = "WRONGWRONG-WRONGWRONG-WRONGWRONGX"
    unknown_reference = "TST2600000000000"

    def __init__(self, server: Sandbox, receiver: Receiver) -> None:
        self.server, self.receiver = server, receiver
        self.profile = str(next(_profiles))
        self.server_key = "SKJN9TZ2LM-JD6LBGDHZW-MZW6ZJZTGB"

    def connect(self) -> ProviderAccount:
        self.control("PUT", "settings", {"server_key": self.server_key})
        return make_account(
            "paytabs",
            settings={
                "profile_id": self.profile,
                "region": "ARE",
                "base_url": self.server.url.replace("127.0.0.1", "paytabs.localhost"),
            },
            credentials={"server_key": self.server_key},
        )

    def control(self, method: str, path: str, body: Any = None) -> Any:
        answer = self.server.http.request(method, f"/_control/api/{self.profile}/{path}", json=body or {})
        assert answer.status_code == 200, answer.text
        return answer.json()

    def pay(self, order: DepositOrder, redirect: Redirect, number: str = "4111111111111111") -> None:
        self.control("POST", f"transactions/{redirect.provider_reference}/pay", {"number": number})

    def delivery_of(self, order: DepositOrder) -> tuple[bytes, dict[str, str]]:
        """The callback about an order, as it came over the wire."""
        wanted = str(order.deposit_id).encode()
        found = self.receiver.wait(lambda got: any(wanted in request.body for request in got))
        request = next(request for request in found if wanted in request.body)
        return request.body, request.headers
