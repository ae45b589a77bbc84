"""The page behind a payment link, in English and Dutch. No script."""

from __future__ import annotations

from pathlib import Path

from sandbox._accounts import Accounts, Document
from sandbox._hosted import Sheet, load_texts, missing, read_card
from sandbox._html import Child, el
from sandbox._web import Request, Response, Router, redirect
from sandbox.adyen import payments

TEXTS = load_texts(Path(__file__).parent / "texts")


class Pages:
    """Choose, pay, authenticate, go back."""

    def __init__(self, store: Accounts) -> None:
        self.store = store

    def add_routes(self, router: Router) -> None:
        router.add("GET", "/pay/{id}", self.show)
        router.add("POST", "/pay/{id}/card", self.card)
        router.add("POST", "/pay/{id}/authenticate", self.authenticate)
        router.add("POST", "/pay/{id}/other", self.other)

    def _found(self, request: Request) -> tuple[str, Document, Sheet] | None:
        merchant = self.store.owner("links", request.params["id"])
        link = self.store.get(merchant, "links", request.params["id"]) if merchant else None
        if merchant is None or link is None:
            return None
        link = payments.aged(self.store, merchant, link)
        name = str(self.store.settings(merchant).get("business_name") or merchant)
        language = "nl" if str(link.get("shopperLocale", "")).startswith("nl") else "en"
        amount = link["amount"]
        return merchant, link, Sheet(TEXTS, language, name, payments.major(amount), amount["currency"])

    async def show(self, request: Request) -> Response:
        found = self._found(request)
        return _page(*found[1:], {}, {}) if found else missing(TEXTS)

    async def card(self, request: Request) -> Response:
        found = self._found(request)
        if found is None:
            return missing(TEXTS)
        merchant, link, sheet = found
        if link["status"] != "active" or "scheme" not in _types(link):
            return redirect(f"/pay/{link['id']}")
        card, errors = read_card(request.form)
        if errors:
            return _page(link, sheet, request.form, errors)
        if card["number"] in payments.AUTHENTICATED and card["name"].upper() not in payments.HOLDERS:
            lead = sheet.say("three_ds_lead", last4=card["number"][-4:])
            buttons = [("approve", "approve"), ("refuse", "refuse")]
            return sheet.decision(f"/pay/{link['id']}/authenticate", "three_ds_title", lead, buttons)
        self._pay_card(merchant, link, card["number"], payments.HOLDERS.get(card["name"].upper(), ""))
        return redirect(f"/pay/{link['id']}?tried=1")

    async def authenticate(self, request: Request) -> Response:
        found = self._found(request)
        if found is None:
            return missing(TEXTS)
        merchant, link, _ = found
        if link["status"] == "active":
            approved = request.form.get("decision") == "approve"
            self._pay_card(merchant, link, "4212345678910006", "" if approved else "3D Not Authenticated")
        return redirect(f"/pay/{link['id']}?tried=1")

    async def other(self, request: Request) -> Response:
        """A bank's or wallet's page, shortened to its outcome."""
        found = self._found(request)
        if found is None:
            return missing(TEXTS)
        merchant, link, _ = found
        method, decision = request.form.get("method", ""), request.form.get("decision", "")
        outcome = {"approve": "Authorised", "refuse": "Refused", "wait": "Pending"}.get(decision)
        if link["status"] == "active" and method in _types(link) and outcome:
            reason = "Shopper Cancelled" if outcome == "Refused" else ""
            with self.store.db.transaction():
                payments.attempt(self.store, merchant, link, method=method, outcome=outcome, reason=reason)
        return redirect(f"/pay/{link['id']}?tried=1")

    def _pay_card(self, merchant: str, link: Document, number: str, reason: str) -> None:
        scheme = "visa" if number.startswith("4") else "mc"
        with self.store.db.transaction():
            payments.attempt(
                self.store, merchant, link, method=scheme, outcome="Refused" if reason else "Authorised",
                reason=reason, last4=number[-4:],
            )  # fmt: skip


def _types(link: Document) -> list[str]:
    return [code for code in payments.TYPES if code in (link.get("allowedPaymentMethods") or payments.TYPES)]


def _page(link: Document, sheet: Sheet, form: dict[str, str], errors: dict[str, str]) -> Response:
    if link["status"] != "active":
        title = {"completed": "done", "paymentPending": "held"}.get(link["status"], "expired")
        return sheet.ended(title, str(link.get("returnUrl") or ""))
    path = f"/pay/{link['id']}"
    panes: list[Child] = [sheet.alert(errors)]
    for code in _types(link):
        if code == "scheme":
            panes.append(sheet.card_form(f"{path}/card", form, errors))
        else:
            panes.append(_other(sheet, path, code))
    if link.get("returnUrl"):
        panes.append(el("p", el("a", sheet.say("back"), href=link["returnUrl"]), class_="cancel"))
    return sheet.split(str(link.get("description", "")), panes, status=422 if errors else 200)


def _other(sheet: Sheet, path: str, code: str) -> Child:
    name = payments.TYPES[code]
    buttons = [
        el("button", sheet.say(key, method=name), type="submit", name="decision", value=value,
           class_="primary" if value == "approve" else "secondary")
        for value, key in (("approve", "pay_with"), ("refuse", "cancel_with"), ("wait", "wait_with"))
    ]  # fmt: skip
    hidden = el("input", type="hidden", name="method", value=code)
    return el("form", el("h2", name), hidden, buttons, method="post", action=f"{path}/other")
