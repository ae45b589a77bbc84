"""The ``Stripe-Signature`` header: ``t=<unix seconds>,v1=<hex HMAC-SHA256 of "<t>.<body>">``.

Scheme: docs.stripe.com/webhooks, "Verify webhook signatures manually". Written from that text, not with the
library's helper, which the tests use to check this.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sandbox.stripe.store import Store

# Receivers tolerate five minutes; an attempt with the old-timestamp fault is ten minutes old.
STALE_SECONDS = 600


def signature_header(secret: str, body: bytes, timestamp: int, *, tamper: bool = False) -> str:
    """The header's value; a tampered one is well formed and wrong."""
    signed = str(timestamp).encode() + b"." + body
    key = secret.encode() + (b"!" if tamper else b"")
    return f"t={timestamp},v1={hmac.new(key, signed, hashlib.sha256).hexdigest()}"


class WebhookSender:
    """How Stripe posts an event to one endpoint."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def headers(self, delivery: Any, *, now: float, tamper: bool, old: bool) -> dict[str, str]:
        endpoint = self.store.find(delivery["account"], "webhook_endpoint", delivery["target"])
        # A deleted endpoint's secret is gone; what is still queued for it goes out unverifiable.
        secret = endpoint["secret"] if endpoint else ""
        timestamp = int(now) - (STALE_SECONDS if old else 0)
        return {
            "Content-Type": "application/json; charset=utf-8",
            "User-Agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
            "Accept": "*/*; q=0.5, application/xml",
            "Cache-Control": "no-cache",
            "Stripe-Signature": signature_header(secret, delivery["body"], timestamp, tamper=tamper),
        }

    def accepts(self, status: int) -> bool:
        """Any 2xx; redirects count as failure (docs.stripe.com/webhooks)."""
        return 200 <= status < 300

    def settled(self, delivery: Any, *, delivered: bool) -> None:
        event = self.store.find(delivery["account"], "event", delivery["subject"])
        if event and delivered and event["pending_webhooks"]:
            event["pending_webhooks"] -= 1
            self.store.update(delivery["account"], event)
