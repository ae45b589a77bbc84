"""The market's records as the contract writes them. Times: the server's wall clock converted to UTC."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from sandbox.exchange.accounting import closing_price, floating_of
from sandbox.exchange.catalogue import NETTING, GroupSpec, SymbolSpec
from sandbox.exchange.money import LOT, scaled_text
from sandbox.exchange.records import Account, Deal, Order, Position
from sandbox.mt5_manager.server import BridgedServer, Happening
from sandbox.mt5_manager.wire import money, time_text

Shown = dict[str, Any]
# Our word: bit of the record, and whether the bit set means yes.
RIGHTS: dict[str, tuple[int, bool]] = {
    "can_log_in": (0x1, True),
    "can_trade": (0x4, False),
    "can_change_password": (0x2, True),
    "can_use_experts": (0x40, True),
    "can_trail_stops": (0x20, True),
    "gets_reports": (0x100, True),
}
# Our word: the market's name of the text field. `external_id` is where this service keeps the client's id.
DETAILS: dict[str, str] = {
    "external_id": "ID",
    "company": "Company",
    "country": "Country",
    "city": "City",
    "state": "State",
    "zip_code": "ZipCode",
    "address": "Address",
    "phone": "Phone",
    "email": "Email",
    "comment": "Comment",
}
KINDS = ("buy", "sell", "balance", "credit", "charge", "correction", "bonus")
ENTRIES = ("in", "out", "in_out", "out_by")
REASONS = ("client", "expert", "dealer", "stop_loss", "take_profit", "stop_out")
ORDERS = {2: "buy_limit", 3: "sell_limit", 4: "buy_stop", 5: "sell_stop"}
_COMPENSATION = 19
_LOT_DIGITS = 4


def rights(flags: int) -> Shown:
    return {name: bool(flags & bit) is means for name, (bit, means) in RIGHTS.items()}


def flags(known: int, wanted: dict[str, bool]) -> int:
    """`known` with the rights named set or taken away."""
    for name, yes in wanted.items():
        bit, means = RIGHTS[name]
        known = known | bit if yes is means else known & ~bit
    return known


def _moment(server: BridgedServer, wall_ms: int) -> str | None:
    return time_text(server.utc_ms(wall_ms)) if wall_ms else None


def account(server: BridgedServer, one: Account, *, personal: bool) -> Shown:
    """`personal` without it texts about the holder are null."""
    group = server.group_of(one)
    texts = {"name": one.name, **{name: one.details.get(key, "") for name, key in DETAILS.items()}}
    return {
        "login": one.login,
        "group": one.group,
        "currency": group.currency,
        "digits": group.currency_digits,
        "leverage": one.leverage,
        "rights": rights(one.rights),
        **(texts if personal else dict.fromkeys(texts)),
        "agent": int(one.details.get("Agent", "0")),
        "balance": money(one.balance, group.currency_digits),
        "credit": money(one.credit, group.currency_digits),
        "registered_at": _moment(server, one.registration * 1000),
        "last_access_at": _moment(server, one.last_access * 1000),
    }


def state(server: BridgedServer, one: Account) -> Shown:
    group, now = server.group_of(one), server.state(one)
    amounts = {
        "balance": one.balance,
        "credit": one.credit,
        "equity": now.equity,
        "margin": now.margin,
        "free_margin": now.free,
        "floating": now.floating,
    }
    return {
        "login": one.login,
        "currency": group.currency,
        "digits": group.currency_digits,
        **{name: money(minor, group.currency_digits) for name, minor in amounts.items()},
        "margin_level": f"{now.level:f}" if now.margin else None,
        "leverage": one.leverage,
    }


def _kind(action: int) -> str:
    return KINDS[action] if action < len(KINDS) else "compensation" if action == _COMPENSATION else "other"


def deal(server: BridgedServer, one: Deal) -> Shown:
    spec = server.market.symbols.get(one.symbol)
    digits = spec.digits if spec else 0
    amounts = {"profit": one.profit, "swap": one.storage, "commission": one.commission, "fee": one.fee}
    return {
        "deal": one.ticket,
        "login": one.login,
        "order": one.order_ticket,
        "position": one.position,
        "external_id": "",
        "kind": _kind(one.action),
        "entry": ENTRIES[one.entry] if spec else None,
        "reason": REASONS[one.reason],
        "symbol": one.symbol,
        "lots": scaled_text(one.volume, _LOT_DIGITS),
        "closed_lots": scaled_text(one.volume_closed, _LOT_DIGITS),
        "price": scaled_text(one.price, digits),
        "position_price": scaled_text(one.price_position, digits),
        "bid": scaled_text(one.market_bid, digits) if one.market_bid else None,
        "ask": scaled_text(one.market_ask, digits) if one.market_ask else None,
        "gateway_price": None,
        "contract_size": str(spec.contract_size if spec else 0),
        **{name: money(minor, one.digits_currency) for name, minor in amounts.items()},
        "profit_rate": one.rate_profit,
        "margin_rate": one.rate_margin,
        "digits": one.digits_currency,
        "executed_at": time_text(server.utc_ms(one.time_msc)),
        "comment": one.comment,
    }


def position(server: BridgedServer, one: Position) -> Shown:
    spec = server.market.symbols[one.symbol]
    group = server.group_of(server.book.accounts[one.login])
    result = floating_of(server.market, group, one)

    def price(points: int) -> str:
        return scaled_text(points, spec.digits)

    return {
        "position": one.ticket,
        "login": one.login,
        "symbol": one.symbol,
        "side": KINDS[one.action],
        "lots": scaled_text(one.volume, _LOT_DIGITS),
        "price_open": price(one.price_open),
        "price_current": price(closing_price(server.market, one)),
        "stop_loss": price(one.price_sl) if one.price_sl else None,
        "take_profit": price(one.price_tp) if one.price_tp else None,
        "contract_size": str(spec.contract_size),
        "profit": money(result.minor, group.currency_digits),
        "swap": money(one.storage, group.currency_digits),
        "profit_rate": f"{result.rate:f}",
        "margin_rate": one.rate_margin,
        "reason": REASONS[one.reason],
        "opened_at": time_text(server.utc_ms(one.time_create_msc)),
        "updated_at": time_text(server.utc_ms(one.time_update_msc)),
        "comment": one.comment,
    }


def order(server: BridgedServer, one: Order) -> Shown:
    digits = server.market.symbols[one.symbol].digits
    return {
        "order": one.ticket,
        "login": one.login,
        "symbol": one.symbol,
        "type": ORDERS[one.type],
        "lots": scaled_text(one.volume_current, _LOT_DIGITS),
        "price": scaled_text(one.price_order, digits),
        "stop_loss": scaled_text(one.price_sl, digits) if one.price_sl else None,
        "take_profit": scaled_text(one.price_tp, digits) if one.price_tp else None,
        "placed_at": time_text(server.utc_ms(one.time_setup_msc)),
        "comment": one.comment,
    }


def group(server: BridgedServer, one: GroupSpec) -> Shown:
    return {
        "name": one.name,
        "company": server.config.owner,
        "currency": one.currency,
        "digits": one.currency_digits,
        "margin_mode": "netting" if one.margin_mode == NETTING else "hedging",
        "margin_call": one.margin_call,
        "stop_out": one.stop_out,
        "stop_out_unit": "percent",
        "min_password_length": one.password_min,
        "connections_allowed": True,
    }


def symbol(one: SymbolSpec) -> Shown:
    point = scaled_text(1, one.digits)
    return {
        "symbol": one.name,
        "path": one.path,
        "base_currency": one.base,
        "profit_currency": one.profit,
        "margin_currency": one.margin,
        "digits": one.digits,
        "point": point,
        "spread": 0,
        "contract_size": str(one.contract_size),
        "tick_size": point,
        "tick_value": f"{Decimal(point) * one.contract_size:f}",
        "lots_min": scaled_text(one.volume_min, _LOT_DIGITS),
        "lots_max": scaled_text(one.volume_max, _LOT_DIGITS),
        "lots_step": f"{Decimal(one.volume_min) / LOT:f}",
        "swap_long": one.swap_long,
        "swap_short": one.swap_short,
        "is_tradable": one.full_trading,
    }


def tick(server: BridgedServer, name: str) -> Shown:
    quote, digits = server.market.quotes[name], server.market.symbols[name].digits
    return {
        "symbol": name,
        "bid": scaled_text(quote.bid, digits),
        "ask": scaled_text(quote.ask, digits),
        "last": None,
        "at": time_text(server.utc_ms(quote.time_msc)),
    }


def happening(server: BridgedServer, one: Happening) -> Shown:
    """The event without its number."""
    if one.deal is not None:
        return {"event": "deal", "deal": deal(server, one.deal)}
    if one.kind == "missed":
        return {"event": "missed"}
    shown: Shown = {"event": one.kind, "login": one.login}
    if one.what:
        shown["what"] = one.what
    if one.number:
        shown["number"] = one.number
    return shown
