"""Faults, redelivery and decisions of the Praxis sandbox, as JSON and as pages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sandbox._control import button, deliveries_table, faults_form, is_foreign, page, refused, table, when
from sandbox._desk import Desk, Outgoing
from sandbox._html import Child, el
from sandbox._web import Request, Response, Router, json_response, redirect
from sandbox.praxis import payments
from sandbox.praxis.payments import public
from sandbox.praxis.store import Record, Store

SERVICE = "Praxis sandbox"
# The signature holds the message's own time.
WITHOUT = frozenset({"old_timestamp"})
TEXTS = ("application_key", "merchant_secret", "shop_name", "refunds", "payouts")
AMOUNTS = ("amount", "processed_currency", "processed_amount", "conversion_rate")


class Control(Desk):
    """Everything under /_control."""

    service = SERVICE
    accounts_title = "Merchants"
    no_account = "No merchant yet. Set one up through the API."

    def __init__(self, store: Store) -> None:
        self.store = store

    def outgoing(self) -> Outgoing:
        return self.store.deliveries

    def accounts(self) -> Sequence[str]:
        return self.store.merchants()

    def add_routes(self, router: Router) -> None:
        self.add_desk_routes(router)
        api = "/_control/api"
        router.add("GET", f"{api}/{{account}}/settings", self.api_settings)
        router.add("PUT", f"{api}/{{account}}/settings", self.api_put_settings)
        router.add("GET", f"{api}/{{account}}/sessions", self.api_sessions)
        router.add("GET", f"{api}/{{account}}/transactions", self.api_transactions)
        router.add("GET", f"{api}/{{account}}/deliveries", self.api_deliveries)
        router.add("POST", f"{api}/{{account}}/{{kind}}/{{id}}/{{action}}", self.api_act)
        router.add("POST", "/_control/{account}/{kind}/{id}/{action}", self.page_act)

    async def api_settings(self, request: Request) -> Response:
        return json_response(self.store.merchant(request.params["account"]))

    async def api_put_settings(self, request: Request) -> Response:
        """Merges what a merchant has at Praxis; ``refunds`` and ``payouts`` are the status the next ones get."""
        try:
            values: Record = request.json()
            fractions = values.get("fractions", {})
            good = all(isinstance(values[name], str) for name in values if name in TEXTS)
            good = good and all(values.get(name, "approved") in payments.WORDS for name in ("refunds", "payouts"))
            good = good and all(type(number) is int and number > 0 for number in fractions.values())
        except (ValueError, AttributeError) as error:
            return json_response({"error": str(error)}, 400)
        if not good or set(values) - {*TEXTS, "fractions"}:
            return json_response({"error": f"settings are {', '.join(TEXTS)}, all text, and fractions"}, 400)
        self.store.set_merchant(request.params["account"], values)
        return await self.api_settings(request)

    async def api_sessions(self, request: Request) -> Response:
        return json_response({"data": [public(one) for one in self.store.sessions(request.params["account"])]})

    async def api_transactions(self, request: Request) -> Response:
        found = self.store.transactions(request.params["account"])
        return json_response({"data": [{**(public(one) or {}), "order_id": one["_order_id"]} for one in found]})

    async def api_deliveries(self, request: Request) -> Response:
        return json_response({"data": self.store.deliveries.listing(request.params["account"])})

    async def api_act(self, request: Request) -> Response:
        try:
            values = request.json()
        except ValueError:
            return json_response({"error": "the body is not JSON"}, 400)
        answer = self._act(request, values)
        return json_response(answer) if answer else json_response({"error": "no such thing to do"}, 404)

    def _act(self, request: Request, values: Record) -> Record | None:
        merchant, identifier = request.params["account"], request.params["id"]
        action = request.params["action"]
        with self.store.db.transaction():
            match request.params["kind"]:
                case "deliveries" if action == "redeliver" and identifier.isdecimal():
                    known = self.store.deliveries.redeliver(int(identifier), merchant)
                    return {"redelivered": int(identifier)} if known else None
                case "sessions":
                    session = self.store.session(merchant, identifier)
                    return self._on_session(session, action, values) if session else None
                case "transactions" if action == "settle" and identifier.isdecimal():
                    transaction = self.store.transaction(merchant, int(identifier))
                    amounts = {name: values[name] for name in AMOUNTS if name in values}
                    status = str(values.get("status", ""))
                    if transaction and payments.settle(self.store, transaction, status, **amounts):
                        return public(transaction)
        return None

    def _on_session(self, session: Record, action: str, values: Record) -> Record | None:
        """``pay`` and ``withdraw`` as the customer, the merchant not being asked; ``expire`` as the clock."""
        if session["session_status"] != "open":
            return None
        if action == "expire":
            payments.expire(self.store, session)
            return public(session)
        if action == "withdraw" and session["intent"] == "withdrawal":
            return public(payments.request_withdrawal(self.store, session, str(values.get("account", "p@example.com"))))
        if action != "pay" or session["intent"] == "withdrawal":
            return None
        wallet = str(values.get("wallet", ""))
        number = "" if wallet else str(values.get("number", "4111111111111111"))
        transaction, step = payments.pay(self.store, session, number=number, wallet=wallet)
        if step == "authenticate" and "approve" in values:
            approved = str(values["approve"]).lower() != "false"
            payments.authenticate(self.store, session, transaction, approved=approved)
        return public(transaction)

    async def page_act(self, request: Request) -> Response:
        if is_foreign(request):
            return refused()
        self._act(request, dict(request.form))
        return redirect(f"/_control/{request.params['account']}#{request.params['kind']}")

    def _page(self, merchant: str, failure: str | None) -> str:
        base = f"/_control/{merchant}"
        return page(
            SERVICE,
            merchant,
            el("p", el("a", "All merchants", href="/_control")),
            el("h1", merchant),
            el("p", failure, class_="alert", role="alert") if failure else None,
            faults_form(f"{base}/faults", self.store.deliveries.faults(merchant), WITHOUT),
            self._sessions(base, merchant),
            self._transactions(base, merchant),
            deliveries_table(base, self.store.deliveries.listing(merchant, 50), "Transaction"),
        )

    def _sessions(self, base: str, merchant: str) -> Any:
        rows: list[list[Child]] = []
        for item in self.store.sessions(merchant)[:50]:
            actions: list[Child] = []
            if item["session_status"] == "open":
                path = f"/cashier/page/{item['auth_token']}"
                actions.append(el("a", "Open page", href=path, aria_label=f"Open page {item['order_id']}"))
                actions.append(button(f"{base}/sessions/{item['order_id']}/expire", "Expire", item["order_id"]))
            rows.append([
                el("code", item["order_id"]), when(item["_created"]), item["intent"],
                el("bdi", f"{item['amount']} {item['currency']}"), item["session_status"], actions,
            ])  # fmt: skip
        return table("Sessions", "sessions", ["Order", "Created", "Intent", "Amount", "Status", "Actions"], rows)

    def _transactions(self, base: str, merchant: str) -> Any:
        rows: list[list[Child]] = []
        for item in self.store.transactions(merchant)[:50]:
            path = f"{base}/transactions/{item['tid']}/settle"
            status = item["transaction_status"]
            open_ = status not in payments.ENDS | payments.AFTERWARDS
            offered = (
                ("approved", "rejected", "error") if open_ else payments.AFTERWARDS if status == "approved" else ()
            )
            actions: list[Child] = [button(path, to.title(), str(item["tid"]), status=to) for to in sorted(offered)]
            rows.append([
                el("code", str(item["tid"])), when(item["_created"]), item["transaction_type"],
                el("code", item["_order_id"]), el("bdi", f"{item['amount']} {item['currency']}"),
                f"{status} {item['status_details'] or ''}", actions,
            ])  # fmt: skip
        head = ["Transaction", "Created", "Type", "Order", "Amount", "Status", "Actions"]
        return table("Transactions", "transactions", head, rows)
