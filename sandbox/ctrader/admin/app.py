"""Routing of the control desk. What concerns the market alone is the shared desk's."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

from sandbox.ctrader.admin import controls, views
from sandbox.ctrader.refusals import code_of
from sandbox.ctrader.registry import Plants
from sandbox.ctrader.vocabulary import Declined
from sandbox.exchange.retcodes import Refused
from sandbox.mt5 import http
from sandbox.mt5.admin import controls as market
from sandbox.mt5.admin import views as market_views
from sandbox.mt5.admin.base import AdminRequest, NotFound

BODY_LIMIT = 64 << 20
Handler = Callable[[AdminRequest], Any | Awaitable[Any]]
_PAGE = Path(__file__).parent / "page.html"
_NAME = r"/servers/(?P<server>[^/]+)"

ROUTES: list[tuple[str, str, Handler]] = [
    ("GET", r"/healthz", market_views.health),
    ("GET", r"/clock", market_views.clock),
    ("POST", r"/clock", market.advance),
    ("GET", r"/servers", views.servers),
    ("POST", r"/servers", controls.create_server),
    ("GET", _NAME, views.server),
    ("PATCH", _NAME, controls.configure),
    ("GET", _NAME + r"/accounts", views.accounts),
    ("GET", _NAME + r"/accounts/(?P<login>\d+)", views.account),
    ("GET", _NAME + r"/prices", market_views.prices),
    ("POST", _NAME + r"/prices", market.fix_prices),
    ("DELETE", _NAME + r"/prices", market.release_prices),
    ("POST", _NAME + r"/freeze", market.freeze),
    ("POST", _NAME + r"/orders", controls.order),
    ("DELETE", _NAME + r"/orders/(?P<ticket>\d+)", controls.cancel_order),
    ("POST", _NAME + r"/copies", controls.begin_copy),
    ("DELETE", _NAME + r"/copies/(?P<login>\d+)", controls.end_copy),
    ("GET", _NAME + r"/robots", market_views.robots),
    ("POST", _NAME + r"/robots", market.assign_robot),
    ("DELETE", _NAME + r"/robots/(?P<login>\d+)", market.dismiss_robot),
    ("GET", _NAME + r"/events", market_views.events),
    ("GET", _NAME + r"/faults", market_views.faults),
    ("POST", _NAME + r"/faults", controls.fault),
    ("DELETE", _NAME + r"/faults", market.disarm),
]
_COMPILED = [(method, re.compile(pattern), handler) for method, pattern, handler in ROUTES]


class Desk:
    """Accepts connections on the admin port."""

    def __init__(self, plants: Plants) -> None:
        self._plants = plants
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
                    result = handler(AdminRequest(self._plants, request, found.groupdict()))
                    return http.Response.of(plain(await result if isinstance(result, Awaitable) else result))
            raise NotFound(path)
        except NotFound as error:
            return http.Response.of({"error": f"not found: {error}"}, 404)
        except Declined as declined:
            return http.Response.of({"error": str(declined), "code": declined.code}, 409)
        except Refused as refusal:
            return http.Response.of({"error": str(refusal), "code": code_of(refusal)}, 409)
        except (ValueError, KeyError, TypeError) as error:
            return http.Response.of({"error": f"{type(error).__name__}: {error}"}, 400)


def plain(value: Any) -> Any:
    """The same with decimals as text and without what is absent."""
    if isinstance(value, dict):
        return {name: plain(one) for name, one in value.items() if one is not None}
    if isinstance(value, list):
        return [plain(one) for one in value]
    return f"{value:f}" if isinstance(value, Decimal) else value
