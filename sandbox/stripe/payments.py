"""What happens to money: PaymentIntents, charges and their settlement.

Every function changes state and queues its events inside the caller's transaction. Amounts in minor units.
"""

from __future__ import annotations

import time
from typing import Any

from sandbox.stripe import balance, customers, disputes, methods
from sandbox.stripe.errors import bad_request
from sandbox.stripe.methods import Decline
from sandbox.stripe.sessions import public
from sandbox.stripe.store import Object, Store, new_id, token

# Fields of a charge that have no value, at least at first.
EMPTY = (
    "application",
    "application_fee",
    "application_fee_amount",
    "balance_transaction",
    "failure_balance_transaction",
    "failure_code",
    "failure_message",
    "on_behalf_of",
    "receipt_number",
    "receipt_url",
    "review",
    "shipping",
    "source",
    "source_transfer",
    "transfer_data",
)


def attempt(store: Store, account: str, session: Object, method: str, details: dict[str, str]) -> Object:
    """The customer presses "pay". Returns the PaymentIntent, whose status says what comes next:

    ``requires_payment_method`` (declined, see last_payment_error), ``requires_action`` (authenticate or
    confirm elsewhere), ``processing`` (bank debit under way) or ``succeeded``.
    """
    intent = _intent_of(store, account, session, details)
    intent["_method"], intent["_details"] = method, details
    intent["_payment_method"] = new_id("payment_method")
    if method == "card":
        verdict = methods.card_verdict(details["number"])
        if verdict:
            if verdict is methods.UNKNOWN_TEST_CARD:
                # Somebody's real card, typed by mistake: nothing but its end is kept.
                details["number"] = f"************{details['number'][-4:]}"
            return _decline(store, account, intent, verdict)
        if methods.needs_authentication(details["number"]):
            return _require_action(store, account, intent, session)
    if method in methods.REDIRECTED:
        return _require_action(store, account, intent, session)
    if method == "sepa_debit":
        return _process(store, account, intent, session)
    return _succeed(store, account, intent, session, authenticated=False)


def confirm(store: Store, account: str, session: Object, *, approved: bool, category: str | None = None) -> Object:
    """The customer comes back from the bank's or Klarna's page (``category``: how Klarna is to be paid)."""
    intent = store.get(account, "payment_intent", session["payment_intent"] or session["_intent"])
    if intent["status"] != "requires_action":
        return intent
    is_card = intent["_method"] == "card"
    if category in {"pay_now", "pay_later", "pay_over_time"}:
        intent["_details"]["category"] = category
    if not approved:
        message = (
            "We are unable to authenticate your payment method. Please choose a different payment method and try again."
            if is_card
            else "The customer declined this payment."
        )
        code = "payment_intent_authentication_failure" if is_card else "payment_method_customer_decline"
        return _decline(store, account, intent, Decline(code, message))
    if is_card and intent["_details"]["number"] in methods.DECLINED_AFTER_AUTHENTICATION:
        return _decline(store, account, intent, methods.GENERIC)
    return _succeed(store, account, intent, session, authenticated=is_card)


def settle_debit(store: Store, account: str, intent_id: str, *, succeeded: bool) -> Object:
    """A bank debit that was ``processing`` comes to its end; a second call changes nothing."""
    intent = store.get(account, "payment_intent", intent_id)
    if intent["status"] != "processing":
        return intent
    session = store.get(account, "checkout.session", intent["_session"])
    charge = store.get(account, "charge", intent["latest_charge"])
    if succeeded:
        _capture(store, account, charge)
        store.emit(account, "charge.succeeded", public(charge))
        intent |= {"status": "succeeded", "amount_received": intent["amount"], "processing": None}
        store.update(account, intent)
        store.emit(account, "payment_intent.succeeded", public(intent))
        session["payment_status"] = "paid"
        store.update(account, session)
        store.emit(account, "checkout.session.async_payment_succeeded", public(session))
        if methods.SEPA_OUTCOMES.get(intent["_details"]["iban"]) == "dispute":
            disputes.create(store, account, charge["id"], reason="debit_not_authorized")
        return intent
    message = "The customer's bank account could not be debited."
    charge |= {"status": "failed", "failure_code": "generic_could_not_process", "failure_message": message}
    store.update(account, charge)
    store.emit(account, "charge.failed", public(charge))
    intent |= {"status": "requires_payment_method", "processing": None, "payment_method": None}
    intent["last_payment_error"] = _error(intent, Decline("payment_intent_payment_attempt_failed", message), charge)
    store.update(account, intent)
    store.emit(account, "payment_intent.payment_failed", public(intent))
    store.emit(account, "checkout.session.async_payment_failed", public(session))
    return intent


