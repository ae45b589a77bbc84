"""The Click sandbox's cabinet: services, faults, and calls at will. As JSON and as pages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sandbox._caller import Lost
from sandbox._control import button, is_foreign, page, refused, table, when
from sandbox._desk import Desk, Outgoing
from sandbox._html import Child, el
from sandbox._web import Request, Response, Router, is_http_url, json_response, redirect
from sandbox.click.checkout import plain
from sandbox.click.conversation import COMPLETE, PREPARE, BadAnswer, Conversation, fields_of
from sandbox.click.store import Store

SERVICE = "Click sandbox"
SETTINGS = ("secret_key", "merchant_id", "endpoint", "name")


class Control(Desk):
    """Everything under /_control."""

    service = SERVICE
    accounts_title = "Services"
    no_account = "No service yet: PUT settings makes one."

    def __init__(self, store: Store, conversation: Conversation) -> None:
        self.store = store
        self.conversation = conversation

    def outgoing(self) -> Outgoing:
        return self.store.caller

    def accounts(self) -> Sequence[str]:
        return self.store.services()

    def add_routes(self, router: Router) -> None:
        self.add_desk_routes(router)
        api = "/_control/api/{account}"
        router.add("GET", f"{api}/settings", self.api_settings)
        router.add("PUT", f"{api}/settings", self.api_put_settings)
        router.add("GET", f"{api}/attempts", self.api_attempts)
        router.add("GET", f"{api}/calls", self.api_calls)
        router.add("POST", f"{api}/call", self.api_call)
        router.add("POST", f"{api}/pay", self.api_pay)
        router.add("POST", f"{api}/attempts/{{id}}/{{action}}", self.api_act)
        router.add("POST", "/_control/{account}/attempts/{id}/{action}", self.page_act)

    async def api_settings(self, request: Request) -> Response:
        return json_response(self.store.service(request.params["account"]))

    async def api_put_settings(self, request: Request) -> Response:
        """Merges secret_key, merchant_id, endpoint (where Click calls) and name."""
        try:
            values: dict[str, Any] = request.json()
        except ValueError as error:
            return json_response({"error": str(error)}, 400)
        if set(values) - set(SETTINGS) or not all(isinstance(value, str) for value in values.values()):
            return json_response({"error": f"settings are {', '.join(SETTINGS)}, all text"}, 400)
        if values.get("endpoint") and not is_http_url(values["endpoint"]):
            return json_response({"error": "endpoint is not an address"}, 400)
        self.store.set_service(request.params["account"], values)
        return await self.api_settings(request)

    async def api_attempts(self, request: Request) -> Response:
        return json_response({"data": self.store.all(request.params["account"])})

    async def api_calls(self, request: Request) -> Response:
        return json_response({"data": self.store.caller.listing(request.params["account"])})

    async def api_call(self, request: Request) -> Response:
        """Any call by its fields; ``sign_string`` is added where it is missing."""
        return await self._said(request.params["account"], request.json())

    async def _said(self, service: str, fields: dict[str, str]) -> Response:
        try:
            answer = await self.conversation.say(service, fields)
        except Lost:
            return json_response({"error": "no answer"}, 504)
        except BadAnswer as bad:
            return json_response({"error": str(bad)}, 502)
        return json_response(answer)

    async def api_pay(self, request: Request) -> Response:
        """What the page does: {order, amount, declined}. The attempt as far as it came."""
        values = request.json()
        attempt = self.store.begin(
            request.params["account"], values["order"], plain(values["amount"]), declined=bool(values.get("declined"))
        )
        return json_response(await self.conversation.advance(attempt))

    async def api_act(self, request: Request) -> Response:
        """prepare, complete {error}: the call about an attempt once more."""
        attempt = self.store.find(request.params["account"], request.params["id"])
        action = {"prepare": PREPARE, "complete": COMPLETE}.get(request.params["action"])
        if attempt is None or action is None:
            return json_response({"error": "no such thing to do"}, 404)
        return await self._said(attempt["service"], fields_of(attempt, action, int(request.json().get("error", 0))))

    async def page_act(self, request: Request) -> Response:
        if is_foreign(request):
            return refused()
        attempt = self.store.find(request.params["account"], request.params["id"])
        if attempt:
            action = COMPLETE if request.params["action"] == "complete" else PREPARE
            await self._said(attempt["service"], fields_of(attempt, action))
        return redirect(f"/_control/{request.params['account']}#conversation")

    def _page(self, service: str, failure: str | None) -> str:
        base = f"/_control/{service}/attempts"
        rows: list[list[Child]] = [
            [
                el("code", str(item["id"])), when(item["created"]), item["order"], f"{item['amount']} UZS",
                f"{item['step']} {item['error']} {item['note']}",
                [button(f"{base}/{item['id']}/{name}", label, str(item["id"]))
                 for name, label in (("prepare", "Prepare again"), ("complete", "Complete again"))],
            ]
            for item in self.store.all(service)[:50]
        ]  # fmt: skip
        return page(
            SERVICE,
            service,
            el("p", el("a", "All services", href="/_control")),
            el("h1", str(self.store.service(service).get("name") or "Service"), " ", el("code", service)),
            el("p", failure, class_="alert", role="alert") if failure else None,
            self.store.caller.faults_section(service),
            table("Attempts", "attempts", ["Number", "Created", "Order", "Amount", "State", "Actions"], rows),
            self.store.caller.section(service),
        )
