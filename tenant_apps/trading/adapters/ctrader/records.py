"""The server's records as the house's own dataclasses."""

from dataclasses import replace
from datetime import datetime
from decimal import ROUND_HALF_EVEN, Decimal

from tenant_apps.trading.ports import (
    Account,
    AccountRights,
    AccountState,
    Amount,
    Deal,
    DealEntry,
    DealKind,
    DealReason,
    GroupInfo,
    Lots,
    MarginMode,
    Position,
    Price,
    Rate,
    Side,
    StopOutUnit,
    SymbolInfo,
    Tick,
)

from . import countries
from . import manager_pb2 as pb
from .catalogue import Instrument, raw
from .config import CTraderConfig
from .prices import Spot
from .values import RATE_DIGITS, Malformed, exact, moment, money, need, spot
from .web import Fields

# accessRights by number and by name
FULL_ACCESS, CLOSE_ONLY, NO_TRADING, NO_LOGIN = "FULL_ACCESS", "CLOSE_ONLY", "NO_TRADING", "NO_LOGIN"
ACCESS = (FULL_ACCESS, CLOSE_ONLY, NO_TRADING, NO_LOGIN)

BUY, SELL = 1, 2
FILLED = frozenset({2, 3})  # whole or in part
OPEN = 1
_SIDES = {BUY: Side.BUY, SELL: Side.SELL}
_MODES = {"HEDGED": MarginMode.HEDGING, "NETTED": MarginMode.NETTING}
_CHANNELS = {"ManagerAPI": DealReason.DEALER}


def rights_from(access: str, *, gets_reports: bool) -> AccountRights:
    """An account nobody logs in to does not trade either; the platform keeps one right for both."""
    return AccountRights(
        can_log_in=access != NO_LOGIN,
        can_trade=access == FULL_ACCESS,
        gets_reports=gets_reports,
    )


def access_of(trader: pb.Trader) -> str:
    if not 0 <= trader.access_rights < len(ACCESS):
        raise Malformed(f"access rights {trader.access_rights}")
    return ACCESS[trader.access_rights]


def _credit(config: CTraderConfig, non_withdrawable: int, bonus: int) -> int:
    return non_withdrawable + (bonus if config.bonus_in_equity else 0)


def credit_of(config: CTraderConfig, trader: pb.Trader) -> int:
    return _credit(config, trader.non_withdrawable_bonus, trader.manager_bonus + trader.ib_bonus)


def account_from(trader: pb.Trader, group: str, config: CTraderConfig) -> Account:
    digits = need(trader, "money_digits")
    carrier = trader.document_id if config.external_id_field == "documentId" else trader.description
    external_id, _, comment = carrier.partition(" ")
    return Account(
        login=need(trader, "login"),
        group=group,
        name=f"{trader.name} {trader.last_name}".strip(),
        leverage=trader.leverage_in_cents // 100,
        rights=rights_from(access_of(trader), gets_reports=trader.sends_statement),
        external_id=external_id,
        email=trader.email,
        phone=trader.phone,
        country=countries.name_of(trader.country_id),
        comment=comment,
        agent=trader.introduced_by,
        balance=Amount(money(need(trader, "balance"), digits)),
        credit=Amount(money(credit_of(config, trader), digits)),
        registered_at=moment(trader.registered_at) if trader.registered_at else None,
        last_access_at=moment(trader.connected_at) if trader.connected_at else None,
        raw=raw(trader),
    )


def state_from_web(fields: Fields, config: CTraderConfig, asset: pb.Asset, read_at: datetime) -> AccountState:
    """All of it as the server has it; only the level and what floats are worked out."""
    digits = fields.integer("moneyDigits")

    def amount(name: str) -> Decimal:
        return money(fields.integer(name), digits)

    balance, equity, margin = amount("balance"), amount("equity"), amount("usedMargin")
    credit = money(
        _credit(config, fields.integer("nonWithdrawableBonus", 0), fields.integer("bonus", 0)),
        digits,
    )
    return AccountState(
        login=fields.integer("login"),
        currency=asset.name,
        digits=asset.digits,
        balance=Amount(balance),
        credit=Amount(credit),
        equity=Amount(equity),
        margin=Amount(margin),
        free_margin=Amount(amount("freeMargin")),
        margin_level=_level(equity, margin),
        floating=Amount(equity - balance - credit),
        leverage=fields.integer("leverageInCents") // 100,
        read_at=read_at,
        raw={"from": "webservices", **fields.raw},
    )


