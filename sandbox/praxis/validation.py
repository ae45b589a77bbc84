"""The question to the merchant before a payment is processed (doc.praxiscashier.com, "Webhooks Validation")."""

from __future__ import annotations

import json
import time

import httpx

from sandbox._web import outbound_client
from sandbox.praxis.payments import VERSION, customer_of, public
from sandbox.praxis.signing import VALIDATION, sign
from sandbox.praxis.store import Record, Store

PATIENCE = 10.0  # seconds


async def refusal(store: Store, session: Record, card: Record | None) -> str | None:
    """Why the merchant does not want this payment, in the words for the customer; None when it may go on.

    A merchant that does not answer, or not in the agreed form, has refused.
    """
    if not session["_validation_url"]:
        return None
    message = {
        "merchant_id": session["_merchant"],
        "application_key": session["_application_key"],
        "customer": customer_of(session),
        "session": public(session),
        "transaction_attempt": {
            "intent": session["intent"],
            "currency": session["currency"],
            "amount": session["amount"],
            "conversion_rate": "1.000000",
            "attempted_currency": session["currency"],
            "attempted_amount": session["amount"],
            "payment_method": "Credit Card" if card else "Skrill",
            "card_data": card,
            "wallet_data": None,
            "withdrawal_request_id": None,
        },
        "version": VERSION,
        "timestamp": int(time.time()),
    }
    secret = str(store.merchant(session["_merchant"]).get("merchant_secret", ""))
    headers = {
        "Content-Type": "application/json; charset=utf-8",
        "Gt-Authentication": sign(secret, message, VALIDATION),
    }
    try:
        async with outbound_client(PATIENCE) as client:
            reply = await client.post(session["_validation_url"], content=json.dumps(message), headers=headers)
        answer = json.loads(reply.content)
    except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError):
        return ""
    if not isinstance(answer, dict) or type(answer.get("status")) is not int:
        return ""
    if not isinstance(answer.get("description"), str):
        return ""
    return None if answer["status"] == 0 else answer["description"]
