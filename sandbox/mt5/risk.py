"""What the server does by itself as prices and days move: stops, pending orders, margin calls, stop-outs,
swaps.
"""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

from sandbox.exchange import store
from sandbox.exchange.accounting import closing_price, floating_of
from sandbox.exchange.feed import DAY_MS
from sandbox.exchange.money import LOT, from_scaled, scaled_text, to_scaled
from sandbox.exchange.records import Account, Action, Order, Position, Reason
from sandbox.exchange.retcodes import Refused
from sandbox.mt5 import dealing
from sandbox.mt5.dealing import Instruction
from sandbox.mt5.server import TradingServer

FILLED, CANCELLED = 4, 2
BUY_LIMIT, SELL_LIMIT, BUY_STOP, SELL_STOP = 2, 3, 4, 5
_NONE, _MARGIN_CALL, _STOP_OUT = 0, 1, 2
_THURSDAY_EPOCH = 3
"""1970-01-01 was a Thursday: (days + 3) % 7 is 0 on Mondays."""


def check_stops(server: TradingServer, changed: list[str]) -> None:
    """Close positions whose stop loss or take profit the market has reached. Call inside a transaction."""
    symbols = set(changed)
    for position in list(server.book.positions.values()):
        if position.symbol not in symbols or not (position.price_sl or position.price_tp):
            continue
        price = closing_price(server.market, position)
        sign = 1 if position.action == Action.BUY else -1
        if position.price_sl and (price - position.price_sl) * sign <= 0:
            _close(server, position, Reason.STOP_LOSS, f"[sl {_price(server, position, position.price_sl)}]")
        elif position.price_tp and (price - position.price_tp) * sign >= 0:
            _close(server, position, Reason.TAKE_PROFIT, f"[tp {_price(server, position, position.price_tp)}]")


def _price(server: TradingServer, position: Position, points: int) -> str:
    return scaled_text(points, server.market.symbols[position.symbol].digits)


def _close(server: TradingServer, position: Position, reason: Reason, comment: str) -> None:
    instruction = Instruction(reason=reason, expert=position.expert, comment=comment)
    dealing.close_position(server, ticket=position.ticket, instruction=instruction)


def check_pending(server: TradingServer, changed: list[str]) -> None:
    """Fill pending orders whose price the market has reached; cancel those that no longer fit the account."""
    symbols = set(changed)
    for order in list(server.book.orders.values()):
        if order.symbol not in symbols or not _reached(server, order):
            continue
        action = Action.BUY if order.type in (BUY_LIMIT, BUY_STOP) else Action.SELL
        instruction = Instruction(
            reason=order.reason,
            expert=order.expert,
            comment=order.comment,
            price_sl=order.price_sl,
            price_tp=order.price_tp,
        )
        order.state = FILLED
        try:
            deal = dealing.market_order(
                server,
                login=order.login,
                symbol=order.symbol,
                action=action,
                volume=order.volume_initial,
                instruction=instruction,
            )
            order.position = deal.position
        except Refused:
            order.state = CANCELLED
        finish_order(server, order)


def _reached(server: TradingServer, order: Order) -> bool:
    quote = server.market.quotes[order.symbol]
    return {
        BUY_LIMIT: quote.ask <= order.price_order,
        BUY_STOP: quote.ask >= order.price_order,
        SELL_LIMIT: quote.bid >= order.price_order,
        SELL_STOP: quote.bid <= order.price_order,
    }[order.type]


def finish_order(server: TradingServer, order: Order) -> None:
    """Move a pending order to history in its present state."""
    order.time_done_msc = server.wall_ms()
    order.volume_current = 0 if order.state == FILLED else order.volume_initial
    del server.book.orders[order.ticket]
    store.ORDERS.delete(server.db, order.ticket)
    store.HISTORY.add(server.db, [order])


