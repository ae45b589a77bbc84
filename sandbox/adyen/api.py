"""Checkout API v72, the part a merchant with payment links needs: links, refunds, the list of methods.

Field names, required fields and status codes are those of Adyen's published CheckoutService-v72 description.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
from collections.abc import Callable
from typing import Any

from sandbox._accounts import Accounts, Document, public
from sandbox._web import Request, Response, Router, is_http_url
from sandbox.adyen import payments
from sandbox.adyen.payments import DECIMALS, TYPES

Operation = Callable[[Request, str, Document], tuple[int, Document]]
LINK_FIELDS = frozenset(
    ["merchantAccount", "amount", "reference", "returnUrl", "description", "shopperEmail", "shopperLocale", "countryCode",
     "allowedPaymentMethods", "blockedPaymentMethods", "shopperName", "telephoneNumber", "shopperReference", "expiresAt",
     "reusable", "metadata", "captureDelayHours", "billingAddress", "lineItems"]
)  # fmt: skip
REFUND_FIELDS = frozenset(["merchantAccount", "amount", "reference", "merchantRefundReason", "lineItems", "store"])
REASONS = frozenset(["FRAUD", "CUSTOMER REQUEST", "RETURN", "DUPLICATE", "OTHER"])


class Refused(Exception):
    """Ends a request with Adyen's ServiceError."""

    def __init__(self, status: int, code: str, message: str, kind: str = "validation") -> None:
        super().__init__(message)
        self.status = status
        self.body = {"status": status, "errorCode": code, "message": message, "errorType": kind}


class Api:
    def __init__(self, store: Accounts, public_url: str | None) -> None:
        self.store, self.public_url = store, public_url

    def add_routes(self, router: Router) -> None:
        router.add("POST", "/v72/paymentLinks", self.create_link)
        router.add("GET", "/v72/paymentLinks/{id}", self.get_link)
        router.add("PATCH", "/v72/paymentLinks/{id}", self.expire_link)
        router.add("POST", "/v72/payments/{psp}/refunds", self.refund)
        router.add("POST", "/v72/paymentMethods", self.methods)

    async def create_link(self, request: Request) -> Response:
        return await self._handle(request, self._create_link, writes=True)

    async def get_link(self, request: Request) -> Response:
        return await self._handle(request, self._get_link, writes=False)

    async def expire_link(self, request: Request) -> Response:
        return await self._handle(request, self._expire_link, writes=True)

    async def refund(self, request: Request) -> Response:
        return await self._handle(request, self._refund, writes=True)

    async def methods(self, request: Request) -> Response:
        return await self._handle(request, self._methods, writes=False)

    async def _handle(self, request: Request, operation: Operation, *, writes: bool) -> Response:
        try:
            values = _body(request)
            merchant = self._authenticate(request, values)
            faults = self.store.deliveries.faults(merchant)
            if faults.api_unauthorized:
                raise Refused(401, "000", "HTTP Status Response - Unauthorized", "security")
            await asyncio.sleep(faults.api_delay_ms / 1000)
            if self.store.deliveries.strike(merchant, "api_error_before_commit"):
                raise Refused(500, "905", "Payment details are not supported", "internal")
            with self.store.db.transaction():
                status, body = self._once(request, merchant, values, operation)
            if writes and self.store.deliveries.strike(merchant, "api_error_after_commit"):
                raise Refused(500, "905", "Payment details are not supported", "internal")
            if writes and self.store.deliveries.strike(merchant, "api_reset_after_commit"):
                request.reset_connection()
        except Refused as refused:
            return Response(json.dumps(refused.body).encode(), refused.status, "application/json")
        return Response(body, status, "application/json")

    def _once(self, request: Request, merchant: str, values: Document, operation: Operation) -> tuple[int, bytes]:
        """With a key seen before: the first answer again, or 422 when the request is another one."""
        key = request.headers.get("idempotency-key", "")
        if len(key) > 64:
            raise Refused(422, "702", "Idempotency-Key is longer than 64 characters")
        what = hashlib.sha256(f"{request.method} {request.path} ".encode() + request.body).hexdigest()
        known = self.store.answered(merchant, key) if key and request.method == "POST" else None
        if known:
            if known[0] != what:
                raise Refused(422, "703", "The idempotency key was used for another request")
            return known[1], known[2]
        status, answer = operation(request, merchant, values)
        body = json.dumps(answer, ensure_ascii=False).encode()
        if key and request.method == "POST":
            self.store.keep_answer(merchant, key, what, status, body)
        return status, body

    def _authenticate(self, request: Request, values: Document) -> str:
        """The merchant account. The first key that names it owns it; later only that key does."""
        key = request.headers.get("x-api-key", "")
        if not re.fullmatch(r"AQ[\w.:/+=-]{14,}", key):
            raise Refused(401, "000", "HTTP Status Response - Unauthorized", "security")
        owned = [name for name in self.store.accounts() if self.store.settings(name).get("api_key") == key]
        if request.method in {"GET", "PATCH"}:
            if not owned:
                raise Refused(401, "000", "HTTP Status Response - Unauthorized", "security")
            return owned[0]
        merchant = values.get("merchantAccount")
        if not isinstance(merchant, str) or not merchant:
            raise Refused(422, "901", "Invalid Merchant Account", "security")
        known = self.store.settings(merchant).get("api_key")
        if known is None:
            self.store.set_settings(merchant, {"api_key": key})
        elif known != key:
            raise Refused(403, "901", "Invalid Merchant Account", "security")
        return merchant

    def _create_link(self, request: Request, merchant: str, values: Document) -> tuple[int, Document]:
        _known(values, LINK_FIELDS, "PaymentLinkRequest")
        reference = _text(values, "reference", 80, "130", "Reference Missing")
        amount = _amount(values)
        _check_link(values)
        base = self.public_url or request.base_url
        link = payments.open_link(self.store, merchant, amount, reference, values, base)
        return 201, public(link)

    def _get_link(self, request: Request, merchant: str, values: Document) -> tuple[int, Document]:
        return 200, public(self._link(request, merchant))

    def _link(self, request: Request, merchant: str) -> Document:
        link = self.store.get(merchant, "links", request.params["id"])
        if link is None:
            raise Refused(404, "004", "Payment link not found")
        return payments.aged(self.store, merchant, link)

    def _expire_link(self, request: Request, merchant: str, values: Document) -> tuple[int, Document]:
        if values != {"status": "expired"}:
            raise Refused(422, "702", "status: only expired can be set")
        link = self._link(request, merchant)
        if link["status"] != "active":
            raise Refused(422, "702", f"The link is {link['status']}")
        return 200, public(self.store.put(merchant, "links", {**link, "status": "expired"}))

    def _refund(self, request: Request, merchant: str, values: Document) -> tuple[int, Document]:
        """Answers "received" whatever becomes of it: the outcome is told by webhook."""
        _known(values, REFUND_FIELDS, "PaymentRefundRequest")
        amount = _amount(values)
        if values.get("merchantRefundReason", "OTHER") not in REASONS:
            raise Refused(422, "702", "Invalid merchantRefundReason")
        payment = self.store.get(merchant, "payments", request.params["psp"])
        if payment is None:
            raise Refused(422, "167", "Original pspReference required for this operation")
        refund = payments.refund(self.store, merchant, payment, amount, str(values.get("reference") or ""))
        return 201, public(refund) | {"pspReference": refund["id"], "status": "received"}

    def _methods(self, request: Request, merchant: str, values: Document) -> tuple[int, Document]:
        return 200, {"paymentMethods": [{"type": code, "name": name} for code, name in TYPES.items()]}


