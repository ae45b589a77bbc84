"""Words and pieces of the hosted pages: Russian, Kazakh and English, no script, one column on a phone."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from babel.numbers import format_currency

from sandbox._html import Child, Markup, document, el
from sandbox._web import Response, html_response
from sandbox.freedompay import signing
from sandbox.freedompay.store import Payment

STYLESHEET = "/static/hosted.css"
SIGNS = {"KZT": "₸", "RUB": "₽"}  # as people there write them; Russian and English locale data spell the code out
LANGUAGES = ("ru", "kk", "en")
TEXTS = {
    language: json.loads((Path(__file__).parent / "texts" / f"{language}.json").read_text(encoding="utf-8"))
    for language in LANGUAGES
}


@dataclass(slots=True)
class View:
    """A payment or payout as the person before the page sees it."""

    payment: Payment
    merchant: str
    errors: dict[str, str] = field(default_factory=dict)
    form: dict[str, str] = field(default_factory=dict)

    @property
    def path(self) -> str:
        page = "payout" if self.payment["kind"] == "payout" else "pay"
        return f"/{page}.html?customer={self.payment['page']}"

    @property
    def amount(self) -> str:
        currency = str(self.payment["currency"])
        written = format_currency(Decimal(self.payment["amount"]), currency, locale=self.payment["language"])
        return str(written).replace(currency, SIGNS.get(currency, currency))

    def say(self, key: str, **values: str) -> str:
        text: str = TEXTS[self.payment["language"]][key]
        return text.format(merchant=self.merchant, amount=self.amount, **values)

    def page(self, *body: Child, title: str, class_: str) -> str:
        return document(
            el("p", self.say("test_banner"), class_="banner"),
            el("main", *body, class_=class_),
            title=title,
            stylesheet=STYLESHEET,
            language=self.payment["language"],
        )

    def summary(self, title: str) -> Markup:
        return el(
            "section",
            el("p", self.merchant, class_="merchant"),
            el("h1", el("span", title, class_="visually-hidden"), el("bdi", self.amount)),
            el("p", self.payment["description"]),
            el("p", self.say("order", number=self.payment["order_id"][:13]), class_="hint"),
            class_="summary",
        )

    def error_box(self) -> Markup | None:
        if not self.errors:
            return None
        lines = [el("li", el("a", self.say(key), href=f"#{name}")) for name, key in self.errors.items()]
        return el("div", el("p", self.say("errors")), el("ul", lines), class_="alert", role="alert")

    def input(self, name: str, autocomplete: str, *, hint: str = "") -> Markup:
        described = [f"{name}-error"] * (name in self.errors) + [f"{name}-hint"] * bool(hint)
        return el(
            "div",
            el("label", self.say(name), for_=name),
            el(
                "input",
                id=name,
                name=name,
                value=self.form.get(name, ""),
                autocomplete=autocomplete,
                inputmode="text" if name == "name" else "numeric",
                autocapitalize="characters" if name == "name" else None,
                maxlength={"number": "23", "expiry": "9", "cvv": "4"}.get(name),
                aria_invalid="true" if name in self.errors else None,
                aria_describedby=" ".join(described) or None,
            ),
            el("p", self.say(self.errors[name]), id=f"{name}-error", class_="error") if name in self.errors else None,
            el("p", self.say(hint), id=f"{name}-hint", class_="hint") if hint else None,
            class_="field",
        )


def missing() -> Response:
    words = [el("h1", TEXTS[language]["missing_title"], lang=language) for language in ("ru", "en")]
    body = document(el("main", words, class_="sheet"), title="404", stylesheet=STYLESHEET)
    return html_response(body, 404)


def _luhn(number: str) -> bool:
    digits = [int(char) for char in reversed(number)]
    doubled = [sum(divmod(digit * 2, 10)) if index % 2 else digit for index, digit in enumerate(digits)]
    return sum(doubled) % 10 == 0


def read_card(form: dict[str, str], *, whole: bool) -> tuple[str, dict[str, str]]:
    """The card's number and what is wrong; a payout needs the number only."""
    errors: dict[str, str] = {}
    number = re.sub(r"[\s-]", "", form.get("number", ""))
    if not re.fullmatch(r"[0-9]{13,19}", number) or not _luhn(number):
        errors["number"] = "e_number"
    if not whole:
        return number, errors
    expiry = re.fullmatch(r"([0-9]{1,2})\s*/?\s*(?:20)?([0-9]{2})", form.get("expiry", ""))
    today = datetime.now(UTC)
    month, year = (int(expiry[1]), 2000 + int(expiry[2])) if expiry else (0, 0)
    if not 1 <= month <= 12 or (year, month) < (today.year, today.month):
        errors["expiry"] = "e_expiry"
    if not re.fullmatch(r"[0-9]{3,4}", form.get("cvv", "")):
        errors["cvv"] = "e_cvv"
    if not form.get("name"):
        errors["name"] = "e_name"
    return number, errors


def back_to(url: str, payment: Payment, secret: str) -> str:
    """The merchant's address with what the browser carries there, signed."""
    fields: signing.Fields = [("pg_order_id", payment["order_id"]), ("pg_payment_id", payment["id"])]
    parts = urlsplit(url)
    query = [*parse_qsl(parts.query), *signing.signed(signing.script_name(url), fields, secret)]
    return urlunsplit(parts._replace(query=urlencode(query)))  # type: ignore[arg-type]
