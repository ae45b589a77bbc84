"""Layouts that no page we could read shows: best guesses after the names that each provider's own interface uses.

All carry `verified=False`, which the pages show: whoever reads such a file in is asked to compare its sums with the
provider's. Where a guess is wrong the file is refused (a column is missing), or an office maps its columns and the account
keeps that. What each name was taken from stands beside it.
"""

from __future__ import annotations

from dataclasses import replace

from .layout import Format, Layout

# The account history of Skrill's Merchant Query Interface (action "history"), which is what the account's own export has too:
# the account's currency stands in the names of two columns only, so each currency is a format.
_SKRILL = Layout(
    columns={
        "line": ("ID",), "reference": ("ID", "ID of the corresponding Skrill transaction"), "own": ("Reference",),
        "at": ("Time (CET)|Date/Time (CET)|Time",), "kind": ("Type",), "status": ("Status",), "text": ("Transaction Details",),
    },
    kinds={
        "receive money": "charge", "send money": "withdrawal", "refund": "refund", "chargeback": "chargeback", "fee": "fee",
        "bank transfer": "payout", "withdraw": "payout", "withdrawal": "payout",
    },
    default_kind="other", taken=("processed",), dates=("%d %b %y %H:%M", "%d %b %Y %H:%M", "%d-%m-%Y %H:%M:%S"), zone="CET",
    identity=("ID",), decimal=".",
)  # fmt: skip
SKRILL_CURRENCIES = ("EUR", "USD", "GBP", "CHF", "PLN")

# Names of a notification (cashier API 1.3): transaction, session and their amounts.
_PRAXIS = Layout(
    columns={
        "line": ("tid",), "reference": ("tid", "reference_id"), "own": ("order_id",),
        "amount": ("processed_amount", "amount"), "currency": ("processed_currency", "currency"), "fee": ("fee",),
        "at": ("created_timestamp|transaction_created|created_at|created",), "kind": ("intent|transaction_type|type",),
        "status": ("transaction_status|status",), "text": ("payment_processor",),
    },
    kinds={
        "payment": "charge", "sale": "charge", "capture": "charge", "refund": "refund", "withdrawal": "withdrawal",
        "payout": "withdrawal", "chargeback": "chargeback", "chargeback_reversal": "reinstated", "fee": "fee",
    },
    default_kind="other", ignored=("authorization", "void"), taken=("approved",), signed=False, identity=("tid",), decimal=".",
)  # fmt: skip

# docs.cryptoprocessing.com/reporting/transactions-report: a CSV with one row per entry, and the words of TRANSACTION_TYPE. The
# names of the other columns are guessed after it and after the callbacks' fields.
_CRYPTO_TYPES = {
    **dict.fromkeys(("deposit", "deposit_exchange", "deposit_wallet_client", "payment_request_deposit"), "charge"),
    **dict.fromkeys(("payment_request_refund", "payment_request_manual_refund"), "refund"),
    **dict.fromkeys(
        ("withdrawal", "withdrawal_exchange", "withdrawal_instant", "withdrawal_instant_exchange", "withdrawal_for_approve"),
        "withdrawal",
    ),
    **dict.fromkeys(("withdrawal_to_cold_client", "withdrawal_transfer"), "payout"),
    "fee": "fee", "mining": "fee", "network_fee": "fee", "service_fee": "fee",
}  # fmt: skip
_CRYPTO = Layout(
    columns={
        "line": ("ENTRY_ID",), "reference": ("TRANSACTION_ID",), "own": ("FOREIGN_ID",), "amount": ("AMOUNT",),
        "currency": ("CURRENCY",), "at": ("TRANSACTION_DATE|CREATED_AT|DATE",), "kind": ("ENTRY_TYPE", "TRANSACTION_TYPE"),
        "status": ("STATUS",), "text": ("TXID",),
    },
    kinds=_CRYPTO_TYPES, default_kind="other", taken=("confirmed",), identity=("ENTRY_ID",), decimal=".",
)  # fmt: skip

# Fields of a charge and a refund; developers.tap.company tells of the download (reference/download-charges), not of its names.
_TAP = Layout(
    columns={
        "line": ("refund_id", "charge_id"), "reference": ("refund_id", "charge_id"),
        "own": ("reference.order|reference_order|order", "reference.transaction|reference_transaction"),
        "amount": ("amount",), "currency": ("currency",), "fee": ("fee|fees", "vat"),
        "at": ("created|created_at|transaction.created|post_date",), "kind": ("object|type",), "status": ("status",),
        "text": ("description",),
    },
    kinds={"charge": "charge", "refund": "refund", "payout": "payout", "dispute": "chargeback", "dispute_release": "reinstated"},
    default_kind="charge", taken=("captured", "refunded", "paid"), signed=False, zone="Asia/Kuwait",
    identity=("refund_id", "charge_id"), decimal=".",
)  # fmt: skip