def _body(request: Request) -> Document:
    try:
        values = json.loads(request.body) if request.body else {}
    except ValueError:
        raise Refused(400, "702", "Unexpected input: not JSON") from None
    if not isinstance(values, dict):
        raise Refused(400, "702", "Unexpected input: not an object")
    return values


def _known(values: Document, names: frozenset[str], structure: str) -> None:
    strange = sorted(set(values) - names)
    if strange:
        raise Refused(422, "702", f"Structure of {structure} contains the following unknown fields: {strange}")


def _text(values: Document, name: str, longest: int, code: str, message: str) -> str:
    value = values.get(name)
    if not isinstance(value, str) or not value.strip() or len(value) > longest:
        raise Refused(422, code, message)
    return value


def _amount(values: Document) -> Document:
    amount = values.get("amount")
    if not isinstance(amount, dict) or set(amount) != {"currency", "value"}:
        raise Refused(422, "100", "No amount specified")
    if amount["currency"] not in DECIMALS:
        raise Refused(422, "138", "Currency not supported")
    if type(amount["value"]) is not int or not 0 < amount["value"] < 10**15:
        raise Refused(422, "137", "Invalid amount specified")
    return dict(amount)


def _check_link(values: Document) -> None:
    address = values.get("returnUrl")
    if address is not None and (not isinstance(address, str) or not is_http_url(address) or len(address) > 8000):
        raise Refused(422, "702", "Invalid returnUrl")
    types = values.get("allowedPaymentMethods", [])
    if not isinstance(types, list) or not set(map(str, types)) <= TYPES.keys():
        raise Refused(422, "702", "Invalid allowedPaymentMethods")
    if not re.fullmatch(r"[A-Z]{2}", str(values.get("countryCode", "NL"))):
        raise Refused(422, "702", "Invalid countryCode")
    if not re.fullmatch(r"[a-z]{2}(-[A-Z]{2})?", str(values.get("shopperLocale", "en-US"))):
        raise Refused(422, "702", "Invalid shopperLocale")
    name: Any = values.get("shopperName", {"firstName": "-", "lastName": "-"})
    if not isinstance(name, dict) or set(name) != {"firstName", "lastName"} or not all(name.values()):
        raise Refused(422, "702", "Invalid shopperName")
    if len(str(values.get("description", ""))) > 280:
        raise Refused(422, "702", "Invalid description")
