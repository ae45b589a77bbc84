"""Payouts v3: what each country's banks demand, and how a payout comes to its end."""

from __future__ import annotations

import re
import uuid
from decimal import Decimal
from typing import Any

from sandbox.dlocal.errors import Refused, address, amount, number, text
from sandbox.dlocal.markets import DECIMALS, MARKETS, account_fits, document_fits
from sandbox.dlocal.payments import notify
from sandbox.dlocal.store import Item, Store, date, now

# docs.dlocal.com/reference/payout-status-v3
DETAILS = {
    "PENDING": ("100", "The payout is pending."),
    "PAID": ("200", "The payout was paid."),
    "REJECTED": ("300", "The payout was rejected."),
    "CANCELLED": ("400", "The payout was cancelled by the merchant."),
    "DELIVERED": ("500", "The payout is being processed."),
}
FOLLOWS = {"PENDING": {"DELIVERED", "PAID", "REJECTED", "CANCELLED"}, "DELIVERED": {"PAID", "REJECTED"}}
FEE = {"USD": "1.00", "BRL": "2.50", "MXN": "12.00", "COP": "4000", "CLP": "900", "PEN": "3.50", "ARS": "900.00"}
PURPOSES = {"REMITTANCES", "PAYROLL", "SUPPLIER_PAYMENT", "REFUND", "AID", "INVESTMENT", "OTHER"}
TYPES = {
    "BR": {"CHECKING", "SAVINGS"}, "CO": {"CHECKING", "SAVINGS"}, "PE": {"CHECKING", "SAVINGS", "MAESTRA", "MASTER"},
    "CL": {"CHECKING", "SAVINGS", "VISTA"},
}  # fmt: skip
DOCUMENT_TYPES = {
    "BR": {"CPF", "CNPJ"}, "CO": {"CC", "CE", "NIT", "PASS", "PEP"}, "PE": {"DNI", "RUC", "CE", "PASS"},
    "CL": {"RUT"}, "AR": {"CUIT", "CUIL"},
}  # fmt: skip
BRANCHES = {"BR"}
# Banks here say no whatever the number: the account number's last two digits.
REFUSING = "99"
PIX_KEYS = {
    "document_id": ("document", "id"), "email": ("email",), "phone": ("phone",), "bank_account": ("bank_account", "account"),
}  # fmt: skip


def _wrong(field: str, reason: str = "Missing or invalid value") -> Refused:
    return Refused(400, "invalid_field", f"{reason}: {field}", field)


def create(store: Store, login: str, values: dict[str, Any]) -> Item:
    external = _text(values, "external_id")
    if store.by_ours(login, "payout", external):
        raise Refused(400, "duplicated_external_id", "The external_id was used before", "external_id")
    country = _text(values, "country")
    if country not in TYPES and country not in {"MX", "AR"}:
        raise _wrong("country", "Country not supported")
    currency = _text(values, "currency")
    if currency not in (MARKETS[country].currency, "USD"):
        raise _wrong("currency", "Currency not allowed for this country")
    if _text(values, "currency_to_pay") != MARKETS[country].currency:
        raise _wrong("currency_to_pay")
    if values.get("flow_type") not in {"B2C", "B2B", "P2P"}:
        raise _wrong("flow_type")
    if values.get("purpose") not in PURPOSES:
        raise _wrong("purpose")
    rail = _text(values, "payment_method_id")
    if rail != "BANK_TRANSFER" and (rail, country) != ("INSTANT_PAYMENT", "BR"):
        raise _wrong("payment_method_id")
    try:
        written = amount(values.get("amount"), currency)
        url = address(values, "notification_url")
    except Refused as refused:
        raise _wrong(refused.body["param"]) from None
    beneficiary = _beneficiary(values, country, rail)
    payout = {
        "id": f"PO-4-{uuid.uuid4()}",
        "external_id": external,
        "created_date": date(now()),
        "payment_method_id": rail,
        "flow_type": values["flow_type"],
        "country": country,
        "currency": currency,
        "currency_to_pay": MARKETS[country].currency,
        "amount": number(written),
        "purpose": values["purpose"],
        "description": str(values.get("description") or "")[:100],
        "notification_url": url,
        "amount_details": {"fees": number(_fee(currency)), "taxes": 0, "currency": currency},
        "beneficiary": beneficiary,
        "_created": now(),
    }
    _set(payout, "PENDING")
    store.add(login, "payout", payout, external)
    if store.merchant(login)["payouts"] == "paid":
        move(store, login, payout, "REJECTED" if _refuses(payout) else "PAID")
    return payout


