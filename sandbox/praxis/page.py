"""The cashier as the customer meets it, in English and Spanish, without script."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from babel.numbers import format_currency

from sandbox._hosted import alert, field, missing, read_card
from sandbox._html import Child, Markup, document, el
from sandbox._web import Request, Response, Router, html_response, redirect
from sandbox.praxis import payments, validation
from sandbox.praxis.store import Record, Store

STYLESHEET = "/static/hosted.css"
TEXTS = {
    language: json.loads((Path(__file__).parent / "texts" / f"{language}.json").read_text(encoding="utf-8"))
    for language in ("en", "es")
}
FIELDS = {"card": (("number", "cc-number"), ("expiry", "cc-exp"), ("cvv", "cc-csc"), ("name", "cc-name")),
          "wallet": (("account", "email"),)}  # fmt: skip


@dataclass(slots=True)
class View:
    """A session as its customer sees it."""

    store: Store
    session: Record

    @property
    def merchant(self) -> str:
        record = self.store.merchant(self.session["_merchant"])
        return str(record.get("shop_name") or self.session["_merchant"])

    @property
    def language(self) -> str:
        return "es" if self.session["_locale"].startswith("es") else "en"

    @property
    def path(self) -> str:
        return f"/cashier/page/{self.session['auth_token']}"

    @property
    def amount(self) -> str:
        currency = self.session["currency"]
        units = payments.fraction(self.store.merchant(self.session["_merchant"]), currency)
        value = Decimal(self.session["amount"]) / units
        written = format_currency(value, currency, locale=self.language, currency_digits=True)
        return re.sub(r"(?<=[A-Z])(?=\d)", "\N{NO-BREAK SPACE}", written)

    @property
    def latest(self) -> Record | None:
        every = self.store.of_order(self.session["_merchant"], self.session["order_id"])
        return every[-1] if every else None

    def say(self, key: str) -> str:
        text: str = TEXTS[self.language][key]
        return text.format(merchant=self.merchant, amount=self.amount, number=self.session["order_id"])

    def page(self, *body: Child, title: str, class_: str) -> str:
        return document(
            el("p", self.say("test_banner"), class_="banner"),
            el("main", *body, class_=class_),
            title=title,
            stylesheet=STYLESHEET,
            language=self.language,
        )


class Pages:
    """Choose, pay or ask for money out, confirm, go back."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def add_routes(self, router: Router) -> None:
        router.add("GET", "/cashier/page/{token}", self.show)
        router.add("POST", "/cashier/page/{token}", self.submit)
        router.add("GET", "/cashier/page/{token}/authenticate", self.show_authenticate)
        router.add("POST", "/cashier/page/{token}/authenticate", self.authenticate)
        router.add("GET", "/cashier/page/{token}/result", self.result)

    def _view(self, request: Request) -> View | None:
        session = self.store.session_by_token(request.params["token"])
        return View(self.store, session) if session else None

    async def show(self, request: Request) -> Response:
        view = self._view(request)
        if view is None:
            return missing(TEXTS)
        if view.session["session_status"] != "open":
            return redirect(f"{view.path}/result")
        return html_response(_form(view, _kind(view, request.query), {}, {}))

    async def submit(self, request: Request) -> Response:
        view = self._view(request)
        if view is None:
            return missing(TEXTS)
        if view.session["session_status"] != "open":
            return redirect(f"{view.path}/result")
        form = {name: value.strip() for name, value in request.form.items()}
        kind = _kind(view, form)
        read, errors = _read(kind, form)
        if errors:
            return html_response(_form(view, kind, form, errors), 422)
        card = payments.card_facts(read["number"]) if kind == "card" else None
        refused = await validation.refusal(self.store, view.session, card)
        if refused is not None:
            return html_response(_form(view, kind, form, {}, refused or view.say("refused")), 422)
        view = self._view(request)
        if view is None or view.session["session_status"] != "open":
            return redirect(f"/cashier/page/{request.params['token']}/result")
        return self._carry_out(view, read)

    def _carry_out(self, view: View, read: dict[str, str]) -> Response:
        with self.store.db.transaction():
            if view.session["intent"] == "withdrawal":
                payments.request_withdrawal(self.store, view.session, read["account"])
                return redirect(f"{view.path}/result")
            number, wallet = read.get("number", ""), read.get("account", "")
            transaction, step = payments.pay(self.store, view.session, number=number, wallet=wallet)
        if step == "authenticate":
            return redirect(f"{view.path}/authenticate")
        if transaction["transaction_status"] == "rejected":
            return html_response(_form(view, "card", {}, {}, view.say("declined")), 422)
        return redirect(f"{view.path}/result")

    async def show_authenticate(self, request: Request) -> Response:
        view = self._view(request)
        if view is None:
            return missing(TEXTS)
        if view.latest is None or view.latest["transaction_status"] != "pending_async":
            return redirect(view.path)
        return html_response(_authenticate_page(view))

    async def authenticate(self, request: Request) -> Response:
        view = self._view(request)
        if view is None:
            return missing(TEXTS)
        if view.latest is not None:
            approved = request.form.get("decision") == "approve"
            with self.store.db.transaction():
                payments.authenticate(self.store, view.session, view.latest, approved=approved)
        return redirect(f"{view.path}/result")

    async def result(self, request: Request) -> Response:
        view = self._view(request)
        if view is None:
            return missing(TEXTS)
        return html_response(_result_page(view))


