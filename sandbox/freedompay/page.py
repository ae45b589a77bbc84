"""The pages people see: pay by card, confirm with the bank, go back; and the payout's, where the payee names a card."""

from __future__ import annotations

from sandbox._html import el
from sandbox._web import Request, Response, Router, html_response, redirect
from sandbox.freedompay import calls, payments
from sandbox.freedompay.store import Payment, Store
from sandbox.freedompay.view import View, back_to, missing, read_card


class Pages:
    """Addresses as the real service's: ``/pay.html?customer=…``."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def add_routes(self, router: Router) -> None:
        router.add("GET", "/pay.html", self.show)
        router.add("POST", "/pay.html", self.pay)
        router.add("GET", "/confirm.html", self.show_confirm)
        router.add("POST", "/confirm.html", self.confirm)
        router.add("GET", "/payout.html", self.show_payout)
        router.add("POST", "/payout.html", self.pay_out)

    def _view(self, request: Request, kind: str) -> View | None:
        payment = self.store.by_page(request.query.get("customer", ""))
        if payment is None or payment["kind"] != kind:
            return None
        if kind == "payment":
            payments.status_now(self.store, payment)
        return View(payment, merchant_name(self.store, payment["merchant"]))

    async def show(self, request: Request) -> Response:
        view = self._view(request, "payment")
        if view is None:
            return missing()
        return html_response(_form(view) if view.payment["status"] == "new" else self._ended(view))

    async def pay(self, request: Request) -> Response:
        view = self._view(request, "payment")
        if view is None:
            return missing()
        if view.payment["status"] != "new":
            return self._leave(view)
        view.form = {name: value.strip() for name, value in request.form.items()}
        if view.form.get("decision") == "cancel":
            with self.store.db.transaction():
                payments.finish(self.store, view.payment, payments.CANCELLED)
            return self._leave(view)
        number, view.errors = read_card(view.form, whole=True)
        if view.errors:
            return html_response(_form(view), 422)
        reason = await calls.check(self.store, view.payment)
        if reason:
            return html_response(_form(view, refused=reason), 422)
        fresh = self.store.by_page(view.payment["page"])  # the check took time
        assert fresh is not None
        view.payment = fresh
        with self.store.db.transaction():
            step = payments.pay(self.store, fresh, number)
        if step == "authenticate":
            return redirect(f"/confirm.html?customer={fresh['page']}")
        return self._leave(view)

    async def show_confirm(self, request: Request) -> Response:
        view = self._view(request, "payment")
        if view is None:
            return missing()
        if view.payment["status"] != "new" or not view.payment.get("test_number"):
            return redirect(view.path)
        return html_response(_confirm(view))

    async def confirm(self, request: Request) -> Response:
        view = self._view(request, "payment")
        if view is None:
            return missing()
        number = view.payment.get("test_number")
        if view.payment["status"] != "new" or not number:
            return redirect(view.path)
        approved = request.form.get("decision") == "approve"
        with self.store.db.transaction():
            outcome = payments.CARDS[number] if approved else payments.NOT_AUTHENTICATED
            payments.finish(self.store, view.payment, outcome)
        return self._leave(view)

    def _leave(self, view: View) -> Response:
        """Back to the merchant; without an address the page says how it ended."""
        target = _target(view.payment)
        if not target:
            return redirect(view.path)
        secret = self.store.merchant(view.payment["merchant"])["secret_key"]
        return redirect(back_to(target, view.payment, secret))

    def _ended(self, view: View) -> str:
        key = {"success": "done", "incomplete": "expired"}.get(view.payment["status"], "failed")
        title, target = view.say(key), _target(view.payment)
        secret = self.store.merchant(view.payment["merchant"])["secret_key"]
        link = el("a", view.say("continue"), href=back_to(target, view.payment, secret), class_="button primary")
        return view.page(el("h1", title), link if target else None, title=title, class_="sheet")

    async def show_payout(self, request: Request) -> Response:
        view = self._view(request, "payout")
        if view is None:
            return missing()
        return html_response(_payout(view))

    async def pay_out(self, request: Request) -> Response:
        view = self._view(request, "payout")
        if view is None:
            return missing()
        if view.payment["status"] == "process":
            view.form = {name: value.strip() for name, value in request.form.items()}
            number, view.errors = read_card(view.form, whole=False)
            if view.errors:
                return html_response(_payout(view), 422)
            state, _, words = payments.CARDS.get(number, payments.UNKNOWN_CARD)
            with self.store.db.transaction():
                payments.end_payout(self.store, view.payment, state, words, number)
        return redirect(view.payment["back_link"])


def merchant_name(store: Store, merchant: str) -> str:
    return str(store.merchant(merchant).get("name") or f"Merchant {merchant}")


def _target(payment: Payment) -> str:
    return str(payment["success_url" if payment["status"] == "success" else "failure_url"])


def _form(view: View, *, refused: str = "") -> str:
    fields = [
        view.input("number", "cc-number", hint="number_hint"),
        el("div", view.input("expiry", "cc-exp"), view.input("cvv", "cc-csc"), class_="pair"),
        view.input("name", "cc-name"),
    ]
    buttons = [
        el("button", view.say("pay"), type="submit", name="decision", value="pay", class_="primary"),
        el("button", view.say("cancel"), type="submit", name="decision", value="cancel", class_="secondary"),
    ]
    card = el("form", fields, buttons, method="post", action=view.path, novalidate=True)
    words = el("div", el("p", view.say("refused", reason=refused)), class_="alert", role="alert") if refused else None
    pane = el("section", words, view.error_box(), card, el("p", view.say("secured"), class_="hint"), class_="pane")
    return view.page(view.summary(view.say("title")), pane, title=view.say("title"), class_="split")


def _confirm(view: View) -> str:
    title = view.say("three_ds_title")
    lead = view.say("three_ds_lead", last4=view.payment["test_number"][-4:])
    form = el(
        "form",
        el("button", view.say("approve"), type="submit", name="decision", value="approve", class_="primary"),
        el("button", view.say("refuse"), type="submit", name="decision", value="refuse", class_="secondary"),
        method="post",
        action=f"/confirm.html?customer={view.payment['page']}",
    )
    return view.page(el("h1", title), el("p", lead), form, title=title, class_="sheet")


def _payout(view: View) -> str:
    if view.payment["status"] != "process":
        title = view.say("payout_done" if view.payment["status"] == "success" else "payout_failed")
        link = el("a", view.say("continue"), href=view.payment["back_link"], class_="button primary")
        return view.page(el("h1", title), link, title=title, class_="sheet")
    title = view.say("payout_title")
    form = el(
        "form",
        view.input("number", "cc-number", hint="number_hint"),
        el("button", view.say("payout_button"), type="submit", class_="primary"),
        method="post",
        action=view.path,
        novalidate=True,
    )
    pane = el("section", view.error_box(), el("p", view.say("payout_lead")), form, class_="pane")
    return view.page(view.summary(title), pane, title=title, class_="split")
