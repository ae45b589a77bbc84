"""The other side of the Tap sandbox."""

from __future__ import annotations

import itertools
from typing import Any

from sandbox.tests.support import Sandbox
from tenant_apps.payments.models import ProviderAccount
from tenant_apps.payments.ports import DepositOrder, Redirect

from .support import make_account

_accounts = itertools.count(1)


class TapSide:
    unknown_reference = "chg_unknown"

    def __init__(self, server: Sandbox, receiver: Any) -> None:
        self.server, self.receiver = server, receiver
        self.account = f"broker{next(_accounts)}"
        self.secret_key = f"sk_test_{self.account}_abcd1234"
        self.wrong_key = f"sk_test_{self.account}_revoked1"

    def connect(self, **values: Any) -> ProviderAccount:
        self.control("PUT", "settings", {"secret_key": self.secret_key})
        settings = {"base_url": self.server.url.replace("127.0.0.1", "tap.localhost")}
        return make_account("tap", settings=settings, credentials={"secret_key": self.secret_key}, **values)

    def control(self, method: str, path: str, body: Any = None) -> Any:
        answer = self.server.http.request(method, f"/_control/api/{self.account}/{path}", json=body or {})
        assert answer.status_code == 200, answer.text
        return answer.json()

    def pay(self, order: DepositOrder, redirect: Redirect, number: str = "4508750015741019") -> None:
        self.control("POST", f"charges/{redirect.provider_reference}/pay", {"number": number})

    def delivery_of(self, order: DepositOrder) -> tuple[bytes, dict[str, str]]:
        return self.delivered(str(order.deposit_id).encode())

    def delivered(self, *wanted: bytes) -> tuple[bytes, dict[str, str]]:
        """The webhook with these words in it, as it came over the wire."""
        found = self.receiver.wait(lambda got: any(all(part in one.body for part in wanted) for one in got))
        request = next(one for one in found if all(part in one.body for part in wanted))
        return request.body, request.headers
