"""Payme (Uzbekistan): a checkout link, and Payme's Merchant API, by which Payme calls us and asks at every step.

Contract: developer.help.paycom.uz (Merchant API). There is nothing to ask Payme and nothing to send: `capabilities.asks`
and `refunds` are off. A refund is made in Payme's cabinet and reaches us as a cancelled transaction.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from uuid import UUID

from django.utils.translation import pgettext, pgettext_lazy

from kernel.errors import Rejected
from kernel.money import Money

from ...errors import AmountNotPayable
from ...ports import (
    Capabilities,
    ConnectionReport,
    DepositOrder,
    DepositStatus,
    Desk,
    IncomingCall,
    Method,
    NormalizedEvent,
    ProviderConfig,
    Redirect,
    RefundStatus,
    SettingField,
    SignatureInvalid,
    WebhookAnswer,
)
from . import rpc
from .merchant import Merchant

HOSTS = {"live": "https://checkout.paycom.uz", "test": "https://test.paycom.uz"}
LANGUAGES = ("ru", "uz", "en")
MERCHANT = re.compile(r"[0-9a-f]{24}")
SHORTEST_KEY = 16


def to_wire(amount: Money) -> int:
    """Tiyin, the hundredth of a sum: our own minor unit. Raises AmountNotPayable for another currency."""
    if amount.currency != "UZS":
        raise AmountNotPayable(field="amount")
    return amount.minor


def from_wire(tiyin: int) -> Money:
    return Money(tiyin, "UZS")


class PaymeProvider:
    capabilities = Capabilities(
        kind="payme",
        label="Payme",
        methods=(
            Method(
                code="payme",
                icon="smartphone",
                label=pgettext_lazy("payment method", "Payme"),
                hint=pgettext_lazy("payment method hint", "Uzcard and Humo, with Payme. In your account at once."),
                currencies=frozenset({"UZS"}),
                refundable=False,
            ),
        ),
        fields=(
            SettingField(
                name="merchant_id",
                label=pgettext_lazy("provider setting", "Merchant ID"),
                help=pgettext_lazy("provider setting", "24 letters and digits, from the cash desk's settings."),
            ),
            SettingField(name="key", label=pgettext_lazy("provider setting", "Key of the cash desk"), secret=True),
            SettingField(
                name="account_field",
                label=pgettext_lazy("provider setting", "Account field"),
                default="order_id",
                help=pgettext_lazy("provider setting", "As the cash desk names it; it holds our reference."),
            ),
            SettingField(
                name="base_url",
                label=pgettext_lazy("provider setting", "API address"),
                required=False,
                help=pgettext_lazy("provider setting", "Of the checkout page. Leave empty for Payme's own."),
            ),
        ),
        refunds=False,
        asks=False,
    )

    def __init__(self, config: ProviderConfig) -> None:
        self.config = config

    @property
    def account_field(self) -> str:
        return self.config.settings.get("account_field") or "order_id"

    def amount_step(self, currency: str) -> int:
        return 1 if currency == "UZS" else 0

    def create_deposit(self, order: DepositOrder) -> Redirect:
        """A link; nothing is sent. Payme's own number of the payment comes with its calls."""
        said = {
            "m": self.config.settings.get("merchant_id", ""),
            f"ac.{self.account_field}": order.reference,
            "a": str(to_wire(order.amount)),
            "l": order.language if order.language in LANGUAGES else "ru",
            "c": order.return_url,
        }
        text = ";".join(f"{name}={value}" for name, value in said.items())
        base = self.config.settings.get("base_url") or HOSTS.get(self.config.mode, HOSTS["test"])
        return Redirect(url=f"{base.rstrip('/')}/{base64.b64encode(text.encode()).decode()}", provider_reference="")

    def fetch_deposit(self, provider_reference: str) -> DepositStatus:
        """Payme cannot be asked: it tells."""
        raise Rejected(provider="payme")

    def refund(self, *, operation_id: UUID, payment_reference: str, amount: Money, reason: str) -> RefundStatus:
        """Refunds are made in Payme's cabinet."""
        raise Rejected(provider="payme")

    def find_refund(self, operation_id: UUID, *, payment_reference: str) -> RefundStatus | None:
        return None

    def verify_webhook(self, body: bytes, headers: Mapping[str, str]) -> list[NormalizedEvent]:
        """There are no webhooks, only calls that want an answer."""
        raise SignatureInvalid

    def read_webhook(self, body: bytes) -> list[NormalizedEvent]:
        return []

    def converse(self, call: IncomingCall, desk: Desk) -> WebhookAnswer:
        merchant = Merchant(desk, self.account_field)
        return rpc.answer(call, self.config.secrets.get("key", ""), merchant.methods)

    def test_connection(self) -> ConnectionReport:
        """Nothing at Payme can be called: whether the settings look right, and what has to be entered there."""
        missing = []
        if not MERCHANT.fullmatch(self.config.settings.get("merchant_id", "")):
            missing.append(pgettext("provider test", "The merchant ID is not one of Payme's."))
        key = self.config.secrets.get("key", "")
        if len(key) < SHORTEST_KEY or key.split() != [key]:
            missing.append(pgettext("provider test", "The key is too short, or has spaces in it."))
        if missing:
            return ConnectionReport(good=False, details=tuple(missing))
        return ConnectionReport(
            good=True,
            account=pgettext("provider test", "Merchant %(merchant)s")
            % {"merchant": self.config.settings.get("merchant_id", "")},
            details=(
                pgettext("provider test", "Payme calls us. Enter there: %(address)s")
                % {"address": self.config.webhook_url},
            ),
        )
