"""Phone numbers as one form: E.164, by Google's libphonenumber data."""

from __future__ import annotations

import phonenumbers

from .errors import PhoneInvalid


def phone_normalise(text: str, country: str = "") -> str:
    """`0171 1234567` with country DE → `+491711234567`. Empty stays empty. Raises PhoneInvalid."""
    from kernel.ui.forms import normalise_digits

    if not text.strip():
        return ""
    try:
        number = phonenumbers.parse(normalise_digits(text), country or None)
    except phonenumbers.NumberParseException as error:
        raise PhoneInvalid(field="phone") from error
    if not phonenumbers.is_valid_number(number):
        raise PhoneInvalid(field="phone")
    return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))


def country_of(phone: str) -> str:
    """ISO country of an E.164 number, or empty."""
    try:
        return phonenumbers.region_code_for_number(phonenumbers.parse(phone)) or ""
    except phonenumbers.NumberParseException:
        return ""
