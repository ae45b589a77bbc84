"""Requests about traders and their money."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from sandbox.ctrader import cash, records, show, traders
from sandbox.ctrader.assets import ASSETS
from sandbox.ctrader.cash import Words
from sandbox.ctrader.manager.base import Context, Handler, Record
from sandbox.ctrader.records import CashFlow, Trader
from sandbox.ctrader.vocabulary import Code, Crud, Declined, Permission
from sandbox.exchange.money import to_scaled

_KEPT = {"name", "passwordHash", "leverageInCents", "accountType", "accessRights", "swapFree", "login", "balance"}
_KEPT |= {"totalMarginCalculationType", *traders.PROFILE}


def _list(context: Context) -> Record:
    start, end = context.window()
    group = context.request.get("groupId")
    plant = context.plant
    wanted = plant.group_by_id(group).name if group is not None else None
    found = [
        one
        for one in plant.traders.values()
        if start <= one.registered_ms <= end
        and not plant.book.accounts[one.login].archived
        and context.visible(one.login)
        and wanted in (None, plant.book.accounts[one.login].group)
        and not (context.request.get("onlySubAccounts") and not one.profile.get("subAccountOf"))
    ]
    found.sort(key=lambda one: (one.registered_ms, one.trader_id), reverse=True)
    rows, more = context.chunk(found)
    return {"trader": [show.trader_now(plant, one) for one in rows], "hasMore": more}


def _by_id(context: Context) -> Record:
    """Traders that are not there or not the manager's are left out; none at all is TRADER_NOT_FOUND."""
    found = []
    for trader_id in context.request.get("traderId", []):
        try:
            found.append(show.trader_now(context.plant, context.trader(trader_id)))
        except Declined:
            continue
    if not found:
        raise Declined(Code.TRADER_NOT_FOUND)
    return {"trader": found}


def _crud(context: Context) -> Record:
    operation, sent = context.request["operation"], context.request["trader"]
    if operation not in list(Crud):
        raise Declined(Code.INVALID_REQUEST, f"operation {operation}")
    needed = {Crud.CREATE: Permission.TRADER_CREATE, Crud.DELETE: Permission.TRADER_DELETE}
    if needed.get(Crud(operation), Permission.TRADER_EDIT) not in context.manager.rights:
        raise Declined(Code.NOT_ENOUGH_RIGHTS)
    plant = context.plant
    with plant.transaction():
        trader = _created(context, sent) if operation == Crud.CREATE else _changed(context, operation, sent)
    return {"operation": operation, "traderId": trader.trader_id}


def _fields(context: Context, sent: Record) -> dict[str, Any]:
    group = context.plant.group_by_id(sent["groupId"])
    return {**{name: value for name, value in sent.items() if name in _KEPT}, "group": group.name}


def _created(context: Context, sent: Record) -> Trader:
    asset = sent.get("depositAssetId", 0)
    if not 1 <= asset <= len(ASSETS):
        raise Declined(Code.UNKNOWN_DEPOSIT_CURRENCY, str(asset))
    fields = {**_fields(context, sent), "currency": ASSETS[asset - 1]}
    return traders.create(context.plant, fields, context.manager)


def _changed(context: Context, operation: int, sent: Record) -> Trader:
    trader = context.trader(sent["traderId"])
    if context.request.get("validateVersion") and sent.get("version") != trader.version:
        raise Declined(Code.CONCURRENT_MODIFICATION, f"version {trader.version}")
    if operation == Crud.DELETE:
        traders.delete(context.plant, trader)
        return trader
    return traders.update(context.plant, trader, _fields(context, sent), context.manager, wipe=operation == Crud.UPDATE)


def _check_password(context: Context) -> Record:
    request, plant = context.request, context.plant
    if "traderId" in request:
        trader = context.trader(request["traderId"])
    else:
        trader = context.trader(plant.trader(request.get("login", -1)).trader_id)
    traders.check_password(trader, request["passwordHash"])
    return {"traderId": trader.trader_id}


def _change_password(context: Context) -> Record:
    trader = context.trader(context.request["traderId"])
    with context.plant.transaction():
        traders.change_password(context.plant, trader, context.request["passwordHash"])
    return {"traderId": trader.trader_id}


# -- money ---------------------------------------------------------------------------------------------------


def _minor(context: Context, trader: Trader) -> int:
    digits = show.currency_digits(trader.currency)
    return cash.minor_units(context.request["amount"], digits, new_way=bool(context.request.get("newWay")))


