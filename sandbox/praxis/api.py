"""The merchant's calls: signatures, faults, and answers signed in turn."""

from __future__ import annotations

import asyncio
import hmac
import json
import time
from collections.abc import Callable
from typing import Any

from sandbox._web import Request, Response, Router
from sandbox.praxis import payments, requests
from sandbox.praxis.payments import VERSION
from sandbox.praxis.requests import Refused, answer, text, whole
from sandbox.praxis.signing import CASHIER_ANSWER, OUR_ANSWER, REQUESTS, sign
from sandbox.praxis.store import Record, Store

CLOCKS_APART = 300  # seconds

Operation = Callable[[Request, str, Record], Record]


class Api:
    """Cashier, Agent and Direct API as far as a brokerage needs them."""

    def __init__(self, store: Store, public_url: str | None, session_minutes: float) -> None:
        self.store = store
        self.public_url = public_url
        self.session_minutes = session_minutes

    def add_routes(self, router: Router) -> None:
        self._route(router, "/cashier/cashier", "cashier", self._cashier)
        self._route(router, "/agent/find-order", "find-order", self._find_order)
        self._route(router, "/agent/find-transaction", "find-transaction", self._find_transaction)
        self._route(router, "/agent/manage-withdrawal-request", "manage", self._manage)
        self._route(router, "/direct/refund", "refund", self._refund)

    def _route(self, router: Router, path: str, call: str, operation: Operation) -> None:
        async def handler(request: Request) -> Response:
            return await self._handle(request, call, operation)

        router.add("POST", path, handler)

    async def _handle(self, request: Request, call: str, operation: Operation) -> Response:
        secret, writes = "", call in {"cashier", "manage", "refund"}
        order = CASHIER_ANSWER if call == "cashier" else OUR_ANSWER
        deliveries = self.store.deliveries
        try:
            values = _body(request)
            merchant, secret = self._authenticate(request, values, call)
            faults = deliveries.faults(merchant)
            if faults.api_unauthorized:
                raise Refused(1, "IP address is not whitelisted", 403)
            await asyncio.sleep(faults.api_delay_ms / 1000)
            if deliveries.strike(merchant, "api_error_before_commit"):
                raise Refused(-1, "Internal server error", 500)
            with self.store.db.transaction():
                done = operation(request, merchant, values)
            if writes and deliveries.strike(merchant, "api_error_after_commit"):
                raise Refused(-1, "Internal server error")
            if writes and deliveries.strike(merchant, "api_reset_after_commit"):
                request.reset_connection()
        except Refused as refused:
            done = answer(None, None, status=refused.status, description=refused.description)
            return _signed(done, secret, order, refused.http)
        return _signed(done, secret, order, 200)

    def _authenticate(self, request: Request, values: Record, call: str) -> tuple[str, str]:
        """The merchant and its secret. Praxis must have been told of both; a signature has to be there and right."""
        merchant = text(values, "merchant_id", 50)
        known = self.store.merchant(merchant)
        secret = str(known.get("merchant_secret", ""))
        given = request.headers.get("gt-authentication", "")
        if not given:
            raise Refused(1, "Missing signature", 400)
        if not secret or not hmac.compare_digest(given, sign(secret, values, REQUESTS[call])):
            raise Refused(1, "Invalid signature", 400)
        if text(values, "application_key", 32) != known.get("application_key"):
            raise Refused(2, "application_key: unknown application")
        if text(values, "version", 3) != VERSION:
            raise Refused(3, f"version: {VERSION} is expected")
        if abs(whole(values, "timestamp") - time.time()) > CLOCKS_APART:
            raise Refused(4, "timestamp: not of these minutes")
        return merchant, secret

    def _cashier(self, request: Request, merchant: str, values: Record) -> Record:
        session = requests.open_session(self.store, merchant, values, self.session_minutes)
        page = f"{self.public_url or request.base_url}/cashier/page/{session['auth_token']}"
        opened = answer(session, None, redirect_url=page)
        del opened["transaction"]
        return opened

    def _find_order(self, request: Request, merchant: str, values: Record) -> Record:
        session = self.store.session(merchant, text(values, "order_id", 50))
        if session is None:
            raise Refused(140, "order_id: not found")
        return answer(session, payments.found(self.store, session))

    def _find_transaction(self, request: Request, merchant: str, values: Record) -> Record:
        transaction = self.store.transaction(merchant, whole(values, "tid"))
        if transaction is None:
            raise Refused(141, "tid: not found")
        return answer(self.store.session(merchant, transaction["_order_id"]), transaction)

    def _manage(self, request: Request, merchant: str, values: Record) -> Record:
        return answer(*requests.manage(self.store, merchant, values))

    def _refund(self, request: Request, merchant: str, values: Record) -> Record:
        return answer(*requests.refund(self.store, merchant, values))


def _body(request: Request) -> Record:
    try:
        values: Any = json.loads(request.body)
    except ValueError:
        raise Refused(1, "The request is not JSON", 400) from None
    if not isinstance(values, dict):
        raise Refused(1, "The request is not an object", 400)
    return values


def _signed(message: Record, secret: str, order: tuple[str, ...], status: int) -> Response:
    """Who has no secret here gets no signature made with one."""
    headers = {"GT-Authentication": sign(secret, message, order)} if secret else {}
    body = json.dumps(message, ensure_ascii=False).encode()
    return Response(body, status, "application/json; charset=utf-8", headers)
