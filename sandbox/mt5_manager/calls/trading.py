"""Money, deals, positions, waiting orders."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sandbox.exchange import store
from sandbox.exchange.money import parse_decimal
from sandbox.exchange.records import Account, Action, Deal
from sandbox.mt5 import dealing
from sandbox.mt5.robots import engage_when_funded
from sandbox.mt5_manager import operations, show
from sandbox.mt5_manager.calls.base import ACCOUNTANT, TRADES_READ, Call, Context, invalid, padded
from sandbox.mt5_manager.refusals import Declined

Result = dict[str, Any]
COMMENT_MOST = 31
ACTIONS = {
    "balance": Action.BALANCE,
    "credit": Action.CREDIT,
    "bonus": Action.BONUS,
    "correction": Action.CORRECTION,
}
_CHUNK = 500


def _apply(context: Context) -> Result:
    account, server = context.account(), context.server
    action = ACTIONS.get(context.text("kind"))
    amount = parse_decimal(context.text("amount"))
    if action is None or amount is None:
        raise invalid("kind and amount")
    if amount != round(amount, server.group_of(account).currency_digits):
        raise Declined("unsupported_scale", str(amount))
    comment, operation = context.text("comment"), context.text(operations.ARGUMENT)
    fits = len(comment) <= COMMENT_MOST and comment.isascii() and comment.isprintable()
    if not fits or comment.partition(" ")[0] != operation:
        raise Declined("comment_unusable", f"{len(comment)} characters")
    ticket = dealing.balance_operation(
        server,
        login=account.login,
        action=action,
        amount=amount,
        comment=comment,
        check_margin=context.flag("check_margin"),
        dealer=context.manager.login,
    )
    engage_when_funded(server, account)
    made = server.deal_of(ticket)
    assert made is not None
    return {"deal": show.deal(server, made)}


def _find(context: Context) -> Result:
    account, operation, since = context.account(), context.text("operation"), context.moment("since")
    server = context.server
    found = [
        show.deal(server, deal)
        for deal in _deals(context, [account], since, 1 << 53)
        if deal.comment.partition(" ")[0] == operation and deal.action in ACTIONS.values()
    ]
    state = operations.state(server, context.manager, "balance.apply", operation)
    return {"deals": found, "state": state}


def _deals(context: Context, accounts: list[Account], since: int, until: int) -> Iterator[Deal]:
    """Of these accounts with since <= time < until (UTC milliseconds), by time and number."""
    server, logins = context.server, [one.login for one in accounts]
    window = (since + server.zone_ms, until + server.zone_ms)
    found: list[Deal] = []
    for start in range(0, len(logins), _CHUNK):
        part = logins[start : start + _CHUNK]
        condition = f"login IN ({', '.join('?' * len(part))}) AND time_msc >= ? AND time_msc < ?"
        found += store.DEALS.where(server.db, condition, (*part, *window))
    yield from sorted(found, key=lambda deal: (deal.time_msc, deal.ticket))


def _deal_list(context: Context) -> Result:
    found = _deals(context, context.accounts(), context.moment("since"), context.moment("until"))
    rows, following = context.page(found, lambda deal: padded(deal.time_msc) + padded(deal.ticket))
    return {"deals": [show.deal(context.server, one) for one in rows], "next": following}


def _positions(context: Context) -> Result:
    found = (one for account in context.accounts() for one in context.server.positions_of(account.login))
    rows, following = context.page(sorted(found, key=lambda one: one.ticket), lambda one: padded(one.ticket))
    return {"positions": [show.position(context.server, one) for one in rows], "next": following}


def _orders(context: Context) -> Result:
    logins = {account.login for account in context.accounts()}
    found = (one for one in context.server.book.orders.values() if one.login in logins)
    rows, following = context.page(sorted(found, key=lambda one: one.ticket), lambda one: padded(one.ticket))
    return {"orders": [show.order(context.server, one) for one in rows], "next": following}


CALLS: dict[str, Call] = {
    "balance.apply": Call(ACCOUNTANT, _apply, changes=True),
    "balance.find": Call(TRADES_READ, _find),
    "deals.list": Call(TRADES_READ, _deal_list),
    "positions.list": Call(TRADES_READ, _positions),
    "orders.list": Call(TRADES_READ, _orders),
}
