"""Stripe: hosted Checkout for deposits, refunds for withdrawals, signed webhooks.

Contract: stripe-python 16.1's typed parameters; docs.stripe.com/webhooks (signature), /api/idempotent_requests,
/payments/checkout/fulfillment (asynchronous methods are paid only with `async_payment_succeeded`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

import stripe
from django.utils.translation import pgettext_lazy

from kernel.errors import AppError, Rejected
from kernel.money import Money

from ...errors import AmountNotPayable
from ...ports import (
    Capabilities,
    ConnectionReport,
    DepositOrder,
    DepositStatus,
    EventKind,
    NormalizedEvent,
    PaymentState,
    ProviderConfig,
    Redirect,
    RefundStatus,
    SettingField,
    SignatureInvalid,
    if_paid,
)
from . import disputes, units, wire
from .events import fee_of, normalise, refund_status, source_of
from .methods import METHODS

TOLERANCE = 300
CHARGE = "payment_intent.latest_charge"
BOOKED = f"{CHARGE}.balance_transaction"  # with what Stripe keeps of it
EVENTS = (
    "checkout.session.completed",
    "checkout.session.async_payment_succeeded",
    "checkout.session.async_payment_failed",
    "checkout.session.expired",
    "payment_intent.payment_failed",
    *disputes.EVENTS,
    "refund.created",
    "refund.updated",
    "refund.failed",
)
# What Checkout's own pages speak; others fall back to the browser.
_LOCALES = frozenset(["de", "en", "es", "fr", "it", "nl", "pl", "pt", "ru", "tr"])


class StripeProvider:
    capabilities = Capabilities(
        kind="stripe",
        label="Stripe",
        methods=METHODS,
        fields=(
            SettingField(
                name="secret_key",
                label=pgettext_lazy("provider setting", "Secret key"),
                secret=True,
                help=pgettext_lazy("provider setting", "Starts with sk_test_ or sk_live_."),
            ),
            SettingField(
                name="webhook_secret",
                label=pgettext_lazy("provider setting", "Webhook signing secret"),
                secret=True,
                required=False,
                help=pgettext_lazy(
                    "provider setting", "Starts with whsec_. Filled in for you when you register the webhook."
                ),
            ),
            SettingField(
                name="base_url",
                label=pgettext_lazy("provider setting", "API address"),
                required=False,
                help=pgettext_lazy("provider setting", "Leave empty for Stripe's own."),
            ),
        ),
        refund_quiet=timedelta(seconds=10),  # the idempotency key makes a second sending harmless
        same_answer=timedelta(hours=24),
        refunds_found=True,
    )

    def __init__(self, config: ProviderConfig) -> None:
        self.config = config

    def _client(self) -> stripe.StripeClient:
        return wire.client(self.config.secrets.get("secret_key", ""), self.config.settings.get("base_url", ""))

    def amount_step(self, currency: str) -> int:
        return units.step(currency)

    def create_deposit(self, order: DepositOrder) -> Redirect:
        with wire.errors(writes=True):
            session = self._client().v1.checkout.sessions.create(
                self._session_params(order), {"idempotency_key": f"deposit-{order.deposit_id}"}
            )
        return Redirect(url=str(session.url), provider_reference=session.id)

    def _session_params(self, order: DepositOrder) -> Any:
        metadata = {"deposit_id": str(order.deposit_id), "reference": order.reference}
        price = {
            "currency": order.amount.currency.lower(),
            "unit_amount": _units(order.amount),
            "product_data": {"name": order.description},
        }
        params: dict[str, Any] = {
            "mode": "payment",
            "line_items": [{"price_data": price, "quantity": 1}],
            "allowed_payment_method_types": [order.method],
            "success_url": order.return_url,
            "cancel_url": order.cancel_url,
            "client_reference_id": str(order.deposit_id),
            "metadata": metadata,
            "payment_intent_data": {"metadata": metadata, "description": order.reference},
            "locale": order.language if order.language in _LOCALES else "auto",
        }
        if order.payer.email:
            params["customer_email"] = order.payer.email
        return params

    def fetch_deposit(self, provider_reference: str) -> DepositStatus:
        client = self._client().v1
        with wire.errors(writes=False):
            session = _session(client, provider_reference)
            known: list[dict[str, Any]] = []
            if _charge_of(session).get("disputed"):  # also true of an inquiry, and of what was won
                page = client.disputes.list({"payment_intent": _intent_of(session)["id"], "limit": 100})
                known = [_plain(one) for one in page.auto_paging_iter()]
        return session_status(session, known)

    def refund(self, *, operation_id: UUID, payment_reference: str, amount: Money, reason: str) -> RefundStatus:
        params: Any = {
            "payment_intent": payment_reference,
            "amount": _units(amount),
            "reason": "requested_by_customer",
            "metadata": {"operation_id": str(operation_id)},
        }
        with wire.errors(writes=True):
            found = self._client().v1.refunds.create(params, {"idempotency_key": f"refund-{operation_id}"})
        return refund_status(found)

    def find_refund(self, operation_id: UUID, *, payment_reference: str) -> RefundStatus | None:
        with wire.errors(writes=False):
            page = self._client().v1.refunds.list({"payment_intent": payment_reference, "limit": 100})
            for found in page.auto_paging_iter():
                if _plain(found).get("metadata", {}).get("operation_id") == str(operation_id):
                    return refund_status(found)
        return None

    def verify_webhook(self, body: bytes, headers: Mapping[str, str]) -> list[NormalizedEvent]:
        secret = self.config.secrets.get("webhook_secret", "")
        try:
            if not secret:
                raise SignatureInvalid
            stripe.WebhookSignature.verify_header(body.decode(), headers.get("stripe-signature", ""), secret, TOLERANCE)
            return self.read_webhook(body)
        except (stripe.SignatureVerificationError, UnicodeDecodeError, json.JSONDecodeError) as error:
            raise SignatureInvalid from error

    def read_webhook(self, body: bytes) -> list[NormalizedEvent]:
        event = json.loads(body)
        try:
            return [normalise(event)]
        except units.NotExpressible:  # somebody's payment in a currency we do not carry: none of ours
            return [NormalizedEvent(event_key=str(event["id"]), kind=EventKind.OTHER, name=str(event["type"]))]

    def test_connection(self) -> ConnectionReport:
        try:
            with wire.errors(writes=False):
                account = _plain(self._client().v1.accounts.retrieve_current())
        except AppError as error:
            return ConnectionReport(good=False, details=(str(error),))
        profile = account.get("business_profile") or {}
        details = [f"{account.get('country', '')} · {str(account.get('default_currency', '')).upper()}"]
        if not self.config.secrets.get("webhook_secret"):
            details.append(str(pgettext_lazy("provider test", "The webhook signing secret is missing.")))
        if missing := self._not_told():
            words = pgettext_lazy("provider test", "The webhook is not told of: %(events)s. Register it again.")
            details.append(str(words) % {"events": ", ".join(sorted(missing))})
        if not account.get("charges_enabled"):
            details.append(str(pgettext_lazy("provider test", "This account may not take payments yet.")))
        return ConnectionReport(
            good=bool(account.get("charges_enabled")), account=str(profile.get("name") or account["id"]),
            details=tuple(details),
        )  # fmt: skip

    def _endpoints(self, url: str) -> list[stripe.WebhookEndpoint]:
        found = self._client().v1.webhook_endpoints.list({"limit": 100}).auto_paging_iter()
        return [one for one in found if one.url == url]

    def _not_told(self) -> set[str]:
        """Events that our endpoint was registered without. Nothing where the key may not look (a restricted one)."""
        try:
            with wire.errors(writes=False):
                return {event for one in self._endpoints(self.config.webhook_url) for event in _missing(one)}
        except AppError:
            return set()

    def webhook_keep(self, url: str) -> list[str]:
        """As ports.Subscribing: the endpoint keeps its secret, so nothing on its way to us is lost."""
        added: set[str] = set()
        with wire.errors(writes=True):
            for one in self._endpoints(url):
                if missing := _missing(one):
                    wanted: Any = {"enabled_events": sorted({*one.enabled_events, *missing})}
                    self._client().v1.webhook_endpoints.update(one.id, wanted)
                    added |= missing
        return sorted(added)

    def register_webhook(self, url: str) -> str:
        """Make Stripe call `url`; returns the signing secret. An older endpoint of the same address is replaced."""
        client = self._client().v1
        with wire.errors(writes=True):
            for known in self._endpoints(url):
                client.webhook_endpoints.delete(known.id)
            wanted: Any = {"url": url, "enabled_events": list(EVENTS), "api_version": stripe.api_version}
            made = client.webhook_endpoints.create(wanted)
        if not made.secret:
            raise Rejected("no secret came back")
        return made.secret

    def dashboard_url(self, payment_reference: str) -> str:
        """Where staff look the payment up."""
        base = self.config.settings.get("base_url", "")
        if base:
            return f"{base}/_control?{urlencode({'q': payment_reference})}"
        part = "test/" if self.config.mode == "test" else ""
        return f"https://dashboard.stripe.com/{part}payments/{payment_reference}"


def _units(amount: Money) -> int:
    try:
        return units.to_wire(amount)
    except units.NotExpressible as error:
        raise AmountNotPayable(field="amount") from error


def _session(client: Any, reference: str) -> dict[str, Any]:
    """With its charge, and what was booked of that; a restricted key may not read the latter, which only tells the fee."""
    sessions = client.checkout.sessions
    try:
        return _plain(sessions.retrieve(reference, {"expand": [BOOKED]}))
    except stripe.PermissionError:
        return _plain(sessions.retrieve(reference, {"expand": [CHARGE]}))


def _missing(endpoint: stripe.WebhookEndpoint) -> set[str]:
    enabled = endpoint.enabled_events
    return set() if "*" in enabled else set(EVENTS) - set(enabled)


def _plain(found: Any) -> dict[str, Any]:
    return found.to_dict() if hasattr(found, "to_dict") else dict(found)


def _intent_of(session: Mapping[str, Any]) -> dict[str, Any]:
    intent = session.get("payment_intent") or {}
    return {"id": intent} if isinstance(intent, str) else intent


def _charge_of(session: Mapping[str, Any]) -> dict[str, Any]:
    charge = _intent_of(session).get("latest_charge") or {}
    return {} if isinstance(charge, str) else charge


def session_status(session: Mapping[str, Any], known: Sequence[Mapping[str, Any]] = ()) -> DepositStatus:
    """A Checkout Session as it stands, with its expanded charge where there is one and the disputes of its payment."""
    intent, charge = _intent_of(session), _charge_of(session)
    method, source, country = source_of(charge)
    amount = units.from_wire(int(session["amount_total"]), session["currency"])
    found = disputes.standing(known) or DepositStatus(
        state=if_paid(_state_of(session, intent), amount), provider_reference="", amount=amount
    )
    return replace(
        found,
        provider_reference=session["id"],
        payment_reference=str(intent.get("id", "")),
        method=method,
        source=source,
        source_country=country,
        fee=fee_of(charge),
    )


def _state_of(session: Mapping[str, Any], intent: Mapping[str, Any]) -> PaymentState:
    if session["status"] == "expired":
        return PaymentState.EXPIRED
    if session["payment_status"] == "paid":
        return PaymentState.PAID
    if session["status"] == "complete":
        failed = intent.get("status") in {"canceled", "requires_payment_method"}
        return PaymentState.FAILED if failed else PaymentState.DELAYED
    return PaymentState.OPEN
