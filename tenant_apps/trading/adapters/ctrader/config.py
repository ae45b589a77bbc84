"""What differs between one cTrader environment and the next."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class CTraderConfig:
    """Where an environment is, who we are there, and how patient we are.

    Durations in seconds unless typed otherwise.
    """

    server: str
    host: str
    manager: int
    password: str = field(repr=False)
    plant: str
    environment: str
    broker: str
    """Name under which accounts are opened: one of the server's white labels."""
    port: int = 5011
    web_host: str = ""
    """WebServices; empty means the Manager's API's host."""
    web_port: int = 8443
    web_base: str = "/v2"
    cid_base: str = "/cid"
    ca_file: str | None = None
    """PEM of the authority to trust; None means the machine's own store."""
    ca_text: str = ""
    """The same as text instead of a file."""

    deposit_currency: str = "USD"
    """Of accounts opened in groups without an entry below: groups of this platform have no currency."""
    group_currencies: Mapping[str, str] = field(default_factory=dict)
    account_type: str = "HEDGED"
    margin_calculation: str = "MAX"
    link_ctid: bool = False
    """Create or find the holder's cTrader ID by e-mail address when an account is opened, and link the account to it."""

    connect_seconds: float = 10.0
    hello_seconds: float = 1.0
    """How long the server's greeting is awaited before we log in without it."""
    call_seconds: float = 15.0
    """From sending a request to its answer."""
    in_flight: int = 50
    """Requests at a time over the one connection."""
    heartbeat_seconds: float = 20.0
    """The server drops whoever is silent for longer than 25 s."""
    silence_seconds: float = 60.0
    """After so long without a word from the server the connection counts as lost."""
    backoff_first: float = 0.5
    backoff_most: float = 60.0
    """Between attempts of a listener to connect again, doubling."""
    login_pause_seconds: float = 15.0
    """After a refused log-in nobody tries again for so long."""
    max_answer_bytes: int = 64 * 1024 * 1024
    listen_limit: int = 10_000
    """Events kept for a slow listener; one more makes all of them a gap."""

    sessions: int = 2
    """Calls to WebServices at a time."""
    token_doubt_seconds: float = 60.0
    """A token older than this is fetched anew when the server speaks of missing rights: it may have forgotten the token."""
    refused_statuses: frozenset[int] = frozenset({400, 401, 403, 404})
    """HTTP statuses that mean "not carried out" even for a change."""
    external_id_field: str = "description"
    """Field of an account for our own id of it: `description`, or `documentId` of its contact details."""
    correction_source: str = "correction"
    """`source` of a deposit or withdrawal that is a correction: the platform has no operation of that kind."""
    min_password_length: int = 8
    """The server gets a hash only, so what makes a password weak is ours to say."""
    bonus_in_equity: bool = True
    """Whether the server counts the manager's bonus in equity."""
    states_by_web: int = 1
    """Up to so many accounts' money is asked of WebServices, which must not be polled; of more it is computed."""
    quiet_period: timedelta = timedelta(seconds=180)
    """After so long the server has dropped a lost connection and whatever it still meant to do for it."""
    found_margin: timedelta = timedelta(minutes=5)
    """How far before the attempt a lost operation is searched, because clocks differ."""
    max_clock_skew: timedelta = timedelta(minutes=5)

    lot_size_unit: str = "auto"
    """`cents` or `units` of the base asset; `auto` looks at `lot_symbol`, whose lot is `lot_units`."""
    lot_symbol: str = "EURUSD"
    lot_units: int = 100_000
    lots_min: Decimal = Decimal("0.01")
    lots_max: Decimal = Decimal(1000)
    lots_step: Decimal = Decimal("0.01")
    """Volume limits stand in profiles whose unit is not documented well enough; these are told instead."""
    spot_seconds: float = 3.0
    """How long a first price is awaited after subscribing."""
    deal_margin: timedelta = timedelta(minutes=10)
    """Deals are found by when they were created: so much earlier than executed they may have been."""
    identity_seconds: float = 600.0
    """How long groups, assets and symbols are remembered."""
    lookups: int = 20
    """Accounts asked for one by one at most; of more, all are fetched and the rest left out."""

    def web_address(self) -> tuple[str, int]:
        return self.web_host or self.host, self.web_port

    def currency_of(self, group: str) -> str:
        return self.group_currencies.get(group, self.deposit_currency)
