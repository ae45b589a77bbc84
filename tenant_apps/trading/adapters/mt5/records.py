"""The server's records as the house's own dataclasses. Names and enums: the vendor's SDK, build 3661."""

from datetime import datetime
from decimal import Decimal

from tenant_apps.trading.adapters.mt5.clock import WallClock
from tenant_apps.trading.adapters.mt5.values import Malformed, Record
from tenant_apps.trading.ports import (
    Account,
    AccountRights,
    AccountState,
    Amount,
    BalanceKind,
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

# Rights bits of a user record. TRADE_DISABLED is the one that works the other way round.
RIGHT_ENABLED = 0x1
RIGHT_PASSWORD = 0x2
RIGHT_TRADE_DISABLED = 0x4
RIGHT_TRAILING = 0x20
RIGHT_EXPERT = 0x40
RIGHT_REPORTS = 0x100
RIGHTS_DEFAULT = 0x163

_RIGHTS = (
    ("can_log_in", RIGHT_ENABLED, True),
    ("can_trade", RIGHT_TRADE_DISABLED, False),
    ("can_change_password", RIGHT_PASSWORD, True),
    ("can_use_experts", RIGHT_EXPERT, True),
    ("can_trail_stops", RIGHT_TRAILING, True),
    ("gets_reports", RIGHT_REPORTS, True),
)

BALANCE_TYPES = {
    BalanceKind.BALANCE: 2,
    BalanceKind.CREDIT: 3,
    BalanceKind.CORRECTION: 5,
    BalanceKind.BONUS: 6,
}
BALANCE_KINDS = {number: kind for kind, number in BALANCE_TYPES.items()}

_DEAL_KINDS = dict(
    enumerate(
        (
            *(DealKind.BUY, DealKind.SELL, DealKind.BALANCE, DealKind.CREDIT, DealKind.CHARGE),
            *(DealKind.CORRECTION, DealKind.BONUS),
            *(DealKind.COMMISSION, DealKind.COMMISSION, DealKind.COMMISSION),
            *(DealKind.AGENT, DealKind.AGENT),
            *(DealKind.INTEREST, DealKind.CANCELLED_BUY, DealKind.CANCELLED_SELL),
            *(DealKind.DIVIDEND, DealKind.DIVIDEND, DealKind.TAX, DealKind.AGENT),
            *(DealKind.COMPENSATION, DealKind.COMPENSATION),
        )
    )
)
_ENTRIES = {0: DealEntry.IN, 1: DealEntry.OUT, 2: DealEntry.IN_OUT, 3: DealEntry.OUT_BY}
_REASONS = {
    0: DealReason.CLIENT,
    1: DealReason.EXPERT,
    2: DealReason.DEALER,
    3: DealReason.STOP_LOSS,
    4: DealReason.TAKE_PROFIT,
    5: DealReason.STOP_OUT,
    6: DealReason.ROLLOVER,
    9: DealReason.GATEWAY,
    10: DealReason.SIGNAL,
    16: DealReason.MOBILE,
    17: DealReason.WEB,
    18: DealReason.SPLIT,
}
_MARGIN_MODES = {0: MarginMode.NETTING, 1: MarginMode.EXCHANGE, 2: MarginMode.HEDGING}
GROUP_CONNECTIONS = 0x2


def rights_from_flags(flags: int) -> AccountRights:
    return AccountRights(**{name: bool(flags & bit) is set_means for name, bit, set_means in _RIGHTS})


def flags_with_rights(flags: int, wanted: dict[str, bool | None]) -> int:
    """`flags` with the rights named in `wanted` set; None and all bits not ours stay as they are."""
    for name, bit, set_means in _RIGHTS:
        allowed = wanted.get(name)
        if allowed is not None:
            flags = flags | bit if allowed is set_means else flags & ~bit
    return flags


def _moment(record: Record, name: str, clock: WallClock) -> datetime | None:
    """`<name>Msc` (milliseconds) where the build has it, else `<name>` (seconds); zero is "never"."""
    milliseconds = record.integer(f"{name}Msc")
    if milliseconds:
        seconds, rest = divmod(milliseconds, 1000)
        return clock.to_utc(seconds, rest * 1000)
    seconds = record.integer(name)
    return clock.to_utc(seconds) if seconds else None


def _required_moment(record: Record, name: str, clock: WallClock) -> datetime:
    moment = _moment(record, name, clock)
    if moment is None:
        raise Malformed(f"{name} is missing")
    return moment


def _price(value: Decimal | None) -> Price | None:
    return None if value is None else Price(value)


def account_from(record: Record, clock: WallClock, external_id_field: str) -> Account:
    return Account(
        login=record.integer("Login", None),
        group=record.text("Group"),
        name=record.text("Name"),
        leverage=record.integer("Leverage"),
        rights=rights_from_flags(record.integer("Rights", None)),
        external_id=record.text(external_id_field),
        email=record.text("Email"),
        phone=record.text("Phone"),
        country=record.text("Country"),
        comment=record.text("Comment"),
        agent=record.integer("Agent"),
        balance=Amount(record.decimal("Balance")),
        credit=Amount(record.decimal("Credit")),
        registered_at=_moment(record, "Registration", clock),
        last_access_at=_moment(record, "LastAccess", clock),
        raw=record.raw,
    )


def account_state_from(record: Record, currency: str, read_at: datetime) -> AccountState:
    margin = record.decimal("Margin", None)
    return AccountState(
        login=record.integer("Login", None),
        currency=currency,
        digits=record.integer("CurrencyDigits", None),
        balance=Amount(record.decimal("Balance", None)),
        credit=Amount(record.decimal("Credit", None)),
        equity=Amount(record.decimal("Equity", None)),
        margin=Amount(margin),
        free_margin=Amount(record.decimal("MarginFree", None)),
        margin_level=record.decimal("MarginLevel") if margin else None,
        floating=Amount(record.decimal("Floating")),
        leverage=record.integer("MarginLeverage"),
        read_at=read_at,
        raw=record.raw,
    )


def deal_from(record: Record, server: str, clock: WallClock) -> Deal:
    kind = _DEAL_KINDS.get(record.integer("Action", None), DealKind.OTHER)
    is_trade = kind in (DealKind.BUY, DealKind.SELL)
    return Deal(
        server=server,
        deal=record.integer("Deal", None),
        login=record.integer("Login", None),
        order=record.integer("Order"),
        position=record.integer("PositionID"),
        external_id=record.text("ExternalID"),
        kind=kind,
        entry=_ENTRIES.get(record.integer("Entry")) if is_trade else None,
        reason=_REASONS.get(record.integer("Reason"), DealReason.OTHER),
        symbol=record.text("Symbol"),
        lots=Lots(record.lots("Volume")),
        closed_lots=Lots(record.lots("VolumeClosed")),
        price=Price(record.decimal("Price")),
        position_price=Price(record.decimal("PricePosition")),
        bid=_price(record.positive("MarketBid")),
        ask=_price(record.positive("MarketAsk")),
        gateway_price=_price(record.positive("PriceGateway")),
        contract_size=record.decimal("ContractSize"),
        profit=Amount(record.decimal("Profit")),
        swap=Amount(record.decimal("Storage")),
        commission=Amount(record.decimal("Commission")),
        fee=Amount(record.decimal("Fee")),
        profit_rate=Rate(record.decimal("RateProfit")),
        margin_rate=Rate(record.decimal("RateMargin")),
        digits=record.integer("DigitsCurrency"),
        executed_at=_required_moment(record, "Time", clock),
        comment=record.text("Comment"),
        raw=record.raw,
    )


def position_from(record: Record, server: str, clock: WallClock) -> Position:
    opened_at = _required_moment(record, "TimeCreate", clock)
    sides = {0: Side.BUY, 1: Side.SELL}
    action = record.integer("Action", None)
    if action not in sides:
        raise Malformed(f"a position with action {action}")
    return Position(
        server=server,
        position=record.integer("Position", None),
        login=record.integer("Login", None),
        symbol=record.text("Symbol"),
        side=sides[action],
        lots=Lots(record.lots("Volume")),
        price_open=Price(record.decimal("PriceOpen", None)),
        price_current=Price(record.decimal("PriceCurrent", None)),
        stop_loss=_price(record.positive("PriceSL")),
        take_profit=_price(record.positive("PriceTP")),
        contract_size=record.decimal("ContractSize"),
        profit=Amount(record.decimal("Profit", None)),
        swap=Amount(record.decimal("Storage")),
        profit_rate=Rate(record.decimal("RateProfit")),
        margin_rate=Rate(record.decimal("RateMargin")),
        reason=_REASONS.get(record.integer("Reason"), DealReason.OTHER),
        opened_at=opened_at,
        updated_at=_moment(record, "TimeUpdate", clock) or opened_at,
        comment=record.text("Comment"),
        raw=record.raw,
    )


def group_from(record: Record) -> GroupInfo:
    name, currency = record.text("Group"), record.text("Currency")
    if not name or not currency:
        raise Malformed("a group without name or currency")
    return GroupInfo(
        name=name,
        company=record.text("Company"),
        currency=currency,
        digits=record.integer("CurrencyDigits", None),
        margin_mode=_MARGIN_MODES.get(record.integer("MarginMode"), MarginMode.NETTING),
        margin_call=record.decimal("MarginCall"),
        stop_out=record.decimal("MarginStopOut"),
        stop_out_unit=StopOutUnit.MONEY if record.integer("MarginSOMode") == 1 else StopOutUnit.PERCENT,
        min_password_length=record.integer("AuthPasswordMin", 8),
        connections_allowed=bool(record.integer("PermissionsFlags") & GROUP_CONNECTIONS),
        raw=record.raw,
    )


def symbol_from(record: Record) -> SymbolInfo:
    digits = record.integer("Digits", None)
    return SymbolInfo(
        symbol=record.text("Symbol"),
        path=record.text("Path"),
        base_currency=record.text("CurrencyBase"),
        profit_currency=record.text("CurrencyProfit"),
        margin_currency=record.text("CurrencyMargin"),
        digits=digits,
        point=Price(record.positive("Point") or Decimal(1).scaleb(-digits)),
        spread=record.integer("Spread"),
        contract_size=record.decimal("ContractSize", None),
        tick_size=Price(record.decimal("TickSize")),
        tick_value=record.decimal("TickValue"),
        lots_min=Lots(record.lots("VolumeMin")),
        lots_max=Lots(record.lots("VolumeMax")),
        lots_step=Lots(record.lots("VolumeStep")),
        swap_long=record.decimal("SwapLong"),
        swap_short=record.decimal("SwapShort"),
        is_tradable=record.integer("TradeMode") != 0,
        raw=record.raw,
    )


def tick_from(record: Record, clock: WallClock) -> Tick:
    return Tick(
        symbol=record.text("Symbol"),
        bid=Price(record.decimal("Bid", None)),
        ask=Price(record.decimal("Ask", None)),
        last=_price(record.positive("Last")),
        at=_moment(record, "Datetime", clock),
    )
