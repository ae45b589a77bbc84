"""Providers' own files, as data. Sources: docs/reconciliation.md says which were read and which are a best guess."""

from __future__ import annotations

from .guesses import GUESSES
from .layout import Format, Layout

_STRIPE_KINDS = {
    "charge": "charge", "refund": "refund", "refund_failure": "other", "charge_failure": "other",
    "partial_capture_reversal": "refund", "dispute": "chargeback", "dispute_reversal": "reinstated",
    "fee": "fee", "network_cost": "fee", "tax": "fee", "payout": "payout", "payout_reversal": "payout",
}  # fmt: skip
_STRIPE = Layout(
    columns={
        "line": ("balance_transaction_id",), "reference": ("payment_intent_id", "charge_id", "source_id"),
        "own": ("payment_metadata[deposit_id]", "refund_metadata[operation_id]", "payment_metadata[reference]"),
        "amount": ("gross",), "fee": ("fee",), "currency": ("currency",), "at": ("created_utc|created",),
        "kind": ("reporting_category",), "text": ("description",),
    },
    kinds=_STRIPE_KINDS, default_kind="other", identity=("balance_transaction_id",), decimal=".",
)  # fmt: skip

_PAYPAL = Layout(
    columns={
        "line": ("Transaction ID",), "reference": ("Reference Txn ID", "Transaction ID"),
        "own": ("Custom Number", "Invoice Number"), "amount": ("Gross",), "fee": ("Fee",), "currency": ("Currency",),
        "at": ("Date", "Time"), "zone": ("TimeZone|Time Zone",), "kind": ("Type",), "status": ("Status",),
        "text": ("Name",),
    },
    kinds={
        "express checkout payment": "charge", "website payment": "charge", "mobile payment": "charge",
        "general payment": "charge", "payment refund": "refund", "refund": "refund", "payment reversal": "chargeback",
        "chargeback": "chargeback", "chargeback reversal": "reinstated", "cancellation of hold for dispute resolution":
        "reinstated", "hold on balance for dispute investigation": "chargeback", "chargeback fee": "fee",
        "payment fee": "fee", "general withdrawal": "payout", "general withdrawal - bank account": "payout",
        "user initiated withdrawal": "payout", "mass payment": "withdrawal", "mass pay payment": "withdrawal",
    },
    default_kind="other", ignored=("general authorization", "void of authorization", "account hold for open authorization",
                                   "reversal of general account hold"),
    taken=("completed", "partially refunded", "refunded", "reversed", "partially reversed"), fee_sign=-1,
    dates=("%m/%d/%Y %H:%M:%S", "%d/%m/%Y %H:%M:%S", "%d.%m.%Y %H:%M:%S"), identity=("Transaction ID",),
)  # fmt: skip

_ADYEN = Layout(
    columns={
        "reference": ("Psp Reference",), "own": ("Modification Merchant Reference", "Merchant Reference"),
        "credit": ("Gross Credit (GC)", "Net Credit (NC)"), "debit": ("Gross Debit (GC)", "Net Debit (NC)"),
        "currency": ("Gross Currency", "Net Currency"), "fee_currency": ("Net Currency",),
        "fee": ("Commission (NC)", "Markup (NC)", "Scheme Fees (NC)", "Interchange (NC)"), "at": ("Creation Date",),
        "zone": ("TimeZone",), "kind": ("Type",), "text": ("Modification Reference",),
    },
    kinds={
        "settled": "charge", "refunded": "refund", "refundedreversed": "other", "chargeback": "chargeback",
        "secondchargeback": "chargeback", "chargebackreversed": "reinstated", "fee": "fee", "misccosts": "fee",
        "paymentcost": "fee", "invoicededuction": "fee", "merchantpayout": "payout", "paidout": "withdrawal",
        "paidoutreversed": "other", "depositcorrection": "other", "balancetransfer": "other",
        "bankinstructionreturned": "other", "manualcorrected": "other", "matchedstatement": "other",
    },
    default_kind="other", identity=("Psp Reference", "Modification Reference", "Type", "Batch Number"), zone="CET",
    decimal=".",
)  # fmt: skip

