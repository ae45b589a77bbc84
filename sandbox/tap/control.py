"""Faults, settings, redelivery and decisions of the Tap sandbox, as JSON and as pages."""

from __future__ import annotations

import re
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
from sandbox.tap import charges
from sandbox.tap.page import merchant_name
from sandbox.tap.store import DEFAULTS, KINDS, Item, Store, public

SERVICE = "Tap sandbox"
# The signature holds no time of sending, so it cannot be old.
WITHOUT = frozenset({"old_timestamp"})
ALLOWED = {"refunds": r"auto|pending|declined", "fee_percent": r"|\d{1,2}(?:\.\d{1,2})?"}


class Control(Desk):
    """Everything under /_control."""

    service = SERVICE
    accounts_title = "Accounts"
    no_account = "No account yet. Any request makes one."

    def __init__(self, store: Store) -> None:
        self.store = store

    def outgoing(self) -> Outgoing:
        return self.store.deliveries

    def accounts(self) -> Sequence[str]:
        return self.store.accounts()

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
        return json_response(self.store.account(request.params["account"]))

    async def api_put_settings(self, request: Request) -> Response:
        """Merges what store.DEFAULTS names."""
        try:
            values: dict[str, Any] = request.json()
            unknown = [name for name in values if name not in DEFAULTS]
        except ValueError as error:
            return json_response({"error": str(error)}, 400)
        if unknown or not all(isinstance(value, str) for value in values.values()):
            return json_response({"error": f"settings are {', '.join(DEFAULTS)}, all text"}, 400)
        for name, pattern in ALLOWED.items():
            if not re.fullmatch(pattern, values.get(name, DEFAULTS[name])):
                return json_response({"error": f"{name}: {pattern}"}, 400)
        self.store.set_account(request.params["account"], values)
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
        account, identifier = request.params["account"], request.params["id"]
        name, action = request.params["kind"], request.params["action"]
        if name == "deliveries":
            known = action == "redeliver" and identifier.isdecimal()
            done = known and self.store.deliveries.redeliver(int(identifier), account)
            return {"redelivered": int(identifier)} if done else None
        kind = name.removesuffix("s")
        item = self.store.find(account, kind, identifier) if kind in KINDS else None
        if item is None:
            return None
        with self.store.db.transaction():
            done = self._decide(account, kind, item, action, values)
        return public(item) if done else None

    def _decide(self, account: str, kind: str, item: Item, action: str, values: dict[str, Any]) -> bool:
        """The customer's and the bank's part."""
        match kind, action:
            case "charge", "pay":
                number = str(values.get("number", "4508750015741019"))
                if charges.is_open(item) and charges.pay(self.store, account, item, {"number": number}) == "verify":
                    charges.finish(self.store, account, item, charges.CAPTURED)
            case "charge", "cancel":
                charges.finish(self.store, account, item, charges.CANCELLED)
            case "charge", "abandon":
                charges.finish(self.store, account, item, ("ABANDONED", "301", "Abandoned"))
            case "refund", ("pay" | "decline"):
                charges.decide_refund(self.store, account, item, paid=action == "pay")
            case _:
                return False
        return True

    async def page_act(self, request: Request) -> Response:
        if is_foreign(request):
            return refused()
        self._act(request, dict(request.form))
        return redirect(f"/_control/{request.params['account']}#{request.params['kind']}")

    def _page(self, account: str, failure: str | None) -> str:
        base = f"/_control/{account}"
        return page(
            SERVICE,
            merchant_name(self.store, account),
            el("p", el("a", "All accounts", href="/_control")),
            el("h1", merchant_name(self.store, account), " ", el("code", account)),
            el("p", failure, class_="alert", role="alert") if failure else None,
            faults_form(f"{base}/faults", self.store.deliveries.faults(account), WITHOUT),
            *[self._table(account, kind) for kind in KINDS],
            deliveries_table(base, self.store.deliveries.listing(account, 50), "About"),
        )

    def _table(self, account: str, kind: str) -> Markup:
        rows: list[list[Child]] = [
            [
                el("code", item["id"]), when(item["_created"]),
                item["reference"].get("order") or item["reference"].get("merchant") or "",
                f"{item['_amount']} {item['currency']}",
                f"{item['status']} {item['response']['message']}",
                self._buttons(account, kind, item),
            ]
            for item in self.store.all(account, kind, 50)
        ]  # fmt: skip
        head = ["ID", "Created", "Merchant's reference", "Amount", "Status", "Actions"]
        return table(f"{kind.title()}s", f"{kind}s", head, rows)

    def _buttons(self, account: str, kind: str, item: Item) -> list[Child]:
        base = f"/_control/{account}/{kind}s/{item['id']}"
        offered: tuple[str, ...] = ()
        if kind == "charge" and charges.is_open(item):
            offered = ("pay", "cancel", "abandon")
        if kind == "refund" and item["status"] == "PENDING":
            offered = ("pay", "decline")
        buttons: list[Child] = [button(f"{base}/{action}", action.title(), item["id"]) for action in offered]
        if kind == "charge" and charges.is_open(item):
            buttons.insert(0, el("a", "Open page", href=f"/pay/{item['_page']}", aria_label=f"Open {item['id']}"))
        return buttons