def state_from(
    trader: pb.Trader, config: CTraderConfig, asset: pb.Asset, floating: Decimal, margin: Decimal, read_at: datetime
) -> AccountState:
    """Balance and credit as the server has them, the rest worked out of positions and prices."""
    digits = need(trader, "money_digits")
    balance, credit = money(trader.balance, digits), money(credit_of(config, trader), digits)
    equity = balance + credit + floating
    return AccountState(
        login=trader.login,
        currency=asset.name,
        digits=asset.digits,
        balance=Amount(balance),
        credit=Amount(credit),
        equity=Amount(equity),
        margin=Amount(margin),
        free_margin=Amount(equity - margin),
        margin_level=_level(equity, margin),
        floating=Amount(floating),
        leverage=trader.leverage_in_cents // 100,
        read_at=read_at,
        raw={"from": "positions", "balance_version": trader.balance_version},
    )


def _level(equity: Decimal, margin: Decimal) -> Decimal | None:
    return round(equity / margin * 100, 2) if margin else None


def _price(value: float, digits: int) -> Price | None:
    return Price(exact(value, digits)) if value else None


def deal_from(deal: pb.Deal, one: Instrument, login: int, server: str, *, is_stop_out: bool = False) -> Deal:
    """A closing deal bears the commission of both ends, as it changes the balance; so an opening one bears none."""
    digits = need(deal, "money_digits")
    close = deal.close if deal.HasField("close") else None
    if deal.side not in _SIDES:
        raise Malformed(f"a deal with side {deal.side}")
    result = Deal(
        server=server,
        deal=need(deal, "deal_id"),
        login=login,
        order=deal.order_id,
        position=deal.position_id,
        external_id="",
        kind=DealKind.BUY if deal.side == BUY else DealKind.SELL,
        entry=DealEntry.IN,
        reason=DealReason.STOP_OUT if is_stop_out else _CHANNELS.get(deal.channel, DealReason.OTHER),
        symbol=one.name,
        lots=Lots(one.lots(deal.filled_volume)),
        closed_lots=Lots(Decimal(0)),
        price=Price(exact(need(deal, "price"), one.digits)),
        position_price=Price(Decimal(0)),
        bid=None,
        ask=None,
        gateway_price=_price(deal.lp_price, one.digits),
        contract_size=one.contract_size,
        profit=Amount(Decimal(0)),
        swap=Amount(Decimal(0)),
        commission=Amount(Decimal(0)),
        fee=Amount(Decimal(0)),
        profit_rate=Rate(Decimal(0)),
        margin_rate=Rate(exact(deal.margin_rate, RATE_DIGITS)),
        digits=digits,
        executed_at=moment(need(deal, "executed_at")),
        comment=deal.comment,
        raw=raw(deal),
    )
    return _closing(result, deal, close, one) if close is not None else result


def _closing(result: Deal, deal: pb.Deal, close: pb.CloseDetail, one: Instrument) -> Deal:
    digits = close.money_digits if close.HasField("money_digits") else result.digits
    profit, swap = money(need(close, "profit"), digits), money(close.swap, digits)
    commission = money(close.commission, digits)
    # Whatever else the balance was changed by (a fee of conversion): its sign is not documented, the net result is.
    net = money(close.net_profit, digits) if close.HasField("net_profit") else profit + swap + commission
    closed = close.closed_volume or deal.filled_volume
    return replace(
        result,
        entry=DealEntry.OUT if closed >= deal.filled_volume else DealEntry.IN_OUT,
        closed_lots=Lots(one.lots(closed)),
        position_price=Price(exact(need(close, "entry_price"), one.digits)),
        profit=Amount(profit),
        swap=Amount(swap),
        commission=Amount(commission),
        fee=Amount(net - profit - swap - commission),
        profit_rate=Rate(exact(close.quote_to_deposit_rate, RATE_DIGITS)),
    )


