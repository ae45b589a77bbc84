"""Click (Uzbekistan): a link to Click's page, and Click's two questions, Prepare and Complete, at our one address.

Contract: docs.click.uz (Click-API, Click button). Amounts are sum with decimals; what is signed is the text as it was
sent. Nothing is asked of Click: `capabilities.asks` and `refunds` are off.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlencode
from uuid import UUID

from django.utils.translation import pgettext, pgettext_lazy

from kernel.errors import Rejected
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
    ProviderConfig,
    Redirect,
    RefundStatus,
    SettingField,
    SignatureInvalid,
    WebhookAnswer,
)
from .questions import Questions, to_wire

HOST = "https://my.click.uz"
SHORTEST_KEY = 6


class ClickProvider:
    capabilities = Capabilities(
        kind="click",
        label="Click",
        methods=(
            Method(
                code="click",
                icon="smartphone",
                label=pgettext_lazy("payment method", "Click"),
                hint=pgettext_lazy("payment method hint", "Uzcard and Humo, with Click. In your account at once."),
                currencies=frozenset({"UZS"}),
                refundable=False,
            ),
        ),
        fields=(
            SettingField(name="merchant_id", label=pgettext_lazy("provider setting", "Merchant ID")),
            SettingField(name="service_id", label=pgettext_lazy("provider setting", "Service ID")),
            SettingField(name="secret_key", label=pgettext_lazy("provider setting", "Secret key"), secret=True),
            SettingField(
                name="base_url",
                label=pgettext_lazy("provider setting", "API address"),
                required=False,
                help=pgettext_lazy("provider setting", "Of the payment page. Leave empty for Click's own."),
            ),
        ),
        refunds=False,
        asks=False,
    )

    def __init__(self, config: ProviderConfig) -> None:
        self.config = config

    def amount_step(self, currency: str) -> int:
        return 1 if currency == "UZS" else 0

    def create_deposit(self, order: DepositOrder) -> Redirect:
        """A link; nothing is sent. Click's own number of the payment comes with its calls."""
        settings = self.config.settings
        query = urlencode({
            "service_id": settings.get("service_id", ""),
            "merchant_id": settings.get("merchant_id", ""),
            "amount": to_wire(order.amount),
            "transaction_param": order.reference,
            "return_url": order.return_url,
        })  # fmt: skip
        base = settings.get("base_url") or HOST
        return Redirect(url=f"{base.rstrip('/')}/services/pay?{query}", provider_reference="")

    def fetch_deposit(self, provider_reference: str) -> DepositStatus:
        """Click is not asked: it tells."""
        raise Rejected(provider="click")

    def refund(self, *, operation_id: UUID, payment_reference: str, amount: Money, reason: str) -> RefundStatus:
        """Refunds are made in Click's cabinet."""
        raise Rejected(provider="click")

    def find_refund(self, operation_id: UUID, *, payment_reference: str) -> RefundStatus | None:
        return None

    def verify_webhook(self, body: bytes, headers: Mapping[str, str]) -> list[NormalizedEvent]:
        """There are no webhooks, only calls that want an answer."""
        raise SignatureInvalid

    def read_webhook(self, body: bytes) -> list[NormalizedEvent]:
        return []

    def converse(self, call: IncomingCall, desk: Desk) -> WebhookAnswer:
        secret = self.config.secrets.get("secret_key", "")
        return Questions(desk, self.config.settings.get("service_id", ""), secret).answer(call.body)

    def test_connection(self) -> ConnectionReport:
        """Nothing at Click can be called: whether the settings look right, and what has to be entered there."""
        settings, problems = self.config.settings, []
        if not settings.get("service_id", "").isdecimal() or not settings.get("merchant_id", "").isdecimal():
            problems.append(pgettext("provider test", "Merchant and service ID are numbers."))
        key = self.config.secrets.get("secret_key", "")
        if len(key) < SHORTEST_KEY or key.split() != [key]:
            problems.append(pgettext("provider test", "The key is too short, or has spaces in it."))
        if problems:
            return ConnectionReport(good=False, details=tuple(problems))
        words = pgettext(
            "provider test", "Click calls us. Enter there, as Prepare URL and as Complete URL: %(address)s"
        )
        return ConnectionReport(
            good=True,
            account=pgettext("provider test", "Service %(service)s") % {"service": settings["service_id"]},
            details=(words % {"address": self.config.webhook_url},),
        )
