"""CSV of open and closed positions, and the short lists: groups, symbols, deposit assets."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from decimal import Decimal

from sandbox.ctrader import records, show
from sandbox.ctrader.assets import ASSET_IDS, ASSETS, SYMBOL_IDS
from sandbox.ctrader.plant import Plant
from sandbox.ctrader.vocabulary import Code, Declined, Permission
from sandbox.ctrader.webservices.base import DAY_MS, Call, Data, moment_text
from sandbox.exchange import store
from sandbox.exchange.catalogue import FOREX, SymbolSpec, currency_digits
from sandbox.exchange.money import from_scaled, scaled_text, to_scaled
from sandbox.mt5.accounts import group_allowed

LONGEST_WINDOW_MS = 2 * DAY_MS
OPEN_COLUMNS = [
    "login", "positionId", "openTimestamp", "entryPrice", "direction", "volume", "symbol", "commission", "swap",
    "bookType", "stake", "spreadBetting", "usedMargin",
]  # fmt: skip
CLOSED_COLUMNS = [
    "login", "positionId", "dealId", "openTimestamp", "closeTimestamp", "entryPrice", "closePrice", "direction",
    "volume", "symbol", "commission", "swap", "pnl", "depositConversionRate", "usdConversionRate", "bookType", "stake",
    "spreadBetting",
]  # fmt: skip


def _csv(columns: list[str], rows: Iterable[dict[str, object]]) -> str:
    out = io.StringIO()
    writer = csv.DictWriter(out, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def _units(spec: SymbolSpec, volume: int) -> str:
    return scaled_text(show.cents(spec, volume), 2)


def _dollars(plant: Plant, login: int, minor: int) -> str:
    currency = plant.traders[login].currency
    rate = show.rate(plant.market, currency, "USD") or Decimal(0)
    return scaled_text(to_scaled(from_scaled(minor, currency_digits(currency)) * rate, 2), 2)


def open_positions(call: Call) -> str:
    """Open positions, of one login or all; volume in units, commission and swap in US dollars."""
    plant, login = call.plant, call.one_login()
    rows: list[dict[str, object]] = []
    for one in plant.book.positions.values():
        if login not in (None, one.login) or not call.visible(one.login):
            continue
        spec, shown = plant.market.symbols[one.symbol], show.position(plant, one, plant.charges.get(one.ticket))
        digits = plant.group_of(plant.book.accounts[one.login]).currency_digits
        rows.append(
            {
                "login": one.login,
                "positionId": one.ticket,
                "openTimestamp": moment_text(one.time_create_msc),
                "entryPrice": scaled_text(one.price_open, spec.digits),
                "direction": show.side_of(one.action).name,
                "volume": _units(spec, one.volume),
                "symbol": spec.name,
                "commission": _dollars(plant, one.login, shown["commission"]),
                "swap": _dollars(plant, one.login, shown["swap"]),
                "bookType": "BOOK_B",
                "stake": "",
                "spreadBetting": "false",
                "usedMargin": scaled_text(shown["usedMargin"], digits),
            }
        )
    return _csv(OPEN_COLUMNS, rows)


def closed_positions(call: Call) -> str:
    """A row per closing deal of at most two days, by closing time, both ends included; `pnl` is the gross profit
    in the deposit currency.
    """
    start, end = call.window()
    if end - start > LONGEST_WINDOW_MS:
        raise Declined(Code.INVALID_REQUEST, "at most two days")
    plant, login = call.plant, call.one_login()
    condition = "action IN (0, 1) AND volume_closed > 0 AND time_msc BETWEEN ? AND ? ORDER BY time_msc, ticket"
    deals = [
        deal
        for deal in store.DEALS.where(plant.db, condition, (start, end))
        if login in (None, deal.login) and call.visible(deal.login)
    ]
    rows: list[dict[str, object]] = []
    for deal in deals:
        spec = plant.market.symbols[deal.symbol]
        note = next(records.NOTES.where(plant.db, "ticket = ?", (deal.ticket,)))
        opposite = show.Side.SELL if deal.action == 0 else show.Side.BUY
        rate = show.rate(plant.market, plant.traders[deal.login].currency, "USD")
        rows.append(
            {
                "login": deal.login,
                "positionId": deal.position,
                "dealId": deal.ticket,
                "openTimestamp": moment_text(note.opened_ms),
                "closeTimestamp": moment_text(deal.time_msc),
                "entryPrice": scaled_text(deal.price_position, spec.digits),
                "closePrice": scaled_text(deal.price, spec.digits),
                "direction": opposite.name,
                "volume": _units(spec, deal.volume_closed),
                "symbol": spec.name,
                "commission": _dollars(plant, deal.login, note.realised_commission),
                "swap": _dollars(plant, deal.login, note.swap),
                "pnl": scaled_text(deal.profit, deal.digits_currency),
                "depositConversionRate": deal.rate_profit,
                "usdConversionRate": f"{rate or 0:f}",
                "bookType": "BOOK_B",
                "stake": "",
                "spreadBetting": "false",
            }
        )
    return _csv(CLOSED_COLUMNS, rows)


def groups(call: Call) -> Data:
    """The manager's trader groups."""
    plant = call.plant
    return {
        "traderGroup": [
            {"id": one.id, "name": one.name, "description": one.description}
            for one in sorted(plant.groups.values(), key=lambda group: group.id)
            if group_allowed(call.manager, one.name)
        ]
    }


def symbols(call: Call) -> Data:
    """What is traded."""
    return {
        "symbol": [
            {
                "id": SYMBOL_IDS[spec.name],
                "name": spec.name,
                "assetClass": "Forex" if spec.calc_mode == FOREX else "CFD",
                "category": spec.path.split("\\")[-2],
                "quotesEnabled": True,
                "showInCtrader": spec.full_trading,
            }
            for spec in call.plant.market.symbols.values()
        ]
    }


def deposit_assets(_: Call) -> Data:
    """Currencies an account may be held in."""
    return {
        "depositAsset": [
            {"id": ASSET_IDS[name], "name": name, "digits": currency_digits(name)}
            for name in ASSETS
            if len(name) == 3 and name not in ("XAU", "XAG", "BTC")
        ]
    }


PERMISSIONS = {
    open_positions: Permission.POSITION_READ,
    closed_positions: Permission.TRADING_HISTORY_READ,
    groups: Permission.GROUP_READ,
}
