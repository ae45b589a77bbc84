"""Faults that act at once: records that change or vanish, a wrong clock, a flood."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from decimal import Decimal
from typing import Any

from sandbox.exchange import store
from sandbox.exchange.money import parse_decimal, scaled_text, to_scaled
from sandbox.exchange.records import Action, Deal
from sandbox.exchange.retcodes import Refused, Retcode
from sandbox.mt5 import dealing
from sandbox.mt5.server import TradingServer

Data = dict[str, Any]
BURST_LIMIT = 20_000
_AMENDABLE_MONEY = ("profit", "storage", "commission", "fee")
_MODIFIED_BY_ADMIN = 1


def commit(server: TradingServer, kind: str, data: Data) -> Data:
    """Do it. Refused 3 for an unknown kind."""
    deed = MISCHIEF.get(kind)
    if deed is None:
        raise Refused(Retcode.INVALID_PARAMETERS, f"fault {kind}")
    return deed(server, data)


def _find(server: TradingServer, data: Data) -> Deal:
    found = list(store.DEALS.where(server.db, "ticket = ?", (int(data["deal"]),)))
    if not found:
        raise Refused(Retcode.NOT_FOUND, f"deal {data['deal']}")
    return found[0]


def _settle(server: TradingServer, deal: Deal, difference: int) -> None:
    account = server.book.accounts.get(deal.login)
    if account is None:
        return
    if deal.action == Action.CREDIT:
        account.credit += difference
    else:
        account.balance += difference
    server.save_account(account)


def amend_deal(server: TradingServer, data: Data) -> Data:
    """Change `profit`, `storage`, `commission`, `fee` or `comment` of a past deal; the balance follows."""
    before = _find(server, data)
    after = _find(server, data)
    for name in _AMENDABLE_MONEY:
        if name in data:
            value = parse_decimal(str(data[name]))
            if value is None:
                raise Refused(Retcode.INVALID_PARAMETERS, name)
            setattr(after, name, to_scaled(value, after.digits_currency))
    after.comment = str(data.get("comment", after.comment))[: dealing.COMMENT_LENGTH]
    after.modify_flags = _MODIFIED_BY_ADMIN
    with server.transaction():
        store.DEALS.put(server.db, after)
        _settle(server, after, after.total - before.total)
        server.event("deal_update", {**asdict(after), "deal": after.ticket})
    return {
        "deal": after.ticket,
        "difference": scaled_text(after.total - before.total, after.digits_currency),
    }


def delete_deal(server: TradingServer, data: Data) -> Data:
    """Remove a past deal; the balance follows."""
    deal = _find(server, data)
    with server.transaction():
        store.DEALS.delete(server.db, deal.ticket)
        _settle(server, deal, -deal.total)
        server.event("deal_delete", {"deal": deal.ticket, "login": deal.login})
    return {"deal": deal.ticket, "difference": scaled_text(-deal.total, deal.digits_currency)}


def skew_clock(server: TradingServer, data: Data) -> Data:
    """Let the server's wall clock be off by `seconds` until told otherwise; TimeZone keeps saying what it
    said.
    """
    server.skew_ms = int(data["seconds"]) * 1000
    return {"skew_seconds": server.skew_ms // 1000}


def burst(server: TradingServer, data: Data) -> Data:
    """`count` real deals at once for `login`: round trips of 0.01 lot in `symbol` (EURUSD), in one commit."""
    count, login = int(data["count"]), int(data["login"])
    if not 1 <= count <= BURST_LIMIT:
        raise Refused(Retcode.INVALID_PARAMETERS, f"count 1-{BURST_LIMIT}")
    symbol = str(data.get("symbol", "EURUSD"))
    volume = server.symbol(symbol).volume_min
    note = dealing.Instruction(comment="burst")
    tickets = []
    with server.transaction():
        opened: int | None = None
        for _ in range(count):
            if opened is None:
                deal = dealing.market_order(
                    server, login=login, symbol=symbol, action=Action.BUY, volume=volume, instruction=note
                )
                opened = deal.position
            else:
                deal = dealing.close_position(server, ticket=opened, volume=volume, instruction=note)
                opened = None
            tickets.append(deal.ticket)
    return {"count": len(tickets), "first": tickets[0], "last": tickets[-1]}


def money_without_deal(server: TradingServer, data: Data) -> Data:
    """Change an account's balance by `amount` without any deal: a mismatch for a nightly compare to find."""
    account = server.account(int(data["login"]))
    amount = parse_decimal(str(data["amount"])) or Decimal(0)
    with server.transaction():
        account.balance += to_scaled(amount, server.group_of(account).currency_digits)
        server.save_account(account)
    return {"balance": scaled_text(account.balance, server.group_of(account).currency_digits)}


MISCHIEF: dict[str, Callable[[TradingServer, Data], Data]] = {
    "amend_deal": amend_deal,
    "delete_deal": delete_deal,
    "clock_skew": skew_clock,
    "burst": burst,
    "balance_mismatch": money_without_deal,
}
