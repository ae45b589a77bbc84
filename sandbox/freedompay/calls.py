"""Calls to the merchant: Check URL before a payment, Result URL and post link after it, and what the merchant answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode
from xml.etree.ElementTree import ParseError

import httpx
from defusedxml import ElementTree
from defusedxml.common import DefusedXmlException

from sandbox._delivery import Deliveries
from sandbox._web import outbound_client
from sandbox.freedompay import signing
from sandbox.freedompay.signing import Fields

if TYPE_CHECKING:
    from sandbox.freedompay.store import Payment, Store

FORM = {"Content-Type": "application/x-www-form-urlencoded", "User-Agent": "FreedomPay"}
CHECK_SECONDS = 15.0


def form(script: str, fields: Fields, secret: str) -> bytes:
    return urlencode(signing.signed(script, fields, secret)).encode()  # type: ignore[arg-type]


def read_answer(body: bytes, script: str, secret: str) -> dict[str, str]:
    """The merchant's signed XML. ``pg_status`` is ``invalid`` where it is not XML, not signed or of no known status."""
    try:
        root = ElementTree.fromstring(body, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError):
        return {"pg_status": "invalid", "pg_description": "not XML"}
    fields: Fields = [(child.tag, child.text or "") for child in root]
    values = {name: str(value) for name, value in fields}
    if root.tag != "response" or values.get("pg_sig", "") != signing.signature(script, fields, secret):
        return {"pg_status": "invalid", "pg_description": "pg_sig is wrong"}
    if not values.get("pg_salt") or values.get("pg_status") not in {"ok", "rejected", "error"}:
        return {"pg_status": "invalid", "pg_description": "pg_salt or pg_status is missing"}
    return values


async def check(store: Store, payment: Payment) -> str:
    """Ask the merchant's Check URL whether the order may be paid: empty if so, else the reason to show.

    Whoever does not answer in time does not object (unverified: the documentation only names the three answers).
    """
    url = payment.get("check_url", "")
    if not url:
        return ""
    secret = store.merchant(payment["merchant"])["secret_key"]
    fields: Fields = [
        ("pg_order_id", payment["order_id"]), ("pg_payment_id", payment["id"]), ("pg_amount", payment["amount"]),
        ("pg_currency", payment["currency"]), ("pg_ps_amount", payment["amount"]),
        ("pg_ps_currency", payment["currency"]),
    ]  # fmt: skip
    script = signing.script_name(url)
    try:
        async with outbound_client(CHECK_SECONDS) as client:
            answer = await client.post(url, content=form(script, fields, secret), headers=FORM)
    except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError):
        return ""
    told = read_answer(answer.content, script, secret)
    return "" if told["pg_status"] == "ok" else told.get("pg_description") or told["pg_status"]


class Sender:
    """How a result goes out. Every attempt has a salt of its own, as the real service's repeats have."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def headers(self, delivery: Any, *, now: float, tamper: bool, old: bool) -> dict[str, str]:
        return FORM

    def secret(self, delivery: Any) -> str:
        merchant = self.store.merchant(delivery["account"])
        return str(merchant.get("payout_key" if delivery["kind"] == "payout" else "secret_key", ""))

    def accepts(self, status: int) -> bool:
        return status == 200

    def settled(self, delivery: Any, *, delivered: bool) -> None:
        return


class Callbacks(Deliveries):
    """Signs each attempt afresh and reads the answer: a first refusal takes a payment back that can be rejected."""

    def __init__(self, db: Any, sender: Sender, store: Store, *, retry_base: float, max_attempts: int) -> None:
        super().__init__(db, sender, retry_base=retry_base, max_attempts=max_attempts)
        self.results = sender
        self.store = store

    async def _attempt(self, client: httpx.AsyncClient, delivery: Any) -> None:
        account = delivery["account"]
        try:
            if self.strike(account, "drop_first"):
                self._finish(delivery, None, "dropped on purpose")
                return
            secret = self.results.secret(delivery)
            script = signing.script_name(delivery["url"])
            signed_with = secret + "!" * self.strike(account, "tamper_signature")
            body = form(script, list(parse_qsl(delivery["body"].decode(), keep_blank_values=True)), signed_with)
            try:
                answer = await client.post(delivery["url"], content=body, headers=FORM)
            except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
                self._finish(delivery, None, f"{type(error).__name__}: {error}")
                return
            with self.db.transaction():
                self._heard(delivery, read_answer(answer.content, script, secret))
                self._finish(delivery, answer.status_code, None)
        finally:
            self._busy.discard((account, delivery["target"]))
            self._wake.set()

    def _heard(self, delivery: Any, told: dict[str, str]) -> None:
        self.store.set_answer(delivery["id"], f"{told['pg_status']} {told.get('pg_description', '')}".strip())
        payment = self.store.find(delivery["account"], delivery["subject"])
        first = delivery["attempts"] == 0 and delivery["kind"] == "result"
        if payment and first and told["pg_status"] == "rejected" and payment["status"] == "success":
            payment |= {"status": "revoked", "captured": 0}
            self.store.update(payment)
