"""`/api/trade/balance` and everything that reads deals, positions and orders."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sandbox.exchange import store
from sandbox.exchange.money import parse_decimal
from sandbox.exchange.records import Deal, Order, Position
from sandbox.exchange.retcodes import Refused, Retcode
from sandbox.exchange.store import Table
from sandbox.mt5 import dealing, wire
from sandbox.mt5.accounts import group_allowed, mask_matches
from sandbox.mt5.commands.base import ACCOUNTANT, TRADES_READ, Command, Context
from sandbox.mt5.robots import engage_when_funded

Answer = dict[str, Any]
_CHUNK = 500


def _balance(context: Context) -> Answer:
    amount = parse_decimal(context.fields.text("balance") or "")
    if amount is None:
        raise Refused(Retcode.INVALID_PARAMETERS, "balance")
    account = context.account()
    checked = context.fields.number("check_margin")
    with context.server.transaction():
        ticket = dealing.balance_operation(
            context.server,
            login=account.login,
            action=context.fields.need("type"),
            amount=amount,
            comment=context.fields.text("comment") or "",
            check_margin=checked != 0,
            dealer=context.manager.login,
        )
        engage_when_funded(context.server, account)
    return {"answer": {"Ticket": ticket}}


# -- deals and closed orders: in the file, by time -----------------------------------------------------------


class _Archive:
    """Reading one table of finished things through the four calls the platform offers for each."""

    def __init__(self, table: Table[Any], moment: str, show: Callable[[Context, Any], Answer]) -> None:
        self._table = table
        self._moment = moment
        self._show = show

    def _window(self, context: Context) -> tuple[int, int]:
        """The `from`-`to` window, whole seconds, both ends included, as milliseconds."""
        start, end = context.fields.need("from"), context.fields.need("to")
        if start < 0 or end < start:
            raise Refused(Retcode.INVALID_PARAMETERS, "from/to")
        return start * 1000, min(end, 1 << 40) * 1000 + 999

    def _visible(self, context: Context, login: int) -> bool:
        account = context.server.book.accounts.get(login)
        return account is not None and group_allowed(context.manager, account.group)

    def get(self, context: Context) -> Answer:
        """One row by ticket."""
        found = list(self._table.where(context.server.db, "ticket = ?", (context.fields.need("ticket"),)))
        if not found or not self._visible(context, found[0].login):
            raise Refused(Retcode.NOT_FOUND)
        return {"answer": self._show(context, found[0])}

    def get_total(self, context: Context) -> Answer:
        """How many rows an account has in a window."""
        condition = f"login = ? AND {self._moment} BETWEEN ? AND ?"
        arguments = (context.account().login, *self._window(context))
        return {"answer": {"Total": self._table.count(context.server.db, condition, arguments)}}

    def get_page(self, context: Context) -> Answer:
        """Up to 100 rows of an account in a window, oldest first."""
        offset, total = context.page()
        condition = f"login = ? AND {self._moment} BETWEEN ? AND ? ORDER BY {self._moment}, ticket LIMIT ? OFFSET ?"
        arguments = (context.account().login, *self._window(context), total, offset)
        rows = self._table.where(context.server.db, condition, arguments)
        return {"answer": [self._show(context, row) for row in rows]}

    def get_batch(self, context: Context) -> Answer:
        """Rows by exactly one of a ticket list, a login list or group masks; the latter two need a window."""
        tickets, logins, group = (
            context.numbers("ticket"),
            context.numbers("login"),
            context.fields.text("group"),
        )
        if sum((tickets is not None, logins is not None, bool(group))) != 1:
            raise Refused(Retcode.INVALID_PARAMETERS, "exactly one of login, group and ticket")
        if tickets is not None:
            rows = self._chunks(context, "ticket", tickets, "", ())
        else:
            window = self._window(context)
            within = f" AND {self._moment} BETWEEN ? AND ?"
            if logins is not None:
                rows = self._chunks(context, "login", logins, within, window)
            else:
                condition = f"{self._moment} BETWEEN ? AND ? ORDER BY {self._moment}, ticket"
                rows = list(self._table.where(context.server.db, condition, window))
        names = context.fields.text("symbol")
        symbols = {name.strip() for name in names.split(",")} if names else None
        known = context.server.book.accounts
        allowed: dict[int, bool] = {}
        answer = []
        for row in rows:
            if row.login not in allowed:
                visible = self._visible(context, row.login)
                allowed[row.login] = visible and (not group or mask_matches(group, known[row.login].group))
            if allowed[row.login] and (symbols is None or row.symbol in symbols):
                answer.append(self._show(context, row))
        return {"answer": answer}

    def _chunks(
        self, context: Context, column: str, values: list[int], within: str, window: tuple[int, ...]
    ) -> list[Any]:
        rows: list[Any] = []
        for start in range(0, len(values), _CHUNK):
            part = values[start : start + _CHUNK]
            condition = f"{column} IN ({', '.join('?' * len(part))}){within}"
            rows += self._table.where(context.server.db, condition, (*part, *window))
        rows.sort(key=lambda row: (getattr(row, self._moment), row.ticket))
        return rows


def _show_deal(context: Context, deal: Deal) -> Answer:
    return wire.deal(context.server.market, deal)


def _show_order(context: Context, order: Order) -> Answer:
    return wire.order(context.server, order)


def _show_position(context: Context, position: Position) -> Answer:
    return wire.position(context.server, position)


_DEALS = _Archive(store.DEALS, "time_msc", _show_deal)
_HISTORY = _Archive(store.HISTORY, "time_done_msc", _show_order)


# -- positions and pending orders: in the book ---------------------------------------------------------------


def _positions(context: Context, login: int | None) -> list[Position]:
    book = context.server.book
    return list(book.positions.values()) if login is None else context.server.positions_of(login)


def _orders(context: Context, login: int | None) -> list[Order]:
    return [one for one in context.server.book.orders.values() if login in (None, one.login)]


class _Open:
    """Reading open things through the calls the platform offers for each."""

    def __init__(
        self, rows: Callable[[Context, int | None], list[Any]], show: Callable[[Context, Any], Answer]
    ) -> None:
        self._rows = rows
        self._show = show

    def get_total(self, context: Context) -> Answer:
        """How many the account has."""
        return {"answer": {"Total": len(self._rows(context, context.account().login))}}

    def get_page(self, context: Context) -> Answer:
        """Up to 100 of the account's."""
        offset, total = context.page()
        rows = self._rows(context, context.account().login)[offset : offset + total]
        return {"answer": [self._show(context, row) for row in rows]}

    def get_batch(self, context: Context) -> Answer:
        """By exactly one of ticket list, login list or group masks, optionally of some symbols only."""
        tickets, logins, group = (
            context.numbers("ticket"),
            context.numbers("login"),
            context.fields.text("group"),
        )
        if sum((tickets is not None, logins is not None, bool(group))) != 1:
            raise Refused(Retcode.INVALID_PARAMETERS, "exactly one of login, group and ticket")
        names = context.fields.text("symbol")
        symbols = {name.strip() for name in names.split(",")} if names else None
        chosen = set(tickets or logins or ())
        known = context.server.book.accounts
        answer = []
        for row in self._rows(context, None):
            account = known[row.login]
            if group:
                fits = mask_matches(group, account.group)
            else:
                fits = (row.ticket if tickets is not None else row.login) in chosen
            if fits and context.visible(account) and (symbols is None or row.symbol in symbols):
                answer.append(self._show(context, row))
        return {"answer": answer}


