"""Words for codes: methods, failures, reasons, checks."""

from __future__ import annotations

from typing import Any

from django.utils.translation import pgettext, pgettext_lazy

from tenant_apps.wallets import risk_signs

from . import registry
from .models import RejectReason

METHODS: dict[str, Any] = {
    "card": pgettext_lazy("payment method", "Card"),
    "klarna": pgettext_lazy("payment method", "Klarna"),
    "ideal": pgettext_lazy("payment method", "iDEAL"),
    "eps": pgettext_lazy("payment method", "EPS"),
    "sepa_debit": pgettext_lazy("payment method", "SEPA direct debit"),
    "wire": pgettext_lazy("payment method", "Bank transfer"),
    "knet": pgettext_lazy("payment method", "KNET"),
    "mada": pgettext_lazy("payment method", "mada"),
    "applepay": pgettext_lazy("payment method", "Apple Pay"),
}
METHOD_HINTS: dict[str, Any] = {
    "card": pgettext_lazy("payment method hint", "Visa, Mastercard and others. In your account at once."),
    "klarna": pgettext_lazy("payment method hint", "Pay from your bank with Klarna. In your account at once."),
    "ideal": pgettext_lazy("payment method hint", "Pay from your Dutch bank. In your account at once."),
    "eps": pgettext_lazy("payment method hint", "Pay from your Austrian bank. In your account at once."),
    "sepa_debit": pgettext_lazy("payment method hint", "From your bank account. Takes several working days."),
    "wire": pgettext_lazy("payment method hint", "You transfer from your bank. Takes one to three working days."),
    "knet": pgettext_lazy("payment method hint", "Kuwaiti debit cards. In your account at once."),
    "mada": pgettext_lazy("payment method hint", "Saudi debit cards. In your account at once."),
    "applepay": pgettext_lazy("payment method hint", "Pay with your phone. In your account at once."),
}
FAILURES: dict[str, Any] = {
    "declined": pgettext_lazy("payment failure", "The bank declined the payment."),
    "insufficient_funds": pgettext_lazy("payment failure", "There was not enough money on the card or account."),
    "expired_card": pgettext_lazy("payment failure", "The card has expired."),
    "wrong_details": pgettext_lazy("payment failure", "The card details were not right."),
    "authentication": pgettext_lazy("payment failure", "The payment was not confirmed with the bank."),
    "fraud": pgettext_lazy("payment failure", "The bank declined the payment."),
    "cancelled": pgettext_lazy("payment failure", "The payment was cancelled."),
    "expired": pgettext_lazy("payment failure", "The time to pay ran out."),
    "refused": pgettext_lazy("payment failure", "The payment provider refused the request."),
    "closed": pgettext_lazy("payment failure", "It was closed because no payment arrived."),
    "voided": pgettext_lazy("payment failure", "The payment was taken back."),
    "chargeback": pgettext_lazy("payment failure", "The payer's bank took the payment back."),
    "error": pgettext_lazy("payment failure", "Something went wrong at the bank or the provider."),
}
CHECKS: dict[str, Any] = {
    "funds": pgettext_lazy("withdrawal check", "The amount is set aside in the wallet"),
    "kyc": pgettext_lazy("withdrawal check", "Identity is verified"),
    "limits": pgettext_lazy("withdrawal check", "Within the limits"),
    "no_reversal": pgettext_lazy("withdrawal check", "No deposit was reversed"),
    "address": pgettext_lazy("withdrawal check", "No recent change of the e-mail address"),
    "identity": pgettext_lazy("withdrawal check", "No change of the verified identity waits to be confirmed"),
    "funds_source": pgettext_lazy("withdrawal check", "Where the money comes from is known"),
    "held": pgettext_lazy("withdrawal check", "Nothing keeps it from being sent"),
    "two_people": pgettext_lazy(
        "withdrawal check", "The two who decided share no device, and neither invited the other"
    ),
    "name": pgettext_lazy("withdrawal check", "The account holder is the client"),
    "iban": pgettext_lazy("withdrawal check", "The IBAN is well formed"),
    "destination": pgettext_lazy("withdrawal check", "The payout account is verified and past its waiting time"),
}
ATTENTION: dict[str, Any] = {
    "velocity": pgettext_lazy("deposit attention", "More payments in a short time than usual"),
    "underpaid": pgettext_lazy("deposit attention", "Less arrived than was asked for"),
    "overpaid": pgettext_lazy("deposit attention", "More arrived than was asked for"),
    "currency": pgettext_lazy("deposit attention", "It was paid in another currency and waits for a decision"),
    "late": pgettext_lazy("deposit attention", "It arrived after it had been given up"),
    "reversed": pgettext_lazy("deposit attention", "Reversed; taken from the wallet"),
    "refunded": pgettext_lazy("deposit attention", "Given back on the provider's own pages; taken from the wallet"),
    "reversed_uncovered": pgettext_lazy("deposit attention", "Reversed; the wallet no longer held the money"),
}

