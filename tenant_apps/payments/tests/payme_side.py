"""The other side of the Payme sandbox, and Payme's calls made by hand through the real view."""

from __future__ import annotations

import base64
import itertools
import json
from typing import Any

from django.test import Client as Browser

from kernel.money import Money
from kernel.tenancy import context
from sandbox.tests.support import Sandbox
from tenant_apps.payments.addresses import webhook_url
from tenant_apps.payments.models import Deposit, ProviderAccount
from tenant_apps.payments.services.deposits import deposit_open, deposit_start

from .support import client_actor, make_account, make_client, make_rule

_merchants = itertools.count(1)


class PaymeSide:
    wrong_key = "short"
    unknown_reference = "0" * 24

    def __init__(self, server: Sandbox | None = None) -> None:
        self.server = server
        self.merchant = f"{next(_merchants):024x}"
        self.key = "%w0bW@6&4?ODp8K1WhPt6dbOiFoXGVJTn7ve"
        self.account: ProviderAccount | None = None

    def connect(self) -> ProviderAccount:
        settings = {"merchant_id": self.merchant, "account_field": "order_id"}
        if self.server is not None:
            settings["base_url"] = self.server.url.replace("127.0.0.1", "payme.localhost")
        self.account = make_account("payme", settings=settings, credentials={"key": self.key})
        if self.server is not None:
            self.control("PUT", "settings", {"key": self.key, "endpoint": webhook_url(self.account.pk)})
        return self.account

    def started(self, amount: str = "150000.00") -> Deposit:
        account = self.account or self.connect()
        if not account.rules.exists():
            make_rule(account, "payme", "UZS", maximum_minor=10_000_000_00)
        person = make_client(country="UZ", currency="UZS")
        deposit = deposit_start(
            actor=client_actor(person),
            client=person,
            amount=Money.of(amount, "UZS"),
            offer_key=f"{account.pk}:payme",
            language="uz",
        )
        return deposit_open(deposit_id=deposit.pk)

    def control(self, method: str, path: str, body: Any = None) -> Any:
        assert self.server is not None
        answer = self.server.http.request(method, f"/_control/api/{self.merchant}/{path}", json=body or {})
        assert answer.status_code == 200, answer.text
        return answer.json()

    def post(self, body: bytes, key: str | None = None) -> Any:
        """One POST at our endpoint, as Payme makes it."""
        assert self.account is not None
        login = base64.b64encode(f"Paycom:{self.key if key is None else key}".encode()).decode()
        answer = Browser().post(
            f"/webhooks/{self.account.pk}/",
            data=body,
            content_type="text/json",
            headers={"host": f"{context.tenant().slug}.localhost", "authorization": f"Basic {login}"},
        )
        assert answer.status_code == 200, answer.content
        return json.loads(answer.content)

    def say(self, method: str, key: str | None = None, **params: Any) -> Any:
        """The answer's result, or its error's code."""
        answer = self.post(json.dumps({"id": 7, "method": method, "params": params}).encode(), key)
        assert (answer["jsonrpc"], answer["id"]) == ("2.0", 7)
        return answer["result"] if "result" in answer else answer["error"]["code"]
