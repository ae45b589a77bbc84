"""Skrill: Quick Checkout (prepare_only), status reports, refunds and money sent by the Automated Payments Interface.

Contract: Skrill's Quick Checkout and Automated Payments guides, docs.paysafe.com (digital wallets). A payment is known by our
deposit's id (transaction_id), which the signature covers; Skrill's own number is not signed and never relied upon.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from uuid import UUID

from django.utils.translation import pgettext, pgettext_lazy

from kernel import clock
from kernel.errors import AppError, OutcomeUnknown, Rejected, Unavailable
from kernel.ids import made_at, parse_uuid
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
from . import reports, units
from .wire import SURE, Api

PAGE_LIFE = timedelta(hours=24)  # a session lives minutes, its payment may come later
_LANGUAGES = frozenset(
    ["DE", "EN", "ES", "FR", "IT", "PL", "RU", "RO", "CS", "NL", "DA", "SV", "FI", "EL", "TR", "ZH", "BG"]
)


class SkrillProvider:
    capabilities = Capabilities(
        kind="skrill",
        label="Skrill",
        methods=(
            Method(
                code="skrill",
                icon="wallet",
                label=pgettext_lazy("payment method", "Skrill"),
                hint=pgettext_lazy("payment method hint", "With your Skrill wallet. In your account at once."),
                currencies=units.CURRENCIES,
                refund_days=180,
            ),
        ),
        payouts_found=True,
        payout_methods=(
            PayoutMethod(
                code="skrill",
                icon="wallet",
                label=pgettext_lazy("payment method", "Skrill"),
                hint=pgettext_lazy("payment method hint", "To your Skrill wallet, usually within minutes."),
                fields=(
                    DestinationField(
                        name="email",
                        label=pgettext_lazy("payout destination", "E-mail address of the Skrill wallet"),
                        shape=Shape.EMAIL,
                        longest=100,
                    ),
                ),
                identity=("email",),
                currencies=units.CURRENCIES,
            ),
        ),
        fields=(
            SettingField(
                name="pay_to_email", label=pgettext_lazy("provider setting", "E-mail address of the merchant account")
            ),
            SettingField(name="merchant_id", label=pgettext_lazy("provider setting", "Merchant ID")),
            SettingField(name="secret_word", label=pgettext_lazy("provider setting", "Secret word"), secret=True),
            SettingField(
                name="api_password",
                label=pgettext_lazy("provider setting", "API/MQI password"),
                secret=True,
                help=pgettext_lazy("provider setting", "Not the password people log in with."),
            ),
            SettingField(
                name="base_url",
                label=pgettext_lazy("provider setting", "API address"),
                required=False,
                help=pgettext_lazy("provider setting", "Leave empty for the provider's own."),
            ),
        ),
        refund_quiet=timedelta(minutes=10),
    )

    def __init__(self, config: ProviderConfig) -> None:
        self.config = config
        self.api = Api(config)

    def amount_step(self, currency: str) -> int:
        return units.step(currency)

    # --- deposits -----------------------------------------------------------------------------------------------------

    def create_deposit(self, order: DepositOrder) -> Redirect:
        """A session for the payer. Called again it gives another session of the same payment, which is paid once."""
        language = order.language[:2].upper()
        fields = {
            "prepare_only": "1",
            "pay_to_email": self.config.settings.get("pay_to_email", ""),
            "transaction_id": str(order.deposit_id),
            "amount": _value(order.amount),
            "currency": order.amount.currency,
            "status_url": order.webhook_url,
            "return_url": order.return_url,
            "cancel_url": order.cancel_url,
            "language": language if language in _LANGUAGES else "EN",
            "payment_methods": "WLT",
            "pay_from_email": order.payer.email,
            "detail1_description": order.reference,
            "detail1_text": order.description[:240],
        }
        sid = self.api.session({name: value for name, value in fields.items() if value})
        return Redirect(url=self.api.page(sid), provider_reference=str(order.deposit_id))

    def fetch_deposit(self, provider_reference: str) -> DepositStatus:
        """Skrill knows a payment once the payer has tried. Before that it is open, and a day after its start (which its
        id tells) it has expired. Raises Rejected for what is no id of ours."""
        found = self.api.query(provider_reference)
        if found is None:
            return self._not_tried(provider_reference)
        try:
            return reports.deposit_status({"transaction_id": provider_reference, **found})
        except (units.NotExpressible, KeyError) as error:
            raise Unavailable(provider="skrill") from error

    def _not_tried(self, provider_reference: str) -> DepositStatus:
        deposit_id = parse_uuid(provider_reference)
        started = made_at(deposit_id) if deposit_id else None
        if started is None:
            raise Rejected("Transaction not found", provider="skrill")
        over = clock.now() - started > PAGE_LIFE
        return DepositStatus(
            state=PaymentState.EXPIRED if over else PaymentState.OPEN, provider_reference=provider_reference
        )

    # --- refunds ------------------------------------------------------------------------------------------------------

    def refund(self, *, operation_id: UUID, payment_reference: str, amount: Money, reason: str) -> RefundStatus:
        """In two steps, of which only the second moves money. Skrill knows no id of ours for it: a lost answer is told by
        the refund's status report, which brings the operation back. The amount is in the account's own currency, so a
        payment in another one cannot be given back in part this way: refused."""
        paid = self.api.query(payment_reference)
        if paid is None or paid.get("mb_currency") != amount.currency:
            words = pgettext("refund refused", "The Skrill account has another currency than the payment.")
            raise Rejected(words if paid else "Transaction not found", provider="skrill")
        fields = {
            "transaction_id": payment_reference,
            "amount": _value(amount),
            "refund_note": reason,
            "refund_status_url": self.config.webhook_url,
            "merchant_fields": reports.OPERATION,
            reports.OPERATION: reports.seal(self._secret, operation_id, payment_reference),
        }
        sid = self.api.prepare("refund.pl", {name: value for name, value in fields.items() if value})
        answer = self.api.execute("refund.pl", "refund", sid)
        try:
            told = {child.tag: child.text or "" for child in answer}
            status = reports.refund_status({"transaction_id": payment_reference, **told})
        except (units.NotExpressible, KeyError) as error:
            raise OutcomeUnknown(provider="skrill") from error
        if status.state is RefundState.FAILED:
            raise Rejected(status.failure_text, provider="skrill")
        return status

    def find_refund(self, operation_id: UUID, *, payment_reference: str) -> RefundStatus | None:
        """Skrill cannot be asked about refunds, and has no key that would make a second one harmless. So "not found" is
        never said: raises Unavailable, and the status report settles it."""
        raise Unavailable(provider="skrill")

    # --- payouts ------------------------------------------------------------------------------------------------------

    def payout(self, order: PayoutOrder) -> RefundStatus:
        """Sends money to a wallet. `frn_trn_id` is ours and unique at Skrill, so a second one is refused."""
        fields = {
            "amount": _value(order.amount),
            "currency": order.amount.currency,
            "bnf_email": order.destination["email"],
            "subject": order.description[:250],
            "note": order.reference,
            "frn_trn_id": str(order.operation_id),
        }
        try:
            sid = self.api.prepare("pay.pl", fields)
            sent = self.api.execute("pay.pl", "transfer", sid).find("transaction")
        except Rejected as error:
            if SURE.search(str(error.data.get("code"))):
                raise
            raise OutcomeUnknown(str(error), provider="skrill") from error  # perhaps sent before: asking finds it
        if sent is None or not sent.findtext("id"):
            raise OutcomeUnknown(provider="skrill")
        status = sent.findtext("status") or "1"
        state = RefundState.SUCCEEDED if status == "2" else RefundState.PENDING
        return RefundStatus(state=state, reference=str(sent.findtext("id")), amount=order.amount)

    def find_payout(self, operation_id: UUID, *, reference: str) -> RefundStatus | None:
        found = self.api.query(str(operation_id))
        try:
            return reports.payout_status(found) if found is not None else None
        except (units.NotExpressible, KeyError) as error:
            raise Unavailable(provider="skrill") from error

    # --- webhooks -----------------------------------------------------------------------------------------------------

    @property
    def _secret(self) -> str:
        return self.config.secrets.get("secret_word", "")

    def verify_webhook(self, body: bytes, headers: Mapping[str, str]) -> list[NormalizedEvent]:
        try:
            fields = reports.fields_of(body)
            ours = fields["merchant_id"] == self.config.settings.get("merchant_id", "")
            if not self._secret or not ours or not reports.is_genuine(self._secret, fields):
                raise SignatureInvalid
            if not reports.is_sealed(self._secret, fields):
                raise SignatureInvalid
            return self.read_webhook(body)
        except (ValueError, KeyError) as error:
            raise SignatureInvalid from error

    def read_webhook(self, body: bytes) -> list[NormalizedEvent]:
        return [reports.normalise(reports.fields_of(body))]

    def test_connection(self) -> ConnectionReport:
        """Asks about a payment that does not exist: "not found" proves address and password."""
        try:
            self.api.query(f"connection-test-{self.config.account_id}")
        except AppError as error:
            return ConnectionReport(good=False, details=(str(error),))
        return ConnectionReport(good=True, account=self.config.settings.get("pay_to_email", ""))


def _value(amount: Money) -> str:
    try:
        return units.to_wire(amount)
    except units.NotExpressible as error:
        raise AmountNotPayable(field="amount") from error
