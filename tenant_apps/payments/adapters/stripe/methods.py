"""How Stripe can be paid with, and where."""

from __future__ import annotations

from ...ports import Method

_EURO = frozenset({"EUR"})
_KLARNA = frozenset(["AUD", "CAD", "CHF", "CZK", "DKK", "EUR", "GBP", "NOK", "NZD", "PLN", "RON", "SEK", "USD"])
# Countries where Stripe offers Klarna (docs.stripe.com/payments/klarna).
_KLARNA_COUNTRIES = frozenset(
    [
        "AT",
        "AU",
        "BE",
        "CA",
        "CH",
        "CZ",
        "DE",
        "DK",
        "ES",
        "FI",
        "FR",
        "GB",
        "GR",
        "IE",
        "IT",
        "NL",
        "NO",
        "NZ",
        "PL",
        "PT",
        "RO",
        "SE",
        "US",
    ]
)
# Single Euro Payments Area; Andorra, Vatican and micro-states included.
_SEPA_COUNTRIES = frozenset(
    [
        "AD",
        "AT",
        "BE",
        "BG",
        "CH",
        "CY",
        "CZ",
        "DE",
        "DK",
        "EE",
        "ES",
        "FI",
        "FR",
        "GB",
        "GI",
        "GR",
        "HR",
        "HU",
        "IE",
        "IS",
        "IT",
        "LI",
        "LT",
        "LU",
        "LV",
        "MC",
        "MT",
        "NL",
        "NO",
        "PL",
        "PT",
        "RO",
        "SE",
        "SI",
        "SK",
        "SM",
        "VA",
    ]
)

METHODS = (
    Method(code="card", icon="credit-card", refund_days=180),
    Method(code="klarna", icon="shopping-bag", currencies=_KLARNA, countries=_KLARNA_COUNTRIES),
    Method(code="ideal", icon="landmark", currencies=_EURO, countries=frozenset({"NL"})),
    Method(code="eps", icon="landmark", currencies=_EURO, countries=frozenset({"AT"})),
    Method(code="sepa_debit", icon="repeat", currencies=_EURO, countries=_SEPA_COUNTRIES, delayed=True),
)
