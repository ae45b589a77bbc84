"""The payment page, ``/services/pay?service_id=…``. Uzbek, Russian and English, chosen on the page."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from babel.numbers import format_decimal

from sandbox._html import Child, document, el
from sandbox._web import Request, Response, Router, html_response, is_http_url, redirect
from sandbox.click.conversation import Conversation
from sandbox.click.store import Store

STYLESHEET = "/static/hosted.css"
PATH = "/services/pay"
LANGUAGES = {"uz": "O‘zbekcha", "ru": "Русский", "en": "English"}
TEXTS = {
    language: json.loads((Path(__file__).parent / "texts" / f"{language}.json").read_text(encoding="utf-8"))
    for language in LANGUAGES
}
DECLINED = "8600000000000008"  # the sandbox's own: the bank says no after Prepare


@dataclass(frozen=True, slots=True)
class Order:
    """What a link says. ``amount`` in sum, as text."""

    service: str
    order: str
    amount: str
    back: str
    language: str
    query: str

    def say(self, key: str, **values: str) -> str:
        text: str = TEXTS[self.language][key]
        return text.format(**values)

    @property
    def shown(self) -> str:
        return f"{format_decimal(Decimal(self.amount), format='#,##0.00', locale=self.language)} {self.say('sum')}"


def plain(amount: str) -> str:
    """The amount as Click sends it on: a number without needless zeros."""
    return f"{Decimal(amount).normalize():f}"


def read_link(request: Request, store: Store) -> Order | None:
    query = request.query
    service, amount = query.get("service_id", ""), query.get("amount", "")
    known = store.service(service)
    if not known or query.get("merchant_id", "") != known.get("merchant_id", ""):
        return None
    if not re.fullmatch(r"[0-9]{1,12}(\.[0-9]{1,2})?", amount) or Decimal(amount) <= 0:
        return None
    order, back = query.get("transaction_param", ""), query.get("return_url", "")
    if not 0 < len(order) <= 64 or (back and not is_http_url(back)):
        return None
    language = query.get("lang", "uz")
    return Order(service, order, amount, back, language if language in LANGUAGES else "uz", request.query_string)


class Pages:
    def __init__(self, store: Store, conversation: Conversation) -> None:
        self.store = store
        self.conversation = conversation

    def add_routes(self, router: Router) -> None:
        router.add("GET", PATH, self.show)
        router.add("POST", PATH, self.pay)

    async def show(self, request: Request) -> Response:
        order = read_link(request, self.store)
        return _missing() if order is None else html_response(self._form(order, {}))

    async def pay(self, request: Request) -> Response:
        order = read_link(request, self.store)
        if order is None:
            return _missing()
        form = {name: value.strip() for name, value in request.form.items()}
        number = re.sub(r"[\s-]", "", form.get("number", ""))
        if not re.fullmatch(r"[0-9]{16}", number):
            return html_response(self._form(order, form, order.say("e_card")), 422)
        attempt = self.store.begin(order.service, order.order, plain(order.amount), declined=number == DECLINED)
        await self.conversation.advance(attempt)
        if attempt["step"] == "failed":
            return html_response(self._form(order, form, order.say("declined")), 422)
        if attempt["step"] == "refused":
            reason = f"{attempt['error']} {attempt['note']}"
            return html_response(self._form(order, form, order.say("refused", reason=reason)), 422)
        if order.back:
            return redirect(order.back)
        words = order.say("done" if attempt["step"] == "confirmed" else "waiting")
        return html_response(_page(order, words, el("h1", words), class_="sheet"))

    def _form(self, order: Order, form: dict[str, str], problem: str = "") -> str:
        name = str(self.store.service(order.service).get("name") or f"Service {order.service}")
        title = order.say("title", merchant=name)
        field = el(
            "div",
            el("label", order.say("number"), for_="number"),
            el("input", id="number", name="number", value=form.get("number", ""), inputmode="numeric",
               autocomplete="cc-number", aria_describedby="number-hint"),
            el("p", order.say("number_hint"), id="number-hint", class_="hint"),
            class_="field",
        )  # fmt: skip
        button = el("button", order.say("pay", amount=order.shown), type="submit", class_="primary")
        summary = el(
            "section",
            el("p", name, class_="merchant"),
            el("h1", el("span", title, class_="visually-hidden"), el("bdi", order.shown)),
            el("p", order.say("order", number=order.order), class_="hint"),
            class_="summary",
        )
        base = re.sub(r"(^|&)lang=[^&]*", "", order.query)
        others: list[Child] = [
            [el("a", label, href=f"{PATH}?{base}&lang={code}", lang=code, hreflang=code), " "]
            for code, label in LANGUAGES.items()
            if code != order.language
        ]
        pane = el(
            "section",
            el("div", el("p", problem), class_="alert", role="alert") if problem else None,
            el("form", field, button, method="post", action=f"{PATH}?{order.query}", novalidate=True),
            el("nav", others, aria_label=order.say("languages")),
            class_="pane",
        )
        return _page(order, title, summary, pane, class_="split")


def _page(order: Order, title: str, *body: Child, class_: str) -> str:
    return document(
        el("p", order.say("test_banner"), class_="banner"),
        el("main", *body, class_=class_),
        title=title,
        stylesheet=STYLESHEET,
        language=order.language,
    )


def _missing() -> Response:
    body = document(el("main", el("h1", TEXTS["en"]["missing"]), class_="sheet"), title="404", stylesheet=STYLESHEET)
    return html_response(body, 404)
