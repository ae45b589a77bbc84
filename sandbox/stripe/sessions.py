"""Checkout Sessions: creating, expiring and what completes them."""

from __future__ import annotations

import time
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from sandbox._web import is_http_url
from sandbox.stripe import currencies, customers, methods
from sandbox.stripe.errors import ApiError, bad_request
from sandbox.stripe.store import Object, Store, new_id, token

MINUTE = 60
HOUR = 3600
# docs.stripe.com/api/checkout/sessions/create: expires_at is 30 minutes to 24 hours away.
SHORTEST_LIFE = 30 * MINUTE
LONGEST_LIFE = 24 * HOUR

# Fields of a session that are as they were asked for, and those that have no value, at least at first.
COPIED = (
    "allow_promotion_codes",
    "allowed_payment_method_types",
    "billing_address_collection",
    "cancel_url",
    "client_reference_id",
    "consent_collection",
    "customer",
    "customer_creation",
    "customer_email",
    "excluded_payment_method_types",
    "locale",
    "redirect_on_completion",
    "submit_type",
    "success_url",
    "branding_settings",
    "integration_identifier",
    "origin_context",
)
EMPTY = (
    "after_expiration",
    "client_secret",
    "collected_information",
    "consent",
    "currency_conversion",
    "customer_account",
    "invoice",
    "payment_intent",
    "payment_link",
    "payment_method_configuration_details",
    "presentment_details",
    "recovered_from",
    "return_url",
    "setup_intent",
    "shipping_address_collection",
    "shipping_cost",
    "subscription",
    "wallet_options",
)


def create(store: Store, account: str, params: dict[str, Any], base_url: str, request_id: str) -> Object:
    """An open session in payment mode. Amounts in minor units of the session's one currency."""
    _check_shape(params)
    items = _line_items(params["line_items"])
    currency = items[0]["currency"]
    if any(item["currency"] != currency for item in items):
        raise bad_request("All line items must use the same currency.", "line_items")
    total = sum(item["amount_total"] for item in items)
    currencies.check_total(total, currency)
    if "customer" in params:
        store.get(account, "customer", params["customer"], "customer")
    offered = methods.payable_with(
        params.get("allowed_payment_method_types"), params.get("excluded_payment_method_types", []), currency
    )
    if not offered:
        raise bad_request("No valid payment method types for this Checkout Session.", "allowed_payment_method_types")
    now = int(time.time())
    session = _blank(params, now)
    identifier = new_id("checkout.session")
    session |= {
        "id": identifier,
        "amount_subtotal": total,
        "amount_total": total,
        "currency": currency,
        "expires_at": _expiry(params, now),
        "payment_method_types": offered,
        "url": f"{base_url}/c/pay/{identifier}#fid{token(40)}",
        "_line_items": items,
        "_payment_intent_data": params.get("payment_intent_data", {}),
        "_request": request_id,
    }
    store.insert(account, session)
    store.schedule(account, "expire_session", identifier, session["expires_at"])
    return session


def _check_shape(params: dict[str, Any]) -> None:
    """What the typed parameters cannot express: rules between parameters."""
    mode = params.get("mode")
    if mode is None:
        raise bad_request("Missing required param: mode.", "mode", "parameter_missing")
    if mode != "payment":
        raise bad_request(f"This sandbox has no Checkout in {mode} mode.", "mode")
    if not params.get("line_items"):
        raise bad_request("Missing required param: line_items.", "line_items", "parameter_missing")
    if len(params["line_items"]) > 100:
        raise bad_request("A Checkout Session can have at most 100 line items.", "line_items")
    if params.get("ui_mode", "hosted_page") != "hosted_page":
        raise bad_request("This sandbox has hosted pages only.", "ui_mode")
    if "success_url" not in params:
        raise bad_request("Missing required param: success_url.", "success_url", "parameter_missing")
    for name in ("success_url", "cancel_url"):
        if name in params and not is_http_url(params[name]):
            raise bad_request(f"Not a valid URL: {params[name]}", name, "url_invalid")
    if "customer" in params and "customer_email" in params:
        raise bad_request("You may only specify one of these parameters: customer, customer_email.", "customer")
    if "customer" in params and "customer_creation" in params:
        raise bad_request("You may only specify one of these parameters: customer, customer_creation.", "customer")
    if len(params.get("client_reference_id", "")) > 200:
        raise bad_request("client_reference_id must be at most 200 characters.", "client_reference_id")
    if params.get("payment_intent_data", {}).get("capture_method") == "manual":
        raise bad_request("This sandbox captures automatically.", "payment_intent_data[capture_method]")
    email = params.get("customer_email", "a@b.c")
    if not customers.plausible_email(email):
        raise bad_request(f"Invalid email address: {email}", "customer_email", "email_invalid")


