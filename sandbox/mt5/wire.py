"""Records as the Web API shows them: documented key names, every scalar a string."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sandbox.exchange.accounting import closing_price, floating_of
from sandbox.exchange.catalogue import GroupSpec, SymbolSpec
from sandbox.exchange.market import Market
from sandbox.exchange.money import from_scaled, scaled_text
from sandbox.exchange.records import Account, Deal, Order, Position
from sandbox.mt5.accounts import NUMBER_FIELDS, TEXT_FIELDS
from sandbox.mt5.server import TradingServer

Wire = dict[str, Any]
VOLUME_EXT = 10_000
PERSONAL = (
    "Company",
    "Country",
    "City",
    "State",
    "ZipCode",
    "Address",
    "Phone",
    "Email",
    "ID",
    "Status",
    "Comment",
    "LeadCampaign",
    "LeadSource",
)


def stringify(value: Any) -> Any:
    """Turn every scalar into a JSON string, deeply."""
    if isinstance(value, dict):
        return {key: stringify(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [stringify(one) for one in value]
    return str(value)


def user(server: TradingServer, account: Account, *, personal: bool = True) -> Wire:
    """The User record. Without the right to personal details those fields are empty, the name too."""
    digits = server.group_of(account).currency_digits
    record: Wire = {
        "Login": account.login,
        "Group": account.group,
        "Rights": account.rights,
        "Registration": account.registration,
        "LastAccess": account.last_access,
        "LastPassChange": account.last_pass_change,
        "LastIP": "0.0.0.0",
        "Name": account.name,
    }
    record.update({name: account.details.get(name, "") for name in TEXT_FIELDS if name != "PhonePassword"})
    record.update({name: account.details.get(name, "0") for name in NUMBER_FIELDS})
    record.update(
        {
            "Leverage": account.leverage,
            "TradeAccounts": "",
            "PhonePassword": "",
            "InterestRate": "0.00",
            "CommissionDaily": "0.00",
            "CommissionMonthly": "0.00",
            "Balance": scaled_text(account.balance, digits),
            "Credit": scaled_text(account.credit, digits),
            "BalancePrevDay": scaled_text(account.balance_prev_day, digits),
            "BalancePrevMonth": scaled_text(account.balance_prev_month, digits),
            "EquityPrevDay": scaled_text(account.equity_prev_day, digits),
            "EquityPrevMonth": scaled_text(account.equity_prev_month, digits),
            "ApiData": account.api_data,
        }
    )
    if not personal:
        record.update(dict.fromkeys((*PERSONAL, "Name"), ""))
    return record


def account_state(server: TradingServer, account: Account) -> Wire:
    """The Account record: money right now."""
    digits = server.group_of(account).currency_digits
    state = server.state(account)

    def money(minor: int) -> str:
        return scaled_text(minor, digits)

    return {
        "Login": account.login,
        "CurrencyDigits": digits,
        "Balance": money(account.balance),
        "Credit": money(account.credit),
        "Margin": money(state.margin),
        "MarginFree": money(state.free),
        "MarginLevel": state.level,
        "MarginLeverage": account.leverage,
        "Profit": money(state.profit),
        "Storage": money(state.storage),
        "Commission": money(0),
        "Floating": money(state.floating),
        "Equity": money(state.equity),
        "SOActivation": account.so_activation,
        "SOTime": account.so_time,
        "SOLevel": account.so_level,
        "SOEquity": money(account.so_equity),
        "SOMargin": money(account.so_margin),
        "Assets": money(0),
        "Liabilities": money(0),
        "BlockedCommission": money(0),
        "BlockedProfit": money(0),
        "MarginInitial": money(0),
        "MarginMaintenance": money(0),
    }


def _digits(market: Market, symbol: str) -> int:
    spec = market.symbols.get(symbol)
    return spec.digits if spec is not None else 0


def deal(market: Market, one: Deal) -> Wire:
    """The Deal record."""
    digits, cents = _digits(market, one.symbol), one.digits_currency
    spec = market.symbols.get(one.symbol)
    contract = spec.contract_size if spec else 0
    value = from_scaled(one.price * one.volume * contract, digits + 4)
    return {
        "Deal": one.ticket,
        "ExternalID": "",
        "Login": one.login,
        "Dealer": one.dealer,
        "Order": one.order_ticket,
        "Action": one.action,
        "Entry": one.entry,
        "Reason": one.reason,
        "Digits": digits,
        "DigitsCurrency": cents,
        "ContractSize": f"{contract}.00",
        "Time": one.time_msc // 1000,
        "TimeMsc": one.time_msc,
        "Symbol": one.symbol,
        "Price": scaled_text(one.price, digits),
        "Volume": one.volume,
        "VolumeExt": one.volume * VOLUME_EXT,
        "Profit": scaled_text(one.profit, cents),
        "Storage": scaled_text(one.storage, cents),
        "Commission": scaled_text(one.commission, cents),
        "Fee": scaled_text(one.fee, cents),
        "Value": f"{value:f}",
        "RateProfit": one.rate_profit,
        "RateMargin": one.rate_margin,
        "ExpertID": one.expert,
        "PositionID": one.position,
        "Comment": one.comment,
        "ProfitRaw": one.profit_raw,
        "PricePosition": scaled_text(one.price_position, digits),
        "PriceSL": scaled_text(one.price_sl, digits),
        "PriceTP": scaled_text(one.price_tp, digits),
        "VolumeClosed": one.volume_closed,
        "VolumeClosedExt": one.volume_closed * VOLUME_EXT,
        "TickValue": "0.00",
        "TickSize": "0.00",
        "Flags": 0,
        "Gateway": "",
        "PriceGateway": "0",
        "ModifyFlags": one.modify_flags,
        "MarketBid": scaled_text(one.market_bid, digits),
        "MarketAsk": scaled_text(one.market_ask, digits),
        "MarketLast": scaled_text(0, digits),
        "ApiData": [],
    }


def position(server: TradingServer, one: Position) -> Wire:
    """The Position record with its result at current prices."""
    spec = server.market.symbols[one.symbol]
    group = server.group_of(server.book.accounts[one.login])
    result = floating_of(server.market, group, one)
    digits, cents = spec.digits, group.currency_digits
    return {
        "Position": one.ticket,
        "ExternalID": "",
        "Login": one.login,
        "Dealer": 0,
        "Symbol": one.symbol,
        "Action": one.action,
        "Digits": digits,
        "DigitsCurrency": cents,
        "Reason": one.reason,
        "ContractSize": f"{spec.contract_size}.00",
        "TimeCreate": one.time_create_msc // 1000,
        "TimeUpdate": one.time_update_msc // 1000,
        "TimeCreateMsc": one.time_create_msc,
        "TimeUpdateMsc": one.time_update_msc,
        "ModifyFlags": 0,
        "PriceOpen": scaled_text(one.price_open, digits),
        "PriceCurrent": scaled_text(closing_price(server.market, one), digits),
        "PriceSL": scaled_text(one.price_sl, digits),
        "PriceTP": scaled_text(one.price_tp, digits),
        "Volume": one.volume,
        "VolumeExt": one.volume * VOLUME_EXT,
        "Profit": scaled_text(result.minor, cents),
        "Storage": scaled_text(one.storage, cents),
        "RateProfit": f"{result.rate:f}",
        "RateMargin": one.rate_margin,
        "ExpertID": one.expert,
        "ExpertPositionID": 0,
        "Comment": one.comment,
        "ActivationMode": 0,
        "ActivationTime": 0,
        "ActivationPrice": "0",
        "ActivationFlags": 0,
    }


def order(server: TradingServer, one: Order) -> Wire:
    """The Order record, pending or from history."""
    digits = _digits(server.market, one.symbol)
    spec = server.market.symbols.get(one.symbol)
    account = server.book.accounts.get(one.login)
    return {
        "Order": one.ticket,
        "ExternalID": "",
        "Login": one.login,
        "Dealer": 0,
        "Symbol": one.symbol,
        "Digits": digits,
        "DigitsCurrency": server.group_of(account).currency_digits if account else 2,
        "ContractSize": f"{spec.contract_size if spec else 0}.00",
        "State": one.state,
        "Reason": one.reason,
        "TimeSetup": one.time_setup_msc // 1000,
        "TimeSetupMsc": one.time_setup_msc,
        "TimeExpiration": 0,
        "TimeDone": one.time_done_msc // 1000,
        "TimeDoneMsc": one.time_done_msc,
        "ModifyFlags": 0,
        "Type": one.type,
        "TypeFill": 0,
        "TypeTime": 0,
        "PriceOrder": scaled_text(one.price_order, digits),
        "PriceTrigger": scaled_text(0, digits),
        "PriceCurrent": scaled_text(one.price_current, digits),
        "PriceSL": scaled_text(one.price_sl, digits),
        "PriceTP": scaled_text(one.price_tp, digits),
        "VolumeInitial": one.volume_initial,
        "VolumeInitialExt": one.volume_initial * VOLUME_EXT,
        "VolumeCurrent": one.volume_current,
        "VolumeCurrentExt": one.volume_current * VOLUME_EXT,
        "ExpertID": one.expert,
        "PositionID": one.position,
        "PositionByID": one.position_by,
        "Comment": one.comment,
    }


def group(server: TradingServer, spec: GroupSpec) -> Wire:
    """The ConGroup record (the part of it a CRM reads)."""
    return {
        "Group": spec.name,
        "Server": 1,
        "PermissionsFlags": 2,
        "AuthMode": 0,
        "AuthPasswordMin": spec.password_min,
        "Company": server.config.owner,
        "Currency": spec.currency,
        "CurrencyDigits": spec.currency_digits,
        "ReportsMode": 0,
        "NewsMode": 0,
        "MailMode": 1,
        "TradeFlags": 31,
        "MarginMode": spec.margin_mode,
        "MarginSOMode": 0,
        "MarginFreeMode": 1,
        "MarginCall": spec.margin_call,
        "MarginStopOut": spec.stop_out,
        "DemoLeverage": spec.demo_leverage,
        "DemoDeposit": spec.demo_deposit,
        "LimitHistory": 0,
        "LimitOrders": 0,
        "LimitSymbols": 0,
        "LimitPositions": 0,
        "Commissions": _commissions(spec),
        "Symbols": [{"Path": "*"}],
    }


def _commissions(spec: GroupSpec) -> list[Wire]:
    named = (("Commission", spec.commission, 0), ("Fee", spec.fee, 2))
    return [
        {
            "Name": name,
            "Path": "*",
            "Mode": mode,
            "RangeMode": 0,
            "ChargeMode": 2,
            "Tiers": [{"Value": value}],
        }
        for name, value, mode in named
        if value.strip("0.")
    ]


def symbol(market: Market, spec: SymbolSpec, markup: int = 0) -> Wire:
    """The ConSymbol record (the part of it a CRM reads)."""
    point = scaled_text(1, spec.digits)
    return {
        "Symbol": spec.name,
        "Path": spec.path,
        "Description": spec.description,
        "CurrencyBase": spec.base,
        "CurrencyProfit": spec.profit,
        "CurrencyMargin": spec.margin,
        "CurrencyBaseDigits": 2,
        "CurrencyProfitDigits": 2,
        "CurrencyMarginDigits": 2,
        "Digits": spec.digits,
        "Point": point,
        "Multiply": 10**spec.digits,
        "Spread": 0,
        "SpreadBalance": 0,
        "SpreadDiff": markup,
        "TickValue": "0",
        "TickSize": "0",
        "ContractSize": f"{spec.contract_size}.00",
        "VolumeMin": spec.volume_min,
        "VolumeMinExt": spec.volume_min * VOLUME_EXT,
        "VolumeMax": spec.volume_max,
        "VolumeMaxExt": spec.volume_max * VOLUME_EXT,
        "VolumeStep": spec.volume_min,
        "VolumeStepExt": spec.volume_min * VOLUME_EXT,
        "SwapMode": 1,
        "SwapLong": spec.swap_long,
        "SwapShort": spec.swap_short,
        "Swap3Day": 3,
        "TradeMode": 4 if spec.full_trading else 0,
        "CalcMode": spec.calc_mode,
    }


def tick(market: Market, name: str, markup: int = 0) -> Wire:
    """The last quote of a symbol."""
    spec, quote = market.symbols[name], market.quotes[name]
    return {
        "Symbol": name,
        "Digits": spec.digits,
        "Datetime": quote.time_msc // 1000,
        "DatetimeMsc": quote.time_msc,
        "Bid": scaled_text(quote.bid, spec.digits),
        "Ask": scaled_text(quote.ask + markup, spec.digits),
        "Last": scaled_text(0, spec.digits),
        "Volume": 0,
        "VolumeReal": "0.00",
    }


def time_text(wall_ms: int) -> str:
    """`"<seconds> <YYYY.MM.DD hh:mm:ss>"`, both the server's wall clock."""
    seconds = wall_ms // 1000
    return f"{seconds} {datetime.fromtimestamp(seconds, UTC):%Y.%m.%d %H:%M:%S}"
