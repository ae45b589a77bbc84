"""The hosted page, in Spanish, Portuguese and English: details first, then what the local method asks for. No script."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import segno
from babel.dates import format_datetime
from babel.numbers import format_decimal

from sandbox._hosted import alert, field, read_card
from sandbox._html import Child, Markup, document, el
from sandbox._web import Request, Response, Router, html_response, redirect
from sandbox.dlocal import payments
from sandbox.dlocal.markets import DECIMALS, MARKETS, WAYS, Way, document_fits
from sandbox.dlocal.store import Item, Store

LANGUAGES = ("es", "pt", "en")
TEXTS = {
    language: json.loads((Path(__file__).parent / "texts" / f"{language}.json").read_text(encoding="utf-8"))
    for language in LANGUAGES
}
SAMPLES = {"BR": "529.982.247-25", "CL": "12.345.678-5", "AR": "30123456", "CO": "1004922993", "PE": "45678901",
           "MX": "GOMC850312HDFMRS09", "CR": "112340567"}  # fmt: skip
TICKET_DAYS = 3


@dataclass(slots=True)
class View:
    """A payment as its payer sees it."""

    login: str
    merchant: str
    payment: Item

    @property
    def language(self) -> str:
        return str(self.payment["_language"])

    @property
    def path(self) -> str:
        return f"/collect/{self.payment['_page']}"

    @property
    def way(self) -> Way:
        return WAYS[self.payment["payment_method_id"]]

    @property
    def amount(self) -> str:
        """With the currency's code: half of the continent writes "$" for its own money."""
        currency = self.payment["currency"]
        pattern = "#,##0.00" if DECIMALS[currency] else "#,##0"
        locale = {"es": f"es_{self.payment['country']}", "pt": "pt_BR", "en": "en"}[self.language]
        return f"{format_decimal(Decimal(self.payment['_amount']), pattern, locale=locale)}\N{NO-BREAK SPACE}{currency}"

    def say(self, key: str, **values: str) -> str:
        text: str = TEXTS[self.language][key]
        market = MARKETS[self.payment["country"]]
        known = {"merchant": self.merchant, "amount": self.amount, "way": self.way.name, "document": market.document}
        return text.format(**known, **values)

    def page(self, *body: Child, title: str, class_: str) -> str:
        return document(
            el("p", self.say("test_banner"), class_="banner"),
            el("main", *body, class_=class_),
            self._languages(),
            title=title,
            stylesheet="/static/hosted.css",
            language=self.language,
            head=el("link", rel="stylesheet", href="/static/dlocal.css"),
        )

    def _languages(self) -> Markup:
        links = [
            el("a", TEXTS[code]["language"], href=f"{self.path}?lang={code}", lang=code, hreflang=code,
               aria_current="true" if code == self.language else None)
            for code in LANGUAGES
        ]  # fmt: skip
        return el("nav", links, class_="languages", aria_label=self.say("languages"))


