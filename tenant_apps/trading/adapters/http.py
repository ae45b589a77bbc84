"""One TLS socket speaking HTTP/1.1 with keep-alive, one request at a time."""

import asyncio
import ssl
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

import h11

from tenant_apps.trading.adapters.sockets import Connector, Lost, open_tls

Headers = Sequence[tuple[str, str]]

READ_SIZE = 64 * 1024


@dataclass(frozen=True, slots=True)
class Response:
    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


class Connection:
    """Not for concurrent use: its session serialises the calls.

    After Lost or a cancelled call it is closed for good.
    """

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, host: str, limit: int) -> None:
        self._reader = reader
        self._writer = writer
        self._host = host
        self._limit = limit
        self._http = h11.Connection(h11.CLIENT)
        self._closed = False

    @classmethod
    async def open(
        cls, host: str, port: int, *, connector: Connector, context: ssl.SSLContext, limit: int
    ) -> "Connection":
        """Raises OSError (ssl.SSLError among them)."""
        reader, writer = await open_tls(host, port, connector=connector, context=context)
        authority = host if port == 443 else f"{host}:{port}"
        return cls(reader, writer, host=authority, limit=limit)

    @property
    def is_usable(self) -> bool:
        return not (self._closed or self._reader.at_eof() or self._writer.transport.is_closing())

    def abort(self) -> None:
        """Drop the socket without a farewell."""
        self._closed = True
        self._writer.transport.abort()

    async def exchange(
        self, method: str, target: str, *, headers: Headers = (), body: bytes = b"", seconds: float
    ) -> Response:
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
        """Close politely, but do not wait for a peer that has no manners."""
        if not self._closed:
            self._closed = True
            self._writer.close()
        with suppress(OSError, TimeoutError):
            async with asyncio.timeout(1):
                await self._writer.wait_closed()
