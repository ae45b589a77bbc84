"""Reading: what is there and what happened."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from typing import Any

from sandbox.exchange import store
from sandbox.exchange.clock import real_ms
from sandbox.exchange.money import scaled_text
from sandbox.exchange.records import Account
from sandbox.mt5 import wire
from sandbox.mt5.admin.base import AdminRequest
from sandbox.mt5.registry import HOST_SUFFIX
from sandbox.mt5.server import TradingServer

Data = dict[str, Any]


def health(request: AdminRequest) -> Data:
    """Ready, and for which servers."""
    return {"status": "ok", "servers": sorted(request.registry.servers)}


def clock(request: AdminRequest) -> Data:
    """Sandbox UTC and the machine's, milliseconds."""
    one = request.registry.clock
    return {"utc_ms": one.now_ms(), "real_ms": real_ms(), "offset_ms": one.offset_ms, "speed": str(one.speed)}


def servers(request: AdminRequest) -> Data:
    """All servers in short."""
    return {"servers": [summary(one) for one in request.registry.servers.values()]}


def server(request: AdminRequest) -> Data:
    """One server with its groups."""
    one = request.server
    return {**summary(one), "groups": [asdict(group) for group in one.book.groups.values()]}


def summary(one: TradingServer) -> Data:
    """What a server is and how much it holds."""
    return {
        **asdict(one.config),
        "host": one.config.name + HOST_SUFFIX,
        "accounts": len(one.book.accounts),
        "positions": len(one.book.positions),
        "robots": len(one.book.robots),
        "frozen": one.market.frozen,
        "skew_seconds": one.skew_ms // 1000,
        "wall_time": wire.time_text(one.wall_ms()),
        "faults_triggered": one.faults.triggered,
    }


def _account(one: TradingServer, account: Account) -> Data:
    group = one.group_of(account)
    state = one.state(account)
    robot = one.book.robots.get(account.login)
    money = {
        "balance": account.balance,
        "credit": account.credit,
        "equity": state.equity,
        "margin": state.margin,
    }
    return {
        "login": account.login,
        "name": account.name,
        "group": account.group,
        "currency": group.currency,
        "leverage": account.leverage,
        "rights": account.rights,
        "archived": bool(account.archived),
        **{name: scaled_text(minor, group.currency_digits) for name, minor in money.items()},
        "margin_level": str(state.level),
        "positions": len(one.positions_of(account.login)),
        "robot": robot.habit if robot else None,
    }


def accounts(request: AdminRequest) -> Data:
    """Accounts by login; `offset` and `limit` (500) page through them."""
    one = request.server
    start, limit = request.number("offset", 0), request.number("limit", 500)
    logins = sorted(one.book.accounts)[start : start + limit]
    rows = [_account(one, one.book.accounts[login]) for login in logins]
    return {"total": len(one.book.accounts), "accounts": rows}


def account(request: AdminRequest) -> Data:
    """One account with its open positions and pending orders."""
    one = request.server
    found = one.account(int(request.parameters["login"]))
    orders = [order for order in one.book.orders.values() if order.login == found.login]
    return {
        **_account(one, found),
        "open": [wire.stringify(wire.position(one, position)) for position in one.positions_of(found.login)],
        "pending": [wire.stringify(wire.order(one, order)) for order in orders],
    }


def prices(request: AdminRequest) -> Data:
    """The present quotes."""
    market = request.server.market
    quotes = {name: wire.tick(market, name) for name in market.quotes}
    return {
        "frozen": market.frozen,
        "prices": {
            name: {
                "bid": one["Bid"],
                "ask": one["Ask"],
                "fixed": name in market.fixed,
                "time_msc": one["DatetimeMsc"],
            }
            for name, one in quotes.items()
        },
    }


def robots(request: AdminRequest) -> Data:
    """Who trades by machine."""
    return {"robots": [asdict(row) for row in request.server.book.robots.values()]}


def faults(request: AdminRequest) -> Data:
    """Armed faults."""
    return {"faults": request.server.faults.listing()}


async def events(request: AdminRequest) -> Data:
    """Events after a number, oldest first; waits up to `timeout` seconds (25, at most 60) for the first
    one.
    """
    one, after = request.server, request.number("after", 0)
    limit = min(request.number("limit", 1000), 5000)
    deadline = asyncio.get_running_loop().time() + min(float(request.http.query.get("timeout", 25)), 60.0)
    while True:
        changed = one.changed
        found = store.events_after(one.db, after, limit, latest=request.http.query.get("order") == "latest")
        remaining = deadline - asyncio.get_running_loop().time()
        if found or remaining <= 0:
            return {"events": found, "last": found[-1]["seq"] if found else after, "now_ms": real_ms()}
        try:
            await asyncio.wait_for(changed.wait(), remaining)
        except TimeoutError:
            continue
