"""Errors to Sentry: what broke and where, never about whom.

An event leaves with its exception types, stack frames without variables, masked messages, method and path of the request,
tenant and request id. Everything else that the SDK would add (headers, cookies, forms, query strings, addresses,
breadcrumbs, the command line) stays here: it is easier to say what may leave than to find all that must not.
"""

from __future__ import annotations

import re
from typing import Any, cast
from urllib.parse import urlsplit

import sentry_sdk
from sentry_sdk.types import Event, Hint

from kernel.logs import request_id
from kernel.tenancy import context

KEPT = (
    "event_id", "timestamp", "level", "platform", "logger", "release", "environment", "sdk", "exception", "transaction",
    "transaction_info", "fingerprint",
)  # fmt: skip
KEPT_CONTEXTS = ("runtime", "trace")
LONGEST = 500
_ROW = re.compile(r"\b(DETAIL|CONTEXT|HINT|QUERY):.*", re.DOTALL)  # PostgreSQL quotes the row that broke a rule
_NAMED = (
    (re.compile(r"[^\s@<>\"'(),;:=/]+@[^\s@<>\"'(),;:=/]+"), "<e-mail>"),
    (
        re.compile(
            r"(?i)([a-z_]*(?:pass|secret|token|cookie|key|otp|iban|card)\w*[\"']?\s*[=:]\s*)(?:'[^']*'|\"[^\"]*\"|\S+)"
        ),
        r"\1***",
    ),
    (re.compile(r"(?i)\b(bearer|basic)\s+\S+"), r"\1 ***"),
)
# Ids of rows stay: they mean something only to whoever may read the row.
_ID = re.compile(r"(?i)\b([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\b")
_SHAPED = (
    (re.compile(r"\b[A-Z]{2}\d{2}(?: ?[0-9A-Z]){11,30}\b"), "<iban>"),
    (re.compile(r"(?i)(?=[^\s/]*\d)[0-9a-z_:.+=-]{24,}"), "<token>"),
    (re.compile(r"\+?\b\d[\d ()-]{4,}\d\b"), "<number>"),  # telephone, card, account, one-time code
)


def start(dsn: str) -> None:
    """Report errors to this address from now on."""
    sentry_sdk.init(
        dsn=dsn,
        send_default_pii=False,
        include_local_variables=False,
        max_request_body_size="never",
        max_breadcrumbs=0,
        auto_session_tracking=False,
        trace_propagation_targets=[],  # payment providers have no business with our traces
        before_send=before_send,
    )


def before_send(event: Event, _: Hint) -> Event:
    """The event as it may leave."""
    found = cast(dict[str, Any], event)
    kept = {name: found[name] for name in KEPT if name in found}
    for error in (kept.get("exception") or {}).get("values") or ():
        error["value"] = masked(str(error.get("value") or ""))
        error.get("mechanism", {}).pop("data", None)
        for frame in (error.get("stacktrace") or {}).get("frames") or ():
            frame.pop("vars", None)
    if message := found.get("logentry") or found.get("message"):
        kept["logentry"] = {"message": masked(str(message.get("message") if isinstance(message, dict) else message))}
    if (request := found.get("request")) and request.get("url"):
        kept["request"] = {"method": request.get("method"), "url": _address(str(request.get("url") or ""))}
    if (found.get("transaction_info") or {}).get("source") == "url":  # else it is a route or a task, by name
        kept.pop("transaction", None)
    kept["contexts"] = {name: found["contexts"][name] for name in KEPT_CONTEXTS if name in found.get("contexts", {})}
    scope = context.scope_or_none()
    kept["tags"] = {
        "tenant": scope.tenant.slug if scope and scope.tenant else (scope.kind if scope else "-"),
        "request_id": request_id.get() or "-",
    }
    return cast(Event, kept)


def masked(text: str) -> str:
    """Without addresses, numbers, secrets and what a database quotes of its rows."""
    text = _ROW.sub("", text[: 4 * LONGEST])
    for pattern, instead in _NAMED:
        text = pattern.sub(instead, text)
    parts = _ID.split(text)  # every second one is an id
    for pattern, instead in _SHAPED:
        parts[::2] = [pattern.sub(instead, part) for part in parts[::2]]
    return "".join(parts)[:LONGEST].strip()


def _address(url: str) -> str:
    """Scheme, host and path; a path's signed token is masked, a query is dropped."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{'/'.join(map(masked, parts.path.split('/')))}"