def _kind(view: View, chosen: dict[str, str]) -> str:
    if view.session["intent"] == "withdrawal" or view.session["payment_method"] == "Skrill":
        return "wallet"
    if view.session["payment_method"] == "Credit Card":
        return "card"
    return "wallet" if chosen.get("method") == "wallet" else "card"


def _read(kind: str, form: dict[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """What the form says, and which of its fields are wrong."""
    if kind == "wallet":
        account = form.get("account", "")
        good = re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", account)
        return {"account": account}, {} if good else {"account": "e_account"}
    card, errors = read_card(form)
    return {"number": card["number"]}, errors


def _form(view: View, kind: str, form: dict[str, str], errors: dict[str, str], warning: str = "") -> str:
    out = view.session["intent"] == "withdrawal"
    title = view.say("title_out" if out else "title")
    summary = el(
        "section",
        el("p", view.merchant, class_="merchant"),
        el("h1", el("span", title, class_="visually-hidden"), el("bdi", view.amount)),
        el("p", view.say("order"), class_="hint"),
        class_="summary",
    )
    fields = [_field(view, name, form, errors, complete) for name, complete in FIELDS[kind]]
    buttons = [
        el("input", type="hidden", name="method", value=kind),
        el("button", view.say("withdraw" if out else "pay"), type="submit", class_="primary"),
    ]
    pane = el(
        "section",
        el("p", warning, class_="alert", role="alert") if warning else alert(view.say, errors),
        _tabs(view, kind) if not out and view.session["payment_method"] is None else None,
        el("form", fields, buttons, method="post", action=view.path, novalidate=True),
        el("p", el("a", view.say("leave"), href=view.session["_return_url"])),
        class_="pane",
    )
    return view.page(summary, pane, title=title, class_="split")


def _tabs(view: View, kind: str) -> Markup:
    links = [
        el(
            "li",
            el("a", view.say(name), href=f"{view.path}?method={name}", aria_current="page" if name == kind else None),
        )
        for name in FIELDS
    ]
    return el("nav", el("ul", links), aria_label=view.say("title"))


def _field(view: View, name: str, form: dict[str, str], errors: dict[str, str], complete: str) -> Markup:
    kept = {**form, "number": "", "cvv": ""}
    return field(
        view.say, name, kept, errors, autocomplete=complete, hint=view.say("number_hint") if name == "number" else "",
        text=name == "name", inputmode="email" if name == "account" else "",
    )  # fmt: skip


def _authenticate_page(view: View) -> str:
    title = view.say("authenticate_title")
    form = el(
        "form",
        el("button", view.say("approve"), type="submit", name="decision", value="approve", class_="primary"),
        el("button", view.say("refuse"), type="submit", name="decision", value="refuse", class_="secondary"),
        method="post",
        action=f"{view.path}/authenticate",
    )
    return view.page(el("h1", title), el("p", view.say("authenticate_lead")), form, title=title, class_="sheet")


def _result_page(view: View) -> str:
    status = view.latest["transaction_status"] if view.latest else ""
    words = {"approved": "done", "requested": "requested", "pending": "held", "pending_async": "held"}
    title = view.say(words.get(status, "failed" if status else "expired"))
    target = view.session["_return_url"]
    again = None
    if view.session["session_status"] == "open" and status in {"rejected", "cancelled", "error"}:
        again = el("p", el("a", view.say("title"), href=view.path))
    # The way back is a POST unless the address has a query of its own (doc.praxiscashier.com, "Webhooks Return").
    if "?" in target:
        onward: Child = el("p", el("a", view.say("continue"), href=target))
    else:
        button = el("button", view.say("continue"), type="submit", class_="primary")
        onward = el("form", button, method="post", action=target)
    return view.page(el("h1", title), again, onward, title=title, class_="sheet")
