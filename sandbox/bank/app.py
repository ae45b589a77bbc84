"""The bank over HTTP: JSON for tests, pages for the tour."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

from sandbox._html import Child, document, el
from sandbox._web import (
    Application,
    Request,
    Response,
    Router,
    html_response,
    json_response,
    redirect,
    static_file,
)
from sandbox.bank.camt import corrupt
from sandbox.bank.pain import message_id
from sandbox.bank.payments import PaymentDesk
from sandbox.bank.store import FORMATS, Bank, entry_from, entry_values

STATIC = Path(__file__).parent / "static"


class Counter:
    """Routes over a bank."""

    def __init__(self, bank: Bank) -> None:
        self.bank = bank
        self.desk = PaymentDesk(bank)

    def application(self) -> Application:
        router = Router()
        router.add("GET", "/healthz", self.healthz)
        router.add("GET", "/static/{name}", self.static)
        router.add("GET", "/api/accounts", self.api_accounts)
        router.add("PUT", "/api/accounts/{iban}", self.api_open)
        router.add("GET", "/api/accounts/{iban}", self.api_account)
        router.add("POST", "/api/accounts/{iban}/transfers", self.api_transfer)
        router.add("POST", "/api/accounts/{iban}/statements", self.api_draw)
        router.add("GET", "/api/accounts/{iban}/statements", self.api_statements)
        router.add("GET", "/api/accounts/{iban}/statements/{number}", self.download)
        router.add("POST", "/api/accounts/{iban}/payments", self.api_pay)
        router.add("GET", "/api/accounts/{iban}/payments", self.api_payments)
        router.add("GET", "/api/accounts/{iban}/payments/{message}", self.api_answer)
        router.add("PUT", "/api/accounts/{iban}/rejections/{creditor}", self.api_reject)
        router.add("POST", "/api/accounts/{iban}/returns/{reference}", self.api_return)
        router.add("GET", "/", self.page_accounts)
        router.add("POST", "/accounts", self.page_open)
        router.add("GET", "/accounts/{iban}", self.page_account)
        router.add("POST", "/accounts/{iban}/transfers", self.page_transfer)
        router.add("POST", "/accounts/{iban}/statements", self.page_draw)
        router.add("POST", "/accounts/{iban}/payments", self.page_pay)
        router.add("POST", "/accounts/{iban}/returns", self.page_return)
        return Application(router)

    async def healthz(self, request: Request) -> Response:
        self.bank.db.row("SELECT 1")
        return Response(b"ok\n")

    async def static(self, request: Request) -> Response:
        return static_file(STATIC, request.params["name"])

    # JSON

    async def api_accounts(self, request: Request) -> Response:
        return json_response({"accounts": self.bank.accounts()})

    async def api_open(self, request: Request) -> Response:
        try:
            values = request.json()
            self.bank.open_account(
                request.params["iban"],
                values.get("currency", "EUR"),
                values.get("owner", ""),
                values.get("opening", ""),
            )
        except (ValueError, AttributeError) as error:
            return json_response({"error": str(error)}, 400)
        return json_response(self.bank.account(request.params["iban"]))

    async def api_account(self, request: Request) -> Response:
        account = self.bank.account(request.params["iban"])
        if account is None:
            return json_response({"error": "no such account"}, 404)
        waiting = [entry_values(entry) for entry in self.bank.waiting(request.params["iban"])]
        return json_response({**account, "waiting": waiting})

    async def api_transfer(self, request: Request) -> Response:
        """Body: the fields of ``camt.Entry``; amounts as text."""
        try:
            number = self.bank.transfer(request.params["iban"], entry_from(request.json()))
        except (ValueError, TypeError, AttributeError) as error:
            return json_response({"error": str(error)}, 400)
        return json_response({"id": number}, 201)

    async def api_draw(self, request: Request) -> Response:
        """Draws the next statement and answers with it. Optional: day (ISO), version (2 or 8), format, corrupt."""
        try:
            values: dict[str, Any] = request.json()
            day = date.fromisoformat(values["day"]) if values.get("day") else None
            form = _form(values.get("format"))
            number, xml = self.bank.draw_statement(request.params["iban"], day, int(values.get("version", 8)))
            if form != "camt053":
                return _file(self.bank.document(request.params["iban"], number, form) or b"", form, request, number)
            if values.get("corrupt"):
                xml = corrupt(xml, str(values["corrupt"]))
        except (ValueError, TypeError, AttributeError) as error:
            return json_response({"error": str(error)}, 400)
        return _file(xml, "camt053", request, number)

    async def api_statements(self, request: Request) -> Response:
        return json_response({"statements": self.bank.statements(request.params["iban"])})

    async def download(self, request: Request) -> Response:
        """``?format=`` one of ``store.FORMATS``; camt053 when it says nothing."""
        number = request.params["number"]
        try:
            form = _form(request.query.get("format"))
        except ValueError as error:
            return json_response({"error": str(error)}, 400)
        found = self.bank.document(request.params["iban"], int(number), form) if number.isdecimal() else None
        return _file(found, form, request, int(number)) if found else Response(b"Not found\n", 404)

    async def api_pay(self, request: Request) -> Response:
        """Body: a pain.001 file. Answers with the pain.002."""
        try:
            answer = self.desk.take(request.params["iban"], request.body)
        except ValueError as error:
            return json_response({"error": str(error)}, 400)
        return Response(answer, 200, "application/xml")

    async def api_payments(self, request: Request) -> Response:
        iban = request.params["iban"]
        return json_response({"files": self.desk.files(iban), "payments": self.desk.payments(iban)})

    async def api_answer(self, request: Request) -> Response:
        """The pain.002 again, as often as one likes."""
        message = request.params["message"]
        found = self.desk.answer(request.params["iban"], message)
        headers = {"Content-Disposition": f'attachment; filename="pain002-{message}.xml"'}
        return Response(found, 200, "application/xml", headers) if found else Response(b"Not found\n", 404)

    async def api_reject(self, request: Request) -> Response:
        """Body: reason, an ISO code (AC04); empty ends the rejection."""
        try:
            self.desk.reject(request.params["iban"], request.params["creditor"], str(request.json().get("reason", "")))
        except (ValueError, AttributeError) as error:
            return json_response({"error": str(error)}, 400)
        return json_response({"ok": True})

    async def api_return(self, request: Request) -> Response:
        """Body: reason, an ISO code; a booked payment comes back."""
        try:
            reason = str(request.json().get("reason") or "AC04")
            self.desk.give_back(request.params["iban"], request.params["reference"], reason)
        except (ValueError, AttributeError) as error:
            return json_response({"error": str(error)}, 400)
        return json_response({"ok": True}, 201)

    # Pages

    async def page_accounts(self, request: Request) -> Response:
        return html_response(_accounts_page(self.bank.accounts(), None))

    async def page_open(self, request: Request) -> Response:
        if _foreign(request):
            return Response(b"Cross-site request refused\n", 403)
        form = request.form
        iban = form.get("iban", "").replace(" ", "").upper()
        try:
            self.bank.open_account(iban, form.get("currency", "").strip().upper(), form.get("owner", "").strip())
        except ValueError as error:
            return html_response(_accounts_page(self.bank.accounts(), str(error)), 422)
        return redirect(f"/accounts/{iban}")

    async def page_account(self, request: Request) -> Response:
        account = self.bank.account(request.params["iban"])
        if account is None:
            return html_response(_page("Not found", el("h1", "No such account")), 404)
        return html_response(self._account(account, {}, None))

    async def page_transfer(self, request: Request) -> Response:
        if _foreign(request):
            return Response(b"Cross-site request refused\n", 403)
        account = self.bank.account(request.params["iban"])
        if account is None:
            return Response(b"Not found\n", 404)
        form = {name: value.strip() for name, value in request.form.items() if value.strip()}
        try:
            self.bank.transfer(account["iban"], entry_from(form))
        except (ValueError, TypeError) as error:
            return html_response(self._account(account, form, str(error)), 422)
        return redirect(f"/accounts/{account['iban']}")

    async def page_draw(self, request: Request) -> Response:
        if _foreign(request):
            return Response(b"Cross-site request refused\n", 403)
        iban = request.params["iban"]
        try:
            number, _ = self.bank.draw_statement(iban)
        except ValueError:
            return Response(b"Not found\n", 404)
        return redirect(f"/accounts/{iban}#statement-{number}")

    async def page_pay(self, request: Request) -> Response:
        """A payment file as text, then its answer."""
        if _foreign(request):
            return Response(b"Cross-site request refused\n", 403)
        account = self.bank.account(request.params["iban"])
        if account is None:
            return Response(b"Not found\n", 404)
        text = request.form.get("file", "").replace("\r\n", "\n").encode()
        try:
            answer = self.desk.take(account["iban"], text)
        except ValueError as error:
            return html_response(self._account(account, {}, str(error)), 422)
        headers = {"Content-Disposition": f'attachment; filename="pain002-{message_id(text)}.xml"'}
        return Response(answer, 200, "application/xml", headers)

    async def page_return(self, request: Request) -> Response:
        if _foreign(request):
            return Response(b"Cross-site request refused\n", 403)
        account = self.bank.account(request.params["iban"])
        if account is None:
            return Response(b"Not found\n", 404)
        try:
            self.desk.give_back(account["iban"], request.form.get("reference", ""), "AC04")
        except ValueError as error:
            return html_response(self._account(account, {}, str(error)), 422)
        return redirect(f"/accounts/{account['iban']}#payments")

    def _account(self, account: dict[str, Any], form: dict[str, str], failure: str | None) -> str:
        iban = account["iban"]
        paid = _payments_part(iban, self.desk.files(iban), self.desk.payments(iban), account["currency"])
        return _account_page(account, self.bank.waiting(iban), self.bank.statements(iban), form, failure, paid)


def _foreign(request: Request) -> bool:
    return request.headers.get("sec-fetch-site", "none") not in {"none", "same-origin"}


def _form(wanted: object) -> str:
    form = str(wanted or "camt053")
    if form not in FORMATS:
        raise ValueError(f"unknown format: {form}; one of {', '.join(FORMATS)}")
    return form


def _file(data: bytes, form: str, request: Request, number: int) -> Response:
    kind, ending = ("application/xml", "xml") if form == "camt053" else ("text/plain; charset=utf-8", "sta")
    name = f"{form}-{request.params['iban']}-{number}.{ending}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "X-Statement-Number": str(number)}
    return Response(data, 200, kind, headers)


def _page(title: str, *body: Child) -> str:
    banner = el("p", "Sandbox bank: no money moves", class_="banner")
    return document(banner, el("main", *body), title=f"{title} · Sandbox bank", stylesheet="/static/bank.css")


def _field(name: str, label: str, form: dict[str, str], **more: Any) -> Child:
    return el("label", el("span", label), el("input", name=name, value=form.get(name, ""), **more))


def _alert(failure: str | None) -> Child:
    return el("p", failure, class_="alert", role="alert") if failure else None


def _accounts_page(accounts: list[dict[str, Any]], failure: str | None) -> str:
    rows = [
        el("li", el("a", item["iban"], href=f"/accounts/{item['iban']}"), f" {item['owner']} ",
           el("bdi", f"{item['balance']} {item['currency']}"))
        for item in accounts
    ]  # fmt: skip
    form = el(
        "form",
        _field("iban", "IBAN", {}, required=True),
        _field("currency", "Currency", {"currency": "EUR"}, required=True, maxlength="3"),
        _field("owner", "Owner", {}),
        el("button", "Open account"),
        method="post",
        action="/accounts",
        class_="grid",
    )
    listing = el("ul", rows) if rows else el("p", "No account yet.")
    return _page("Accounts", el("h1", "Accounts"), listing, _alert(failure), el("h2", "New account"), form)


def _account_page(
    account: dict[str, Any], waiting: list[Any], statements: list[dict[str, Any]], form: dict[str, str],
    failure: str | None, paid: list[Child],
) -> str:  # fmt: skip
    iban = account["iban"]
    transfer = el(
        "form",
        _field("amount", f"Amount ({account['currency']}; negative leaves the account)", form, required=True,
               inputmode="decimal"),
        _field("name", "Sender's name", form),
        _field("reference", "Reference", form),
        _field("iban", "Sender's IBAN", form),
        el("button", "Send transfer"),
        method="post",
        action=f"/accounts/{iban}/transfers",
        class_="grid",
    )  # fmt: skip
    rows = [
        el(
            "li",
            el("bdi", f"{entry.amount} {account['currency']}"),
            f" {entry.name} ",
            el("bdi", entry.reference),
        )
        for entry in waiting
    ]
    drawn = [
        el(
            "li",
            el("a", f"Statement {item['number']}", href=f"/api/accounts/{iban}/statements/{item['number']}"),
            f" {item['entries']} entries, {item['opening']} to {item['closing']} {account['currency']} ",
            el("a", "MT940", href=f"/api/accounts/{iban}/statements/{item['number']}?format=mt940-german"),
            " ",
            el("a", "MT940 (SWIFT)", href=f"/api/accounts/{iban}/statements/{item['number']}?format=mt940-swift"),
            id=f"statement-{item['number']}",
        )
        for item in statements
    ]
    draw = el("form", el("button", "Draw statement"), method="post", action=f"/accounts/{iban}/statements")
    return _page(
        iban,
        el("p", el("a", "All accounts", href="/")),
        el("h1", iban),
        el("p", f"{account['owner']} ", el("bdi", f"{account['balance']} {account['currency']}")),
        _alert(failure),
        el("h2", "Incoming transfer"),
        transfer,
        el("h2", "Not yet on a statement"),
        el("ul", rows) if rows else el("p", "Nothing."),
        draw,
        el("h2", "Statements"),
        el("ul", drawn) if drawn else el("p", "None drawn yet."),
        *paid,
    )


def _payments_part(
    iban: str, files: list[dict[str, Any]], payments: list[dict[str, Any]], currency: str
) -> list[Child]:
    upload = el(
        "form",
        el("label", el("span", "Payment file (pain.001)"), el("textarea", name="file", rows="6", required=True)),
        el("button", "Hand it in"),
        method="post",
        action=f"/accounts/{iban}/payments",
        class_="grid",
    )
    taken = [
        el("li", el("a", f"Answer to {item['message']} (pain.002)", href=f"/api/accounts/{iban}/payments/{item['message']}"))
        for item in files
    ]  # fmt: skip
    return [
        el("h2", "Payments", id="payments"),
        upload,
        el("ul", taken) if taken else el("p", "No payment file yet."),
        el("ul", [_payment_line(iban, item, currency) for item in payments]) if payments else None,
    ]


def _payment_line(iban: str, item: dict[str, Any], currency: str) -> Child:
    told = (
        f"rejected {item['reason']}" if item["reason"] else f"returned {item['returned']}" if item["returned"] else ""
    )
    again = el(
        "form",
        el("input", type="hidden", name="reference", value=item["end_to_end"]),
        el("button", f"Return {item['end_to_end']}"),
        method="post",
        action=f"/accounts/{iban}/returns",
    )
    return el("li", el("bdi", f"{item['amount']} {currency}"), f" {item['name']} ", el("bdi", item["end_to_end"]),
              f" {told}", None if told else again)  # fmt: skip
