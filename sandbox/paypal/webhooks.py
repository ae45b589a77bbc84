"""Webhook events: written, signed, delivered, and checked for the merchant who asks.

PayPal signs `transmission id|time|webhook id|crc32 of the body` with a certificate of its own. Nobody but PayPal's own
verify call judges the signature here, so a keyed hash of that text stands in for it; the text is PayPal's.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import zlib
from datetime import UTC, datetime, timedelta
from typing import Any

from sandbox._accounts import Accounts, Document

ALGORITHM = "SHA256withRSA"


def stamp(moment: datetime | None = None) -> str:
    return (moment or datetime.now(UTC)).strftime("%Y-%m-%dT%H:%M:%SZ")


def sign(secret: str, transmission: str, time: str, webhook: str, body: bytes) -> str:
    text = f"{transmission}|{time}|{webhook}|{zlib.crc32(body)}"
    return base64.b64encode(hmac.new(secret.encode(), text.encode(), hashlib.sha256).digest()).decode()


def publish(store: Accounts, account: str, name: str, kind: str, summary: str, resource: Document) -> None:
    """Queue an event for every webhook that listens to it, in the transaction of the change it tells of."""
    event: Document = {
        "id": f"WH-{secrets.token_hex(9).upper()}-{secrets.token_hex(9).upper()}",
        "event_version": "1.0",
        "create_time": stamp(),
        "resource_type": kind,
        "event_type": name,
        "summary": summary,
        "resource": resource,
    }
    store.put(account, "events", {**event})
    body = json.dumps(event, ensure_ascii=False).encode()
    for hook in store.all(account, "webhooks"):
        names = {one["name"] for one in hook["event_types"]}
        if names & {name, "*"}:
            store.deliveries.enqueue(account, hook["id"], event["id"], name, hook["url"], body)


class Sender:
    """The headers of one transmission. Each attempt is a transmission of its own."""

    def __init__(self, store: Accounts) -> None:
        self.store = store

    def headers(self, delivery: Any, *, now: float, tamper: bool, old: bool) -> dict[str, str]:
        account, webhook = delivery["account"], delivery["target"]
        secret = str(self.store.settings(account).get("_signing", ""))
        transmission = secrets.token_hex(16)
        time = stamp(datetime.now(UTC) - timedelta(minutes=10 if old else 0))
        signature = sign(secret + ("!" if tamper else ""), transmission, time, webhook, delivery["body"])
        return {
            "Content-Type": "application/json",
            "User-Agent": "PayPal/AUHD-214.0-58843124",
            "Paypal-Transmission-Id": transmission,
            "Paypal-Transmission-Time": time,
            "Paypal-Transmission-Sig": signature,
            "Paypal-Auth-Algo": ALGORITHM,
            "Paypal-Cert-Url": "https://api.paypal.com/v1/notifications/certs/CERT-360caa42-fca2a594-5a29e601",
        }

    def accepts(self, status: int) -> bool:
        return 200 <= status < 300

    def settled(self, delivery: Any, *, delivered: bool) -> None:
        return


def verify(store: Accounts, account: str, values: Document, raw: bytes) -> str:
    """SUCCESS or FAILURE. `raw` is the request: the event is judged byte for byte as it stands there."""
    names = ("transmission_id", "transmission_time", "webhook_id", "transmission_sig")
    transmission, time, webhook, given = (str(values.get(name, "")) for name in names)
    _, _, tail = raw.partition(b'"webhook_event":')
    event = tail.rpartition(b"}")[0].removeprefix(b" ")
    secret = str(store.settings(account).get("_signing", ""))
    good = store.get(account, "webhooks", webhook) is not None and hmac.compare_digest(
        sign(secret, transmission, time, webhook, event), given
    )
    return "SUCCESS" if good else "FAILURE"
