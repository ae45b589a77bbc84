"""What every call gets, and the checks they share."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

from sandbox.exchange.records import Account, Manager
from sandbox.mt5.accounts import group_allowed, mask_matches
from sandbox.mt5_manager.refusals import Declined
from sandbox.mt5_manager.server import BridgedServer
from sandbox.mt5_manager.wire import time_ms

MANAGER, ACCOUNTANT, ACCOUNTS_READ, ACCOUNT_DETAILS, ACCOUNTS_MODIFY, TRADES_READ = 1, 24, 25, 26, 27, 29
ROWS_MOST = LOGINS_MOST = 1000
_INT64 = 2**63
T = TypeVar("T")


def invalid(text: str) -> Declined:
    return Declined("invalid_parameters", text)


@dataclass(frozen=True, slots=True)
class Context:
    """A request at a server by a manager."""

    server: BridgedServer
    manager: Manager
    args: dict[str, Any]

    def text(self, name: str) -> str:
        value = self.args.get(name)
        if not isinstance(value, str):
            raise invalid(f"{name} is a text")
        return value

    def integer(self, name: str) -> int:
        value = self.args.get(name)
        if not isinstance(value, int) or isinstance(value, bool) or not -_INT64 <= value < _INT64:
            raise invalid(f"{name} is a whole number")
        return value

    def flag(self, name: str) -> bool:
        value = self.args.get(name)
        if not isinstance(value, bool):
            raise invalid(f"{name} is true or false")
        return value

    def record(self, name: str) -> dict[str, Any]:
        value = self.args.get(name)
        if not isinstance(value, dict):
            raise invalid(f"{name} is an object")
        return value

    def moment(self, name: str) -> int:
        """UTC milliseconds."""
        try:
            return time_ms(self.args.get(name))
        except ValueError:
            raise invalid(f"{name} is a time")

    @property
    def personal(self) -> bool:
        """Whether this manager sees personal details."""
        return ACCOUNT_DETAILS in self.manager.rights

    def account(self) -> Account:
        """The account `login` names."""
        found = self.server.account(self.integer("login"))
        if not group_allowed(self.manager, found.group):
            raise Declined("not_found", f"login {found.login}")
        return found

    def accounts(self) -> list[Account]:
        """Those that exactly one of `logins` and `group` names, by login."""
        logins, group, known = self.args.get("logins"), self.args.get("group"), self.server.book.accounts
        if isinstance(logins, list) and group is None and len(logins) <= LOGINS_MOST:
            chosen: Iterable[Account] = (known[one] for one in set(logins) if one in known)
        elif logins is None and isinstance(group, str) and group:
            chosen = (one for one in known.values() if mask_matches(group, one.group))
        else:
            raise invalid("exactly one of logins (at most 1000) and group")
        seen = (one for one in chosen if not one.archived and group_allowed(self.manager, one.group))
        return sorted(seen, key=lambda one: one.login)

    def page(self, rows: Iterable[T], key: Callable[[T], str]) -> tuple[list[T], str | None]:
        """The rows after `after`, at most `limit`, and where the next page begins. `key` sorts as the rows are."""
        after, limit = self.args.get("after"), self.integer("limit")
        if not 1 <= limit <= ROWS_MOST or not (after is None or isinstance(after, str)):
            raise invalid("after and limit")
        rest = [row for row in rows if after is None or key(row) > after]
        return rest[:limit], key(rest[limit - 1]) if len(rest) > limit else None


def padded(number: int) -> str:
    """A number as a key that sorts as the number does."""
    return f"{number:020d}"


@dataclass(frozen=True, slots=True)
class Call:
    """A handler, the manager's right it takes, and whether it changes something."""

    right: int
    run: Callable[[Context], dict[str, Any]]
    changes: bool = False
