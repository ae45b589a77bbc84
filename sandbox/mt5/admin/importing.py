"""Bulk import: accounts with a past, priced by the feed at the time, so that it agrees with what the
charts show.
"""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from sandbox.exchange import store
from sandbox.exchange.catalogue import GroupSpec, SymbolSpec, quoted
from sandbox.exchange.feed import DAY_MS
from sandbox.exchange.market import RATE_DIGITS
from sandbox.exchange.money import LOT, from_scaled, parse_decimal, scaled_text, to_scaled
from sandbox.exchange.records import DEFAULT_RIGHTS, Account, Action, Deal, Entry, Manager, Order, Reason
from sandbox.exchange.retcodes import Refused, Retcode
from sandbox.mt5 import dealing, robots
from sandbox.mt5.accounts import NAME_LENGTH, NUMBER_FIELDS, TEXT_FIELDS, free_login
from sandbox.mt5.registry import manager_from
from sandbox.mt5.secrets import password_hash
from sandbox.mt5.server import TradingServer

Data = dict[str, Any]
_MONEY = {
    "balance": Action.BALANCE,
    "credit": Action.CREDIT,
    "charge": Action.CHARGE,
    "correction": Action.CORRECTION,
    "bonus": Action.BONUS,
}
_GENERATED_SYMBOLS = ("EURUSD", "GBPUSD", "USDJPY", "AUDUSD", "EURJPY", "XAUUSD", "US500")
_SHARE = Decimal("0.05")


@dataclass(slots=True)
class _Past:
    """An account to be written, its trades as (order, deal) pairs and its money deals, all without tickets
    yet.
    """

    account: Account
    robot: str | None
    rows: list[tuple[int, list[Order], list[Deal]]] = field(default_factory=list)


def managers(requests: list[Data]) -> list[Manager]:
    """Managers from admin data (KeyError, ValueError)."""
    return [manager_from(one) for one in requests]


def groups(requests: list[Data]) -> list[GroupSpec]:
    """Groups from admin data (TypeError for a missing or unknown field, Refused 3 for a currency nobody
    quotes).
    """
    found = [GroupSpec(**one) for one in requests]
    for group in found:
        if not quoted(group.currency):
            raise Refused(Retcode.INVALID_PARAMETERS, f"no prices for {group.currency}")
    return found


async def import_accounts(server: TradingServer, data: Data) -> Data:
    """Create accounts with past deals in one commit; their logins, deal counts and balances.

    `{"accounts": [{login?, group, name, leverage, registered, password?, robot?, <User fields>?, deals?:
    [...], generate?: {trades, from, to}}]}`. Times are UTC seconds. A deal is `{type: balance|credit|...,
    amount, at, comment?}` or a round trip `{type: trade, symbol, side, lots, opened, closed, comment?}`.
    `generate` invents round trips sized to the balance. Refused: 3 malformed, 8 unknown group, 3002/3004 as
    for opening an account, 13 unknown symbol.
    """
    past = []
    for request in data["accounts"]:
        past.append(_prepare(server, request))
        # Pricing the past takes a while: let the market go on in between.
        await asyncio.sleep(0)
    with server.transaction():
        for one in past:
            _write(server, one)
        server.event("history", {"accounts": len(past), "deals": sum(_deal_count(one) for one in past)})
    return {"accounts": [_report(server, one) for one in past]}


def _report(server: TradingServer, one: _Past) -> Data:
    digits = server.group_of(one.account).currency_digits
    balance = scaled_text(one.account.balance, digits)
    return {"login": one.account.login, "deals": _deal_count(one), "balance": balance}


def _deal_count(one: _Past) -> int:
    return sum(len(deals) for _, _, deals in one.rows)


def _prepare(server: TradingServer, request: Data) -> _Past:
    group = server.book.groups.get(str(request["group"]))
    if group is None:
        raise Refused(Retcode.NOT_ENOUGH_PERMISSIONS, f"group {request['group']}")
    leverage = int(request["leverage"])
    if not 1 <= leverage <= server.config.max_leverage:
        raise Refused(Retcode.INVALID_PARAMETERS, "leverage")
    registered = int(request["registered"]) + server.offset_ms // 1000
    password = request.get("password")
    details = {name: str(request[name])[:length] for name, length in TEXT_FIELDS.items() if name in request}
    details.update({name: str(int(request[name])) for name in NUMBER_FIELDS if name in request})
    account = Account(
        login=int(request.get("login", 0)),
        group=group.name,
        name=str(request["name"])[:NAME_LENGTH],
        leverage=leverage,
        rights=int(request.get("rights", DEFAULT_RIGHTS)),
        registration=registered,
        last_access=registered,
        last_pass_change=registered,
        password_main=password_hash(str(password)) if password else "",
        details=details,
    )
    past = _Past(account, request.get("robot"))
    for one in request.get("deals", []):
        if one["type"] == "trade":
            past.rows.append(_round_trip(server, account, group, _trade_from(server, one)))
        else:
            past.rows.append(_money(server, account, group, one))
    past.rows.sort(key=lambda row: row[0])
    if "generate" in request:
        _generate(server, past, group, request["generate"])
    return past


