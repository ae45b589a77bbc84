"""The hosted payment page, in English and Arabic. Works without script but for the last, automatic step."""

from __future__ import annotations

import json
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from sandbox._hosted import alert, field, isolated, missing, money_text, read_card
from sandbox._html import Child, Markup, document, el
from sandbox._web import PAGE_POLICY, Request, Response, Router, html_response, redirect
from sandbox.paytabs import payments
from sandbox.paytabs.signing import sign_fields
from sandbox.paytabs.store import Store, Transaction

STYLESHEET = "/static/hosted.css"
TEXTS = {
    language: json.loads((Path(__file__).parent / "texts" / f"{language}.json").read_text(encoding="utf-8"))
    for language in ("en", "ar")
}
# The return post is the provider's own form; one script from our own address submits it.
RETURN_POLICY = PAGE_POLICY + "; script-src 'self'"


@dataclass(slots=True)
class View:
    """A payment as its customer sees it."""

    profile: str
    merchant: str
    transaction: Transaction

    @property
    def language(self) -> str:
        return str(self.transaction["_language"])

    @property
    def path(self) -> str:
        return f"/payment/page/{self.transaction['_page']}"

    @property
    def amount(self) -> str:
        return money_text(Decimal(self.transaction["cart_amount"]), self.transaction["cart_currency"], self.language)

    def say(self, key: str, **values: str) -> str:
        text: str = TEXTS[self.language][key]
        return text.format(merchant=self.merchant, amount=self.amount, **values)

    def page(self, *body: Child, title: str, class_: str, head: Child = None) -> str:
        return document(
            el("p", self.say("test_banner"), class_="banner"),
            el("main", *body, class_=class_),
            title=title,
            stylesheet=STYLESHEET,
            language=self.language,
            direction="rtl" if self.language == "ar" else "ltr",
            head=head,
        )


class Pages:
    """Pay, authenticate, go back."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def add_routes(self, router: Router) -> None:
        router.add("GET", "/payment/page/{page}", self.show)
        router.add("POST", "/payment/page/{page}", self.pay)
        router.add("GET", "/payment/page/{page}/authenticate", self.show_authenticate)
        router.add("POST", "/payment/page/{page}/authenticate", self.authenticate)
        router.add("GET", "/payment/page/{page}/return", self.go_back)

    def _view(self, request: Request) -> View | None:
        found = self.store.by_page(request.params["page"])
        if found is None:
            return None
        profile, transaction = found
        language = str(transaction["_language"])
        return View(profile, merchant_name(self.store, profile, language), transaction)

    async def show(self, request: Request) -> Response:
        view = self._view(request)
        if view is None:
            return missing(TEXTS)
        if view.transaction.get("_answered"):
            return redirect(f"{view.path}/return")
        return html_response(_form(view, {}, {}))

    async def pay(self, request: Request) -> Response:
        view = self._view(request)
        if view is None:
            return missing(TEXTS)
        if view.transaction.get("_answered"):
            return redirect(f"{view.path}/return")
        form = {name: value.strip() for name, value in request.form.items()}
        if form.get("decision") == "cancel":
            with self.store.db.transaction():
                payments.finish(self.store, view.profile, view.transaction, payments.CANCELLED)
            return redirect(f"{view.path}/return")
        card, errors = _read_card(form)
        if errors:
            return html_response(_form(view, form, errors), 422)
        with self.store.db.transaction():
            step = payments.pay(self.store, view.profile, view.transaction, card)
        return redirect(f"{view.path}/{'authenticate' if step == 'authenticate' else 'return'}")

    async def show_authenticate(self, request: Request) -> Response:
        view = self._view(request)
        if view is None:
            return missing(TEXTS)
        if view.transaction.get("_answered") or "_number" not in view.transaction:
            return redirect(view.path)
        return html_response(_authenticate_page(view))

    async def authenticate(self, request: Request) -> Response:
        view = self._view(request)
        if view is None:
            return missing(TEXTS)
        if view.transaction.get("_answered") or "_number" not in view.transaction:
            return redirect(view.path)
        approved = request.form.get("decision") == "approve"
        outcome = payments.CARDS[view.transaction["_number"]] if approved else payments.NOT_AUTHENTICATED
        with self.store.db.transaction():
            payments.finish(self.store, view.profile, view.transaction, outcome)
        return redirect(f"{view.path}/return")

    async def go_back(self, request: Request) -> Response:
        """The browser posts the result to the merchant's return address; no card data goes with it."""
        view = self._view(request)
        if view is None:
            return missing(TEXTS)
        if not view.transaction.get("_answered"):
            return redirect(view.path)
        key = self.store.profile(view.profile).get("server_key", "")
        return html_response(_return_page(view, key), policy=RETURN_POLICY)


