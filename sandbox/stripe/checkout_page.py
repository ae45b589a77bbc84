"""The hosted Checkout page: what the customer sees at /c/pay/cs_test_... . Works without any script."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime

from sandbox._html import Markup, document, el
from sandbox._web import Request, Response, Router, html_response, redirect
from sandbox.stripe import customers, methods, payments
from sandbox.stripe.currencies import display
from sandbox.stripe.languages import TEXTS, choose_language
from sandbox.stripe.store import Object, Store

STYLESHEET = "/static/hosted.css"
# How a decline reads to the customer; anything else is "declined".
DECLINE_TEXTS = {
    "insufficient_funds": "funds",
    "expired_card": "expired_card",
    "incorrect_cvc": "wrong_cvc",
    "processing_error": "processing_error",
    "test_mode_live_card": "not_test",
}
PROVIDERS = {"klarna": "Klarna", "ideal": "iDEAL", "eps": "EPS"}


@dataclass(slots=True)
class View:
    """A session as one customer sees it."""

    account: str
    merchant: str
    session: Object
    language: str

    def say(self, key: str, **values: str) -> str:
        return TEXTS[self.language][key].format(merchant=self.merchant, amount=self.amount, **values)

    @property
    def amount(self) -> str:
        return display(self.session["amount_total"], self.session["currency"], self.language)

    @property
    def path(self) -> str:
        return f"/c/pay/{self.session['id']}"

    def page(self, *body: Markup | None, title: str, class_: str = "") -> str:
        direction = "rtl" if self.language == "ar" else "ltr"
        banner = el("p", self.say("test_banner"), class_="banner")
        return document(
            banner, el("main", *body, class_=class_), title=title, stylesheet=STYLESHEET,
            language=self.language, direction=direction,
        )  # fmt: skip


class CheckoutPages:
    """Pay, confirm elsewhere, come back."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def add_routes(self, router: Router) -> None:
        router.add("GET", "/c/pay/{id}", self.show)
        router.add("POST", "/c/pay/{id}", self.pay)
        router.add("GET", "/c/pay/{id}/confirm", self.show_confirm)
        router.add("POST", "/c/pay/{id}/confirm", self.confirm)

    def _view(self, request: Request) -> View | None:
        identifier = request.params["id"]
        account = self.store.owner("checkout.session", identifier)
        if account is None:
            return None
        session = self.store.get(account, "checkout.session", identifier)
        language = choose_language(session["locale"], request.headers.get("accept-language", ""))
        return View(account, merchant_name(self.store, account, session), session, language)

    async def show(self, request: Request) -> Response:
        view = self._view(request)
        if view is None:
            return _missing(request)
        if view.session["status"] != "open":
            return _closed(view)
        error = None
        if view.session.get("_intent"):
            intent = self.store.get(view.account, "payment_intent", view.session["_intent"])
            error = _decline_text(view, intent)
        return html_response(_form_page(view, {}, {}, error))

    async def pay(self, request: Request) -> Response:
        view = self._view(request)
        if view is None:
            return _missing(request)
        if view.session["status"] != "open":
            return _closed(view)
        form = {key: value.strip() for key, value in request.form.items()}
        details, errors = _read_details(view.session, form)
        if errors:
            return html_response(_form_page(view, form, errors), 422)
        with self.store.db.transaction():
            intent = payments.attempt(self.store, view.account, view.session, form["method"], details)
        if intent["status"] == "requires_action":
            return redirect(f"{view.path}/confirm")
        if intent["status"] == "requires_payment_method":
            return html_response(_form_page(view, form, {}, _decline_text(view, intent)), 402)
        return redirect(_success_url(view.session))

    async def show_confirm(self, request: Request) -> Response:
        view = self._view(request)
        if view is None:
            return _missing(request)
        if view.session["status"] != "open":
            return _closed(view)
        if not view.session.get("_intent"):
            return redirect(view.path)
        intent = self.store.get(view.account, "payment_intent", view.session["_intent"])
        if intent["status"] != "requires_action":
            return redirect(view.path)
        return html_response(_confirm_page(view, intent))

    async def confirm(self, request: Request) -> Response:
        view = self._view(request)
        if view is None:
            return _missing(request)
        if view.session["status"] != "open":
            return _closed(view)
        if not view.session.get("_intent"):
            return redirect(view.path)
        form = request.form
        approved = form.get("decision") == "approve"
        with self.store.db.transaction():
            intent = payments.confirm(
                self.store, view.account, view.session, approved=approved, category=form.get("category")
            )
        return redirect(_success_url(view.session) if intent["status"] == "succeeded" else view.path)


def merchant_name(store: Store, account: str, session: Object | None = None) -> str:
    """The session's branding, else the account's name."""
    branding = (session or {}).get("branding_settings") or {}
    name = branding.get("display_name") or store.settings(account).get("business_name")
    return name or account.replace("-", " ").title()


def _success_url(session: Object) -> str:
    """docs.stripe.com/payments/checkout/custom-success-page: the placeholder becomes the session's id."""
    return str(session["success_url"]).replace("{CHECKOUT_SESSION_ID}", session["id"])


