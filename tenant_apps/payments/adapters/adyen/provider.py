"""Adyen (Checkout API v72): payment links, refunds, standard webhooks.

Contract: Adyen's published CheckoutService-v72 and Webhooks-v1 descriptions. A payment link is a hosted page with a status of
its own, so an open deposit can be asked about; what was paid, and under which reference, only a signed webhook tells.
Refunds are answered "received"; their outcome comes by webhook and cannot be asked for. Every POST carries our id as
Idempotency-Key (kept for at least seven days), so a repeated one has one effect.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.utils.translation import pgettext, pgettext_lazy

from kernel import clock, http
from kernel.errors import AppError, OutcomeUnknown, Rejected, Unavailable
from kernel.ids import made_at
from kernel.money import Money

from ...errors import AmountNotPayable
from ...ports import (
    Capabilities,
    ConnectionReport,
    DepositOrder,
    DepositStatus,
    Method,
    NormalizedEvent,
    Payer,
    PaymentState,
    ProviderConfig,
    Redirect,
    RefundState,
    RefundStatus,
    SettingField,
    SignatureInvalid,
    WebhookAnswer,
)
from . import items, units

TEST = "https://checkout-test.adyen.com"
LIVE = "https://{prefix}-checkout-live.adyenpayments.com/checkout"
VERSION = "v72"
KEPT = timedelta(days=6)  # how long we trust that an idempotency key is known: a day less than Adyen promises
IN_PROGRESS = "704"  # a request with this idempotency key is being carried out
# Our codes and Adyen's types of payment methods.
_TYPES = {"card": "scheme", "bancontact": "bcmc"}
_LOCALES = {"de": "de-DE", "en": "en-US", "es": "es-ES", "fr": "fr-FR", "it": "it-IT", "nl": "nl-NL", "pl": "pl-PL",
            "pt": "pt-PT", "ru": "ru-RU", "tr": "tr-TR"}  # fmt: skip
_LINK_STATES = {
    "active": PaymentState.OPEN,
    "paymentPending": PaymentState.OPEN,  # "in the process of making the payment"; refused, the link is active again
    "completed": PaymentState.AUTHORISED,
    "paid": PaymentState.AUTHORISED,
    "expired": PaymentState.EXPIRED,
}
_EURO = frozenset({"EUR"})


class AdyenProvider:
    capabilities = Capabilities(
        kind="adyen",
        label="Adyen",
        methods=(
            Method(code="card", icon="credit-card", refund_days=180),
            Method(code="applepay", icon="smartphone"),
            Method(
                code="googlepay",
                icon="smartphone",
                label=pgettext_lazy("payment method", "Google Pay"),
                hint=pgettext_lazy("payment method hint", "Pay with your phone. In your account at once."),
            ),
            Method(code="ideal", icon="landmark", currencies=_EURO, countries=frozenset({"NL"})),
            Method(code="eps", icon="landmark", currencies=_EURO, countries=frozenset({"AT"})),
            Method(
                code="bancontact",
                icon="credit-card",
                currencies=_EURO,
                countries=frozenset({"BE"}),
                label=pgettext_lazy("payment method", "Bancontact"),
                hint=pgettext_lazy("payment method hint", "Belgian debit cards. In your account at once."),
            ),
            Method(
                code="blik",
                icon="smartphone",
                currencies=frozenset({"PLN"}),
                countries=frozenset({"PL"}),
                label=pgettext_lazy("payment method", "BLIK"),
                hint=pgettext_lazy("payment method hint", "With the code from your Polish bank's app. At once."),
            ),
            Method(
                code="trustly",
                icon="landmark",
                currencies=frozenset({"EUR", "GBP", "SEK", "DKK", "NOK", "PLN", "CZK"}),
                label=pgettext_lazy("payment method", "Trustly"),
                hint=pgettext_lazy("payment method hint", "Straight from your bank account. In your account at once."),
            ),
        ),
        fields=(
            SettingField(name="merchant_account", label=pgettext_lazy("provider setting", "Merchant account")),
            SettingField(name="api_key", label=pgettext_lazy("provider setting", "API key"), secret=True),
            SettingField(
                name="hmac_key",
                label=pgettext_lazy("provider setting", "HMAC key of the webhook"),
                secret=True,
                help=pgettext_lazy(
                    "provider setting", "Customer Area: Developers, Webhooks, Standard webhook, Security."
                ),
            ),
            SettingField(
                name="live_prefix",
                label=pgettext_lazy("provider setting", "Prefix of the live addresses"),
                required=False,
                help=pgettext_lazy(
                    "provider setting", "Customer Area: Developers, API URLs. Needed in live mode only."
                ),
            ),
            SettingField(
                name="base_url",
                label=pgettext_lazy("provider setting", "API address"),
                required=False,
                help=pgettext_lazy("provider setting", "Leave empty for the provider's own."),
            ),
        ),
        refund_quiet=timedelta(minutes=1),  # sent again under its key a refund has one effect
        same_answer=timedelta(days=7),
    )

    def __init__(self, config: ProviderConfig) -> None:
        self.config = config

    def amount_step(self, currency: str) -> int:
        return units.step(currency)

    # --- calls --------------------------------------------------------------------------------------------------------

    @property
    def _merchant(self) -> str:
        return self.config.settings.get("merchant_account", "")

    def _address(self, path: str) -> str:
        settings = self.config.settings
        if base := settings.get("base_url"):
            return f"{base.rstrip('/')}/{VERSION}/{path}"
        if self.config.mode == "live":
            prefix = settings.get("live_prefix", "")
            # Part of a host name: anything else in it would send the key to another host.
            if not re.fullmatch(r"[A-Za-z0-9-]{1,60}", prefix):
                words = pgettext("provider test", "The prefix of the live addresses is missing or malformed.")
                raise Unavailable(words, provider="adyen")
            return f"{LIVE.format(prefix=prefix)}/{VERSION}/{path}"
        return f"{TEST}/{VERSION}/{path}"

    def _call(self, method: str, path: str, body: Mapping[str, Any] | None = None, *, key: str = "") -> dict[str, Any]:
        """One call; `key` makes it a write, sent once: a lost answer is of unknown outcome. Error texts are Adyen's own."""
        lost = OutcomeUnknown if key else Unavailable
        headers = {"X-API-Key": self.config.secrets.get("api_key", "")} | ({"Idempotency-Key": key} if key else {})
        response = http.request(
            method,
            self._address(path),
            safe_to_repeat=not key,
            headers=headers,
            json={"merchantAccount": self._merchant, **body} if body is not None else None,
        )
        try:
            answer = json.loads(response.content)
        except ValueError:
            answer = {}
        status, message = response.status_code, _message(answer)
        if status in {401, 403, 429}:
            raise Unavailable(message, provider="adyen")
        if status >= 500 or not isinstance(answer, dict) or str(answer.get("errorCode")) == IN_PROGRESS:
            raise lost(message, provider="adyen")
        if status >= 400:
            raise Rejected(message, provider="adyen", code=str(answer.get("errorCode") or ""))
        if status >= 300 or not answer:
            raise lost(provider="adyen")
        return answer

    def create_deposit(self, order: DepositOrder) -> Redirect:
        """A payment link. It can be paid for 24 hours, Adyen's default: an end of our own would make a repeated request
        another one."""
        body: dict[str, Any] = {
            "reference": str(order.deposit_id),
            "amount": _amount(order.amount),
            "description": order.description[:280],
            "returnUrl": order.return_url,
            "shopperLocale": _LOCALES.get(order.language[:2], "en-US" if order.language[:2] != "ar" else "ar"),
            "allowedPaymentMethods": [_TYPES.get(order.method, order.method)],
            **_payer(order.payer),
        }
        answer = self._call("POST", "paymentLinks", body, key=str(order.deposit_id))
        if not answer.get("url") or not answer.get("id"):
            raise OutcomeUnknown(provider="adyen")
        return Redirect(url=str(answer["url"]), provider_reference=str(answer["id"]))

    def fetch_deposit(self, provider_reference: str) -> DepositStatus:
        """The link's status. `completed` says that the payer has finished, but neither what was paid nor under which
        reference: AUTHORISED until the signed AUTHORISATION comes, which alone makes it PAID."""
        answer = self._call("GET", f"paymentLinks/{provider_reference}")
        return DepositStatus(
            state=_LINK_STATES.get(str(answer.get("status")), PaymentState.OPEN),
            provider_reference=str(answer["id"]),
        )

    def refund(self, *, operation_id: UUID, payment_reference: str, amount: Money, reason: str) -> RefundStatus:
        """Always PENDING: Adyen says "received" even to what it will refuse."""
        body = {
            "amount": _amount(amount),
            "reference": str(operation_id),
            "merchantRefundReason": "CUSTOMER REQUEST",
        }
        answer = self._call("POST", f"payments/{payment_reference}/refunds", body, key=str(operation_id))
        if not answer.get("pspReference"):
            raise OutcomeUnknown(provider="adyen")
        return RefundStatus(
            state=RefundState.PENDING,
            reference=str(answer["pspReference"]),
            amount=amount,
            payment_reference=payment_reference,
        )

    def find_refund(self, operation_id: UUID, *, payment_reference: str) -> RefundStatus | None:
        """Adyen cannot be asked about refunds. None is safe while its key counts: sent again, the refund has one effect. Of
        an older one only a webhook can tell: OutcomeUnknown."""
        made = made_at(operation_id)
        if made is None or clock.now() - made > KEPT:
            raise OutcomeUnknown(provider="adyen")
        return None

    # --- webhooks -----------------------------------------------------------------------------------------------------

    def verify_webhook(self, body: bytes, headers: Mapping[str, str]) -> list[NormalizedEvent]:
        """Each item is signed by itself, in the body; one wrong item refuses all."""
        key = self._hmac_key()
        try:
            told = _items(body)
            if not key or not told or not all(items.is_genuine(key, item) for item in told):
                raise SignatureInvalid
            return self.read_webhook(body)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise SignatureInvalid from error

    def read_webhook(self, body: bytes) -> list[NormalizedEvent]:
        return [items.normalise(item, self._merchant) for item in _items(body)]

    def answer_webhook(self, body: bytes, headers: Mapping[str, str], *, accepted: bool) -> WebhookAnswer:
        if accepted:
            return WebhookAnswer(body=b"[accepted]")
        return WebhookAnswer(body=b"signature", status=403)

    def _hmac_key(self) -> bytes:
        """Empty when there is none, or none that is hexadecimal."""
        try:
            return bytes.fromhex(self.config.secrets.get("hmac_key", ""))
        except ValueError:
            return b""

    def test_connection(self) -> ConnectionReport:
        """Asks which methods the account has: proves the key, the address and the merchant account."""
        if not self._hmac_key():
            words = pgettext("provider test", "The HMAC key is not hexadecimal, so no webhook could be believed.")
            return ConnectionReport(good=False, details=(words,))
        try:
            answer = self._call("POST", "paymentMethods", {})
        except AppError as error:
            return ConnectionReport(good=False, details=(str(error),))
        names = [str(method.get("name", "")) for method in answer.get("paymentMethods", [])]
        return ConnectionReport(good=True, account=self._merchant, details=tuple(filter(None, names))[:12])


def _items(body: bytes) -> list[items.Item]:
    return [wrapped["NotificationRequestItem"] for wrapped in json.loads(body)["notificationItems"]]


def _amount(amount: Money) -> dict[str, object]:
    try:
        return units.to_wire(amount)
    except units.NotExpressible as error:
        raise AmountNotPayable(field="amount") from error


def _payer(payer: Payer) -> dict[str, Any]:
    """What is known of the payer, in Adyen's fields: nothing empty is sent."""
    first, _, last = payer.name.strip().partition(" ")
    known: dict[str, Any] = {"shopperEmail": payer.email, "countryCode": payer.country}
    if payer.phone.startswith("+"):
        known["telephoneNumber"] = payer.phone
    if first and last:
        known["shopperName"] = {"firstName": first, "lastName": last.strip()}
    return {name: value for name, value in known.items() if value}


def _message(answer: Any) -> str:
    return str(answer.get("message") or "Adyen") if isinstance(answer, Mapping) else "Adyen"
