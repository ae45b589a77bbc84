"""The contract's errors, and what the market's return codes are called in it."""

from __future__ import annotations

from typing import Any

from sandbox.exchange.retcodes import Refused, Retcode

NAMES: dict[Retcode, str] = {
    Retcode.INVALID_PARAMETERS: "invalid_parameters",
    Retcode.NOT_ENOUGH_PERMISSIONS: "no_permission",
    Retcode.NOT_FOUND: "not_found",
    Retcode.LOGIN_RANGE_EXHAUSTED: "logins_exhausted",
    Retcode.LOGIN_OF_OTHER_SERVER: "wrong_server",
    Retcode.ACCOUNT_EXISTS: "already_exists",
    Retcode.INVALID_PASSWORD: "invalid_password",
    Retcode.ACCOUNT_HAS_TRADES: "has_open_trades",
    Retcode.GROUP_CURRENCY_DIFFERS: "currency_differs",
    Retcode.MONEY_LIMIT: "money_limit",
    Retcode.NOT_ENOUGH_MONEY: "not_enough_money",
}


class Declined(Exception):
    """An error by its name in the contract."""

    def __init__(self, name: str, text: str = "", native: int | None = None) -> None:
        super().__init__(f"{name} {text}".strip())
        self.name = name
        self.text = text
        self.native = native

    @classmethod
    def of(cls, refusal: Refused) -> Declined:
        """What the market refused."""
        return cls(NAMES.get(refusal.code, "internal_error"), refusal.detail, refusal.code.value)

    @property
    def record(self) -> dict[str, Any]:
        return {"name": self.name, "text": self.text, "native": self.native, "retry_after_seconds": None}
