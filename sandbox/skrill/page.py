"""Quick Checkout's page, in English and German. No script."""

from __future__ import annotations

import time
from decimal import Decimal
from pathlib import Path

from sandbox._accounts import Accounts, Document
from sandbox._hosted import Sheet, load_texts, missing
from sandbox._html import el
from sandbox._web import Request, Response, Router, redirect
from sandbox.skrill import money

TEXTS = load_texts(Path(__file__).parent / "texts")
LIFE = 900  # of a session, seconds
DECISIONS = {"pay": (money.PROCESSED, ""), "wait": (money.PENDING, ""), "decline": (money.FAILED, "05")}


class Pages:
    def __init__(self, store: Accounts) -> None:
        self.store = store

    def add_routes(self, router: Router) -> None:
        router.add("GET", "/", self.show)
        router.add("POST", "/checkout/{sid}", self.decide)

    def _found(self, sid: str) -> tuple[str, Document, Sheet] | None:
        account = self.store.owner("sessions", sid)
        opened = self.store.get(account, "sessions", sid) if account else None
        if account is None or opened is None:
            return None
        name = opened.get("recipient_description") or str(self.store.settings(account).get("business_name") or account)
        language = "de" if opened.get("language") == "DE" else "en"
        return account, opened, Sheet(TEXTS, language, name, Decimal(opened["amount"]), opened["currency"])

    async def show(self, request: Request) -> Response:
        found = self._found(request.query.get("sid", ""))
        if found is None:
            return missing(TEXTS)
        account, opened, sheet = found
        if self._ended(account, opened):
            return sheet.ended("done", opened.get("return_url", ""))
        if time.time() - opened["_created"] > LIFE:
            return sheet.ended("expired", opened.get("cancel_url", ""))
        buttons = [
            el("button", sheet.say(value), type="submit", name="decision", value=value,
               class_="secondary" if index else "primary")
            for index, value in enumerate(("pay", "decline", "wait", "cancel"))
        ]  # fmt: skip
        email = sheet.field(
            "email", {"email": opened.get("pay_from_email", "")}, {}, autocomplete="email", text=True
        )  # fmt: skip
        form = el("form", email, buttons, method="post", action=f"/checkout/{opened['id']}")
        return sheet.split(opened.get("detail1_text", ""), form)

    def _ended(self, account: str, opened: Document) -> bool:
        same = [
            one for one in self.store.all(account, "transactions") if one["transaction_id"] == opened["transaction_id"]
        ]
        return any(one["status"] in {money.PROCESSED, money.PENDING} for one in same)

    async def decide(self, request: Request) -> Response:
        found = self._found(request.params["sid"])
        if found is None:
            return missing(TEXTS)
        account, opened, _ = found
        decision = request.form.get("decision", "")
        if decision == "cancel":
            return redirect(opened.get("cancel_url") or f"/?sid={opened['id']}")
        if decision in DECISIONS and not self._ended(account, opened):
            status, reason = DECISIONS[decision]
            given = {**opened, "pay_from_email": request.form.get("email") or opened.get("pay_from_email", "")}
            with self.store.db.transaction():
                money.pay(self.store, account, given, status, reason=reason)
            if decision == "decline":
                return redirect(f"/?sid={opened['id']}")
        return redirect(opened.get("return_url") or f"/?sid={opened['id']}")
