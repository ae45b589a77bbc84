"""What the outside world would do, on demand: banks settle, cardholders dispute, the network misbehaves.

JSON under /_control/api for tests and the same as pages under /_control for people.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from sandbox._control import is_foreign, refused
from sandbox._delivery import Faults
from sandbox._web import Request, Response, Router, html_response, json_response, redirect
from sandbox.stripe import checkout_page, control_page, disputes, payments, refunds, sessions
from sandbox.stripe.errors import ApiError, bad_request
from sandbox.stripe.sessions import public
from sandbox.stripe.store import Object, Store

KINDS = {
    "sessions": "checkout.session",
    "payment_intents": "payment_intent",
    "charges": "charge",
    "refunds": "refund",
    "disputes": "dispute",
    "events": "event",
    "webhook_endpoints": "webhook_endpoint",
    "customers": "customer",
    "balance_transactions": "balance_transaction",
}
SETTINGS: dict[str, tuple[type, ...]] = {
    "business_name": (str,),
    "country": (str,),
    "default_currency": (str,),
    "unreadable": (str,),  # kinds of objects, by commas, that the key has no right to read where they are expanded
    # Seconds until a bank debit or a bank's refund is decided; null waits for the control page.
    "sepa_settle_seconds": (int, float, type(None)),
    "refund_settle_seconds": (int, float, type(None)),
}
FUTURE_CARD = {"number": "4242424242424242", "exp_month": "12", "exp_year": "2049", "name": "Jenny Rosen"}


class Control:
    """Routes and actions."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.actions: dict[tuple[str, str], Callable[[str, str, dict[str, Any]], Object]] = {
            ("sessions", "pay"): self._pay,
            ("sessions", "expire"): self._expire,
            ("payment_intents", "settle"): self._settle_debit,
            ("refunds", "settle"): self._settle_refund,
            ("charges", "dispute"): self._dispute,
            ("disputes", "escalate"): self._escalate_dispute,
            ("disputes", "close"): self._close_dispute,
            ("deliveries", "redeliver"): self._redeliver,
            ("events", "redeliver"): self._redeliver_event,
        }

    def add_routes(self, router: Router) -> None:
        api = "/_control/api"
        router.add("GET", f"{api}/accounts", self.api_accounts)
        for name in ("faults", "settings"):
            router.add("GET", f"{api}/{{account}}/{name}", getattr(self, f"api_{name}"))
            router.add("PUT", f"{api}/{{account}}/{name}", getattr(self, f"api_put_{name}"))
        router.add("GET", f"{api}/{{account}}/{{kind}}", self.api_list)
        router.add("GET", f"{api}/{{account}}/{{kind}}/{{id}}", self.api_get)
        router.add("POST", f"{api}/{{account}}/{{kind}}/{{id}}/{{action}}", self.api_act)
        router.add("GET", "/_control", self.page_accounts)
        router.add("GET", "/_control/{account}", self.page_account)
        router.add("POST", "/_control/{account}/faults", self.page_faults)
        router.add("POST", "/_control/{account}/settings", self.page_settings)
        router.add("POST", "/_control/{account}/{kind}/{id}/{action}", self.page_act)

    # JSON

    async def api_accounts(self, request: Request) -> Response:
        return json_response({"accounts": self.store.accounts()})

    async def api_faults(self, request: Request) -> Response:
        return json_response(asdict(self.store.deliveries.faults(request.params["account"])))

    async def api_put_faults(self, request: Request) -> Response:
        """Replaces all faults; what is not named is off."""
        try:
            faults = Faults.parse(request.json())
        except (ValueError, TypeError, AttributeError) as error:
            return json_response({"error": str(error)}, 400)
        self.store.deliveries.set_faults(request.params["account"], faults)
        return json_response(asdict(faults))

    async def api_settings(self, request: Request) -> Response:
        return json_response(self.store.settings(request.params["account"]))

    async def api_put_settings(self, request: Request) -> Response:
        """Merges the given settings."""
        try:
            values = _checked_settings(request.json())
        except (ValueError, AttributeError) as error:
            return json_response({"error": str(error)}, 400)
        merged = {**self.store.settings(request.params["account"]), **values}
        self.store.set_settings(request.params["account"], merged)
        return json_response(merged)

    async def api_list(self, request: Request) -> Response:
        account, kind = request.params["account"], request.params["kind"]
        if kind == "deliveries":
            return json_response({"data": self.store.deliveries.listing(account)})
        if kind not in KINDS:
            return json_response({"error": f"no such kind: {kind}"}, 404)
        return json_response({"data": [public(item) for item in self.store.all(account, KINDS[kind])]})

    async def api_get(self, request: Request) -> Response:
        kind = KINDS.get(request.params["kind"], "")
        found = self.store.find(request.params["account"], kind, request.params["id"])
        return json_response(public(found)) if found else json_response({"error": "not found"}, 404)

    async def api_act(self, request: Request) -> Response:
        try:
            return json_response(self._act(request, request.json()))
        except ValueError:
            return json_response({"error": "the body is not JSON"}, 400)
        except ApiError as error:
            return json_response(error.body, error.status)

    # Pages

    async def page_accounts(self, request: Request) -> Response:
        accounts = [(a, checkout_page.merchant_name(self.store, a)) for a in self.store.accounts()]
        return html_response(control_page.accounts(accounts))

    async def page_account(self, request: Request) -> Response:
        return html_response(self._account_page(request.params["account"], None))

    async def page_faults(self, request: Request) -> Response:
        account = request.params["account"]
        if is_foreign(request):
            return refused()
        try:
            faults = Faults.parse(request.form)
        except ValueError as error:
            return html_response(self._account_page(account, str(error)), 422)
        self.store.deliveries.set_faults(account, faults)
        return redirect(f"/_control/{account}#faults")

    async def page_settings(self, request: Request) -> Response:
        account = request.params["account"]
        if is_foreign(request):
            return refused()
        given = request.form
        values: Object = {}
        try:
            for name, text in given.items():
                seconds = name.endswith("_seconds")
                values[name] = (float(text) if text.strip() else None) if seconds else text.strip()
            values = _checked_settings(values)
        except ValueError as error:
            return html_response(self._account_page(account, str(error)), 422)
        self.store.set_settings(account, {**self.store.settings(account), **values})
        return redirect(f"/_control/{account}#settings")

    async def page_act(self, request: Request) -> Response:
        account = request.params["account"]
        if is_foreign(request):
            return refused()
        try:
            self._act(request, dict(request.form))
        except ApiError as error:
            return html_response(self._account_page(account, error.error["message"]), error.status)
        return redirect(f"/_control/{account}#{request.params['kind']}")

    def _account_page(self, account: str, failure: str | None) -> str:
        name = checkout_page.merchant_name(self.store, account)
        return control_page.account_page(self.store, account, name, failure)

    # Actions

    def _act(self, request: Request, values: dict[str, Any]) -> Object:
        account, kind, identifier = (request.params[name] for name in ("account", "kind", "id"))
        action = self.actions.get((kind, request.params["action"]))
        if action is None:
            raise ApiError(404, f"No such action: {kind}/{request.params['action']}")
        with self.store.db.transaction():
            return public(action(account, identifier, values))

    def _pay(self, account: str, identifier: str, values: dict[str, Any]) -> Object:
        """As the customer would on the hosted page, confirmation included unless ``approve`` is false."""
        session = self.store.get(account, "checkout.session", identifier)
        method = values.get("method", session["payment_method_types"][0])
        if session["status"] != "open":
            raise bad_request(f"The session is {session['status']}.")
        if method not in session["payment_method_types"]:
            raise bad_request(f"{method} is not offered: {', '.join(session['payment_method_types'])}", "method")
        details = {
            "email": session["customer_email"] or str(values.get("email", "jenny@example.com")),
            **FUTURE_CARD,
            "iban": "DE89370400440532013000",
            **{k: str(v) for k, v in values.items() if k in {"number", "iban", "name", "country", "exp_month",
                                                             "exp_year", "email", "category"}},
        }  # fmt: skip
        intent = payments.attempt(self.store, account, session, method, details)
        if intent["status"] == "requires_action":
            approved = str(values.get("approve", "true")).lower() != "false"
            intent = payments.confirm(self.store, account, session, approved=approved)
        return intent

    def _expire(self, account: str, identifier: str, values: dict[str, Any]) -> Object:
        return sessions.expire(self.store, account, identifier)

    def _settle_debit(self, account: str, identifier: str, values: dict[str, Any]) -> Object:
        return payments.settle_debit(self.store, account, identifier, succeeded=_succeeds(values))

    def _settle_refund(self, account: str, identifier: str, values: dict[str, Any]) -> Object:
        return refunds.settle(self.store, account, identifier, succeeded=_succeeds(values))

    def _dispute(self, account: str, identifier: str, values: dict[str, Any]) -> Object:
        inquiry = str(values.get("inquiry", "")).lower() == "true"
        reason = values.get("reason", "fraudulent")
        return disputes.create(self.store, account, identifier, reason=reason, inquiry=inquiry)

    def _escalate_dispute(self, account: str, identifier: str, values: dict[str, Any]) -> Object:
        return disputes.escalate(self.store, account, identifier)

    def _close_dispute(self, account: str, identifier: str, values: dict[str, Any]) -> Object:
        outcome = values.get("outcome")
        if outcome == "warning_closed":
            return disputes.end_inquiry(self.store, account, identifier)
        if outcome not in {"won", "lost"}:
            raise bad_request("outcome must be won, lost or warning_closed", "outcome")
        returned = int(values["amount"]) if "amount" in values else None
        return disputes.close(self.store, account, identifier, won=outcome == "won", returned=returned)

    def _redeliver(self, account: str, identifier: str, values: dict[str, Any]) -> Object:
        if not identifier.isdecimal() or not self.store.deliveries.redeliver(int(identifier), account):
            raise ApiError(404, f"No such delivery: {identifier}")
        return {"redelivered": int(identifier)}

    def _redeliver_event(self, account: str, identifier: str, values: dict[str, Any]) -> Object:
        self.store.get(account, "event", identifier)
        seen: set[str] = set()
        for delivery in reversed(self.store.deliveries.listing(account, 100_000)):
            if delivery["subject"] == identifier and delivery["target"] not in seen:
                seen.add(delivery["target"])
                self.store.deliveries.redeliver(delivery["id"], account)
        return {"redelivered": identifier, "endpoints": sorted(seen)}


def _succeeds(values: dict[str, Any]) -> bool:
    outcome = values.get("outcome")
    if outcome not in {"succeed", "fail"}:
        raise bad_request("outcome must be succeed or fail", "outcome")
    return bool(outcome == "succeed")


def _checked_settings(values: Object) -> Object:
    for name, value in values.items():
        if name not in SETTINGS:
            raise ValueError(f"unknown setting: {name}")
        if not isinstance(value, SETTINGS[name]) or isinstance(value, bool):
            raise ValueError(f"{name}: wrong type")
        if isinstance(value, (int, float)) and not 0 <= value <= 1_000_000:
            raise ValueError(f"{name}: from 0 to 1000000 seconds")
    return values
