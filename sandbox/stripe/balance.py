"""Balance transactions and what they add up to."""

from __future__ import annotations

import time
from decimal import ROUND_HALF_UP, Decimal

from sandbox.stripe.store import Object, Store, new_id

# A plain European card tariff: 1.5 % and 25 minor units; bank methods a flat 35. Amounts in minor units.
CARD_RATE = Decimal("0.015")
CARD_FIXED = 25
BANK_FIXED = 35
DISPUTE_FEE = 2000


def fee(charge: Object) -> int:
    """What Stripe keeps of a charge, in its minor units."""
    amount: int = charge["amount"]
    if charge["payment_method_details"]["type"] in {"card", "klarna"}:
        share = (amount * CARD_RATE).quantize(Decimal(1), ROUND_HALF_UP)
        return min(int(share) + CARD_FIXED, amount)
    return min(BANK_FIXED, amount)


def record(
    store: Store,
    account: str,
    source: Object,
    *,
    kind: str,
    amount: int,
    fee_amount: int,
    description: str | None,
) -> Object:
    """One movement of the balance; ``amount`` and fee in minor units, money out is negative."""
    now = int(time.time())
    transaction: Object = {
        "id": new_id("balance_transaction"),
        "object": "balance_transaction",
        "amount": amount,
        "available_on": now,
        "balance_type": "payments",
        "created": now,
        "currency": source["currency"],
        "description": description,
        "exchange_rate": None,
        "fee": fee_amount,
        "fee_details": (
            [{"amount": fee_amount, "application": None, "currency": source["currency"],
              "description": "Stripe processing fees", "type": "stripe_fee"}]
            if fee_amount
            else []
        ),
        "net": amount - fee_amount,
        "reporting_category": kind,
        "source": source["id"],
        "status": "available",
        "type": kind,
    }  # fmt: skip
    return store.insert(account, transaction)


def record_charge(store: Store, account: str, charge: Object) -> Object:
    """Money in, less the fee."""
    return record(
        store, account, charge, kind="charge", amount=charge["amount"], fee_amount=fee(charge),
        description=charge["description"],
    )  # fmt: skip


def summary(store: Store, account: str) -> Object:
    """The account's balance, per currency, in minor units; everything is available at once here."""
    totals: dict[str, int] = {}
    for transaction in store.all(account, "balance_transaction"):
        totals[transaction["currency"]] = totals.get(transaction["currency"], 0) + transaction["net"]
    if not totals:
        totals = {"eur": 0}
    return {
        "object": "balance",
        "available": [
            {"amount": amount, "currency": currency, "source_types": {"card": amount}}
            for currency, amount in sorted(totals.items())
        ],
        "livemode": False,
        "pending": [{"amount": 0, "currency": currency, "source_types": {"card": 0}} for currency in sorted(totals)],
        "refund_and_dispute_prefunding": {"available": [], "pending": []},
    }
