"""Quick Checkout's prepare_only, the Automated Payments Interface (pay.pl, refund.pl) and the Merchant Query Interface.

GET and POST are the same to it, as the guides have it. Errors of the payments interface come in XML, those of the query
interface as a line of text, those of Quick Checkout as JSON.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
from collections.abc import Callable
from decimal import Decimal
from urllib.parse import urlencode
from xml.sax.saxutils import escape

from sandbox._accounts import Accounts, Document
from sandbox._web import Request, Response, Router, is_http_url
from sandbox.skrill import money

EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")


class Refused(Exception):
    """Ends a request with a code of Skrill's."""


class Api:
    def __init__(self, store: Accounts, public_url: str | None) -> None:
        self.store, self.public_url = store, public_url

    def add_routes(self, router: Router) -> None:
        for method in ("GET", "POST"):
            router.add(method, "/app/query.pl", self.query)
            router.add(method, "/app/pay.pl", self.pay)
            router.add(method, "/app/refund.pl", self.refund)
        router.add("POST", "/", self.prepare)

    # --- Quick Checkout -----------------------------------------------------------------------------------------------

    async def prepare(self, request: Request) -> Response:
        """The session id as text, with prepare_only; nothing moves yet."""
        values = request.form
        account = values.get("pay_to_email", "")
        try:
            if not self.store.settings(account).get("merchant_id"):
                raise Refused("pay_to_email is not a merchant")
            faults = self.store.deliveries.faults(account)
            await asyncio.sleep(faults.api_delay_ms / 1000)
            if self.store.deliveries.strike(account, "api_error_before_commit"):
                return Response(b"Internal error", 500)
            _check_checkout(values)
            if self.store.find(
                account, "transactions", transaction_id=values["transaction_id"], status=money.PROCESSED
            ):
                raise Refused("transaction_id was used before")
            opened = self.store.put(account, "sessions", {"id": money.session(), **values})
        except Refused as refused:
            body = json.dumps({"code": "BAD_REQUEST", "message": str(refused)}).encode()
            return Response(body, 400, "application/json")
        if self.store.deliveries.strike(account, "api_error_after_commit"):
            return Response(b"Internal error", 500)
        if self.store.deliveries.strike(account, "api_reset_after_commit"):
            request.reset_connection()
        return Response(opened["id"].encode())

    # --- both interfaces ----------------------------------------------------------------------------------------------

    def _login(self, values: dict[str, str]) -> str:
        """The account. `password` is the lower-case MD5 of its API password."""
        account = values.get("email", "")
        password = self.store.settings(account).get("api_password")
        if not password or self.store.deliveries.faults(account).api_unauthorized:
            raise Refused("CANNOT_LOGIN")
        if values.get("password") != hashlib.md5(password.encode(), usedforsecurity=False).hexdigest():
            raise Refused("CANNOT_LOGIN")
        return account

    async def query(self, request: Request) -> Response:
        """status_trn: one line of code and words, then the transaction's fields."""
        values = {**request.query, **request.form}
        try:
            account = self._login(values)
        except Refused:
            return Response(b"401\t\tCannot login\n")
        if self.store.deliveries.strike(account, "api_error_before_commit"):
            return Response(b"Internal error", 500)
        if values.get("action") != "status_trn":
            return Response(b"402\t\tUnknown action\n")
        wanted = values.get("trn_id") or values.get("mb_trn_id")
        if not wanted:
            return Response(b"404\t\tMissing parameter: trn_id\n")
        by = "transaction_id" if values.get("trn_id") else "id"
        for kind in ("transactions", "payouts"):
            if found := self.store.find(account, kind, **{by: wanted}):
                return Response(b"200\t\tOK\n\n" + urlencode(money.details(found)).encode() + b"\n")
        return Response(b"403\t\tTransaction not found\n")

    async def pay(self, request: Request) -> Response:
        return await self._two_steps(request, "pay", "transfer", self._prepare_pay, self._execute_pay)

    async def refund(self, request: Request) -> Response:
        return await self._two_steps(request, "refund", "refund", self._prepare_refund, self._execute_refund)

    async def _two_steps(
        self, request: Request, kind: str, last: str, prepare: Callable[[str, dict[str, str]], Document],
        execute: Callable[[str, Document], str],
    ) -> Response:  # fmt: skip
        """prepare gives a session id; the last step carries it out, once."""
        values = {**request.query, **request.form}
        try:
            if values.get("action") == "prepare":
                account = self._login(values)
                await asyncio.sleep(self.store.deliveries.faults(account).api_delay_ms / 1000)
                if self.store.deliveries.strike(account, "api_error_before_commit"):
                    return Response(b"Internal error", 500)
                with self.store.db.transaction():
                    step = self.store.put(
                        account, "steps", {"id": money.session(), "kind": kind, **prepare(account, values)}
                    )
                return _xml(f"<sid>{step['id']}</sid>")
            if values.get("action") != last:
                raise Refused("INVALID_OR_MISSING_ACTION")
            owner = self.store.owner("steps", values.get("sid", ""))
            found = self.store.get(owner, "steps", values["sid"]) if owner else None
            if owner is None or found is None or found["kind"] != kind or found.get("done"):
                raise Refused("SESSION_EXPIRED")
            with self.store.db.transaction():
                answer = execute(owner, found)
                self.store.put(owner, "steps", {**found, "done": True})
            if words := self.store.settings(owner).get("last_step_error"):
                raise Refused(words.strip())
        except Refused as refused:
            return _xml(f"<error><error_msg>{escape(str(refused))}</error_msg></error>")
        if self.store.deliveries.strike(owner, "api_error_after_commit"):
            return Response(b"Internal error", 500)
        if self.store.deliveries.strike(owner, "api_reset_after_commit"):
            request.reset_connection()
        return _xml(answer)

    # --- send money ---------------------------------------------------------------------------------------------------

    def _prepare_pay(self, account: str, values: dict[str, str]) -> Document:
        for name in ("amount", "currency", "bnf_email", "subject", "note"):
            if not values.get(name):
                raise Refused(f"MISSING_{name.upper()}")
        if money.amount(values["amount"], values["currency"]) is None:
            raise Refused("INVALID_AMOUNT")
        if not EMAIL.fullmatch(values["bnf_email"]):
            raise Refused("INVALID_BNF_EMAIL")
        reference = values.get("frn_trn_id", "")
        self._unique(account, reference)
        if code := self.store.settings(account).get("refuse_payouts"):
            raise Refused(code)
        return {name: values[name] for name in ("amount", "currency", "bnf_email")} | {"frn_trn_id": reference}

    def _unique(self, account: str, reference: str) -> None:
        if reference and self.store.find(account, "payouts", transaction_id=reference):
            raise Refused("ALREADY_EXECUTED")

    def _execute_pay(self, account: str, step: Document) -> str:
        self._unique(account, step["frn_trn_id"])
        made = money.send(self.store, account, step)
        words = money.WORDS[made["status"]]
        inner = "".join(
            f"<{name}>{value}</{name}>"
            for name, value in (("amount", made["amount"]), ("currency", made["currency"]), ("id", made["id"]),
                                ("status", made["status"]), ("status_msg", words))
        )  # fmt: skip
        return f"<transaction>{inner}</transaction>"

    # --- refunds ------------------------------------------------------------------------------------------------------

    def _prepare_refund(self, account: str, values: dict[str, str]) -> Document:
        made = None
        if values.get("mb_transaction_id"):
            made = self.store.get(account, "transactions", values["mb_transaction_id"])
        elif values.get("transaction_id"):
            made = self.store.find(
                account, "transactions", transaction_id=values["transaction_id"], status=money.PROCESSED
            )  # fmt: skip
        if made is None or made["status"] != money.PROCESSED:
            raise Refused("TRANSACTION_NOT_FOUND")
        left = money.refund_left(self.store, account, made)
        wanted = money.amount(values["amount"], made["mb_currency"]) if values.get("amount") else left
        if wanted is None or wanted <= 0:
            raise Refused("INVALID_AMOUNT")
        if wanted > left:
            raise Refused("REFUND_AMOUNT_EXCEEDED")
        address = values.get("refund_status_url", "")
        if address and not is_http_url(address):
            raise Refused("INVALID_REFUND_STATUS_URL")
        names = [name for name in values.get("merchant_fields", "").split(",") if name]
        if len(names) > 5:
            raise Refused("INVALID_MERCHANT_FIELDS")
        fields = {name: values[name] for name in names if name in values}
        return {"of": made["id"], "amount": money.written(wanted), "refund_status_url": address, "fields": fields}

    def _execute_refund(self, account: str, step: Document) -> str:
        made = self.store.get(account, "transactions", step["of"])
        if made is None or Decimal(step["amount"]) > money.refund_left(self.store, account, made):
            raise Refused("REFUND_AMOUNT_EXCEEDED")
        given = money.refund(self.store, account, made, step)
        return "".join(
            f"<{name}>{value}</{name}>"
            for name, value in (("mb_amount", given["mb_amount"]), ("mb_currency", given["mb_currency"]),
                                ("transaction_id", given["transaction_id"]), ("mb_transaction_id", given["id"]),
                                ("status", given["status"]))
        )  # fmt: skip


def _xml(inner: str) -> Response:
    body = f'<?xml version="1.0" encoding="UTF-8"?>\n<response>{inner}</response>\n'
    return Response(body.encode(), 200, "text/xml; charset=utf-8")


def _check_checkout(values: dict[str, str]) -> None:
    if values.get("prepare_only") != "1":
        raise Refused("prepare_only is required here")
    if money.amount(values.get("amount"), values.get("currency", "")) is None:
        raise Refused("Invalid amount or currency")
    if not 0 < len(values.get("transaction_id", "")) <= 100:
        raise Refused("Invalid transaction_id")
    for name in ("return_url", "cancel_url", "status_url"):
        if name in values and (not is_http_url(values[name]) or len(values[name]) > 400):
            raise Refused(f"Invalid {name}")
    if not re.fullmatch(r"[A-Z]{2}", values.get("language", "EN")):
        raise Refused("Invalid language")
    if values.get("payment_methods", "WLT") not in {"WLT", "NTL", "ACC", "WLT,NTL"}:
        raise Refused("Invalid payment_methods")
    if len(values.get("detail1_text", "")) > 240 or len(values.get("recipient_description", "")) > 30:
        raise Refused("Invalid description")
