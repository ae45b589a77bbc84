"""The merchant's side: charges and refunds under /v2, with Tap's errors and the faults."""

from __future__ import annotations

import asyncio
import hmac
import json
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from sandbox._web import Request, Response, Router, json_response
from sandbox.tap import charges
from sandbox.tap.charges import Refused
from sandbox.tap.store import Store, public

SECRET_KEY = re.compile(r"sk_(?:test|live)_([a-z0-9]+)_[A-Za-z0-9]{4,}")
Operation = Callable[[Request, str, dict[str, Any]], Any]


class Api:
    def __init__(self, store: Store, public_url: str | None) -> None:
        self.store = store
        self.public_url = public_url

    def add_routes(self, router: Router) -> None:
        routes: list[tuple[str, str, Operation, bool]] = [
            ("POST", "/v2/charges/", self._create_charge, True),
            ("POST", "/v2/charges", self._create_charge, True),
            ("GET", "/v2/charges/{id}", self._charge, False),
            ("POST", "/v2/refunds/list", self._refunds, False),
            ("POST", "/v2/refunds/", self._create_refund, True),
            ("POST", "/v2/refunds", self._create_refund, True),
            ("GET", "/v2/refunds/{id}", self._refund, False),
        ]
        for method, path, operation, writes in routes:
            router.add(method, path, self._handler(operation, writes))

    def _handler(self, operation: Operation, writes: bool) -> Any:
        async def handle(request: Request) -> Response:
            return await self._handle(request, operation, writes)

        return handle

    async def _handle(self, request: Request, operation: Operation, writes: bool) -> Response:
        try:
            account = self._authenticate(request)
            faults = self.store.deliveries.faults(account)
            if faults.api_unauthorized:
                raise Refused(401, "2107", "Unauthorized")
            await asyncio.sleep(faults.api_delay_ms / 1000)
            if self.store.deliveries.strike(account, "api_error_before_commit"):
                raise Refused(500, "9999", "Internal error")
            values = _body(request) if request.method == "POST" else {}
            with self.store.db.transaction():
                answer = operation(request, account, values)
            if writes and self.store.deliveries.strike(account, "api_error_after_commit"):
                raise Refused(500, "9999", "Internal error")
            if writes and self.store.deliveries.strike(account, "api_reset_after_commit"):
                request.reset_connection()
        except Refused as refused:
            return json_response(refused.body, refused.status)
        return json_response(answer)

    def _authenticate(self, request: Request) -> str:
        """The account named in the key. The first well-formed key owns it, and from then on only that key opens it."""
        kind, _, key = request.headers.get("authorization", "").partition(" ")
        found = SECRET_KEY.fullmatch(key.strip())
        if kind != "Bearer" or not found:
            raise Refused(401, "2107", "Unauthorized")
        account = found[1]
        known = self.store.account(account)["secret_key"]
        if not known:
            self.store.set_account(account, {"secret_key": key.strip()})
        elif not hmac.compare_digest(known, key.strip()):
            raise Refused(401, "2107", "Unauthorized")
        return account

    def _create_charge(self, request: Request, account: str, values: dict[str, Any]) -> Any:
        language = "ar" if request.headers.get("lang_code") == "ar" else "en"
        return charges.create(self.store, account, values, self.public_url or request.base_url, language)

    def _charge(self, request: Request, account: str, values: dict[str, Any]) -> Any:
        found = self.store.find(account, "charge", request.params["id"])
        if found is None:
            raise Refused(404, "1141", "Charge id is invalid")
        return public(found)

    def _create_refund(self, request: Request, account: str, values: dict[str, Any]) -> Any:
        return charges.refund(self.store, account, values)

    def _refund(self, request: Request, account: str, values: dict[str, Any]) -> Any:
        found = self.store.find(account, "refund", request.params["id"])
        if found is None:
            raise Refused(404, "1142", "Refund id is invalid")
        return public(found)

    def _refunds(self, request: Request, account: str, values: dict[str, Any]) -> Any:
        """Newest first, of the charges named, after the refund named, at most ``limit``."""
        wanted, after, limit = values.get("charges"), values.get("starting_after"), values.get("limit", 25)
        if not isinstance(limit, int) or not 1 <= limit <= 50:
            raise Refused(400, "1105", "limit is invalid")
        listed = [
            public(item) for item in self.store.all(account, "refund") if not wanted or item["charge_id"] in wanted
        ]
        names = [item["id"] for item in listed]
        if after:
            if after not in names:
                raise Refused(400, "1142", "Refund id is invalid")
            listed = listed[names.index(after) + 1 :]
        return {"object": "list", "live_mode": False, "has_more": len(listed) > limit, "refunds": listed[:limit]}


def _body(request: Request) -> dict[str, Any]:
    try:
        values = json.loads(request.body or b"{}", parse_float=Decimal)
    except ValueError:
        raise Refused(400, "1105", "The body is not JSON") from None
    if not isinstance(values, dict):
        raise Refused(400, "1105", "The body is not an object")
    return values
