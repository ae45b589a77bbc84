"""The server's card, groups, symbols, prices."""

from __future__ import annotations

from typing import Any

from sandbox.mt5.accounts import group_allowed, mask_matches
from sandbox.mt5_manager import show
from sandbox.mt5_manager.calls.base import MANAGER, Call, Context, invalid
from sandbox.mt5_manager.wire import time_text

Result = dict[str, Any]
BUILD = "sandbox"


def _info(context: Context) -> Result:
    server = context.server
    return {
        "name": server.config.name,
        "owner": server.config.owner,
        "build": BUILD,
        "time": time_text(server.utc_ms(server.wall_ms())),
        "utc_offset_minutes": server.zone_ms // 60_000,
        "zone_agrees": True,
    }


def _groups(context: Context) -> Result:
    mask = context.text("mask")
    found = [
        group
        for group in context.server.book.groups.values()
        if mask_matches(mask, group.name) and group_allowed(context.manager, group.name)
    ]
    rows, following = context.page(sorted(found, key=lambda one: one.name), lambda one: one.name)
    return {"groups": [show.group(context.server, one) for one in rows], "next": following}


def _named(context: Context, names: Any) -> list[str]:
    if not isinstance(names, list) or not all(isinstance(one, str) for one in names):
        raise invalid("names of symbols")
    return [context.server.symbol(one).name for one in names]


def _symbols(context: Context) -> Result:
    known, wanted = context.server.market.symbols, context.args.get("names")
    names = sorted(known if wanted is None else set(_named(context, wanted)))
    rows, following = context.page(names, lambda name: name)
    return {"symbols": [show.symbol(known[name]) for name in rows], "next": following}


def _ticks(context: Context) -> Result:
    market, since = context.server.market, context.integer("cursor")
    names = [name for name in _named(context, context.args.get("symbols")) if market.quotes[name].tick > since]
    return {"ticks": [show.tick(context.server, name) for name in names], "cursor": market.last_tick}


CALLS: dict[str, Call] = {
    "server.info": Call(MANAGER, _info),
    "groups.list": Call(MANAGER, _groups),
    "symbols.list": Call(MANAGER, _symbols),
    "ticks.last": Call(MANAGER, _ticks),
}