def cancel(store: Store, account: str, intent_id: str, reason: str | None) -> Object:
    """Cancel an intent that has not come to an end (docs.stripe.com/api/payment_intents/cancel)."""
    intent = store.get(account, "payment_intent", intent_id, "intent")
    if intent["status"] not in {"requires_payment_method", "requires_action", "requires_confirmation"}:
        raise bad_request(
            f"You cannot cancel this PaymentIntent because it has a status of {intent['status']}.",
            code="payment_intent_unexpected_state",
        )
    intent |= {"status": "canceled", "canceled_at": int(time.time()), "cancellation_reason": reason}
    intent["next_action"] = None
    store.update(account, intent)
    store.emit(account, "payment_intent.canceled", public(intent))
    return intent


def _intent_of(store: Store, account: str, session: Object, details: dict[str, str]) -> Object:
    """The session's PaymentIntent. Since API version 2022-08-01 it exists only from the first attempt on."""
    if session.get("_intent"):
        return store.get(account, "payment_intent", session["_intent"])
    data = session["_payment_intent_data"]
    identifier = new_id("payment_intent")
    intent: Object = {
        "id": identifier,
        "object": "payment_intent",
        "allowed_payment_method_types": session["allowed_payment_method_types"],
        "amount": session["amount_total"],
        "amount_capturable": 0,
        "amount_details": {"tip": {}},
        "amount_received": 0,
        "application": None,
        "application_fee_amount": None,
        "automatic_payment_methods": {"enabled": True},
        "canceled_at": None,
        "cancellation_reason": None,
        "capture_method": data.get("capture_method", "automatic_async"),
        "client_secret": f"{identifier}_secret_{token(25)}",
        "confirmation_method": "automatic",
        "created": int(time.time()),
        "currency": session["currency"],
        "customer": session["customer"],
        "description": data.get("description"),
        "last_payment_error": None,
        "latest_charge": None,
        "livemode": False,
        "metadata": data.get("metadata", {}),
        "next_action": None,
        "on_behalf_of": None,
        "payment_method": None,
        "payment_method_options": {},
        "payment_method_types": session["payment_method_types"],
        "processing": None,
        "receipt_email": data.get("receipt_email"),
        "review": None,
        "setup_future_usage": data.get("setup_future_usage"),
        "shipping": None,
        "source": None,
        "statement_descriptor": data.get("statement_descriptor"),
        "statement_descriptor_suffix": data.get("statement_descriptor_suffix"),
        "status": "requires_payment_method",
        "transfer_data": None,
        "transfer_group": data.get("transfer_group"),
        "_session": session["id"],
    }
    store.insert(account, intent)
    session["_intent"] = identifier
    store.update(account, session)
    store.emit(account, "payment_intent.created", public(intent))
    return intent


def _require_action(store: Store, account: str, intent: Object, session: Object) -> Object:
    url = session["url"].split("#")[0] + "/confirm"
    intent |= {
        "status": "requires_action",
        "payment_method": intent["_payment_method"],
        "last_payment_error": None,
        "next_action": {"type": "redirect_to_url", "redirect_to_url": {"return_url": None, "url": url}},
    }
    store.update(account, intent)
    store.emit(account, "payment_intent.requires_action", public(intent))
    return intent


def _decline(store: Store, account: str, intent: Object, decline: Decline) -> Object:
    charge = _charge(account, intent, status="failed")
    charge |= {
        "failure_code": decline.code,
        "failure_message": decline.message,
        "paid": False,
        "captured": False,
    }
    charge["outcome"] |= {"network_status": "declined_by_network", "type": "issuer_declined",
                          "reason": decline.decline_code, "seller_message": decline.message}  # fmt: skip
    store.insert(account, charge)
    intent |= {
        "status": "requires_payment_method",
        "payment_method": None,
        "next_action": None,
        "latest_charge": charge["id"],
        "last_payment_error": _error(intent, decline, charge),
    }
    store.update(account, intent)
    store.emit(account, "charge.failed", public(charge))
    store.emit(account, "payment_intent.payment_failed", public(intent))
    return intent


def _error(intent: Object, decline: Decline, charge: Object) -> Object:
    error = {
        "charge": charge["id"],
        "code": decline.code,
        "doc_url": f"https://stripe.com/docs/error-codes/{decline.code.replace('_', '-')}",
        "message": decline.message,
        "payment_method": {
            "id": intent["_payment_method"],
            "object": "payment_method",
            "type": intent["_method"],
            "billing_details": charge["billing_details"],
            "livemode": False,
        },
        "type": "card_error" if intent["_method"] == "card" else "invalid_request_error",
    }
    if decline.decline_code:
        error["decline_code"] = decline.decline_code
    return error


