"""What the HTTP sandboxes share: requests, responses, routing and a server process, on raw ASGI.

No protocol of any provider lives here, so an adapter tested against a sandbox never meets its own code again.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import mimetypes
import re
import signal
import socket
import struct
import sys
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

MAX_BODY_BYTES = 4 * 1024 * 1024

# No script at all. Forms may post anywhere because a browser also applies form-action to the redirects that
# follow a post, and the merchant's return address (and where that leads) is not ours to know.
PAGE_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "form-action 'self' http: https:; frame-ancestors 'none'; base-uri 'none'"
)


class BodyTooLarge(Exception):
    """The request body is longer than the server takes."""


@dataclass(slots=True)
class Request:
    """One HTTP request, its body already read whole."""

    scope: Scope
    body: bytes
    params: dict[str, str] = field(default_factory=dict)

    @property
    def method(self) -> str:
        return str(self.scope["method"])

    @property
    def path(self) -> str:
        return str(self.scope["path"])

    @property
    def headers(self) -> dict[str, str]:
        """Header names in lower case; of a repeated header the last one counts."""
        return {k.decode("latin-1").lower(): v.decode("latin-1") for k, v in self.scope["headers"]}

    @property
    def query_string(self) -> str:
        return str(self.scope["query_string"].decode("latin-1"))

    @property
    def query(self) -> dict[str, str]:
        return dict(parse_qsl(self.query_string, keep_blank_values=True))

    @property
    def form(self) -> dict[str, str]:
        """The fields of an urlencoded body; of a repeated field the last one counts."""
        return dict(parse_qsl(self.body.decode("utf-8", "replace"), keep_blank_values=True))

    @property
    def cookies(self) -> dict[str, str]:
        jar: SimpleCookie = SimpleCookie(self.headers.get("cookie", ""))
        return {name: morsel.value for name, morsel in jar.items()}

    @property
    def base_url(self) -> str:
        """Scheme and host as the caller typed them, without a trailing slash."""
        host = self.headers.get("host") or "{}:{}".format(*self.scope["server"])
        return f"{self.scope.get('scheme', 'http')}://{host}"

    def json(self) -> Any:
        """The body as JSON; an empty body is an empty object. Raises ValueError."""
        return json.loads(self.body) if self.body else {}

    def reset_connection(self) -> None:
        """Break the TCP connection so that the caller sees a reset instead of an answer."""
        self.scope["extensions"]["sandbox.reset"]()


@dataclass(slots=True)
class Response:
    """An answer: bytes, a status and headers."""

    body: bytes = b""
    status: int = 200
    content_type: str = "text/plain; charset=utf-8"
    headers: dict[str, str] = field(default_factory=dict)


def json_response(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """``value`` as JSON, indented like the providers' own answers, with a final line end."""
    body = json.dumps(value, ensure_ascii=False, indent=2).encode() + b"\n"
    return Response(body, status, "application/json", dict(headers or {}))


def html_response(markup: str | bytes, status: int = 200, policy: str = PAGE_POLICY) -> Response:
    """A page under a policy that allows neither script nor foreign resources."""
    headers = {
        "Content-Security-Policy": policy,
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Cache-Control": "no-store",
    }
    body = markup if isinstance(markup, bytes) else markup.encode()
    return Response(body, status, "text/html; charset=utf-8", headers)


def redirect(location: str, status: int = 303) -> Response:
    """See other: the browser fetches ``location`` with GET."""
    return Response(b"", status, headers={"Location": location, "Cache-Control": "no-store"})


def static_file(folder: Path, name: str) -> Response:
    """A file straight out of ``folder`` (no sub-folders), or 404."""
    path = folder / name
    if "/" in name or name.startswith(".") or not path.is_file():
        return Response(b"Not found\n", 404)
    kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
    if kind.startswith("text/"):
        kind += "; charset=utf-8"
    return Response(path.read_bytes(), 200, kind, {"Cache-Control": "max-age=300"})


Handler = Callable[[Request], Awaitable[Response]]


class Router:
    """Maps method and path to a handler; ``{name}`` in a pattern matches one path segment."""

    def __init__(self) -> None:
        self._routes: list[tuple[str, re.Pattern[str], Handler]] = []

    def add(self, method: str, pattern: str, handler: Handler) -> None:
        expression = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", pattern)
        self._routes.append((method, re.compile(f"{expression}$"), handler))

    def find(self, method: str, path: str) -> tuple[Handler, dict[str, str]] | None:
        """The handler and the path's parameters. HEAD is served by GET."""
        wanted = "GET" if method == "HEAD" else method
        for verb, pattern, handler in self._routes:
            if verb == wanted and (found := pattern.match(path)):
                return handler, found.groupdict()
        return None

    def knows_path(self, path: str) -> bool:
        return any(pattern.match(path) for _, pattern, _ in self._routes)


