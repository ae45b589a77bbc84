"""Lists with cursors, and ``expand``."""

from __future__ import annotations

from typing import Any

from sandbox.stripe.errors import ApiError, bad_request
from sandbox.stripe.sessions import public
from sandbox.stripe.store import Object, Store

# docs.stripe.com/expand: what may be expanded, by kind and field.
EXPANDABLE = {
    ("checkout.session", "payment_intent"): "payment_intent",
    ("checkout.session", "customer"): "customer",
    ("payment_intent", "latest_charge"): "charge",
    ("payment_intent", "customer"): "customer",
    ("charge", "payment_intent"): "payment_intent",
    ("charge", "customer"): "customer",
    ("charge", "balance_transaction"): "balance_transaction",
    ("refund", "charge"): "charge",
    ("refund", "payment_intent"): "payment_intent",
    ("refund", "balance_transaction"): "balance_transaction",
    ("refund", "failure_balance_transaction"): "balance_transaction",
    ("dispute", "charge"): "charge",
    ("dispute", "payment_intent"): "payment_intent",
    ("balance_transaction", "source"): "",
}
COMPARE = {
    "gt": lambda value, bound: value > bound,
    "gte": lambda value, bound: value >= bound,
    "lt": lambda value, bound: value < bound,
    "lte": lambda value, bound: value <= bound,
}


def page(store: Store, account: str, objects: list[Object], params: dict[str, Any], url: str) -> Object:
    """``objects`` (newest first) cut to what limit, cursors and ``created`` ask for."""
    limit = params.get("limit", 10)
    if not 1 <= limit <= 100:
        raise bad_request("Invalid integer: limit must be between 1 and 100", "limit", "parameter_invalid_integer")
    objects = [item for item in objects if _created_within(item, params.get("created"))]
    after, before = params.get("starting_after"), params.get("ending_before")
    if after and before:
        raise bad_request("You may only specify one of these parameters: starting_after, ending_before.")
    if after:
        objects = objects[_position(objects, after, "starting_after") + 1 :]
    if before:
        objects = objects[: _position(objects, before, "ending_before")]
        chosen, more = objects[-limit:], len(objects) > limit
    else:
        chosen, more = objects[:limit], len(objects) > limit
    result = {"object": "list", "data": [public(item) for item in chosen], "has_more": more, "url": url}
    paths = params.get("expand", [])
    for path in paths:
        if path.split(".")[0] != "data":
            raise bad_request(f"This property cannot be expanded ({path}).", "expand")
    for item, source in zip(result["data"], chosen, strict=True):
        expand(store, account, item, source, [path.removeprefix("data.") for path in paths])
    return result


def _created_within(item: Object, wanted: Any) -> bool:
    if wanted is None:
        return True
    if isinstance(wanted, dict):
        return all(COMPARE[name](item["created"], bound) for name, bound in wanted.items())
    return bool(item["created"] == wanted)


def _position(objects: list[Object], identifier: str, param: str) -> int:
    for index, item in enumerate(objects):
        if item["id"] == identifier:
            return index
    raise bad_request(f"No such object: '{identifier}'", param, "resource_missing")


def expand(store: Store, account: str, body: Object, source: Object, paths: list[str]) -> Object:
    """Replace identifiers in ``body`` by the objects they name, at most four levels deep."""
    for path in paths:
        parts = path.split(".")
        if len(parts) > 4:
            raise bad_request(f"You cannot expand more than 4 levels of a property. Property: {path}", "expand")
        _expand_one(store, account, body, source, parts, path)
    return body


def _expand_one(store: Store, account: str, body: Object, source: Object, parts: list[str], path: str) -> None:
    field, rest = parts[0], parts[1:]
    if body["object"] == "checkout.session" and field == "line_items":
        body[field] = line_items(source)
        return
    if body["object"] == "charge" and field == "refunds":
        refunds = [r for r in store.all(account, "refund") if r["charge"] == body["id"]]
        body[field] = page(store, account, refunds, {}, f"/v1/charges/{body['id']}/refunds")
        return
    kind = EXPANDABLE.get((body["object"], field))
    if kind is None:
        raise bad_request(f"This property cannot be expanded ({path}).", "expand")
    if kind in str(store.settings(account).get("unreadable", "")).split(",") and kind:
        raise ApiError(
            403, f"The provided key does not have the required permissions to expand this property ({path})."
        )
    if body.get(field) is None:
        return
    if isinstance(body[field], str):
        body[field] = public(_any_kind(store, account, kind, body[field]))
    if rest:
        _expand_one(store, account, body[field], body[field], rest, path)


def _any_kind(store: Store, account: str, kind: str, identifier: str) -> Object:
    if kind:
        return store.get(account, kind, identifier)
    prefixes = {"ch": "charge", "re": "refund", "du": "dispute"}
    return store.get(account, prefixes[identifier.split("_")[0]], identifier)


def line_items(session: Object) -> Object:
    """The session's items as a list object."""
    return {
        "object": "list",
        "data": [public(item) for item in session["_line_items"]],
        "has_more": False,
        "url": f"/v1/checkout/sessions/{session['id']}/line_items",
    }
