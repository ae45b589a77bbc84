"""Customers: the few fields a payment needs."""

from __future__ import annotations

import re
import time
from typing import Any

from sandbox.stripe.store import Object, Store, token


def plausible_email(value: str) -> bool:
    return len(value) <= 512 and re.fullmatch(r"[^@\s]+@[^@\s.]+(\.[^@\s.]+)+", value) is not None


def create(store: Store, account: str, params: dict[str, Any]) -> Object:
    """A customer; only what a payment needs is kept apart from the metadata."""
    customer: Object = {
        "id": f"cus_{token(14)}",
        "object": "customer",
        "address": params.get("address") or None,
        "balance": 0,
        "created": int(time.time()),
        "currency": None,
        "default_source": None,
        "delinquent": False,
        "description": params.get("description") or None,
        "email": params.get("email") or None,
        "invoice_prefix": token(8).upper(),
        "livemode": False,
        "metadata": params.get("metadata") or {},
        "name": params.get("name") or None,
        "phone": params.get("phone") or None,
        "preferred_locales": params.get("preferred_locales", []),
        "shipping": params.get("shipping") or None,
        "tax_exempt": params.get("tax_exempt") or "none",
    }
    store.insert(account, customer)
    return customer


def update(store: Store, account: str, identifier: str, params: dict[str, Any]) -> Object:
    """Changes what is given; empty metadata values take keys away."""
    customer = store.get(account, "customer", identifier)
    for name in ("address", "description", "email", "name", "phone", "shipping"):
        if name in params:
            customer[name] = params[name] or None
    if "metadata" in params:
        customer["metadata"] = merged_metadata(customer["metadata"], params["metadata"])
    return store.update(account, customer)


def merged_metadata(old: dict[str, str], new: dict[str, str] | str) -> dict[str, str]:
    """docs.stripe.com/api/metadata: keys merge, an empty value removes its key, '' removes all."""
    if not isinstance(new, dict):
        return {}
    return {key: value for key, value in {**old, **new}.items() if value != ""}


def details(
    *, email: str | None, name: str | None = None, country: str | None = None, phone: str | None = None
) -> Object:
    """``customer_details`` of a session, or ``billing_details`` of a charge."""
    address = dict.fromkeys(("city", "line1", "line2", "postal_code", "state")) | {"country": country}
    return {
        "address": address,
        "business_name": None,
        "email": email,
        "individual_name": None,
        "name": name,
        "phone": phone,
        "tax_exempt": "none",
        "tax_ids": [],
    }
