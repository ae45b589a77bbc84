"""The Click sandbox's cabinet: services, faults, and calls at will. As JSON and as pages."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from sandbox._caller import Lost
from sandbox._control import button, empty, is_foreign, page, refused, table, when
from sandbox._delivery import Faults
from sandbox._html import Child, el
from sandbox._web import Request, Response, Router, html_response, is_http_url, json_response, redirect
from sandbox.click.checkout import plain
from sandbox.click.conversation import COMPLETE, PREPARE, BadAnswer, Conversation, fields_of
from sandbox.click.store import Store

SERVICE = "Click sandbox"
SETTINGS = ("secret_key", "merchant_id", "endpoint", "name")


class Control:
    """Everything under /_control."""

    def __init__(self, store: Store, conversation: Conversation) -> None:
        self.store = store
        self.conversation = conversation

    def add_routes(self, router: Router) -> None:
        api = "/_control/api/{service}"
        router.add("GET", "/_control/api/accounts", self.api_accounts)
        router.add("GET", f"{api}/faults", self.api_faults)
        router.add("PUT", f"{api}/faults", self.api_put_faults)
        router.add("GET", f"{api}/settings", self.api_settings)
        router.add("PUT", f"{api}/settings", self.api_put_settings)
        router.add("GET", f"{api}/attempts", self.api_attempts)
        router.add("GET", f"{api}/calls", self.api_calls)
        router.add("POST", f"{api}/call", self.api_call)
        router.add("POST", f"{api}/pay", self.api_pay)
        router.add("POST", f"{api}/attempts/{{id}}/{{action}}", self.api_act)
        router.add("GET", "/_control", self.page_accounts)
        router.add("GET", "/_control/{service}", self.page_account)
        router.add("POST", "/_control/{service}/faults", self.page_faults)
        router.add("POST", "/_control/{service}/attempts/{id}/{action}", self.page_act)

    async def api_accounts(self, request: Request) -> Response:
        return json_response({"accounts": self.store.services()})

    async def api_faults(self, request: Request) -> Response:
        return json_response(asdict(self.store.caller.faults(request.params["service"])))

    async def api_put_faults(self, request: Request) -> Response:
        """Replaces all faults; what is not named is off."""
        try:
            faults = Faults.parse(request.json())
        except (ValueError, TypeError, AttributeError) as error:
            return json_response({"error": str(error)}, 400)
        self.store.caller.set_faults(request.params["service"], faults)
        return json_response(asdict(faults))

    async def api_settings(self, request: Request) -> Response:
        return json_response(self.store.service(request.params["service"]))

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
        self.store.set_service(request.params["service"], values)
        return await self.api_settings(request)

    async def api_attempts(self, request: Request) -> Response:
        return json_response({"data": self.store.all(request.params["service"])})

    async def api_calls(self, request: Request) -> Response:
        return json_response({"data": self.store.caller.listing(request.params["service"])})

    async def api_call(self, request: Request) -> Response:
        """Any call by its fields; ``sign_string`` is added where it is missing."""
        return await self._said(request.params["service"], request.json())

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
            request.params["service"], values["order"], plain(values["amount"]), declined=bool(values.get("declined"))
        )
        return json_response(await self.conversation.advance(attempt))

    async def api_act(self, request: Request) -> Response:
        """prepare, complete {error}: the call about an attempt once more."""
        attempt = self.store.find(request.params["service"], request.params["id"])
        action = {"prepare": PREPARE, "complete": COMPLETE}.get(request.params["action"])
        if attempt is None or action is None:
            return json_response({"error": "no such thing to do"}, 404)
        return await self._said(attempt["service"], fields_of(attempt, action, int(request.json().get("error", 0))))

    async def page_accounts(self, request: Request) -> Response:
        rows = [el("li", el("a", item, href=f"/_control/{item}")) for item in self.store.services()]
        listing = el("ul", rows, class_="plain") if rows else empty("No service yet: PUT settings makes one.")
        return html_response(page(SERVICE, "Services", el("h1", "Services"), listing))

    async def page_account(self, request: Request) -> Response:
        return html_response(self._page(request.params["service"], None))

    async def page_faults(self, request: Request) -> Response:
        service = request.params["service"]
        if is_foreign(request):
            return refused()
        try:
            faults = Faults.parse(dict(request.form))
        except ValueError as error:
            return html_response(self._page(service, str(error)), 422)
        self.store.caller.set_faults(service, faults)
        return redirect(f"/_control/{service}#faults")

    async def page_act(self, request: Request) -> Response:
        if is_foreign(request):
            return refused()
        attempt = self.store.find(request.params["service"], request.params["id"])
        if attempt:
            action = COMPLETE if request.params["action"] == "complete" else PREPARE
            await self._said(attempt["service"], fields_of(attempt, action))
        return redirect(f"/_control/{request.params['service']}#conversation")

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
