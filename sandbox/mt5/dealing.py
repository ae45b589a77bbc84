"""Everything that makes a deal: balance operations, opening, closing, netting, close-by.

Call inside `server.transaction()`. A Refused is raised before anything is changed.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from sandbox.exchange import store
from sandbox.exchange.accounting import closing_price, margin_of, notional_of, profit_of
from sandbox.exchange.catalogue import GroupSpec, SymbolSpec
from sandbox.exchange.money import LOT, to_scaled
from sandbox.exchange.records import (
    RIGHT_ENABLED,
    RIGHT_TRADE_DISABLED,
    Account,
    Action,
    Deal,
    Entry,
    Order,
    Position,
    Reason,
)
from sandbox.exchange.retcodes import Refused, Retcode
from sandbox.mt5.server import TradingServer

COMMENT_LENGTH = 31
MONEY_LIMIT = 1_000_000_000
BALANCE_ACTIONS = (Action.BALANCE, Action.CREDIT, Action.CHARGE, Action.CORRECTION, Action.BONUS)


@dataclass(frozen=True, slots=True)
class Instruction:
    """Why and for whom a trade is made; the same for the order and its deal."""

    reason: int = Reason.CLIENT
    dealer: int = 0
    expert: int = 0
    comment: str = ""
    price_sl: int = 0
    price_tp: int = 0


def balance_operation(
    server: TradingServer,
    *,
    login: int,
    action: int,
    amount: Decimal,
    comment: str = "",
    check_margin: bool = True,
    dealer: int = 0,
) -> int:
    """Change balance or credit by a signed amount of the account's currency; the deal's ticket.

    Refused: 13 unknown login, 3 action not 2-6 or zero amount, 4005 beyond a thousand million, 10019
    withdrawing more than the free margin or the balance, or taking back more credit than was given.
    """
    account = server.account(login)
    if action not in BALANCE_ACTIONS:
        raise Refused(Retcode.INVALID_PARAMETERS, f"type {action}")
    if abs(amount) > MONEY_LIMIT:
        raise Refused(Retcode.MONEY_LIMIT)
    minor = to_scaled(amount, server.group_of(account).currency_digits)
    if minor == 0:
        raise Refused(Retcode.INVALID_PARAMETERS, "nothing to move")
    if action == Action.CREDIT:
        if account.credit + minor < 0:
            raise Refused(Retcode.NOT_ENOUGH_MONEY, "more than the credit given")
    elif minor < 0 and check_margin and (-minor > account.balance or -minor > server.state(account).free):
        raise Refused(Retcode.NOT_ENOUGH_MONEY)
    return book_money(server, account, action, minor, comment=comment[:COMMENT_LENGTH], dealer=dealer)


def book_money(
    server: TradingServer, account: Account, action: int, minor: int, *, comment: str, dealer: int = 0
) -> int:
    """Record a money deal without checks; the deal's ticket."""
    deal = _money_deal(server, account, action, minor, comment, dealer)
    if action == Action.CREDIT:
        account.credit += minor
    else:
        account.balance += minor
    server.save_account(account)
    server.add_deal(deal)
    return deal.ticket


def _money_deal(server: TradingServer, account: Account, action: int, minor: int, comment: str, dealer: int) -> Deal:
    return Deal(
        ticket=server.next_ticket("deal"),
        login=account.login,
        order_ticket=0,
        action=action,
        entry=Entry.IN,
        reason=Reason.DEALER,
        time_msc=server.wall_ms(),
        symbol="",
        price=0,
        volume=0,
        volume_closed=0,
        profit=minor,
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
        dealer=dealer,
        expert=0,
        digits_currency=server.group_of(account).currency_digits,
        comment=comment,
    )


