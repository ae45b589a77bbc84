"""WebServices' port: routing, the token, faults, and answers in the form that was asked for."""

from __future__ import annotations

import asyncio
import json
import re
import uuid
from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree

from sandbox.ctrader.plant import Plant
from sandbox.ctrader.refusals import code_of
from sandbox.ctrader.registry import Plants
from sandbox.ctrader.vocabulary import Code, Declined, Permission
from sandbox.ctrader.webservices import cid, reports, traders
from sandbox.ctrader.webservices.base import Call, need, whole
from sandbox.exchange import store
from sandbox.exchange.records import Manager
from sandbox.exchange.retcodes import Refused
from sandbox.mt5 import http

BODY_LIMIT = 4 << 20
_TOKEN_PATH = "/v2/webserv/managers/token"
_ONE = r"/v2/webserv/traders/(?P<login>\d+)"
Handler = Callable[[Call], Any]
ROUTES: list[tuple[str, str, Handler]] = [
    ("POST", r"/v2/webserv/traders", traders.create),
    ("GET", r"/v2/webserv/traders", traders.listing),
    ("GET", _ONE, traders.get),
    ("PATCH", _ONE, traders.patch),
    ("PUT", _ONE, traders.put),
    ("DELETE", _ONE, traders.delete),
    ("GET", _ONE + "/subaccounts", traders.subaccounts),
    ("POST", _ONE + "/changebalance", traders.change_balance),
    ("POST", _ONE + "/changebonus", traders.change_bonus),
    ("POST", _ONE + "/changepassword", traders.change_password),
    ("GET", r"/v2/webserv/tradergroups", reports.groups),
    ("GET", r"/v2/webserv/symbols", reports.symbols),
    ("GET", r"/v2/webserv/depositAssets", reports.deposit_assets),
    ("GET", r"/v2/webserv/openPositions", reports.open_positions),
    ("GET", r"/v2/webserv/closedPositions", reports.closed_positions),
    ("POST", r"/cid/ctid/create", cid.create),
    ("POST", r"/cid/ctid/link", cid.link),
]
_COMPILED = [(method, re.compile(pattern), handler) for method, pattern, handler in ROUTES]
_PERMISSIONS: dict[Handler, Permission] = {**traders.PERMISSIONS, **reports.PERMISSIONS}


class WebServices:
    """Accepts connections on the HTTPS port."""

    def __init__(self, plants: Plants) -> None:
        self._plants = plants

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        await http.Connection(reader, writer, deadline=300.0, body_limit=BODY_LIMIT).run(self._handle)

    async def _handle(self, request: http.Request) -> http.Response:
        """Answer one request, after any armed fault had its say."""
        plant = self._plants.by_host(request.headers.get("host", ""))
        if plant is None:
            return http.Response(404, b"", close=True)
        if plant.faults.take("half_open", request.path):
            raise http.Silence
        if plant.faults.take("drop_before_commit", request.path):
            raise http.Abort
        status = plant.faults.take("http_status", request.path)
        if status is not None:
            return http.Response(int(status.value), b"", "text/html")
        response = self._dispatch(plant, request)
        slow = plant.faults.take("slow", request.path)
        if slow is not None:
            await asyncio.sleep(slow.value)
        if plant.faults.take("drop_after_commit", request.path):
            raise http.Abort
        return response

    def _dispatch(self, plant: Plant, request: http.Request) -> http.Response:
        try:
            return _answer(request, _called(plant, request))
        except Declined as declined:
            return _declined(plant, request, declined)
        except Refused as refusal:
            return _declined(plant, request, Declined(code_of(refusal), refusal.detail))
        except OverflowError:
            return _declined(plant, request, Declined(Code.INVALID_REQUEST, "a number out of range"))


class _Nowhere(Declined):
    """No such path (HTTP 404)."""


def _called(plant: Plant, request: http.Request) -> Any:
    path = request.path.rstrip("/")
    if (request.method, path) == ("POST", _TOKEN_PATH):
        return _token(plant, request)
    for method, pattern, handler in _COMPILED:
        found = pattern.fullmatch(path)
        if not found or method != request.method:
            continue
        manager = _manager(plant, request)
        if plant.faults.take("rights_missing", request.path):
            raise Declined(Code.NOT_ENOUGH_RIGHTS)
        needed = _PERMISSIONS.get(handler)
        if needed is not None and needed not in manager.rights:
            raise Declined(Code.NOT_ENOUGH_RIGHTS, needed.name)
        return handler(Call(plant, manager, request, found.groupdict()))
    raise _Nowhere(Code.INVALID_REQUEST, request.path)


def _token(plant: Plant, request: http.Request) -> dict[str, str]:
    data = Call(plant, Manager(0, "", [], []), request, {}).body
    need(data, "login", "hashedPassword")
    manager = plant.book.managers.get(whole(data["login"], "login"))
    spoiled = plant.faults.take("wrong_hash", request.path)
    if manager is None or manager.secret != data["hashedPassword"] or spoiled:
        raise Declined(Code.NOT_ENOUGH_RIGHTS, "login or password")
    token = str(uuid.uuid4())
    with plant.transaction():
        known = store.meta_get(plant.db, "tokens") or {}
        store.meta_put(plant.db, "tokens", {**known, token: [manager.login, manager.secret]})
    return {"webservToken": token}


def _manager(plant: Plant, request: http.Request) -> Manager:
    """Who a token belongs to; a token lives until the manager's password changes."""
    login, secret = (store.meta_get(plant.db, "tokens") or {}).get(request.query.get("token", ""), (0, ""))
    manager = plant.book.managers.get(login)
    if manager is None or manager.secret != secret:
        raise Declined(Code.NOT_ENOUGH_RIGHTS, "token")
    return manager


# -- answers -------------------------------------------------------------------------------------------------


def _answer(request: http.Request, result: Any) -> http.Response:
    if result is None:
        return http.Response(204, b"")
    if isinstance(result, str):
        return http.Response(200, result.encode(), "text/csv; charset=utf-8")
    return _written(request, result, 200)


def _declined(plant: Plant, request: http.Request, declined: Declined) -> http.Response:
    status = 404 if isinstance(declined, _Nowhere) else plant.settings.failure_status
    error = {"errorCode": declined.code.value, "description": declined.detail}
    return _written(request, {"error": error}, status)


def _written(request: http.Request, data: dict[str, Any], status: int) -> http.Response:
    if "application/json" in request.headers.get("accept", ""):
        kept = {name: value for name, value in data.items() if value is not None}
        return http.Response(status, json.dumps(kept, ensure_ascii=False).encode())
    root = ElementTree.Element("response")
    _grow(root, data)
    body: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return http.Response(status, body, "application/xml; charset=utf-8")


def _grow(parent: ElementTree.Element, data: dict[str, Any]) -> None:
    for name, value in data.items():
        for one in value if isinstance(value, list) else [value]:
            if one is None:
                continue
            child = ElementTree.SubElement(parent, name)
            if isinstance(one, dict):
                _grow(child, one)
            else:
                child.text = str(one).lower() if isinstance(one, bool) else str(one)