@dataclass(frozen=True, slots=True)
class _Trade:
    spec: SymbolSpec
    action: Action
    volume: int
    opened_ms: int
    closed_ms: int
    comment: str


def _trade_from(server: TradingServer, one: Data) -> _Trade:
    spec = server.symbol(str(one["symbol"]))
    lots = parse_decimal(str(one["lots"]))
    volume = to_scaled(lots, 4) if lots is not None else 0
    opened, closed = int(one["opened"]) * 1000, int(one["closed"]) * 1000
    if volume % spec.volume_min or not spec.volume_min <= volume <= spec.volume_max or closed < opened:
        raise Refused(Retcode.INVALID_PARAMETERS, f"trade {one}")
    side = {"buy": Action.BUY, "sell": Action.SELL}[one["side"]]
    return _Trade(spec, side, volume, opened, closed, str(one.get("comment", ""))[: dealing.COMMENT_LENGTH])


def _money(server: TradingServer, account: Account, group: GroupSpec, one: Data) -> tuple[int, list[Order], list[Deal]]:
    amount = parse_decimal(str(one["amount"]))
    if amount is None or one["type"] not in _MONEY:
        raise Refused(Retcode.INVALID_PARAMETERS, f"deal {one}")
    at_ms = int(one["at"]) * 1000
    deal = _blank_deal(group, at_ms + server.offset_ms, _MONEY[one["type"]], Entry.IN, Reason.DEALER)
    deal.profit = to_scaled(amount, group.currency_digits)
    deal.comment = str(one.get("comment", ""))[: dealing.COMMENT_LENGTH]
    return at_ms, [], [deal]


def _blank_deal(group: GroupSpec, time_msc: int, action: Action, entry: Entry, reason: Reason) -> Deal:
    return Deal(
        ticket=0,
        login=0,
        order_ticket=0,
        action=action,
        entry=entry,
        reason=reason,
        time_msc=time_msc,
        symbol="",
        price=0,
        volume=0,
        volume_closed=0,
        profit=0,
        storage=0,
        commission=0,
        fee=0,
        profit_raw="0",
        rate_profit="0",
        rate_margin="0",
        position=0,
        price_position=0,
        price_sl=0,
        price_tp=0,
        market_bid=0,
        market_ask=0,
        dealer=0,
        expert=0,
        digits_currency=group.currency_digits,
        comment="",
    )


def _past_rate(server: TradingServer, source: str, target: str, at_ms: int) -> Decimal:
    ratio = Decimal(server.feed.per_euro(target, at_ms)) / Decimal(server.feed.per_euro(source, at_ms))
    return from_scaled(to_scaled(ratio, RATE_DIGITS), RATE_DIGITS)


def _round_trip(
    server: TradingServer, account: Account, group: GroupSpec, trade: _Trade
) -> tuple[int, list[Order], list[Deal]]:
    """Two orders and two deals at the feed's prices of those moments."""
    orders, deals = [], []
    back = Action.SELL if trade.action == Action.BUY else Action.BUY
    for at_ms, action, entry in (
        (trade.opened_ms, trade.action, Entry.IN),
        (trade.closed_ms, back, Entry.OUT),
    ):
        bid, ask = server.market.points_at(trade.spec, at_ms)
        price = ask + group.spread_diff if action == Action.BUY else bid
        deal = _blank_deal(group, at_ms + server.offset_ms, action, entry, Reason.CLIENT)
        deal.symbol, deal.price, deal.volume, deal.comment = (
            trade.spec.name,
            price,
            trade.volume,
            trade.comment,
        )
        deal.market_bid, deal.market_ask = bid, ask
        deal.rate_profit = f"{_past_rate(server, trade.spec.profit, group.currency, at_ms):f}"
        deal.rate_margin = f"{_past_rate(server, trade.spec.margin, group.currency, at_ms):f}"
        lots = Decimal(trade.volume) / LOT
        deal.commission = -to_scaled(Decimal(group.commission) * lots, group.currency_digits)
        deal.fee = -to_scaled(Decimal(group.fee) * lots, group.currency_digits)
        deals.append(deal)
        orders.append(
            Order(
                ticket=0,
                login=0,
                symbol=trade.spec.name,
                type=action,
                state=4,
                volume_initial=trade.volume,
                volume_current=0,
                price_order=price,
                price_current=price,
                time_setup_msc=deal.time_msc,
                time_done_msc=deal.time_msc,
                comment=trade.comment,
            )
        )
    _settle(server, group, trade, deals[0], deals[1])
    return trade.opened_ms, orders, deals


