"""The hosted page, in English and Arabic, without script: a card (or a local debit card), the bank's question, and back."""

from __future__ import annotations

import json
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from sandbox._hosted import alert, field, isolated, missing, money_text, read_card
from sandbox._html import Child, Markup, document, el
from sandbox._web import Request, Response, Router, html_response, redirect
from sandbox.tap import charges
from sandbox.tap.charges import NAMES, SOURCES
from sandbox.tap.store import Item, Store

STYLESHEET = "/static/hosted.css"
LANGUAGES = ("en", "ar")
TEXTS = {
    language: json.loads((Path(__file__).parent / "texts" / f"{language}.json").read_text(encoding="utf-8"))
    for language in LANGUAGES
}
SAMPLES = {"src_kw.knet": "8888 8800 0000 0001", "src_bh.benefit": "4600 4101 2345 6789",
           "src_qa.qpay": "4215 3755 0088 3243"}  # fmt: skip
LOCAL = frozenset(source for source, currency in SOURCES.items() if currency)


@dataclass(slots=True)
class View:
    """A charge as its customer sees it."""

    account: str
    merchant: str
    charge: Item

    @property
    def language(self) -> str:
        return str(self.charge["_language"])

    @property
    def path(self) -> str:
        return f"/pay/{self.charge['_page']}"

    @property
    def source(self) -> str:
        return str(self.charge["source"]["id"])

    @property
    def amount(self) -> str:
        return money_text(Decimal(self.charge["_amount"]), self.charge["currency"], self.language)

    def say(self, key: str, **values: str) -> str:
        text: str = TEXTS[self.language][key]
        return text.format(merchant=self.merchant, amount=self.amount, **values)

    def page(self, *body: Child, title: str, class_: str) -> str:
        other = LANGUAGES[self.language == "en"]
        link = el("a", TEXTS[other]["language"], href=f"{self.path}?lang={other}", lang=other, hreflang=other)
        return document(
            el("p", self.say("test_banner"), class_="banner"),
            el("main", *body, class_=class_),
            el("nav", el("p", link, class_="cancel"), aria_label=self.say("languages")),
            title=title,
            stylesheet=STYLESHEET,
            language=self.language,
            direction="rtl" if self.language == "ar" else "ltr",
        )


class Pages:
    def __init__(self, store: Store) -> None:
        self.store = store

    def add_routes(self, router: Router) -> None:
        router.add("GET", "/pay/{page}", self.show)
        router.add("POST", "/pay/{page}", self.submit)
        router.add("GET", "/pay/{page}/verify", self.show_verify)
        router.add("POST", "/pay/{page}/verify", self.verify)
        router.add("GET", "/pay/{page}/done", self.done)

    def _view(self, request: Request) -> View | None:
        found = self.store.by_page(request.params["page"])
        if found is None:
            return None
        account, charge = found
        return View(account, merchant_name(self.store, account), charge)

    async def show(self, request: Request) -> Response:
        view = self._view(request)
        if view is None:
            return missing(TEXTS)
        if (language := request.query.get("lang", "")) in LANGUAGES:
            view.charge["_language"] = language
            self.store.update(view.account, view.charge)
            return redirect(_where(view))
        return html_response(_form(view, {}, {})) if _where(view) == view.path else redirect(_where(view))

    async def submit(self, request: Request) -> Response:
        view = self._view(request)
        if view is None:
            return missing(TEXTS)
        if _where(view) != view.path:
            return redirect(_where(view))
        form = {name: value.strip() for name, value in request.form.items()}
        if form.get("decision") == "cancel":
            return self._finish(view, charges.CANCELLED)
        card, errors = _read_card(view, form)
        if errors:
            return html_response(_form(view, form, errors), 422)
        with self.store.db.transaction():
            charges.pay(self.store, view.account, view.charge, card)
        return redirect(_where(view))

    async def show_verify(self, request: Request) -> Response:
        view = self._view(request)
        if view is None:
            return missing(TEXTS)
        if _where(view) != f"{view.path}/verify":
            return redirect(_where(view))
        return html_response(_verify_page(view))

    async def verify(self, request: Request) -> Response:
        view = self._view(request)
        if view is None:
            return missing(TEXTS)
        if _where(view) != f"{view.path}/verify":
            return redirect(_where(view))
        approved = request.form.get("decision") == "approve"
        return self._finish(view, charges.CAPTURED if approved else charges.NOT_VERIFIED)

    def _finish(self, view: View, outcome: tuple[str, str, str]) -> Response:
        with self.store.db.transaction():
            charges.finish(self.store, view.account, view.charge, outcome)
        return redirect(f"{view.path}/done")

    async def done(self, request: Request) -> Response:
        """Back to the merchant with ``tap_id``, as Tap does it."""
        view = self._view(request)
        if view is None:
            return missing(TEXTS)
        if charges.is_open(view.charge):
            return redirect(_where(view))
        target = urlsplit(view.charge["redirect"]["url"])
        query = urlencode([*parse_qsl(target.query, keep_blank_values=True), ("tap_id", view.charge["id"])])
        return redirect(urlunsplit(target._replace(query=query)))