RISK: dict[str, Any] = {
    "shared_destination": pgettext_lazy("risk sign", "Another client has the same payout account"),
    "exchanged_since": pgettext_lazy(
        "risk sign", "Exchanged since: deposits in another currency could still be given back"
    ),
    "reversed_deposit": pgettext_lazy("risk sign", "A deposit was taken back before"),
    "fresh_deposit": pgettext_lazy("risk sign", "Money came in within three days"),
    "new_destination": pgettext_lazy("risk sign", "The payout account is younger than a week"),
    "other_country": pgettext_lazy("risk sign", "The payout account is in another country"),
    "often_today": pgettext_lazy("risk sign", "Three withdrawals or more within 24 hours"),
    "young_account": pgettext_lazy("risk sign", "The client registered within a week"),
    "first_withdrawal": pgettext_lazy("risk sign", "The client's first withdrawal"),
}
HOLDS: dict[str, Any] = {
    "reversal": pgettext_lazy("withdrawal hold", "A deposit of this client was taken back by the payer's bank"),
}
WINDOWS: dict[str, Any] = {
    "day": pgettext_lazy("limit window", "in 24 hours"),
    "week": pgettext_lazy("limit window", "in 7 days"),
    "month": pgettext_lazy("limit window", "in 30 days"),
    "total": pgettext_lazy("limit window", "in total"),
}
# Why a rule is not offered, or only last: for staff, in the rule tester.
ROUTING: dict[str, Any] = {
    "off": pgettext_lazy("routing reason", "The rule is switched off"),
    "account_off": pgettext_lazy("routing reason", "The provider is switched off"),
    "method_off": pgettext_lazy("routing reason", "The provider does not offer this method in this currency"),
    "maintenance": pgettext_lazy("routing reason", "Under maintenance"),
    "country": pgettext_lazy("routing reason", "Not for this country"),
    "level": pgettext_lazy("routing reason", "A higher verification level is needed"),
    "tags_any": pgettext_lazy("routing reason", "The client has none of the tags asked for"),
    "tags_none": pgettext_lazy("routing reason", "The client has a tag that is left out"),
    "device": pgettext_lazy("routing reason", "Not on this device"),
    "hours": pgettext_lazy("routing reason", "Outside the hours"),
    "entity": pgettext_lazy("routing reason", "Not for this legal entity"),
    "amount": pgettext_lazy("routing reason", "The amount is outside the band"),
    "fee": pgettext_lazy("routing reason", "The fee would take all of it"),
    "step": pgettext_lazy("routing reason", "The provider cannot take such a fine amount"),
    "destination_country": pgettext_lazy("routing reason", "The provider does not pay to this country"),
    "details": pgettext_lazy("routing reason", "It needs other details of the payout account than were verified"),
    "payout_last": pgettext_lazy("routing reason", "Tried last: the provider did not answer"),
    "backed_off": pgettext_lazy("routing reason", "Held back: the provider did not answer, and another one serves"),
    "backed_off_last": pgettext_lazy("routing reason", "Offered last: the provider did not answer"),
}

MATCH: dict[str, Any] = {
    "reference": pgettext_lazy("bank match reason", "Our reference is in the payment's text"),
    "amount": pgettext_lazy("bank match reason", "The amount is the one expected"),
    "amount_differs": pgettext_lazy("bank match reason", "Another amount than expected"),
    "iban": pgettext_lazy("bank match reason", "The client has paid from this account before"),
    "name": pgettext_lazy("bank match reason", "The payer has the client's name"),
    "other_name": pgettext_lazy("bank match reason", "The payer has another name than the client"),
    "currency": pgettext_lazy("bank match reason", "Another currency than expected"),
    "other_account": pgettext_lazy("bank match reason", "It came to another of our accounts than announced"),
    "returned": pgettext_lazy("bank match reason", "A transfer of ours that came back, or a correction of the bank"),
    "alike": pgettext_lazy("bank match reason", "Another statement has a payment like it"),
    "taken": pgettext_lazy("bank match reason", "An earlier payment has settled it: this one is another"),
    "no_order": pgettext_lazy("bank match reason", "Money that left without an order of ours"),
    "charges": pgettext_lazy("bank match reason", "The bank calls it its charges"),
    "interest": pgettext_lazy("bank match reason", "The bank calls it interest"),
    "none": pgettext_lazy("bank match reason", "Nothing fits"),
}

