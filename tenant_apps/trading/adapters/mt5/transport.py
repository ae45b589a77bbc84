"""What a session needs of a connection: the same for HTTPS and for the text protocol over TCP."""

from collections.abc import Mapping
from typing import Protocol

from tenant_apps.trading.adapters.mt5.calls import Answer, Call


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
