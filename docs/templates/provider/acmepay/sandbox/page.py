"""The page the payer sees, and the control page. No script."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from sandbox._accounts import Accounts, Document
from sandbox._hosted import Sheet, missing
from sandbox._panel import Panel, Shown
from sandbox._web import Request, Response, Router, redirect

from . import payments

TEXTS = {
    "en": {
        "test_banner": "Acmepay sandbox: test mode, no money moves",
        "title": "Pay {merchant}",
        "lead": "{amount} to {merchant}",
        "pay": "Pay {amount}",
        "decline": "Be declined",
        "cancel": "Cancel",
        "ended": "This payment is over",
        "continue": "Continue",
        "missing_title": "Page not found",
    }
}


class Pages:
    def __init__(self, store: Accounts) -> None:
        self.store = store

    def add_routes(self, router: Router) -> None:
        router.add("GET", "/pay/{id}", self.show)
        router.add("POST", "/pay/{id}", self.decide)

    def _found(self, request: Request) -> tuple[str, Document] | None:
        account = self.store.owner("payments", request.params["id"])
        payment = self.store.get(account, "payments", request.params["id"]) if account else None
        return (account, payment) if account and payment else None

    async def show(self, request: Request) -> Response:
        found = self._found(request)
        if found is None:
            return missing(TEXTS)
        account, payment = found
        amount = Decimal(payment["amount"]).scaleb(-payments.DECIMALS.get(payment["currency"], 2))
        sheet = Sheet(TEXTS, "en", account, amount, payment["currency"])
        if payment["state"] != "open":
            return sheet.ended("ended", payment["return_url"])
        buttons = [(name, name) for name in ("pay", "decline", "cancel")]
        return sheet.decision(f"/pay/{payment['id']}", "title", sheet.say("lead"), buttons)

    async def decide(self, request: Request) -> Response:
        found = self._found(request)
        if found is None:
            return missing(TEXTS)
        account, payment = found
        decision = request.form.get("decision", "")
        if decision in {"pay", "decline"}:
            with self.store.db.transaction():
                payments.decide(self.store, account, payment, decision)
        return redirect(payment["cancel_url"] if decision == "cancel" else payment["return_url"])


def panel(store: Accounts) -> Panel:
    def act(account: str, kind: str, document: Document, action: str, values: dict[str, Any]) -> Document | None:
        if kind == "payouts":
            return payments.payout_decide(store, account, document, action)
        return payments.decide(store, account, document, action) if kind == "payments" else None

    def buttons(payment: Document) -> list[tuple[str, str, dict[str, str]]]:
        return [
            (name.replace("_", " ").capitalize(), name, {})
            for name, (before, _) in payments.DECISIONS.items() if before == payment["state"]
        ]  # fmt: skip

    def payout_buttons(payout: Document) -> list[tuple[str, str, dict[str, str]]]:
        return [("Finish", "finish", {}), ("Fail", "fail", {})] if payout["state"] == "waiting" else []

    return Panel(
        service="Acmepay sandbox",
        store=store,
        settings=("webhook_key", "refuse_payouts"),
        without=frozenset({"old_timestamp"}),
        act=act,
        kinds={
            "payments": Shown("Payments", ["reference", "amount", "currency", "state"], buttons, lambda one: f"/pay/{one['id']}"),
            "refunds": Shown("Refunds", ["payment", "amount", "currency", "state"]),
            "payouts": Shown("Payouts", ["reference", "iban", "amount", "currency", "state"], payout_buttons),
        },
    )  # fmt: skip
