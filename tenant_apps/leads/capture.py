"""What comes from landing pages: parsed, checked for spam, and handed to `lead_capture`.

Spam is answered like a lead, so that a robot learns nothing: a filled honeypot, a form sent within two seconds of
being shown, or one shown longer than a day ago. People who dawdle longer get the form again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import pgettext_lazy

from kernel import clock, secrets, throttle
from kernel.errors import Invalid
from kernel.logs import log
from kernel.tenancy import context
from tenant_apps.clients.phones import phone_normalise
from tenant_apps.clients.services import LeadResult

from . import services
from .geo import country_of_ip

SOURCE_KEYS = (
    "utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content", "gclid", "fbclid", "msclkid", "ttclid",
    "partner", "referrer", "landing",
)  # fmt: skip
HONEYPOT = "website"
PURPOSE = "lead-form"
LEAST_SECONDS = 2
MOST_SECONDS = 24 * 3600


class ConsentMissing(Invalid):
    code = "consent_missing"
    message = pgettext_lazy("lead form", "Please agree that we may contact you.")


class FormExpired(Invalid):
    code = "form_expired"
    message = pgettext_lazy("lead form", "This form was open for too long. Please send it again.")


def form_token() -> str:
    """Goes into the form when it is shown, and says when that was."""
    return secrets.sign(clock.now().timestamp(), purpose=PURPOSE)


def form_age(token: str) -> float:
    """Seconds since the form was shown. Raises FormExpired for a token that is not ours or too old."""
    try:
        shown = secrets.unsign(token, purpose=PURPOSE, max_age=MOST_SECONDS)
    except ValueError as error:
        raise FormExpired from error
    return clock.now().timestamp() - float(shown)


def source_of(data: Mapping[str, Any]) -> dict[str, str]:
    """Campaign parameters, click ids, referrer, landing page and partner code, as far as they are given."""
    return {name: str(data[name])[:300] for name in SOURCE_KEYS if data.get(name)}


def home_countries(ip: str | None) -> tuple[str, str]:
    """Where a number without a country code is at home: the visitor's country, else the brokerage's."""
    return country_of_ip(ip), str(context.tenant().setting("country", ""))


def _phone(data: Mapping[str, Any], ip: str | None) -> str:
    """The number in E.164. Raises PhoneInvalid."""
    countries = (str(data.get("country", ""))[:2], *home_countries(ip))
    return phone_normalise(str(data.get("phone", "")), next(filter(None, countries), ""))


def capture(data: Mapping[str, Any], *, ip: str | None, language: str, form: bool) -> LeadResult | None:
    """Take a lead; None for spam. `form`: it carries a form's token. Raises Invalid for what a person can correct.

    At most ten a minute from one address, two hundred a minute for the brokerage (TooMany).
    """
    throttle.check("lead-ip", throttle.place(ip), burst=10, per_minute=10)
    throttle.check("lead-all", "all", burst=200, per_minute=200)
    if str(data.get(HONEYPOT, "")).strip():
        log.info("lead_spam", trap="honeypot")
        return None
    if form and form_age(str(data.get("t", ""))) < LEAST_SECONDS:
        log.info("lead_spam", trap="time")
        return None
    if not data.get("consent"):
        raise ConsentMissing(field="consent")
    consents = {
        "contact": {"at": clock.now().isoformat(), "ip": ip or "", "text": str(data.get("consent_text", ""))[:300]}
    }
    return services.lead_capture(
        email=str(data.get("email", "")),
        first_name=str(data.get("first_name", "")),
        last_name=str(data.get("last_name", "")),
        phone=_phone(data, ip),
        country=str(data.get("country", ""))[:2] or country_of_ip(ip),
        language=str(data.get("language", "") or language)[:10],
        source=source_of(data),
        consents=consents,
    )