ACTIONS: dict[str, Any] = {
    "payments.deposit_credited": pgettext_lazy("payments story", "Credited to the wallet"),
    "payments.deposit_reversed": pgettext_lazy("payments story", "Taken back by the payer's bank"),
    "payments.deposit_refunded": pgettext_lazy("payments story", "Given back on the provider's own pages"),
    "payments.deposit_reinstated": pgettext_lazy("payments story", "Came back to us"),
    "payments.deposit_told": pgettext_lazy("payments story", "Corrected to what really came"),
    "payments.suspense_booked": pgettext_lazy("payments story", "Came in another currency; kept by the house"),
    "payments.suspense_proposed": pgettext_lazy("payments story", "A decision was proposed"),
    "payments.suspense_credited": pgettext_lazy("payments story", "Credited in the currency it came in"),
    "payments.suspense_refunded": pgettext_lazy("payments story", "Sent back"),
    "payments.suspense_back": pgettext_lazy("payments story", "The proposal was taken back"),
    "payments.payout_rerouted": pgettext_lazy("payments story", "Sent through another provider than planned"),
    "payments.payout_passed_on": pgettext_lazy("payments story", "Refused by the provider, passed on to another"),
    "payments.freeze_begun": pgettext_lazy("payments story", "Withdrawals stopped after the chargeback"),
    "payments.freeze_taken": pgettext_lazy("payments story", "The loss was taken from the wallet"),
    "payments.freeze_lifted": pgettext_lazy("payments story", "Withdrawals go on"),
    "payments.first_deposit_changed": pgettext_lazy("payments story", "No longer the first deposit"),
    "payments.withdrawal_held": pgettext_lazy("payments story", "Stopped after a chargeback"),
    "payments.withdrawal_let_go": pgettext_lazy("payments story", "Goes on"),
    "payments.deposit_looked_at": pgettext_lazy("payments story", "Looked at"),
    "payments.deposit_closed": pgettext_lazy("payments story", "Closed by hand"),
    "payments.withdrawal_requested": pgettext_lazy("payments story", "Requested"),
    "payments.withdrawal_checked": pgettext_lazy("payments story", "Checked and proposed"),
    "payments.withdrawal_agreed": pgettext_lazy("payments story", "Agreed; the next approval follows"),
    "payments.withdrawal_approved": pgettext_lazy("payments story", "Approved"),
    "payments.withdrawal_rejected": pgettext_lazy("payments story", "Rejected"),
    "payments.withdrawal_cancelled": pgettext_lazy("payments story", "Cancelled by the client"),
    "payments.withdrawal_paid": pgettext_lazy("payments story", "Paid"),
    "payments.withdrawal_failed": pgettext_lazy("payments story", "Could not be paid"),
    "payments.wire_sent": pgettext_lazy("payments story", "Sent from the bank"),
    "payments.wire_refused": pgettext_lazy("payments story", "Refused by the bank"),
    "payments.call_sent": pgettext_lazy("payments story", "Carried out, as seen at the provider"),
    "payments.call_refused": pgettext_lazy("payments story", "Not carried out, as seen at the provider"),
}


def action_words(code: str) -> str:
    return str(ACTIONS.get(code, code))


def risk_words(code: str) -> str:
    known = RISK | {sign.code: sign.words for sign in risk_signs.registered()}
    return str(known.get(code, code))


REFUSALS: dict[str, Any] = {
    "deposit_limit_reached": pgettext_lazy("deposit refusal", "the client's deposit limit"),
    "too_often": pgettext_lazy("deposit refusal", "too many payments in a short time"),
    "funds_needed": pgettext_lazy("deposit refusal", "the source of funds is not known"),
}


def refusal_words(code: str) -> str:
    return str(REFUSALS.get(code, code))


def hold_words(code: str) -> str:
    return str(HOLDS.get(code, code))


def window_words(code: str) -> str:
    return str(WINDOWS.get(code, code))


def routing_words(code: str) -> str:
    return str(ROUTING.get(code, code))


# What the note of a line is begun with, by what the bank itself calls it.
CALLED: dict[str, Any] = {
    "charges": pgettext_lazy("bank line note", "Charges of the bank"),
    "interest": pgettext_lazy("bank line note", "Interest of the bank"),
}


def line_note(reasons: list[str]) -> str:
    """What a line is, as a note: a proposal for whoever looks at it, empty where the bank does not say."""
    return next((str(CALLED[reason]) for reason in reasons if reason in CALLED), "")


def match_words(code: str) -> str:
    return str(MATCH.get(code, code))


def method_names() -> dict[str, Any]:
    """Name by code of every method in or out that an installed adapter has; the words here before an adapter's own."""
    found: dict[str, Any] = dict(METHODS)
    for adapter in registry.adapters().values():
        labels = [(method.code, method.label) for method in adapter.capabilities.methods]
        for code, label in labels + [(method.code, method.label) for method in adapter.capabilities.payout_methods]:
            found.setdefault(code, label or code.replace("_", " ").title())
    return found


def method_name(code: str) -> str:
    if code == "back":  # `chain.BACK`; no method of a provider
        return pgettext("work fact", "Back to where it came from")
    known = METHODS.get(code) or method_names().get(code)
    return str(known or code.replace("_", " ").title())


def method_hint(code: str) -> str:
    if code in METHOD_HINTS:
        return str(METHOD_HINTS[code])
    for adapter in registry.adapters().values():
        if found := adapter.capabilities.method(code):
            return str(found.hint)
    return ""


def failure_words(code: str) -> str:
    return str(FAILURES.get(code, FAILURES["error"]))


def check_words(code: str) -> str:
    return str(CHECKS.get(code, code))


def attention_words(code: str) -> str:
    return str(ATTENTION.get(code, code))


def reason_words(code: str) -> str:
    return str(RejectReason(code).label) if code in RejectReason.values else code
