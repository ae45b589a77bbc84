"""Payment methods: where each may be used, Stripe's test numbers, and what a charge says of them.

Numbers: docs.stripe.com/testing and docs.stripe.com/payments/sepa-debit/accept-a-payment#test-integration.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

EURO = frozenset({"eur"})
KLARNA = frozenset(["aud", "cad", "chf", "czk", "dkk", "eur", "gbp", "nok", "nzd", "pln", "ron", "sek", "usd"])
# In the order the page lists them; None takes every currency.
OFFERED: dict[str, frozenset[str] | None] = {
    "card": None,
    "klarna": KLARNA,
    "ideal": EURO,
    "eps": EURO,
    "sepa_debit": EURO,
}
# The customer confirms these on somebody else's page.
REDIRECTED = frozenset({"klarna", "ideal", "eps"})


@dataclass(frozen=True, slots=True)
class Decline:
    """Why a payment was refused, as ``last_payment_error`` words it."""

    code: str
    message: str
    decline_code: str | None = None
    field: str | None = None


GENERIC = Decline("card_declined", "Your card was declined.", "generic_decline")
DECLINED_CARDS = {
    "4000000000000002": GENERIC,
    "4000000000009995": Decline("card_declined", "Your card has insufficient funds.", "insufficient_funds"),
    "4000000000009987": Decline("card_declined", "Your card was declined.", "lost_card"),
    "4000000000009979": Decline("card_declined", "Your card was declined.", "stolen_card"),
    "4000000000000069": Decline("expired_card", "Your card has expired.", "expired_card"),
    "4000000000000127": Decline("incorrect_cvc", "Your card's security code is incorrect.", "incorrect_cvc"),
    "4000000000000119": Decline(
        "processing_error", "An error occurred while processing your card. Try again in a little bit.",
        "processing_error",
    ),
    "4100000000000019": Decline("card_declined", "Your card was declined.", "fraudulent"),
}  # fmt: skip
# Works after authentication; the second declines even then.
AUTHENTICATED_CARDS = frozenset({"4000002760003184", "4000002500003155", "4000000000003220"})
DECLINED_AFTER_AUTHENTICATION = frozenset({"4000008400001629"})
DISPUTED_CARDS = {"4000000000000259": "fraudulent", "4000000000002685": "product_not_received"}
REFUND_FAILS_LATER = "4000000000005126"
REFUND_PENDING = "4000000000007726"
ACCEPTED_CARDS = {
    "4242424242424242": ("visa", "US"),
    "4000056655665556": ("visa", "US"),
    "5555555555554444": ("mastercard", "US"),
    "2223003122003222": ("mastercard", "US"),
    "378282246310005": ("amex", "US"),
    "6011111111111117": ("discover", "US"),
    "4000002760000016": ("visa", "DE"),
    "4000000400000008": ("visa", "AT"),
    "4000005280000002": ("visa", "NL"),
    "4000007240000007": ("visa", "ES"),
    "4000006430000009": ("visa", "RU"),
    "4000007840000001": ("visa", "AE"),
}
UNKNOWN_TEST_CARD = Decline(
    "card_declined",
    "Your card was declined. Your request was in test mode, but used a non test card. For a list of valid "
    "test cards, visit: https://stripe.com/docs/testing.",
    "test_mode_live_card",
)

# outcome, delay factor (1 = the account's usual settlement time)
SEPA_OUTCOMES = {
    "DE62370400440532013001": "fail",
    "DE78370400440532013004": "fail",
    "AT861904300235473202": "fail",
    "FR8420041010050500013M02607": "fail",
    "DE35370400440532013002": "dispute",
}


def payable_with(allowed: list[str] | None, excluded: list[str], currency: str) -> list[str]:
    """The methods on offer: enabled in the account, allowed, not excluded and fit for the currency."""
    return [
        name
        for name, currencies in OFFERED.items()
        if (allowed is None or name in allowed)
        and name not in excluded
        and (currencies is None or currency in currencies)
    ]


def luhn_valid(number: str) -> bool:
    """ISO/IEC 7812-1 check digit."""
    total = 0
    for index, digit in enumerate(reversed(number)):
        value = int(digit) * (2 if index % 2 else 1)
        total += value - 9 if value > 9 else value
    return number.isdecimal() and total % 10 == 0


def iban_valid(iban: str) -> bool:
    """ISO 13616 check digits (modulo 97)."""
    if not (15 <= len(iban) <= 34 and iban.isalnum() and iban.isascii() and iban[:2].isalpha()):
        return False
    moved = iban[4:] + iban[:4]
    return int("".join(str(int(char, 36)) for char in moved)) % 97 == 1


def card_verdict(number: str) -> Decline | None:
    """What the issuer says before any authentication; None lets it through."""
    if not luhn_valid(number) or len(number) < 13:
        return Decline("incorrect_number", "Your card number is incorrect.", field="number")
    if number in DECLINED_CARDS:
        return DECLINED_CARDS[number]
    known = (
        number in ACCEPTED_CARDS
        or number in AUTHENTICATED_CARDS
        or number in DECLINED_AFTER_AUTHENTICATION
        or number in DISPUTED_CARDS
        or number in {REFUND_FAILS_LATER, REFUND_PENDING}
    )
    return None if known else UNKNOWN_TEST_CARD


def needs_authentication(number: str) -> bool:
    return number in AUTHENTICATED_CARDS or number in DECLINED_AFTER_AUTHENTICATION


def describe(account: str, method: str, details: dict[str, str], *, authenticated: bool = False) -> dict[str, Any]:
    """``payment_method_details`` of a charge. In one account the same card has the same fingerprint."""
    if method == "card":
        return {"type": "card", "card": _card(account, details, authenticated=authenticated)}
    if method == "klarna":
        return {
            "type": "klarna",
            "klarna": {
                "payer_details": {"address": {"country": details.get("country") or "DE"}},
                "payment_method_category": details.get("category", "pay_now"),
                "preferred_locale": "en-DE",
            },
        }
    if method == "sepa_debit":
        iban = details["iban"]
        return {
            "type": "sepa_debit",
            "sepa_debit": {
                "bank_code": iban[4:12],
                "branch_code": "",
                "country": iban[:2],
                "fingerprint": _fingerprint(account, iban),
                "last4": iban[-4:],
                "mandate": f"mandate_{_fingerprint(account, 'mandate' + iban)}",
            },
        }
    if method == "ideal":
        return {
            "type": "ideal",
            "ideal": {
                "bank": details.get("bank") or "ing",
                "bic": "INGBNL2A",
                "iban_last4": "5264",
                "verified_name": details.get("name") or "Jenny Rosen",
            },
        }
    return {
        "type": "eps",
        "eps": {
            "bank": details.get("bank") or "bank_austria",
            "verified_name": details.get("name") or "Jenny Rosen",
        },
    }


def _card(account: str, details: dict[str, str], *, authenticated: bool) -> dict[str, Any]:
    number = details["number"]
    brand, country = ACCEPTED_CARDS.get(number, ("visa", "DE" if authenticated else "US"))
    return {
        "amount_authorized": None,
        "brand": brand,
        "checks": {"address_line1_check": None, "address_postal_code_check": None, "cvc_check": "pass"},
        "country": country,
        "exp_month": int(details["exp_month"]),
        "exp_year": int(details["exp_year"]),
        "fingerprint": _fingerprint(account, number),
        "funding": "debit" if number == "4000056655665556" else "credit",
        "last4": number[-4:],
        "network": brand,
        "three_d_secure": (
            {
                "authenticated": True,
                "authentication_flow": "challenge",
                "result": "authenticated",
                "version": "2.2.0",
            }
            if authenticated
            else None
        ),
        "wallet": None,
    }


def _fingerprint(account: str, value: str) -> str:
    return hashlib.sha256(f"{account}:{value}".encode()).hexdigest()[:16]
