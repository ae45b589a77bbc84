"""Sockets to a trading server, whatever is spoken over them."""

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable
from contextlib import suppress

# Gives a connected, non-blocking TCP socket. The platform's guard against private networks plugs in here.
Connector = Callable[[str, int], Awaitable[socket.socket]]


def trust(*, ca_file: str | None, ca_text: str) -> ssl.SSLContext:
    """Whom to believe: the authority in a file, in a text or both, else the machine's own store. Raises OSError."""
    return ssl.create_default_context(cafile=ca_file, cadata=ca_text or None)


class Lost(Exception):
    """The connection is of no more use.

    `sent`: whether any byte of the request may have reached the server. `status`: of an unwelcome answer.
    """

    def __init__(self, reason: str, *, sent: bool, timed_out: bool = False, status: int | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.sent = sent
        self.timed_out = timed_out
        self.status = status


async def connect_directly(host: str, port: int) -> socket.socket:
    """Connect to the first address that answers; any name under .localhost is this machine (RFC 6761)."""
    is_local = host == "localhost" or host.endswith(".localhost")
    loop = asyncio.get_running_loop()
    addresses = await loop.getaddrinfo("127.0.0.1" if is_local else host, port, type=socket.SOCK_STREAM)
    failure: OSError | None = None
    for family, kind, protocol, _, address in addresses:
        candidate = socket.socket(family, kind, protocol)
        candidate.setblocking(False)
        try:
            await loop.sock_connect(candidate, address)
        except OSError as error:
            candidate.close()
            failure = error
        except BaseException:
            candidate.close()
            raise
        else:
            candidate.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return candidate
    raise failure or OSError(f"no address for {host}")


async def open_tls(
    host: str, port: int, *, connector: Connector, context: ssl.SSLContext
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Connect and shake hands under the name `host`. Raises OSError (ssl.SSLError among them)."""
    raw = await connector(host, port)
    try:
        return await asyncio.open_connection(sock=raw, ssl=context, server_hostname=host)
    except BaseException:
        # Its transport closes it. Closed under one that the loop still polls (whoever waits may give up before the handshake
        # has begun), its number would be refused to every later connection of this process, to whichever server.
        with suppress(OSError):
            raw.shutdown(socket.SHUT_RDWR)
        raise
