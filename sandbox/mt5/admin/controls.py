"""Writing: servers, prices, orders, robots, time, history, faults. Answers follow the commit."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from sandbox.exchange import store
from sandbox.exchange.money import LOT, parse_decimal, to_scaled
from sandbox.exchange.records import Action, Order, Reason
from sandbox.exchange.retcodes import Refused, Retcode
from sandbox.mt5 import dealing, risk, robots, wire
from sandbox.mt5.admin import importing, mischief, views
from sandbox.mt5.admin.base import AdminRequest
from sandbox.mt5.dealing import Instruction
from sandbox.mt5.server import ServerConfig, TradingServer

Data = dict[str, Any]
_SIDES = {"buy": Action.BUY, "sell": Action.SELL}
_PENDING = {
    "buy_limit": risk.BUY_LIMIT,
    "sell_limit": risk.SELL_LIMIT,
    "buy_stop": risk.BUY_STOP,
    "sell_stop": risk.SELL_STOP,
}
_FIXED_SETTINGS = {"name", "currency", "raw_port"}


def advance(request: AdminRequest) -> Data:
    """Move time forward: `{"advance_seconds": n}`."""
    request.registry.clock.advance(int(request.data["advance_seconds"]))
    return views.clock(request)


async def create_server(request: AdminRequest) -> Data:
    """Create a trading server (see Registry.create); it listens when this is answered."""
    server = request.registry.create(request.data)
    if request.registry.on_create is not None:
        await request.registry.on_create(server)
    return views.summary(server)


def configure(request: AdminRequest) -> Data:
    """Change settings of a running server; name, currency and raw_port cannot change (Refused 3)."""
    server, data = request.server, request.data
    changeable = ServerConfig.known() - _FIXED_SETTINGS
    unknown = set(data) - changeable - {"managers", "groups"}
    if unknown:
        raise Refused(Retcode.INVALID_PARAMETERS, f"cannot set {', '.join(sorted(unknown))}")
    draft = ServerConfig(**{**asdict(server.config), **{key: data[key] for key in data if key in changeable}})
    with server.transaction():
        for manager in importing.managers(data.get("managers", [])):
            store.MANAGERS.put(server.db, manager)
            server.book.managers[manager.login] = manager
        for group in importing.groups(data.get("groups", [])):
            known = server.book.groups.get(group.name)
            if known is not None and known.currency != group.currency:
                raise Refused(Retcode.GROUP_CURRENCY_DIFFERS, group.name)
            store.GROUPS.put(server.db, group)
            server.book.groups[group.name] = group
        server.config = draft
        server.save_config()
    return views.summary(server)


def fix_prices(request: AdminRequest) -> Data:
    """Hold symbols at given prices: `{"EURUSD": {"bid": "1.08350", "ask": "1.08362"}}`; stops react at
    once.
    """
    server, data = request.server, request.data
    for symbol, pair in data.items():
        server.market.fix(symbol, pair["bid"], pair["ask"], server.wall_ms())
    with server.transaction():
        risk.check_stops(server, list(data))
        risk.check_pending(server, list(data))
        risk.check_margins(server)
    return views.prices(request)


def release_prices(request: AdminRequest) -> Data:
    """Let all symbols follow the feed again."""
    request.server.market.release()
    return views.prices(request)


def freeze(request: AdminRequest) -> Data:
    """Stop (or restart) prices and robots: `{"frozen": true}`."""
    request.server.market.frozen = bool(request.data.get("frozen", True))
    return {"frozen": request.server.market.frozen}


def order(request: AdminRequest) -> Data:
    """Open, close or place.

    Open: `{login, symbol, side, lots, sl?, tp?, comment?, reason?}`. Close: `{position, lots?}`. Close by:
    `{position, by}`. Pending: `{login, symbol, type: buy_limit|..., price, lots, sl?, tp?}`.
    """
    server, data = request.server, request.data
    reason = Reason(int(data.get("reason", Reason.CLIENT)))
    comment = str(data.get("comment", ""))
    with server.transaction():
        if "type" in data:
            return {"order": wire.stringify(wire.order(server, _place(server, data, reason)))}
        if "by" in data:
            pair = dealing.close_by(
                server,
                ticket=int(data["position"]),
                by=int(data["by"]),
                instruction=Instruction(reason, 0, 0, comment),
            )
            return {"deals": [wire.stringify(wire.deal(server.market, deal)) for deal in pair]}
        if "position" in data:
            volume = _volume(data["lots"]) if "lots" in data else None
            instruction = Instruction(reason, 0, 0, comment)
            deal = dealing.close_position(server, ticket=int(data["position"]), volume=volume, instruction=instruction)
        else:
            deal = _open(server, data, reason, comment)
    return {"deal": wire.stringify(wire.deal(server.market, deal))}


def _open(server: TradingServer, data: Data, reason: Reason, comment: str) -> Any:
    symbol = str(data["symbol"])
    stops = (_points(server, symbol, data.get("sl")), _points(server, symbol, data.get("tp")))
    return dealing.market_order(
        server,
        login=int(data["login"]),
        symbol=symbol,
        action=_SIDES[data["side"]],
        volume=_volume(data["lots"]),
        instruction=Instruction(reason, 0, 0, comment, *stops),
    )


def _place(server: TradingServer, data: Data, reason: Reason) -> Order:
    spec = server.symbol(str(data["symbol"]))
    account = server.account(int(data["login"]))
    volume, now = _volume(data["lots"]), server.wall_ms()
    if volume % spec.volume_min or not spec.volume_min <= volume <= spec.volume_max:
        raise Refused(Retcode.INVALID_VOLUME)
    price = _points(server, spec.name, data["price"])
    if not price:
        raise Refused(Retcode.INVALID_PRICE)
    placed = Order(
        ticket=server.next_ticket("order"),
        login=account.login,
        symbol=spec.name,
        type=_PENDING[data["type"]],
        state=1,
        volume_initial=volume,
        volume_current=volume,
        price_order=price,
        price_current=price,
        time_setup_msc=now,
        time_done_msc=0,
        reason=reason,
        price_sl=_points(server, spec.name, data.get("sl")),
        price_tp=_points(server, spec.name, data.get("tp")),
        comment=str(data.get("comment", ""))[:31],
    )
    server.book.orders[placed.ticket] = placed
    store.ORDERS.put(server.db, placed)
    return placed


def cancel_order(request: AdminRequest) -> Data:
    """Cancel a pending order (Refused 13)."""
    server = request.server
    placed = server.book.orders.get(int(request.parameters["ticket"]))
    if placed is None:
        raise Refused(Retcode.NOT_FOUND)
    with server.transaction():
        placed.state = risk.CANCELLED
        risk.finish_order(server, placed)
    return {"order": wire.stringify(wire.order(server, placed))}


def _volume(lots: object) -> int:
    value = parse_decimal(str(lots))
    if value is None or value * LOT % 1:
        raise Refused(Retcode.INVALID_VOLUME, str(lots))
    return to_scaled(value, 4)


def _points(server: TradingServer, symbol: str, price: object) -> int:
    if price is None:
        return 0
    value = parse_decimal(str(price))
    if value is None:
        raise Refused(Retcode.INVALID_PRICE, str(price))
    return to_scaled(value, server.symbol(symbol).digits)


def assign_robot(request: AdminRequest) -> Data:
    """Seat a robot: `{login, habit: trend|scalper|martingale|hedger|sleeper, partner?, symbols?}`."""
    server, data = request.server, request.data
    with server.transaction():
        robots.assign(
            server,
            login=int(data["login"]),
            habit=str(data["habit"]),
            partner=int(data.get("partner", 0)),
            symbols=[str(name) for name in data.get("symbols", [])],
        )
    return views.robots(request)


def dismiss_robot(request: AdminRequest) -> Data:
    """Take a robot away."""
    server = request.server
    with server.transaction():
        robots.dismiss(server, int(request.parameters["login"]))
    return views.robots(request)


async def history(request: AdminRequest) -> Data:
    """Import accounts with a past (see importing.import_accounts)."""
    return await importing.import_accounts(request.server, request.data)


def fault(request: AdminRequest) -> Data:
    """Arm a fault for coming requests, or do mischief at once (see mischief.MISCHIEF)."""
    server, data = request.server, request.data
    kind = str(data["kind"])
    if kind in server.faults.kinds:
        value = float(data.get("seconds", data.get("status", 0)))
        if kind == "http_status" and not 400 <= value <= 599:
            raise Refused(Retcode.INVALID_PARAMETERS, "status 400-599")
        armed = server.faults.arm(kind, path=str(data.get("path", "")), count=int(data.get("count", 1)), value=value)
        return {"id": armed.id, **views.faults(request)}
    return mischief.commit(server, kind, data)


def disarm(request: AdminRequest) -> Data:
    """Forget armed faults and put the clock right."""
    request.server.faults.disarm()
    request.server.skew_ms = 0
    return views.faults(request)
