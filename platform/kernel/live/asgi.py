"""Live pages, receiving side: a small ASGI application beside Django, one server-sent event stream per tab.

The page's token names the topics its view allowed; it opens for the tenant of the host and the session of the cookie
only. Each stream has a bounded queue that drops the oldest; a ping every 20 s; it begins with what was missed: since
`Last-Event-ID`, or, of a page that has just been opened, since that was asked for.
One Redis subscription per process feeds all streams. A stream ends seconds after its log-in or its rights do
(kernel.live.watch).
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qs

from asgiref.sync import sync_to_async
from django.conf import settings

from kernel import secrets
from kernel.live import watch
from kernel.live.publish import TOKEN_AGE, channel
from kernel.logs import log
from kernel.redis import async_client
from kernel.tenancy import context, directory
from kernel.tenancy.middleware import NOT_SERVED, platform_surface

Send = Callable[[dict[str, Any]], Awaitable[None]]
QUEUE = 200
PING_SECONDS = 20.0
STREAM_SECONDS = 3600.0
LATENCY_KEY = "rialto:live:latency"


class Hub:
    """Fans one Redis subscription out to the streams of this process."""

    def __init__(self) -> None:
        self.queues: dict[str, set[asyncio.Queue[str]]] = defaultdict(set)
        self._pubsub: Any = None
        self._reader: asyncio.Task[None] | None = None

    async def join(self, channels: list[str], queue: asyncio.Queue[str]) -> None:
        if self._reader is None or self._reader.done():
            self._pubsub = async_client().pubsub(ignore_subscribe_messages=True)
            await self._pubsub.subscribe("rialto:live:hub", *[name for name in self.queues if self.queues[name]])
            self._reader = asyncio.create_task(self._read())
        fresh = [name for name in channels if not self.queues[name]]
        for name in channels:
            self.queues[name].add(queue)
        if fresh:
            await self._pubsub.subscribe(*fresh)

    async def leave(self, channels: list[str], queue: asyncio.Queue[str]) -> None:
        for name in channels:
            self.queues[name].discard(queue)
            if not self.queues[name]:
                del self.queues[name]
                with contextlib.suppress(Exception):
                    await self._pubsub.unsubscribe(name)

    async def _read(self) -> None:
        try:
            async for message in self._pubsub.listen():
                for queue in list(self.queues.get(message["channel"], ())):
                    put(queue, message["data"])
        except Exception:  # noqa: BLE001 - Redis went away: end the streams, browsers reconnect with jitter
            log.warning("live_hub_lost")
            for queues in self.queues.values():
                for queue in queues:
                    put(queue, "")


def put(queue: asyncio.Queue[str], text: str) -> None:
    """Never block the hub: a slow reader loses its oldest message and refetches by itself."""
    if queue.full():
        queue.get_nowait()
    queue.put_nowait(text)


HUB = Hub()


async def application(scope: dict[str, Any], receive: Callable[[], Awaitable[dict[str, Any]]], send: Send) -> None:
    """ASGI entry for paths under /live/."""
    if scope["method"] == "POST" and scope["path"] == "/live/latency":
        await _latency(scope, receive, send)
        return
    token = parse_qs(scope.get("query_string", b"").decode("latin-1")).get("t", [""])[0]
    allowed = await _allowed(scope, token)
    if allowed is None:
        await _plain(send, 403, b"")
        return
    await _stream(scope, receive, send, allowed)


async def _plain(send: Send, status: int, body: bytes) -> None:
    await send({"type": "http.response.start", "status": status, "headers": [(b"content-type", b"text/plain")]})
    await send({"type": "http.response.body", "body": body})


def _header(scope: dict[str, Any], name: bytes) -> str:
    return next((value.decode("latin-1") for key, value in scope["headers"] if key == name), "")


async def _owner_scope(scope: dict[str, Any]) -> context.Scope | None:
    host = directory.normalise_host(_header(scope, b"host"))
    if platform_surface(host):
        return context.public_scope()
    found = await sync_to_async(directory.by_host)(host)
    if found is None or found[0].state in NOT_SERVED:
        return None
    return context.tenant_scope(found[0])


@dataclass(frozen=True, slots=True)
class Allowed:
    """What a token opens: topics of an owner (a brokerage, or the vendor's side) for one session and its rights."""

    scope: context.Scope
    topics: list[str]
    session_key: str
    rights: str
    since: str = ""  # the millisecond of the epoch before, or nothing

    @property
    def channels(self) -> list[str]:
        owner = self.scope.tenant.id if self.scope.tenant else self.scope.kind
        return [channel(owner, topic) for topic in self.topics]


async def _allowed(scope: dict[str, Any], text: str) -> Allowed | None:
    """Owner and topics, if host, cookie and token agree and the session still stands for somebody with the same rights."""
    owner = await _owner_scope(scope)
    key = _session_key(scope)
    if owner is None or not key:
        return None
    entered = context.enter(owner)
    try:
        claims = secrets.unsign(text, purpose="live", max_age=TOKEN_AGE)
    except ValueError:
        return None
    finally:
        context.leave(entered)
    rights = claims.get("rights", "")
    if claims["session"] != key[:12] or (await watch.ask(owner, [key])).get(key) != rights:
        return None
    return Allowed(owner, claims["topics"], key, rights, claims.get("since", ""))


def _session_key(scope: dict[str, Any]) -> str:
    """The cookie's session, in the only form that sessions have; anything else is no reason to ask the database."""
    with contextlib.suppress(CookieError):
        cookie = SimpleCookie(_header(scope, b"cookie")).get(settings.SESSION_COOKIE_NAME)
        if cookie is not None and cookie.value.isascii() and cookie.value.isalnum():
            return cookie.value
    return ""


async def _stream(scope: dict[str, Any], receive: Any, send: Send, allowed: Allowed) -> None:
    queue: asyncio.Queue[str] = asyncio.Queue(QUEUE)
    channels = allowed.channels
    stream = watch.Stream(allowed.scope, allowed.session_key, allowed.rights, lambda: put(queue, ""))
    await HUB.join(channels, queue)
    watch.WATCH.join(stream)
    gone = asyncio.create_task(_until_gone(receive))
    try:
        await send(
            {
                "type": "http.response.start",
                "status": 200,
                "headers": [
                    (b"content-type", b"text/event-stream"),
                    (b"cache-control", b"no-store"),
                    (b"x-accel-buffering", b"no"),
                ],
            }
        )
        await _write(send, f"retry: 2000\nid: {_stamp()}\nevent: hello\ndata: {{}}\n\n")
        await _replay(send, channels, _header(scope, b"last-event-id") or allowed.since)
        ends = time.monotonic() + STREAM_SECONDS
        while not gone.done() and time.monotonic() < ends:
            text = await _next(queue, gone)
            if text == "":
                return
            await _write(send, f"id: {_stamp()}\ndata: {text}\n\n" if text else ": ping\n\n")
    finally:
        gone.cancel()
        watch.WATCH.leave(stream)
        await HUB.leave(channels, queue)
        with contextlib.suppress(Exception):
            await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _next(queue: asyncio.Queue[str], gone: asyncio.Task[None]) -> str | None:
    """The next message; None when it is time for a ping; an empty text when the hub was lost or the log-in is over."""
    getter = asyncio.create_task(queue.get())
    done, _ = await asyncio.wait({getter, gone}, timeout=PING_SECONDS, return_when=asyncio.FIRST_COMPLETED)
    if getter in done:
        return getter.result()
    getter.cancel()
    return None


async def _until_gone(receive: Any) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _stamp() -> str:
    """Ids are milliseconds, so that Redis stream ids and Last-Event-ID speak of the same thing."""
    return str(int(time.time() * 1000))


async def _replay(send: Send, channels: list[str], last_id: str) -> None:
    if not (last_id.isascii() and last_id.isdigit()):
        return
    redis = async_client()
    try:
        pipe = redis.pipeline(transaction=False)
        for name in channels:
            pipe.xrange(f"{name}:log", min=f"({last_id}", max="+", count=QUEUE)
        for entries in await pipe.execute():
            for _, entry in entries:
                await _write(send, f"id: {_stamp()}\ndata: {entry['m']}\n\n")
    finally:
        await redis.aclose()


async def _write(send: Send, text: str) -> None:
    await send({"type": "http.response.body", "body": text.encode(), "more_body": True})


def latency_report(values: dict[str, Any]) -> dict[str, float]:
    """What a page sent: `p50` and `p95` in milliseconds, `n` measured events. A page's words: raises what reading raises.

    JSON as Python reads it knows Infinity and NaN, which no page of the console could draw.
    """
    report = {key: float(values[key]) for key in ("p50", "p95")}
    if not all(math.isfinite(one) and one >= 0 for one in report.values()):
        raise ValueError("not a duration")
    return {key: min(one, 600_000.0) for key, one in report.items()} | {"n": int(values.get("n", 0))}


async def _latency(scope: dict[str, Any], receive: Any, send: Send) -> None:
    """Pages report how long events took to reach them; the console shows the latest of each tenant.

    A page has to show the token of its own stream: the vendor's figures are nothing for strangers to make up.
    """
    body = b""
    while len(body) < 8000:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    try:
        values = json.loads(body)
        report = latency_report(values)
        token = str(values.get("t", ""))
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError):
        await _plain(send, 400, b"")
        return
    allowed = await _allowed(scope, token)
    if allowed is None:
        await _plain(send, 403, b"")
        return
    report["at"] = time.time()
    owner = allowed.scope
    redis = async_client()
    try:
        await redis.hset(LATENCY_KEY, str(owner.tenant.id if owner.tenant else owner.kind), json.dumps(report))
    finally:
        await redis.aclose()
    await _plain(send, 204, b"")
