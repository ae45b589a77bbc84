"""PayPal: orders v2 with capture after approval, refunds, payouts v1 to an e-mail address, verified webhooks.

Contract: PayPal's published API descriptions (orders v2, payments v2, payouts v1, webhooks v1). A payer's approval pays
nothing: the order has to be captured. That happens when the order is asked about, which the webhook
CHECKOUT.ORDER.APPROVED and the sweep bring about; never on the browser's return.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from django.utils.translation import pgettext, pgettext_lazy

from kernel import clock
from kernel.errors import AppError, OutcomeUnknown, Rejected, Unavailable
from kernel.ids import made_at
from kernel.money import Money

from ...errors import AmountNotPayable
from ...ports import (
    Capabilities,
    ConnectionReport,
    DepositOrder,
    DepositStatus,
    DestinationField,
    Method,
    NormalizedEvent,
    PaymentState,
    PayoutMethod,
    PayoutOrder,
    ProviderConfig,
    Redirect,
    RefundState,
    RefundStatus,
    SettingField,
    Shape,
    SignatureInvalid,
)
from . import facts, units
from .wire import Api

EVENTS = (
    "CHECKOUT.ORDER.APPROVED", "PAYMENT.CAPTURE.COMPLETED", "PAYMENT.CAPTURE.PENDING", "PAYMENT.CAPTURE.DENIED",
    "PAYMENT.CAPTURE.DECLINED", "PAYMENT.CAPTURE.REFUNDED", "PAYMENT.CAPTURE.REVERSED", "PAYMENT.REFUND.PENDING",
    "PAYMENT.REFUND.FAILED", "CUSTOMER.DISPUTE.RESOLVED", "PAYMENT.PAYOUTS-ITEM.SUCCEEDED", "PAYMENT.PAYOUTS-ITEM.FAILED",
    "PAYMENT.PAYOUTS-ITEM.UNCLAIMED", "PAYMENT.PAYOUTS-ITEM.RETURNED", "PAYMENT.PAYOUTS-ITEM.BLOCKED",
    "PAYMENT.PAYOUTS-ITEM.CANCELED", "PAYMENT.PAYOUTS-ITEM.DENIED", "PAYMENT.PAYOUTS-ITEM.HELD",
    "PAYMENT.PAYOUTS-ITEM.REFUNDED",
)  # fmt: skip
WEBHOOKS = "/v1/notifications/webhooks"
# How long we trust that an id of ours is known there: a day less than PayPal promises.
REQUEST_KEPT, BATCH_KEPT = timedelta(days=44), timedelta(days=29)
# Headers of a transmission, and what the verify call names them.
_SIGNED = {
    "paypal-auth-algo": "auth_algo",
    "paypal-cert-url": "cert_url",
    "paypal-transmission-id": "transmission_id",
    "paypal-transmission-sig": "transmission_sig",
    "paypal-transmission-time": "transmission_time",
}
# The payer's instrument was refused at the capture: the payer may choose another on the same page.
_DECLINED = frozenset(
    {"INSTRUMENT_DECLINED", "PAYER_CANNOT_PAY", "TRANSACTION_REFUSED", "REDIRECT_PAYER_FOR_ALTERNATE_FUNDING"}
)
_NOT_YET = frozenset({"ORDER_NOT_APPROVED", "PAYER_ACTION_REQUIRED"})
_LOCALES = {"de": "de-DE", "en": "en-US", "es": "es-ES", "fr": "fr-FR", "it": "it-IT", "nl": "nl-NL", "pl": "pl-PL",
            "pt": "pt-PT", "ru": "ru-RU", "ar": "ar-EG"}  # fmt: skip


class PayPalProvider:
    capabilities = Capabilities(
        kind="paypal",
        label="PayPal",
        methods=(
            Method(
                code="paypal",
                icon="wallet",
                label=pgettext_lazy("payment method", "PayPal"),
                hint=pgettext_lazy("payment method hint", "With your PayPal account. In your account at once."),
                currencies=units.CURRENCIES,
                refund_days=180,
            ),
        ),
        payout_methods=(
            PayoutMethod(
                code="paypal",
                icon="wallet",
                label=pgettext_lazy("payment method", "PayPal"),
                hint=pgettext_lazy("payment method hint", "To your PayPal account, usually within minutes."),
                fields=(
                    DestinationField(
                        name="email",
                        label=pgettext_lazy("payout destination", "E-mail address of the PayPal account"),
                        shape=Shape.EMAIL,
                        longest=127,
                    ),
                ),
                identity=("email",),
                currencies=units.CURRENCIES,
            ),
        ),
        fields=(
            SettingField(name="client_id", label=pgettext_lazy("provider setting", "Client ID")),
            SettingField(name="client_secret", label=pgettext_lazy("provider setting", "Client secret"), secret=True),
            SettingField(
                name="webhook_secret",
                label=pgettext_lazy("provider setting", "Webhook ID"),
                secret=True,
                required=False,
                help=pgettext_lazy("provider setting", "Filled in by registering the webhook."),
            ),
            SettingField(
                name="base_url",
                label=pgettext_lazy("provider setting", "API address"),
                required=False,
                help=pgettext_lazy("provider setting", "Leave empty for the provider's own."),
            ),
        ),
        refund_quiet=timedelta(minutes=1),  # a request id is kept for 45 days, a batch id for 30: repeated, one effect
        same_answer=timedelta(days=45),
    )

    def __init__(self, config: ProviderConfig) -> None:
        self.config = config
        self.api = Api(config)

    def amount_step(self, currency: str) -> int:
        return units.step(currency)

    # --- deposits -----------------------------------------------------------------------------------------------------

    def create_deposit(self, order: DepositOrder) -> Redirect:
        body = {
            "intent": "CAPTURE",
            "purchase_units": [
                {
                    "reference_id": order.reference,
                    "custom_id": str(order.deposit_id),
                    "invoice_id": order.reference,
                    "description": order.description[:127],
                    "amount": {"currency_code": order.amount.currency, "value": _value(order.amount)},
                }
            ],
            "payment_source": {
                "paypal": {
                    "experience_context": {
                        "return_url": order.return_url,
                        "cancel_url": order.cancel_url,
                        "locale": _LOCALES.get(order.language[:2], "en-US"),
                        "shipping_preference": "NO_SHIPPING",
                        "user_action": "PAY_NOW",
                        "payment_method_preference": "IMMEDIATE_PAYMENT_REQUIRED",
                    }
                }
            },
        }
        answer = self.api.post("/v2/checkout/orders", body, request_id=str(order.deposit_id))
        page = _link(answer, "payer-action") or _link(answer, "approve")
        if not page or not answer.get("id"):
            raise OutcomeUnknown(provider="paypal")
        return Redirect(url=page, provider_reference=str(answer["id"]))

    def fetch_deposit(self, provider_reference: str) -> DepositStatus:
        """How the order stands. One that the payer has approved is captured first: asking is what takes the money."""
        order = self.api.get(f"/v2/checkout/orders/{provider_reference}")
        if order.get("status") != "APPROVED" or facts.first_capture(order):
            return self._status(order)
        try:
            # The approval's own time in the id: repeated it is this capture, after another approval a new one.
            request_id = f"{provider_reference}-{order.get('update_time', '')}"
            return self._status(
                self.api.post(f"/v2/checkout/orders/{provider_reference}/capture", {}, request_id=request_id)
            )
        except OutcomeUnknown as error:
            raise Unavailable(provider="paypal") from error  # asked again, the order itself says
        except Rejected as error:
            return self._not_captured(provider_reference, error)

    def _not_captured(self, provider_reference: str, error: Rejected) -> DepositStatus:
        code = str(error.data.get("code") or "")
        if code == "ORDER_ALREADY_CAPTURED":
            return self._status(self.api.get(f"/v2/checkout/orders/{provider_reference}"))
        if code in _DECLINED | _NOT_YET:
            return DepositStatus(
                state=PaymentState.OPEN,
                provider_reference=provider_reference,
                failure="declined" if code in _DECLINED else "",
                failure_text=str(error) if code in _DECLINED else "",
            )
        return DepositStatus(
            state=PaymentState.FAILED,
            provider_reference=provider_reference,
            failure="declined",
            failure_text=str(error),
        )

    def _status(self, order: Mapping[str, Any]) -> DepositStatus:
        reference = str(order["id"])
        payer = order.get("payer") or (order.get("payment_source") or {}).get("paypal") or {}
        try:
            if capture := facts.first_capture(order):
                return facts.capture_status(capture, reference, payer)
        except units.NotExpressible as error:
            raise Unavailable(provider="paypal") from error
        state = PaymentState.EXPIRED if order.get("status") == "VOIDED" else PaymentState.OPEN
        return DepositStatus(state=state, provider_reference=reference)

    # --- refunds ------------------------------------------------------------------------------------------------------

    def refund(self, *, operation_id: UUID, payment_reference: str, amount: Money, reason: str) -> RefundStatus:
        body = {
            "amount": {"currency_code": amount.currency, "value": _value(amount)},
            "custom_id": str(operation_id),
            "note_to_payer": reason[:255],
        }
        path = f"/v2/payments/captures/{payment_reference}/refund"
        answer = self.api.post(path, body, request_id=str(operation_id))
        status = facts.refund_status({"amount": body["amount"], **answer}, payment_reference=payment_reference)
        if status.state is RefundState.FAILED:
            raise Rejected(status.failure_text, provider="paypal")
        return status

    def find_refund(self, operation_id: UUID, *, payment_reference: str) -> RefundStatus | None:
        """Looks through the refunds of the payment's order. A payment may name no order, and an order may not show its
        refunds: so None only while sent again under its id the refund has one effect, and OutcomeUnknown afterwards."""
        capture = self._read(f"/v2/payments/captures/{payment_reference}")
        order_id = facts.related_order(capture) if capture else ""
        order = self._read(f"/v2/checkout/orders/{order_id}") if order_id else None
        for refund in facts.refunds_of(order or {}):
            if facts.operation_of(refund) == operation_id:
                return facts.refund_status(refund, payment_reference=payment_reference)
        _still_known(operation_id, REQUEST_KEPT)
        return None

    def _read(self, path: str) -> dict[str, Any] | None:
        """None for what PayPal does not know (any more)."""
        try:
            return self.api.get(path)
        except Rejected as error:
            if "NOT_FOUND" in str(error.data.get("name")):
                return None
            raise Unavailable(str(error), provider="paypal") from error

    # --- payouts ------------------------------------------------------------------------------------------------------

    def payout(self, order: PayoutOrder) -> RefundStatus:
        """One batch with one item, both named by the operation. A batch id used before answers with the first batch."""
        item = {
            "recipient_type": "EMAIL",
            "receiver": order.destination["email"],
            "amount": {"currency": order.amount.currency, "value": _value(order.amount)},
            "note": order.description[:1000],
            "sender_item_id": str(order.operation_id),
        }
        header = {"sender_batch_id": str(order.operation_id), "email_subject": order.description[:255]}
        body = {"sender_batch_header": header, "items": [item]}
        try:
            answer = self.api.post("/v1/payments/payouts", body, request_id=str(order.operation_id))
        except Rejected as error:
            return self._first_batch(error)
        return RefundStatus(
            state=RefundState.PENDING, reference=str(answer["batch_header"]["payout_batch_id"]), amount=order.amount
        )

    def _first_batch(self, error: Rejected) -> RefundStatus:
        """The batch that a duplicate points at. Raises the refusal, or OutcomeUnknown when it points nowhere."""
        if error.data.get("name") != "USER_BUSINESS_ERROR":
            raise error
        batch = next(
            (href.rstrip("/").rpartition("/")[2] for href in error.data.get("links") or [] if "/payments/payouts/" in href), ""
        )  # fmt: skip
        found = self._batch(batch) if batch else None
        if found is None:
            raise OutcomeUnknown(provider="paypal") from error
        return found

    def find_payout(self, operation_id: UUID, *, reference: str) -> RefundStatus | None:
        """By PayPal's batch id. There is no asking by ours: None then, while sent again it answers with the first batch, and
        OutcomeUnknown afterwards."""
        if reference:
            return self._batch(reference)
        _still_known(operation_id, BATCH_KEPT)
        return None

    def _batch(self, reference: str) -> RefundStatus | None:
        answer = self._read(f"/v1/payments/payouts/{reference}")
        if not answer or not answer.get("items"):
            if answer:  # taken on, its item not yet made
                raise Unavailable(provider="paypal")
            return None
        return facts.payout_status(answer["items"][0], str(answer["batch_header"].get("batch_status")))

    # --- webhooks -----------------------------------------------------------------------------------------------------

    def verify_webhook(self, body: bytes, headers: Mapping[str, str]) -> list[NormalizedEvent]:
        """PayPal judges its own signature: a call outside, made before anything is stored and in no transaction.

        The event is handed back byte for byte. Raises Unavailable when PayPal cannot be asked, so that it sends again.
        """
        webhook, signed = self.config.secrets.get("webhook_secret", ""), {}
        for header, name in _SIGNED.items():
            signed[name] = headers.get(header, "")
        try:
            event = json.loads(body)
            events = self.read_webhook(body)
        except (ValueError, KeyError, TypeError) as error:
            raise SignatureInvalid from error
        if (
            not webhook
            or not all(signed.values())
            or not isinstance(event, dict)
            or not self._is_theirs(signed["cert_url"])
        ):
            raise SignatureInvalid
        asked = json.dumps({**signed, "webhook_id": webhook})[:-1].encode() + b', "webhook_event":' + body + b"}"
        try:
            answer = self.api.ask("/v1/notifications/verify-webhook-signature", asked)
        except Rejected as error:
            raise SignatureInvalid from error
        if answer.get("verification_status") != "SUCCESS":
            raise SignatureInvalid
        return events

    @staticmethod
    def _is_theirs(address: str) -> bool:
        """Nothing that is not signed with a certificate of PayPal's is worth a call."""
        try:
            parts = urlsplit(address)
        except ValueError:
            return False
        return parts.scheme == "https" and f".{parts.hostname or ''}".endswith(".paypal.com")

    def read_webhook(self, body: bytes) -> list[NormalizedEvent]:
        return [facts.normalise(json.loads(body))]

    def _webhooks(self, url: str) -> list[Mapping[str, Any]]:
        known = self.api.get(WEBHOOKS).get("webhooks") or []
        return [one for one in known if one.get("url") == url]

    def webhook_keep(self, url: str) -> list[str]:
        """As ports.Subscribing: the webhook keeps its id, by which its signatures are checked."""
        added: set[str] = set()
        for one in self._webhooks(url):
            names = {str(event["name"]) for event in one.get("event_types") or []}
            missing = set() if "*" in names else set(EVENTS) - names
            if missing and self._listen(str(one["id"]), names | missing):
                added |= missing
        return sorted(added)

    def _listen(self, webhook: str, names: set[str]) -> bool:
        """Whether that changed what the webhook is told of."""
        wanted = [{"name": name} for name in sorted(names)]
        try:
            self.api.patch(f"{WEBHOOKS}/{webhook}", [{"op": "replace", "path": "/event_types", "value": wanted}])
        except Rejected as error:
            if error.data.get("name") != "WEBHOOK_PATCH_REQUEST_NO_CHANGE":
                raise
            return False
        return True

    def register_webhook(self, url: str) -> str:
        """The webhook's id, which the check of its signatures needs. Registered before, it is the same one, told of all."""
        try:
            body = {"url": url, "event_types": [{"name": name} for name in EVENTS]}
            return str(self.api.post(WEBHOOKS, body)["id"])
        except Rejected as error:
            if error.data.get("name") != "WEBHOOK_URL_ALREADY_EXISTS":
                raise
        self.webhook_keep(url)
        found = next((str(one["id"]) for one in self._webhooks(url)), "")
        if not found:
            raise Unavailable(provider="paypal")
        return found

    def test_connection(self) -> ConnectionReport:
        """Gets a token: proves client id, secret and address."""
        try:
            token = self.api.token()
        except AppError as error:
            return ConnectionReport(good=False, details=(str(error),))
        if not token:
            return ConnectionReport(good=False, details=("PayPal",))
        if not self.config.secrets.get("webhook_secret"):
            words = pgettext(
                "provider test", "Register the webhook: approved payments are captured when it tells of them."
            )
            return ConnectionReport(good=True, account=self.config.settings.get("client_id", "")[:12], details=(words,))
        return ConnectionReport(good=True, account=self.config.settings.get("client_id", "")[:12])


def _still_known(operation_id: UUID, kept: timedelta) -> None:
    """Raises OutcomeUnknown when PayPal may have forgotten the id, so that it would be carried out a second time."""
    made = made_at(operation_id)
    if made is None or clock.now() - made > kept:
        raise OutcomeUnknown(provider="paypal")


def _value(amount: Money) -> str:
    try:
        return units.to_wire(amount)
    except units.NotExpressible as error:
        raise AmountNotPayable(field="amount") from error


def _link(answer: Mapping[str, Any], rel: str) -> str:
    return next((str(link["href"]) for link in answer.get("links") or [] if link.get("rel") == rel), "")
