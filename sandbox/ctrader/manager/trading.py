"""Requests about deals, positions and orders, and about what is traded."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any

from sandbox.ctrader import records, show
from sandbox.ctrader.assets import ASSET_IDS, ASSETS, SYMBOL_IDS
from sandbox.ctrader.manager.base import Context, Handler, Record
from sandbox.ctrader.plant import Plant
from sandbox.ctrader.records import DealNote
from sandbox.ctrader.vocabulary import Code, Declined, Permission
from sandbox.exchange import store
from sandbox.exchange.catalogue import FOREX, SymbolSpec, currency_digits
from sandbox.exchange.records import Deal
from sandbox.mt5.accounts import group_allowed

VERSION = "sandbox"
_NAMES = {number: name for name, number in SYMBOL_IDS.items()}
_INDICES = ("US500", "GER40")
_WEDNESDAY = 3


def _notes(plant: Plant, deals: list[Deal]) -> dict[int, DealNote]:
    if not deals:
        return {}
    tickets = [one.ticket for one in deals]
    rows = records.NOTES.where(plant.db, "ticket BETWEEN ? AND ?", (min(tickets), max(tickets)))
    return {note.ticket: note for note in rows}


def _shown(plant: Plant, deals: list[Deal]) -> list[Record]:
    notes = _notes(plant, deals)
    return [show.deal(plant, one, notes.get(one.ticket)) for one in deals]


def _trades(context: Context, condition: str, arguments: Iterable[Any]) -> Iterator[Deal]:
    direction = "DESC" if context.plant.settings.newest_first else "ASC"
    order = f" ORDER BY time_msc {direction}, ticket {direction}"
    for deal in store.DEALS.where(context.plant.db, "action IN (0, 1) AND " + condition + order, arguments):
        if context.visible(deal.login):
            yield deal


def _deal_list(context: Context) -> Record:
    request, plant = context.request, context.plant
    wanted = [context.trader(one).login for one in request.get("traderId", [])]
    groups = {plant.group_by_id(one).name for one in request.get("groupId", [])}
    condition, arguments = "time_msc BETWEEN ? AND ?", [*context.window()]
    if wanted:
        condition += f" AND login IN ({', '.join('?' * len(wanted))})"
        arguments += wanted
    if request.get("closingDealsOnly"):
        condition += " AND volume_closed > 0"
    found = _trades(context, condition, arguments)
    if groups:
        found = (deal for deal in found if plant.book.accounts[deal.login].group in groups)
    most = request.get("maxRows")
    if most is not None and most < 1:
        raise Declined(Code.INVALID_REQUEST, "maxRows")
    deals, more = context.chunk(found, most)
    return {"deal": _shown(plant, deals), "hasMore": more}


def _deals_of_position(context: Context) -> Record:
    arguments = (context.request["positionId"], *context.window())
    deals, more = context.chunk(_trades(context, "position = ? AND time_msc BETWEEN ? AND ?", arguments))
    return {"deal": _shown(context.plant, deals), "hasMore": more}


def _deal(context: Context) -> Record:
    found = list(_trades(context, "ticket = ?", (context.request["dealId"],)))
    if not found:
        raise Declined(Code.DEAL_NOT_FOUND)
    return {"deal": _shown(context.plant, found)[0]}


def _positions(context: Context) -> Record:
    start, end = context.window()
    plant, asked = context.plant, context.request.get("traderId")
    login = None if asked is None else context.trader(asked).login
    found = [
        one
        for one in (plant.book.positions.values() if login is None else plant.positions_of(login))
        if start <= one.time_create_msc <= end and context.visible(one.login)
    ]
    found.sort(key=lambda one: (one.time_create_msc, one.ticket), reverse=True)
    rows, more = context.chunk(found)
    shown = [show.position(plant, one, plant.charges.get(one.ticket)) for one in rows]
    return {"traderId": asked, "position": shown, "hasMore": more}


def _orders(context: Context) -> Record:
    start, end = context.window()
    plant, asked = context.plant, context.request.get("traderId")
    login = None if asked is None else context.trader(asked).login
    found = [
        one
        for one in plant.book.orders.values()
        if start <= one.time_setup_msc <= end and login in (None, one.login) and context.visible(one.login)
    ]
    found.sort(key=lambda one: (one.time_setup_msc, one.ticket), reverse=True)
    rows, more = context.chunk(found)
    return {"traderId": asked, "order": [show.pending_order(plant, one) for one in rows], "hasMore": more}


def _closed_positions(context: Context) -> Record:
    """Positions whose last deal lies in the window, newest first; volume, swap and commission of their whole
    life.
    """
    plant, asked = context.plant, context.request.get("traderId")
    condition, arguments = "volume_closed > 0 AND time_msc BETWEEN ? AND ?", [*context.window()]
    if asked is not None:
        condition += " AND login = ?"
        arguments.append(context.trader(asked).login)
    tickets = {
        deal.position: None
        for deal in _trades(context, condition, arguments)
        if deal.position not in plant.book.positions
    }
    chosen, more = context.chunk(tickets)
    return {"position": [_closed(plant, ticket) for ticket in chosen], "hasMore": more}


def _closed(plant: Plant, ticket: int) -> Record:
    deals = list(store.DEALS.where(plant.db, "position = ? AND action IN (0, 1) ORDER BY ticket", (ticket,)))
    notes = _notes(plant, deals)
    first, last = deals[0], deals[-1]
    spec = plant.market.symbols[first.symbol]
    closed = sum(deal.volume_closed for deal in deals)
    account = plant.book.accounts[first.login]
    return {
        "positionId": ticket,
        "tradeData": {
            "symbolId": SYMBOL_IDS[spec.name],
            "volume": show.cents(spec, closed),
            "tradeSide": show.side_of(first.action),
            "traderId": plant.traders[first.login].trader_id,
            "openTimestamp": first.time_msc,
            "closeTimestamp": last.time_msc,
            "lotSize": spec.contract_size * 100,
        },
        "positionStatus": show.CLOSED,
        "swap": sum(note.swap for note in notes.values() if note.ticket in {deal.ticket for deal in deals}),
        "price": Decimal(last.price_position).scaleb(-spec.digits),
        "utcLastUpdateTimestamp": last.time_msc,
        "bookType": show.BOOK_B,
        "commission": sum(notes[deal.ticket].realised_commission for deal in deals if deal.ticket in notes),
        "moneyDigits": plant.group_of(account).currency_digits,
    }


# -- what is traded ------------------------------------------------------------------------------------------


def _assets(_: Context) -> Record:
    return {
        "asset": [
            {
                "assetId": ASSET_IDS[name],
                "name": name,
                "description": name,
                "type": _asset_type(name),
                "depositAsset": len(name) == 3 and name not in ("XAU", "XAG", "BTC"),
                "depositable": len(name) == 3 and name not in ("XAU", "XAG", "BTC"),
                "digits": currency_digits(name),
            }
            for name in ASSETS
        ]
    }


def _asset_type(name: str) -> int:
    return 2 if name in ("XAU", "XAG") else 3 if name in _INDICES else 6 if name == "BTC" else 1


def _symbols(context: Context) -> Record:
    plant = context.plant
    return {"symbol": [_symbol(plant, spec) for spec in plant.market.symbols.values()]}


def _symbol(plant: Plant, spec: SymbolSpec) -> Record:
    return {
        "symbolId": SYMBOL_IDS[spec.name],
        "name": spec.name,
        "digits": spec.digits,
        "pipPosition": spec.digits - 1 if spec.calc_mode == FOREX else spec.digits,
        "lpEnabled": True,
        "enabled": spec.full_trading,
        "defaultSwapRollover3Days": _WEDNESDAY,
        "defaultSwapLong": Decimal(spec.swap_long) / 10,
        "defaultSwapShort": Decimal(spec.swap_short) / 10,
        "description": spec.description,
        "lotSize": spec.contract_size * plant.settings.lot_size_scale,
        "enableShortSelling": True,
        "symbolCategoryId": 1 if spec.calc_mode == FOREX else 2,
        "baseAssetId": ASSET_IDS[spec.base],
        "quoteAssetId": ASSET_IDS[spec.profit],
        "tradingMode": 0 if spec.full_trading else 1,
        "defaultSwapTime": 0,
        "defaultSwapPeriod": 24,
    }


def _groups(context: Context) -> Record:
    plant = context.plant
    shown = [
        {
            "groupId": group.id,
            "name": group.name,
            "enabled": True,
            "swapEnabled": True,
            "marginStopout": Decimal(plant.book.groups[group.name].stop_out) / 100,
            "description": group.description,
            "hasAccess": group_allowed(context.manager, group.name),
            "negativeBalanceProtection": plant.book.groups[group.name].negative_protection,
        }
        for group in sorted(plant.groups.values(), key=lambda one: one.id)
    ]
    return {"lightGroup": shown}


def _subscribe(context: Context) -> Record:
    context.spots.timed = context.request.get("subscribeToSpotTimestamp", context.spots.timed)
    for name in _named(context):
        context.spots.told.setdefault(name, 0)
    return {}


def _unsubscribe(context: Context) -> Record:
    for name in _named(context):
        context.spots.told.pop(name, None)
    return {}


def _named(context: Context) -> list[str]:
    asked = context.request.get("symbolId", [])
    if any(number not in _NAMES for number in asked):
        raise Declined(Code.SYMBOL_NOT_FOUND, str(asked))
    return [_NAMES[number] for number in asked]


def _time(context: Context) -> Record:
    return {"timeInMillis": context.plant.wall_ms()}


def _version(_: Context) -> Record:
    return {"version": VERSION}


HANDLERS: dict[str, Handler] = {
    "ProtoManagerDealListReq": Handler("ProtoManagerDealListRes", Permission.TRADING_HISTORY_READ, _deal_list),
    "ProtoManagerDealListByPositionIdReq": Handler(
        "ProtoManagerDealListByPositionIdRes", Permission.TRADING_HISTORY_READ, _deals_of_position
    ),
    "ProtoManagerGetDealReq": Handler("ProtoManagerGetDealRes", Permission.TRADING_HISTORY_READ, _deal),
    "ProtoPositionListReq": Handler("ProtoPositionListRes", Permission.POSITION_READ, _positions),
    "ProtoPendingOrderListReq": Handler("ProtoPendingOrderListRes", Permission.ORDER_READ, _orders),
    "ProtoManagerClosedPositionListReq": Handler(
        "ProtoManagerClosedPositionListRes", Permission.TRADING_HISTORY_READ, _closed_positions
    ),
    "ProtoAssetListReq": Handler("ProtoAssetListRes", None, _assets),
    "ProtoManagerSymbolListReq": Handler("ProtoManagerSymbolListRes", None, _symbols),
    "ProtoLightGroupListReq": Handler("ProtoLightGroupListRes", Permission.GROUP_READ, _groups),
    "ProtoSubscribeSpotQuotesReq": Handler("ProtoSubscribeSpotQuotesRes", None, _subscribe),
    "ProtoUnsubscribeSpotQuotesReq": Handler("ProtoUnsubscribeSpotQuotesRes", None, _unsubscribe),
    "ProtoServerTimeReq": Handler("ProtoServerTimeRes", None, _time),
    "ProtoVersionReq": Handler("ProtoVersionRes", None, _version),
}