def check_margins(server: TradingServer) -> None:
    """Margin calls and stop-outs of every account with positions. Call inside a transaction."""
    for login, positions in list(server.book.by_login.items()):
        account = server.book.accounts.get(login)
        if account is None:
            continue
        if positions:
            _check_margin(server, account)
        elif account.so_activation:
            account.so_activation = _NONE
            server.save_account(account)


def _check_margin(server: TradingServer, account: Account) -> None:
    group = server.group_of(account)
    state = server.state(account)
    if not state.margin:
        return
    if state.level <= Decimal(group.stop_out):
        _stop_out(server, account)
    elif state.level <= Decimal(group.margin_call):
        if account.so_activation != _MARGIN_CALL:
            _mark(server, account, _MARGIN_CALL, "margin_call")
    elif account.so_activation:
        account.so_activation = _NONE
        server.save_account(account)


def _mark(server: TradingServer, account: Account, activation: int, kind: str) -> None:
    state = server.state(account)
    account.so_activation = activation
    account.so_time = server.wall_ms() // 1000
    account.so_level, account.so_equity, account.so_margin = str(state.level), state.equity, state.margin
    server.save_account(account)
    server.event(kind, {"login": account.login, "level": str(state.level), "equity": state.equity})


def _stop_out(server: TradingServer, account: Account) -> None:
    """Close the largest loss, and the next, until the level is above the stop-out level again."""
    group = server.group_of(account)
    _mark(server, account, _STOP_OUT, "stop_out")
    while positions := server.positions_of(account.login):
        state = server.state(account)
        if not state.margin or state.level > Decimal(group.stop_out):
            break
        worst = min(
            positions,
            key=lambda one: (floating_of(server.market, group, one).minor + one.storage, one.ticket),
        )
        digits = group.currency_digits
        equity, margin = scaled_text(state.equity, digits), scaled_text(state.margin, digits)
        _close(server, worst, Reason.STOP_OUT, f"[so {state.level}%/{equity}/{margin}]")
    if account.balance < 0 and group.negative_protection and not server.positions_of(account.login):
        dealing.book_money(
            server, account, Action.STOP_OUT_COMPENSATION, -account.balance, comment="stop-out compensation"
        )


def roll_over(server: TradingServer, from_wall_ms: int, to_wall_ms: int) -> int:
    """Charge swaps for every server midnight in (from, to], three nights on Wednesday; the number of
    midnights.
    """
    first, last = from_wall_ms // DAY_MS, to_wall_ms // DAY_MS
    for day in range(first, last):
        weekday = (day + _THURSDAY_EPOCH) % 7
        nights = (1, 1, 3, 1, 1, 0, 0)[weekday]
        for position in list(server.book.positions.values()):
            if nights and position.time_create_msc < (day + 1) * DAY_MS:
                _charge_swap(server, position, nights)
        _close_day(server, day + 1)
    return last - first


def _charge_swap(server: TradingServer, position: Position, nights: int) -> None:
    spec = server.market.symbols[position.symbol]
    group = server.group_of(server.book.accounts[position.login])
    points = Decimal(spec.swap_long if position.action == Action.BUY else spec.swap_short) * nights
    amount = points * from_scaled(spec.contract_size, spec.digits) * position.volume / LOT
    position.storage += to_scaled(amount * server.market.rate(spec.profit, group.currency), group.currency_digits)
    server.save_position(position)


def _close_day(server: TradingServer, day: int) -> None:
    """Remember each account's balance and equity at the end of the day, and of the month on its last day."""
    new_month = (date(1970, 1, 1) + timedelta(days=day)).day == 1
    for account in server.book.accounts.values():
        if account.archived:
            continue
        equity = server.state(account).equity
        if new_month:
            account.balance_prev_month, account.equity_prev_month = account.balance, equity
        elif (account.balance_prev_day, account.equity_prev_day) == (account.balance, equity):
            continue
        account.balance_prev_day, account.equity_prev_day = account.balance, equity
        server.save_account(account)
    server.event("day_end", {"day": day})
