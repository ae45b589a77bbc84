"""What differs between one MT5 server and the next, with the values the vendor recommends."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal


@dataclass(frozen=True, slots=True)
class Mt5Config:
    """Where a server is, who we are there, and how patient we are.

    Durations in seconds unless typed otherwise.
    """

    server: str
    host: str
    manager: int
    password: str = field(repr=False)
    port: int = 443
    transport: Literal["https", "raw"] = "https"
    """`raw`: the text protocol over TCP, for access servers whose build has no HTTPS."""
    encrypt: bool = True
    """Of the text protocol only. False sends passwords and clients' data in the clear: for debugging, never for work."""
    ca_file: str | None = None
    """PEM of the authority to trust; None means the machine's own store."""
    ca_text: str = ""
    """The same as text instead of a file."""

    sessions: int = 2
    """Sockets, each a logged-in session of its own."""
    waiting_limit: int = 200
    """Calls that may wait for a free session; one more is turned away at once."""
    waiting_seconds: float = 10.0
    connect_seconds: float = 10.0
    call_seconds: float = 15.0
    """From the first byte sent to the last byte received of one call."""
    ping_seconds: float = 20.0
    """Vendor's recommendation; the server drops a client silent for 180 s."""
    login_pause_seconds: float = 15.0
    """After a refused log-in nobody tries again for so long.

    Servers block the address of a client that insists.
    """
    max_answer_bytes: int = 64 * 1024 * 1024

    agent: str = "Rialto"
    version: int = 1290
    """Sent at log-in; any build from 484 on (the vendor's lowest) is accepted."""
    refused_statuses: frozenset[int] = frozenset({401, 403})
    """HTTP statuses that mean "not carried out" even for a change (one field report, unverified)."""
    external_id_field: str = "ID"
    """Field of the user record for our own id of an account."""
    quiet_period: timedelta = timedelta(seconds=180)
    """After so long a server has dropped a lost connection and whatever it still meant to do for it."""
    found_margin: timedelta = timedelta(minutes=5)
    """How far before the attempt a lost operation is searched, because clocks differ."""

    server_zone: str | None = None
    """IANA zone of the server's wall clock, for times beyond a change of summer time.

    None: the offset measured now is used for all times.
    """
    server_zone_shift: timedelta = timedelta(0)
    """Added to that zone. Servers closing their day at 17:00 New York are `America/New_York` plus 7 hours."""
    clock_max_age: float = 300.0
    max_clock_skew: timedelta = timedelta(minutes=5)

    batch_size: int = 200
    """Logins named in one request, for the length of a URL is limited."""
    page_size: int = 100
    """The server gives no more rows in a page."""
    identity_seconds: float = 600.0
    """How long an account's currency and a group's settings are remembered."""

    def __post_init__(self) -> None:
        if self.transport not in ("https", "raw"):
            raise ValueError(f"no such transport: {self.transport}")
