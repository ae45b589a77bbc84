"""Status reports: form fields posted to the merchant, signed with the secret word.

md5sig is the upper-case MD5 of merchant_id, transaction_id, the upper-case MD5 of the secret word, mb_amount, mb_currency and
status, joined by nothing; sha2sig the same by SHA-256 (Quick Checkout guide, "Status URL").
"""

from __future__ import annotations

import hashlib
from typing import Any
from urllib.parse import urlencode

from sandbox._accounts import Accounts, Document


def _text(secret: str, fields: Document) -> bytes:
    word = hashlib.md5(secret.encode(), usedforsecurity=False).hexdigest().upper()
    parts = (fields["merchant_id"], fields["transaction_id"], word, fields["mb_amount"], fields["mb_currency"])
    return "".join([*map(str, parts), str(fields["status"])]).encode()


def sign(secret: str, fields: Document) -> dict[str, str]:
    text = _text(secret, fields)
    return {
        "md5sig": hashlib.md5(text, usedforsecurity=False).hexdigest().upper(),
        "sha2sig": hashlib.sha256(text).hexdigest().upper(),
    }


def report(store: Accounts, account: str, url: str, subject: str, fields: Document) -> None:
    """Queue one report, in the transaction of the change it tells of. A tampered one is signed with another word."""
    if not url:
        return
    settings = store.settings(account)
    known = {**fields, "pay_to_email": account, "merchant_id": settings.get("merchant_id", "")}
    tamper = "!" if store.deliveries.strike(account, "tamper_signature") else ""
    signed = {**known, **sign(str(settings.get("secret_word", "")) + tamper, known)}
    store.deliveries.enqueue(account, url, subject, f"status {fields['status']}", url, urlencode(signed).encode())


class Sender:
    """The signature stands in the body, which goes out as it was queued."""

    def headers(self, delivery: Any, *, now: float, tamper: bool, old: bool) -> dict[str, str]:
        return {"Content-Type": "application/x-www-form-urlencoded", "User-Agent": "Skrill"}

    def accepts(self, status: int) -> bool:
        return status == 200

    def settled(self, delivery: Any, *, delivered: bool) -> None:
        return
