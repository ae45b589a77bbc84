"""What Freedom Pay can do, and the fields of the office's form."""

from __future__ import annotations

from django.utils.translation import pgettext_lazy

from ...ports import Capabilities, Method, PayoutMethod, SettingField
from . import wire

HOSTS = {
    "kz": "https://api.freedompay.kz",
    "kg": "https://api.freedompay.kg",
    "uz": "https://api.freedompay.uz",
    "money": "https://api.freedompay.money",
}
CODES = frozenset(wire.DECIMALS)

CAPABILITIES = Capabilities(
    kind="freedompay",
    label="Freedom Pay",
    methods=(Method(code="card", icon="credit-card", currencies=CODES, refund_days=180),),
    payouts_found=True,
    payout_methods=(
        PayoutMethod(
            code="freedompay_card",
            icon="credit-card",
            label=pgettext_lazy("payment method", "Card, by Freedom Pay"),
            hint=pgettext_lazy("payment method hint", "You name the card on Freedom Pay's page."),
            currencies=CODES,
            own_page=True,
        ),
    ),
    fields=(
        SettingField(name="merchant_id", label=pgettext_lazy("provider setting", "Merchant ID")),
        SettingField(
            name="secret_key",
            label=pgettext_lazy("provider setting", "Secret key for payments"),
            secret=True,
        ),
        SettingField(
            name="payout_key",
            label=pgettext_lazy("provider setting", "Secret key for payouts"),
            secret=True,
            required=False,
            help=pgettext_lazy("provider setting", "Only when Freedom Pay has opened payouts for you."),
        ),
        SettingField(
            name="region",
            label=pgettext_lazy("provider setting", "Region"),
            default="kz",
            choices=tuple((code, f"freedompay.{code}") for code in HOSTS),
        ),
        SettingField(
            name="payout_currency",
            label=pgettext_lazy("provider setting", "Currency of payouts"),
            required=False,
            default="KZT",
            choices=tuple((code, code) for code in wire.DECIMALS),
        ),
        SettingField(
            name="base_url",
            label=pgettext_lazy("provider setting", "API address"),
            required=False,
            help=pgettext_lazy("provider setting", "Leave empty for the region's own."),
        ),
    ),
)
