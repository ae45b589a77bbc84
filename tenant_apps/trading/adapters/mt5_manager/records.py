"""The contract's records as the house's own dataclasses."""

from datetime import datetime, timedelta
from decimal import Decimal

from tenant_apps.trading.ports import (
    Account,
    AccountRights,
    AccountState,
    Amount,
    BalanceKind,
    BalanceResult,
    Deal,
    DealEntry,
    DealKind,
    DealReason,
    GroupInfo,
    Heard,
    Lots,
    MarginMode,
    Position,
    Price,
    Rate,
    ServerInfo,
    Side,
    StopOutUnit,
    SymbolInfo,
    Tick,
)

from .values import Record

RIGHTS = tuple(AccountRights.__slots__)
MOVEMENTS = {DealKind(kind.value): kind for kind in BalanceKind}


def _price(value: Decimal | None) -> Price | None:
    return None if value is None else Price(value)


def account_from(record: Record) -> Account:
    rights = record.record("rights")
    return Account(
        login=record.integer("login"),
        group=record.text("group"),
        name=record.shown("name"),
        leverage=record.integer("leverage"),
        rights=AccountRights(**{name: rights.flag(name) for name in RIGHTS}),
        external_id=record.shown("external_id"),
        email=record.shown("email"),
        phone=record.shown("phone"),
        country=record.shown("country"),
        comment=record.shown("comment"),
        agent=record.integer("agent"),
        balance=Amount(record.decimal("balance")),
        credit=Amount(record.decimal("credit")),
        registered_at=record.moment_or_none("registered_at"),
        last_access_at=record.moment_or_none("last_access_at"),
        raw=record.raw,
    )


def state_from(record: Record, read_at: datetime) -> AccountState:
    return AccountState(
        login=record.integer("login"),
        currency=record.text("currency"),
        digits=record.integer("digits"),
        balance=Amount(record.decimal("balance")),
        credit=Amount(record.decimal("credit")),
        equity=Amount(record.decimal("equity")),
        margin=Amount(record.decimal("margin")),
        free_margin=Amount(record.decimal("free_margin")),
        margin_level=record.decimal_or_none("margin_level"),
        floating=Amount(record.decimal("floating")),
        leverage=record.integer("leverage"),
        read_at=read_at,
        raw=record.raw,
    )


def deal_from(record: Record, server: str) -> Deal:
    return Deal(
        server=server,
        deal=record.integer("deal"),
        login=record.integer("login"),
        order=record.integer("order"),
        position=record.integer("position"),
        external_id=record.text("external_id"),
        kind=record.choice("kind", DealKind, DealKind.OTHER),
        entry=None if record.raw.get("entry") is None else record.choice("entry", DealEntry),
        reason=record.choice("reason", DealReason, DealReason.OTHER),
        symbol=record.text("symbol"),
        lots=Lots(record.decimal("lots")),
        closed_lots=Lots(record.decimal("closed_lots")),
        price=Price(record.decimal("price")),
        position_price=Price(record.decimal("position_price")),
        bid=_price(record.decimal_or_none("bid")),
        ask=_price(record.decimal_or_none("ask")),
        gateway_price=_price(record.decimal_or_none("gateway_price")),
        contract_size=record.decimal("contract_size"),
        profit=Amount(record.decimal("profit")),
        swap=Amount(record.decimal("swap")),
        commission=Amount(record.decimal("commission")),
        fee=Amount(record.decimal("fee")),
        profit_rate=Rate(record.decimal("profit_rate")),
        margin_rate=Rate(record.decimal("margin_rate")),
        digits=record.integer("digits"),
        executed_at=record.moment("executed_at"),
        comment=record.text("comment"),
        raw=record.raw,
    )


def movement_from(deal: Deal, operation_id: str) -> BalanceResult | None:
    """The deal as a movement of money that carries this operation id; None if it is none."""
    kind = MOVEMENTS.get(deal.kind)
    if kind is None or deal.comment.partition(" ")[0] != operation_id:
        return None
    return BalanceResult(
        login=deal.login,
        deal=deal.deal,
        operation_id=operation_id,
        amount=deal.profit,
        kind=kind,
        executed_at=deal.executed_at,
    )