def position_from(
    position: pb.Position,
    one: Instrument,
    login: int,
    server: str,
    price: Spot | None,
    rate: Decimal | None,
    asset: pb.Asset,
) -> Position:
    """`rate`: of the symbol's quote asset in the account's. The result is worked out, for the server does not give it.

    Without a price or a rate (a symbol no longer quoted) the position counts as it was opened, and `raw` says "unpriced".
    """
    trade = need(position, "trade")
    if trade.side not in _SIDES:
        raise Malformed(f"a position with side {trade.side}")
    side, opened = _SIDES[trade.side], exact(need(position, "price"), one.digits)
    current = opened if price is None else spot(price.bid if side is Side.BUY else price.ask, one.digits)
    moved = current - opened if side is Side.BUY else opened - current
    profit = moved * one.lots(trade.volume) * one.contract_size * (rate or Decimal(0))
    unpriced = price is None or rate is None
    opened_at = moment(need(trade, "opened_at"))
    return Position(
        server=server,
        position=need(position, "position_id"),
        login=login,
        symbol=one.name,
        side=side,
        lots=Lots(one.lots(trade.volume)),
        price_open=Price(opened),
        price_current=Price(current),
        stop_loss=_price(position.stop_loss, one.digits),
        take_profit=_price(position.take_profit, one.digits),
        contract_size=one.contract_size,
        profit=Amount(profit.quantize(Decimal(1).scaleb(-asset.digits), rounding=ROUND_HALF_EVEN)),
        swap=Amount(money(position.swap, position.money_digits)),
        profit_rate=Rate(rate or Decimal(0)),
        margin_rate=Rate(exact(position.margin_rate, RATE_DIGITS)),
        reason=_CHANNELS.get(trade.channel, DealReason.OTHER),
        opened_at=opened_at,
        updated_at=moment(position.updated_at) if position.updated_at else opened_at,
        comment=trade.comment,
        raw={**raw(position), **({"unpriced": True} if unpriced else {})},
    )


def group_from(group: pb.Group, config: CTraderConfig, assets: dict[str, pb.Asset]) -> GroupInfo:
    """The currency is what the configuration says: on this platform it is an account's own."""
    currency = config.currency_of(group.name)
    asset = assets.get(currency)
    return GroupInfo(
        name=need(group, "name"),
        company=config.broker,
        currency=currency,
        digits=asset.digits if asset is not None else 2,
        margin_mode=_MODES.get(config.account_type, MarginMode.NETTING),
        margin_call=Decimal(0),
        stop_out=exact(group.stop_out, 4) * 100,
        stop_out_unit=StopOutUnit.PERCENT,
        min_password_length=config.min_password_length,
        connections_allowed=group.enabled,
        raw=raw(group),
    )


def symbol_from(one: Instrument, config: CTraderConfig, assets: dict[int, pb.Asset]) -> SymbolInfo:
    if one.record is None:
        raise Malformed(f"{one.name} is archived")
    base, quote = assets.get(one.base), assets.get(one.quote)
    point = Decimal(1).scaleb(-one.digits)
    return SymbolInfo(
        symbol=one.name,
        path=one.name,
        base_currency=base.name if base is not None else "",
        profit_currency=quote.name if quote is not None else "",
        margin_currency=base.name if base is not None else "",
        digits=one.digits,
        point=Price(point),
        spread=0,
        contract_size=one.contract_size,
        tick_size=Price(point),
        tick_value=point * one.contract_size,
        lots_min=Lots(config.lots_min),
        lots_max=Lots(config.lots_max),
        lots_step=Lots(config.lots_step),
        swap_long=exact(one.record.swap_long, RATE_DIGITS).normalize(),
        swap_short=exact(one.record.swap_short, RATE_DIGITS).normalize(),
        is_tradable=one.record.enabled and one.record.trading_mode == 0,
        raw=raw(one.record),
    )


def tick_from(one: Instrument, price: Spot) -> Tick:
    return Tick(
        symbol=one.name,
        bid=Price(spot(price.bid, one.digits)),
        ask=Price(spot(price.ask, one.digits)),
        last=None,
        at=moment(price.at) if price.at else None,
    )
