"""dLocal (Latin America): hosted local methods and cards, refunds, and payouts to bank accounts and PIX keys.

Contract: docs.dlocal.com. dLocal has no idempotency key, but refuses a second payment under the same `order_id` (5009) and
a second payout under the same `external_id`; both are ours, and asking by them finds what a lost answer left behind. A
refund keeps no reference of ours but its description, so the operation id stands there.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.utils.translation import pgettext, pgettext_lazy

from kernel.errors import AppError, OutcomeUnknown, Rejected, Unavailable
from kernel.money import Money

from ...ports import (
    Capabilities,
    ConnectionReport,
    DepositOrder,
    DepositStatus,
    NormalizedEvent,
    PayoutOrder,
    ProviderConfig,
    Redirect,
    RefundState,
    RefundStatus,
    SettingField,
    SignatureInvalid,
)
from . import countries, destinations, reading, units
from .wire import Wire

DUPLICATE_ORDER = "5009"
# What an account may lack although its keys are right: the country, or every method in it.
NOT_SOLD = frozenset({"5003", "5010"})
# docs.dlocal.com/reference/purpose-codes-v3; which one applies is agreed with dLocal.
PURPOSES = ("OTHER", "INVESTMENT", "REMITTANCES", "REFUND")


class DLocalProvider:
    capabilities = Capabilities(
        kind="dlocal",
        label="dLocal",
        methods=countries.METHODS,
        payouts_found=True,
        payout_methods=destinations.METHODS,
        fields=(
            SettingField(name="x_login", label=pgettext_lazy("provider setting", "X-Login")),
            SettingField(name="x_trans_key", label=pgettext_lazy("provider setting", "X-Trans-Key"), secret=True),
            SettingField(name="secret_key", label=pgettext_lazy("provider setting", "Secret key"), secret=True),
            SettingField(
                name="payouts_client_id",
                label=pgettext_lazy("provider setting", "Payouts: client ID"),
                required=False,
                help=pgettext_lazy("provider setting", "If dLocal gave you one. Otherwise payouts are signed."),
            ),
            SettingField(
                name="payouts_client_secret",
                label=pgettext_lazy("provider setting", "Payouts: client secret"),
                secret=True,
                required=False,
            ),
            SettingField(
                name="payout_purpose",
                label=pgettext_lazy("provider setting", "Payouts: purpose"),
                required=False,
                default="OTHER",
                choices=tuple((purpose, purpose) for purpose in PURPOSES),
                help=pgettext_lazy("provider setting", "As agreed with dLocal."),
            ),
            SettingField(
                name="base_url",
                label=pgettext_lazy("provider setting", "API address"),
                required=False,
                help=pgettext_lazy("provider setting", "Leave empty for dLocal's own."),
            ),
        ),
    )

    def __init__(self, config: ProviderConfig) -> None:
        self.config = config
        self.wire = Wire(config)

    def amount_step(self, currency: str) -> int:
        return units.step(currency)

    # --- deposits -----------------------------------------------------------------------------------------------------

    def create_deposit(self, order: DepositOrder) -> Redirect:
        """A payment that dLocal's page completes; it asks the payer for the document that a country demands."""
        body = {
            "amount": units.to_wire(order.amount),
            "currency": order.amount.currency,
            "country": countries.country_of(order.method, order.payer.country, order.amount.currency),
            "payment_method_id": countries.WIRE_IDS[order.method],
            "payment_method_flow": "REDIRECT",
            "payer": _payer(order),
            "order_id": str(order.deposit_id),
            "description": order.description[:100],
            "notification_url": order.webhook_url,
            "callback_url": order.return_url,
        }
        try:
            answer = self.wire.payins("POST", "payments", body)
        except Rejected as error:
            if error.data.get("code") != DUPLICATE_ORDER:
                raise
            answer = self._by_order(order.deposit_id)
        if not answer.get("redirect_url"):
            raise Rejected(str(answer.get("status_detail") or "dLocal"), provider="dlocal")
        return Redirect(url=str(answer["redirect_url"]), provider_reference=str(answer["id"]))

    def _by_order(self, deposit_id: UUID) -> Any:
        """The payment that an earlier call made and whose answer was lost, or that was asked for twice."""
        order = self.wire.payins("GET", f"orders/{deposit_id}")
        return self.wire.payins("GET", f"payments/{order['payment_id']}")

    def fetch_deposit(self, provider_reference: str) -> DepositStatus:
        return reading.deposit_status(self.wire.payins("GET", f"payments/{provider_reference}"))

    # --- refunds ------------------------------------------------------------------------------------------------------

    def refund(self, *, operation_id: UUID, payment_reference: str, amount: Money, reason: str) -> RefundStatus:
        if found := self.find_refund(operation_id, payment_reference=payment_reference):
            return found
        body = {
            "payment_id": payment_reference,
            "amount": units.to_wire(amount),
            "currency": amount.currency,
            "notification_url": self.config.webhook_url,
            "description": f"{reason[:60]} {operation_id}",
        }
        status = reading.refund_status(self.wire.payins("POST", "refunds", body))
        if status.state is RefundState.FAILED:
            raise Rejected(status.failure_text, provider="dlocal")
        return status

    def find_refund(self, operation_id: UUID, *, payment_reference: str) -> RefundStatus | None:
        """None only when dLocal lists the payment's refunds with their descriptions and ours is not among them."""
        try:
            listed = self.wire.payins("GET", f"payments/{payment_reference}/refunds")
        except Rejected as error:  # no list is no proof that there is no refund
            raise Unavailable(str(error), provider="dlocal") from error
        if not isinstance(listed, list):
            raise Unavailable(provider="dlocal")
        for item in listed:
            if reading.operation_of(item) == operation_id:
                return reading.refund_status(item)
        if any(item.get("description") is None for item in listed):  # it may be ours
            raise Unavailable(provider="dlocal")
        return None

    # --- payouts ------------------------------------------------------------------------------------------------------

    def payout(self, order: PayoutOrder) -> RefundStatus:
        destination = destinations.BY_CODE[order.method]
        body: dict[str, Any] = {
            "external_id": str(order.operation_id),
            "payment_method_id": destination.rail,
            "flow_type": "B2C",
            "purpose": self.config.settings.get("payout_purpose") or PURPOSES[0],
            "country": destination.country,
            "amount": units.to_wire(order.amount),
            "currency": order.amount.currency,
            "currency_to_pay": countries.LOCAL[destination.country],
            "beneficiary": destinations.beneficiary(destination, order),
            "description": order.description[:100],
            "notification_url": order.webhook_url,
        }
        if destination.rail == destinations.INSTANT:
            body["metadata"] = {"pix_key": order.destination["pix_kind"]}
        try:
            answer = self.wire.payouts("POST", "payouts/v3", body)
        except Rejected as error:
            if "external_id" in str(error.data.get("param")):  # we have sent it before, and that one may be on its way
                raise OutcomeUnknown(provider="dlocal") from error
            raise
        status = reading.payout_status(answer)
        if status.state is RefundState.FAILED:
            raise Rejected(status.failure_text, provider="dlocal")
        return status

    def find_payout(self, operation_id: UUID, *, reference: str) -> RefundStatus | None:
        """By dLocal's id where we know it, else by ours. Only dLocal's own "no such payout" is a None."""
        try:
            if reference:
                return reading.payout_status(self.wire.payouts("GET", f"payouts/v3/{reference}"))
            answer = self.wire.payouts("GET", "payouts/v3", params={"external_id": str(operation_id)})
        except Rejected as error:
            if str(error.data.get("code")).startswith("payout_not_found"):
                return None
            raise Unavailable(str(error), provider="dlocal") from error
        if not isinstance(answer, dict) or answer.get("external_id") != str(operation_id):
            raise Unavailable(provider="dlocal")  # an answer about something else is no answer
        return reading.payout_status(answer)

    # --- notifications ------------------------------------------------------------------------------------------------

    def verify_webhook(self, body: bytes, headers: Mapping[str, str]) -> list[NormalizedEvent]:
        """No age is checked: dLocal repeats for days, and a fact told again has the same key."""
        if not self.wire.is_theirs(body, headers):
            raise SignatureInvalid
        try:
            return self.read_webhook(body)
        except (ValueError, KeyError, TypeError) as error:
            raise SignatureInvalid from error

    def read_webhook(self, body: bytes) -> list[NormalizedEvent]:
        return [reading.event(json.loads(body, parse_float=Decimal))]

    def test_connection(self) -> ConnectionReport:
        """Asks which methods there are; where the account sells nothing in Brazil, the refusal still knew the keys."""
        try:
            listed = self.wire.payins("GET", "payments-methods", params={"country": "BR"})
        except Rejected as error:
            if error.data.get("code") not in NOT_SOLD:
                return ConnectionReport(good=False, details=(str(error),))
            listed = []
        except AppError as error:
            return ConnectionReport(good=False, details=(str(error),))
        account = pgettext("provider test", "X-Login %(login)s") % {"login": self.wire.login}
        return ConnectionReport(good=True, account=account, details=(", ".join(_names(listed)), *self._payouts()))

    def _payouts(self) -> tuple[str, ...]:
        try:
            self.find_payout(self.config.account_id, reference="")
        except AppError as error:
            return (pgettext("provider test", "Payouts do not work: %(reason)s") % {"reason": error},)
        return ()


def _payer(order: DepositOrder) -> dict[str, Any]:
    payer = order.payer
    told: dict[str, Any] = {"name": payer.name, "email": payer.email}
    extras = {"phone": payer.phone, "ip": payer.ip, "user_reference": payer.reference}
    told |= {name: value for name, value in extras.items() if value}
    if payer.street and payer.city:
        told["address"] = {"street": payer.street, "city": payer.city, "zip_code": payer.postal_code}
    return told


def _names(listed: Any) -> list[str]:
    return [str(item.get("name", "")) for item in listed[:6]]
