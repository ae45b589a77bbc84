"""Praxis Cashier 1.3: one page with all the payment providers a broker has behind Praxis.

Calls, signatures and fields: doc.praxiscashier.com and docs.praxis.tech (API 1.3). Our deposit or operation id is the
`order_id` of everything, so that what an answer got lost of can be asked for. Praxis knows no idempotency keys.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.utils import translation
from django.utils.translation import pgettext, pgettext_lazy

from kernel.errors import AppError, OutcomeUnknown, Rejected, Unavailable
from kernel.money import Money

from ...ports import (
    Capabilities,
    ConnectionReport,
    DepositOrder,
    DepositStatus,
    Desk,
    IncomingCall,
    Method,
    NormalizedEvent,
    Payer,
    PayoutMethod,
    PayoutOrder,
    ProviderConfig,
    Redirect,
    RefundState,
    RefundStatus,
    SettingField,
    SignatureInvalid,
    WebhookAnswer,
)
from . import facts, signing, wire
from .units import UNSCALED, Units

LOCALES = {"ar": "ar-SA", "de": "de-DE", "es": "es-ES", "ru": "ru-RU", "fr": "fr-FR", "it": "it-IT", "tr": "tr-TR"}
CARD = "Credit Card"  # Praxis' name of the method; every other choice is left to its page
VALIDATION = "validation"  # what `ask` says in the address of a validation
COMPLETE, CANCEL = "complete-withdrawal-request", "cancel-withdrawal-request"


class PraxisProvider:
    capabilities = Capabilities(
        kind="praxis",
        label="Praxis Cashier",
        methods=(
            Method(code="card", icon="credit-card", refund_days=180),
            Method(
                code="cashier",
                icon="wallet",
                label=pgettext_lazy("payment method", "More ways to pay"),
                hint=pgettext_lazy("payment method hint", "E-wallets, bank transfers and local methods, on one page."),
            ),
        ),
        refunds_found=True,
        payouts_found=True,
        payout_methods=(
            PayoutMethod(
                code="cashier_out",
                icon="wallet",
                label=pgettext_lazy("payment method", "Card or e-wallet"),
                hint=pgettext_lazy("payment method hint", "You say where to on the payment provider's page."),
                own_page=True,
            ),
        ),
        fields=(
            SettingField(name="merchant_id", label=pgettext_lazy("provider setting", "Merchant ID")),
            SettingField(name="application_key", label=pgettext_lazy("provider setting", "Application key")),
            SettingField(
                name="merchant_secret", label=pgettext_lazy("provider setting", "Merchant secret"), secret=True
            ),
            SettingField(
                name="gateway",
                label=pgettext_lazy("provider setting", "Gateway for payouts"),
                required=False,
                help=pgettext_lazy("provider setting", "Leave empty to use the one the client chose on the page."),
            ),
            SettingField(
                name="unscaled",
                label=pgettext_lazy("provider setting", "Currencies sent in whole units"),
                required=False,
                default=UNSCALED,
                help=pgettext_lazy(
                    "provider setting", "Ask Praxis for the list. Another unit stands after it: KWD=1000."
                ),
            ),
            SettingField(
                name="base_url",
                label=pgettext_lazy("provider setting", "API address"),
                required=False,
                help=pgettext_lazy("provider setting", "Leave empty for Praxis' own."),
            ),
        ),
    )

    def __init__(self, config: ProviderConfig) -> None:
        self.config = config
        self.units = Units(config.settings.get("unscaled", ""))

    def amount_step(self, currency: str) -> int:
        return self.units.step(currency)

    # --- money in -----------------------------------------------------------------------------------------------------

    def create_deposit(self, order: DepositOrder) -> Redirect:
        """A session. Praxis opens an order once; what became of a lost answer is told by `fetch_deposit`."""
        body = {
            **self._session("payment", order.deposit_id, order.amount, order.payer, order.language),
            "payment_method": CARD if order.method == "card" else None,
            "validation_url": f"{order.webhook_url}?ask={VALIDATION}",
            "notification_url": order.webhook_url,
            "return_url": order.return_url,
            "variable1": order.reference,
            "variable2": order.language,
        }
        answer = wire.call(self.config, "cashier/cashier", signing.OPEN, body, writes=True)
        return Redirect(url=str(answer["redirect_url"]), provider_reference=str(order.deposit_id))

    def _session(self, intent: str, order_id: UUID, amount: Money, payer: Payer, language: str) -> dict[str, Any]:
        first, _, last = payer.name.strip().rpartition(" ")
        return {
            "intent": intent,
            "currency": amount.currency,
            "amount": self.units.to_wire(amount),
            "cid": self._cid(payer),
            "locale": LOCALES.get(language, "en-GB"),
            "customer_data": {
                "country": payer.country or None,
                "first_name": (first or last)[:25],
                "last_name": last[:25],
                "dob": None,
                "email": payer.email[:50],
                "phone": payer.phone[:25] or None,
                "zip": payer.postal_code[:25] or None,
                "state": None,
                "city": payer.city[:40] or None,
                "address": payer.street[:100] or None,
            },
            "gateway": None,
            "order_id": str(order_id),
        }

    def _cid(self, payer: Payer) -> str:
        """The client as Praxis remembers cards by: never an address (Praxis forbids personal data there)."""
        if payer.reference:
            return payer.reference[:50]
        return hashlib.sha256(f"{self.config.account_id}:{payer.email.lower()}".encode()).hexdigest()[:40]

    def fetch_deposit(self, provider_reference: str) -> DepositStatus:
        answer = wire.call(
            self.config, "agent/find-order", signing.FIND_ORDER, {"order_id": provider_reference}, writes=False
        )
        return facts.deposit_status(answer, self.units)

    # --- back to the source -------------------------------------------------------------------------------------------

    def refund(self, *, operation_id: UUID, payment_reference: str, amount: Money, reason: str) -> RefundStatus:
        """Praxis refunds in the currency it processed; what it converted is left to its own back office."""
        if found := self.find_refund(operation_id, payment_reference=payment_reference):
            return found
        paid = self._transaction(payment_reference)
        if signing.at(paid, "transaction.processed_currency") not in (None, amount.currency):
            raise Rejected(
                pgettext("provider test", "It was paid in another currency: refund it in Praxis' back office.")
            )
        body = {
            "transaction_type": "refund",
            "currency": amount.currency,
            "amount": self.units.to_wire(amount),
            "cid": str(signing.at(paid, "session.cid")),
            "locale": "en-GB",
            "order_id": str(operation_id),
            "reference_id": int(payment_reference),
            "notification_url": self.config.webhook_url or None,
            "variable1": reason[:256],
        }
        status = facts.out_status(
            wire.call(self.config, "direct/refund", signing.REFUND, body, writes=True), self.units
        )  # fmt: skip
        if status.state is RefundState.FAILED:
            raise Rejected(status.failure_text, provider="praxis")
        return status

    def _transaction(self, tid: str) -> Any:
        if not tid.isdecimal():
            raise Rejected(pgettext("provider test", "Praxis has no such transaction."), provider="praxis")
        return wire.call(
            self.config, "agent/find-transaction", signing.FIND_TRANSACTION, {"tid": int(tid)}, writes=False
        )

    def _order(self, operation_id: UUID) -> Any:
        """What Praxis has under an operation of ours, or None when it surely has nothing."""
        try:
            return wire.call(
                self.config, "agent/find-order", signing.FIND_ORDER, {"order_id": str(operation_id)}, writes=False
            )
        except Rejected:
            return None

    def find_refund(self, operation_id: UUID, *, payment_reference: str) -> RefundStatus | None:
        answer = self._order(operation_id)
        return facts.out_status(answer, self.units) if answer else None

    # --- money out ----------------------------------------------------------------------------------------------------

    def payout(self, order: PayoutOrder) -> RefundStatus:
        """A withdrawal session: the payee names the destination on Praxis' page, `find_payout` then lets it go out."""
        if found := self.find_payout(order.operation_id, reference=""):
            return found
        amount = self.units.to_wire(order.amount)
        body = {
            **self._session("withdrawal", order.operation_id, order.amount, order.payee, order.language),
            "payment_method": None,
            "balance": amount,
            "notification_url": order.webhook_url,
            "return_url": order.return_url or order.webhook_url,
            "variable1": f"{amount} {order.amount.currency}",
            "variable2": order.reference,
        }
        answer = wire.call(self.config, "cashier/cashier", signing.OPEN, body, writes=True)
        return RefundStatus(
            state=RefundState.PENDING,
            reference=str(order.operation_id),
            amount=order.amount,
            page_url=str(answer["redirect_url"]),
        )

    def find_payout(self, operation_id: UUID, *, reference: str) -> RefundStatus | None:
        """How it stands. When the payee has said where to, it is sent on: this brokerage decided before `payout`, and asks
        by `look_payout` while it has second thoughts."""
        answer = self._order(operation_id)
        if answer is None:
            return None
        if signing.at(answer, "transaction.transaction_status") == "requested":
            answer = self.withdrawal_manage(answer)
        return facts.out_status(answer, self.units)

    def look_payout(self, operation_id: UUID, *, reference: str) -> RefundStatus | None:
        answer = self._order(operation_id)
        return facts.out_status(answer, self.units) if answer else None

    def withdrawal_manage(self, answer: Mapping[str, Any]) -> Any:
        """Complete a request of the payee's, or cancel it when it is not for what was approved.

        Repeating is harmless: Praxis completes what is left of a request, and one that is done it refuses.
        """
        fact = answer["transaction"]
        approved = str(signing.at(answer, "session.variable1") or "")
        intent = COMPLETE if approved == f"{fact['amount']} {fact['currency']}" else CANCEL
        body = {"intent": intent, "withdrawal_request_id": int(fact["tid"])}
        if intent == COMPLETE:
            body["gateway"] = self.config.settings.get("gateway") or fact.get("gateway")
        try:
            return wire.call(self.config, "agent/manage-withdrawal-request", signing.MANAGE, body, writes=True)
        except (Rejected, OutcomeUnknown) as error:
            raise Unavailable(str(error), provider="praxis") from error  # the next question tells what became of it

    # --- what Praxis tells and asks -----------------------------------------------------------------------------------

    def verify_webhook(self, body: bytes, headers: Mapping[str, str]) -> list[NormalizedEvent]:
        """The signature is over values of the message, not over its bytes, and one merchant may have many applications."""
        try:
            message = signing.read(body)
            if not self._ours(message, signing.NOTIFICATION, headers):
                raise SignatureInvalid
            return facts.events_of(message, self.units)
        except (ValueError, KeyError, TypeError) as error:
            raise SignatureInvalid from error

    def read_webhook(self, body: bytes) -> list[NormalizedEvent]:
        return facts.events_of(signing.read(body), self.units)

    def _ours(self, message: Any, order: tuple[str, ...], headers: Mapping[str, str]) -> bool:
        secret, given = self.config.secrets.get("merchant_secret", ""), headers.get("gt-authentication", "")
        named = isinstance(message, dict) and wire.identity(self.config).items() <= message.items()
        return named and signing.genuine(secret, message, order, given)

    def answer_webhook(self, body: bytes, headers: Mapping[str, str], *, accepted: bool) -> WebhookAnswer:
        """Signed in both headers Praxis' pages have named. A stranger is told to come again, and gets no signature."""
        if accepted:
            return self._answer(0, "Ok")
        return self._answer(-1, "Invalid signature", status=403, signed=False)

    def _answer(self, code: int, words: str, *, status: int = 200, signed: bool = True) -> WebhookAnswer:
        message = {"status": code, "description": words, "version": wire.VERSION, "timestamp": int(time.time())}
        signature = signing.signature(self.config.secrets.get("merchant_secret", ""), message, signing.ANSWER)
        return WebhookAnswer(
            body=json.dumps(message, ensure_ascii=False).encode(),
            content_type=wire.CONTENT,
            status=status,
            headers={"GT-Authentication": signature, "external-request-signature": signature} if signed else {},
        )

    def converse(self, call: IncomingCall, desk: Desk) -> WebhookAnswer | None:
        """A validation: may this order be paid now? Nothing is changed, so asked again it is answered again."""
        if call.query.get("ask") != VALIDATION:
            return None
        try:
            message = signing.read(call.body)
        except ValueError:
            message = None
        if not self._ours(message, signing.VALIDATION, call.headers):
            return self._answer(1, "Invalid signature", status=403, signed=False)
        language = str(signing.at(message, "session.variable2") or "")
        with translation.override(language if language in LOCALES else "en"):
            problem = self._problem(message, desk)
            return self._answer(1, problem) if problem else self._answer(0, "Ok")

    def _problem(self, message: Mapping[str, Any], desk: Desk) -> str:
        """In the payer's language: Praxis shows it on the page."""
        attempt = message.get("transaction_attempt") or {}
        deposit = desk.deposit(str(signing.at(message, "session.order_id")))
        if deposit is None:
            return pgettext("payment refusal", "This deposit is not known here.")
        if not deposit.is_open:
            return pgettext("payment refusal", "This deposit is closed. Begin a new one.")
        try:
            asked = self.units.from_wire(attempt.get("amount"), attempt.get("currency"))
        except (ValueError, ArithmeticError):
            asked = None
        if asked != deposit.amount or attempt.get("intent") != "payment":
            return pgettext("payment refusal", "The amount is not the one of your deposit.")
        return ""

    def test_connection(self) -> ConnectionReport:
        """Asks for an order that does not exist. Not found, in an answer signed with our secret, proves the keys; any other
        answer could not be relied upon after a lost one."""
        try:
            self._call_for_test()
        except Rejected:
            pass
        except AppError as error:
            wrong = pgettext("provider test", "The answer is not signed with this secret.")
            return ConnectionReport(
                good=False, details=(str(error), *([wrong] if error.data.get("signed") is False else []))
            )
        return ConnectionReport(
            good=True,
            account=pgettext("provider test", "Merchant %(merchant)s")
            % {"merchant": self.config.settings.get("merchant_id", "")},
            details=(self.config.settings.get("application_key", ""),),
        )

    def _call_for_test(self) -> None:
        body = {"order_id": f"test-{self.config.account_id}"}
        wire.call(self.config, "agent/find-order", signing.FIND_ORDER, body, writes=False)
