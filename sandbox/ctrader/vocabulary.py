"""The values of the platform's enumerations, under its own names."""

from __future__ import annotations

from enum import IntEnum, StrEnum


class Side(IntEnum):
    """ProtoTradeSide."""

    BUY = 1
    SELL = 2


class Execution(IntEnum):
    """ProtoExecutionType."""

    ORDER_ACCEPTED = 2
    ORDER_FILLED = 3
    ORDER_REPLACED = 4
    ORDER_CANCELLED = 5
    ORDER_EXPIRED = 6
    ORDER_REJECTED = 7
    SWAP = 9
    DEPOSIT_WITHDRAW = 10
    ORDER_PARTIAL_FILL = 11
    BONUS_DEPOSIT_WITHDRAW = 12


class Crud(IntEnum):
    """ProtoCrudOperation: UPDATE resets what it leaves out, UPDATE_DIFF keeps it."""

    CREATE = 1
    UPDATE = 3
    DELETE = 4
    UPDATE_DIFF = 5


class AccountType(IntEnum):
    """ProtoAccountType."""

    HEDGED = 0
    NETTED = 1
    SPREAD_BETTING = 2


class MarginType(IntEnum):
    """ProtoTotalMarginCalculationType."""

    MAX = 0
    SUM = 1
    NET = 2


class Access(IntEnum):
    """ProtoAccessRights."""

    FULL_ACCESS = 0
    CLOSE_ONLY = 1
    NO_TRADING = 2
    NO_LOGIN = 3


class BonusType(IntEnum):
    """ProtoChangeBonusType."""

    DEPOSIT = 0
    WITHDRAW = 1


class BalanceType(IntEnum):
    """ProtoChangeBalanceType, without the platform's own 2 (closed position) and its reserved values."""

    DEPOSIT = 0
    WITHDRAW = 1
    DEPOSIT_STRATEGY_COMMISSION_INNER = 3
    WITHDRAW_STRATEGY_COMMISSION_INNER = 4
    DEPOSIT_IB_COMMISSIONS = 5
    WITHDRAW_IB_SHARED_PERCENTAGE = 6
    DEPOSIT_IB_SHARED_PERCENTAGE_FROM_SUB_IB = 7
    DEPOSIT_IB_SHARED_PERCENTAGE_FROM_BROKER = 8
    DEPOSIT_REBATE = 9
    WITHDRAW_REBATE = 10
    DEPOSIT_STRATEGY_COMMISSION_OUTER = 11
    WITHDRAW_STRATEGY_COMMISSION_OUTER = 12
    WITHDRAW_BONUS_COMPENSATION = 13
    WITHDRAW_IB_SHARED_PERCENTAGE_TO_BROKER = 14
    DEPOSIT_DIVIDENDS = 15
    WITHDRAW_DIVIDENDS = 16
    WITHDRAW_GSL_CHARGE = 17
    WITHDRAW_ROLLOVER = 18
    DEPOSIT_NONWITHDRAWABLE_BONUS = 19
    WITHDRAW_NONWITHDRAWABLE_BONUS = 20
    DEPOSIT_SWAP = 21
    WITHDRAW_SWAP = 22
    WITHDRAW_INVESTMENT_TO_STRATEGY = 23
    DEPOSIT_FROM_INVESTOR = 24
    DEPOSIT_RETURNED_INVESTMENT = 25
    WITHDRAW_BY_INVESTOR = 26
    DEPOSIT_MANAGEMENT_FEE = 27
    WITHDRAW_MANAGEMENT_FEE = 28
    DEPOSIT_PERFORMANCE_FEE = 29
    WITHDRAW_FOR_SUBACCOUNT = 30
    DEPOSIT_TO_SUBACCOUNT = 31
    WITHDRAW_FROM_SUBACCOUNT = 32
    DEPOSIT_FROM_SUBACCOUNT = 33
    WITHDRAW_COPY_FEE = 34
    WITHDRAW_INACTIVITY_FEE = 35
    DEPOSIT_TRANSFER = 36
    WITHDRAW_TRANSFER = 37
    DEPOSIT_CONVERTED_BONUS = 38
    DEPOSIT_NEGATIVE_BALANCE_PROTECTION = 39

    @property
    def sign(self) -> int:
        """1 for what goes in, -1 for what goes out."""
        return 1 if self.name.startswith("DEPOSIT") else -1

    @property
    def is_credit(self) -> bool:
        """True for the non-withdrawable bonus, which is not part of the balance."""
        return self in (BalanceType.DEPOSIT_NONWITHDRAWABLE_BONUS, BalanceType.WITHDRAW_NONWITHDRAWABLE_BONUS)


