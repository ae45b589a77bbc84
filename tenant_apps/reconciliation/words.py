"""Words for codes: why a file or a row was refused, why a line was matched, what a column holds."""

from __future__ import annotations

from typing import Any

from django.utils.translation import pgettext_lazy

FILE_PROBLEMS: dict[str, Any] = {
    "binary": pgettext_lazy("report problem", "This is no text file. Export it as CSV."),
    "encoding": pgettext_lazy("report problem", "The file is not written in the chosen encoding."),
    "csv": pgettext_lazy("report problem", "The file's rows cannot be told apart: %(why)s."),
    "header": pgettext_lazy("report problem", "No line with the names of columns was found."),
    "columns": pgettext_lazy("report problem", "It has no column for: %(columns)s."),
    "decimal": pgettext_lazy(
        "report problem", "Some amounts use a point, others a comma for decimals. Choose which is right."
    ),
    "long": pgettext_lazy("report problem", "The file has more than 500,000 rows. Export a shorter period."),
    "empty": pgettext_lazy("report problem", "No row of this file moves money."),
    "layout": pgettext_lazy("report problem", "Nobody has said yet what the columns of this file mean."),
    "gone": pgettext_lazy("report problem", "The uploaded file is gone. Upload it again."),
}
ROW_PROBLEMS: dict[str, Any] = {
    "number": pgettext_lazy("row problem", "Not an amount"),
    "decimals": pgettext_lazy("row problem", "More decimals than the currency has"),
    "currency": pgettext_lazy("row problem", "Not a currency we know"),
    "date": pgettext_lazy("row problem", "Not a date in this format"),
    "zone": pgettext_lazy("row problem", "Not a time zone we know"),
    "kind": pgettext_lazy("row problem", "Nobody has said what this kind of row is"),
    "twice": pgettext_lazy("row problem", "The same row stands twice in this file and says two things"),
}
FIELD_WORDS: dict[str, Any] = {
    "at": pgettext_lazy("report column", "Time"),
    "amount": pgettext_lazy("report column", "Amount"),
    "credit": pgettext_lazy("report column", "Amount in"),
    "debit": pgettext_lazy("report column", "Amount out"),
    "currency": pgettext_lazy("report column", "Currency"),
    "reference": pgettext_lazy("report column", "Provider's reference"),
    "own": pgettext_lazy("report column", "Our id"),
    "fee": pgettext_lazy("report column", "Fee"),
    "kind": pgettext_lazy("report column", "Kind of row"),
    "status": pgettext_lazy("report column", "State"),
    "line": pgettext_lazy("report column", "Id of the row"),
    "zone": pgettext_lazy("report column", "Time zone"),
    "text": pgettext_lazy("report column", "Text"),
    "fee_currency": pgettext_lazy("report column", "Currency of the fee"),
}

REASONS: dict[str, Any] = {
    "reference": pgettext_lazy("match reason", "the provider's reference"),
    "own_id": pgettext_lazy("match reason", "our id"),
    "amount": pgettext_lazy("match reason", "the amount"),
    "amount_time": pgettext_lazy("match reason", "amount, currency and time"),
    "payment": pgettext_lazy("match reason", "payment and amount"),
    "amount_differs": pgettext_lazy("match reason", "the amount differs"),
    "currency_differs": pgettext_lazy("match reason", "another currency"),
    "taken": pgettext_lazy("match reason", "another line has it already"),
    "not_credited": pgettext_lazy("match reason", "not credited with us"),
    "not_paid": pgettext_lazy("match reason", "not paid with us"),
    "not_refunded": pgettext_lazy("match reason", "no refund with us"),
    "not_reversed": pgettext_lazy("match reason", "no reversal with us"),
    "not_reinstated": pgettext_lazy("match reason", "not given back with us"),
    "none": pgettext_lazy("match reason", "nothing with us is like it"),
    "fee": pgettext_lazy("match reason", "a cost of ours"),
    "payout": pgettext_lazy("match reason", "on its way to our bank"),
    "other": pgettext_lazy("match reason", "a person has to say what it is"),
}

NOTES: dict[str, Any] = {
    "agrees": pgettext_lazy("case note", "Both sides say the same by now."),
    "changed": pgettext_lazy("case note", "A later report says something else of a line that was read in before."),
    "twice": pgettext_lazy("case note", "This was corrected, and matches now all the same: undo the correction."),
}

