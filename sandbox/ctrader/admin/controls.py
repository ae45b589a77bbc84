"""Writing: plants, orders, faults. Answers follow the commit."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from sandbox.ctrader import copying, records, show
from sandbox.ctrader.admin import mischief, views
from sandbox.ctrader.plant import Plant
from sandbox.ctrader.records import Group, Settings
from sandbox.ctrader.registry import Plants, group_from, manager_from
from sandbox.ctrader.vocabulary import Access, Code, Declined
from sandbox.exchange import store
from sandbox.exchange.catalogue import currency_digits
from sandbox.exchange.faults import REQUEST_FAULTS
from sandbox.exchange.money import LOT, parse_decimal, to_scaled
from sandbox.exchange.records import Action, Deal, Order, Reason
from sandbox.exchange.retcodes import Refused, Retcode
from sandbox.mt5 import dealing, risk
from sandbox.mt5.admin import views as market_views
from sandbox.mt5.admin.base import AdminRequest
from sandbox.mt5.dealing import Instruction
from sandbox.mt5.server import ServerConfig

Data = dict[str, Any]
_SIDES = {"buy": Action.BUY, "sell": Action.SELL}
_PENDING = {
    "buy_limit": risk.BUY_LIMIT,
    "sell_limit": risk.SELL_LIMIT,
    "buy_stop": risk.BUY_STOP,
    "sell_stop": risk.SELL_STOP,
}
_MARKET_SETTINGS = {"owner", "login_first", "login_last", "max_leverage", "autotrade", "autotrade_limit"}


def create_server(request: AdminRequest) -> Data:
    """Create a plant (see Plants.create)."""
    assert isinstance(request.registry, Plants)
    return views.summary(request.registry.create(request.data))


def configure(request: AdminRequest) -> Data:
    """Change settings of a running plant, add or replace managers and groups."""
    plant, data = views.plant_of(request), request.data
    unknown = set(data) - _MARKET_SETTINGS - Settings.known() - {"managers", "groups"}
    if unknown:
        raise Refused(Retcode.INVALID_PARAMETERS, f"cannot set {', '.join(sorted(unknown))}")
    config = ServerConfig(**asdict(plant.config) | {key: data[key] for key in data if key in _MARKET_SETTINGS})
    settings = Settings(**asdict(plant.settings) | {key: data[key] for key in data if key in Settings.known()})
    with plant.transaction():
        for manager in map(manager_from, data.get("managers", [])):
            store.MANAGERS.put(plant.db, manager)
            plant.book.managers[manager.login] = manager
        for group in map(group_from, data.get("groups", [])):
            store.GROUPS.put(plant.db, group)
            plant.book.groups[group.name] = group
            if group.name not in plant.groups:
                named = Group(group.name, plant.next_ticket("group"), f"{group.name} terms")
                records.GROUPS.put(plant.db, named)
                plant.groups[group.name] = named
        plant.forget_terms()
        plant.config, plant.settings = config, settings
        plant.save_config()
        plant.save_settings()
    return views.summary(plant)


def order(request: AdminRequest) -> Data:
    """Open, close or place, for a trader.

    Open: `{login, symbol, side, lots, sl?, tp?, comment?, reason?}`. Close: `{position, lots?}`. Pending:
    `{login, symbol, type: buy_limit|..., price, lots, sl?, tp?}`. `lots` are standard lots.
    """
    plant, data = views.plant_of(request), request.data
    with plant.transaction():
        if "type" in data:
            return {"order": show.pending_order(plant, _place(plant, data))}
        deal = _close(plant, data) if "position" in data else _open(plant, data)
    note = next(records.NOTES.where(plant.db, "ticket = ?", (deal.ticket,)))
    return {"deal": show.deal(plant, deal, note)}


def _open(plant: Plant, data: Data) -> Deal:
    login, symbol = int(data["login"]), str(data["symbol"])
    plant.trader(login)
    stops = (_points(plant, symbol, data.get("sl")), _points(plant, symbol, data.get("tp")))
    return dealing.market_order(
        plant,
        login=login,
        symbol=symbol,
        action=_SIDES[data["side"]],
        volume=_volume(data["lots"]),
        instruction=Instruction(_reason(data), 0, 0, str(data.get("comment", "")), *stops),
    )


def _close(plant: Plant, data: Data) -> Deal:
    ticket = int(data["position"])
    held = plant.book.positions.get(ticket)
    if held is None:
        raise Declined(Code.POSITION_NOT_FOUND, str(ticket))
    if plant.trader(held.login).access not in (Access.FULL_ACCESS, Access.CLOSE_ONLY):
        raise Declined(Code.TRADING_DISABLED, "account")
    volume = _volume(data["lots"]) if "lots" in data else None
    instruction = Instruction(_reason(data), 0, 0, str(data.get("comment", "")))
    return dealing.close_position(plant, ticket=ticket, volume=volume, instruction=instruction)


def _reason(data: Data) -> Reason:
    return Reason(int(data.get("reason", Reason.CLIENT)))


def _place(plant: Plant, data: Data) -> Order:
    spec, trader = plant.symbol(str(data["symbol"])), plant.trader(int(data["login"]))
    volume, now = _volume(data["lots"]), plant.wall_ms()
    price = _points(plant, spec.name, data["price"])
    if volume % spec.volume_min or not spec.volume_min <= volume <= spec.volume_max:
        raise Refused(Retcode.INVALID_VOLUME)
    if not price:
        raise Refused(Retcode.INVALID_PRICE)
    placed = Order(
        ticket=plant.next_ticket("order"),
        login=trader.login,
        symbol=spec.name,
        type=_PENDING[data["type"]],
        state=1,
        volume_initial=volume,
        volume_current=volume,
        price_order=price,
        price_current=price,
        time_setup_msc=now,
        time_done_msc=0,
        reason=_reason(data),
        price_sl=_points(plant, spec.name, data.get("sl")),
        price_tp=_points(plant, spec.name, data.get("tp")),
        comment=str(data.get("comment", ""))[: dealing.COMMENT_LENGTH],
    )
    plant.book.orders[placed.ticket] = placed
    store.ORDERS.put(plant.db, placed)
    plant.tell_order(placed)
    return placed


def cancel_order(request: AdminRequest) -> Data:
    """Cancel a pending order (Refused 13)."""
    plant = views.plant_of(request)
    placed = plant.book.orders.get(int(request.parameters["ticket"]))
    if placed is None:
        raise Refused(Retcode.NOT_FOUND)
    with plant.transaction():
        placed.state = risk.CANCELLED
        risk.finish_order(plant, placed)
        plant.tell_order(placed)
    return {"order": show.pending_order(plant, placed)}


def begin_copy(request: AdminRequest) -> Data:
    """`{login, amount}`: the trader copies somebody with that much, in an account below the trader's own."""
    plant, data = views.plant_of(request), request.data
    trader = plant.trader(int(data["login"]))
    value = parse_decimal(str(data["amount"]))
    if value is None:
        raise Refused(Retcode.INVALID_PARAMETERS, str(data["amount"]))
    with plant.transaction():
        below = copying.begin(plant, trader, to_scaled(value, currency_digits(trader.currency)))
    return {"login": below.login}