def _settle(server: TradingServer, group: GroupSpec, trade: _Trade, opening: Deal, closing: Deal) -> None:
    points = closing.price - opening.price if trade.action == Action.BUY else opening.price - closing.price
    raw = from_scaled(points * trade.spec.contract_size * trade.volume, trade.spec.digits) / LOT
    closing.profit = to_scaled(raw * Decimal(closing.rate_profit), group.currency_digits)
    closing.profit_raw, closing.price_position, closing.volume_closed = (
        f"{raw:f}",
        opening.price,
        trade.volume,
    )
    nights = closing.time_msc // DAY_MS - opening.time_msc // DAY_MS
    if nights:
        per_night = Decimal(trade.spec.swap_long if trade.action == Action.BUY else trade.spec.swap_short)
        amount = per_night * nights * from_scaled(trade.spec.contract_size, trade.spec.digits) * trade.volume / LOT
        closing.storage = to_scaled(amount * Decimal(closing.rate_profit), group.currency_digits)


def _generate(server: TradingServer, past: _Past, group: GroupSpec, wish: Data) -> None:
    """Invent round trips one after the other, none larger than a small share of the balance at that
    moment.
    """
    chance = random.Random(f"{server.seed}/{past.account.name}/{past.account.registration}")
    start, end, count = int(wish["from"]) * 1000, int(wish["to"]) * 1000, int(wish["trades"])
    if count < 1 or end <= start:
        raise Refused(Retcode.INVALID_PARAMETERS, "generate")
    names = [str(name) for name in wish.get("symbols", _GENERATED_SYMBOLS)]
    slot = (end - start) // count
    for index in range(count):
        opened = start + index * slot + chance.randrange(max(1, slot // 3))
        closed = min(end, opened + chance.randrange(60_000, max(60_001, min(slot * 2 // 3 + 60_000, 3 * DAY_MS))))
        balance = sum(
            deal.total
            for _, _, deals in past.rows
            for deal in deals
            if deal.time_msc <= opened + server.offset_ms and deal.action != Action.CREDIT
        )
        spec = server.symbol(chance.choice(names))
        base_price = server.market.points_at(spec, opened)[0]
        unit = Decimal(spec.contract_size * spec.volume_min) / LOT
        unit *= from_scaled(base_price, spec.digits) if spec.margin == spec.profit else 1
        notional = unit * _past_rate(server, spec.margin, group.currency, opened) * Decimal(spec.margin_rate)
        margin = notional.scaleb(group.currency_digits) / past.account.leverage
        steps = int(balance * _SHARE / margin) if balance > 0 else 0
        if steps:
            steps = max(1, min(steps, 300) * chance.randrange(20, 101) // 100)
            action = chance.choice((Action.BUY, Action.SELL))
            trade = _Trade(spec, action, steps * spec.volume_min, opened, closed, "")
            past.rows.append(_round_trip(server, past.account, group, trade))
    past.rows.sort(key=lambda row: row[0])


def _write(server: TradingServer, past: _Past) -> None:
    account = past.account
    account.login = free_login(server, account.login)
    timed = sorted(
        (
            (deal.time_msc, number, index)
            for number, (_, _, deals) in enumerate(past.rows)
            for index, deal in enumerate(deals)
        ),
    )
    orders: list[Order] = []
    deals: list[Deal] = []
    for _, number, index in timed:
        _, row_orders, row_deals = past.rows[number]
        deal = row_deals[index]
        deal.ticket, deal.login = server.next_ticket("deal"), account.login
        if row_orders:
            order = row_orders[index]
            order.ticket, order.login = server.next_ticket("order"), account.login
            deal.order_ticket = order.ticket
            order.position = deal.position = row_orders[0].ticket
            orders.append(order)
        deals.append(deal)
        if deal.action == Action.CREDIT:
            account.credit += deal.profit
        else:
            account.balance += deal.total
        account.last_access = max(account.last_access, deal.time_msc // 1000)
    server.save_account(account)
    store.HISTORY.add(server.db, orders)
    store.DEALS.add(server.db, deals)
    if past.robot:
        robots.assign(server, login=account.login, habit=str(past.robot))