# Fields of get_status3 and of the result call.
_FREEDOMPAY = Layout(
    columns={
        "line": ("pg_payment_id",), "reference": ("pg_payment_id",), "own": ("pg_order_id",),
        "amount": ("pg_amount|pg_payment_amount",), "currency": ("pg_currency|pg_ps_currency",),
        "fee": ("pg_commission|pg_fee",), "at": ("pg_payment_date|pg_create_date|pg_date",),
        "kind": ("pg_type|pg_operation",), "status": ("pg_payment_status|pg_status",), "text": ("pg_description",),
    },
    kinds={"payment": "charge", "refund": "refund", "revoke": "refund", "payout": "withdrawal", "chargeback": "chargeback"},
    default_kind="charge", taken=("ok", "success", "refunded"), signed=False, zone="Asia/Almaty", identity=("pg_payment_id",),
    decimal=".",
)  # fmt: skip

# Fields of GetStatement: amounts in tiyin, times in milliseconds. A payment that was taken back (state −2) is one row in it, and
# stands for the money that is there no more.
_PAYME = Layout(
    columns={
        "line": ("id|_id",), "reference": ("id|_id",), "own": ("account.order_id|account.order|account.reference|account",),
        "amount": ("amount",), "at": ("perform_time",), "kind": ("state",), "text": ("transaction",),
    },
    kinds={"2": "charge", "-2": "refund"}, ignored=("1", "-1"), signed=False, minor=True, currency="UZS",
    identity=("id|_id", "state"), decimal=".",
)  # fmt: skip

# Fields of Prepare and Complete.
_CLICK = Layout(
    columns={
        "line": ("click_paydoc_id",), "reference": ("click_paydoc_id", "click_trans_id"), "own": ("merchant_trans_id",),
        "amount": ("amount",), "at": ("sign_time|create_time|payment_date",), "status": ("error|payment_status",),
        "text": ("error_note",),
    },
    default_kind="charge", taken=("0", "2"), signed=False, currency="UZS", zone="Asia/Tashkent",
    identity=("click_paydoc_id",), decimal=".",
)  # fmt: skip

# docs.dlocal.com/docs/reporting-payouts tells of amount, currency, status and ids of a daily report, not of its names: those
# of the payouts interface (v3).
_DLOCAL_PAYOUTS = Layout(
    columns={
        "line": ("PAYOUT_ID",), "reference": ("PAYOUT_ID",), "own": ("EXTERNAL_ID",), "amount": ("AMOUNT",),
        "currency": ("CURRENCY",), "fee": ("FEE_AMOUNT|FEE",), "fee_currency": ("FEE_CURRENCY",),
        "at": ("PROCESSED_DATE|UPDATED_DATE|CREATION_DATE|DATE",), "status": ("STATUS",), "text": ("STATUS_DETAIL",),
    },
    default_kind="withdrawal", taken=("completed", "paid"), signed=False, identity=("PAYOUT_ID",), decimal=".",
)  # fmt: skip


def _skrill(currency: str) -> Format:
    sides = {"credit": (f"[+] {currency}",), "debit": (f"[-] {currency}",)}
    return Format(
        code=f"skrill_{currency.lower()}", label=f"Skrill: account history, {currency}", verified=False,
        layout=replace(_SKRILL, columns={**_SKRILL.columns, **sides}, currency=currency),
        signature=("ID", "Type", "Transaction Details", "Reference", f"[-] {currency}", f"[+] {currency}"),
    )  # fmt: skip


GUESSES: list[Format] = [
    *(_skrill(currency) for currency in SKRILL_CURRENCIES),
    Format(code="praxis", label="Praxis: transactions", layout=_PRAXIS, verified=False,
           signature=("tid", "order_id", "processed_amount", "processed_currency")),
    Format(code="cryptoproc", label="CryptoProcessing: transactions report", layout=_CRYPTO, verified=False,
           signature=("TRANSACTION_TYPE", "TRANSACTION_ID", "FOREIGN_ID", "AMOUNT", "CURRENCY")),
    Format(code="tap", label="Tap: charges or refunds", layout=_TAP, verified=False,
           signature=("charge_id", "amount", "currency", "status")),
    Format(code="freedompay", label="Freedom Pay: payments", layout=_FREEDOMPAY, verified=False,
           signature=("pg_payment_id", "pg_order_id", "pg_currency")),
    Format(code="payme", label="Payme: statement", layout=_PAYME, verified=False,
           signature=("amount", "create_time", "perform_time", "cancel_time", "state")),
    Format(code="click", label="Click: payments", layout=_CLICK, verified=False,
           signature=("click_trans_id", "click_paydoc_id", "merchant_trans_id", "amount")),
    Format(code="dlocal_payouts", label="dLocal: payouts", layout=_DLOCAL_PAYOUTS, verified=False,
           signature=("PAYOUT_ID", "EXTERNAL_ID", "AMOUNT", "CURRENCY", "STATUS")),
]  # fmt: skip
