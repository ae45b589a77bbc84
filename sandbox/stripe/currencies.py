"""Which currencies Stripe takes, their decimals, and the smallest charge.

Sources: docs.stripe.com/currencies (zero-decimal, special cases, three-decimal, minimum charge amounts).
"""

from __future__ import annotations

from decimal import Decimal

from sandbox._hosted import money_text
from sandbox.stripe.errors import bad_request

ZERO_DECIMAL = frozenset(
    ["bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "vnd", "vuv", "xaf", "xof", "xpf"]
)
THREE_DECIMAL = frozenset(["bhd", "jod", "kwd", "omr", "tnd"])
TWO_DECIMAL = frozenset(
    [
        "usd",
        "aed",
        "afn",
        "all",
        "amd",
        "ang",
        "aoa",
        "ars",
        "aud",
        "awg",
        "azn",
        "bam",
        "bbd",
        "bdt",
        "bgn",
        "bmd",
        "bnd",
        "bob",
        "brl",
        "bsd",
        "bwp",
        "byn",
        "bzd",
        "cad",
        "cdf",
        "chf",
        "cny",
        "cop",
        "crc",
        "cve",
        "czk",
        "dkk",
        "dop",
        "dzd",
        "egp",
        "etb",
        "eur",
        "fjd",
        "fkp",
        "gbp",
        "gel",
        "gip",
        "gmd",
        "gtq",
        "gyd",
        "hkd",
        "hnl",
        "htg",
        "huf",
        "idr",
        "ils",
        "inr",
        "isk",
        "jmd",
        "kes",
        "kgs",
        "khr",
        "kyd",
        "kzt",
        "lak",
        "lbp",
        "lkr",
        "lrd",
        "lsl",
        "mad",
        "mdl",
        "mkd",
        "mmk",
        "mnt",
        "mop",
        "mur",
        "mvr",
        "mwk",
        "mxn",
        "myr",
        "mzn",
        "nad",
        "ngn",
        "nio",
        "nok",
        "npr",
        "nzd",
        "pab",
        "pen",
        "pgk",
        "php",
        "pkr",
        "pln",
        "qar",
        "ron",
        "rsd",
        "rub",
        "sar",
        "sbd",
        "scr",
        "sek",
        "sgd",
        "shp",
        "sle",
        "sos",
        "srd",
        "std",
        "szl",
        "thb",
        "tjs",
        "top",
        "try",
        "ttd",
        "twd",
        "tzs",
        "uah",
        "ugx",
        "uyu",
        "uzs",
        "wst",
        "xcd",
        "yer",
        "zar",
        "zmw",
    ]
)
# Minor units.
MINIMUM = {
    "usd": 50, "aed": 200, "aud": 50, "brl": 50, "cad": 50, "chf": 50, "czk": 1500, "dkk": 250, "eur": 50,
    "gbp": 30, "hkd": 400, "huf": 17500, "inr": 50, "jpy": 50, "mxn": 1000, "myr": 200, "nok": 300, "nzd": 50,
    "pln": 200, "ron": 200, "sek": 300, "sgd": 50, "thb": 1000,
}  # fmt: skip
MAXIMUM = 99_999_999


def exponent(currency: str) -> int:
    """Decimals of an amount on the wire."""
    return 0 if currency in ZERO_DECIMAL else 3 if currency in THREE_DECIMAL else 2


def major(amount: int, currency: str) -> Decimal:
    """``amount`` minor units as a decimal of the currency."""
    return Decimal(amount).scaleb(-exponent(currency))


def display(amount: int, currency: str, language: str = "en") -> str:
    """As the reader of ``language`` writes it, with the currency's own decimals."""
    return money_text(major(amount, currency), currency.upper(), language)


def check_currency(currency: str, param: str) -> str:
    """Lower case and known, or an ApiError."""
    lowered = currency.lower()
    if lowered not in ZERO_DECIMAL | THREE_DECIMAL | TWO_DECIMAL:
        raise bad_request(f"Invalid currency: {currency}. Stripe currently supports no such currency.", param)
    return lowered


def check_total(amount: int, currency: str) -> None:
    """The rules for what may be charged at all; ``amount`` in minor units."""
    if amount < MINIMUM.get(currency, 50):
        shown = display(MINIMUM.get(currency, 50), currency)
        raise bad_request(
            f"The Checkout Session's total amount due must add up to at least {shown} {currency}",
            code="amount_too_small",
        )
    if amount > MAXIMUM:
        shown = display(MAXIMUM, currency)
        raise bad_request(
            f"The Checkout Session's total amount due must be no more than {shown} {currency}",
            code="amount_too_large",
        )
    if currency in THREE_DECIMAL and amount % 10:
        raise bad_request(
            f"Invalid amount: {amount}. In {currency} the last digit must be 0: networks settle two.",
            "amount",
        )
