"""Acmepay: a hosted page, refunds, payouts to bank accounts, signed webhooks.

Contract: none, the provider is imaginary. Name here the pages of the documentation that each rule comes from.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from kernel import http
from kernel.errors import AppError, OutcomeUnknown, Rejected, Unavailable
from kernel.ids import parse_uuid
from kernel.money import Money
from tenant_apps.payments.errors import AmountNotPayable
from tenant_apps.payments.ports import (
    Capabilities,
    ConnectionReport,
    DepositOrder,
    DepositStatus,
    DestinationField,
    EventKind,
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
    if_paid,
)

LIVE = "https://api.acmepay.example"
# The provider's own table, not ISO 4217's: where the two differ, `to_wire` and `from_wire` shift.
CURRENCIES = frozenset(["EUR", "USD", "GBP", "JPY", "KWD"])
STATES = {
    "open": PaymentState.OPEN,
    "paid": PaymentState.PAID,
    "declined": PaymentState.FAILED,
    "expired": PaymentState.EXPIRED,
    "charged_back": PaymentState.REVERSED,
}
REFUNDS = {"done": RefundState.SUCCEEDED, "waiting": RefundState.PENDING, "refused": RefundState.FAILED}


def to_wire(amount: Money) -> int:
    """The provider's smallest units. Raises AmountNotPayable rather than round."""
    if amount.currency not in CURRENCIES:
        raise AmountNotPayable(field="amount")
    return amount.minor


def from_wire(units: Any, currency: Any) -> Money:
    """Raises ValueError for what is no amount of theirs."""
    if not isinstance(units, int) or currency not in CURRENCIES:
        raise ValueError(f"{units} {currency}")
    return Money(units, str(currency))


