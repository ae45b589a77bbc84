"""Structured logs: one JSON object a line, with tenant, request and actor in each; secrets and personal data masked."""

from __future__ import annotations

import logging
import re
from collections.abc import MutableMapping
from contextvars import ContextVar
from typing import Any

import structlog

from kernel.tenancy import context

request_id: ContextVar[str] = ContextVar("rialto_request_id", default="")

_SECRET = re.compile(r"pass|secret|token|authorization|cookie|api_?key|signature|otp|iban|card", re.IGNORECASE)
_EMAIL = re.compile(r"[\w.+-]+@[\w-]+\.[\w.-]+")
# A path's part of this length opens something (a mailed link, an invitation), unless it is a row's id or a file's name.
_OPENS = re.compile(r"(?<=/)(?![0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}(?:/|$))[^/]{24,}")
_FILES = ("/static/", "/brand/")


def _scope(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    scope = context.scope_or_none()
    event["tenant"] = scope.tenant.slug if scope and scope.tenant else (scope.kind if scope else "-")
    if request_id.get():
        event["request_id"] = request_id.get()
    return event


def mask(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Values under telling names become ***; e-mail addresses anywhere in text become <e-mail>."""
    for key, value in event.items():
        if key not in {"event", "level", "timestamp"} and _SECRET.search(key):
            event[key] = "***"
        elif isinstance(value, str):
            event[key] = _EMAIL.sub("<e-mail>", value)
    return event


def path_shown(target: str) -> str:
    """A request's target as it may be kept: without the tokens of mailed links and without what was asked for.

    Whoever reads a log could otherwise set passwords, register as a lead or listen to a page; and search words are names.
    """
    path, asked, _ = target.partition("?")
    plain = path if path.startswith(_FILES) else _OPENS.sub("***", path)
    return f"{plain}?***" if asked else plain


class _AccessLines(logging.Filter):
    """For the web server's own lines: uvicorn writes whole targets (client, method, target, version, status)."""

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple) and len(record.args) == 5:
            client, method, target, version, status = record.args
            record.args = (client, method, path_shown(str(target)), version, status)
        return True


_access_lines = _AccessLines()


def configure(*, json: bool, level: str = "INFO") -> None:
    shared: list[Any] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _scope,
        structlog.processors.format_exc_info,
        mask,
    ]
    renderer: Any = structlog.processors.JSONRenderer() if json else structlog.dev.ConsoleRenderer(colors=False)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    logging.getLogger("uvicorn.access").addFilter(_access_lines)
    for noisy in ("httpx", "httpcore", "asyncio", "celery.redirected"):
        logging.getLogger(noisy).setLevel("WARNING")


log = structlog.get_logger("rialto")
