"""Faults, redelivery and what happens on the chains, as JSON and as pages."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

from sandbox._control import button, deliveries_table, faults_form, is_foreign, page, refused, table
from sandbox._desk import Desk, Outgoing
from sandbox._html import Child, el
from sandbox._web import Request, Response, Router, html_response, is_http_url, json_response, redirect
from sandbox.cryptoproc import transactions
from sandbox.cryptoproc.chains import COINS
from sandbox.cryptoproc.store import Record, Store

SERVICE = "CryptoProcessing sandbox"
# The signature holds no time, so it cannot be old.
WITHOUT = frozenset({"old_timestamp"})
SETTINGS = ("secret_key", "callback_url", "fee_percent")


class Control(Desk):
    """Everything under /_control. An account is its API key."""

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
        router.add("GET", f"{api}/{{account}}/addresses", self.api_addresses)
        router.add("GET", f"{api}/{{account}}/transactions", self.api_transactions)
        router.add("GET", f"{api}/{{account}}/deliveries", self.api_deliveries)
        router.add("POST", f"{api}/{{account}}/{{kind}}/{{id}}/{{action}}", self.api_act)
        router.add("POST", "/_control/{account}/{kind}/{id}/{action}", self.page_act)

    async def api_settings(self, request: Request) -> Response:
        return json_response(self.store.merchant(request.params["account"]))

    async def api_put_settings(self, request: Request) -> Response:
        """Merges secret_key, callback_url, fee_percent and balances by currency, all text."""
        try:
            values: dict[str, Any] = request.json()
            balances = values.get("balances", {})
            good = all(isinstance(values[name], str) for name in values if name in SETTINGS)
            good = good and all(code in COINS and Decimal(amount) >= 0 for code, amount in balances.items())
            good = good and Decimal(values.get("fee_percent", "0")) >= 0
        except (ValueError, AttributeError, InvalidOperation, TypeError) as error:
            return json_response({"error": str(error)}, 400)
        if not good or set(values) - {*SETTINGS, "balances"}:
            return json_response({"error": f"settings are {', '.join(SETTINGS)}, all text, and balances"}, 400)
        if values.get("callback_url") and not is_http_url(values["callback_url"]):
            return json_response({"error": "callback_url is not an address"}, 400)
        self.store.set_merchant(request.params["account"], values)
        return await self.api_settings(request)

    async def api_addresses(self, request: Request) -> Response:
        return json_response({"data": self.store.addresses(request.params["account"])})

    async def api_transactions(self, request: Request) -> Response:
        return json_response({"data": self.store.transactions(request.params["account"])})

    async def api_deliveries(self, request: Request) -> Response:
        return json_response({"data": self.store.deliveries.listing(request.params["account"])})

    async def api_act(self, request: Request) -> Response:
        try:
            answer = self._act(request, request.json())
        except (ValueError, InvalidOperation):
            return json_response({"error": "the body does not say what to do"}, 400)
        return json_response(answer) if answer else json_response({"error": "no such thing to do"}, 404)

    def _act(self, request: Request, values: Record) -> Record | None:
        merchant, identifier = request.params["account"], request.params["id"]
        action = request.params["action"]
        with self.store.db.transaction():
            match request.params["kind"]:
                case "deliveries" if action == "redeliver" and identifier.isdecimal():
                    known = self.store.deliveries.redeliver(int(identifier), merchant)
                    return {"redelivered": int(identifier)} if known else None
                case "addresses" if action == "receive":
                    address = self.store.address_at(merchant, identifier)
                    return self._receive(merchant, address, values) if address else None
                case "transactions" if identifier.isdecimal():
                    found = self.store.transaction(merchant, int(identifier))
                    return found if found and self._on_transaction(merchant, found, action) else None
        return None

    def _receive(self, merchant: str, address: Record, values: Record) -> Record:
        """``amount`` as text, another ``currency`` of the same network, ``confirmed`` to skip the waiting."""
        amount = Decimal(str(values.get("amount") or COINS[address["currency"]].least))
        at_once = str(values.get("confirmed", "false")).lower() == "true"
        currency = str(values.get("currency", ""))
        return transactions.receive(self.store, merchant, address, amount, currency=currency, at_once=at_once)

    def _on_transaction(self, merchant: str, found: Record, action: str) -> bool:
        statuses = {"confirm": "confirmed", "cancel": "cancelled", "decline": "declined", "hold": "pending",
                    "fail": "failed"}  # fmt: skip
        if action not in statuses:
            return False
        if found["type"] == "deposit":
            return action in {"confirm", "cancel"} and transactions.confirm(
                self.store, merchant, found, statuses[action]
            )  # fmt: skip
        return transactions.decide(self.store, merchant, found, statuses[action])

    async def page_act(self, request: Request) -> Response:
        merchant = request.params["account"]
        if is_foreign(request):
            return refused()
        try:
            self._act(request, dict(request.form))
        except InvalidOperation:
            return html_response(self._page(merchant, "The amount is not a number."), 422)
        return redirect(f"/_control/{merchant}#{request.params['kind']}")

    def _page(self, merchant: str, failure: str | None) -> str:
        base = f"/_control/{merchant}"
        return page(
            SERVICE,
            merchant,
            el("p", el("a", "All merchants", href="/_control")),
            el("h1", merchant),
            el("p", failure, class_="alert", role="alert") if failure else None,
            faults_form(f"{base}/faults", self.store.deliveries.faults(merchant), WITHOUT),
            self._addresses(base, merchant),
            self._transactions(base, merchant),
            deliveries_table(base, self.store.deliveries.listing(merchant, 50), "Transaction"),
        )

    def _addresses(self, base: str, merchant: str) -> Any:
        rows: list[list[Child]] = []
        for item in self.store.addresses(merchant)[:50]:
            amount = el("input", name="amount", value=str(COINS[item["currency"]].least), aria_label="Amount")
            send = el("form", amount, el("button", "Send", aria_label=f"Send to {item['address']}"),
                      method="post", action=f"{base}/addresses/{item['address']}/receive", class_="inline")  # fmt: skip
            rows.append([el("code", item["address"]), item["currency"], el("code", item["foreign_id"]), send])
        return table("Addresses", "addresses", ["Address", "Currency", "Foreign id", "Actions"], rows)

    def _transactions(self, base: str, merchant: str) -> Any:
        rows: list[list[Child]] = []
        for item in self.store.transactions(merchant)[:50]:
            offered = ("confirm", "cancel") if item["type"] == "deposit" else ("confirm", "decline", "cancel", "hold")
            open_ = item["status"] not in transactions.ENDS
            path, number = f"{base}/transactions/{item['id']}", str(item["id"])
            actions: list[Child] = [button(f"{path}/{to}", to.title(), number) for to in offered if open_]
            sent = item["currency_sent"]
            rows.append([
                number, item["type"], el("bdi", f"{sent['amount']} {sent['currency']}"),
                f"{item['status']} {item['error']}", actions,
            ])  # fmt: skip
        return table("Transactions", "transactions", ["No.", "Type", "Amount", "Status", "Actions"], rows)
