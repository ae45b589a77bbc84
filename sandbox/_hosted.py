"""Pieces of hosted payment pages: texts per language, amounts, fields, cards. No script, and usable by keyboard."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from babel.numbers import format_currency

from sandbox._html import Child, Markup, document, el
from sandbox._web import Response, html_response

STYLESHEET = "/static/hosted.css"
Texts = dict[str, dict[str, str]]


def load_texts(folder: Path) -> Texts:
    """`texts/<language>.json` beside a sandbox's code."""
    return {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))}


@dataclass(frozen=True, slots=True)
class Sheet:
    """One payer's page: language, merchant and amount (major units)."""

    texts: Texts
    language: str
    merchant: str
    amount: Decimal
    currency: str

    @property
    def money(self) -> str:
        return money_text(self.amount, self.currency, self.language)

    def say(self, key: str, **values: str) -> str:
        return self.texts[self.language][key].format(merchant=self.merchant, amount=self.money, **values)

    def page(self, *body: Child, title: str, class_: str = "sheet", status: int = 200) -> Response:
        markup = document(
            el("p", self.say("test_banner"), class_="banner"),
            el("main", *body, class_=class_),
            title=title,
            stylesheet=STYLESHEET,
            language=self.language,
            direction="rtl" if self.language == "ar" else "ltr",
        )
        return html_response(markup, status)

    def split(self, description: str, pane: Child, *, status: int = 200) -> Response:
        """What is paid on one side, how on the other."""
        summary = el(
            "section",
            el("p", self.merchant, class_="merchant"),
            el("h1", el("span", self.say("title"), class_="visually-hidden"), el("bdi", self.money)),
            el("p", description),
            class_="summary",
        )
        return self.page(
            summary, el("section", pane, class_="pane"), title=self.say("title"), class_="split", status=status
        )  # fmt: skip

    def decision(self, action: str, title: str, lead: str, buttons: list[tuple[str, str]]) -> Response:
        """A page of buttons: (value, text key); the first is the main one."""
        pressed = [
            el("button", self.say(key), type="submit", name="decision", value=value,
               class_="secondary" if index else "primary")
            for index, (value, key) in enumerate(buttons)
        ]  # fmt: skip
        form = el("form", pressed, method="post", action=action)
        return self.page(el("h1", self.say(title)), el("p", lead), form, title=self.say(title))

    def ended(self, title: str, return_url: str) -> Response:
        """How it ended, and the way back to the merchant."""
        link = el("p", el("a", self.say("continue"), href=return_url, class_="button primary")) if return_url else None
        return self.page(el("h1", self.say(title)), link, title=self.say(title))

    def field(self, name: str, form: dict[str, str], errors: dict[str, str], *, autocomplete: str,
              hint: str = "", text: bool = False) -> Markup:  # fmt: skip
        said = self.say(hint) if hint else ""
        return field(self.say, name, form, errors, autocomplete=autocomplete, hint=said, text=text)

    def alert(self, errors: dict[str, str]) -> Markup | None:
        return alert(self.say, errors)

    def card_form(self, action: str, form: dict[str, str], errors: dict[str, str]) -> Markup:
        pair = el(
            "div",
            self.field("expiry", form, errors, autocomplete="cc-exp"),
            self.field("cvv", form, errors, autocomplete="cc-csc"),
            class_="pair",
        )
        return el(
            "form",
            self.field("number", form, errors, autocomplete="cc-number", hint="number_hint"),
            pair,
            self.field("name", form, errors, autocomplete="cc-name", hint="name_hint", text=True),
            el("button", self.say("pay"), type="submit", name="decision", value="pay", class_="primary"),
            method="post",
            action=action,
            novalidate=True,
        )


def isolated(text: str) -> str:
    """A number or code left to right inside a text of either direction."""
    return f"\N{LEFT-TO-RIGHT ISOLATE}{text}\N{POP DIRECTIONAL ISOLATE}"


