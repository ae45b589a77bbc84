"""Return codes of the trade server and the error that carries one to the wire.

Numbers as in the vendor's return code tables. Of the texts only `0 Done`, `8 Not enough permissions` and
`3006 Invalid account password` were seen in vendor or field samples; a client must parse the number only.
"""

from __future__ import annotations

from enum import IntEnum


class Retcode(IntEnum):
    """The subset of the platform's return codes this server gives."""

    DONE = 0
    ERROR = 2
    INVALID_PARAMETERS = 3
    TIMEOUT = 9
    NOT_ENOUGH_PERMISSIONS = 8
    NOT_FOUND = 13
    INVALID_TERMINAL_TYPE = 1000
    INVALID_ACCOUNT = 1001
    LOGIN_RANGE_EXHAUSTED = 3002
    LOGIN_OF_OTHER_SERVER = 3003
    ACCOUNT_EXISTS = 3004
    INVALID_PASSWORD = 3006
    ACCOUNT_HAS_TRADES = 3008
    GROUP_CURRENCY_DIFFERS = 3010
    MONEY_LIMIT = 4005
    REQUEST_REJECTED = 10006
    INVALID_REQUEST = 10013
    INVALID_VOLUME = 10014
    INVALID_PRICE = 10015
    INVALID_STOPS = 10016
    TRADE_DISABLED = 10017
    NOT_ENOUGH_MONEY = 10019


TEXTS: dict[Retcode, str] = {
    Retcode.DONE: "Done",
    Retcode.ERROR: "Common error",
    Retcode.INVALID_PARAMETERS: "Invalid parameters",
    Retcode.TIMEOUT: "Operation timeout",
    Retcode.NOT_ENOUGH_PERMISSIONS: "Not enough permissions",
    Retcode.NOT_FOUND: "Not found",
    Retcode.INVALID_TERMINAL_TYPE: "Invalid terminal type",
    Retcode.INVALID_ACCOUNT: "Invalid account",
    Retcode.LOGIN_RANGE_EXHAUSTED: "No more logins in range",
    Retcode.LOGIN_OF_OTHER_SERVER: "Account belongs to another server",
    Retcode.ACCOUNT_EXISTS: "Account already exists",
    Retcode.INVALID_PASSWORD: "Invalid account password",
    Retcode.ACCOUNT_HAS_TRADES: "Account has open trades",
    Retcode.GROUP_CURRENCY_DIFFERS: "Group currency differs",
    Retcode.MONEY_LIMIT: "Money limit exceeded",
    Retcode.REQUEST_REJECTED: "Request rejected",
    Retcode.INVALID_REQUEST: "Invalid request",
    Retcode.INVALID_VOLUME: "Invalid volume",
    Retcode.INVALID_PRICE: "Invalid price",
    Retcode.INVALID_STOPS: "Invalid stops",
    Retcode.TRADE_DISABLED: "Trade disabled",
    Retcode.NOT_ENOUGH_MONEY: "Not enough money",
}


class Refused(Exception):
    """The server declines a request; raised before anything is changed, always."""

    def __init__(self, code: Retcode, detail: str = "") -> None:
        super().__init__(f"{code.value} {TEXTS[code]}" + (f" ({detail})" if detail else ""))
        self.code = code
        self.detail = detail

    @property
    def text(self) -> str:
        """The code as the wire shows it, number first."""
        return retcode_text(self.code)


def retcode_text(code: Retcode) -> str:
    """`"<number> <text>"`, the form of every `retcode` on the wire."""
    return f"{code.value} {TEXTS[code]}"
