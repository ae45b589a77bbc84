"""The HTTPS form: one TLS socket speaking HTTP/1.1 with keep-alive, one request at a time."""

import asyncio
import json
import ssl
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import quote, urlencode

import h11

from tenant_apps.trading.adapters.mt5.calls import Answer, Call
from tenant_apps.trading.adapters.mt5.retcodes import Retcode
from tenant_apps.trading.adapters.mt5.transport import Connector, Lost
from tenant_apps.trading.adapters.mt5.values import Malformed, Record

Headers = Sequence[tuple[str, str]]

READ_SIZE = 64 * 1024
PING = "/api/test/access"
QUIT = "/api/quit"


@dataclass(frozen=True, slots=True)
class Response:
    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


def target_of(call: Call) -> str:
    """Path and query."""
    # Commas, stars and exclamation marks build lists and masks: they stay. A backslash becomes %5C.
    query = urlencode(call.params or {}, quote_via=quote, safe=",*!")
    return f"{call.path}?{query}" if query else call.path


def answer_from(body: bytes) -> Answer:
    """Raises Malformed."""
    try:
        top = Record(json.loads(body.decode("utf-8-sig")))
        retcode = Retcode.parse(top.get("retcode"))
    except (ValueError, RecursionError) as error:
        raise Malformed(f"not an answer: {error}") from error
    return Answer(retcode, top, top.get("answer"))


class HttpsLine:
    """`transport.Line` over HTTPS. TLS does the encrypting, so the log-in adds nothing to it."""

    greeting: Mapping[str, str] = {"type": "manager"}

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, host: str, limit: int) -> None:
        self._reader = reader
        self._writer = writer
        self._host = host
        self._limit = limit
        self._http = h11.Connection(h11.CLIENT)
        self._cookies: dict[str, str] = {}
        self._closed = False

    @classmethod
    async def open(
        cls, host: str, port: int, *, connector: Connector, context: ssl.SSLContext, limit: int
    ) -> "HttpsLine":
        """Raises OSError (ssl.SSLError among them)."""
        raw = await connector(host, port)
        try:
            reader, writer = await asyncio.open_connection(sock=raw, ssl=context, server_hostname=host)
        except BaseException:
            raw.close()
            raise
        authority = host if port == 443 else f"{host}:{port}"
        return cls(reader, writer, host=authority, limit=limit)

    @property
    def is_usable(self) -> bool:
        return not (self._closed or self._reader.at_eof() or self._writer.transport.is_closing())

    def abort(self) -> None:
        self._closed = True
        self._writer.transport.abort()

    async def call(self, call: Call, *, seconds: float) -> Answer:
        """Raises Lost: also for an HTTP status other than 200 and for an answer that is none."""
        body = b"" if call.body is None else json.dumps(call.body).encode()
        method = "POST" if call.changes or call.body is not None else "GET"
        headers = [("Connection", "keep-alive"), ("Content-Type", "application/x-www-form-urlencoded")]
        if self._cookies:
            headers.append(("Cookie", "; ".join(f"{name}={value}" for name, value in self._cookies.items())))
        response = await self._exchange(method, target_of(call), headers=headers, body=body, seconds=seconds)
        self._keep_cookies(response)
        if response.status != 200:
            self.abort()
            raise Lost(f"HTTP {response.status}", sent=True, status=response.status)
        try:
            return answer_from(response.body)
        except Malformed as error:
            self.abort()
            raise Lost(str(error), sent=True) from error

    def _keep_cookies(self, response: Response) -> None:
        """Some servers hand out cookies at log-in; whether they matter is unknown, so they are returned."""
        for name, value in response.headers:
            if name.lower() == "set-cookie":
                key, _, content = value.partition(";")[0].partition("=")
                self._cookies[key.strip()] = content.strip()

    def secure(self, hashed: bytes, answer: Answer) -> None:
        """TLS has done it."""

    async def ping(self, *, seconds: float) -> None:
        await self.call(Call(PING), seconds=seconds)

    async def quit(self, *, seconds: float) -> None:
        await self.call(Call(QUIT), seconds=seconds)

    async def _exchange(self, method: str, target: str, *, headers: Headers, body: bytes, seconds: float) -> Response:
        """Send one request and read its whole answer. Raises Lost."""
        if not self.is_usable:
            self.abort()
            raise Lost("the connection was closed", sent=False)
        request = h11.Request(
            method=method,
            target=target,
            headers=[("Host", self._host), ("Content-Length", str(len(body))), *headers],
        )
        try:
            packet = (self._http.send(request) or b"") + (self._http.send(h11.Data(data=body)) or b"")
            packet += self._http.send(h11.EndOfMessage()) or b""
        except h11.LocalProtocolError as error:
            self.abort()
            raise Lost(f"a request that HTTP does not allow: {error}", sent=False) from error
        try:
            async with asyncio.timeout(seconds):
                # From here on the bytes may leave at any moment, whatever happens to us.
                self._writer.write(packet)
                await self._writer.drain()
                response = await self._read()
        except TimeoutError:
            self.abort()
            raise Lost(f"no answer within {seconds:g} s", sent=True, timed_out=True) from None
        except (OSError, EOFError, h11.ProtocolError) as error:
            self.abort()
            raise Lost(f"{type(error).__name__}: {error}", sent=True) from error
        except BaseException:
            # A cancelled call leaves an answer on its way that the next call would take for its own.
            self.abort()
            raise
        self._finish()
        return response

    async def _read(self) -> Response:
        status, body = 0, bytearray()
        headers: tuple[tuple[str, str], ...] = ()
        while True:
            event = self._http.next_event()
            if event is h11.NEED_DATA:
                self._http.receive_data(await self._reader.read(READ_SIZE))
            elif isinstance(event, h11.Response):
                status = event.status_code
                headers = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in event.headers)
            elif isinstance(event, h11.Data):
                body += event.data
                if len(body) > self._limit:
                    raise EOFError(f"an answer over {self._limit} bytes")
            elif isinstance(event, h11.EndOfMessage):
                return Response(status, headers, bytes(body))
            elif isinstance(event, h11.ConnectionClosed):
                raise EOFError("closed instead of an answer")

    def _finish(self) -> None:
        reusable = self._http.our_state is h11.DONE and self._http.their_state is h11.DONE
        if reusable and not self._http.trailing_data[0]:
            self._http.start_next_cycle()
        else:
            self.abort()

    async def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._writer.close()
        with suppress(OSError, TimeoutError):
            async with asyncio.timeout(1):
                await self._writer.wait_closed()