def market_order(
    server: TradingServer, *, login: int, symbol: str, action: int, volume: int, instruction: Instruction
) -> Deal:
    """Trade `volume` (1/10 000 lot) at market.

    Hedging accounts get a new position, netting ones add, reduce or turn.

    Refused: 13 unknown login or symbol, 10014 volume, 10016 stops on the wrong side, 10017 trading disabled
    for the account or symbol, 10019 free margin too small.
    """
    account = server.account(login)
    spec = server.symbol(symbol)
    group = server.group_of(account)
    _check_trading(account, spec)
    if volume % spec.volume_min or not spec.volume_min <= volume <= spec.volume_max:
        raise Refused(Retcode.INVALID_VOLUME, str(volume))
    price = market_price(server, group, spec, action)
    _check_stops(action, price, instruction)
    existing = None
    if not group.hedging:
        existing = next((one for one in server.positions_of(login) if one.symbol == symbol), None)
    if existing is None or existing.action == action:
        _check_margin(server, account, group, spec, action, volume, price)
    elif volume > existing.volume:
        _check_margin(server, account, group, spec, action, volume - existing.volume, price)
    order = _filled_order(server, account, spec, action, volume, price, instruction)
    if existing is None:
        return _open(server, account, group, spec, order, instruction)
    if existing.action == action:
        return _increase(server, group, spec, order, existing, instruction)
    if volume <= existing.volume:
        return _reduce(server, group, spec, order, existing, instruction, Entry.OUT)
    return _turn(server, group, spec, order, existing, instruction)


def close_position(server: TradingServer, *, ticket: int, volume: int | None = None, instruction: Instruction) -> Deal:
    """Close a position (or part of it) at market.

    Refused 13 unknown ticket, 10014 volume beyond the position's.
    """
    position = server.book.positions.get(ticket)
    if position is None:
        raise Refused(Retcode.NOT_FOUND, f"position {ticket}")
    volume = position.volume if volume is None else volume
    spec = server.symbol(position.symbol)
    if volume % spec.volume_min or not 0 < volume <= position.volume:
        raise Refused(Retcode.INVALID_VOLUME, str(volume))
    account = server.account(position.login)
    action = Action.SELL if position.action == Action.BUY else Action.BUY
    price = closing_price(server.market, position)
    order = _filled_order(server, account, spec, action, volume, price, instruction, position.ticket)
    return _reduce(server, server.group_of(account), spec, order, position, instruction, Entry.OUT)


def close_by(server: TradingServer, *, ticket: int, by: int, instruction: Instruction) -> list[Deal]:
    """Close two opposite positions against each other at the other's opening price; a deal per side (entry
    out-by).

    Refused: 13 unknown ticket, 10013 not opposite positions of one account and symbol.
    """
    first, second = server.book.positions.get(ticket), server.book.positions.get(by)
    if first is None or second is None:
        raise Refused(Retcode.NOT_FOUND)
    if (first.login, first.symbol) != (second.login, second.symbol) or first.action == second.action:
        raise Refused(Retcode.INVALID_REQUEST, "close by needs two opposite positions")
    account, spec = server.account(first.login), server.symbol(first.symbol)
    group = server.group_of(account)
    volume = min(first.volume, second.volume)
    deals = []
    opened = {first.ticket: first.price_open, second.ticket: second.price_open}
    for one, other in ((first, second), (second, first)):
        action = Action.SELL if one.action == Action.BUY else Action.BUY
        # The pair locks in the distance of the two opening prices once: the first side carries it.
        price = opened[other.ticket] if one is first else opened[one.ticket]
        order = _filled_order(server, account, spec, action, volume, price, instruction, one.ticket)
        deals.append(_reduce(server, group, spec, order, one, instruction, Entry.OUT_BY))
    return deals


def market_price(server: TradingServer, group: GroupSpec, spec: SymbolSpec, action: int) -> int:
    """The price a client of this group gets now: the ask to buy (with the group's markup), the bid to
    sell.
    """
    quote = server.market.quotes[spec.name]
    return quote.ask + group.spread_diff if action == Action.BUY else quote.bid