def _succeed(store: Store, account: str, intent: Object, session: Object, *, authenticated: bool) -> Object:
    charge = _charge(account, intent, status="succeeded", authenticated=authenticated)
    store.insert(account, charge)
    _capture(store, account, charge)
    intent |= {
        "status": "succeeded",
        "amount_received": intent["amount"],
        "latest_charge": charge["id"],
        "next_action": None,
        "last_payment_error": None,
        "payment_method": intent["_payment_method"],
    }
    store.emit(account, "charge.succeeded", public(charge))
    _complete(store, account, intent, session, "payment_intent.succeeded", "paid")
    reason = methods.DISPUTED_CARDS.get(intent["_details"].get("number", ""))
    if reason:
        disputes.create(store, account, charge["id"], reason=reason)
    return intent


def _process(store: Store, account: str, intent: Object, session: Object) -> Object:
    charge = _charge(account, intent, status="pending")
    charge |= {"paid": False, "captured": True}
    store.insert(account, charge)
    intent |= {
        "status": "processing",
        "latest_charge": charge["id"],
        "last_payment_error": None,
        "payment_method": intent["_payment_method"],
    }
    store.emit(account, "charge.pending", public(charge))
    _complete(store, account, intent, session, "payment_intent.processing", "unpaid")
    delay = store.settings(account).get("sepa_settle_seconds", 20)
    if delay is not None:
        store.schedule(account, "settle_debit", intent["id"], time.time() + delay)
    return intent


def _complete(store: Store, account: str, intent: Object, session: Object, event: str, payment_status: str) -> None:
    """The session is done, whether or not the money has arrived."""
    details = intent["_details"]
    email = session["customer_email"] or details.get("email")
    if session["customer_creation"] == "always" and not session["customer"]:
        session["customer"] = customers.create(store, account, {"email": email, "name": details.get("name")})["id"]
        intent["customer"] = session["customer"]
    store.update(account, intent)
    store.emit(account, event, public(intent))
    session |= {
        "status": "complete",
        "payment_status": payment_status,
        "payment_intent": intent["id"],
        "url": None,
        "customer_details": customers.details(
            email=email, name=details.get("name"), country=details.get("country") or None
        ),
    }
    store.update(account, session)
    store.emit(account, "checkout.session.completed", public(session))


def _capture(store: Store, account: str, charge: Object) -> None:
    charge |= {"status": "succeeded", "paid": True, "captured": True, "amount_captured": charge["amount"]}
    charge["balance_transaction"] = balance.record_charge(store, account, charge)["id"]
    store.update(account, charge)


def _charge(account: str, intent: Object, *, status: str, authenticated: bool = False) -> Object:
    details: dict[str, str] = intent["_details"]
    billing: dict[str, Any] = customers.details(
        email=details.get("email"), name=details.get("name"), country=details.get("country") or None
    )
    return {
        **dict.fromkeys(EMPTY),
        "id": new_id("charge"),
        "object": "charge",
        "amount": intent["amount"],
        "amount_captured": 0,
        "amount_refunded": 0,
        "billing_details": {
            "address": billing["address"],
            "email": billing["email"],
            "name": billing["name"],
            "phone": None,
            "tax_id": None,
        },
        "calculated_statement_descriptor": intent["statement_descriptor"] or account.upper()[:22],
        "captured": False,
        "created": int(time.time()),
        "currency": intent["currency"],
        "customer": intent["customer"],
        "description": intent["description"],
        "disputed": False,
        "fraud_details": {},
        "livemode": False,
        "metadata": intent["metadata"],
        "outcome": {
            "advice_code": None,
            "network_advice_code": None,
            "network_decline_code": None,
            "network_status": "approved_by_network",
            "reason": None,
            "risk_level": "normal",
            "seller_message": "Payment complete.",
            "type": "authorized",
        },
        "paid": False,
        "payment_intent": intent["id"],
        "payment_method": intent["_payment_method"],
        "payment_method_details": methods.describe(account, intent["_method"], details, authenticated=authenticated),
        "receipt_email": intent["receipt_email"],
        "refunded": False,
        "statement_descriptor": intent["statement_descriptor"],
        "statement_descriptor_suffix": intent["statement_descriptor_suffix"],
        "status": status,
        "transfer_group": intent["transfer_group"],
        "_number": details.get("number", ""),
    }
