"""Tap Payments (Gulf): hosted page for cards, KNET, mada, Benefit, QPay and OmanNet, signed webhooks, refunds.

Contract: developers.tap.company (v2 charges, refunds, idempotency, webhook). `reference.idempotent` makes a repeated request
return the first one's answer for a day. A webhook's `hashstring` is hex HMAC-SHA256 under the secret key of seven fields
put together; the rest of the body is not signed, see `reading.event`.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import phonenumbers
from django.utils.translation import pgettext, pgettext_lazy

from kernel import http
from kernel.errors import AppError, OutcomeUnknown, Rejected, Unavailable
from kernel.money import Money

from ...ports import (
    Capabilities,
    ConnectionReport,
    DepositOrder,
    DepositStatus,
    Method,
    NormalizedEvent,
    ProviderConfig,
    Redirect,
    RefundState,
    RefundStatus,
    SettingField,
    SignatureInvalid,
)
from . import reading, units

HOST = "https://api.tap.company"
SOURCES = {
    "card": "src_card",
    "applepay": "src_apple_pay",
    "knet": "src_kw.knet",
    "mada": "src_sa.mada",
    "benefit": "src_bh.benefit",
    "qpay": "src_qa.qpay",
    "omannet": "src_om.omannet",
    "tap": "src_all",
}
PAGE, PAGES = 50, 20  # refunds asked for at a time, and how often before we give up
_ANY = frozenset(units.DECIMALS)


class TapProvider:
    capabilities = Capabilities(
        kind="tap",
        label="Tap Payments",
        methods=(
            Method(code="card", icon="credit-card", currencies=_ANY),
            Method(code="applepay", icon="smartphone", currencies=_ANY),
            Method(code="knet", icon="credit-card", currencies=frozenset({"KWD"}), countries=frozenset({"KW"})),
            Method(code="mada", icon="credit-card", currencies=frozenset({"SAR"}), countries=frozenset({"SA"})),
            Method(
                code="benefit", icon="credit-card", currencies=frozenset({"BHD"}), countries=frozenset({"BH"}),
                label=pgettext_lazy("payment method", "Benefit"),
                hint=pgettext_lazy("payment method hint", "Bahraini debit cards. In your account at once."),
            ),
            Method(
                code="qpay", icon="credit-card", currencies=frozenset({"QAR"}), countries=frozenset({"QA"}),
                label=pgettext_lazy("payment method", "QPay (NAPS)"),
                hint=pgettext_lazy("payment method hint", "Qatari debit cards. In your account at once."),
            ),
            Method(
                code="omannet", icon="credit-card", currencies=frozenset({"OMR"}), countries=frozenset({"OM"}),
                label=pgettext_lazy("payment method", "OmanNet"),
                hint=pgettext_lazy("payment method hint", "Omani debit cards. In your account at once."),
            ),
            Method(
                code="tap", icon="wallet", currencies=_ANY,
                label=pgettext_lazy("payment method", "Cards and local methods"),
                hint=pgettext_lazy("payment method hint", "You choose on the next page. In your account at once."),
            ),
        ),
        fields=(
            SettingField(
                name="secret_key",
                label=pgettext_lazy("provider setting", "Secret key"),
                secret=True,
                help=pgettext_lazy("provider setting", "Begins with sk_test_ or sk_live_."),
            ),
            SettingField(
                name="merchant_id",
                label=pgettext_lazy("provider setting", "Merchant ID"),
                required=False,
                help=pgettext_lazy("provider setting", "Only if Tap asked you to send it."),
            ),
            SettingField(
                name="base_url",
                label=pgettext_lazy("provider setting", "API address"),
                required=False,
                help=pgettext_lazy("provider setting", "Leave empty for Tap's own."),
            ),
        ),
        same_answer=timedelta(hours=24),
        refunds_found=True,
    )  # fmt: skip

    def __init__(self, config: ProviderConfig) -> None:
        self.config = config

    def amount_step(self, currency: str) -> int:
        return 1 if currency in units.DECIMALS else 0

    # --- calls --------------------------------------------------------------------------------------------------------

    @property
    def _key(self) -> str:
        return self.config.secrets.get("secret_key", "")

    def _call(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        writes: bool = False,
        language: str = "en",
    ) -> Any:
        """A write carries an idempotency key, yet is sent once a call: the key holds for a day, our commands for longer."""
        base = self.config.settings.get("base_url") or HOST
        response = http.request(
            method,
            f"{base.rstrip('/')}/v2/{path}",
            safe_to_repeat=not writes,
            headers={"Authorization": f"Bearer {self._key}", "lang_code": language, "Accept": "application/json"},
            json=body,
        )
        unknown = OutcomeUnknown if writes else Unavailable
        if response.status_code >= 500:
            raise unknown(provider="tap")
        try:
            answer = json.loads(response.content, parse_float=Decimal)
        except ValueError as error:
            raise unknown(provider="tap") from error
        if response.status_code in {401, 403, 429}:
            raise Unavailable(_message(answer), provider="tap")
        if response.status_code >= 400 or "errors" in answer:
            raise Rejected(_message(answer), provider="tap", code=_code(answer))
        return answer

    # --- deposits -----------------------------------------------------------------------------------------------------

    def create_deposit(self, order: DepositOrder) -> Redirect:
        body: dict[str, Any] = {
            "amount": units.to_wire(order.amount),
            "currency": order.amount.currency,
            "customer_initiated": True,
            "threeDSecure": True,
            "save_card": False,
            "description": order.description,
            "reference": _references(order.reference, order.deposit_id),
            "receipt": {"email": False, "sms": False},
            "customer": _customer(order),
            "source": {"id": SOURCES[order.method]},
            "transaction": {"expiry": {"period": order.minutes, "type": "MINUTE"}},
            "post": {"url": order.webhook_url},
            "redirect": {"url": order.return_url},
        }
        if merchant := self.config.settings.get("merchant_id"):
            body["merchant"] = {"id": merchant}
        answer = self._call("POST", "charges/", body, writes=True, language="ar" if order.language == "ar" else "en")
        url = (answer.get("transaction") or {}).get("url")
        if not url:
            raise Rejected(_message(answer), provider="tap")
        return Redirect(url=str(url), provider_reference=str(answer["id"]))

    def fetch_deposit(self, provider_reference: str) -> DepositStatus:
        return reading.deposit_status(self._call("GET", f"charges/{provider_reference}"))

    # --- refunds ------------------------------------------------------------------------------------------------------

    def refund(self, *, operation_id: UUID, payment_reference: str, amount: Money, reason: str) -> RefundStatus:
        """Repeated within a day it is one refund; later the command has asked `find_refund` first."""
        body = {
            "charge_id": payment_reference,
            "amount": units.to_wire(amount),
            "currency": amount.currency,
            "reason": "requested_by_customer",
            "description": reason,
            "reference": {"merchant": str(operation_id), "idempotent": str(operation_id)},
            "post": {"url": self.config.webhook_url},
        }
        status = reading.refund_status(self._call("POST", "refunds/", body, writes=True))
        if status.state is RefundState.FAILED:
            raise Rejected(status.failure_text, provider="tap")
        return status

    def find_refund(self, operation_id: UUID, *, payment_reference: str) -> RefundStatus | None:
        """None only after the whole list was read. Raises Unavailable when it has no end."""
        after = ""
        for _ in range(PAGES):
            asked: dict[str, Any] = {"limit": PAGE, "charges": [payment_reference]}
            answer = self._refunds({**asked, "starting_after": after} if after else asked)
            listed = answer.get("refunds")
            if not isinstance(listed, list):  # an answer we cannot read proves nothing
                raise Unavailable(provider="tap")
            for item in listed:
                if reading.operation_of(item) == operation_id and item.get("charge_id") == payment_reference:
                    return reading.refund_status(item)
            if not answer.get("has_more") or not listed:
                return None
            after = str(listed[-1]["id"])
        raise Unavailable(provider="tap")

    def _refunds(self, asked: Mapping[str, Any]) -> Any:
        try:
            return self._call("POST", "refunds/list", asked)
        except Rejected as error:  # no list is no proof that there is no refund
            raise Unavailable(str(error), provider="tap") from error

    # --- webhooks -----------------------------------------------------------------------------------------------------

    def verify_webhook(self, body: bytes, headers: Mapping[str, str]) -> list[NormalizedEvent]:
        try:
            data = json.loads(body, parse_float=Decimal)
            expected = hmac.new(self._key.encode(), hashed(data).encode(), hashlib.sha256).hexdigest()
            given = headers.get("hashstring", "").strip().lower()
            if not self._key or not hmac.compare_digest(expected.encode(), given.encode()):
                raise SignatureInvalid
            return self.read_webhook(body)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise SignatureInvalid from error

    def read_webhook(self, body: bytes) -> list[NormalizedEvent]:
        return [reading.event(json.loads(body, parse_float=Decimal))]

    def test_connection(self) -> ConnectionReport:
        """Asks about a charge that does not exist: "not found" proves that the key is right."""
        prefix = f"sk_{self.config.mode}_"
        if not self._key.startswith(prefix):
            words = pgettext("provider test", "The secret key does not begin with %(prefix)s.") % {"prefix": prefix}
            return ConnectionReport(good=False, details=(words,))
        try:
            self._call("GET", f"charges/chg_connection_test_{self.config.account_id.hex[:8]}")
        except Rejected:
            pass
        except AppError as error:
            return ConnectionReport(good=False, details=(str(error),))
        return ConnectionReport(good=True, account=self.config.settings.get("merchant_id") or prefix.rstrip("_"))


def hashed(data: Mapping[str, Any]) -> str:
    """What Tap signs: seven fields with their names, the amount with all its decimals. A refund's time is its own."""
    reference, currency = data.get("reference") or {}, str(data["currency"])
    created = (data.get("transaction") or {}).get("created") or data.get("created") or ""
    return (
        f"x_id{data['id']}x_amount{units.printed(data['amount'], currency)}x_currency{currency}"
        f"x_gateway_reference{reference.get('gateway') or ''}x_payment_reference{reference.get('payment') or ''}"
        f"x_status{data['status']}x_created{created}"
    )


def _references(reference: str, deposit_id: UUID) -> dict[str, str]:
    return {"transaction": reference, "order": str(deposit_id), "idempotent": str(deposit_id)}


def _customer(order: DepositOrder) -> dict[str, Any]:
    first, _, last = order.payer.name.strip().partition(" ")
    customer: dict[str, Any] = {"first_name": first, "last_name": last, "email": order.payer.email}
    try:
        phone = phonenumbers.parse(order.payer.phone)
    except phonenumbers.NumberParseException:
        return customer  # the e-mail address is enough
    customer["phone"] = {"country_code": str(phone.country_code), "number": str(phone.national_number)}
    return customer


def _message(answer: Any) -> str:
    if not isinstance(answer, Mapping):
        return "Tap"
    errors = answer.get("errors") or [{}]
    return str(errors[0].get("description") or (answer.get("response") or {}).get("message") or "Tap")


def _code(answer: Mapping[str, Any]) -> str:
    errors = answer.get("errors") or [{}]
    return str(errors[0].get("code", ""))
