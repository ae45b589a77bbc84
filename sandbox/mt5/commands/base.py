"""What every command gets, and the checks they share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sandbox.exchange.records import Account, Manager
from sandbox.exchange.retcodes import Refused, Retcode
from sandbox.mt5.accounts import Fields, group_allowed, mask_matches
from sandbox.mt5.server import TradingServer

MANAGER, ACCOUNTANT, ACCOUNTS_READ, ACCOUNT_DETAILS, ACCOUNTS_MODIFY, TRADES_READ = 1, 24, 25, 26, 27, 29
PAGE_LIMIT = 100


@dataclass(frozen=True, slots=True)
class Context:
    """A request at a server by a manager. `query` and `body` are the raw forms behind `fields`."""

    server: TradingServer
    manager: Manager
    fields: Fields
    query: dict[str, str]
    body: bytes

    def account(self) -> Account:
        """The live account `login` names.

        Refused 3 without login, 13 unknown, 8 in a group of other managers.
        """
        account = self.server.account(self.fields.need("login"))
        if not group_allowed(self.manager, account.group):
            raise Refused(Retcode.NOT_ENOUGH_PERMISSIONS)
        return account

    def visible(self, account: Account) -> bool:
        """True for a live account in the manager's groups."""
        return not account.archived and group_allowed(self.manager, account.group)

    def numbers(self, name: str) -> list[int] | None:
        """A comma separated list of whole numbers, None when absent (Refused 3 when malformed)."""
        text = self.fields.text(name)
        if text is None or not text.strip():
            return None
        try:
            return [int(part) for part in text.split(",") if part.strip()]
        except ValueError:
            raise Refused(Retcode.INVALID_PARAMETERS, f"{name}={text}")

    def accounts(self) -> list[Account]:
        """The visible accounts named by exactly one of `login` (list) and `group` (masks).

        Refused 3 otherwise.
        """
        logins, group = self.numbers("login"), self.fields.text("group")
        if (logins is None) == (not group):
            raise Refused(Retcode.INVALID_PARAMETERS, "exactly one of login and group")
        known = self.server.book.accounts
        if logins is not None:
            return [known[login] for login in logins if login in known and self.visible(known[login])]
        return [
            known[login]
            for login in sorted(known)
            if mask_matches(group or "", known[login].group) and self.visible(known[login])
        ]

    def page(self) -> tuple[int, int]:
        """Offset (from 0) and row count; more than 100 rows are never given. Refused 3 for negative
        numbers.
        """
        offset, total = self.fields.number("offset") or 0, self.fields.number("total")
        total = PAGE_LIMIT if total is None else total
        if offset < 0 or total < 0:
            raise Refused(Retcode.INVALID_PARAMETERS)
        return offset, min(total, PAGE_LIMIT)


@dataclass(frozen=True, slots=True)
class Command:
    """A handler and the manager right it takes."""

    right: int
    run: Callable[[Context], dict[str, Any]]
