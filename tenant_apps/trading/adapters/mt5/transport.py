"""What a session needs of a connection: the same for HTTPS and for the text protocol over TCP."""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol

from tenant_apps.trading.adapters.mt5.calls import Answer, Call

# Gives a connected, non-blocking TCP socket. The platform's guard against private networks plugs in here.
Connector = Callable[[str, int], Awaitable[socket.socket]]


class Lost(Exception):
    """The connection is of no more use.

    `sent`: whether any byte of the request may have reached the server. `status`: of an unwelcome HTTP answer.
    """

    def __init__(self, reason: str, *, sent: bool, timed_out: bool = False, status: int | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.sent = sent
        self.timed_out = timed_out
        self.status = status


class Insecure(Exception):
    """The server did not agree to the encryption we insist on."""


class Line(Protocol):
    """One connection. Not for concurrent use: its session serialises the calls.

    After Lost or a cancelled call it is closed for good.
    """

    @property
    def is_usable(self) -> bool:
        """False once either side has closed it."""

    @property
    def greeting(self) -> Mapping[str, str]:
        """What this form says in auth/start besides who we are."""

    async def call(self, call: Call, *, seconds: float) -> Answer:
        """Send one request and read its whole answer. Raises Lost, also for an answer that is none."""

    def secure(self, hashed: bytes, answer: Answer) -> None:
        """Begin to encrypt, if this form has to: `answer` is the one to auth/answer. Raises Insecure."""

    async def ping(self, *, seconds: float) -> None:
        """Show that we are there and learn whether the server is. Raises Lost."""

    async def quit(self, *, seconds: float) -> None:
        """Log out. Raises Lost."""

    def abort(self) -> None:
        """Drop the socket without a farewell."""

    async def close(self) -> None:
        """Close politely, but do not wait for a peer that has no manners. Never raises."""


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
