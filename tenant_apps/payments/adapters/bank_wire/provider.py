"""Bank wire: no API. The payer gets instructions with a reference; statements (camt.053, MT940) say what came."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from django.utils.translation import pgettext, pgettext_lazy

from kernel.errors import Rejected
from kernel.money import CURRENCIES, Money

from ...ports import (
    Capabilities,
    ConnectionReport,
    DepositOrder,
    DepositStatus,
    DestinationField,
    Method,
    NormalizedEvent,
    PayoutMethod,
    ProviderConfig,
    Redirect,
    RefundStatus,
    SettingField,
    Shape,
    SignatureInvalid,
)

TOLD = ("holder", "iban", "bic", "bank", "address")  # what a payer needs; the other settings are ours alone
_CRYPTO = frozenset({"USDT", "USDC", "BTC", "ETH"})


def own_iban(settings: Mapping[str, str]) -> str:
    """The account's number as banks write it in their files."""
    return "".join(settings.get("iban", "").split()).upper()


class BankWireProvider:
    capabilities = Capabilities(
        kind="bank_wire",
        label=pgettext_lazy("payment method", "Bank transfer"),
        methods=(Method(code="wire", icon="landmark", delayed=True, refundable=False),),
        fields=(
            SettingField(name="holder", label=pgettext_lazy("provider setting", "Account holder")),
            SettingField(name="iban", label=pgettext_lazy("provider setting", "IBAN or account number")),
            SettingField(name="bic", label=pgettext_lazy("provider setting", "BIC / SWIFT")),
            SettingField(name="bank", label=pgettext_lazy("provider setting", "Bank")),
            SettingField(
                name="address", label=pgettext_lazy("provider setting", "Address of the bank"), required=False
            ),
            SettingField(
                name="statement_eyes",
                label=pgettext_lazy("provider setting", "Statements are imported by"),
                required=False,
                default="two",
                choices=(
                    ("two", pgettext_lazy("statement eyes", "Two people: one uploads, another approves")),
                    ("one", pgettext_lazy("statement eyes", "One person")),
                ),
            ),
            SettingField(
                name="payment_file",
                label=pgettext_lazy("provider setting", "Payment files"),
                required=False,
                default="09",
                choices=(
                    ("09", "pain.001.001.09"),
                    ("03", "pain.001.001.03"),
                ),
            ),
        ),
        payout_methods=(
            PayoutMethod(
                code="wire",
                icon="landmark",
                label=pgettext_lazy("payment method", "Bank transfer"),
                hint=pgettext_lazy("payout method hint", "To your bank account. One to three working days."),
                fields=(
                    DestinationField(
                        name="iban", label=pgettext_lazy("destination field", "IBAN"), shape=Shape.IBAN, longest=34
                    ),
                    DestinationField(name="holder", label=pgettext_lazy("destination field", "Account holder")),
                    DestinationField(name="bank", label=pgettext_lazy("destination field", "Bank"), required=False),
                ),
                identity=("iban",),
                latin_holder=True,
            ),
        ),
        hosted_page=False,
        webhooks=False,
        refunds=False,
    )

    def __init__(self, config: ProviderConfig) -> None:
        self.config = config

    def amount_step(self, currency: str) -> int:
        return 1 if currency in CURRENCIES and currency not in _CRYPTO else 0

    def create_deposit(self, order: DepositOrder) -> Redirect:
        """Nothing is told to the bank; the reference is what finds the payment again."""
        settings = self.config.settings
        instructions = {name: settings[name] for name in TOLD if settings.get(name)}
        if not instructions.get("iban"):
            raise Rejected(pgettext("provider test", "The account number is missing."))
        return Redirect(
            url="", provider_reference=order.reference, instructions={**instructions, "reference": order.reference}
        )

    def fetch_deposit(self, provider_reference: str) -> DepositStatus:
        raise Rejected(pgettext("provider test", "A bank transfer shows on the next statement."))

    def refund(self, *, operation_id: UUID, payment_reference: str, amount: Money, reason: str) -> RefundStatus:
        raise Rejected(pgettext("provider test", "Bank transfers are sent from the bank's own pages."))

    def find_refund(self, operation_id: UUID, *, payment_reference: str) -> RefundStatus | None:
        return None

    def verify_webhook(self, body: bytes, headers: Mapping[str, str]) -> list[NormalizedEvent]:
        raise SignatureInvalid

    def read_webhook(self, body: bytes) -> list[NormalizedEvent]:
        return []

    def test_connection(self) -> ConnectionReport:
        from ...services.checks import iban_good

        iban = own_iban(self.config.settings)
        if not iban:
            return ConnectionReport(good=False, details=(pgettext("provider test", "The account number is missing."),))
        if iban[:2].isalpha() and not iban_good(iban):
            return ConnectionReport(
                good=False, details=(pgettext("provider test", "The IBAN's check digits are wrong."),)
            )
        return ConnectionReport(good=True, account=f"{self.config.settings.get('bank', '')} {iban}".strip())