def end_copy(request: AdminRequest) -> Data:
    """What is left goes back to the account above."""
    plant = views.plant_of(request)
    with plant.transaction():
        left = copying.end(plant, plant.trader(int(request.parameters["login"])))
    return {"returned": left}


def _volume(lots: object) -> int:
    value = parse_decimal(str(lots))
    if value is None or value * LOT % 1:
        raise Refused(Retcode.INVALID_VOLUME, str(lots))
    return to_scaled(value, 4)


def _points(plant: Plant, symbol: str, price: object) -> int:
    if price is None:
        return 0
    value = parse_decimal(str(price))
    if value is None:
        raise Refused(Retcode.INVALID_PRICE, str(price))
    return to_scaled(value, plant.symbol(symbol).digits)


def fault(request: AdminRequest) -> Data:
    """Arm a fault for coming requests, or do mischief at once."""
    plant, data = views.plant_of(request), request.data
    kind = str(data["kind"])
    if kind not in REQUEST_FAULTS:
        return mischief.commit(plant, kind, data)
    value = float(data.get("seconds", data.get("status", 0)))
    if kind == "http_status" and not 400 <= value <= 599:
        raise Refused(Retcode.INVALID_PARAMETERS, "status 400-599")
    armed = plant.faults.arm(kind, path=str(data.get("path", "")), count=int(data.get("count", 1)), value=value)
    return {"id": armed.id, **market_views.faults(request)}
