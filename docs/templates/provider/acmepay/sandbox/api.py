"""The API: payments and refunds, one key an account (`key_<account>`), idempotency keys, faults."""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
from collections.abc import Callable
from typing import Any

from sandbox._accounts import Accounts, Document, public
from sandbox._web import Request, Response, Router, is_http_url

from . import payments

Operation = Callable[[Request, str, Document], Document]
WANTED = {
    "amount": int, "currency": str, "reference": str, "text": str, "return_url": str, "cancel_url": str, "notify_url": str,
}  # fmt: skip
PAYOUT = {
    "amount": int, "currency": str, "reference": str, "iban": str, "holder": str, "text": str, "notify_url": str,
}  # fmt: skip


class Refused(Exception):
    def __init__(self, status: int, error: str) -> None:
        super().__init__(error)
        self.status = status


class Api:
    def __init__(self, store: Accounts) -> None:
        self.store = store

    def add_routes(self, router: Router) -> None:
        for method, path, operation in (
            ("POST", "/payments", self._create), ("GET", "/payments/{id}", self._show),
            ("POST", "/payments/{id}/refunds", self._refund), ("GET", "/payments/{id}/refunds", self._refunds),
            ("POST", "/payouts", self._pay_out), ("GET", "/payouts", self._payouts), ("GET", "/account", self._account),
        ):  # fmt: skip
            router.add(method, path, self._handler(operation))

    def _handler(self, operation: Operation) -> Any:
        async def handle(request: Request) -> Response:
            try:
                status, body = await self._answer(request, operation)
            except Refused as refused:
                status, body = refused.status, json.dumps({"error": str(refused)}).encode()
            return Response(body, status, "application/json")

        return handle

    async def _answer(self, request: Request, operation: Operation) -> tuple[int, bytes]:
        account, writes = self._account_of(request), request.method == "POST"
        deliveries = self.store.deliveries
        await asyncio.sleep(deliveries.faults(account).api_delay_ms / 1000)
        if deliveries.strike(account, "api_error_before_commit"):
            raise Refused(500, "broken on purpose")
        with self.store.db.transaction():
            status, body = self._once(request, account, operation)
        if writes and deliveries.strike(account, "api_error_after_commit"):
            raise Refused(500, "broken on purpose")
        if writes and deliveries.strike(account, "api_reset_after_commit"):
            request.reset_connection()
        return status, body

    def _once(self, request: Request, account: str, operation: Operation) -> tuple[int, bytes]:
        """A key seen before gets the first answer again, or 409 when the request is another one."""
        key = request.headers.get("idempotency-key", "") if request.method == "POST" else ""
        what = hashlib.sha256(request.path.encode() + request.body).hexdigest()
        known = self.store.answered(account, key) if key else None
        if known and known[0] != what:
            raise Refused(409, "the key was used for another request")
        if known:
            return known[1], known[2]
        try:
            values = request.json()
        except ValueError:
            raise Refused(400, "the body is not JSON") from None
        body = json.dumps(operation(request, account, values)).encode()
        if key:
            self.store.keep_answer(account, key, what, 200, body)
        return 200, body

    def _account_of(self, request: Request) -> str:
        found = re.fullmatch(r"Bearer key_([a-z0-9]{1,40})", request.headers.get("authorization", ""))
        if found is None or self.store.deliveries.faults(found[1]).api_unauthorized:
            raise Refused(401, "unknown key")
        return found[1]

    def _sound(self, values: Document, wanted: dict[str, type]) -> None:
        if set(values) != set(wanted) or any(type(values[name]) is not kind for name, kind in wanted.items()):
            raise Refused(422, f"wanted: {', '.join(wanted)}")
        if values["amount"] <= 0 or values["currency"] not in payments.CURRENCIES:
            raise Refused(422, "amount or currency not taken")
        if not all(is_http_url(values[name]) for name in wanted if name.endswith("_url")):
            raise Refused(422, "not an address")

    def _create(self, request: Request, account: str, values: Document) -> Document:
        self._sound(values, WANTED)
        made = payments.create(self.store, account, values)
        return {**public(made), "page": f"{request.base_url}/pay/{made['id']}"}

    def _payment(self, request: Request, account: str) -> Document:
        found = self.store.get(account, "payments", request.params["id"])
        if found is None:
            raise Refused(404, "no such payment")
        return found

    def _show(self, request: Request, account: str, _: Document) -> Document:
        return public(self._payment(request, account))

    def _refund(self, request: Request, account: str, values: Document) -> Document:
        refund = payments.refund(self.store, account, self._payment(request, account), values)
        if refund is None:
            raise Refused(422, "not so much was paid")
        return public(refund)

    def _refunds(self, request: Request, account: str, _: Document) -> Document:
        payment = self._payment(request, account)
        mine = [one for one in self.store.all(account, "refunds") if one["payment"] == payment["id"]]
        return {"refunds": [public(one) for one in mine]}

    def _pay_out(self, request: Request, account: str, values: Document) -> Document:
        self._sound(values, PAYOUT)
        if not re.fullmatch(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{10,30}", values["iban"]):
            raise Refused(422, "no such bank account")
        if self.store.settings(account).get("refuse_payouts"):
            raise Refused(422, "not enough on your account")
        if self.store.find(account, "payouts", reference=values["reference"]):
            raise Refused(409, "this reference was paid out before")
        return public(payments.pay_out(self.store, account, values))

    def _payouts(self, request: Request, account: str, _: Document) -> Document:
        found = self.store.find(account, "payouts", reference=request.query.get("reference", ""))
        return {"payouts": [public(found)] if found else []}

    def _account(self, request: Request, account: str, _: Document) -> Document:
        self.store.set_settings(account, {})
        return {"name": account}
