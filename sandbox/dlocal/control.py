"""Faults, settings, redelivery and decisions of the dLocal sandbox, as JSON and as pages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sandbox._control import (
    button,
    deliveries_table,
    faults_form,
    is_foreign,
    page,
    refused,
    table,
    when,
)
from sandbox._desk import Desk, Outgoing
from sandbox._html import Child, Markup, el
from sandbox._web import Request, Response, Router, json_response, redirect
from sandbox.dlocal import payments, payouts
from sandbox.dlocal.page import merchant_name
from sandbox.dlocal.store import DEFAULTS, KINDS, Item, Store, public

SERVICE = "dLocal sandbox"
CHOICES = {"payouts": {"manual", "paid"}, "refunds": {"auto", "pending", "rejected"}}
CARD = {"number": "4111111111111111", "month": "12", "year": "2049", "name": "Prueba"}


class Control(Desk):
    """Everything under /_control."""

    service = SERVICE
    accounts_title = "Merchants"
    no_account = "No merchant yet. Any signed request makes one."

    def __init__(self, store: Store) -> None:
        self.store = store

    def outgoing(self) -> Outgoing:
        return self.store.deliveries

    def accounts(self) -> Sequence[str]:
        return self.store.merchants()

    def listed(self, account: str) -> Child:
        return [el("a", merchant_name(self.store, account), href=f"/_control/{account}"), " ", el("code", account)]

    def add_routes(self, router: Router) -> None:
        self.add_desk_routes(router)
        api = "/_control/api"
        router.add("GET", f"{api}/{{account}}/settings", self.api_settings)
        router.add("PUT", f"{api}/{{account}}/settings", self.api_put_settings)
        router.add("GET", f"{api}/{{account}}/deliveries", self.api_deliveries)
        router.add("GET", f"{api}/{{account}}/{{kind}}", self.api_items)
        router.add("POST", f"{api}/{{account}}/{{kind}}/{{id}}/{{action}}", self.api_act)
        router.add("POST", "/_control/{account}/{kind}/{id}/{action}", self.page_act)

    async def api_settings(self, request: Request) -> Response:
        return json_response(self.store.merchant(request.params["account"]))

    async def api_put_settings(self, request: Request) -> Response:
        """Merges what store.DEFAULTS names."""
        try:
            values: dict[str, Any] = request.json()
            unknown = [name for name in values if name not in DEFAULTS]
        except ValueError as error:
            return json_response({"error": str(error)}, 400)
        if unknown or not all(isinstance(value, str) for value in values.values()):
            return json_response({"error": f"settings are {', '.join(DEFAULTS)}, all text"}, 400)
        wrong = [name for name, allowed in CHOICES.items() if values.get(name, DEFAULTS[name]) not in allowed]
        if wrong:
            return json_response({"error": f"{wrong[0]}: one of {', '.join(sorted(CHOICES[wrong[0]]))}"}, 400)
        self.store.set_merchant(request.params["account"], values)
        return await self.api_settings(request)

    async def api_deliveries(self, request: Request) -> Response:
        return json_response({"data": self.store.deliveries.listing(request.params["account"])})

    async def api_items(self, request: Request) -> Response:
        kind = request.params["kind"].removesuffix("s")
        if kind not in KINDS:
            return json_response({"error": "no such thing"}, 404)
        return json_response({"data": [public(item) for item in self.store.all(request.params["account"], kind)]})

    async def api_act(self, request: Request) -> Response:
        try:
            values = request.json()
        except ValueError:
            return json_response({"error": "the body is not JSON"}, 400)
        answer = self._act(request, values)
        return json_response(answer) if answer else json_response({"error": "no such thing to do"}, 404)

    def _act(self, request: Request, values: dict[str, Any]) -> dict[str, Any] | None:
        login, identifier = request.params["account"], request.params["id"]
        name, action = request.params["kind"], request.params["action"]
        if name == "deliveries":
            known = action == "redeliver" and identifier.isdecimal()
            return {"redelivered": int(identifier)} if known and self._redeliver(login, int(identifier)) else None
        kind = name.removesuffix("s")
        item = self.store.find(login, kind, identifier) if kind in KINDS else None
        if item is None:
            return None
        with self.store.db.transaction():
            done = self._decide(login, kind, item, action, values)
        return public(item) if done else None

    def _redeliver(self, login: str, delivery: int) -> bool:
        return self.store.deliveries.redeliver(delivery, login)

    def _decide(self, login: str, kind: str, item: Item, action: str, values: dict[str, Any]) -> bool:
        """The payer's, the banks' and dLocal's part."""
        match kind, action:
            case "payment", "pay":
                self._pay(login, item, str(values.get("number", CARD["number"])))
            case "payment", "decline":
                payments.finish(self.store, login, item, payments.DECLINED)
            case "payment", "cancel":
                payments.finish(self.store, login, item, payments.CANCELLED)
            case "payment", "chargeback":
                payments.chargeback(self.store, login, item)
            case "chargeback", "win":
                payments.win(self.store, login, item)
            case "refund", ("pay" | "reject"):
                payments.decide_refund(self.store, login, item, paid=action == "pay")
            case "payout", "deliver":
                payouts.move(self.store, login, item, "DELIVERED")
            case "payout", "pay":
                payouts.move(self.store, login, item, "PAID")
            case "payout", "reject":
                reason = str(values.get("reason") or "The account number is not correct.")
                payouts.move(self.store, login, item, "REJECTED", reason[:100])
            case _:
                return False
        return True

    def _pay(self, login: str, payment: Item, number: str) -> None:
        """As on the page: a card by its number, everything else by the payer's confirmation."""
        if payments.is_open(payment) and payment["payment_method_type"] == "CARD":
            payments.pay_by_card(self.store, login, payment, {**CARD, "number": number})
        payments.finish(self.store, login, payment, payments.PAID)  # does nothing to what has come to its end

    async def page_act(self, request: Request) -> Response:
        if is_foreign(request):
            return refused()
        self._act(request, dict(request.form))
        return redirect(f"/_control/{request.params['account']}#{request.params['kind']}")

    def _page(self, login: str, failure: str | None) -> str:
        base = f"/_control/{login}"
        return page(
            SERVICE,
            merchant_name(self.store, login),
            el("p", el("a", "All merchants", href="/_control")),
            el("h1", merchant_name(self.store, login), " ", el("code", login)),
            el("p", failure, class_="alert", role="alert") if failure else None,
            faults_form(f"{base}/faults", self.store.deliveries.faults(login)),
            *[self._table(login, kind) for kind in KINDS],
            deliveries_table(base, self.store.deliveries.listing(login, 50), "About"),
        )

    def _table(self, login: str, kind: str) -> Markup:
        rows: list[list[Child]] = [
            [
                el("code", item["id"]), when(item["_created"]),
                item.get("order_id") or item.get("external_id") or "",
                item.get("payment_method_id") or item.get("payment_id") or "",
                f"{item['amount']} {item['currency']}",
                f"{item['status']} {item['status_code']}",
                self._buttons(login, kind, item),
            ]
            for item in self.store.all(login, kind, 50)
        ]  # fmt: skip
        head = ["ID", "Created", "Merchant's reference", "Method or payment", "Amount", "Status", "Actions"]
        return table(f"{kind.title()}s", f"{kind}s", head, rows)

    def _buttons(self, login: str, kind: str, item: Item) -> list[Child]:
        base = f"/_control/{login}/{kind}s/{item['id']}"
        offered = {
            ("payment", "PENDING"): ("pay", "decline", "cancel"),
            ("payment", "PAID"): ("chargeback",),
            ("refund", "PENDING"): ("pay", "reject"),
            ("payout", "PENDING"): ("deliver", "pay", "reject"),
            ("payout", "DELIVERED"): ("pay", "reject"),
            ("chargeback", "COMPLETED"): ("win",),
        }.get((kind, item["status"]), ())
        buttons: list[Child] = [button(f"{base}/{action}", action.title(), item["id"]) for action in offered]
        if kind == "payment" and item["status"] == "PENDING":
            buttons.insert(0, el("a", "Open page", href=f"/collect/{item['_page']}", aria_label=f"Open {item['id']}"))
        return buttons