class Pages:
    """Details, the method's own step, and back."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def add_routes(self, router: Router) -> None:
        router.add("GET", "/collect/{page}", self.show)
        router.add("POST", "/collect/{page}", self.submit)
        router.add("GET", "/collect/{page}/step", self.show_step)
        router.add("POST", "/collect/{page}/step", self.step)
        router.add("GET", "/collect/{page}/done", self.done)

    def _view(self, request: Request) -> View | None:
        found = self.store.by_page(request.params["page"])
        if found is None:
            return None
        login, payment = found
        return View(login, merchant_name(self.store, login), payment)

    async def show(self, request: Request) -> Response:
        view = self._view(request)
        if view is None:
            return _missing()
        if (language := request.query.get("lang", "")) in LANGUAGES:
            view.payment["_language"] = language
            self.store.update(view.login, view.payment)
            return redirect(_where(view))
        return html_response(_form(view, {}, {})) if _where(view) == view.path else redirect(_where(view))

    async def submit(self, request: Request) -> Response:
        """The payer's document, and the card where there is one."""
        view = self._view(request)
        if view is None:
            return _missing()
        if _where(view) != view.path:
            return redirect(_where(view))
        form = {name: value.strip() for name, value in request.form.items()}
        if form.get("decision") == "cancel":
            return self._finish(view, payments.CANCELLED)
        card, errors = _read(view, form)
        if errors:
            return html_response(_form(view, form, errors), 422)
        with self.store.db.transaction():
            if "document" in form:
                view.payment["payer"]["document"] = _plain(form["document"])
            view.payment["_ready"] = True
            self.store.update(view.login, view.payment)
            if view.way.step == "card":
                payments.pay_by_card(self.store, view.login, view.payment, card)
        return redirect(_where(view))

    async def show_step(self, request: Request) -> Response:
        view = self._view(request)
        if view is None:
            return _missing()
        if _where(view) != f"{view.path}/step":
            return redirect(_where(view))
        return html_response(_step_page(view))

    async def step(self, request: Request) -> Response:
        """The payer decides, and the sandbox is the bank or the till."""
        view = self._view(request)
        if view is None:
            return _missing()
        if _where(view) != f"{view.path}/step":
            return redirect(_where(view))
        match request.form.get("decision"):
            case "approve":
                return self._finish(view, payments.PAID)
            case "refuse":
                return self._finish(view, payments.UNVERIFIED if view.way.step == "card" else payments.DECLINED)
        return redirect(view.payment["callback_url"] or f"{view.path}/step")

    def _finish(self, view: View, outcome: tuple[str, str, str]) -> Response:
        with self.store.db.transaction():
            payments.finish(self.store, view.login, view.payment, outcome)
        return redirect(f"{view.path}/done")

    async def done(self, request: Request) -> Response:
        """The browser goes back by itself; without an address to go to it is told how it ended."""
        view = self._view(request)
        if view is None:
            return _missing()
        if payments.is_open(view.payment):
            return redirect(_where(view))
        if view.payment["callback_url"]:
            return redirect(view.payment["callback_url"])
        key = {"PAID": "done", "CANCELLED": "cancelled"}.get(view.payment["status"], "failed")
        title = view.say(key)
        return html_response(view.page(el("h1", title), title=title, class_="sheet"))


def _where(view: View) -> str:
    """The page on which the payment stands."""
    if not payments.is_open(view.payment):
        return f"{view.path}/done"
    return f"{view.path}/step" if view.payment.get("_ready") else view.path


def merchant_name(store: Store, login: str) -> str:
    return store.merchant(login)["business_name"] or f"Merchant {login}"


def _missing() -> Response:
    title = " · ".join(TEXTS[language]["missing_title"] for language in LANGUAGES)
    body = document(
        el("main", el("h1", title), class_="sheet"), title=title, stylesheet="/static/hosted.css", language="es"
    )
    return html_response(body, 404)


def _plain(text: str) -> str:
    return re.sub(r"[\s./-]", "", text).upper()


