"""A small HTTP/1.1 server side on asyncio streams and h11: one coroutine per connection, one request at a
time.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote

import h11

READ_SIZE = 65_536
log = logging.getLogger(__name__)
Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Request:
    """A complete request; header names in lower case, the last of repeated query parameters counts."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        """The body as JSON, or None when empty. ValueError when it is neither."""
        return json.loads(self.body) if self.body.strip() else None


@dataclass(slots=True)
class Response:
    """What to send back; `close` ends the connection afterwards."""

    status: int = 200
    body: bytes = b""
    content_type: str = "application/json; charset=utf-8"
    headers: list[tuple[str, str]] = field(default_factory=list)
    close: bool = False

    @classmethod
    def of(cls, data: Any, status: int = 200) -> Response:
        """A JSON answer."""
        return cls(status, json.dumps(data, ensure_ascii=False).encode())


class Abort(Exception):
    """Cut the connection without an answer (RST, not a polite close)."""


class Silence(Exception):
    """Keep the connection open but never answer again."""


def detached(serve: Serve) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], None]:
    """`serve` as a callback for asyncio.start_server that owns its tasks.

    Python 3.11 reports every connection still open at shutdown as an error when it is handed a coroutine.
    """
    tasks: set[asyncio.Future[None]] = set()

    def finished(task: asyncio.Future[None]) -> None:
        tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.error("a connection failed", exc_info=task.exception())

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(serve(reader, writer))
        tasks.add(task)
        task.add_done_callback(finished)

    return connected


class Connection:
    """One client connection. `deadline` (seconds) bounds the wait for the next request and may be changed."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        *,
        deadline: float | None,
        body_limit: int,
    ) -> None:
        self.reader = reader
        self.writer = writer
        self.deadline = deadline
        self._limit = body_limit
        self._protocol = h11.Connection(h11.SERVER)

    async def run(self, handle: Callable[[Request], Awaitable[Response]]) -> None:
        """Serve requests until either side ends it."""
        try:
            while True:
                request = await asyncio.wait_for(self._next_request(), self.deadline)
                if request is None:
                    break
                if not await self._answer(request, await handle(request)):
                    break
                self._protocol.start_next_cycle()
        except Silence:
            await self._hold()
        except (Abort, TimeoutError, ConnectionError):
            self.writer.transport.abort()
        except h11.RemoteProtocolError as error:
            await self._refuse(error)
        finally:
            self.writer.close()

    async def _next_event(self) -> Any:
        while True:
            event = self._protocol.next_event()
            if event is not h11.NEED_DATA:
                return event
            if self._protocol.they_are_waiting_for_100_continue:
                interim = h11.InformationalResponse(status_code=100, headers=[])
                self.writer.write(self._protocol.send(interim) or b"")
            self._protocol.receive_data(await self.reader.read(READ_SIZE))

    async def _next_request(self) -> Request | None:
        event = await self._next_event()
        if not isinstance(event, h11.Request):
            return None
        body = bytearray()
        while not isinstance(part := await self._next_event(), h11.EndOfMessage):
            if not isinstance(part, h11.Data):
                return None
            body += part.data
            if len(body) > self._limit:
                raise h11.RemoteProtocolError("body too large", 413)
        path, _, query = event.target.decode("latin-1").partition("?")
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in event.headers}
        parameters = dict(parse_qsl(query, keep_blank_values=True))
        return Request(event.method.decode(), unquote(path), parameters, headers, bytes(body))

    async def _answer(self, request: Request, response: Response) -> bool:
        close = response.close or request.headers.get("connection", "").lower() == "close"
        headers = [
            ("Content-Type", response.content_type),
            ("Content-Length", str(len(response.body))),
            ("Connection", "close" if close else "keep-alive"),
            *response.headers,
        ]
        head = h11.Response(status_code=response.status, headers=headers, reason=b"")
        data = self._protocol.send(head) or b""
        if request.method != "HEAD":
            data += self._protocol.send(h11.Data(data=response.body)) or b""
        self.writer.write(data + (self._protocol.send(h11.EndOfMessage()) or b""))
        await self.writer.drain()
        return not close and self._protocol.our_state is h11.DONE and self._protocol.their_state is h11.DONE

    async def _refuse(self, error: h11.RemoteProtocolError) -> None:
        if self._protocol.our_state in {h11.IDLE, h11.SEND_RESPONSE}:
            head = h11.Response(status_code=error.error_status_hint, headers=[("Connection", "close")], reason=b"")
            self.writer.write((self._protocol.send(head) or b"") + (self._protocol.send(h11.EndOfMessage()) or b""))

    async def _hold(self) -> None:
        # The client has to notice by its own time-out; swallow whatever it still sends until it goes away.
        while await self.reader.read(READ_SIZE):
            continue
