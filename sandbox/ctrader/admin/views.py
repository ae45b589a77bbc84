"""Reading: plants and traders."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from sandbox.ctrader import show
from sandbox.ctrader.plant import Plant
from sandbox.ctrader.records import Trader
from sandbox.ctrader.registry import DOMAIN
from sandbox.ctrader.vocabulary import Access, AccountType
from sandbox.exchange.money import scaled_text
from sandbox.mt5.admin.base import AdminRequest

Data = dict[str, Any]


def plant_of(request: AdminRequest) -> Plant:
    """The plant in the path (NotFound)."""
    found = request.server
    assert isinstance(found, Plant)
    return found


def servers(request: AdminRequest) -> Data:
    """All plants in short."""
    return {"servers": [summary(one) for one in request.registry.servers.values() if isinstance(one, Plant)]}


def server(request: AdminRequest) -> Data:
    """One plant with its groups."""
    one = plant_of(request)
    groups = [{"id": group.id, **asdict(one.book.groups[group.name])} for group in one.groups.values()]
    return {**summary(one), "groups": groups}


def summary(one: Plant) -> Data:
    """What a plant is and how much it holds."""
    return {
        "name": one.config.name,
        "host": f"{one.config.name}.{DOMAIN}",
        **asdict(one.settings),
        "max_leverage": one.config.max_leverage,
        "autotrade": one.config.autotrade,
        "autotrade_limit": one.config.autotrade_limit,
        "accounts": len(one.traders),
        "positions": len(one.book.positions),
        "robots": len(one.book.robots),
        "connections": len(one.listeners),
        "frozen": one.market.frozen,
        "skew_seconds": one.skew_ms // 1000,
        "utc_ms": one.wall_ms(),
        "faults_triggered": one.faults.triggered,
    }


def _account(one: Plant, trader: Trader) -> Data:
    account = one.book.accounts[trader.login]
    state, robot = one.state(account), one.book.robots.get(trader.login)
    digits = one.group_of(account).currency_digits
    money = {
        "balance": account.balance,
        "bonus": trader.manager_bonus,
        "non_withdrawable_bonus": trader.locked_bonus,
        "equity": state.equity,
        "margin": state.margin,
    }
    return {
        "login": trader.login,
        "trader_id": trader.trader_id,
        "name": " ".join(filter(None, (account.name, trader.profile.get("lastName")))),
        "group": account.group,
        "currency": trader.currency,
        "leverage": account.leverage,
        "type": AccountType(trader.account_type).name,
        "access": Access(trader.access).name,
        "deleted": bool(account.archived),
        **{name: scaled_text(minor, digits) for name, minor in money.items()},
        "balance_version": trader.balance_version,
        "margin_level": str(state.level),
        "positions": len(one.positions_of(trader.login)),
        "robot": robot.habit if robot else "",
    }


def accounts(request: AdminRequest) -> Data:
    """Traders by login; `offset` and `limit` (500) page through them."""
    one = plant_of(request)
    start, limit = request.number("offset", 0), request.number("limit", 500)
    logins = sorted(one.traders)[start : start + limit]
    return {"total": len(one.traders), "accounts": [_account(one, one.traders[login]) for login in logins]}


def account(request: AdminRequest) -> Data:
    """One trader with its open positions and pending orders."""
    one = plant_of(request)
    found = one.trader(int(request.parameters["login"]))
    orders = [order for order in one.book.orders.values() if order.login == found.login]
    held = [show.position(one, each, one.charges.get(each.ticket)) for each in one.positions_of(found.login)]
    return {
        **_account(one, found),
        "open": held,
        "pending": [show.pending_order(one, order) for order in orders],
    }