def position_from(record: Record, server: str) -> Position:
    return Position(
        server=server,
        position=record.integer("position"),
        login=record.integer("login"),
        symbol=record.text("symbol"),
        side=record.choice("side", Side),
        lots=Lots(record.decimal("lots")),
        price_open=Price(record.decimal("price_open")),
        price_current=Price(record.decimal("price_current")),
        stop_loss=_price(record.decimal_or_none("stop_loss")),
        take_profit=_price(record.decimal_or_none("take_profit")),
        contract_size=record.decimal("contract_size"),
        profit=Amount(record.decimal("profit")),
        swap=Amount(record.decimal("swap")),
        profit_rate=Rate(record.decimal("profit_rate")),
        margin_rate=Rate(record.decimal("margin_rate")),
        reason=record.choice("reason", DealReason, DealReason.OTHER),
        opened_at=record.moment("opened_at"),
        updated_at=record.moment("updated_at"),
        comment=record.text("comment"),
        raw=record.raw,
    )


def group_from(record: Record) -> GroupInfo:
    return GroupInfo(
        name=record.text("name"),
        company=record.text("company"),
        currency=record.text("currency"),
        digits=record.integer("digits"),
        margin_mode=record.choice("margin_mode", MarginMode),
        margin_call=record.decimal("margin_call"),
        stop_out=record.decimal("stop_out"),
        stop_out_unit=record.choice("stop_out_unit", StopOutUnit),
        min_password_length=record.integer("min_password_length"),
        connections_allowed=record.flag("connections_allowed"),
        raw=record.raw,
    )


def symbol_from(record: Record) -> SymbolInfo:
    return SymbolInfo(
        symbol=record.text("symbol"),
        path=record.text("path"),
        base_currency=record.text("base_currency"),
        profit_currency=record.text("profit_currency"),
        margin_currency=record.text("margin_currency"),
        digits=record.integer("digits"),
        point=Price(record.decimal("point")),
        spread=record.integer("spread"),
        contract_size=record.decimal("contract_size"),
        tick_size=Price(record.decimal("tick_size")),
        tick_value=record.decimal("tick_value"),
        lots_min=Lots(record.decimal("lots_min")),
        lots_max=Lots(record.decimal("lots_max")),
        lots_step=Lots(record.decimal("lots_step")),
        swap_long=record.decimal("swap_long"),
        swap_short=record.decimal("swap_short"),
        is_tradable=record.flag("is_tradable"),
        raw=record.raw,
    )


def tick_from(record: Record) -> Tick:
    return Tick(
        symbol=record.text("symbol"),
        bid=Price(record.decimal("bid")),
        ask=Price(record.decimal("ask")),
        last=_price(record.decimal_or_none("last")),
        at=record.moment_or_none("at"),
    )


def server_from(record: Record, measured_at: datetime) -> ServerInfo:
    return ServerInfo(
        name=record.text("name"),
        owner=record.text("owner"),
        build=record.text("build"),
        utc_offset=timedelta(minutes=record.integer("utc_offset_minutes")),
        clock_skew=record.moment("time") - measured_at,
        zone_agrees=None if record.raw.get("zone_agrees") is None else record.flag("zone_agrees"),
        measured_at=measured_at,
    )


def heard_from(event: Record, server: str) -> Heard:
    """An event of a stream. One of a kind nobody told us of concerns nobody."""
    match event.text("event"):
        case "deal":
            deal = deal_from(event.record("deal"), server)
            return Heard(deals=(deal,), logins=frozenset({deal.login}))
        case "deal_changed" | "deal_deleted" | "position" | "account" | "margin":
            return Heard(logins=frozenset({event.integer("login")}))
        case "missed":
            return Heard(gap=True)
    return Heard()
