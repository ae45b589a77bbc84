"""The colour a state is shown in."""

from __future__ import annotations

from typing import Any


def state_tone(state: Any) -> str:
    """How a state looks as a badge."""
    return {
        "credited": "success",
        "paid": "success",
        "matched": "success",
        "assigned": "success",
        "failed": "danger",
        "rejected": "danger",
        "reversed": "danger",
        "refused": "danger",
        "accepted": "success",
        "given": "warning",
        "asked": "info",
        "suspense": "warning",
        "open": "warning",
        "taken_back": "danger",
        "refunded": "success",
        "unmatched": "warning",
        "waiting": "warning",
        "made": "warning",
        "released": "success",
        "requested": "warning",
        "checked": "info",
        "proposed": "info",
        "approved": "info",
        "sending": "info",
        "delayed": "info",
        "authorised": "info",
        "pending": "brand",
    }.get(str(state), "neutral")
