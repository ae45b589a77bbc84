"""Commands of the text protocol: which of the HTTPS form each is, and how its answer is written.

Documented are the names of user, trade, deal, position, order, history, group, time and common; those of symbol/list,
test/access, user/restore, user/check_balance and the archive are derived from their paths.
"""

from __future__ import annotations

from enum import Enum


class Shape(Enum):
    """How a command's `answer` is written: as JSON below the line, or as parameters in it."""

    JSON = "json"
    FLAT = "flat"


_JSON = (
    "/api/user/add",
    "/api/user/update",
    "/api/user/delete",
    "/api/user/get",
    "/api/user/get_batch",
    "/api/user/logins",
    "/api/user/account/get",
    "/api/user/account/get_batch",
    "/api/user/check_balance",
    "/api/user/archive/add",
    "/api/user/archive/get",
    "/api/user/archive/get_batch",
    "/api/user/restore",
    "/api/deal/get",
    "/api/deal/get_page",
    "/api/deal/get_batch",
    "/api/history/get",
    "/api/history/get_page",
    "/api/history/get_batch",
    "/api/position/get",
    "/api/position/get_page",
    "/api/position/get_batch",
    "/api/order/get",
    "/api/order/get_page",
    "/api/order/get_batch",
    "/api/group/get",
    "/api/group/next",
    "/api/symbol/list",
    "/api/symbol/get",
    "/api/symbol/get_group",
    "/api/tick/last",
    "/api/tick/last_group",
    "/api/time/get",
    "/api/common/get",
    "/api/auth/start",
    "/api/auth/answer",
    "/api/test/access",
    "/api/quit",
)
_FLAT = (
    "/api/user/total",
    "/api/user/group",
    "/api/trade/balance",
    "/api/deal/get_total",
    "/api/history/get_total",
    "/api/position/get_total",
    "/api/order/get_total",
    "/api/group/total",
    "/api/symbol/total",
    "/api/time/server",
)

COMMANDS: dict[str, tuple[str, Shape]] = {
    **{path[5:].replace("/", "_").upper(): (path, Shape.JSON) for path in _JSON},
    **{path[5:].replace("/", "_").upper(): (path, Shape.FLAT) for path in _FLAT},
    "USER_PASS_CHECK": ("/api/user/check_password", Shape.JSON),
    "USER_PASS_CHANGE": ("/api/user/change_password", Shape.JSON),
}