async def _not_found(request: Request) -> Response:
    return Response(b"Not found\n", 404)


class Application:
    """The ASGI application: reads the body, finds the handler, writes the answer."""

    def __init__(self, router: Router, missing: Handler = _not_found, *, limit: int = MAX_BODY_BYTES) -> None:
        self.router = router
        self.missing = missing
        self.limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        try:
            request = Request(scope, await _read_body(receive, self.limit))
        except BodyTooLarge:
            await _write(send, Response(b"Request body too large\n", 413), head=False)
            return
        found = self.router.find(request.method, request.path)
        if found:
            handler, request.params = found
        else:
            handler = self.missing
        await _write(send, await handler(request), head=request.method == "HEAD")


async def _read_body(receive: Receive, limit: int) -> bytes:
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return b"".join(chunks)
        chunks.append(message.get("body", b""))
        size += len(chunks[-1])
        if size > limit:
            raise BodyTooLarge
        if not message.get("more_body"):
            return b"".join(chunks)


async def _write(send: Send, response: Response, *, head: bool) -> None:
    headers = {"Content-Type": response.content_type, "Content-Length": str(len(response.body))}
    headers |= response.headers
    raw = [(k.lower().encode("latin-1"), v.encode("latin-1")) for k, v in headers.items()]
    await send({"type": "http.response.start", "status": response.status, "headers": raw})
    await send({"type": "http.response.body", "body": b"" if head else response.body})


class _ResettableProtocol(H11Protocol):
    """Hands each request a way to break its connection, which plain ASGI has not."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        inner = self.app

        async def app(scope: Any, receive: Any, send: Any) -> None:
            scope.setdefault("extensions", {})["sandbox.reset"] = self._reset
            await inner(scope, receive, send)

        self.app = app

    def _reset(self) -> None:
        sock = self.transport.get_extra_info("socket")
        if sock is not None:
            # Linger zero turns the close into an RST: the caller cannot take it for an orderly end.
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()


def server_arguments(prog: str, port: int) -> argparse.ArgumentParser:
    """The command line every sandbox has: --host, --port and --state."""
    parser = argparse.ArgumentParser(prog=f"python -m sandbox.{prog}")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=port, help="0 takes a free one")
    parser.add_argument("--state", type=Path, default=Path(".rialto") / prog, help="folder of the database")
    return parser


async def serve(
    app: Callable[[Scope, Receive, Send], Awaitable[None]],
    *,
    name: str,
    host: str,
    port: int,
    background: Iterable[Callable[[], Awaitable[None]]] = (),
    before: Callable[[], Awaitable[str]] | None = None,
) -> None:
    """Serve until SIGTERM or SIGINT; print one line once the socket accepts.

    ``before`` opens what else must be open by then and says so in the ready line.

    A background task that dies takes the process down: a sandbox that silently stopped delivering is worse
    than none.
    """
    listener = _listen(host, port)
    config = uvicorn.Config(
        app, http=_ResettableProtocol, ws="none", lifespan="off", log_config=None, timeout_graceful_shutdown=3
    )
    server = uvicorn.Server(config)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, setattr, server, "should_exit", True)
    tasks = [asyncio.ensure_future(job()) for job in background]
    for task in tasks:
        task.add_done_callback(lambda done: _stop_on_failure(server, done))
    more = await before() if before else ""
    print(f"{name} ready on http://{host}:{listener.getsockname()[1]}{more}", flush=True)
    await server._serve([listener])
    for task in tasks:
        task.cancel()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    for result in results:
        if isinstance(result, Exception):
            print(f"{name} background task failed: {result!r}", file=sys.stderr, flush=True)
            raise SystemExit(1)


def _stop_on_failure(server: uvicorn.Server, task: asyncio.Future[None]) -> None:
    if not task.cancelled() and task.exception() is not None:
        server.should_exit = True


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((host, port))
    listener.listen(128)
    listener.setblocking(False)
    return listener


class _LoopbackNames(httpx.AsyncHTTPTransport):
    """Sends names under ``.localhost`` to 127.0.0.1 (RFC 6761) and leaves Host as it was written."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        host = request.url.host.rstrip(".")
        if host == "localhost" or host.endswith(".localhost"):
            request.extensions = {**request.extensions, "sni_hostname": host}
            request.url = request.url.copy_with(host="127.0.0.1")
        return await super().handle_async_request(request)


def outbound_client(timeout: float) -> httpx.AsyncClient:
    """For webhooks: no proxy, no redirects, .localhost on this machine. ``timeout`` in seconds."""
    return httpx.AsyncClient(
        transport=_LoopbackNames(retries=0), timeout=timeout, trust_env=False, follow_redirects=False
    )


def is_http_url(value: str) -> bool:
    """Whether ``value`` is an absolute http(s) address."""
    try:
        parts = urlsplit(value)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.netloc)
