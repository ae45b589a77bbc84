"""The other side of the Stripe sandbox: an account there, and what payers, banks and the network do."""

from __future__ import annotations

from typing import Any

from kernel.ids import short_id
from sandbox.tests.support import Sandbox
from tenant_apps.payments.models import ProviderAccount
from tenant_apps.payments.services.providers import provider_webhook_register

from .support import SYSTEM, make_account


class StripeSide:
    """One account at the sandbox, connected to a provider account of ours."""

    def __init__(self, server: Sandbox) -> None:
        self.server = server
        self.name = f"t{short_id(8)}"
        self.secret_key = f"sk_test_{self.name}_1234567890"

    def connect(self, *, webhook: bool = True) -> ProviderAccount:
        account = make_account(
            "stripe",
            settings={"base_url": self.server.url.replace("127.0.0.1", "stripe.localhost")},
            credentials={"secret_key": self.secret_key},
        )
        if webhook:
            provider_webhook_register(actor=SYSTEM, account=account)
        return account

    def control(self, method: str, path: str, body: Any = None) -> Any:
        answer = self.server.http.request(method, f"/_control/api/{self.name}/{path}", json=body or {})
        assert answer.status_code == 200, answer.text
        return answer.json()

    def pay(self, session_id: str, method: str = "card", **values: Any) -> Any:
        return self.control("POST", f"sessions/{session_id}/pay", {"method": method, **values})

    def faults(self, **values: Any) -> None:
        self.control("PUT", "faults", values)

    def settings(self, **values: Any) -> None:
        self.control("PUT", "settings", values)

    def events(self, kind: str) -> list[Any]:
        return [event for event in self.control("GET", "events")["data"] if event["type"] == kind]