def _where(view: View) -> str:
    """The page on which the charge stands."""
    if not charges.is_open(view.charge):
        return f"{view.path}/done"
    return f"{view.path}/verify" if view.charge["status"] == "IN_PROGRESS" else view.path


def merchant_name(store: Store, account: str) -> str:
    return store.account(account)["business_name"] or f"Merchant {account}"


def _read_card(view: View, form: dict[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """Local debit cards' test numbers keep no check digit, and have a PIN instead of code and name."""
    local = view.source in LOCAL
    card, errors = read_card(
        form, code=r"[0-9]{3,6}", unchecked=None if local else frozenset(charges.CARDS), nameless=local
    )
    return {"number": card["number"]}, errors


def _form(view: View, form: dict[str, str], errors: dict[str, str]) -> str:
    number = view.charge["reference"].get("transaction") or view.charge["id"]
    summary = el(
        "section",
        el("p", view.merchant, class_="merchant"),
        el("h1", el("span", view.say("title"), ": ", class_="visually-hidden"), el("bdi", view.amount)),
        el("p", NAMES[view.source]) if view.source in LOCAL else None,
        el("p", view.charge["description"]) if view.charge["description"] else None,
        el("p", view.say("order", number=number), class_="hint"),
        class_="summary",
    )
    hint = view.say("number_hint", sample=isolated(SAMPLES.get(view.source, "4508 7500 1574 1019")))
    fields: list[Child] = [
        _field(view, "number", form, errors, hint=hint, autocomplete="cc-number"),
        el(
            "div",
            _field(view, "expiry", form, errors, autocomplete="cc-exp"),
            _field(view, "cvv", form, errors, autocomplete="cc-csc"),
            class_="pair",
        ),
    ]
    if view.source not in LOCAL:
        fields.append(_field(view, "name", form, errors, autocomplete="cc-name"))
    buttons = [
        el("button", view.say("pay"), type="submit", name="decision", value="pay", class_="primary"),
        el("button", view.say("cancel"), type="submit", name="decision", value="cancel", class_="secondary"),
    ]
    shape = el("form", fields, buttons, method="post", action=view.path, novalidate=True)
    pane = el("section", alert(view.say, errors), shape, class_="pane")
    return view.page(summary, pane, title=view.say("title"), class_="split")


def _field(
    view: View, name: str, form: dict[str, str], errors: dict[str, str], *, autocomplete: str, hint: str = ""
) -> Markup:
    kept = {**form, "cvv": ""}
    label = "pin" if name == "cvv" and view.source in LOCAL else name
    return field(view.say, name, kept, errors, autocomplete=autocomplete, hint=hint, text=name == "name", label=label)


def _verify_page(view: View) -> str:
    title = view.say("verify_title")
    lead = view.say("verify_lead", last4=view.charge["card"]["last_four"])
    form = el(
        "form",
        el("button", view.say("approve"), type="submit", name="decision", value="approve", class_="primary"),
        el("button", view.say("refuse"), type="submit", name="decision", value="refuse", class_="secondary"),
        method="post",
        action=f"{view.path}/verify",
    )
    return view.page(el("h1", title), el("p", lead), form, title=title, class_="sheet")