CLOSE_LINES: dict[str, Any] = {
    "opening": pgettext_lazy("daily close", "Opening"),
    "deposits": pgettext_lazy("daily close", "Deposits"),
    "withdrawals": pgettext_lazy("daily close", "Withdrawals"),
    "fees": pgettext_lazy("daily close", "Our fees"),
    "fx": pgettext_lazy("daily close", "Exchange"),
    "reversals": pgettext_lazy("daily close", "Reversals"),
    "trading": pgettext_lazy("daily close", "Results of trading"),
    "commissions": pgettext_lazy("daily close", "Partners’ commissions"),
    "corrections": pgettext_lazy("daily close", "Corrections"),
    "other": pgettext_lazy("daily close", "Anything else"),
    "closing": pgettext_lazy("daily close", "Closing"),
    "provider_fees": pgettext_lazy("daily close", "Kept by providers (the house's)"),
    "requirement": pgettext_lazy("daily close", "Clients' money to be covered"),
    "providers": pgettext_lazy("daily close", "At providers"),
    "bank": pgettext_lazy("daily close", "At banks"),
    "gone": pgettext_lazy("daily close", "Left the banks without a posting"),
}
PROOF_WORDS: dict[str, Any] = {
    "deposits": pgettext_lazy("daily close proof", "Deposits as documents"),
    "withdrawals": pgettext_lazy("daily close proof", "Withdrawals as documents"),
    "balances": pgettext_lazy("daily close proof", "Closing by running balances"),
    "ledger": pgettext_lazy("daily close proof", "All accounts of the ledger, summed"),
    "bank": pgettext_lazy("daily close proof", "Banks’ closing balances"),
    "trading": pgettext_lazy("daily close proof", "Trading platforms’ balances"),
}
# Why a bank's closing balance is not what the ledger has at that bank (banks.REASONS).
BANK_REASONS: dict[str, Any] = {
    "before": pgettext_lazy("bank difference", "From before the first statement"),
    "unassigned": pgettext_lazy("bank difference", "Lines not assigned yet"),
    "late": pgettext_lazy("bank difference", "Booked by us after that day"),
    "on_the_way": pgettext_lazy("bank difference", "On its way, on no statement yet"),
    "not_clients": pgettext_lazy("bank difference", "Not clients’: fees, interest, own transfers"),
    "missing": pgettext_lazy("bank difference", "What a missing statement would tell"),
}
# What stands on the page of the three sides (sides.py).
SIDE_WORDS: dict[str, Any] = {
    "providers": pgettext_lazy("three sides", "At providers, says the ledger"),
    "banks": pgettext_lazy("three sides", "At banks, says the ledger"),
    "gone": pgettext_lazy("three sides", "Left the banks without a posting"),
    "wallets": pgettext_lazy("three sides", "In wallets"),
    "to_trading": pgettext_lazy("three sides", "From wallets on its way to trading"),
    "trading": pgettext_lazy("three sides", "In trading accounts"),
    "copying": pgettext_lazy("three sides", "In copying, below trading accounts"),
    "requirement": CLOSE_LINES["requirement"],
    "deposits": pgettext_lazy("three sides", "Deposits that providers have and have not confirmed"),
    "withdrawals": pgettext_lazy("three sides", "Withdrawals being sent"),
    "to_accounts": pgettext_lazy("three sides", "Wallet to trading account"),
    "to_wallets": pgettext_lazy("three sides", "Trading account to wallet"),
    "lines": pgettext_lazy("three sides", "Bank lines not assigned yet"),
}


def note_text(author: str, text: str) -> str:
    """A note as written; the desk's own ones in the reader's language."""
    return text if author else str(NOTES.get(text, text))


def match_reason(code: str) -> str:
    return str(REASONS.get(code, code))


def file_problem(code: str, **data: str) -> str:
    """Why a file was refused, in the reader's language."""
    text = str(FILE_PROBLEMS.get(code, code))
    if "columns" in data:
        data["columns"] = ", ".join(str(FIELD_WORDS.get(name, name)) for name in data["columns"].split(", "))
    return text % data if data and "%(" in text else text


def row_problem(code: str) -> str:
    return str(ROW_PROBLEMS.get(code, code))