def _decline_text(view: View, intent: Object) -> str | None:
    error = intent["last_payment_error"]
    if not error:
        return None
    if error["code"] in {"payment_method_customer_decline", "payment_intent_authentication_failure"}:
        return view.say("not_confirmed")
    if error["code"] == "incorrect_number":
        return view.say("e_number")
    return view.say(DECLINE_TEXTS.get(error.get("decline_code", ""), "declined"))


def _read_details(session: Object, form: dict[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """What the customer typed, cleaned, and per field the key of what is wrong with it."""
    errors: dict[str, str] = {}
    details = {"email": session["customer_email"] or form.get("email", "")}
    if not customers.plausible_email(details["email"]):
        errors["email"] = "e_email"
    method = form.get("method", "")
    if method not in session["payment_method_types"]:
        errors["method"] = "e_method"
    if method == "card":
        _read_card(form, details, errors)
    elif method == "sepa_debit":
        details["name"] = form.get("sepa_name", "")
        details["iban"] = form.get("iban", "").replace(" ", "").upper()
        if not methods.iban_valid(details["iban"]):
            errors["iban"] = "e_iban"
        if not details["name"]:
            errors["sepa_name"] = "e_name"
    return details, errors


def _read_card(form: dict[str, str], details: dict[str, str], errors: dict[str, str]) -> None:
    number = re.sub(r"[\s-]", "", form.get("number", ""))
    if not methods.luhn_valid(number) or not 13 <= len(number) <= 19:
        errors["number"] = "e_number"
    expiry = re.fullmatch(r"(\d{1,2})\s*/?\s*(?:20)?(\d{2})", form.get("expiry", ""))
    now = datetime.now(UTC)
    month, year = (int(expiry[1]), 2000 + int(expiry[2])) if expiry else (0, 0)
    if not 1 <= month <= 12 or (year, month) < (now.year, now.month):
        errors["expiry"] = "e_expiry"
    if not re.fullmatch(r"\d{3,4}", form.get("cvc", "")):
        errors["cvc"] = "e_cvc"
    if not form.get("name"):
        errors["name"] = "e_name"
    details |= {
        "number": number,
        "exp_month": str(month),
        "exp_year": str(year),
        "name": form.get("name", ""),
    }


def _form_page(view: View, form: dict[str, str], errors: dict[str, str], failure: str | None = None) -> str:
    return view.page(
        _summary(view),
        el(
            "section",
            _error_box(view, errors, failure),
            el(
                "form",
                _contact(view, form, errors),
                _methods(view, form, errors),
                el("button", view.say("pay"), type="submit", class_="primary"),
                method="post",
                action=view.path,
                novalidate=True,
            ),
            _cancel_link(view),
            class_="pane",
        ),
        title=view.say("pay_to"),
        class_="split",
    )


def _cancel_link(view: View) -> Markup | None:
    if not view.session["cancel_url"]:
        return None
    return el("p", el("a", view.say("cancel"), href=view.session["cancel_url"]), class_="cancel")


def _summary(view: View) -> Markup:
    items = [
        el(
            "li",
            el(
                "span",
                el("span", item["description"], class_="item"),
                el("span", item["_description"], class_="hint") if item["_description"] else None,
                el("span", view.say("quantity", n=str(item["quantity"])), class_="hint")
                if item["quantity"] > 1
                else None,
            ),
            el("bdi", display(item["amount_total"], item["currency"], view.language)),
        )
        for item in view.session["_line_items"]
    ]
    return el(
        "section",
        el("p", view.merchant, class_="merchant"),
        el("h1", el("span", view.say("pay_to"), class_="visually-hidden"), el("bdi", view.amount)),
        el("h2", view.say("summary"), class_="visually-hidden"),
        el("ul", items, class_="items"),
        el("p", el("span", view.say("total")), el("bdi", view.amount), class_="total"),
        class_="summary",
    )


def _error_box(view: View, errors: dict[str, str], failure: str | None) -> Markup | None:
    if failure:
        return el("div", el("p", failure), class_="alert", role="alert")
    if not errors:
        return None
    lines = [
        el("li", el("a", view.say(key), href=f"#{'method-0' if name == 'method' else name}"))
        for name, key in errors.items()
    ]
    return el("div", el("p", view.say("errors")), el("ul", lines), class_="alert", role="alert")


def _field(
    view: View, name: str, label: str, form: dict[str, str], errors: dict[str, str], *,
    hint: str | None = None, autocomplete: str = "off", inputmode: str = "text", kind: str = "text",
    placeholder: str | None = None,
) -> Markup:  # fmt: skip
    described = [f"{name}-error"] if name in errors else []
    described += [f"{name}-hint"] if hint else []
    return el(
        "div",
        el("label", label, for_=name),
        el(
            "input",
            id=name,
            name=name,
            type=kind,
            value=form.get(name, ""),
            autocomplete=autocomplete,
            inputmode=inputmode,
            placeholder=placeholder,
            # Numbers and addresses read from left to right in every language.
            dir="auto" if name.endswith("name") else "ltr",
            aria_invalid="true" if name in errors else None,
            aria_describedby=" ".join(described) or None,
        ),
        el("p", view.say(errors[name]), id=f"{name}-error", class_="error") if name in errors else None,
        el("p", hint, id=f"{name}-hint", class_="hint") if hint else None,
        class_="field",
    )


def _contact(view: View, form: dict[str, str], errors: dict[str, str]) -> Markup:
    fixed = view.session["customer_email"]
    if fixed:
        return el("p", el("span", view.say("email"), class_="hint"), " ", el("bdi", fixed), class_="fixed")
    return el(
        "fieldset",
        el("legend", view.say("contact")),
        _field(
            view,
            "email",
            view.say("email"),
            form,
            errors,
            autocomplete="email",
            inputmode="email",
            kind="email",
        ),
    )


def _methods(view: View, form: dict[str, str], errors: dict[str, str]) -> Markup:
    offered = view.session["payment_method_types"]
    chosen = form.get("method") or offered[0]
    rows = [
        el(
            "div",
            el(
                "label",
                el(
                    "input",
                    id=f"method-{index}",
                    type="radio",
                    name="method",
                    value=name,
                    checked=name == chosen,
                ),
                el("span", view.say(name)),
                class_="choice",
            ),
            el("div", _panel(view, name, form, errors), class_="panel"),
            class_=f"method {name}",
        )
        for index, name in enumerate(offered)
    ]
    return el("fieldset", el("legend", view.say("method")), rows, class_="methods")


def _panel(view: View, method: str, form: dict[str, str], errors: dict[str, str]) -> list[Markup]:
    if method == "card":
        return [
            _field(
                view, "number", view.say("number"), form, errors, hint=view.say("number_hint"),
                autocomplete="cc-number", inputmode="numeric", placeholder="1234 1234 1234 1234",
            ),
            el(
                "div",
                _field(view, "expiry", view.say("expiry"), form, errors, autocomplete="cc-exp",
                       inputmode="numeric", placeholder="12 / 30"),
                _field(view, "cvc", view.say("cvc"), form, errors, autocomplete="cc-csc", inputmode="numeric",
                       placeholder="123"),
                class_="pair",
            ),
            _field(view, "name", view.say("name"), form, errors, autocomplete="cc-name"),
        ]  # fmt: skip
    if method == "sepa_debit":
        return [
            _field(
                view, "iban", view.say("iban"), form, errors, hint=view.say("iban_hint"),
                placeholder="DE00 0000 0000 0000 0000 00",
            ),
            _field(view, "sepa_name", view.say("full_name"), form, errors, autocomplete="name"),
            el("p", view.say("mandate"), class_="hint"),
        ]  # fmt: skip
    return [el("p", view.say("redirect_note", provider=PROVIDERS[method]), class_="hint")]


def _confirm_page(view: View, intent: Object) -> str:
    method = intent["_method"]
    choices: Markup | None = None
    if method == "klarna":
        title, lead = view.say("klarna_title"), view.say("klarna_lead")
        options = [
            ("pay_now", "klarna_now"),
            ("pay_later", "klarna_later"),
            ("pay_over_time", "klarna_parts"),
        ]
        choices = el(
            "fieldset",
            el("legend", view.say("method"), class_="visually-hidden"),
            [
                el(
                    "label",
                    el("input", type="radio", name="category", value=value, checked=value == "pay_now"),
                    el("span", view.say(key)),
                    class_="choice",
                )
                for value, key in options
            ],
            class_="methods",
        )
    elif method == "card":
        last4 = intent["_details"]["number"][-4:]
        title, lead = view.say("three_ds_title"), view.say("three_ds_lead", last4=last4)
    else:
        title, lead = view.say("bank_title", provider=PROVIDERS[method]), view.say("bank_lead")
    return view.page(
        el("h1", title),
        el("p", lead),
        el(
            "form",
            choices,
            el(
                "button",
                view.say("approve"),
                type="submit",
                name="decision",
                value="approve",
                class_="primary",
            ),
            el(
                "button",
                view.say("refuse"),
                type="submit",
                name="decision",
                value="refuse",
                class_="secondary",
            ),
            method="post",
            action=f"{view.path}/confirm",
        ),
        title=title,
        class_=f"sheet {method}",
    )


def _closed(view: View) -> Response:
    complete = view.session["status"] == "complete"
    title = view.say("done_title" if complete else "expired_title")
    lead = view.say("done_lead" if complete else "expired_lead")
    target = _success_url(view.session) if complete else view.session["cancel_url"]
    link = el("p", el("a", view.say("continue"), href=target, class_="button primary")) if target else None
    return html_response(view.page(el("h1", title), el("p", lead), link, title=title, class_="sheet"))


def _missing(request: Request) -> Response:
    language = choose_language(None, request.headers.get("accept-language", ""))
    words = TEXTS[language]
    body = document(
        el("main", el("h1", words["missing_title"]), el("p", words["missing_lead"]), class_="sheet"),
        title=words["missing_title"],
        stylesheet=STYLESHEET,
        language=language,
        direction="rtl" if language == "ar" else "ltr",
    )
    return html_response(body, 404)
