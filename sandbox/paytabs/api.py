"""/payment/request and /payment/query, with keys, faults and PayTabs' errors."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from sandbox._web import Request, Response, Router
from sandbox.paytabs import payments
from sandbox.paytabs.payments import Refused, public, trace
from sandbox.paytabs.store import Store

SERVER_KEY = re.compile(r"[A-Z0-9]{10}-[A-Z0-9]{10}-[A-Z0-9]{10}")


class Api:
    """The merchant's side."""

    def __init__(self, store: Store, public_url: str | None, duplicate_window: float) -> None:
        self.store = store
        self.public_url = public_url
        self.duplicate_window = duplicate_window

    def add_routes(self, router: Router) -> None:
        router.add("POST", "/payment/request", self.payment_request)
        router.add("POST", "/payment/query", self.payment_query)

    async def payment_request(self, request: Request) -> Response:
        return await self._handle(request, self._request, writes=True)

    async def payment_query(self, request: Request) -> Response:
        return await self._handle(request, self._query, writes=False)

    async def _handle(
        self, request: Request, operation: Callable[[Request, str, dict[str, Any]], Any], *, writes: bool
    ) -> Response:
        try:
            values = _body(request)
            profile = self._authenticate(request, values)
            faults = self.store.deliveries.faults(profile)
            if faults.api_unauthorized:
                raise Refused(401, 1, "Authentication failed. Check authentication header.")
            await asyncio.sleep(faults.api_delay_ms / 1000)
            if self.store.deliveries.strike(profile, "api_error_before_commit"):
                raise Refused(500, 400, "Internal system error")
            with self.store.db.transaction():
                answer = operation(request, profile, values)
            if writes and self.store.deliveries.strike(profile, "api_error_after_commit"):
                raise Refused(500, 400, "Internal system error")
            if writes and self.store.deliveries.strike(profile, "api_reset_after_commit"):
                request.reset_connection()
        except Refused as refused:
            return _answer({"code": refused.code, "message": refused.message, "trace": trace()}, refused.status)
        return _answer(answer, 200)

    def _authenticate(self, request: Request, values: dict[str, Any]) -> str:
        """The profile. The first well-formed key owns it, and from then on only that key opens it."""
        profile = str(values.get("profile_id", ""))
        key = request.headers.get("authorization", "").strip()
        if not profile.isdecimal() or len(profile) > 12 or not SERVER_KEY.fullmatch(key):
            raise Refused(401, 1, "Authentication failed. Check authentication header.")
        known = self.store.profile(profile).get("server_key")
        if known is None:
            self.store.set_profile(profile, {"server_key": key})
        elif known != key:
            raise Refused(401, 1, "Authentication failed. Check authentication header.")
        return profile

    def _request(self, request: Request, profile: str, values: dict[str, Any]) -> dict[str, Any]:
        base = self.public_url or request.base_url
        transaction = payments.request(self.store, profile, values, base, self.duplicate_window)
        answer = {**public(profile, transaction), "trace": trace(), "serviceId": 2}
        answer["profileId"] = answer.pop("profile_id")
        answer["merchantId"] = answer.pop("merchant_id")
        if "_url" in transaction:
            del answer["payment_result"]
            answer |= {name: transaction[name] for name in ("callback", "return")}
            answer["redirect_url"] = transaction["_url"]
        return answer

    def _query(self, request: Request, profile: str, values: dict[str, Any]) -> Any:
        """One transaction by ``tran_ref``, or all of a cart (a list) by ``cart_id``."""
        if values.get("tran_ref"):
            found = self.store.find(profile, str(values["tran_ref"]))
            if found is None:
                raise Refused(400, 2, "Transaction not found")
            return {**public(profile, found), "trace": trace()}
        if not values.get("cart_id"):
            raise Refused(400, 2, "tran_ref or cart_id: Missing or invalid")
        carts = self.store.by_cart(profile, str(values["cart_id"]))
        if not carts:
            raise Refused(400, 2, "Transaction not found")
        return [public(profile, item) for item in carts]


def _body(request: Request) -> dict[str, Any]:
    try:
        values = json.loads(request.body, parse_float=Decimal)
    except ValueError:
        raise Refused(400, 2, "Invalid request: not JSON") from None
    if not isinstance(values, dict):
        raise Refused(400, 2, "Invalid request: not an object")
    return values


def _answer(value: Any, status: int) -> Response:
    return Response(json.dumps(value, ensure_ascii=False).encode(), status, "application/json")
