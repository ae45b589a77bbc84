"""The merchant's side: payins and payouts, with their signatures, faults and errors."""

from __future__ import annotations

import asyncio
import hmac
import json
import secrets
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any

from sandbox._web import Request, Response, Router, json_response
from sandbox.dlocal import payments, payouts
from sandbox.dlocal.errors import Refused, invalid, missing
from sandbox.dlocal.markets import MARKETS, WAYS
from sandbox.dlocal.signing import given_signature, payload_signature, request_signature
from sandbox.dlocal.store import Store, now, public

TOKEN_LIFE = 180  # seconds (docs.dlocal.com/reference/security-payouts-v3)
Operation = Callable[[Request, str, dict[str, Any]], Any]


class Api:
    """Every answer is JSON, refusals too."""

    def __init__(self, store: Store, public_url: str | None) -> None:
        self.store = store
        self.public_url = public_url

    def add_routes(self, router: Router) -> None:
        payins: list[tuple[str, str, Operation]] = [
            ("POST", "/payments", self._create_payment),
            ("GET", "/payments/{id}", self._payment),
            ("GET", "/payments/{id}/status", self._payment_status),
            ("GET", "/payments/{id}/refunds", self._payment_refunds),
            ("GET", "/orders/{order}", self._order),
            ("POST", "/refunds", self._create_refund),
            ("GET", "/refunds/{id}", self._refund),
            ("GET", "/chargebacks/{id}", self._chargeback),
            ("GET", "/payments-methods", self._methods),
        ]
        out: list[tuple[str, str, Operation]] = [
            ("POST", "/payouts/v3", self._create_payout),
            ("GET", "/payouts/v3", self._payout_by_external_id),
            ("GET", "/payouts/v3/{id}", self._payout),
            ("POST", "/payouts/v3/{id}/cancel", self._cancel_payout),
        ]
        for method, path, operation in payins:
            router.add(method, path, self._handler(operation, self._payins_login))
        for method, path, operation in out:
            router.add(method, path, self._handler(operation, self._payouts_login))
        router.add("POST", "/oauth/token", self.token)

    def _handler(self, operation: Operation, authenticate: Callable[[Request], str]) -> Any:
        async def handle(request: Request) -> Response:
            return await self._handle(request, operation, authenticate)

        return handle

    async def _handle(self, request: Request, operation: Operation, authenticate: Callable[[Request], str]) -> Response:
        writes = request.method == "POST"
        try:
            login = authenticate(request)
            faults = self.store.deliveries.faults(login)
            if faults.api_unauthorized:
                raise Refused(403, 3001, "Invalid Credentials.")
            await asyncio.sleep(faults.api_delay_ms / 1000)
            if self.store.deliveries.strike(login, "api_error_before_commit"):
                raise Refused(500, 7000, "Internal error")
            values = _body(request) if writes else {}
            with self.store.db.transaction():
                answer = operation(request, login, values)
            if writes and self.store.deliveries.strike(login, "api_error_after_commit"):
                raise Refused(500, 7000, "Internal error")
            if writes and self.store.deliveries.strike(login, "api_reset_after_commit"):
                request.reset_connection()
        except Refused as refused:
            return json_response(refused.body, refused.status)
        return json_response(answer)

    # --- who is asking ------------------------------------------------------------------------------------------------

    def _payins_login(self, request: Request) -> str:
        """X-Login, X-Trans-Key and the signature of login, date and body. A first good request makes the merchant."""
        headers = request.headers
        for name in ("X-Date", "X-Login", "X-Trans-Key", "X-Version"):
            if not headers.get(name.lower()):
                raise missing(name)
        if headers["x-version"] != "2.1":
            raise invalid("X-Version")
        _moment(headers["x-date"])
        login = headers["x-login"]
        merchant = self.store.merchant(login)
        if len(login) > 60 or not hmac.compare_digest(headers["x-trans-key"], merchant["trans_key"]):
            raise Refused(403, 3001, "Invalid Credentials.")
        expected = request_signature(merchant["secret_key"], login, headers["x-date"], request.body)
        if not hmac.compare_digest(expected, given_signature(headers.get("authorization", ""))):
            raise Refused(400, 5000, "Invalid request.")
        self._remember(login)
        return login

    def _payouts_login(self, request: Request) -> str:
        """An access token, or X-Login, X-Trans-Key and the signature of the body."""
        headers = request.headers
        kind, _, token = headers.get("authorization", "").partition(" ")
        if kind == "Bearer":
            owner = self.store.token(token)
            if owner is None:
                raise Refused(401, "invalid_credentials", "The access token is not valid")
            return owner
        login = headers.get("x-login", "")
        merchant = self.store.merchant(login)
        if not login or not hmac.compare_digest(headers.get("x-trans-key", ""), merchant["trans_key"]):
            raise Refused(401, "invalid_credentials", "Invalid credentials")
        expected = payload_signature(merchant["secret_key"], request.body)
        if not hmac.compare_digest(expected, headers.get("payload-signature", "")):
            raise Refused(403, "authentication_failed", "The signature is not valid")
        self._remember(login)
        return login

    def _remember(self, login: str) -> None:
        if login not in self.store.merchants():
            self.store.set_merchant(login, {})

    async def token(self, request: Request) -> Response:
        try:
            values = _body(request)
            login = self.store.client(str(values.get("client_id", "")))
            known = self.store.merchant(login)["client_secret"] if login else ""
            if values.get("grant_type") != "client_credentials":
                raise Refused(400, "unsupported_grant_type", "Only client_credentials")
            if login is None or not known or not hmac.compare_digest(known, str(values.get("client_secret", ""))):
                raise Refused(401, "invalid_client", "Unknown client or wrong secret")
        except Refused as refused:
            return json_response(refused.body, refused.status)
        token = secrets.token_urlsafe(32)
        self.store.add_token(token, login, now() + TOKEN_LIFE)
        answer = {"access_token": token, "scope": "payouts", "expires_in": TOKEN_LIFE, "token_type": "Bearer"}
        return json_response(answer)

    # --- payins -------------------------------------------------------------------------------------------------------

    def _create_payment(self, request: Request, login: str, values: dict[str, Any]) -> Any:
        return public(payments.create(self.store, login, values, self.public_url or request.base_url))

    def _payment(self, request: Request, login: str, values: dict[str, Any]) -> Any:
        return public(self._found(request, login, "payment", 4000, "Payment not found."))

    def _payment_status(self, request: Request, login: str, values: dict[str, Any]) -> Any:
        payment = self._found(request, login, "payment", 4000, "Payment not found.")
        return {name: payment[name] for name in ("id", "status", "status_code", "status_detail")}

    def _payment_refunds(self, request: Request, login: str, values: dict[str, Any]) -> Any:
        payment = self._found(request, login, "payment", 4000, "Payment not found.")
        return [public(item) for item in self.store.by_ours(login, "refund", payment["id"])]

    def _order(self, request: Request, login: str, values: dict[str, Any]) -> Any:
        found = self.store.by_ours(login, "payment", request.params["order"])
        if not found:
            raise Refused(404, 4000, "Order not found.")
        return payments.order_of(found[0])

    def _create_refund(self, request: Request, login: str, values: dict[str, Any]) -> Any:
        return public(payments.refund(self.store, login, values))

    def _refund(self, request: Request, login: str, values: dict[str, Any]) -> Any:
        return public(self._found(request, login, "refund", 4001, "Refund not found."))

    def _chargeback(self, request: Request, login: str, values: dict[str, Any]) -> Any:
        return public(self._found(request, login, "chargeback", 4000, "Chargeback not found."))

    def _methods(self, request: Request, login: str, values: dict[str, Any]) -> Any:
        country = request.query.get("country", "")
        if not country:
            raise missing("country")
        if country not in MARKETS:
            raise Refused(400, 5003, "Country not supported.")
        offered = [way for way in WAYS.values() if country in way.countries]
        return [{"id": way.identifier, "type": way.kind, "name": way.name, "logo": "",
                 "allowed_flows": ["REDIRECT"]} for way in offered]  # fmt: skip

    # --- payouts ------------------------------------------------------------------------------------------------------

    def _create_payout(self, request: Request, login: str, values: dict[str, Any]) -> Any:
        return public(payouts.create(self.store, login, values))

    def _payout_by_external_id(self, request: Request, login: str, values: dict[str, Any]) -> Any:
        external = request.query.get("external_id", "")
        if not external:
            raise Refused(400, "invalid_field", "Missing: external_id", "external_id")
        found = self.store.by_ours(login, "payout", external)
        if not found:
            raise Refused(404, "payout_not_found_external_id", "Payout not found")
        return public(found[0])

    def _payout(self, request: Request, login: str, values: dict[str, Any]) -> Any:
        return public(self._found(request, login, "payout", "payout_not_found_id", "Payout not found"))

    def _cancel_payout(self, request: Request, login: str, values: dict[str, Any]) -> Any:
        payout = self._found(request, login, "payout", "payout_not_found_id", "Payout not found")
        return public(payouts.cancel(self.store, login, payout))

    def _found(self, request: Request, login: str, kind: str, code: int | str, message: str) -> dict[str, Any]:
        found = self.store.find(login, kind, request.params["id"])
        if found is None:
            raise Refused(404, code, message)
        return found


def _body(request: Request) -> dict[str, Any]:
    try:
        values = json.loads(request.body, parse_float=Decimal)
    except ValueError:
        raise Refused(400, 5000, "Invalid request.") from None
    if not isinstance(values, dict):
        raise Refused(400, 5000, "Invalid request.")
    return values


def _moment(text: str) -> None:
    try:
        zone = datetime.fromisoformat(text).tzinfo
    except ValueError:
        zone = None
    if zone is None:
        raise invalid("X-Date")