def _read(view: View, form: dict[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    errors: dict[str, str] = {}
    if _asks_document(view) and not document_fits(view.payment["country"], _plain(form.get("document", ""))):
        errors["document"] = "e_document"
    if view.way.step != "card":
        return {}, errors
    card, wrong = read_card(form)
    return {**card, "name": card["name"][:80]}, errors | wrong


def _asks_document(view: View) -> bool:
    return "document" not in view.payment["payer"]


def _form(view: View, form: dict[str, str], errors: dict[str, str]) -> str:
    fields: list[Child] = []
    if view.way.step == "card":
        fields += [
            _field(view, "number", form, errors, hint=view.say("number_hint"), autocomplete="cc-number"),
            el(
                "div",
                _field(view, "expiry", form, errors, autocomplete="cc-exp"),
                _field(view, "cvv", form, errors, autocomplete="cc-csc"),
                class_="pair",
            ),
            _field(view, "name", form, errors, autocomplete="cc-name"),
        ]
    if _asks_document(view):
        sample = SAMPLES.get(view.payment["country"], "1234567")
        fields.append(_field(view, "document", form, errors, hint=view.say("document_hint", sample=sample)))
    label = view.say("pay" if view.way.step == "card" else "go_on")
    buttons = [
        el("button", label, type="submit", name="decision", value="pay", class_="primary"),
        el("button", view.say("cancel"), type="submit", name="decision", value="cancel", class_="secondary"),
    ]
    shape = el("form", fields, buttons, method="post", action=view.path, novalidate=True)
    pane = el("section", alert(view.say, errors), shape, class_="pane")
    return view.page(_summary(view), pane, title=view.say("title"), class_="split")


def _summary(view: View) -> Markup:
    return el(
        "section",
        el("p", view.merchant, class_="merchant"),
        el("h1", el("span", view.say("title"), ": ", class_="visually-hidden"), view.amount),
        el("p", view.way.name) if view.way.step != "card" else None,
        el("p", view.payment["description"]) if view.payment["description"] else None,
        el("p", view.say("order", number=view.payment["order_id"].rpartition("-")[2]), class_="hint"),
        class_="summary",
    )


def _field(
    view: View, name: str, form: dict[str, str], errors: dict[str, str], *, hint: str = "", autocomplete: str = "off"
) -> Markup:
    letters = name == "name" or (name == "document" and view.payment["country"] in {"MX", "CL"})
    return field(view.say, name, form, errors, autocomplete=autocomplete, hint=hint, text=letters)


def _step_page(view: View) -> str:
    """What the method asks for, and buttons that play the bank's part."""
    if view.way.step == "card":
        title = view.say("verify_title")
        lead: Child = el("p", view.say("verify_lead", last4=view.payment["card"]["last4"]))
    else:
        title = view.say(f"{view.way.step}_title")
        lines = view.say(f"{view.way.step}_steps").split("|")
        lead = [el("ol", [el("li", line) for line in lines], class_="steps"), *_particulars(view)]
    paid = "till_paid" if view.way.step == "ticket" else "approve"
    other = ("later", "later") if view.way.step == "ticket" else ("refuse", "refuse")
    play = el(
        "form",
        el("p", view.say("play"), class_="hint"),
        el("button", view.say(paid), type="submit", name="decision", value="approve", class_="primary"),
        el("button", view.say(other[0]), type="submit", name="decision", value=other[1], class_="secondary"),
        method="post",
        action=f"{view.path}/step",
        class_="play",
    )
    pane = el("section", el("h2", title), lead, play, class_="pane")
    return view.page(_summary(view), pane, title=title, class_="split")


def _particulars(view: View) -> list[Child]:
    """Codes made of the payment's id, so that they stay the same however often the page is opened."""
    digits = str(int(hashlib.sha256(view.payment["id"].encode()).hexdigest(), 16))
    if view.way.step == "code":
        code = f"00020126580014br.gov.bcb.pix0136{view.payment['order_id'][:36]}5204000053039865802BR6304{digits[:4]}"
        image = segno.make(code, error="m").svg_data_uri(scale=4, border=3, dark="#111", light="#fff")
        return [
            el("img", src=image, alt="", class_="qr"),
            el("p", view.say("code_text"), class_="hint"),
            el("code", code, class_="code long"),
        ]
    facts = [(view.say("payee"), view.merchant), (view.say("amount"), view.amount)]
    if view.way.step == "transfer":
        facts.append((view.say("reference"), digits[:7]))
        return [el("p", view.say("clabe"), class_="hint"), el("code", _clabe(digits), class_="code"), _facts(facts)]
    if view.way.step == "ticket":
        until = datetime.fromtimestamp(view.payment["_created"], UTC) + timedelta(days=TICKET_DAYS)
        facts.append((view.say("until"), format_datetime(until, "d MMM y", locale=view.language)))
        code = " ".join(digits[start : start + 4] for start in range(0, 14, 4))
        return [el("p", view.say("code"), class_="hint"), el("code", code, class_="code"), _facts(facts)]
    return [_facts(facts)]


def _facts(facts: list[tuple[str, str]]) -> Markup:
    return el("dl", [[el("dt", name), el("dd", value)] for name, value in facts], class_="facts")


def _clabe(digits: str) -> str:
    number = "646180" + digits[:11]
    total = sum(int(digit) * (3, 7, 1)[index % 3] % 10 for index, digit in enumerate(number))
    return f"{number}{(10 - total % 10) % 10}"