def _check_trading(account: Account, spec: SymbolSpec) -> None:
    if not account.rights & RIGHT_ENABLED or account.rights & RIGHT_TRADE_DISABLED:
        raise Refused(Retcode.TRADE_DISABLED, "account")
    if not spec.full_trading:
        raise Refused(Retcode.TRADE_DISABLED, spec.name)


def _check_stops(action: int, price: int, instruction: Instruction) -> None:
    sign = 1 if action == Action.BUY else -1
    if instruction.price_sl and (price - instruction.price_sl) * sign <= 0:
        raise Refused(Retcode.INVALID_STOPS, "stop loss")
    if instruction.price_tp and (instruction.price_tp - price) * sign <= 0:
        raise Refused(Retcode.INVALID_STOPS, "take profit")


def _check_margin(
    server: TradingServer,
    account: Account,
    group: GroupSpec,
    spec: SymbolSpec,
    action: int,
    volume: int,
    price: int,
) -> None:
    notional, rate = notional_of(server.market, group, spec, volume, price)
    added = Position(0, account.login, spec.name, action, volume, price, 0, 0, notional, f"{rate:f}")
    charges = -_charge(group.commission, group, volume) - _charge(group.fee, group, volume)
    margin = margin_of([*server.positions_of(account.login), added], account.leverage)
    if server.state(account).equity - charges < margin:
        raise Refused(Retcode.NOT_ENOUGH_MONEY)


def _charge(per_lot: str, group: GroupSpec, volume: int) -> int:
    return -to_scaled(Decimal(per_lot) * volume / LOT, group.currency_digits)


def _filled_order(
    server: TradingServer,
    account: Account,
    spec: SymbolSpec,
    action: int,
    volume: int,
    price: int,
    instruction: Instruction,
    position: int = 0,
) -> Order:
    now = server.wall_ms()
    ticket = server.next_ticket("order")
    order = Order(
        ticket=ticket,
        login=account.login,
        symbol=spec.name,
        type=action,
        state=4,
        volume_initial=volume,
        volume_current=0,
        price_order=price,
        price_current=price,
        time_setup_msc=now,
        time_done_msc=now,
        position=position or ticket,
        reason=instruction.reason,
        expert=instruction.expert,
        price_sl=instruction.price_sl,
        price_tp=instruction.price_tp,
        comment=instruction.comment[:COMMENT_LENGTH],
    )
    store.HISTORY.add(server.db, [order])
    return order


def _deal(
    server: TradingServer,
    group: GroupSpec,
    order: Order,
    entry: int,
    instruction: Instruction,
    position: int,
    *,
    price_position: int = 0,
    volume_closed: int = 0,
    profit: int = 0,
    profit_raw: str = "0",
    storage: int = 0,
    rate_margin: str = "0",
) -> Deal:
    """Record the deal of a filled order and settle it with the account."""
    quote = server.market.quotes[order.symbol]
    spec = server.market.symbols[order.symbol]
    deal = Deal(
        ticket=server.next_ticket("deal"),
        login=order.login,
        order_ticket=order.ticket,
        action=order.type,
        entry=entry,
        reason=order.reason,
        time_msc=order.time_done_msc,
        symbol=order.symbol,
        price=order.price_current,
        volume=order.volume_initial,
        volume_closed=volume_closed,
        profit=profit,
        storage=storage,
        commission=_charge(group.commission, group, order.volume_initial),
        fee=_charge(group.fee, group, order.volume_initial),
        profit_raw=profit_raw,
        rate_profit=f"{server.market.rate(spec.profit, group.currency):f}",
        rate_margin=rate_margin,
        position=position,
        price_position=price_position,
        price_sl=instruction.price_sl,
        price_tp=instruction.price_tp,
        market_bid=quote.bid,
        market_ask=quote.ask,
        dealer=instruction.dealer,
        expert=instruction.expert,
        digits_currency=group.currency_digits,
        comment=order.comment,
    )
    account = server.book.accounts[order.login]
    account.balance += deal.total
    account.last_access = order.time_done_msc // 1000
    server.save_account(account)
    server.add_deal(deal)
    return deal


