"""The API's operations: what each one takes (by the library's types) and does."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from stripe import api_version as CURRENT_VERSION

from sandbox._web import is_http_url
from sandbox.stripe import balance, customers, disputes, listing, payments, refunds, sessions
from sandbox.stripe.errors import bad_request
from sandbox.stripe.sessions import public
from sandbox.stripe.store import Object, Store, new_id, token


@dataclass(slots=True)
class Call:
    """One authenticated API request whose parameters are checked."""

    store: Store
    account: str
    params: dict[str, Any]
    path: dict[str, str]
    base_url: str
    request_id: str
    url: str

    def show(self, body: Object) -> Object:
        """The object as the caller sees it, with what it asked to expand."""
        return listing.expand(self.store, self.account, public(body), body, self.params.get("expand", []))

    def list(self, kind: str, *filters: str) -> Object:
        """All objects of a kind whose fields equal the given parameters."""
        objects = self.store.all(self.account, kind)
        for name in filters:
            if name in self.params:
                objects = [item for item in objects if item.get(name) == self.params[name]]
        return listing.page(self.store, self.account, objects, self.params, self.url)


Operation = Callable[[Call], Object]


def _session_create(call: Call) -> Object:
    session = sessions.create(call.store, call.account, call.params, call.base_url, call.request_id)
    return call.show(session)


def _session_list(call: Call) -> Object:
    wanted = call.params.get("customer_details", {}).get("email")
    objects = call.store.all(call.account, "checkout.session")
    for name in ("payment_intent", "customer", "status"):
        if name in call.params:
            objects = [item for item in objects if item.get(name) == call.params[name]]
    if wanted:
        objects = [item for item in objects if (item["customer_details"] or {}).get("email") == wanted]
    return listing.page(call.store, call.account, objects, call.params, call.url)


def _session_update(call: Call) -> Object:
    session = call.store.get(call.account, "checkout.session", call.path["id"], "session")
    for name in set(call.params) - {"metadata", "expand"}:
        raise bad_request(f"This sandbox changes a session's metadata only, not {name}.", name)
    session["metadata"] = customers.merged_metadata(session["metadata"], call.params.get("metadata", {}))
    return call.show(call.store.update(call.account, session))


def _session_expire(call: Call) -> Object:
    return call.show(sessions.expire(call.store, call.account, call.path["id"], call.request_id))


def _session_items(call: Call) -> Object:
    return listing.line_items(call.store.get(call.account, "checkout.session", call.path["id"], "session"))


def _refund_create(call: Call) -> Object:
    return call.show(refunds.create(call.store, call.account, call.params, call.request_id))


def _refund_update(call: Call) -> Object:
    return call.show(refunds.update(call.store, call.account, call.path["id"], call.params))


def _refund_cancel(call: Call) -> Object:
    return refunds.cancel(call.store, call.account, call.path["id"])


def _intent_cancel(call: Call) -> Object:
    reason = call.params.get("cancellation_reason")
    return call.show(payments.cancel(call.store, call.account, call.path["id"], reason))


def _endpoint_create(call: Call) -> Object:
    _check_endpoint_url(call.params["url"])
    if len(call.store.all(call.account, "webhook_endpoint")) >= 16:
        raise bad_request("You have reached the maximum of 16 test webhook endpoints.")
    endpoint: Object = {
        "id": new_id("webhook_endpoint"),
        "object": "webhook_endpoint",
        "api_version": call.params.get("api_version", CURRENT_VERSION),
        "application": None,
        "created": int(time.time()),
        "description": call.params.get("description") or None,
        "enabled_events": call.params["enabled_events"],
        "livemode": False,
        "metadata": call.params.get("metadata") or {},
        "secret": f"whsec_{token(32)}",
        "status": "enabled",
        "url": call.params["url"],
    }
    return public(call.store.insert(call.account, endpoint))


def _endpoint_view(endpoint: Object) -> Object:
    """The secret is told once, at creation."""
    return {name: value for name, value in public(endpoint).items() if name != "secret"}


def _endpoint_get(call: Call) -> Object:
    return _endpoint_view(call.store.get(call.account, "webhook_endpoint", call.path["id"]))


def _endpoint_list(call: Call) -> Object:
    result = call.list("webhook_endpoint")
    result["data"] = [_endpoint_view(item) for item in result["data"]]
    return result


def _endpoint_update(call: Call) -> Object:
    endpoint = call.store.get(call.account, "webhook_endpoint", call.path["id"])
    if "url" in call.params:
        _check_endpoint_url(call.params["url"])
    for name in ("url", "description", "enabled_events"):
        if name in call.params:
            endpoint[name] = call.params[name] or None
    if "metadata" in call.params:
        endpoint["metadata"] = customers.merged_metadata(endpoint["metadata"], call.params["metadata"])
    if "disabled" in call.params:
        endpoint["status"] = "disabled" if call.params["disabled"] else "enabled"
    return _endpoint_view(call.store.update(call.account, endpoint))


def _check_endpoint_url(url: str) -> None:
    if not is_http_url(url):
        raise bad_request("Invalid URL: URL must be a valid http or https address.", "url", "url_invalid")


def _endpoint_delete(call: Call) -> Object:
    call.store.get(call.account, "webhook_endpoint", call.path["id"])
    call.store.delete(call.account, "webhook_endpoint", call.path["id"])
    return {"id": call.path["id"], "object": "webhook_endpoint", "deleted": True}


def _customer_create(call: Call) -> Object:
    customer = customers.create(call.store, call.account, call.params)
    call.store.emit(call.account, "customer.created", public(customer), request=call.request_id)
    return call.show(customer)


def _customer_update(call: Call) -> Object:
    customer = customers.update(call.store, call.account, call.path["id"], call.params)
    call.store.emit(call.account, "customer.updated", public(customer), request=call.request_id)
    return call.show(customer)


def _customer_delete(call: Call) -> Object:
    customer = call.store.get(call.account, "customer", call.path["id"])
    call.store.delete(call.account, "customer", customer["id"])
    call.store.emit(call.account, "customer.deleted", public(customer), request=call.request_id)
    return {"id": customer["id"], "object": "customer", "deleted": True}


def _event_list(call: Call) -> Object:
    objects = call.store.all(call.account, "event")
    kinds = call.params.get("types") or ([call.params["type"]] if "type" in call.params else None)
    if kinds:
        objects = [item for item in objects if _matches(item["type"], kinds)]
    if "delivery_success" in call.params:
        done = call.params["delivery_success"]
        objects = [item for item in objects if (item["pending_webhooks"] == 0) == done]
    return listing.page(call.store, call.account, objects, call.params, call.url)


def _matches(kind: str, patterns: list[str]) -> bool:
    return any(kind == p or (p.endswith("*") and kind.startswith(p[:-1])) for p in patterns)


def _dispute_update(call: Call) -> Object:
    final = call.params.get("submit", True)
    dispute = disputes.submit(
        call.store, call.account, call.path["id"], call.params.get("evidence", {}),
        call.params.get("metadata") or {}, final,
    )  # fmt: skip
    return call.show(dispute)


def _dispute_close(call: Call) -> Object:
    return call.show(disputes.close(call.store, call.account, call.path["id"], won=False))


def _balance(call: Call) -> Object:
    return balance.summary(call.store, call.account)


def _account(call: Call) -> Object:
    settings = call.store.settings(call.account)
    name = settings.get("business_name") or call.account.replace("-", " ").title()
    currency = settings.get("default_currency", "eur")
    return {
        "id": f"acct_{call.account}",
        "object": "account",
        "business_profile": {"name": name, "mcc": "6211", "url": None, "support_email": None},
        "business_type": "company",
        "capabilities": {
            "card_payments": "active", "eps_payments": "active", "ideal_payments": "active",
            "klarna_payments": "active", "sepa_debit_payments": "active", "transfers": "active",
        },
        "charges_enabled": True,
        "controller": {"type": "account"},
        "country": settings.get("country", "DE"),
        "created": 1_700_000_000,
        "default_currency": currency,
        "details_submitted": True,
        "email": f"finance@{call.account}.test",
        "metadata": {},
        "payouts_enabled": True,
        "settings": {"dashboard": {"display_name": name, "timezone": "Etc/UTC"}},
        "type": "standard",
    }  # fmt: skip


def _getter(kind: str, param: str = "id") -> Operation:
    return lambda call: call.show(call.store.get(call.account, kind, call.path["id"], param))


def _lister(kind: str, *filters: str) -> Operation:
    return lambda call: call.list(kind, *filters)


# method, path, the library's parameter type, operation
OPERATIONS: list[tuple[str, str, str, Operation]] = [
    ("POST", "/v1/checkout/sessions", "checkout.SessionCreateParams", _session_create),
    ("GET", "/v1/checkout/sessions", "checkout.SessionListParams", _session_list),
    ("GET", "/v1/checkout/sessions/{id}", "checkout.SessionRetrieveParams",
     _getter("checkout.session", "session")),
    ("POST", "/v1/checkout/sessions/{id}", "checkout.SessionUpdateParams", _session_update),
    ("POST", "/v1/checkout/sessions/{id}/expire", "checkout.SessionExpireParams", _session_expire),
    ("GET", "/v1/checkout/sessions/{id}/line_items", "checkout.SessionLineItemListParams", _session_items),
    ("GET", "/v1/payment_intents", "PaymentIntentListParams", _lister("payment_intent", "customer")),
    ("GET", "/v1/payment_intents/{id}", "PaymentIntentRetrieveParams", _getter("payment_intent", "intent")),
    ("POST", "/v1/payment_intents/{id}/cancel", "PaymentIntentCancelParams", _intent_cancel),
    ("GET", "/v1/charges", "ChargeListParams", _lister("charge", "customer", "payment_intent")),
    ("GET", "/v1/charges/{id}", "ChargeRetrieveParams", _getter("charge")),
    ("POST", "/v1/refunds", "RefundCreateParams", _refund_create),
    ("GET", "/v1/refunds", "RefundListParams", _lister("refund", "charge", "payment_intent")),
    ("GET", "/v1/refunds/{id}", "RefundRetrieveParams", _getter("refund", "refund")),
    ("POST", "/v1/refunds/{id}", "RefundUpdateParams", _refund_update),
    ("POST", "/v1/refunds/{id}/cancel", "RefundCancelParams", _refund_cancel),
    ("POST", "/v1/webhook_endpoints", "WebhookEndpointCreateParams", _endpoint_create),
    ("GET", "/v1/webhook_endpoints", "WebhookEndpointListParams", _endpoint_list),
    ("GET", "/v1/webhook_endpoints/{id}", "WebhookEndpointRetrieveParams", _endpoint_get),
    ("POST", "/v1/webhook_endpoints/{id}", "WebhookEndpointUpdateParams", _endpoint_update),
    ("DELETE", "/v1/webhook_endpoints/{id}", "WebhookEndpointDeleteParams", _endpoint_delete),
    ("POST", "/v1/customers", "CustomerCreateParams", _customer_create),
    ("GET", "/v1/customers", "CustomerListParams", _lister("customer", "email")),
    ("GET", "/v1/customers/{id}", "CustomerRetrieveParams", _getter("customer")),
    ("POST", "/v1/customers/{id}", "CustomerUpdateParams", _customer_update),
    ("DELETE", "/v1/customers/{id}", "CustomerDeleteParams", _customer_delete),
    ("GET", "/v1/events", "EventListParams", _event_list),
    ("GET", "/v1/events/{id}", "EventRetrieveParams", _getter("event")),
    ("GET", "/v1/disputes", "DisputeListParams", _lister("dispute", "charge", "payment_intent")),
    ("GET", "/v1/disputes/{id}", "DisputeRetrieveParams", _getter("dispute")),
    ("POST", "/v1/disputes/{id}", "DisputeUpdateParams", _dispute_update),
    ("POST", "/v1/disputes/{id}/close", "DisputeCloseParams", _dispute_close),
    ("GET", "/v1/balance", "BalanceRetrieveParams", _balance),
    ("GET", "/v1/balance_transactions", "BalanceTransactionListParams",
     _lister("balance_transaction", "currency", "source", "type")),
    ("GET", "/v1/balance_transactions/{id}", "BalanceTransactionRetrieveParams",
     _getter("balance_transaction")),
    ("GET", "/v1/account", "AccountRetrieveCurrentParams", _account),
]  # fmt: skip
