"""The style guide's server, with a scripted event stream at `/live/` in front of Django."""

import json
import os
import time
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qs

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.ui.settings")

from django.core.asgi import get_asgi_application

Send = Callable[[dict[str, Any]], Awaitable[None]]
Receive = Callable[[], Awaitable[dict[str, Any]]]
django_application = get_asgi_application()
connections: list[str] = []
beacons: list[dict[str, Any]] = []
refused: list[str] = []


async def _answer(send: Send, body: bytes, status: int = 200) -> None:
    headers = [(b"content-type", b"application/json")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _stream(scope: dict[str, Any], receive: Receive, send: Send) -> None:
    """The first connection ends after its first message, so that the client has to come back. Old tokens are refused,
    and a new one is let in and told nothing."""
    (token,) = parse_qs(scope["query_string"].decode())["t"]
    headers = [(b"content-type", b"text/event-stream"), (b"cache-control", b"no-store")]
    if token == "old-token":
        refused.append(token)
        await _answer(send, b"{}", status=403)
        return
    if token == "new-token":
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b": welcome\n\n", "more_body": True})
        await _until_gone(receive)
        return
    connections.append(dict(scope["headers"]).get(b"last-event-id", b"").decode())
    first = len(connections) == 1
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    number = len(connections)
    data = {"topic": "cashier", "data": {"net": {"text": f"${number}.00", "raw": number, "tone": "up"}}}
    event = f"id: {number}\ndata: {json.dumps({**data, 'ts': time.time() * 1000 - 40})}\n\n"
    await send({"type": "http.response.body", "body": event.encode(), "more_body": not first})
    if not first:
        await _until_gone(receive)


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _body(receive: Receive) -> bytes:
    parts, more = [], True
    while more:
        message = await receive()
        parts.append(message.get("body", b""))
        more = message.get("more_body", False)
    return b"".join(parts)


async def application(scope: dict[str, Any], receive: Receive, send: Send) -> None:
    path = scope.get("path", "")
    if path == "/live/":
        await _stream(scope, receive, send)
    elif path == "/live/latency":
        beacons.append(json.loads(await _body(receive)))
        await _answer(send, b"{}")
    elif path == "/test/seen/":
        await _answer(send, json.dumps({"connections": connections, "beacons": beacons, "refused": refused}).encode())
    else:
        await django_application(scope, receive, send)
