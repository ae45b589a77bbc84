"""The control desk: what concerns the market alone is the MT5 sandbox's."""

from __future__ import annotations

import re
from typing import Any

from sandbox.exchange.retcodes import Refused
from sandbox.mt5 import http
from sandbox.mt5.admin import controls, views
from sandbox.mt5.admin.app import BODY_LIMIT
from sandbox.mt5.admin.base import AdminRequest, NotFound
from sandbox.mt5_manager.journal import Journals
from sandbox.mt5_manager.registry import DOMAIN, Bridges
from sandbox.mt5_manager.server import BridgedServer

Data = dict[str, Any]
_NAME = r"/servers/(?P<server>[^/]+)"


class Desk:
    """Accepts connections on the admin port."""

    def __init__(self, bridges: Bridges, journals: Journals) -> None:
        self._bridges = bridges
        self._journals = journals
        routes = [
            ("GET", r"/healthz", views.health),
            ("GET", r"/clock", views.clock),
            ("POST", r"/clock", controls.advance),
            ("GET", r"/servers", views.servers),
            ("POST", r"/servers", self._create),
            ("GET", _NAME, views.server),
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
            ("GET", _NAME + r"/faults", views.faults),
            ("POST", _NAME + r"/faults", self._fault),
            ("DELETE", _NAME + r"/faults", controls.disarm),
        ]
        self._routes = [(method, re.compile(pattern), handler) for method, pattern, handler in routes]

    async def accept(self, reader: Any, writer: Any) -> None:
        """Serve one connection."""
        await http.Connection(reader, writer, deadline=300.0, body_limit=BODY_LIMIT).run(self._handle)

    async def _handle(self, request: http.Request) -> http.Response:
        try:
            return http.Response.of(await self._answer(request))
        except NotFound as error:
            return http.Response.of({"error": f"not found: {error}"}, 404)
        except Refused as refusal:
            return http.Response.of({"error": str(refusal), "retcode": refusal.code.value}, 409)
        except (ValueError, KeyError, TypeError) as error:
            return http.Response.of({"error": f"{type(error).__name__}: {error}"}, 400)

    async def _answer(self, request: http.Request) -> Any:
        path = request.path.rstrip("/")
        for method, pattern, handler in self._routes:
            found = pattern.fullmatch(path)
            if found and method == request.method:
                result: Any = handler(AdminRequest(self._bridges, request, found.groupdict()))
                return await result if hasattr(result, "__await__") else result
        raise NotFound(path)

    async def _create(self, request: AdminRequest) -> Data:
        made: Data = await controls.create_server(request)
        return {**made, "host": f"{made['name']}.{DOMAIN}"}

    def _fault(self, request: AdminRequest) -> Data:
        """`hang_up` and `forget` act at once; the rest is the market's, or waits for a matching request."""
        server, kind = request.server, request.data.get("kind")
        assert isinstance(server, BridgedServer)
        if kind == "hang_up":
            gone = list(server.hang_up)
            for abort in gone:
                abort()
            return {"hung_up": len(gone)}
        if kind == "forget":
            self._journals.forget(server)
            return {"forgotten": True}
        return controls.fault(request)
