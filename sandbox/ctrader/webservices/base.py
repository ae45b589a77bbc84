"""What every WebServices call gets, and how its fields are read."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from enum import IntEnum
from typing import Any, TypeVar

from sandbox.ctrader.plant import Plant
from sandbox.ctrader.records import Trader
from sandbox.ctrader.vocabulary import Code, Declined
from sandbox.exchange.records import Manager
from sandbox.mt5.accounts import group_allowed
from sandbox.mt5.http import Request

Data = dict[str, Any]
E = TypeVar("E", bound=IntEnum)
DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class Call:
    """A request at a plant by a manager, with the parts of its path."""

    plant: Plant
    manager: Manager
    http: Request
    parameters: dict[str, str]

    @property
    def body(self) -> Data:
        """The JSON object in the body, numbers with a point as Decimal. Declined INVALID_REQUEST."""
        try:
            data = json.loads(self.http.body, parse_float=Decimal)
        except ValueError:
            data = None
        if not isinstance(data, dict):
            raise Declined(Code.INVALID_REQUEST, "a JSON object is expected")
        return data

    def visible(self, login: int) -> bool:
        """True for a live trader of the manager's groups."""
        account = self.plant.book.accounts.get(login)
        return account is not None and not account.archived and group_allowed(self.manager, account.group)

    def trader(self, login: object) -> Trader:
        """A live trader of the manager's groups. Declined TRADER_NOT_FOUND."""
        found = self.plant.trader(whole(login, "login"))
        if not self.visible(found.login):
            raise Declined(Code.TRADER_NOT_FOUND, str(login))
        return found

    def named(self) -> Trader:
        """The trader in the path, which the body may repeat but not contradict."""
        trader = self.trader(self.parameters["login"])
        if self.http.body.strip() and self.body.get("login", trader.login) != trader.login:
            raise Declined(Code.INVALID_REQUEST, "two logins")
        return trader

    def window(self) -> tuple[int, int]:
        """`from` and `to` of the query as milliseconds. Declined INVALID_REQUEST."""
        query = self.http.query
        if "from" not in query or "to" not in query:
            raise Declined(Code.INVALID_REQUEST, "from and to are required")
        start, end = moment(query["from"]), moment(query["to"])
        if end < start:
            raise Declined(Code.INVALID_REQUEST, "from is after to")
        return start, end

    def one_login(self) -> int | None:
        """The query's `login`, if it names one."""
        return self.trader(self.http.query["login"]).login if "login" in self.http.query else None


def need(data: Data, *names: str) -> None:
    """Declined INVALID_REQUEST unless all are there."""
    missing = [name for name in names if data.get(name) is None]
    if missing:
        raise Declined(Code.INVALID_REQUEST, f"missing: {', '.join(missing)}")


def whole(value: object, name: str) -> int:
    """A whole number. Declined INVALID_REQUEST."""
    if isinstance(value, bool) or not re.fullmatch(r"-?\d{1,18}", str(value)):
        raise Declined(Code.INVALID_REQUEST, name)
    return int(str(value))


def choice(enumeration: type[E], value: object, name: str) -> E:
    """A member by its name. Declined INVALID_REQUEST."""
    if not isinstance(value, str) or value not in enumeration.__members__:
        raise Declined(Code.INVALID_REQUEST, f"{name}: {value}")
    return enumeration[value]


def moment(text: str) -> int:
    """Milliseconds from `yyyy-MM-ddTHH:mm:ss.SSS` UTC or from a number of them. Declined INVALID_REQUEST."""
    if re.fullmatch(r"\d{1,15}", text):
        return int(text)
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise Declined(Code.INVALID_REQUEST, f"time {text}")
    found = found if found.tzinfo else found.replace(tzinfo=UTC)
    return round(found.timestamp() * 1000)


def moment_text(ms: int) -> str:
    """`yyyy-MM-ddTHH:mm:ss.SSS`, UTC."""
    whole_seconds = datetime.fromtimestamp(ms // 1000, UTC)
    return f"{whole_seconds:%Y-%m-%dT%H:%M:%S}.{ms % 1000:03d}"