def _open(
    server: TradingServer,
    account: Account,
    group: GroupSpec,
    spec: SymbolSpec,
    order: Order,
    instruction: Instruction,
) -> Deal:
    price, volume = order.price_current, order.volume_initial
    notional, rate = notional_of(server.market, group, spec, volume, price)
    server.save_position(
        Position(
            ticket=order.ticket,
            login=account.login,
            symbol=spec.name,
            action=order.type,
            volume=volume,
            price_open=price,
            time_create_msc=order.time_done_msc,
            time_update_msc=order.time_done_msc,
            notional=notional,
            rate_margin=f"{rate:f}",
            reason=order.reason,
            expert=order.expert,
            price_sl=instruction.price_sl,
            price_tp=instruction.price_tp,
            comment=order.comment,
        )
    )
    return _deal(server, group, order, Entry.IN, instruction, order.ticket, rate_margin=f"{rate:f}")


def _increase(
    server: TradingServer,
    group: GroupSpec,
    spec: SymbolSpec,
    order: Order,
    position: Position,
    instruction: Instruction,
) -> Deal:
    notional, rate = notional_of(server.market, group, spec, order.volume_initial, order.price_current)
    volume = position.volume + order.volume_initial
    weighted = position.price_open * position.volume + order.price_current * order.volume_initial
    position.price_open = to_scaled(Decimal(weighted) / volume, 0)
    position.volume = volume
    position.notional += notional
    _update_stops(position, order, instruction)
    server.save_position(position)
    return _deal(
        server,
        group,
        order,
        Entry.IN,
        instruction,
        position.ticket,
        price_position=position.price_open,
        rate_margin=f"{rate:f}",
    )


def _update_stops(position: Position, order: Order, instruction: Instruction) -> None:
    position.time_update_msc = order.time_done_msc
    position.price_sl = instruction.price_sl or position.price_sl
    position.price_tp = instruction.price_tp or position.price_tp


def _reduce(
    server: TradingServer,
    group: GroupSpec,
    spec: SymbolSpec,
    order: Order,
    position: Position,
    instruction: Instruction,
    entry: int,
) -> Deal:
    volume = order.volume_initial
    result = profit_of(server.market, group, spec, position.action, volume, position.price_open, order.price_current)
    storage = to_scaled(Decimal(position.storage) * volume / position.volume, 0)
    if volume == position.volume:
        server.drop_position(position)
    else:
        position.notional -= to_scaled(Decimal(position.notional) * volume / position.volume, 0)
        position.storage -= storage
        position.volume -= volume
        position.time_update_msc = order.time_done_msc
        server.save_position(position)
    return _deal(
        server,
        group,
        order,
        entry,
        instruction,
        position.ticket,
        price_position=position.price_open,
        volume_closed=volume,
        profit=result.minor,
        profit_raw=f"{result.raw:f}",
        storage=storage,
    )


def _turn(
    server: TradingServer,
    group: GroupSpec,
    spec: SymbolSpec,
    order: Order,
    position: Position,
    instruction: Instruction,
) -> Deal:
    """Netting reversal: one deal closes the old side and opens the rest on the other (entry in/out)."""
    closed, storage, opened = position.volume, position.storage, position.price_open
    result = profit_of(server.market, group, spec, position.action, closed, opened, order.price_current)
    rest = order.volume_initial - closed
    notional, rate = notional_of(server.market, group, spec, rest, order.price_current)
    position.action, position.volume, position.price_open = order.type, rest, order.price_current
    position.notional, position.rate_margin, position.storage = notional, f"{rate:f}", 0
    position.price_sl = position.price_tp = 0
    _update_stops(position, order, instruction)
    server.save_position(position)
    return _deal(
        server,
        group,
        order,
        Entry.INOUT,
        instruction,
        position.ticket,
        price_position=opened,
        volume_closed=closed,
        profit=result.minor,
        profit_raw=f"{result.raw:f}",
        storage=storage,
        rate_margin=f"{rate:f}",
    )
