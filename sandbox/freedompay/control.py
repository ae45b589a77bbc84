"""Faults, redelivery and decisions of the Freedom Pay sandbox, as JSON and as pages."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from sandbox._control import button, deliveries_table, empty, faults_form, is_foreign, page, refused, table, when
from sandbox._delivery import Faults
from sandbox._html import Child, el
from sandbox._web import Request, Response, Router, html_response, json_response, redirect
from sandbox.freedompay import payments
from sandbox.freedompay.page import merchant_name
from sandbox.freedompay.store import Payment, Store

SERVICE = "Freedom Pay sandbox"
WITHOUT = frozenset({"old_timestamp"})  # there is no time in the signature
SETTINGS = ("secret_key", "payout_key", "name", "currency", "refunds")
REFUNDS = ("success", "process", "error")
BASE = "/_control/api/{merchant}"


class Control:
    """Everything under /_control."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def add_routes(self, router: Router) -> None:
        router.add("GET", "/_control/api/accounts", self.api_accounts)
        router.add("GET", f"{BASE}/faults", self.api_faults)
        router.add("PUT", f"{BASE}/faults", self.api_put_faults)
        router.add("GET", f"{BASE}/settings", self.api_settings)
        router.add("PUT", f"{BASE}/settings", self.api_put_settings)
        router.add("GET", f"{BASE}/payments", self.api_payments)
        router.add("GET", f"{BASE}/deliveries", self.api_deliveries)
        router.add("POST", f"{BASE}/{{kind}}/{{id}}/{{action}}", self.api_act)
        router.add("GET", "/_control", self.page_accounts)
        router.add("GET", "/_control/{merchant}", self.page_account)
        router.add("POST", "/_control/{merchant}/faults", self.page_faults)
        router.add("POST", "/_control/{merchant}/{kind}/{id}/{action}", self.page_act)

    async def api_accounts(self, request: Request) -> Response:
        return json_response({"accounts": self.store.merchants()})

    async def api_faults(self, request: Request) -> Response:
        return json_response(asdict(self.store.deliveries.faults(request.params["merchant"])))

    async def api_put_faults(self, request: Request) -> Response:
        """Replaces all faults; what is not named is off."""
        try:
            faults = Faults.parse(request.json())
        except (ValueError, TypeError, AttributeError) as error:
            return json_response({"error": str(error)}, 400)
        self.store.deliveries.set_faults(request.params["merchant"], faults)
        return json_response(asdict(faults))

    async def api_settings(self, request: Request) -> Response:
        return json_response(self.store.merchant(request.params["merchant"]))

    async def api_put_settings(self, request: Request) -> Response:
        """Merges secret_key, payout_key, name, currency and refunds (how refunds end: success, process, error)."""
        try:
            values: dict[str, Any] = request.json()
        except ValueError as error:
            return json_response({"error": str(error)}, 400)
        if set(values) - set(SETTINGS) or not all(isinstance(value, str) for value in values.values()):
            return json_response({"error": f"settings are {', '.join(SETTINGS)}, all text"}, 400)
        if values.get("currency", "KZT") not in payments.CURRENCIES or values.get("refunds", "success") not in REFUNDS:
            return json_response({"error": "no such currency or outcome of refunds"}, 400)
        self.store.set_merchant(request.params["merchant"], values)
        return await self.api_settings(request)

    async def api_payments(self, request: Request) -> Response:
        return json_response({"data": [_public(item) for item in self.store.all(request.params["merchant"])]})

    async def api_deliveries(self, request: Request) -> Response:
        return json_response({"data": self._deliveries(request.params["merchant"])})

    def _deliveries(self, merchant: str) -> list[dict[str, Any]]:
        answers = self.store.answers()
        listing = self.store.deliveries.listing(merchant)
        return [{**item, "answer": answers.get(item["id"], "")} for item in listing]

    async def api_act(self, request: Request) -> Response:
        try:
            values = request.json()
        except ValueError:
            return json_response({"error": "the body is not JSON"}, 400)
        answer = self._act(request, values)
        return json_response(answer) if answer else json_response({"error": "no such thing to do"}, 404)

    def _act(self, request: Request, values: dict[str, Any]) -> dict[str, Any] | None:
        """pay {number, approve}, cancel, expire; refunds and payouts: succeed, fail {reason}; deliveries: redeliver."""
        merchant, identifier, action = (request.params[name] for name in ("merchant", "id", "action"))
        if request.params["kind"] == "deliveries":
            known = identifier.isdecimal() and self.store.deliveries.redeliver(int(identifier), merchant)
            return {"redelivered": int(identifier)} if known and action == "redeliver" else None
        payment = self.store.find(merchant, identifier)
        if payment is None or f"{payment['kind']}s" != request.params["kind"]:
            return None
        with self.store.db.transaction():
            done = self._decide(payment, action, values)
        return _public(payment) if done else None

    def _decide(self, payment: Payment, action: str, values: dict[str, Any]) -> bool:
        match payment["kind"], action:
            case "payment", "pay":
                number = str(values.get("number") or "4111111111111111")
                if payment["status"] == "new" and payments.pay(self.store, payment, number) == "authenticate":
                    approved = str(values.get("approve", "true")).lower() != "false"
                    outcome = payments.CARDS[number] if approved else payments.NOT_AUTHENTICATED
                    payments.finish(self.store, payment, outcome)
            case "payment", "cancel":
                payments.finish(self.store, payment, payments.CANCELLED)
            case "payment", "expire":
                payment["expires"] = 0
                payments.status_now(self.store, payment)
            case "refund", ("succeed" | "fail"):
                if payment["status"] == "process":
                    payment["status"] = "success" if action == "succeed" else "error"
                    self.store.update(payment)
            case "payout", "succeed":
                payments.end_payout(self.store, payment, "success")
            case "payout", "fail":
                payments.end_payout(self.store, payment, "error", str(values.get("reason") or "Отказ банка"))
            case _:
                return False
        return True

    async def page_accounts(self, request: Request) -> Response:
        rows = [
            el("li", el("a", merchant_name(self.store, item), href=f"/_control/{item}"), " ", el("code", item))
            for item in self.store.merchants()
        ]
        listing = el("ul", rows, class_="plain") if rows else empty("No merchant yet: PUT settings makes one.")
        return html_response(page(SERVICE, "Merchants", el("h1", "Merchants"), listing))

    async def page_account(self, request: Request) -> Response:
        return html_response(self._page(request.params["merchant"], None))

    async def page_faults(self, request: Request) -> Response:
        merchant = request.params["merchant"]
        if is_foreign(request):
            return refused()
        try:
            faults = Faults.parse(dict(request.form))
        except ValueError as error:
            return html_response(self._page(merchant, str(error)), 422)
        self.store.deliveries.set_faults(merchant, faults)
        return redirect(f"/_control/{merchant}#faults")

    async def page_act(self, request: Request) -> Response:
        if is_foreign(request):
            return refused()
        self._act(request, dict(request.form))
        return redirect(f"/_control/{request.params['merchant']}#payments")

    def _page(self, merchant: str, failure: str | None) -> str:
        base = f"/_control/{merchant}"
        rows: list[list[Child]] = [
            [
                el("code", str(item["id"])), when(item["created"]), item["kind"], item["order_id"],
                el("bdi", f"{item['amount']} {item['currency']}"), f"{item['status']} {item.get('failure', '')}",
                _actions(base, item),
            ]
            for item in self.store.all(merchant)[:50]
        ]  # fmt: skip
        head = ["Number", "Created", "Kind", "Order", "Amount", "State", "Actions"]
        answers: list[list[Child]] = [
            [str(item["id"]), item["kind"], item["answer"]] for item in self._deliveries(merchant) if item["answer"]
        ]
        return page(
            SERVICE,
            merchant_name(self.store, merchant),
            el("p", el("a", "All merchants", href="/_control")),
            el("h1", merchant_name(self.store, merchant), " ", el("code", merchant)),
            el("p", failure, class_="alert", role="alert") if failure else None,
            faults_form(f"{base}/faults", self.store.deliveries.faults(merchant), WITHOUT),
            table("Payments", "payments", head, rows),
            deliveries_table(base, self.store.deliveries.listing(merchant, 50), "Payment"),
            table("What the merchant answered", "answers", ["Delivery", "Type", "Answer"], answers[:50]),
        )


def _actions(base: str, item: Payment) -> list[Child]:
    number, kind = str(item["id"]), f"{item['kind']}s"
    if item["kind"] == "payment" and item["status"] == "new":
        return [el("a", "Open page", href=f"/pay.html?customer={item['page']}", aria_label=f"Open page {number}")]
    if item["status"] != "process":
        return []
    return [
        button(f"{base}/{kind}/{number}/succeed", "Succeed", number),
        button(f"{base}/{kind}/{number}/fail", "Fail", number),
    ]


def _public(payment: Payment) -> dict[str, Any]:
    return {name: value for name, value in payment.items() if name != "test_number"}