_POSITIONS = _Open(_positions, _show_position)
_ORDERS = _Open(_orders, _show_order)


def _position_get(context: Context) -> Answer:
    symbol = context.fields.text("symbol") or ""
    for position in context.server.positions_of(context.account().login):
        if position.symbol == symbol:
            return {"answer": _show_position(context, position)}
    raise Refused(Retcode.NOT_FOUND)


def _order_get(context: Context) -> Answer:
    order = context.server.book.orders.get(context.fields.need("ticket"))
    if order is None or not context.visible(context.server.book.accounts[order.login]):
        raise Refused(Retcode.NOT_FOUND)
    return {"answer": _show_order(context, order)}


COMMANDS: dict[str, Command] = {
    "/api/trade/balance": Command(ACCOUNTANT, _balance),
    "/api/deal/get": Command(TRADES_READ, _DEALS.get),
    "/api/deal/get_total": Command(TRADES_READ, _DEALS.get_total),
    "/api/deal/get_page": Command(TRADES_READ, _DEALS.get_page),
    "/api/deal/get_batch": Command(TRADES_READ, _DEALS.get_batch),
    "/api/history/get": Command(TRADES_READ, _HISTORY.get),
    "/api/history/get_total": Command(TRADES_READ, _HISTORY.get_total),
    "/api/history/get_page": Command(TRADES_READ, _HISTORY.get_page),
    "/api/history/get_batch": Command(TRADES_READ, _HISTORY.get_batch),
    "/api/position/get": Command(TRADES_READ, _position_get),
    "/api/position/get_total": Command(TRADES_READ, _POSITIONS.get_total),
    "/api/position/get_page": Command(TRADES_READ, _POSITIONS.get_page),
    "/api/position/get_batch": Command(TRADES_READ, _POSITIONS.get_batch),
    "/api/order/get": Command(TRADES_READ, _order_get),
    "/api/order/get_total": Command(TRADES_READ, _ORDERS.get_total),
    "/api/order/get_page": Command(TRADES_READ, _ORDERS.get_page),
    "/api/order/get_batch": Command(TRADES_READ, _ORDERS.get_batch),
}
