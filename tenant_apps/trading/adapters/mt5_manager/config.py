"""What differs between one bridge service and the next."""

import re
from dataclasses import dataclass, field
from datetime import timedelta

FINGERPRINT = re.compile(r"[0-9a-f]{64}")
SECRET_LENGTH = 32
"""Characters a shared secret has at least: whoever sees a proof may try secrets at leisure."""


def fingerprint_of(text: str) -> str:
    """A SHA-256 fingerprint as tools print it (colons, spaces, capitals) in plain hex; ValueError for anything else."""
    plain = re.sub(r"[\s:]", "", text).lower()
    if plain and not FINGERPRINT.fullmatch(plain):
        raise ValueError("a SHA-256 fingerprint has 64 hexadecimal digits")
    return plain


@dataclass(frozen=True, slots=True)
class Mt5ManagerConfig:
    """Where a service is, as which manager it works for us, and how patient we are.

    Durations in seconds unless typed otherwise.
    """

    server: str
    host: str
    manager: int
    """Login of the MT5 manager; the service keeps one shared secret for each it works as."""
    password: str = field(repr=False)
    """The shared secret, never sent."""
    port: int = 7443
    ca_file: str | None = None
    """PEM of the authority to trust; None means the machine's own store, or only the fingerprint where there is one."""
    ca_text: str = ""
    """The same as text instead of a file."""
    fingerprint: str = ""
    """SHA-256 of the service's certificate in hex; empty: any that the authority vouches for and that names the host."""

    sessions: int = 1
    """Told to every adapter. Here one connection carries all requests."""
    connect_seconds: float = 10.0
    """For TCP and TLS, and again for the handshake."""
    call_seconds: float = 15.0
    """From sending a request to its answer."""
    in_flight: int = 50
    """Requests at a time; the contract allows 64."""
    heartbeat_seconds: float = 10.0
    """After so long without sending, a ping."""
    silence_seconds: float = 40.0
    """After so long without a word from the service the connection counts as lost."""
    backoff_first: float = 0.5
    backoff_most: float = 60.0
    """Between attempts of a listener to connect again, doubling."""
    login_pause_seconds: float = 15.0
    """After a refused log-in nobody tries again for so long."""
    listen_limit: int = 10_000
    """Events kept for a slow listener; one more makes all of them a gap."""

    quiet_period: timedelta = timedelta(seconds=180)
    """After so long the service has finished, or given up, whatever it still meant to do for a lost connection."""
    found_margin: timedelta = timedelta(minutes=5)
    """How far before the attempt a lost operation is searched, because clocks differ."""
    max_clock_skew: timedelta = timedelta(minutes=5)
    batch_size: int = 500
    """Logins named in one request; the contract allows 1000."""
    page_size: int = 500
    """Rows in one answer; the contract allows 1000."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "fingerprint", fingerprint_of(self.fingerprint))