def _change_balance(context: Context) -> Record:
    request = context.request
    trader = context.trader(request["traderId"])
    words = Words(
        request.get("comment", ""),
        request.get("externalNote", ""),
        request.get("source", ""),
        request.get("externalId", ""),
    )
    with context.plant.transaction():
        done = cash.change_balance(
            context.plant, trader, kind=request["type"], minor=_minor(context, trader), words=words
        )
    return {"traderId": trader.trader_id, "balanceHistoryId": done.id}


def _change_bonus(context: Context) -> Record:
    request = context.request
    trader = context.trader(request["traderId"])
    words = Words(request.get("comment", ""), request.get("externalNote", ""))
    with context.plant.transaction():
        done = cash.change_bonus(
            context.plant, trader, kind=request["type"], minor=_minor(context, trader), words=words
        )
    return {"traderId": trader.trader_id, "bonusHistoryId": done.id}


def _transfer(context: Context) -> Record:
    request = context.request
    source, target = context.trader(request["fromTraderId"]), context.trader(request["toTraderId"])
    rate = Decimal(str(request.get("conversionRate", 1)))
    if source.currency != target.currency and "conversionRate" not in request or rate <= 0:
        raise Declined(Code.INVALID_REQUEST, "conversionRate")
    minor = _minor(context, source)
    digits, target_digits = show.currency_digits(source.currency), show.currency_digits(target.currency)
    arriving = to_scaled(Decimal(minor).scaleb(-digits) * rate, target_digits)
    comments = (request.get("commentForFromTrader", ""), request.get("commentForToTrader", ""))
    with context.plant.transaction():
        cash.transfer(context.plant, source, target, minor=minor, arriving=arriving, comments=comments)
    return {"depositedAmount": arriving, "moneyDigits": target_digits}


def _history(context: Context, *, is_bonus: bool) -> tuple[list[CashFlow], Record]:
    start, end = context.window()
    condition, arguments = "is_bonus = ? AND at_ms BETWEEN ? AND ?", [int(is_bonus), start, end]
    asked = context.request.get("traderId")
    if asked is not None:
        condition += " AND login = ?"
        arguments.append(context.trader(asked).login)
    found = records.CASH.where(context.plant.db, condition + " ORDER BY at_ms DESC, id DESC", arguments)
    rows, more = context.chunk(one for one in found if context.visible(one.login))
    return rows, {"traderId": asked, "hasMore": more}


def _balance_history(context: Context) -> Record:
    rows, answer = _history(context, is_bonus=False)
    return {**answer, "depositWithdraw": [show.cash(context.plant, one) for one in rows]}


def _bonus_history(context: Context) -> Record:
    rows, answer = _history(context, is_bonus=True)
    return {**answer, "bonusDepositWithdraw": [show.bonus(context.plant, one) for one in rows]}


HANDLERS: dict[str, Handler] = {
    "ProtoTraderListReq": Handler("ProtoTraderListRes", Permission.TRADER_READ, _list),
    "ProtoTraderByIdReq": Handler("ProtoTraderByIdRes", Permission.TRADER_READ, _by_id),
    "ProtoCrudTraderReq": Handler("ProtoCrudTraderRes", None, _crud),
    "ProtoCheckTraderPasswordReq": Handler("ProtoCheckTraderPasswordRes", Permission.TRADER_READ, _check_password),
    "ProtoChangeTraderPasswordReq": Handler(
        "ProtoChangeTraderPasswordRes", Permission.TRADER_CHANGE_PASSWORD, _change_password
    ),
    "ProtoChangeBalanceReq": Handler("ProtoChangeBalanceRes", Permission.TRADER_CASHIER, _change_balance),
    "ProtoManagerChangeBonusReq": Handler("ProtoManagerChangeBonusRes", Permission.TRADER_BONUS_CASHIER, _change_bonus),
    "ProtoManagerBalanceTransferReq": Handler("ProtoManagerBalanceTransferRes", Permission.TRADER_CASHIER, _transfer),
    "ProtoBalanceHistoryListReq": Handler(
        "ProtoBalanceHistoryListRes", Permission.TRADING_HISTORY_READ, _balance_history
    ),
    "ProtoBonusHistoryListReq": Handler("ProtoBonusHistoryListRes", Permission.TRADING_HISTORY_READ, _bonus_history),
}