class Permission(IntEnum):
    """ProtoManagerPermission, those that something here asks for."""

    TRADER_READ = 1
    TRADER_CREATE = 2
    TRADER_EDIT = 3
    TRADER_DELETE = 4
    TRADER_CASHIER = 5
    TRADER_CHANGE_PASSWORD = 6
    TRADER_BONUS_CASHIER = 9
    GROUP_READ = 20
    ORDER_READ = 130
    POSITION_READ = 140
    TRADING_HISTORY_READ = 150


class Code(StrEnum):
    """Error codes, as they stand in ProtoErrorRes.errorCode and in WebServices' answers."""

    UNKNOWN_ERROR = "UNKNOWN_ERROR"
    UNSUPPORTED_MESSAGE = "UNSUPPORTED_MESSAGE"
    INVALID_REQUEST = "INVALID_REQUEST"
    WRONG_PASSWORD = "WRONG_PASSWORD"
    CANT_ROUTE_REQUEST = "CANT_ROUTE_REQUEST"
    FRAME_TOO_LONG = "FRAME_TOO_LONG"
    CONCURRENT_MODIFICATION = "CONCURRENT_MODIFICATION"
    NOT_ENOUGH_MONEY = "NOT_ENOUGH_MONEY"
    NOT_ENOUGH_RIGHTS = "NOT_ENOUGH_RIGHTS"
    AUTHENTICATION_FAILED = "AUTHENTICATION_FAILED"
    ALREADY_LOGGED_IN = "ALREADY_LOGGED_IN"
    CHANGE_BALANCE_BAD_AMOUNT = "CHANGE_BALANCE_BAD_AMOUNT"
    CHANGE_BONUS_BAD_AMOUNT = "CHANGE_BONUS_BAD_AMOUNT"
    TRADING_DISABLED = "TRADING_DISABLED"
    TRADING_BAD_VOLUME = "TRADING_BAD_VOLUME"
    TRADING_BAD_STOPS = "TRADING_BAD_STOPS"
    TRADING_BAD_PRICES = "TRADING_BAD_PRICES"
    TRADER_NOT_FOUND = "TRADER_NOT_FOUND"
    TRADER_GROUP_NOT_FOUND = "TRADER_GROUP_NOT_FOUND"
    TRADER_HAS_POSITIONS = "TRADER_HAS_POSITIONS"
    WRONG_LEVERAGE = "WRONG_LEVERAGE"
    INCORRECT_BOUNDARIES = "INCORRECT_BOUNDARIES"
    SYMBOL_NOT_FOUND = "SYMBOL_NOT_FOUND"
    POSITION_NOT_FOUND = "POSITION_NOT_FOUND"
    DEAL_NOT_FOUND = "DEAL_NOT_FOUND"
    UNKNOWN_DEPOSIT_CURRENCY = "UNKNOWN_DEPOSIT_CURRENCY"
    CH_BROKER_NOT_FOUND = "CH_BROKER_NOT_FOUND"
    CH_CTID_NOT_FOUND = "CH_CTID_NOT_FOUND"
    REQUEST_FREQUENCY_EXCEEDED = "REQUEST_FREQUENCY_EXCEEDED"


class Declined(Exception):
    """The server declines a request; raised before anything is changed, always."""

    def __init__(self, code: Code, detail: str = "") -> None:
        super().__init__(f"{code} {detail}".strip())
        self.code = code
        self.detail = detail
