"""The plant's records in the platform's shapes: dicts for the codec. Prices stay Decimal until they are written."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from sandbox.ctrader.assets import ASSET_IDS, SYMBOL_IDS
from sandbox.ctrader.plant import Plant
from sandbox.ctrader.records import CashFlow, Charge, DealNote, Group, Trader
from sandbox.ctrader.vocabulary import Side
from sandbox.exchange.catalogue import SymbolSpec, currency_digits
from sandbox.exchange.market import Market
from sandbox.exchange.money import from_scaled, to_scaled
from sandbox.exchange.records import Action, Deal, Order, Position, Reason
from sandbox.exchange.retcodes import Refused

Record = dict[str, Any]
OPEN, CLOSED = 1, 2
ACCEPTED, FILLED, REJECTED, EXPIRED, CANCELLED = 1, 2, 3, 4, 5
MARKET, LIMIT, STOP = 1, 2, 3
BOOK_B = 2
SPOT_DIGITS = 5
SERVER_REASONS = (Reason.STOP_LOSS, Reason.TAKE_PROFIT, Reason.STOP_OUT)


def cents(spec: SymbolSpec, volume: int) -> int:
    """A volume in 1/10 000 lot as hundredths of a unit of the base asset."""
    return volume * spec.contract_size // 100


def volume_of(spec: SymbolSpec, hundredths: int) -> int:
    """Back again: hundredths of a unit as 1/10 000 lot."""
    return hundredths * 100 // spec.contract_size


def side_of(action: int) -> Side:
    """Buy or sell."""
    return Side.BUY if action == Action.BUY else Side.SELL


def trader(trader: Trader, group: Group, balance: int, leverage: int, name: str, last_ms: int) -> Record:
    """ProtoTrader."""
    return {
        "traderId": trader.trader_id,
        "login": trader.login,
        "groupId": group.id,
        "balance": balance,
        "accountType": trader.account_type,
        "name": name or None,
        "registrationTimestamp": trader.registered_ms,
        "lastConnectTimestamp": last_ms,
        "online": False,
        "utcLastUpdateTimestamp": trader.updated_ms,
        "balanceVersion": trader.balance_version,
        "managerBonus": trader.manager_bonus,
        "ibBonus": 0,
        "accessRights": trader.access,
        "depositAssetId": ASSET_IDS[trader.currency],
        "swapFree": trader.swap_free,
        "nonWithdrawableBonus": trader.locked_bonus,
        "leverageInCents": leverage,
        "totalMarginCalculationType": trader.margin_type,
        "version": trader.version,
        "moneyDigits": currency_digits(trader.currency),
        **{field: value for field, value in trader.profile.items() if not field.startswith("_")},
    }


def trader_now(plant: Plant, one: Trader, *, balance: int | None = None) -> Record:
    """ProtoTrader as it stands (or stood, for the balance of an event)."""
    account = plant.book.accounts[one.login]
    shown = trader(
        one,
        plant.group_named(account.group),
        account.balance if balance is None else balance,
        account.leverage * 100,
        account.name,
        account.last_access * 1000,
    )
    return {**shown, "deleted": True} if account.archived else shown


def _trade_data(plant: Plant, spec: SymbolSpec, login: int, volume: int, action: int, opened_ms: int) -> Record:
    return {
        "symbolId": SYMBOL_IDS[spec.name],
        "volume": cents(spec, volume),
        "tradeSide": side_of(action),
        "traderId": plant.traders[login].trader_id,
        "openTimestamp": opened_ms,
        "lotSize": spec.contract_size * 100,
    }


def _price(spec: SymbolSpec, points: int) -> Decimal | None:
    return from_scaled(points, spec.digits) if points else None


def position(plant: Plant, one: Position, charge: Charge | None, *, closed: bool = False) -> Record:
    """ProtoPosition. A closed one has no volume, swap, commission and margin left."""
    spec, account = plant.market.symbols[one.symbol], plant.book.accounts[one.login]
    commission = 0 if closed or charge is None else charge.commission
    opened_ms = one.time_create_msc if charge is None else charge.opened_ms
    data = _trade_data(plant, spec, one.login, 0 if closed else one.volume, one.action, opened_ms)
    margin = (Decimal(one.notional) / account.leverage).to_integral_value(rounding=ROUND_HALF_UP)
    return {
        "positionId": one.ticket,
        "tradeData": {
            **data,
            "comment": one.comment or None,
            "closeTimestamp": one.time_update_msc if closed else None,
        },
        "positionStatus": CLOSED if closed else OPEN,
        "swap": 0 if closed else one.storage - commission,
        "price": from_scaled(one.price_open, spec.digits),
        "stopLoss": _price(spec, one.price_sl),
        "takeProfit": _price(spec, one.price_tp),
        "utcLastUpdateTimestamp": one.time_update_msc,
        "bookType": BOOK_B,
        "commission": commission,
        "marginRate": Decimal(one.rate_margin),
        "usedMargin": 0 if closed else int(margin),
        "moneyDigits": plant.group_of(account).currency_digits,
    }


def order_of_deal(plant: Plant, deal: Deal, status: int) -> Record:
    """ProtoOrder of the market order behind a deal."""
    spec = plant.market.symbols[deal.symbol]
    data = _trade_data(plant, spec, deal.login, deal.volume, deal.action, deal.time_msc)
    filled = status == FILLED
    return {
        "orderId": deal.order_ticket,
        "tradeData": {**data, "comment": deal.comment or None},
        "orderType": MARKET,
        "orderStatus": status,
        "executionPrice": from_scaled(deal.price, spec.digits) if filled else None,
        "executedVolume": cents(spec, deal.volume) if filled else None,
        "utcLastUpdateTimestamp": deal.time_msc,
        "closingOrder": deal.volume_closed > 0,
        "positionId": deal.position,
        "login": deal.login,
        "isStopOut": deal.reason == Reason.STOP_OUT,
        "moneyDigits": deal.digits_currency,
    }


def pending_order(plant: Plant, order: Order) -> Record:
    """ProtoOrder of a limit or stop order that waits."""
    spec = plant.market.symbols[order.symbol]
    buys, limit = order.type in (2, 4), order.type in (2, 3)
    action = Action.BUY if buys else Action.SELL
    data = _trade_data(plant, spec, order.login, order.volume_initial, action, order.time_setup_msc)
    price = from_scaled(order.price_order, spec.digits)
    return {
        "orderId": order.ticket,
        "tradeData": {**data, "comment": order.comment or None},
        "orderType": LIMIT if limit else STOP,
        "orderStatus": {1: ACCEPTED, 2: CANCELLED, 4: FILLED, 6: EXPIRED}[order.state],
        "stopLoss": _price(spec, order.price_sl),
        "takeProfit": _price(spec, order.price_tp),
        "utcLastUpdateTimestamp": order.time_done_msc or order.time_setup_msc,
        "closingOrder": False,
        "limitPrice" if limit else "stopPrice": price,
        "login": order.login,
    }


def rate(market: Market, source: str, target: str) -> Decimal | None:
    """A conversion rate now, or None where no pair leads there."""
    try:
        return market.rate(source, target)
    except Refused:
        return None


def deal(plant: Plant, one: Deal, note: DealNote | None) -> Record:
    """ProtoDeal; with a closePositionDetail when something was closed."""
    spec, who = plant.market.symbols[one.symbol], plant.traders[one.login]
    volume, shown = cents(spec, one.volume), from_scaled(one.price, spec.digits)
    without_markup = one.market_ask if one.action == Action.BUY else one.market_bid
    to_usd = rate(plant.market, spec.profit, "USD") or Decimal(0)
    base_to_usd = shown if spec.profit == "USD" else rate(plant.market, spec.base, "USD")
    markup = from_scaled(abs(one.price - without_markup) * volume, spec.digits + 2) * to_usd
    return {
        "dealId": one.ticket,
        "orderId": one.order_ticket,
        "positionId": one.position,
        "traderId": who.trader_id,
        "volume": volume,
        "filledVolume": volume,
        "symbolId": SYMBOL_IDS[spec.name],
        "createTimestamp": one.time_msc,
        "executionTimestamp": one.time_msc,
        "utcLastUpdateTimestamp": one.time_msc,
        "executionPrice": shown,
        "tradeSide": side_of(one.action),
        "dealStatus": 2,
        "dealType": 1,
        "marginRate": Decimal(one.rate_margin),
        "commission": note.commission if note else one.commission,
        "bookType": BOOK_B,
        "lpExecutionPrice": from_scaled(without_markup, spec.digits),
        "comment": one.comment or None,
        "baseToUsdConversionRate": Decimal(1) if spec.base == "USD" else base_to_usd,
        "closePositionDetail": closing(plant, one, note) if one.volume_closed and note else None,
        "pocketCommission": 0,
        "pocketMarkup": 0,
        "introducedByBrokerId": who.profile.get("parentIntroducingBrokerId"),
        "lotSize": spec.contract_size * plant.settings.lot_size_scale,
        "markup": to_scaled(markup, 2),
        "equity": note.equity if note else None,
        "moneyDigits": one.digits_currency,
    }


def closing(plant: Plant, one: Deal, note: DealNote) -> Record:
    """ProtoClosePositionDetail: `commission` is that of the opening and the closing, net = profit + both."""
    spec = plant.market.symbols[one.symbol]
    return {
        "entryPrice": from_scaled(one.price_position, spec.digits),
        "swap": note.swap,
        "commission": note.realised_commission,
        "profit": one.profit,
        "balance": note.balance,
        "comment": one.comment or None,
        "quoteToDepositConversionRate": Decimal(one.rate_profit),
        "closedVolume": cents(spec, one.volume_closed),
        "balanceVersion": note.balance_version,
        "equity": note.equity,
        "netProfit": one.profit + note.swap + note.realised_commission,
        "offsetDealTimestamp": note.opened_ms,
        "moneyDigits": one.digits_currency,
    }


def cash(plant: Plant, one: CashFlow) -> Record:
    """ProtoDepositWithdraw; `delta` without a sign, the type tells the direction."""
    who = plant.traders[one.login]
    return {
        "operationType": one.type,
        "balanceHistoryId": one.id,
        "traderId": who.trader_id,
        "balance": one.balance,
        "delta": one.delta,
        "changeBalanceTimestamp": one.at_ms,
        "comment": one.comment or None,
        "externalNote": one.external_note or None,
        "balanceVersion": one.balance_version,
        "equity": one.equity,
        "nonWithdrawableBonus": one.bonus,
        "source": one.source or None,
        "externalId": one.external_id or None,
        "moneyDigits": currency_digits(who.currency),
    }


def bonus(plant: Plant, one: CashFlow) -> Record:
    """ProtoBonusDepositWithdraw."""
    who = plant.traders[one.login]
    return {
        "operationType": one.type,
        "bonusHistoryId": one.id,
        "traderId": who.trader_id,
        "managerBonus": one.bonus,
        "managerDelta": one.delta,
        "ibBonus": 0,
        "ibDelta": 0,
        "changeBonusTimestamp": one.at_ms,
        "comment": one.comment or None,
        "externalNote": one.external_note or None,
        "moneyDigits": currency_digits(who.currency),
    }


def spot(plant: Plant, name: str, *, timed: bool) -> Record:
    """ProtoSpotEvent: bid and ask in 1/100 000."""
    quote, digits = plant.market.quotes[name], plant.market.symbols[name].digits
    return {
        "symbolId": SYMBOL_IDS[name],
        "bid": quote.bid * 10 ** (SPOT_DIGITS - digits),
        "ask": quote.ask * 10 ** (SPOT_DIGITS - digits),
        "timestamp": quote.time_msc if timed else None,
    }
