"""The REST API: tokens, orders v2, captures, refunds, payouts v1, webhooks and their verification."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import re
import secrets
import time
from collections.abc import Callable
from typing import Any

from sandbox._accounts import Accounts, Document, public
from sandbox._web import Request, Response, Router, is_http_url
from sandbox.paypal import orders, payouts, webhooks
from sandbox.paypal.orders import DECIMALS, Refused

Operation = Callable[[Request, str, Any], tuple[int, Document]]  # the last is the body: an object, of a patch a list
LIFE = 32_400  # of a token, seconds
UNIT_FIELDS = frozenset(["reference_id", "custom_id", "invoice_id", "description", "soft_descriptor", "amount"])


class Api:
    def __init__(self, store: Accounts, public_url: str | None) -> None:
        self.store, self.public_url = store, public_url

    def add_routes(self, router: Router) -> None:
        router.add("POST", "/v1/oauth2/token", self.token)
        for method, path, operation in (
            ("POST", "/v2/checkout/orders", self._create),
            ("GET", "/v2/checkout/orders/{id}", self._order),
            ("POST", "/v2/checkout/orders/{id}/capture", self._capture),
            ("GET", "/v2/payments/captures/{id}", self._get_capture),
            ("POST", "/v2/payments/captures/{id}/refund", self._refund),
            ("POST", "/v1/payments/payouts", self._payout),
            ("GET", "/v1/payments/payouts/{id}", self._get_payout),
            ("POST", "/v1/notifications/webhooks", self._register),
            ("GET", "/v1/notifications/webhooks", self._webhooks),
            ("PATCH", "/v1/notifications/webhooks/{id}", self._patch_webhook),
            ("POST", "/v1/notifications/verify-webhook-signature", self._verify),
        ):
            router.add(method, path, self._handler(operation))

    def _handler(self, operation: Operation) -> Any:
        async def handle(request: Request) -> Response:
            return await self._handle(request, operation)

        return handle

    async def token(self, request: Request) -> Response:
        """OAuth 2 client credentials. The first secret that comes with a client id owns it."""
        scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
        try:
            client, _, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
        except ValueError:
            client, secret = "", ""
        known = self.store.settings(client).get("client_secret") if client else None
        good = scheme == "Basic" and re.fullmatch(r"[\w-]{10,80}", client) and re.fullmatch(r"[\w-]{10,80}", secret)
        if not good or (known is not None and known != secret) or self.store.deliveries.faults(client).api_unauthorized:
            return _answer({"error": "invalid_client", "error_description": "Client Authentication failed"}, 401)
        if request.form.get("grant_type") != "client_credentials":
            return _answer({"error": "unsupported_grant_type", "error_description": "unsupported grant_type"}, 400)
        if "_signing" not in self.store.settings(client):
            self.store.set_settings(client, {"client_secret": secret, "_signing": secrets.token_hex(16)})
        token = f"A21AA{secrets.token_urlsafe(40)}"
        self.store.put(client, "tokens", {"id": token, "until": time.time() + LIFE})
        scope = "https://uri.paypal.com/services/payments/refund https://uri.paypal.com/payments/payouts"
        answer = {"scope": scope, "access_token": token, "token_type": "Bearer", "app_id": "APP-80W284485P519543T",
                  "expires_in": LIFE}  # fmt: skip
        return _answer(answer, 200)

    async def _handle(self, request: Request, operation: Operation) -> Response:
        writes = request.method == "POST" and operation != self._verify
        try:
            account = self._authenticate(request)
            values = _body(request)
            faults = self.store.deliveries.faults(account)
            await asyncio.sleep(faults.api_delay_ms / 1000)
            if self.store.deliveries.strike(account, "api_error_before_commit"):
                raise Refused(500, "INTERNAL_SERVER_ERROR", message="An internal server error has occurred")
            with self.store.db.transaction():
                status, body = self._once(request, account, values, operation)
            if writes and self.store.deliveries.strike(account, "api_error_after_commit"):
                raise Refused(500, "INTERNAL_SERVER_ERROR", message="An internal server error has occurred")
            if writes and self.store.deliveries.strike(account, "api_reset_after_commit"):
                request.reset_connection()
        except Refused as refused:
            return _answer(refused.body, refused.status)
        return Response(body, status, "application/json")

    def _authenticate(self, request: Request) -> str:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        account = self.store.owner("tokens", token) if scheme == "Bearer" and token else None
        known = self.store.get(account, "tokens", token) if account else None
        if account is None or known is None or known["until"] < time.time():
            raise Refused(401, "AUTHENTICATION_FAILURE", message="Authentication failed due to invalid credentials")
        return account

    def _once(self, request: Request, account: str, values: Any, operation: Operation) -> tuple[int, bytes]:
        """A request id seen before gets the first answer again. Refusals are answers too; they are not kept."""
        key = request.headers.get("paypal-request-id", "")
        if len(key) > 108:
            raise Refused(400, "INVALID_REQUEST", "INVALID_PAYPAL_REQUEST_ID")
        scoped = f"{request.path} {key}"
        known = self.store.answered(account, scoped) if key else None
        if known:
            if known[0] != hashlib.sha256(request.body).hexdigest():
                raise Refused(422, "UNPROCESSABLE_ENTITY", "PAYPAL_REQUEST_ID_PREVIOUSLY_USED")
            return known[1], known[2]
        try:
            status, answer = operation(request, account, values)
        except Refused as refused:  # what a refusal changed stays: a declined order waits for its payer again
            return refused.status, json.dumps(refused.body).encode()
        body = json.dumps(answer, ensure_ascii=False).encode()
        if key:
            self.store.keep_answer(account, scoped, hashlib.sha256(request.body).hexdigest(), status, body)
        return status, body

    def _base(self, request: Request) -> str:
        return self.public_url or request.base_url

    def _create(self, request: Request, account: str, values: Document) -> tuple[int, Document]:
        if values.get("intent") != "CAPTURE":
            raise Refused(400, "INVALID_REQUEST", "INVALID_PARAMETER_VALUE", "intent: only CAPTURE here")
        units = values.get("purchase_units")
        if not isinstance(units, list) or len(units) != 1 or not isinstance(units[0], dict):
            raise Refused(400, "INVALID_REQUEST", "INVALID_ARRAY_MIN_ITEMS", "purchase_units: one")
        unit = units[0]
        if (
            set(unit) - UNIT_FIELDS
            or len(str(unit.get("custom_id", ""))) > 255
            or len(str(unit.get("description", ""))) > 127
        ):
            raise Refused(400, "INVALID_REQUEST", "INVALID_STRING_LENGTH")
        _check_amount(unit.get("amount"))
        self._unique_invoice(account, unit.get("invoice_id"))
        context = _context(values)
        name = orders.identifier()
        order = {
            "id": name, "intent": "CAPTURE", "status": "PAYER_ACTION_REQUIRED", "create_time": webhooks.stamp(),
            "purchase_units": [unit], "_context": context, "_url": f"{self._base(request)}/checkoutnow/{name}",
        }  # fmt: skip
        self.store.put(account, "orders", order)
        return 200, orders.order_view(self.store, account, order, self._base(request))

    def _unique_invoice(self, account: str, invoice: Any) -> None:
        for other in self.store.all(account, "orders"):
            if invoice and other["purchase_units"][0].get("invoice_id") == invoice and other["status"] == "COMPLETED":
                raise Refused(422, "UNPROCESSABLE_ENTITY", "DUPLICATE_INVOICE_ID")

    def _find(self, account: str, kind: str, name: str) -> Document:
        found = self.store.get(account, kind, name)
        if found is None:
            raise Refused(404, "RESOURCE_NOT_FOUND", "INVALID_RESOURCE_ID", "The specified resource does not exist.")
        return found

    def _order(self, request: Request, account: str, values: Document) -> tuple[int, Document]:
        order = self._find(account, "orders", request.params["id"])
        return 200, orders.order_view(self.store, account, order, self._base(request))

    def _capture(self, request: Request, account: str, values: Document) -> tuple[int, Document]:
        order = self._find(account, "orders", request.params["id"])
        hold = bool(self.store.settings(account).get("hold_captures"))
        orders.capture(self.store, account, order, self._base(request), hold=hold)
        return 201, orders.order_view(
            self.store, account, self._find(account, "orders", order["id"]), self._base(request)
        )  # fmt: skip

    def _get_capture(self, request: Request, account: str, values: Document) -> tuple[int, Document]:
        return 200, orders.shown(self._find(account, "captures", request.params["id"]))

    def _refund(self, request: Request, account: str, values: Document) -> tuple[int, Document]:
        made = self._find(account, "captures", request.params["id"])
        amount = values.get("amount")
        if amount is not None:
            _check_amount(amount)
        return 201, orders.shown(orders.refund(self.store, account, made, {**values, "amount": amount}))

    def _payout(self, request: Request, account: str, values: Document) -> tuple[int, Document]:
        made = payouts.create(self.store, account, values, self._base(request))
        link = {"href": f"{self._base(request)}/v1/payments/payouts/{made['id']}", "rel": "self", "method": "GET"}
        return 201, {"batch_header": made["batch_header"], "links": [link]}

    def _get_payout(self, request: Request, account: str, values: Document) -> tuple[int, Document]:
        found = public(self._find(account, "payouts", request.params["id"]))
        del found["id"]
        return 200, found

    def _register(self, request: Request, account: str, values: Document) -> tuple[int, Document]:
        url, names = values.get("url"), values.get("event_types")
        if not isinstance(url, str) or not is_http_url(url) or not isinstance(names, list) or not names:
            raise Refused(400, "VALIDATION_ERROR", "url or event_types")
        if self.store.find(account, "webhooks", url=url):
            raise Refused(400, "WEBHOOK_URL_ALREADY_EXISTS", message="Webhook URL already exists")
        hook = {"id": orders.identifier(), "url": url, "event_types": names}
        return 201, public(self.store.put(account, "webhooks", hook))

    def _webhooks(self, request: Request, account: str, values: Document) -> tuple[int, Document]:
        return 200, {"webhooks": [public(one) for one in self.store.all(account, "webhooks")]}

    def _patch_webhook(self, request: Request, account: str, values: list[Any]) -> tuple[int, Document]:
        hook = self._find(account, "webhooks", request.params["id"])
        for change in values:
            if not isinstance(change, dict) or change.get("op") != "replace" or not change.get("value"):
                raise Refused(400, "VALIDATION_ERROR", "op: only replace")
            if change.get("path") not in ("/url", "/event_types"):
                raise Refused(400, "VALIDATION_ERROR", "path: /url or /event_types")
        wanted = {change["path"].removeprefix("/"): change["value"] for change in values}
        if all(hook[name] == value for name, value in wanted.items()):
            raise Refused(400, "WEBHOOK_PATCH_REQUEST_NO_CHANGE", message="Validation of webhook patch request failed")
        return 200, public(self.store.put(account, "webhooks", {**hook, **wanted}))

    def _verify(self, request: Request, account: str, values: Document) -> tuple[int, Document]:
        required = {"auth_algo", "cert_url", "transmission_id", "transmission_sig", "transmission_time", "webhook_id",
                    "webhook_event"}  # fmt: skip
        if required - set(values) or values["auth_algo"] != webhooks.ALGORITHM:
            raise Refused(400, "VALIDATION_ERROR", f"required: {', '.join(sorted(required))}")
        return 200, {"verification_status": webhooks.verify(self.store, account, values, request.body)}


def _answer(value: Any, status: int) -> Response:
    return Response(json.dumps(value, ensure_ascii=False).encode(), status, "application/json")


def _body(request: Request) -> Any:
    try:
        values = json.loads(request.body) if request.body else {}
    except ValueError:
        raise Refused(400, "INVALID_REQUEST", "MALFORMED_REQUEST_JSON") from None
    if not isinstance(values, list if request.method == "PATCH" else dict):
        raise Refused(400, "INVALID_REQUEST", "MALFORMED_REQUEST_JSON")
    return values


def _check_amount(amount: Any) -> None:
    if not isinstance(amount, dict) or set(amount) != {"currency_code", "value"}:
        raise Refused(400, "INVALID_REQUEST", "MISSING_REQUIRED_PARAMETER", "amount")
    if amount["currency_code"] not in DECIMALS:
        raise Refused(422, "UNPROCESSABLE_ENTITY", "CURRENCY_NOT_SUPPORTED")
    if not payouts.positive(amount["value"], amount["currency_code"]):
        raise Refused(422, "UNPROCESSABLE_ENTITY", "DECIMAL_PRECISION", "amount.value is malformed")


def _context(values: Document) -> Document:
    try:
        context = dict(values["payment_source"]["paypal"]["experience_context"])
    except (KeyError, TypeError):
        raise Refused(400, "INVALID_REQUEST", "MISSING_REQUIRED_PARAMETER", "payment_source") from None
    for name in ("return_url", "cancel_url"):
        if not isinstance(context.get(name), str) or not is_http_url(context[name]):
            raise Refused(400, "INVALID_REQUEST", "INVALID_PARAMETER_SYNTAX", name)
    if not re.fullmatch(r"[a-z]{2}(-[A-Z]{2})?", str(context.get("locale", "en-US"))):
        raise Refused(400, "INVALID_REQUEST", "INVALID_PARAMETER_SYNTAX", "locale")
    return context
