"""What every request's handler gets, and what they share."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, TypeVar

from sandbox.ctrader.plant import Plant
from sandbox.ctrader.records import Trader
from sandbox.ctrader.vocabulary import Code, Declined, Permission
from sandbox.exchange.records import Manager
from sandbox.mt5.accounts import group_allowed

Record = dict[str, Any]
T = TypeVar("T")


@dataclass(slots=True)
class Spots:
    """The symbols a session wants prices of: by name, the tick it was told last."""

    told: dict[str, int] = field(default_factory=dict)
    timed: bool = False


@dataclass(frozen=True, slots=True)
class Context:
    """A request at a plant by a manager; `request` holds the fields that were present."""

    plant: Plant
    manager: Manager
    request: Record
    spots: Spots

    def visible(self, login: int) -> bool:
        """True for a trader in the manager's groups, deleted ones too."""
        account = self.plant.book.accounts.get(login)
        return account is not None and group_allowed(self.manager, account.group)

    def trader(self, trader_id: int) -> Trader:
        """A live trader of the manager's groups. Declined TRADER_NOT_FOUND."""
        found = self.plant.trader_by_id(trader_id)
        if not self.visible(found.login):
            raise Declined(Code.TRADER_NOT_FOUND, str(trader_id))
        return found

    def window(self) -> tuple[int, int]:
        """`fromTimestamp` and `toTimestamp`, milliseconds, both ends included. Declined INCORRECT_BOUNDARIES."""
        start, end = self.request["fromTimestamp"], self.request["toTimestamp"]
        if start < 0 or end < start:
            raise Declined(Code.INCORRECT_BOUNDARIES, f"{start}-{end}")
        return start, end

    def chunk(self, rows: Iterable[T], limit: int | None = None) -> tuple[list[T], bool]:
        """The first rows, as many as one answer holds (or fewer, by `limit`), and whether there are more."""
        size = self.plant.settings.chunk if not limit else min(limit, self.plant.settings.chunk)
        taken = list(islice(iter(rows), size + 1))
        return taken[:size], len(taken) > size


@dataclass(frozen=True, slots=True)
class Handler:
    """What answers a request, with which message, and the permission it takes (None: any manager)."""

    answer: str
    permission: Permission | None
    run: Callable[[Context], Record]
