"""Money in and out of an account: one operation, found again by the id in its comment."""

import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from .units import Amount

OPERATION_ID = re.compile(r"[A-Za-z0-9_-]{1,31}")
COMMENT_LIMIT = 31  # MT5 cuts after 31 characters; other platforms take more, so this holds for all of them


class BalanceKind(StrEnum):
    """Which pocket of the account a balance operation moves."""

    BALANCE = "balance"
    CREDIT = "credit"
    BONUS = "bonus"
    CORRECTION = "correction"


@dataclass(frozen=True, slots=True)
class BalanceOperation:
    """A signed movement of money on an account: positive in, negative out, in the account's currency.

    The comment on the server is `operation_id`, and a space and `note` where there is one; at most 31
    characters. `check_margin` makes the server refuse to take more than the free margin.
    """

    login: int
    kind: BalanceKind
    amount: Amount
    operation_id: str
    note: str = ""
    check_margin: bool = True

    @property
    def comment(self) -> str:
        return f"{self.operation_id} {self.note}" if self.note else self.operation_id

    def problem(self) -> str | None:
        """Why the comment cannot carry this operation safely, None if it can.

        A cut or altered comment would hide the operation id, the only key by which it can be found again.
        """
        if not OPERATION_ID.fullmatch(self.operation_id):
            return "an operation id is 1 to 31 of A-Z a-z 0-9 _ -"
        if len(self.comment) > COMMENT_LIMIT:
            return f"comment of {len(self.comment)} characters, the limit is {COMMENT_LIMIT}"
        if not (self.comment.isascii() and self.comment.isprintable()):
            return "comment with characters outside printable ASCII"
        return None


@dataclass(frozen=True, slots=True)
class BalanceResult:
    """A balance operation that stands on the server as deal `deal`.

    `executed_at` (UTC) is None where the server's answer does not tell.
    """

    login: int
    deal: int
    operation_id: str
    amount: Amount
    kind: BalanceKind
    executed_at: datetime | None = None
