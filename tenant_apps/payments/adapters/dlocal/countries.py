"""Where dLocal takes money, in which currency, and by which ways (docs.dlocal.com/docs/payment-method, country pages).

Every country takes its own currency and dollars. `payment_method_id` is dLocal's; ours is the code that rules, cashier and
reports use. A ticket is paid at a shop's till within days: nothing is certain before, and a refund would make dLocal write
to the payer and ask for a bank account, so those go back as payouts instead.
"""

from __future__ import annotations

from typing import Any

from django.utils.translation import pgettext_lazy

from kernel.errors import Rejected

from ...ports import Method

LOCAL = {
    "AR": "ARS", "BO": "BOB", "BR": "BRL", "CL": "CLP", "CO": "COP", "CR": "CRC", "DO": "DOP", "EC": "USD", "GT": "GTQ",
    "MX": "MXN", "PE": "PEN", "PY": "PYG", "UY": "UYU",
}  # fmt: skip
CARD = "card"
WIRE_IDS = {
    CARD: "CARD",
    "pix": "PQ",
    "boleto": "BL",
    "spei": "SE",
    "oxxo": "OX",
    "pse": "PC",
    "efecty": "EY",
    "webpay": "WP",
    "pagoefectivo": "EF",
    "rapipago": "RP",
    "pagofacil": "PF",
}
_CODES = {identifier: code for code, identifier in WIRE_IDS.items()}
_TILL = pgettext_lazy(
    "payment method hint", "Pay in cash with a code, within days. In your account a day or two later."
)


def _local(
    country: str, code: str, icon: str, label: Any, hint: Any, *, delayed: bool = False, back: int = 0
) -> Method:
    """A way to pay of one country; `back` are the days within which a refund can go back the same way, 0 for never."""
    return Method(
        code=code,
        icon=icon,
        label=label,
        hint=hint,
        currencies=frozenset({LOCAL[country], "USD"}),
        countries=frozenset({country}),
        delayed=delayed,
        refundable=back > 0,
        refund_days=back,
    )


METHODS = (
    Method(code=CARD, icon="credit-card", countries=frozenset(LOCAL), currencies=frozenset({*LOCAL.values(), "USD"})),
    _local(
        "BR", "pix", "smartphone", pgettext_lazy("payment method", "PIX"),
        pgettext_lazy("payment method hint", "From any Brazilian bank, by QR code. In your account at once."), back=90,
    ),
    _local("BR", "boleto", "receipt-text", pgettext_lazy("payment method", "Boleto"), _TILL, delayed=True),
    _local(
        "MX", "spei", "landmark", pgettext_lazy("payment method", "SPEI"),
        pgettext_lazy("payment method hint", "You transfer from your Mexican bank. In your account within the hour."),
    ),
    _local("MX", "oxxo", "banknote", pgettext_lazy("payment method", "OXXO"), _TILL, delayed=True),
    _local(
        "CO", "pse", "landmark", pgettext_lazy("payment method", "PSE"),
        pgettext_lazy("payment method hint", "From your Colombian bank. In your account at once."),
    ),
    _local("CO", "efecty", "banknote", pgettext_lazy("payment method", "Efecty"), _TILL, delayed=True),
    _local(
        "CL", "webpay", "landmark", pgettext_lazy("payment method", "Webpay"),
        pgettext_lazy("payment method hint", "Chilean cards and Redcompra. In your account at once."), back=180,
    ),
    _local("PE", "pagoefectivo", "banknote", pgettext_lazy("payment method", "PagoEfectivo"), _TILL, delayed=True),
    _local("AR", "rapipago", "banknote", pgettext_lazy("payment method", "Rapipago"), _TILL, delayed=True),
    _local("AR", "pagofacil", "banknote", pgettext_lazy("payment method", "Pago Fácil"), _TILL, delayed=True),
)  # fmt: skip
_BY_CODE = {method.code: method for method in METHODS}


def method_code(identifier: str, kind: str) -> str:
    """Our code of a payment's method; a card may be named by its brand (VI, MC …)."""
    return CARD if kind == "CARD" else _CODES.get(identifier, "")


def country_of(method: str, payer_country: str, currency: str) -> str:
    """The country a payment is made in: the payer's where the method and the currency fit, else the only one that fits.

    Raises Rejected when there is none, which is dLocal's 5003 without the call.
    """
    known = _BY_CODE.get(method)
    allowed = sorted(known.countries or ()) if known else []
    fitting = [country for country in allowed if currency in (LOCAL[country], "USD")]
    if payer_country in fitting:
        return payer_country
    if len(fitting) == 1:
        return fitting[0]
    local = [country for country in fitting if LOCAL[country] == currency != "USD"]
    if len(local) == 1:
        return local[0]
    raise Rejected(pgettext_lazy("payments error", "dLocal does not take this payment from the client's country."))
