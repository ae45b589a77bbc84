"""Faults, redelivery and decisions of the PayTabs sandbox, as JSON and as pages."""

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
from sandbox._html import Child, el
from sandbox._web import Request, Response, Router, is_http_url, json_response, redirect
from sandbox.paytabs import payments
from sandbox.paytabs.page import merchant_name
from sandbox.paytabs.payments import public
from sandbox.paytabs.store import Store, Transaction

SERVICE = "PayTabs sandbox"
# The signature holds no time, so it cannot be old.
WITHOUT = frozenset({"old_timestamp"})
SETTINGS = ("server_key", "ipn_url", "business_name")
CARD = {"number": "4111111111111111", "month": "12", "year": "2049"}


class Control(Desk):
    """Everything under /_control."""

    service = SERVICE
    accounts_title = "Profiles"
    no_account = "No profile yet. Any request makes one."

    def __init__(self, store: Store) -> None:
        self.store = store

    def outgoing(self) -> Outgoing:
        return self.store.deliveries

    def accounts(self) -> Sequence[str]:
        return self.store.profiles()

    def listed(self, account: str) -> Child:
        return [el("a", merchant_name(self.store, account), href=f"/_control/{account}"), " ", el("code", account)]

    def add_routes(self, router: Router) -> None:
        self.add_desk_routes(router)
        api = "/_control/api"
        router.add("GET", f"{api}/{{account}}/settings", self.api_settings)
        router.add("PUT", f"{api}/{{account}}/settings", self.api_put_settings)
        router.add("GET", f"{api}/{{account}}/transactions", self.api_transactions)
        router.add("GET", f"{api}/{{account}}/deliveries", self.api_deliveries)
        router.add("POST", f"{api}/{{account}}/{{kind}}/{{id}}/{{action}}", self.api_act)
        router.add("POST", "/_control/{account}/{kind}/{id}/{action}", self.page_act)

    async def api_settings(self, request: Request) -> Response:
        return json_response(self.store.profile(request.params["account"]))

    async def api_put_settings(self, request: Request) -> Response:
        """Merges server_key, ipn_url and business_name."""
        try:
            values: dict[str, Any] = request.json()
            unknown = [name for name in values if name not in SETTINGS]
        except ValueError as error:
            return json_response({"error": str(error)}, 400)
        if unknown or not all(isinstance(value, str) for value in values.values()):
            return json_response({"error": f"settings are {', '.join(SETTINGS)}, all text"}, 400)
        if values.get("ipn_url") and not is_http_url(values["ipn_url"]):
            return json_response({"error": "ipn_url is not an address"}, 400)
        self.store.set_profile(request.params["account"], values)
        return await self.api_settings(request)

    async def api_transactions(self, request: Request) -> Response:
        profile = request.params["account"]
        return json_response({"data": [public(profile, item) for item in self.store.all(profile)]})

    async def api_deliveries(self, request: Request) -> Response:
        return json_response({"data": self.store.deliveries.listing(request.params["account"])})

    async def api_act(self, request: Request) -> Response:
        try:
            values = request.json()
        except ValueError:
            return json_response({"error": "the body is not JSON"}, 400)
        answer = self._act(request, values)
        return json_response(answer) if answer else json_response({"error": "no such thing to do"}, 404)

    def _act(self, request: Request, values: dict[str, Any]) -> dict[str, Any] | None:
        profile, identifier = request.params["account"], request.params["id"]
        match request.params["kind"], request.params["action"]:
            case "deliveries", "redeliver":
                known = identifier.isdecimal() and self.store.deliveries.redeliver(int(identifier), profile)
                return {"redelivered": int(identifier)} if known else None
            case "transactions", ("pay" | "review" | "cancel") as action:
                transaction = self.store.find(profile, identifier)
                if transaction is None:
                    return None
                with self.store.db.transaction():
                    self._decide(profile, transaction, action, values)
                return public(profile, transaction)
        return None

    def _decide(self, profile: str, transaction: Transaction, action: str, values: dict[str, Any]) -> None:
        """``pay`` (number, approve) and ``cancel`` as the customer, ``review`` (outcome) as PayTabs."""
        if action == "review":
            payments.review(self.store, profile, transaction, accepted=values.get("outcome") == "accept")
            return
        if transaction.get("_answered"):
            return
        if action == "cancel":
            payments.finish(self.store, profile, transaction, payments.CANCELLED)
            return
        card = {**CARD, "number": str(values.get("number", CARD["number"]))}
        if payments.pay(self.store, profile, transaction, card) == "authenticate":
            approved = str(values.get("approve", "true")).lower() != "false"
            outcome = payments.CARDS[card["number"]] if approved else payments.NOT_AUTHENTICATED
            payments.finish(self.store, profile, transaction, outcome)

    async def page_act(self, request: Request) -> Response:
        if is_foreign(request):
            return refused()
        self._act(request, dict(request.form))
        return redirect(f"/_control/{request.params['account']}#{request.params['kind']}")

    def _page(self, profile: str, failure: str | None) -> str:
        base = f"/_control/{profile}"
        rows: list[list[Child]] = []
        for item in self.store.all(profile)[:50]:
            status = item["payment_result"]["response_status"]
            actions: list[Child] = []
            if "_url" in item and not item.get("_answered"):
                address = f"/payment/page/{item['_page']}"
                actions.append(el("a", "Open page", href=address, aria_label=f"Open page {item['tran_ref']}"))
            elif status in "HP":
                path = f"{base}/transactions/{item['tran_ref']}/review"
                actions.append(button(path, "Accept", item["tran_ref"], outcome="accept"))
                actions.append(button(path, "Reject", item["tran_ref"], outcome="reject"))
            rows.append([
                el("code", item["tran_ref"]), when(item["_created"]), item["tran_type"], item["cart_id"],
                el("bdi", f"{item['cart_amount']} {item['cart_currency']}"),
                f"{status} {item['payment_result']['response_message']}", actions,
            ])  # fmt: skip
        head = ["Reference", "Created", "Type", "Cart", "Amount", "Result", "Actions"]
        return page(
            SERVICE,
            merchant_name(self.store, profile),
            el("p", el("a", "All profiles", href="/_control")),
            el("h1", merchant_name(self.store, profile), " ", el("code", profile)),
            el("p", failure, class_="alert", role="alert") if failure else None,
            faults_form(f"{base}/faults", self.store.deliveries.faults(profile), WITHOUT),
            table("Transactions", "transactions", head, rows),
            deliveries_table(base, self.store.deliveries.listing(profile, 50), "Reference"),
        )
