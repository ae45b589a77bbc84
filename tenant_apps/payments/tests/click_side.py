"""The other side of the Click sandbox, and Click's calls made by hand through the real view."""

from __future__ import annotations

import hashlib
import itertools
from typing import Any
from urllib.parse import urlencode

from django.test import Client as Browser

from kernel.money import Money
from kernel.tenancy import context
from sandbox.tests.support import Sandbox
from tenant_apps.payments.addresses import webhook_url
from tenant_apps.payments.models import Deposit, ProviderAccount
from tenant_apps.payments.services.deposits import deposit_open, deposit_start

from .support import client_actor, make_account, make_client, make_rule

_services = itertools.count(20_001)


class ClickSide:
    wrong_key = "short"
    unknown_reference = "1"

    def __init__(self, server: Sandbox | None = None) -> None:
        self.server = server
        self.service, self.secret = str(next(_services)), "AsDf1234qWeR"
        self.account: ProviderAccount | None = None

    def connect(self) -> ProviderAccount:
        settings = {"merchant_id": "9000", "service_id": self.service}
        if self.server is not None:
            settings["base_url"] = self.server.url.replace("127.0.0.1", "click.localhost")
        self.account = make_account("click", settings=settings, credentials={"secret_key": self.secret})
        if self.server is not None:
            endpoint = webhook_url(self.account.pk)
            told = {"secret_key": self.secret, "merchant_id": "9000", "endpoint": endpoint}
            self.control("PUT", "settings", told)
        return self.account

    def started(self, amount: str = "150000.00") -> Deposit:
        account = self.account or self.connect()
        if not account.rules.exists():
            make_rule(account, "click", "UZS", maximum_minor=10_000_000_00)
        person = make_client(country="UZ", currency="UZS")
        deposit = deposit_start(
            actor=client_actor(person),
            client=person,
            amount=Money.of(amount, "UZS"),
            offer_key=f"{account.pk}:click",
            language="uz",
        )
        return deposit_open(deposit_id=deposit.pk)

    def control(self, method: str, path: str, body: Any = None) -> Any:
        assert self.server is not None
        answer = self.server.http.request(method, f"/_control/api/{self.service}/{path}", json=body or {})
        assert answer.status_code == 200, answer.text
        return answer.json()

    def post(self, body: bytes) -> Any:
        assert self.account is not None
        answer = Browser().post(
            f"/webhooks/{self.account.pk}/",
            data=body,
            content_type="application/x-www-form-urlencoded",
            headers={"host": f"{context.tenant().slug}.localhost"},
        )
        assert (answer.status_code, answer["Content-Type"]) == (200, "application/json")
        return answer.json()

    def fields(self, deposit: Deposit, stage: int, number: int = 13, **changes: str) -> dict[str, str]:
        return {
            "click_trans_id": str(number), "service_id": self.service, "click_paydoc_id": str(number + 1000),
            "merchant_trans_id": deposit.reference, "amount": "150000", "action": str(stage), "error": "0",
            "error_note": "Success", "sign_time": "2026-11-21 10:00:00", **changes,
        }  # fmt: skip

    def signed(self, fields: dict[str, str], secret: str | None = None) -> bytes:
        """By docs.click.uz, in this test's own words."""
        first = "".join(fields.get(name, "") for name in ("click_trans_id", "service_id"))
        middle = fields.get("merchant_trans_id", "") + (
            fields.get("merchant_prepare_id", "") if fields.get("action") == "1" else ""
        )
        last = "".join(fields.get(name, "") for name in ("amount", "action", "sign_time"))
        text = first + (self.secret if secret is None else secret) + middle + last
        digest = hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
        return urlencode({**fields, "sign_string": digest}).encode()

    def prepare(self, deposit: Deposit, number: int = 13, secret: str | None = None, **changes: str) -> Any:
        return self.post(self.signed(self.fields(deposit, 0, number, **changes), secret))

    def complete(
        self, deposit: Deposit, prepared: Any, number: int = 13, secret: str | None = None, **changes: str
    ) -> Any:
        told = {"merchant_prepare_id": str(prepared), **changes}
        return self.post(self.signed(self.fields(deposit, 1, number, **told), secret))