def _expiry(params: dict[str, Any], now: int) -> int:
    if "expires_at" not in params:
        return now + LONGEST_LIFE
    expires: int = params["expires_at"]
    # A little leave for the time the request itself took.
    if not now + SHORTEST_LIFE - MINUTE <= expires <= now + LONGEST_LIFE + MINUTE:
        raise bad_request(
            "The `expires_at` timestamp must be at least 30 minutes and at most 24 hours from Checkout "
            "Session creation.",
            "expires_at",
        )
    return expires


def _line_items(entries: list[dict[str, Any]]) -> list[Object]:
    items = []
    for index, entry in enumerate(entries):
        where = f"line_items[{index}]"
        if "price" in entry:
            raise ApiError(400, f"No such price: '{entry['price']}'", code="resource_missing", param=f"{where}[price]")
        if "price_data" not in entry:
            raise bad_request(f"Missing required param: {where}[price_data].", where, "parameter_missing")
        if "quantity" not in entry:
            raise bad_request(f"Missing required param: {where}[quantity].", where, "parameter_missing")
        if entry["quantity"] < 1:
            raise bad_request("Quantity must be at least 1.", f"{where}[quantity]")
        items.append(_line_item(entry, where))
    return items


def _line_item(entry: dict[str, Any], where: str) -> Object:
    data = entry["price_data"]
    if "product_data" not in data:
        raise bad_request(f"Missing required param: {where}[price_data][product_data].", where, "parameter_missing")
    if "recurring" in data:
        raise bad_request("You can't use recurring prices in payment mode.", f"{where}[price_data][recurring]")
    if ("unit_amount" in data) == ("unit_amount_decimal" in data):
        raise bad_request("Specify exactly one of unit_amount and unit_amount_decimal.", f"{where}[price_data]")
    unit = Decimal(data.get("unit_amount", data.get("unit_amount_decimal", 0)))
    if unit < 0:
        raise bad_request("Invalid non-negative integer", f"{where}[price_data][unit_amount]")
    currency = currencies.check_currency(data["currency"], f"{where}[price_data][currency]")
    amount = int((unit * entry["quantity"]).quantize(Decimal(1), ROUND_HALF_UP))
    product = data["product_data"]
    return {
        "id": new_id("line_item"),
        "object": "item",
        "amount_discount": 0,
        "amount_subtotal": amount,
        "amount_tax": 0,
        "amount_total": amount,
        "currency": currency,
        "description": product["name"],
        "metadata": entry.get("metadata", {}),
        "price": {
            "id": new_id("price"),
            "object": "price",
            "active": False,
            "currency": currency,
            "livemode": False,
            "metadata": {},
            "product": new_id("product"),
            "recurring": None,
            "type": "one_time",
            "unit_amount": int(unit) if unit == unit.to_integral_value() else None,
            "unit_amount_decimal": str(unit),
        },
        "quantity": entry["quantity"],
        "_description": product.get("description"),
    }


def _blank(params: dict[str, Any], now: int) -> Object:
    """The parts of a session that are copied or start out empty."""
    copied = {name: params.get(name) for name in COPIED}
    if copied["customer_creation"] is None and copied["customer"] is None:
        copied["customer_creation"] = "if_required"
    email = params.get("customer_email")
    return {
        **dict.fromkeys(EMPTY),
        **copied,
        "object": "checkout.session",
        "adaptive_pricing": {"enabled": False},
        "automatic_tax": {"enabled": False, "liability": None, "provider": None, "status": None},
        "created": now,
        "custom_fields": [],
        "custom_text": {"after_submit": None, "shipping_address": None, "submit": None,
                        "terms_of_service_acceptance": None},
        "customer_details": customers.details(email=email) if email else None,
        "discounts": [],
        "invoice_creation": {"enabled": False},
        "livemode": False,
        "metadata": params.get("metadata", {}),
        "mode": "payment",
        "payment_method_collection": "if_required",
        "payment_method_options": params.get("payment_method_options", {}),
        "payment_status": "unpaid",
        "phone_number_collection": {"enabled": False},
        "saved_payment_method_options": None,
        "shipping_options": [],
        "status": "open",
        "total_details": {"amount_discount": 0, "amount_shipping": 0, "amount_tax": 0},
        "ui_mode": "hosted_page",
    }  # fmt: skip


def expire(store: Store, account: str, identifier: str, request_id: str | None = None) -> Object:
    """Open to expired, with its event; anything else is refused as the API does."""
    session = store.get(account, "checkout.session", identifier, "session")
    if session["status"] != "open":
        raise bad_request(
            f'Only Checkout Sessions with a status in ["open"] can be expired. This Checkout Session has a '
            f"status of `{session['status']}`."
        )
    session |= {"status": "expired", "url": None}
    store.update(account, session)
    store.emit(account, "checkout.session.expired", public(session), request=request_id)
    return session


def public(body: Object) -> Object:
    """An object without what only this server needs to know."""
    return {
        key: [public(item) for item in value]
        if isinstance(value, list) and value and isinstance(value[0], dict)
        else value
        for key, value in body.items()
        if not key.startswith("_")
    }
