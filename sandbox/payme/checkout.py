"""The checkout page: a link of base64 that says who is to be paid how much for what. Uzbek, Russian and English."""

from __future__ import annotations

import base64
import binascii
import json
import re
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from babel.numbers import format_decimal

from sandbox._html import document, el
from sandbox._web import Request, Response, Router, html_response, is_http_url, redirect
from sandbox.payme.conversation import Conversation
from sandbox.payme.store import Store

STYLESHEET = "/static/hosted.css"
LANGUAGES = ("uz", "ru", "en")
TEXTS = {
    language: json.loads((Path(__file__).parent / "texts" / f"{language}.json").read_text(encoding="utf-8"))
    for language in LANGUAGES
}
DECLINED = "8600000000000008"  # the sandbox's own: the bank says no, and the merchant is told nothing


class BadLink(Exception):
    """The link does not say what is to be paid."""


@dataclass(frozen=True, slots=True)
class Order:
    """What a link says. ``amount`` in tiyin."""

    merchant: str
    account: dict[str, str]
    amount: int
    language: str
    back: str


def read_link(text: str) -> Order:
    """``m=…;ac.<field>=…;a=…;l=…;c=…`` in base64. Raises BadLink."""
    try:
        decoded = base64.b64decode(text + "=" * (-len(text) % 4), validate=True).decode()
    except (binascii.Error, ValueError):
        raise BadLink("not base64") from None
    values = dict(part.split("=", 1) for part in decoded.split(";") if "=" in part)
    account = {name[3:]: value for name, value in values.items() if name.startswith("ac.")}
    language, back = values.get("l", "ru"), values.get("c", "")
    if not re.fullmatch(r"[0-9a-f]{24}", values.get("m", "")) or not account:
        raise BadLink("no merchant or no account")
    if not values.get("a", "").isdecimal() or int(values["a"]) <= 0:
        raise BadLink("no amount in tiyin")
    if language not in LANGUAGES or (back and not is_http_url(back)):
        raise BadLink("language or return address")
    return Order(values["m"], account, int(values["a"]), language, back)


class Pages:
    def __init__(self, store: Store, conversation: Conversation) -> None:
        self.store = store
        self.conversation = conversation

    def add_routes(self, router: Router) -> None:
        router.add("GET", "/{link}", self.show)
        router.add("POST", "/{link}", self.pay)

    def _order(self, request: Request) -> Order | None:
        try:
            order = read_link(request.params["link"])
        except BadLink:
            return None
        return order if self.store.merchant(order.merchant) else None

    async def show(self, request: Request) -> Response:
        order = self._order(request)
        return _missing() if order is None else html_response(self._form(order, request.path, {}))

    async def pay(self, request: Request) -> Response:
        order = self._order(request)
        if order is None:
            return _missing()
        form = {name: value.strip() for name, value in request.form.items()}
        number = re.sub(r"[\s-]", "", form.get("number", ""))
        if not re.fullmatch(r"[0-9]{16}", number) or not re.fullmatch(
            r"[0-9]{2}\s*/?\s*[0-9]{2}", form.get("expiry", "")
        ):
            return html_response(self._form(order, request.path, form, "e_card"), 422)
        if number == DECLINED:
            return html_response(self._form(order, request.path, form, "declined"), 422)
        transaction = self.store.begin(order.merchant, order.account, order.amount)
        await self.conversation.advance(transaction)
        if transaction["step"] in {"refused", "cancelled", "cancelling"}:
            return html_response(self._form(order, request.path, form, "refused", transaction["error"]), 422)
        if order.back:
            return redirect(order.back)
        words = TEXTS[order.language]["done" if transaction["step"] == "performed" else "waiting"]
        return html_response(_page(order, words, el("h1", words), class_="sheet"))

    def _form(self, order: Order, path: str, form: dict[str, str], problem: str = "", reason: str = "") -> str:
        texts = TEXTS[order.language]
        name = str(self.store.merchant(order.merchant).get("name") or f"Merchant {order.merchant}")
        amount = (
            f"{format_decimal(Decimal(order.amount) / 100, format='#,##0.00', locale=order.language)} {texts['sum']}"
        )
        said = (
            el("div", el("p", texts[problem].format(reason=reason)), class_="alert", role="alert") if problem else None
        )
        fields = [
            el(
                "div",
                el("label", texts[field], for_=field),
                el("input", id=field, name=field, value=form.get(field, ""), inputmode="numeric", autocomplete=complete,
                   aria_describedby=f"{field}-hint"),
                el("p", texts[f"{field}_hint"], id=f"{field}-hint", class_="hint"),
                class_="field",
            )
            for field, complete in (("number", "cc-number"), ("expiry", "cc-exp"))
        ]  # fmt: skip
        button = el("button", texts["pay"].format(amount=amount), type="submit", class_="primary")
        summary = el(
            "section",
            el("p", name, class_="merchant"),
            el("h1", el("span", texts["title"].format(merchant=name), class_="visually-hidden"), el("bdi", amount)),
            [el("p", f"{field}: {value}", class_="hint") for field, value in order.account.items()],
            class_="summary",
        )
        pane = el(
            "section", said, el("form", fields, button, method="post", action=path, novalidate=True), class_="pane"
        )
        return _page(order, texts["title"].format(merchant=name), summary, pane, class_="split")


def _page(order: Order, title: str, *body: object, class_: str) -> str:
    return document(
        el("p", TEXTS[order.language]["test_banner"], class_="banner"),
        el("main", *body, class_=class_),  # type: ignore[arg-type]
        title=title,
        stylesheet=STYLESHEET,
        language=order.language,
    )


def _missing() -> Response:
    body = document(el("main", el("h1", TEXTS["en"]["missing"]), class_="sheet"), title="404", stylesheet=STYLESHEET)
    return html_response(body, 404)
