"""Toasts on htmx responses: the browser shows them, no page change needed."""

import json
from typing import Literal, TypeVar

from django.http import HttpResponseBase
from django.utils.functional import Promise

Tone = Literal["info", "success", "warning", "danger"]
Response = TypeVar("Response", bound=HttpResponseBase)
HEADER = "HX-Trigger"


def trigger(response: Response, name: str, detail: object = None) -> Response:
    """Add an event the browser dispatches after the response, next to any that are already there.

    The header is ASCII JSON, so every language fits into it.
    """
    current = response.headers.get(HEADER, "")
    events = (
        json.loads(current) if current.startswith("{") else {key.strip(): None for key in current.split(",") if key}
    )
    events[name] = detail
    response.headers[HEADER] = json.dumps(events)
    return response


def toast(response: Response, message: str | Promise, tone: Tone = "success", *, title: str | Promise = "") -> Response:
    """Show `message` as a toast once the response has arrived."""
    return trigger(response, "toast", {"message": str(message), "tone": tone, "title": str(title)})