def _fee(currency: str) -> str:
    return FEE.get(currency) or f"{Decimal(1).quantize(Decimal(1).scaleb(-DECIMALS[currency])):f}"


def _text(values: dict[str, Any], name: str, prefix: str = "") -> str:
    try:
        return text(values, name)
    except Refused:
        raise _wrong(f"{prefix}{name}") from None


def _beneficiary(values: dict[str, Any], country: str, rail: str) -> dict[str, Any]:
    given = values.get("beneficiary")
    if not isinstance(given, dict):
        raise _wrong("beneficiary")
    for name in ("first_name", "last_name"):
        _text(given, name, "beneficiary.")
    document = given.get("document") if isinstance(given.get("document"), dict) else {}
    assert isinstance(document, dict)
    if country in DOCUMENT_TYPES:
        kind = _text(document, "type", "beneficiary.document.")
        if kind not in DOCUMENT_TYPES[country]:
            raise _wrong("beneficiary.document.type", "Unsupported value")
        number_ = _text(document, "id", "beneficiary.document.")
        foreign = kind in {"CE", "PASS", "PEP", "NIT", "RUC"}
        if not (re.fullmatch(r"[0-9A-Z]{6,15}", number_) if foreign else document_fits(country, number_)):
            raise _wrong("beneficiary.document.id")
    if rail == "INSTANT_PAYMENT":
        _check_pix(values, given)
    else:
        _check_account(given, country)
    return given


def _check_account(given: dict[str, Any], country: str) -> None:
    account = given.get("bank_account")
    if not isinstance(account, dict):
        raise _wrong("beneficiary.bank_account")
    prefix = "beneficiary.bank_account."
    if not re.fullmatch(r"\d{3,4}", _text(account, "code", prefix)):
        raise _wrong(f"{prefix}code")
    if not account_fits(country, _text(account, "account", prefix)):
        raise _wrong(f"{prefix}account")
    if country in TYPES and _text(account, "type", prefix) not in TYPES[country]:
        raise _wrong(f"{prefix}type", "Unsupported value")
    if country in BRANCHES:
        _text(account, "branch", prefix)


def _check_pix(values: dict[str, Any], given: dict[str, Any]) -> None:
    metadata = values.get("metadata")
    kind = metadata.get("pix_key") if isinstance(metadata, dict) else None
    if kind not in PIX_KEYS:
        raise _wrong("metadata.pix_key")
    found: Any = given
    for name in PIX_KEYS[kind]:
        found = found.get(name) if isinstance(found, dict) else None
    if not isinstance(found, str) or not found:
        raise _wrong("beneficiary." + ".".join(PIX_KEYS[kind]))


def _refuses(payout: Item) -> bool:
    return str((payout["beneficiary"].get("bank_account") or {}).get("account", "")).endswith(REFUSING)


def _set(payout: Item, status: str, reason: str = "") -> None:
    payout["status"] = status
    payout["status_code"], detail = DETAILS[status]
    payout["status_detail"] = reason or detail
    payout["last_updated"] = date(now())


def move(store: Store, login: str, payout: Item, status: str, reason: str = "") -> bool:
    """Take the payout on, where that is possible, and tell the merchant."""
    if status not in FOLLOWS.get(payout["status"], set()):
        return False
    _set(payout, status, reason)
    store.update(login, payout)
    notify(store, login, "payout", payout, payout["notification_url"])
    return True


def cancel(store: Store, login: str, payout: Item) -> Item:
    if not move(store, login, payout, "CANCELLED"):
        raise Refused(400, "invalid_status", "The payout cannot be cancelled any more", "status")
    return payout