def merchant_name(store: Store, profile: str, language: str = "en") -> str:
    return str(store.profile(profile).get("business_name") or TEXTS[language]["unnamed"].format(number=profile))


def _read_card(form: dict[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    card, errors = read_card(form)
    return {name: card[name] for name in ("number", "month", "year")}, errors


def _form(view: View, form: dict[str, str], errors: dict[str, str]) -> str:
    summary = el(
        "section",
        el("p", view.merchant, class_="merchant"),
        el("h1", el("span", view.say("title"), class_="visually-hidden"), el("bdi", view.amount)),
        el("p", view.transaction["cart_description"]),
        el("p", view.say("order", number=isolated(view.transaction["cart_id"])), class_="hint"),
        class_="summary",
    )
    fields = [
        _field(view, "number", form, errors, hint="number_hint", autocomplete="cc-number"),
        el(
            "div",
            _field(view, "expiry", form, errors, autocomplete="cc-exp"),
            _field(view, "cvv", form, errors, autocomplete="cc-csc"),
            class_="pair",
        ),
        _field(view, "name", form, errors, autocomplete="cc-name"),
    ]
    buttons = [
        el("button", view.say("pay"), type="submit", name="decision", value="pay", class_="primary"),
        el("button", view.say("cancel"), type="submit", name="decision", value="cancel", class_="secondary"),
    ]
    card = el("form", fields, buttons, method="post", action=view.path, novalidate=True)
    pane = el("section", alert(view.say, errors), card, class_="pane")
    return view.page(summary, pane, title=view.say("title"), class_="split")


def _field(
    view: View, name: str, form: dict[str, str], errors: dict[str, str], *, autocomplete: str, hint: str = ""
) -> Markup:
    said = view.say(hint) if hint else ""
    return field(view.say, name, form, errors, autocomplete=autocomplete, hint=said, text=name == "name")


def _authenticate_page(view: View) -> str:
    title = view.say("three_ds_title")
    lead = view.say("three_ds_lead", last4=view.transaction["_number"][-4:])
    form = el(
        "form",
        el("button", view.say("approve"), type="submit", name="decision", value="approve", class_="primary"),
        el("button", view.say("refuse"), type="submit", name="decision", value="refuse", class_="secondary"),
        method="post",
        action=f"{view.path}/authenticate",
    )
    return view.page(el("h1", title), el("p", lead), form, title=title, class_="sheet")


def _return_page(view: View, server_key: str) -> str:
    status = view.transaction["payment_result"]["response_status"]
    key = {"A": "done", "H": "held", "P": "held", "C": "cancelled"}.get(status, "failed")
    title = view.say(key)
    target = view.transaction["return"]
    if target == "none":
        return view.page(el("h1", title), title=title, class_="sheet")
    fields = payments.return_fields(view.transaction)
    fields["signature"] = sign_fields(server_key, fields)
    hidden = [el("input", type="hidden", name=name, value=value) for name, value in fields.items()]
    button = el("button", view.say("continue"), type="submit", class_="primary")
    form = el("form", hidden, button, method="post", action=target, data_return="")
    script = el("script", src="/static/return.js", defer=True)
    return view.page(el("h1", title), form, title=title, class_="sheet", head=script)
