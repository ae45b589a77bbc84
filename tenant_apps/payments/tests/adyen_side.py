"""The other side of the Adyen sandbox."""

from __future__ import annotations

import itertools
import json
from typing import Any

from sandbox.tests.support import Receiver, Sandbox
from tenant_apps.payments.models import ProviderAccount
from tenant_apps.payments.ports import DepositOrder, Redirect

from .support import make_account

HMAC_KEY = "44782DEF547AAA06C910C43932B1EB0C71FC68D9D0C057550C48EC2ACF6BA056"  # of Adyen's published example
_numbers = itertools.count(1)


class AdyenSide:
    wrong_key = "AQEnobodysKey0000000"
    unknown_reference = "PLUNKNOWN0000000"

    def __init__(self, server: Sandbox, receiver: Receiver) -> None:
        self.server, self.receiver = server, receiver
        self.merchant = f"RialtoContract{next(_numbers)}ECOM"
        self.api_key = f"AQE{self.merchant}0123456789"

    def connect(self, **values: Any) -> ProviderAccount:
        self.control(
            "PUT", "settings",
            {"api_key": self.api_key, "hmac_key": HMAC_KEY, "webhook_url": f"{self.receiver.url}/hooks"},
        )  # fmt: skip
        base = self.server.url.replace("127.0.0.1", "adyen.localhost")
        return make_account(
            "adyen",
            settings={"merchant_account": self.merchant, "base_url": base},
            credentials={"api_key": self.api_key, "hmac_key": HMAC_KEY},
            **values,
        )

    def control(self, method: str, path: str, body: Any = None) -> Any:
        answer = self.server.http.request(method, f"/_control/api/{self.merchant}/{path}", json=body or {})
        assert answer.status_code == 200, answer.text
        return answer.json()

    def pay(self, order: DepositOrder, redirect: Redirect, **values: Any) -> str:
        """The payment's pspReference."""
        return str(self.control("POST", f"links/{redirect.provider_reference}/pay", values)["id"])

    def news(self, *parts: str) -> tuple[bytes, dict[str, str]]:
        """The first webhook that contains all of `parts`."""
        wanted = [part.encode() for part in parts]
        found = self.receiver.wait(lambda got: any(all(part in one.body for part in wanted) for one in got))
        request = next(one for one in found if all(part in one.body for part in wanted))
        return request.body, request.headers

    def delivery_of(self, order: DepositOrder) -> tuple[bytes, dict[str, str]]:
        return self.news("AUTHORISATION", str(order.deposit_id))


def changed(body: bytes, **values: Any) -> bytes:
    """The same webhook with fields of its first item changed; its signature stays what it was."""
    data = json.loads(body)
    item = data["notificationItems"][0]["NotificationRequestItem"]
    for name, value in values.items():
        item[name] = value
    return json.dumps(data).encode()
