"""The Payme sandbox's cabinet: merchants, faults, and calls at will. As JSON and as pages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sandbox._caller import Lost
from sandbox._control import button, is_foreign, page, refused, table
from sandbox._desk import Desk, Outgoing
from sandbox._html import Child, el
from sandbox._web import Request, Response, Router, is_http_url, json_response, redirect
from sandbox.payme.conversation import UNDER_WAY, BadAnswer, Conversation, params_of
from sandbox.payme.store import Store, Transaction

SERVICE = "Payme sandbox"
SETTINGS = ("key", "endpoint", "name")


class Control(Desk):
    """Everything under /_control."""

    service = SERVICE
    accounts_title = "Merchants"
    no_account = "No merchant yet: PUT settings makes one."

    def __init__(self, store: Store, conversation: Conversation) -> None:
        self.store = store
        self.conversation = conversation

    def outgoing(self) -> Outgoing:
        return self.store.caller

    def accounts(self) -> Sequence[str]:
        return self.store.merchants()

    def add_routes(self, router: Router) -> None:
        self.add_desk_routes(router)
        api = "/_control/api/{account}"
        router.add("GET", f"{api}/settings", self.api_settings)
        router.add("PUT", f"{api}/settings", self.api_put_settings)
        router.add("GET", f"{api}/transactions", self.api_transactions)
        router.add("GET", f"{api}/calls", self.api_calls)
        router.add("POST", f"{api}/call", self.api_call)
        router.add("POST", f"{api}/pay", self.api_pay)
        router.add("POST", f"{api}/transactions/{{id}}/{{action}}", self.api_act)
        router.add("POST", "/_control/{account}/transactions/{id}/{action}", self.page_act)

    async def api_settings(self, request: Request) -> Response:
        return json_response(self.store.merchant(request.params["account"]))

    async def api_put_settings(self, request: Request) -> Response:
        """Merges key, endpoint (where Payme calls) and name."""
        try:
            values: dict[str, Any] = request.json()
        except ValueError as error:
            return json_response({"error": str(error)}, 400)
        if set(values) - set(SETTINGS) or not all(isinstance(value, str) for value in values.values()):
            return json_response({"error": f"settings are {', '.join(SETTINGS)}, all text"}, 400)
        if values.get("endpoint") and not is_http_url(values["endpoint"]):
            return json_response({"error": "endpoint is not an address"}, 400)
        self.store.set_merchant(request.params["account"], values)
        return await self.api_settings(request)

    async def api_transactions(self, request: Request) -> Response:
        return json_response({"data": self.store.all(request.params["account"])})

    async def api_calls(self, request: Request) -> Response:
        return json_response({"data": self.store.caller.listing(request.params["account"])})

    async def api_call(self, request: Request) -> Response:
        """Any call: {method, params, key?, subject?}. The merchant's answer, or why it is none."""
        values = request.json()
        return await self._said(request.params["account"], values)

    async def _said(self, merchant: str, values: dict[str, Any]) -> Response:
        method, params = str(values.get("method", "")), values.get("params")
        try:
            answer = await self.conversation.say(
                merchant, str(values.get("subject", "")), method, params, str(values.get("key", ""))
            )
        except Lost:
            return json_response({"error": "no answer"}, 504)
        except BadAnswer as bad:
            return json_response({"error": str(bad)}, 502)
        return json_response(answer)

    async def api_pay(self, request: Request) -> Response:
        """What the page does: {account, amount}. The transaction as far as it came."""
        values = request.json()
        transaction = self.store.begin(request.params["account"], values["account"], int(values["amount"]))
        return json_response(await self.conversation.advance(transaction))

    async def api_act(self, request: Request) -> Response:
        """cancel {reason}; repeat {method}: the same call once more."""
        transaction = self.store.find(request.params["account"], request.params["id"])
        if transaction is None:
            return json_response({"error": "no such transaction"}, 404)
        values = request.json()
        if request.params["action"] == "cancel":
            return json_response(await self._cancel(transaction, int(values.get("reason", 5))))
        method = str(values.get("method", "CheckTransaction"))
        call = {"method": method, "params": params_of(transaction, method), "subject": transaction["id"]}
        return await self._said(request.params["account"], call)

    async def _cancel(self, transaction: Transaction, reason: int) -> Transaction:
        """Before it was performed (reasons 1 to 4) or after (5, a refund in Payme's cabinet)."""
        if transaction["step"] in {*UNDER_WAY, "performed"}:
            transaction |= {"step": "cancelling", "reason": reason, "due": 0.0}
            self.store.update(transaction)
            await self.conversation.advance(transaction)
        return transaction

    async def page_act(self, request: Request) -> Response:
        if is_foreign(request):
            return refused()
        merchant = request.params["account"]
        transaction = self.store.find(merchant, request.params["id"])
        if transaction and request.params["action"] == "cancel":
            await self._cancel(transaction, 5)
        elif transaction:
            method = "CheckTransaction"
            await self._said(merchant, {"method": method, "params": params_of(transaction, method)})
        return redirect(f"/_control/{merchant}#conversation")

    def _page(self, merchant: str, failure: str | None) -> str:
        base = f"/_control/{merchant}/transactions"
        rows: list[list[Child]] = [
            [
                el("code", item["id"]), ", ".join(item["account"].values()), f"{item['amount']} tiyin",
                f"{item['step']} ({item['state']}) {item['error']}",
                [button(f"{base}/{item['id']}/cancel", "Cancel", item["id"]),
                 button(f"{base}/{item['id']}/check", "Check", item["id"])],
            ]
            for item in self.store.all(merchant)[:50]
        ]  # fmt: skip
        return page(
            SERVICE,
            merchant,
            el("p", el("a", "All merchants", href="/_control")),
            el("h1", str(self.store.merchant(merchant).get("name") or "Merchant"), " ", el("code", merchant)),
            el("p", failure, class_="alert", role="alert") if failure else None,
            self.store.caller.faults_section(merchant),
            table("Transactions", "transactions", ["Id", "Account", "Amount", "State", "Actions"], rows),
            self.store.caller.section(merchant),
        )
