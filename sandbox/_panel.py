"""The control page and the JSON control API of a sandbox built on `_accounts`: faults, settings, decisions, redelivery."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sandbox._accounts import Accounts, Document, public
from sandbox._control import button, deliveries_table, faults_form, is_foreign, page, refused, table, when
from sandbox._desk import Desk, Outgoing
from sandbox._html import Child, el
from sandbox._web import Request, Response, Router, is_http_url, json_response, redirect

# Carries out one action on a document, in a transaction: (account, kind, document, action, values). None: no such thing.
Act = Callable[[str, str, Document, str, dict[str, Any]], Document | None]


@dataclass(frozen=True, slots=True)
class Shown:
    """How documents of a kind appear: their columns, and the buttons of one of them as (label, action, values)."""

    title: str
    columns: Sequence[str]
    buttons: Callable[[Document], Sequence[tuple[str, str, Mapping[str, str]]]] = lambda document: ()
    link: Callable[[Document], str] = lambda document: ""


@dataclass(slots=True)
class Panel(Desk):
    """Everything under /_control."""

    service: str
    store: Accounts
    settings: Sequence[str]  # names; those that end in _url are addresses
    kinds: Mapping[str, Shown]
    act: Act
    without: frozenset[str] = field(default_factory=frozenset)  # faults the provider cannot have

    def outgoing(self) -> Outgoing:
        return self.store.deliveries

    def accounts(self) -> Sequence[str]:
        return self.store.accounts()

    def add_routes(self, router: Router) -> None:
        self.add_desk_routes(router)
        api = "/_control/api"
        router.add("GET", f"{api}/{{account}}/settings", self.api_settings)
        router.add("PUT", f"{api}/{{account}}/settings", self.api_put_settings)
        router.add("GET", f"{api}/{{account}}/deliveries", self.api_deliveries)
        router.add("GET", f"{api}/{{account}}/{{kind}}", self.api_documents)
        router.add("POST", f"{api}/{{account}}/{{kind}}/{{id}}/{{action}}", self.api_act)
        router.add("POST", "/_control/{account}/{kind}/{id}/{action}", self.page_act)

    async def api_settings(self, request: Request) -> Response:
        return json_response(public(self.store.settings(request.params["account"])))

    async def api_put_settings(self, request: Request) -> Response:
        """Merges."""
        try:
            values: dict[str, Any] = request.json()
            strange = [name for name in values if name not in self.settings]
        except ValueError as error:
            return json_response({"error": str(error)}, 400)
        if strange or not all(isinstance(value, str) for value in values.values()):
            return json_response({"error": f"settings are {', '.join(self.settings)}, all text"}, 400)
        bad = [name for name, value in values.items() if name.endswith("_url") and value and not is_http_url(value)]
        if bad:
            return json_response({"error": f"{bad[0]} is not an address"}, 400)
        self.store.set_settings(request.params["account"], values)
        return await self.api_settings(request)

    async def api_deliveries(self, request: Request) -> Response:
        return json_response({"data": self.store.deliveries.listing(request.params["account"])})

    async def api_documents(self, request: Request) -> Response:
        if request.params["kind"] not in self.kinds:
            return json_response({"error": "no such kind"}, 404)
        found = self.store.all(request.params["account"], request.params["kind"])
        return json_response({"data": [public(item) for item in found]})

    async def api_act(self, request: Request) -> Response:
        try:
            values = request.json()
        except ValueError:
            return json_response({"error": "the body is not JSON"}, 400)
        answer = self._act(request, values)
        return json_response(answer) if answer else json_response({"error": "no such thing to do"}, 404)

    def _act(self, request: Request, values: dict[str, Any]) -> Document | None:
        account, identifier = request.params["account"], request.params["id"]
        kind, action = request.params["kind"], request.params["action"]
        if (kind, action) == ("deliveries", "redeliver"):
            known = identifier.isdecimal() and self.store.deliveries.redeliver(int(identifier), account)
            return {"redelivered": int(identifier)} if known else None
        document = self.store.get(account, kind, identifier)
        if document is None:
            return None
        with self.store.db.transaction():
            done = self.act(account, kind, document, action, values)
        return public(done) if done else None

    async def page_act(self, request: Request) -> Response:
        if is_foreign(request):
            return refused()
        self._act(request, dict(request.form))
        return redirect(f"/_control/{request.params['account']}#{request.params['kind']}")

    def _page(self, account: str, failure: str | None) -> str:
        base = f"/_control/{account}"
        return page(
            self.service,
            account,
            el("p", el("a", "All accounts", href="/_control")),
            el("h1", el("code", account)),
            el("p", failure, class_="alert", role="alert") if failure else None,
            faults_form(f"{base}/faults", self.store.deliveries.faults(account), self.without),
            [self._table(base, account, kind, shown) for kind, shown in self.kinds.items()],
            deliveries_table(base, self.store.deliveries.listing(account, 50), "Reference"),
        )

    def _table(self, base: str, account: str, kind: str, shown: Shown) -> Child:
        rows: list[list[Child]] = []
        for item in self.store.all(account, kind)[:50]:
            identifier = item["id"]
            actions: list[Child] = [
                button(f"{base}/{kind}/{identifier}/{action}", label, identifier, **values)
                for label, action, values in shown.buttons(item)
            ]
            if address := shown.link(item):
                actions.append(el("a", "Open page", href=address, aria_label=f"Open page {identifier}"))
            cells: list[Child] = [str(item.get(name, "")) for name in shown.columns]
            rows.append([el("code", identifier), when(item["_created"]), *cells, actions])
        return table(shown.title, kind, ["Id", "Created", *shown.columns, "Actions"], rows)