class AcmepayProvider:
    capabilities = Capabilities(
        kind="acmepay",
        label="Acmepay",
        methods=(Method(code="card", icon="credit-card", currencies=CURRENCIES, refund_days=180),),
        fields=(
            SettingField(name="api_key", label="API key", secret=True),
            SettingField(name="webhook_key", label="Webhook key", secret=True),
            SettingField(name="base_url", label="API address", required=False, help="Leave empty for Acmepay's own."),
        ),
        # Refunds and payouts are listed by our id: what is not there was not carried out.
        refunds_found=True,
        payouts_found=True,
        # Where it only takes money: leave this, `payout`, `find_payout` and the payouts of `read_webhook` out. A code that other
        # adapters have too says that the same details pay the same account: what was verified for one is paid by all of them.
        payout_methods=(
            PayoutMethod(
                code="acmepay_bank",
                icon="landmark",
                label="Bank account",
                fields=(
                    DestinationField(name="iban", label="IBAN", shape=Shape.IBAN),
                    DestinationField(name="holder", label="Account holder"),
                ),
                identity=("iban",),
                currencies=CURRENCIES,
            ),
        ),
    )

    def __init__(self, config: ProviderConfig) -> None:
        self.config = config

    def amount_step(self, currency: str) -> int:
        return 1 if currency in CURRENCIES else 0

    # --- calls

    def _call(self, method: str, path: str, body: Any = None, *, key: str = "", writes: bool = False) -> Any:
        """One call. A write is sent once, even under an idempotency key: without an answer it is of unknown outcome, and what
        a repetition is told would say nothing of it."""
        lost = OutcomeUnknown if writes else Unavailable
        headers = {"authorization": f"Bearer {self.config.secrets.get('api_key', '')}"}
        headers |= {"idempotency-key": key} if key else {}
        base = (self.config.settings.get("base_url") or LIVE).rstrip("/")
        response = http.request(method, f"{base}{path}", safe_to_repeat=not writes, headers=headers, json=body)
        if response.status_code >= 500:
            raise lost(provider="acmepay")
        try:
            answer = response.json()
        except ValueError as error:
            raise lost(provider="acmepay") from error
        if response.status_code == 409 and writes:  # the key was used before, for something else: ask what for
            raise OutcomeUnknown(str(answer.get("error")), provider="acmepay")
        if response.status_code in {401, 403, 429}:
            raise Unavailable(str(answer.get("error")), provider="acmepay")
        if response.status_code >= 400:
            raise Rejected(str(answer.get("error")), provider="acmepay")
        return answer

    def create_deposit(self, order: DepositOrder) -> Redirect:
        body = {
            "amount": to_wire(order.amount),
            "currency": order.amount.currency,
            "reference": str(order.deposit_id),
            "text": order.description,
            "return_url": order.return_url,
            "cancel_url": order.cancel_url,
            "notify_url": order.webhook_url,
        }
        made = self._call("POST", "/payments", body, key=f"deposit-{order.deposit_id}", writes=True)
        return Redirect(url=str(made["page"]), provider_reference=str(made["id"]))

    def fetch_deposit(self, provider_reference: str) -> DepositStatus:
        return deposit_status(self._call("GET", f"/payments/{provider_reference}"))

    def refund(self, *, operation_id: UUID, payment_reference: str, amount: Money, reason: str) -> RefundStatus:
        body = {"amount": to_wire(amount), "reference": str(operation_id), "text": reason}
        path = f"/payments/{payment_reference}/refunds"
        return refund_status(self._call("POST", path, body, key=f"refund-{operation_id}", writes=True))

    def find_refund(self, operation_id: UUID, *, payment_reference: str) -> RefundStatus | None:
        found = self._call("GET", f"/payments/{payment_reference}/refunds")["refunds"]
        return next((refund_status(one) for one in found if one["reference"] == str(operation_id)), None)

    def payout(self, order: PayoutOrder) -> RefundStatus:
        """`Rejected` only for what was certainly not paid and never will be: another provider is tried then, at once."""
        body = {
            "amount": to_wire(order.amount),
            "currency": order.amount.currency,
            "reference": str(order.operation_id),
            "iban": order.destination["iban"],
            "holder": order.destination["holder"],
            "text": order.description,
            "notify_url": order.webhook_url,
        }
        return payout_status(self._call("POST", "/payouts", body, key=f"payout-{order.operation_id}", writes=True))

    def find_payout(self, operation_id: UUID, *, reference: str) -> RefundStatus | None:
        """By our own id, so that a lost answer is found: `reference` is not known then."""
        found = self._call("GET", f"/payouts?reference={operation_id}")["payouts"]
        return payout_status(found[0]) if found else None

    def test_connection(self) -> ConnectionReport:
        try:
            account = self._call("GET", "/account")
        except AppError as error:
            return ConnectionReport(good=False, details=(str(error),))
        return ConnectionReport(good=True, account=str(account["name"]))

    # --- webhooks

    def verify_webhook(self, body: bytes, headers: Mapping[str, str]) -> list[NormalizedEvent]:
        key = self.config.secrets.get("webhook_key", "")
        expected = hmac.new(key.encode(), body, hashlib.sha256).hexdigest()
        if not key or not hmac.compare_digest(expected.encode(), headers.get("acmepay-signature", "").encode()):
            raise SignatureInvalid
        try:
            return self.read_webhook(body)
        except (ValueError, KeyError, TypeError) as error:
            raise SignatureInvalid from error

    def read_webhook(self, body: bytes) -> list[NormalizedEvent]:
        """`id` is the fact's own: the same on every delivery."""
        news = json.loads(body)
        name = str(news["event"])
        if "payout" in news:
            payout = news["payout"]
            return [
                NormalizedEvent(
                    event_key=str(news["id"]), kind=EventKind.PAYOUT, name=name, operation_id=parse_uuid(payout["reference"]),
                    refund=payout_status(payout),
                )
            ]  # fmt: skip
        payment = news["payment"]
        status = deposit_status(payment)
        return [
            NormalizedEvent(
                event_key=str(news["id"]), kind=EventKind.DEPOSIT, name=name, deposit_id=parse_uuid(payment["reference"]),
                deposit=status,
            )
        ]  # fmt: skip


def deposit_status(payment: Mapping[str, Any]) -> DepositStatus:
    """A payment, from an answer or a webhook. An unknown state is still open: we ask again."""
    amount = from_wire(payment["amount"], payment["currency"])
    state = if_paid(STATES.get(str(payment["state"]), PaymentState.OPEN), amount)  # PAID of nothing is no payment
    return DepositStatus(
        state=state,
        provider_reference=str(payment["id"]),
        payment_reference=str(payment["id"]),
        amount=amount,
        source=str(payment.get("card") or ""),
        failure="declined" if state is PaymentState.FAILED else "",
    )


def refund_status(refund: Mapping[str, Any]) -> RefundStatus:
    return RefundStatus(
        state=REFUNDS.get(str(refund["state"]), RefundState.PENDING),
        reference=str(refund["id"]),
        amount=from_wire(refund["amount"], refund["currency"]),
        payment_reference=str(refund["payment"]),
    )


def payout_status(payout: Mapping[str, Any]) -> RefundStatus:
    return RefundStatus(
        state=REFUNDS.get(str(payout["state"]), RefundState.PENDING),
        reference=str(payout["id"]),
        amount=from_wire(payout["amount"], payout["currency"]),
        failure_text=str(payout.get("error") or ""),
    )