def money_text(amount: Decimal, currency: str, language: str) -> str:
    """As the reader of `language` writes it. In Arabic the amount and its sign are one run from left to right, as on the
    pages the payer comes from; babel's own lets the sign fall apart."""
    arabic = language == "ar"
    written = format_currency(amount, currency, locale="en" if arabic else language, currency_digits=True)
    spaced = re.sub(r"(?<=[A-Z])(?=\d)", "\N{NO-BREAK SPACE}", written)  # CLDR puts one there that Babel leaves out
    return isolated(spaced) if arabic else spaced


def field(
    say: Callable[[str], str], name: str, form: dict[str, str], errors: dict[str, str], *, autocomplete: str, hint: str = "",
    text: bool = False, label: str = "", inputmode: str = "",
) -> Markup:  # fmt: skip
    """A labelled line of a form with its hint and what is wrong with it; `text` takes letters, in either direction."""
    described = [f"{name}-error"] * (name in errors) + [f"{name}-hint"] * bool(hint)
    return el(
        "div",
        el("label", say(label or name), for_=name),
        el(
            "input",
            id=name,
            name=name,
            value=form.get(name, ""),
            autocomplete=autocomplete,
            inputmode=inputmode or ("text" if text else "numeric"),
            dir="auto" if text else "ltr",
            aria_invalid="true" if name in errors else None,
            aria_describedby=" ".join(described) or None,
        ),
        el("p", say(errors[name]), id=f"{name}-error", class_="error") if name in errors else None,
        el("p", hint, id=f"{name}-hint", class_="hint") if hint else None,
        class_="field",
    )


def alert(say: Callable[[str], str], errors: dict[str, str]) -> Markup | None:
    """What is wrong, each with a way to its field."""
    if not errors:
        return None
    lines = [el("li", el("a", say(key), href=f"#{name}")) for name, key in errors.items()]
    return el("div", el("p", say("errors")), el("ul", lines), class_="alert", role="alert")


def missing(texts: Texts) -> Response:
    title = texts["en"]["missing_title"]
    return html_response(document(el("main", el("h1", title), class_="sheet"), title=title, stylesheet=STYLESHEET), 404)


def read_card(
    form: dict[str, str],
    *,
    code: str = r"[0-9]{3,4}",
    unchecked: frozenset[str] | None = frozenset(),
    nameless: bool = False,
) -> tuple[dict[str, str], dict[str, str]]:
    """(number, month, year, name) and what is wrong by field, as keys of texts.

    `unchecked`: numbers without a check digit, None for all of them; `code`: what the security code or PIN looks like.
    """
    errors: dict[str, str] = {}
    number = re.sub(r"[\s-]", "", form.get("number", ""))
    sound = unchecked is None or number in unchecked or is_luhn(number)
    if not re.fullmatch(r"[0-9]{13,19}", number) or not sound:
        errors["number"] = "e_number"
    expiry = re.fullmatch(r"([0-9]{1,2})\s*/?\s*(?:20)?([0-9]{2})", form.get("expiry", "").strip())
    today = datetime.now(UTC)
    month, year = (int(expiry[1]), 2000 + int(expiry[2])) if expiry else (0, 0)
    if not 1 <= month <= 12 or (year, month) < (today.year, today.month):
        errors["expiry"] = "e_expiry"
    if not re.fullmatch(code, form.get("cvv", "").strip()):
        errors["cvv"] = "e_cvv"
    name = form.get("name", "").strip()
    if not name and not nameless:
        errors["name"] = "e_name"
    return {"number": number, "month": str(month), "year": str(year), "name": name}, errors


def is_luhn(number: str) -> bool:
    """ISO/IEC 7812-1, annex B. Text without a digit in it is none."""
    if not number.isdecimal():
        return False
    digits = [int(char) for char in reversed(number)]
    doubled = [sum(divmod(digit * 2, 10)) if index % 2 else digit for index, digit in enumerate(digits)]
    return sum(doubled) % 10 == 0
