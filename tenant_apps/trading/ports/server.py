"""The server itself, and everything it is asked to do."""

from collections.abc import AsyncIterator, Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import TracebackType
from typing import Protocol, Self, runtime_checkable

from .accounts import Account, AccountChange, AccountState, Copies, NewAccount, PasswordKind
from .market import GroupInfo, SymbolInfo, Ticks
from .operations import BalanceOperation, BalanceResult
from .trades import Deal, Position


@dataclass(frozen=True, slots=True)
class ServerInfo:
    """The server and its clock.

    `utc_offset` is what its wall clock shows minus UTC; `clock_skew` what remains. `zone_agrees` tells
    whether the server's own zone settings say the same; None when it would not tell.
    """

    name: str
    owner: str
    build: str
    utc_offset: timedelta
    clock_skew: timedelta
    zone_agrees: bool | None
    measured_at: datetime


@runtime_checkable
class TradingPlatform(Protocol):
    """One trading server, as a manager of the brokerage sees it.

    Safe for concurrent use within one event loop.
    """

    @property
    def server(self) -> str:
        """Our name of the server: part of the key of every deal and position."""

    @property
    def quiet_period(self) -> timedelta:
        """How long after an attempt "not found" is not yet proof that a change did not happen."""

    async def connect(self) -> None:
        """Log in and measure the server's clock.

        Raises PlatformUnavailable, PlatformRejected (credentials).
        """

    async def close(self) -> None:
        """Log out and release the sockets; calls afterwards raise PlatformUnavailable. Never raises."""

    async def __aenter__(self) -> Self: ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    async def server_info(self) -> ServerInfo:
        """Who the server is, with its clock measured anew."""

    async def account_open(self, account: NewAccount) -> Account:
        """Open an account and return it as the server stored it.

        Raises OutcomeUnknown (see account_open_find).
        """

    async def account_open_find(self, group: str, external_id: str) -> Account | None:
        """The account of exactly this group that carries our id; resolves an unknown `account_open`."""

    async def account_get(self, login: int) -> Account:
        """Raises PlatformRejected (NOT_FOUND)."""

    async def account_update(self, login: int, change: AccountChange) -> Account:
        """Read, change, write whole, read again and compare.

        Raises ChangesIgnored listing what the server silently did not do, and OutcomeUnknown (the change is
        absolute: read the account, and repeat if it differs).
        """

    async def password_change(self, login: int, kind: PasswordKind, password: str) -> None:
        """Set a password.

        Raises PlatformRejected (INVALID_PASSWORD) when too weak; OutcomeUnknown (resolve by password_check).
        """

    async def password_check(self, login: int, kind: PasswordKind, password: str) -> bool:
        """Whether this is the password."""

    async def account_states(self, *, logins: Collection[int] = (), group: str = "") -> tuple[AccountState, ...]:
        """Money of the accounts named, or of a group mask, by login. Unknown logins are left out.

        Exactly one of the two, else ValueError.
        """

    async def balance_operation(self, operation: BalanceOperation) -> BalanceResult:
        """Move money.

        Raises PlatformRejected (NOT_ENOUGH_MONEY, …) or OutcomeUnknown (balance_operation_find).
        """

    async def balance_operation_find(self, login: int, operation_id: str, since: datetime) -> BalanceResult | None:
        """The deal which carries this operation id, made at or after `since` (UTC; clocks may differ).

        None is proof of absence only when `quiet_period` has passed since the attempt. Raises
        DuplicateOperation.
        """

    async def deals(
        self, since: datetime, until: datetime, *, logins: Collection[int] = (), group: str = ""
    ) -> tuple[Deal, ...]:
        """All deals with since <= executed_at < until of the logins or a group mask, by time and number."""

    async def deals_of(self, login: int, since: datetime, until: datetime) -> tuple[Deal, ...]:
        """The same for one login, fetched in pages: for long histories."""

    async def positions(self, *, logins: Collection[int] = (), group: str = "") -> tuple[Position, ...]:
        """Open positions of the logins or of a group mask, by number."""

    async def groups(self, mask: str = "*") -> tuple[GroupInfo, ...]:
        """Groups this manager may see, by name."""

    async def symbols(self, names: Collection[str] | None = None) -> tuple[SymbolInfo, ...]:
        """Instruments by name; all of them when None. One request per instrument: keep the answer."""

    async def ticks(self, symbols: Collection[str], cursor: int = 0) -> Ticks:
        """Latest prices of these symbols that are newer than `cursor` (0: all)."""


@dataclass(frozen=True, slots=True)
class Heard:
    """What a server told by itself.

    `deals` are whole and may come again (they are unique per server and deal). `logins` are accounts whose money,
    settings or positions are no longer what was read last. After a `gap` (the first message of every connection, unless
    the server takes up where the last one ended) something may have been missed: everything is read from the last watermark on.
    """

    deals: tuple[Deal, ...] = ()
    logins: frozenset[int] = frozenset()
    gap: bool = False


@runtime_checkable
class OpensElsewhere(TradingPlatform, Protocol):
    """A platform that opens accounts over another connection than the one it reads with."""

    async def opening_check(self) -> None:
        """Log in where accounts are opened and look; changes nothing. Raises PlatformUnavailable, PlatformRejected."""


@runtime_checkable
class TellsCopies(TradingPlatform, Protocol):
    """A platform with copying of its own, that says what an account has in it."""

    async def copies(self, login: int) -> Copies:
        """One request: not to be polled. Raises PlatformRejected (NOT_FOUND)."""


@runtime_checkable
class PushingPlatform(TradingPlatform, Protocol):
    """A platform that tells what happens as it happens. One that does not is asked again and again."""

    def listen(self) -> AsyncIterator[Heard]:
        """What happens from now on, in the server's order, without end: lost connections are made again inside, and a
        `gap` is told then.

        Raises PlatformRejected (credentials), ValueError when somebody listens already. A slow listener loses nothing: what
        does not fit any more becomes a gap.
        """
