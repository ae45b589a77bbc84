"""Groups, symbols, ticks, time and the server's own card."""

from __future__ import annotations

from typing import Any

from sandbox.exchange import store
from sandbox.exchange.catalogue import GroupSpec, SymbolSpec
from sandbox.exchange.retcodes import Refused, Retcode
from sandbox.mt5 import wire
from sandbox.mt5.accounts import group_allowed, mask_matches
from sandbox.mt5.commands.base import MANAGER, Command, Context

Answer = dict[str, Any]


def _groups(context: Context) -> list[GroupSpec]:
    return [group for group in context.server.book.groups.values() if group_allowed(context.manager, group.name)]


def _group_get(context: Context) -> Answer:
    name, mask = context.fields.text("group"), context.fields.text("mask")
    if mask:
        chosen = [group for group in _groups(context) if mask_matches(mask, group.name)]
        return {"answer": [wire.group(context.server, group) for group in chosen]}
    for group in _groups(context):
        if group.name == name:
            return {"answer": wire.group(context.server, group)}
    raise Refused(Retcode.NOT_FOUND)


def _group_next(context: Context) -> Answer:
    groups, index, count = _groups(context), context.fields.need("index"), context.fields.number("count")
    if not 0 <= index < len(groups):
        raise Refused(Retcode.NOT_FOUND)
    if count is None:
        return {"answer": wire.group(context.server, groups[index])}
    return {"answer": [wire.group(context.server, group) for group in groups[index : index + max(0, count)]]}


def _group_total(context: Context) -> Answer:
    return {"answer": {"Total": len(_groups(context))}}


def _symbol_list(context: Context) -> Answer:
    return {"answer": list(context.server.market.symbols)}


def _symbol_get(context: Context) -> Answer:
    market = context.server.market
    mask = context.fields.text("mask")
    if mask:
        chosen = [spec for spec in market.symbols.values() if mask_matches(mask, spec.name)]
        return {"answer": [wire.symbol(market, spec) for spec in chosen]}
    return {"answer": wire.symbol(market, context.server.symbol(context.fields.text("symbol") or ""))}


def _symbol_get_group(context: Context) -> Answer:
    group = _named_group(context)
    spec = context.server.symbol(context.fields.text("symbol") or "")
    return {"answer": wire.symbol(context.server.market, spec, group.spread_diff)}


def _named_group(context: Context) -> GroupSpec:
    group = context.server.book.groups.get(context.fields.text("group") or "")
    if group is None or not group_allowed(context.manager, group.name):
        raise Refused(Retcode.NOT_FOUND)
    return group


def _symbol_total(context: Context) -> Answer:
    return {"answer": {"Total": len(context.server.market.symbols)}}


def _ticks(context: Context, markup: int) -> Answer:
    market = context.server.market
    since = context.fields.number("trans_id") or 0
    names = (context.fields.text("symbol") or "").split(",")
    known: list[SymbolSpec] = [context.server.symbol(name.strip()) for name in names]
    fresh = [spec.name for spec in known if market.quotes[spec.name].tick > since]
    return {"trans_id": market.last_tick, "answer": [wire.tick(market, name, markup) for name in fresh]}


def _tick_last(context: Context) -> Answer:
    return _ticks(context, 0)


def _tick_last_group(context: Context) -> Answer:
    return _ticks(context, _named_group(context).spread_diff)


def _time_server(context: Context) -> Answer:
    return {"answer": {"Time": wire.time_text(context.server.wall_ms())}}


def _time_get(context: Context) -> Answer:
    config = context.server.config
    return {
        "answer": {
            "Daylight": config.daylight,
            "DaylightState": config.daylight_state,
            "TimeZone": config.timezone_minutes,
            "TimeServer": "",
            "Days": [["1"] * 24 for _ in range(7)],
        }
    }


def _common_get(context: Context) -> Answer:
    server = context.server
    accounts = server.book.accounts.values()
    return {
        "answer": {
            "Name": server.config.name,
            "Owner": server.config.owner,
            "OwnerID": "",
            "OwnerHost": "",
            "OwnerEmail": "",
            "Product": "MetaTrader 5 sandbox",
            "ExpirationLicense": 0,
            "ExpirationSupport": 0,
            "LimitTradeServers": 1,
            "LimitWebServers": 1,
            "LimitAccounts": server.config.login_last - server.config.login_first + 1,
            "LimitDeals": 0,
            "LimitSymbols": 0,
            "LimitGroups": 0,
            "LiveUpdateMode": 0,
            "TotalUsers": len(accounts),
            "TotalUsersReal": sum(account.group.startswith("real") for account in accounts),
            "TotalDeals": store.DEALS.count(server.db),
            "TotalOrders": len(server.book.orders),
            "TotalOrdersHistory": store.HISTORY.count(server.db),
            "TotalPositions": len(server.book.positions),
        }
    }


COMMANDS: dict[str, Command] = {
    "/api/group/get": Command(MANAGER, _group_get),
    "/api/group/next": Command(MANAGER, _group_next),
    "/api/group/total": Command(MANAGER, _group_total),
    "/api/symbol/list": Command(MANAGER, _symbol_list),
    "/api/symbol/get": Command(MANAGER, _symbol_get),
    "/api/symbol/get_group": Command(MANAGER, _symbol_get_group),
    "/api/symbol/total": Command(MANAGER, _symbol_total),
    "/api/tick/last": Command(MANAGER, _tick_last),
    "/api/tick/last_group": Command(MANAGER, _tick_last_group),
    "/api/time/server": Command(MANAGER, _time_server),
    "/api/time/get": Command(MANAGER, _time_get),
    "/api/common/get": Command(MANAGER, _common_get),
}
