"""Routing of the admin port."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from sandbox.exchange.retcodes import Refused
from sandbox.mt5 import http
from sandbox.mt5.admin import controls, views
from sandbox.mt5.admin.base import AdminRequest, NotFound
from sandbox.mt5.registry import Registry

BODY_LIMIT = 64 << 20
Handler = Callable[[AdminRequest], Any | Awaitable[Any]]
_PAGE = Path(__file__).parent / "page.html"
_NAME = r"/servers/(?P<server>[^/]+)"

ROUTES: list[tuple[str, str, Handler]] = [
    ("GET", r"/healthz", views.health),
    ("GET", r"/clock", views.clock),
    ("POST", r"/clock", controls.advance),
    ("GET", r"/servers", views.servers),
    ("POST", r"/servers", controls.create_server),
    ("GET", _NAME, views.server),
    ("PATCH", _NAME, controls.configure),
    ("GET", _NAME + r"/accounts", views.accounts),
    ("GET", _NAME + r"/accounts/(?P<login>\d+)", views.account),
    ("GET", _NAME + r"/prices", views.prices),
    ("POST", _NAME + r"/prices", controls.fix_prices),
    ("DELETE", _NAME + r"/prices", controls.release_prices),
    ("POST", _NAME + r"/freeze", controls.freeze),
    ("POST", _NAME + r"/orders", controls.order),
    ("DELETE", _NAME + r"/orders/(?P<ticket>\d+)", controls.cancel_order),
    ("GET", _NAME + r"/robots", views.robots),
    ("POST", _NAME + r"/robots", controls.assign_robot),
    ("DELETE", _NAME + r"/robots/(?P<login>\d+)", controls.dismiss_robot),
    ("POST", _NAME + r"/history", controls.history),
    ("GET", _NAME + r"/events", views.events),
    ("GET", _NAME + r"/faults", views.faults),
    ("POST", _NAME + r"/faults", controls.fault),
    ("DELETE", _NAME + r"/faults", controls.disarm),
]
_COMPILED = [(method, re.compile(pattern), handler) for method, pattern, handler in ROUTES]


class Admin:
    """Accepts connections on the admin port."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._page = _PAGE.read_bytes()

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        await http.Connection(reader, writer, deadline=300.0, body_limit=BODY_LIMIT).run(self._handle)

    async def _handle(self, request: http.Request) -> http.Response:
        if request.path == "/" and request.method == "GET":
            return http.Response(200, self._page, "text/html; charset=utf-8")
        path = request.path.rstrip("/")
        try:
            for method, pattern, handler in _COMPILED:
                found = pattern.fullmatch(path)
                if found and method == request.method:
                    result = handler(AdminRequest(self._registry, request, found.groupdict()))
                    return http.Response.of(await result if isinstance(result, Awaitable) else result)
            raise NotFound(path)
        except NotFound as error:
            return http.Response.of({"error": f"not found: {error}"}, 404)
        except Refused as refusal:
            return http.Response.of({"error": str(refusal), "retcode": refusal.code.value}, 409)
        except (ValueError, KeyError, TypeError) as error:
            return http.Response.of({"error": f"{type(error).__name__}: {error}"}, 400)
