"""Where the payer agrees, in English and German. No script. Going back captures nothing."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

from sandbox._accounts import Accounts, Document
from sandbox._hosted import Sheet, load_texts, missing
from sandbox._html import el
from sandbox._web import Request, Response, Router, redirect
from sandbox.paypal import orders

TEXTS = load_texts(Path(__file__).parent / "texts")


class Pages:
    def __init__(self, store: Accounts) -> None:
        self.store = store

    def add_routes(self, router: Router) -> None:
        router.add("GET", "/checkoutnow/{id}", self.show)
        router.add("POST", "/checkoutnow/{id}", self.decide)

    def _found(self, request: Request) -> tuple[str, Document, Sheet] | None:
        account = self.store.owner("orders", request.params["id"])
        order = self.store.get(account, "orders", request.params["id"]) if account else None
        if account is None or order is None:
            return None
        context, amount = order["_context"], order["purchase_units"][0]["amount"]
        name = str(context.get("brand_name") or self.store.settings(account).get("business_name") or "Broker")
        language = "de" if str(context.get("locale", "")).startswith("de") else "en"
        return account, order, Sheet(TEXTS, language, name, Decimal(amount["value"]), amount["currency_code"])

    async def show(self, request: Request) -> Response:
        found = self._found(request)
        if found is None:
            return missing(TEXTS)
        _, order, sheet = found
        if order["status"] != "PAYER_ACTION_REQUIRED":
            return sheet.ended("done", _back(order))
        buttons = [
            el("button", sheet.say(key), type="submit", name="decision", value=value,
               class_="primary" if value == "approve" else "secondary")
            for value, key in (("approve", "approve"), ("decline", "decline"), ("cancel", "cancel"))
        ]  # fmt: skip
        email = sheet.field("email", {"email": "lena.vogt@example.com"}, {}, autocomplete="email", text=True)
        form = el("form", email, buttons, method="post", action=f"/checkoutnow/{order['id']}")
        return sheet.split(str(order["purchase_units"][0].get("description", "")), form)

    async def decide(self, request: Request) -> Response:
        found = self._found(request)
        if found is None:
            return missing(TEXTS)
        account, order, _ = found
        decision = request.form.get("decision")
        if decision == "cancel":
            return redirect(_with_token(order["_context"]["cancel_url"], order["id"]))
        if order["status"] == "PAYER_ACTION_REQUIRED" and decision in {"approve", "decline"}:
            email = request.form.get("email", "").strip() or "lena.vogt@example.com"
            with self.store.db.transaction():
                orders.approve(self.store, account, order, email=email, declined=decision == "decline")
        return redirect(_back(order))


def _back(order: Document) -> str:
    return _with_token(order["_context"]["return_url"], order["id"])


def _with_token(address: str, token: str) -> str:
    return f"{address}{'&' if '?' in address else '?'}token={token}"