_DLOCAL = Layout(
    columns={
        "reference": ("DLOCAL_TRANSACTION_ID",), "own": ("TRANSACTION_ID",), "amount": ("LOCAL_AMOUNT", "GROSS_AMOUNT"),
        "currency": ("LOCAL_CURRENCY", "SETTLEMENT_CURRENCY"), "fee": ("FEE_AMOUNT",),
        "fee_currency": ("SETTLEMENT_CURRENCY",), "at": ("CREATION_DATE|TRANSFER_DATE",), "kind": ("ROW_TYPE",),
    },
    kinds={
        "settlement": "charge", "transaction": "charge", "payin": "charge", "refund": "refund",
        "chargeback": "chargeback", "chargeback_reversal": "reinstated", "fee": "fee", "payout": "withdrawal",
        "transfer": "payout", "withdrawal": "payout",
    },
    default_kind="other", signed=False, decimal=".", identity=("DLOCAL_TRANSACTION_ID", "ROW_TYPE"),
)  # fmt: skip

_PAYTABS = Layout(
    columns={
        "line": ("Transaction Ref|Tran Ref|tran_ref",), "reference": ("Previous Tran Ref|previous_tran_ref",
        "Transaction Ref|Tran Ref|tran_ref"), "own": ("Cart ID|Cart Id|cart_id",),
        "amount": ("Transaction Amount|Tran Total|Cart Amount|tran_total|cart_amount",),
        "currency": ("Transaction Currency|Tran Currency|Cart Currency|tran_currency|cart_currency",),
        "fee": ("Fees|Fee|Transaction Fee", "VAT"),
        "at": ("Transaction Date|Transaction Time|Date|transaction_time",),
        "kind": ("Transaction Type|Tran Type|Type|tran_type",),
        "status": ("Status|Response Status|response_status",), "text": ("Description|cart_description",),
    },
    kinds={
        "sale": "charge", "capture": "charge", "refund": "refund", "void": "refund", "chargeback": "chargeback",
        "payout": "withdrawal", "settlement": "payout", "fee": "fee",
    },
    default_kind="", ignored=("auth", "register"), taken=("a", "authorised", "authorized", "success", "settled", "paid"),
    signed=False, dates=("%d %b %Y %H:%M:%S", "%d/%m/%Y %H:%M:%S", "%d-%m-%Y %H:%M:%S"), zone="Asia/Riyadh",
    identity=("Transaction Ref|Tran Ref|tran_ref",),
)  # fmt: skip

FORMATS: list[Format] = [
    Format(code="stripe", label="Stripe: balance change or payout reconciliation, itemised", layout=_STRIPE, verified=True,
           signature=("balance_transaction_id", "reporting_category", "gross", "fee", "currency")),
    Format(code="paypal", label="PayPal: activity download", layout=_PAYPAL, verified=True,
           signature=("Transaction ID", "Gross", "Fee", "Net", "Type", "Status", "Currency")),
    Format(code="adyen", label="Adyen: settlement details", layout=_ADYEN, verified=True,
           signature=("Psp Reference", "Gross Debit (GC)", "Gross Credit (GC)", "Type", "Net Currency")),
    Format(code="dlocal", label="dLocal: settlement, cross-border payins", layout=_DLOCAL, verified=True,
           signature=("DLOCAL_TRANSACTION_ID", "ROW_TYPE", "LOCAL_AMOUNT", "LOCAL_CURRENCY", "FEE_AMOUNT")),
    *(
        Format(code="paytabs", label="PayTabs: transactions", layout=_PAYTABS, verified=False, signature=signature)
        for signature in (
            ("tran_ref", "tran_type", "cart_id", "cart_amount", "cart_currency"),
            ("Tran Ref", "Tran Type", "Cart ID", "Cart Amount", "Cart Currency"),
            ("Transaction Ref", "Transaction Type", "Cart ID", "Transaction Amount", "Transaction Currency"),
        )
    ),
    *GUESSES,
]  # fmt: skip


def format_get(code: str) -> Format | None:
    return next((item for item in FORMATS if item.code == code), None)
