"""Payments, refunds and payouts, what they become and who is told. Called inside a transaction."""

from __future__ import annotations

import json
import secrets
from typing import Any

from sandbox._accounts import Accounts, Document, public

CURRENCIES = frozenset(["EUR", "USD", "GBP", "JPY", "KWD"])
DECIMALS = {"JPY": 0, "KWD": 3}  # others have two
DECISIONS = {"pay": ("open", "paid"), "decline": ("open", "declined"), "charge_back": ("paid", "charged_back")}


def create(store: Accounts, account: str, values: Document) -> Document:
    payment = {"id": f"pay_{secrets.token_hex(10)}", "state": "open", "card": "", **values}
    store.set_settings(account, {})
    return store.put(account, "payments", payment)


def decide(store: Accounts, account: str, payment: Document, decision: str) -> Document | None:
    """Pay, decline or charge back, and tell the merchant. None where that cannot be now."""
    before, after = DECISIONS.get(decision, ("", ""))
    if payment["state"] != before:
        return None
    payment |= {"state": after, "card": "Visa •••• 4242"}
    store.put(account, "payments", payment)
    news = {"id": f"evt_{secrets.token_hex(10)}", "event": f"payment.{after}", "payment": public(payment)}
    body = json.dumps(news).encode()
    store.deliveries.enqueue(account, payment["id"], payment["id"], news["event"], payment["notify_url"], body)
    return payment


def refund(store: Accounts, account: str, payment: Document, values: dict[str, Any]) -> Document | None:
    """None for more than is left of it."""
    given = sum(one["amount"] for one in store.all(account, "refunds") if one["payment"] == payment["id"])
    amount = values.get("amount")
    if payment["state"] != "paid" or not isinstance(amount, int) or not 0 < amount <= payment["amount"] - given:
        return None
    made = {
        "id": f"ref_{secrets.token_hex(10)}", "payment": payment["id"], "state": "done", "amount": amount,
        "currency": payment["currency"], "reference": str(values.get("reference", "")),
    }  # fmt: skip
    return store.put(account, "refunds", made)


def pay_out(store: Accounts, account: str, values: Document) -> Document:
    """Taken on; the bank answers later."""
    return store.put(
        account, "payouts", {"id": f"out_{secrets.token_hex(10)}", "state": "waiting", "error": "", **values}
    )


def payout_decide(store: Accounts, account: str, payout: Document, decision: str) -> Document | None:
    """The bank carries it out or sends it back, and the merchant is told."""
    after = {"finish": "done", "fail": "refused"}.get(decision)
    if after is None or payout["state"] != "waiting":
        return None
    payout |= {"state": after, "error": "the account is closed" if after == "refused" else ""}
    store.put(account, "payouts", payout)
    news = {"id": f"evt_{secrets.token_hex(10)}", "event": f"payout.{after}", "payout": public(payout)}
    body = json.dumps(news).encode()
    store.deliveries.enqueue(account, payout["id"], payout["id"], news["event"], payout["notify_url"], body)
    return payout
