"""What every sandbox's control pages do alike: the list of accounts, an account's page, and its faults by form and as JSON."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, ClassVar, Protocol

from sandbox._control import empty, is_foreign, page, refused
from sandbox._delivery import Faults
from sandbox._html import Child, el
from sandbox._web import Request, Response, Router, html_response, json_response, redirect

API = "/_control/api"


class Outgoing(Protocol):
    """A queue of webhooks or a caller of merchants: it keeps an account's faults."""

    def faults(self, account: str) -> Faults: ...

    def set_faults(self, account: str, faults: Faults) -> None: ...


class Desk(ABC):
    """Subclasses say what an account is and draw its page; paths name it `{account}`."""

    service: str
    accounts_title: ClassVar[str] = "Accounts"
    no_account: ClassVar[str] = "No account yet. Any request makes one."

    @abstractmethod
    def outgoing(self) -> Outgoing: ...

    @abstractmethod
    def accounts(self) -> Sequence[str]: ...

    def listed(self, account: str) -> Child:
        """How an account appears in the list of all."""
        return el("a", account, href=f"/_control/{account}")

    @abstractmethod
    def _page(self, account: str, failure: str | None) -> str: ...

    def add_desk_routes(self, router: Router) -> None:
        router.add("GET", f"{API}/accounts", self.api_accounts)
        router.add("GET", f"{API}/{{account}}/faults", self.api_faults)
        router.add("PUT", f"{API}/{{account}}/faults", self.api_put_faults)
        router.add("GET", "/_control", self.page_accounts)
        router.add("GET", "/_control/{account}", self.page_account)
        router.add("POST", "/_control/{account}/faults", self.page_faults)

    async def api_accounts(self, request: Request) -> Response:
        return json_response({"accounts": list(self.accounts())})

    async def api_faults(self, request: Request) -> Response:
        return json_response(asdict(self.outgoing().faults(request.params["account"])))

    async def api_put_faults(self, request: Request) -> Response:
        """Replaces all faults; what is not named is off."""
        try:
            values: dict[str, Any] = request.json()
            faults = Faults.parse(values)
        except (ValueError, TypeError, AttributeError) as error:
            return json_response({"error": str(error)}, 400)
        self.outgoing().set_faults(request.params["account"], faults)
        return json_response(asdict(faults))

    async def page_accounts(self, request: Request) -> Response:
        rows = [el("li", self.listed(account)) for account in self.accounts()]
        listing = el("ul", rows, class_="plain") if rows else empty(self.no_account)
        title = self.accounts_title
        return html_response(page(self.service, title, el("h1", title), listing))

    async def page_account(self, request: Request) -> Response:
        return html_response(self._page(request.params["account"], None))

    async def page_faults(self, request: Request) -> Response:
        account = request.params["account"]
        if is_foreign(request):
            return refused()
        try:
            faults = Faults.parse(dict(request.form))
        except ValueError as error:
            return html_response(self._page(account, str(error)), 422)
        self.outgoing().set_faults(account, faults)
        return redirect(f"/_control/{account}#faults")
