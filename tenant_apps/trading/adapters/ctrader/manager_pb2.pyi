from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Envelope(_message.Message):
    __slots__ = ("payload_type", "payload", "client_msg_id")
    PAYLOAD_TYPE_FIELD_NUMBER: _ClassVar[int]
    PAYLOAD_FIELD_NUMBER: _ClassVar[int]
    CLIENT_MSG_ID_FIELD_NUMBER: _ClassVar[int]
    payload_type: int
    payload: bytes
    client_msg_id: str
    def __init__(self, payload_type: _Optional[int] = ..., payload: _Optional[bytes] = ..., client_msg_id: _Optional[str] = ...) -> None: ...

class Failure(_message.Message):
    __slots__ = ("error_code", "description", "maintenance_end")
    ERROR_CODE_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    MAINTENANCE_END_FIELD_NUMBER: _ClassVar[int]
    error_code: str
    description: str
    maintenance_end: int
    def __init__(self, error_code: _Optional[str] = ..., description: _Optional[str] = ..., maintenance_end: _Optional[int] = ...) -> None: ...

class Empty(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class Ping(_message.Message):
    __slots__ = ("timestamp",)
    TIMESTAMP_FIELD_NUMBER: _ClassVar[int]
    timestamp: int
    def __init__(self, timestamp: _Optional[int] = ...) -> None: ...

class AuthReq(_message.Message):
    __slots__ = ("plant", "environment", "login", "password_hash")
    PLANT_FIELD_NUMBER: _ClassVar[int]
    ENVIRONMENT_FIELD_NUMBER: _ClassVar[int]
    LOGIN_FIELD_NUMBER: _ClassVar[int]
    PASSWORD_HASH_FIELD_NUMBER: _ClassVar[int]
    plant: str
    environment: str
    login: int
    password_hash: str
    def __init__(self, plant: _Optional[str] = ..., environment: _Optional[str] = ..., login: _Optional[int] = ..., password_hash: _Optional[str] = ...) -> None: ...

class AuthRes(_message.Message):
    __slots__ = ("permission",)
    PERMISSION_FIELD_NUMBER: _ClassVar[int]
    permission: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, permission: _Optional[_Iterable[int]] = ...) -> None: ...

class CheckPasswordReq(_message.Message):
    __slots__ = ("trader_id", "password_hash", "login")
    TRADER_ID_FIELD_NUMBER: _ClassVar[int]
    PASSWORD_HASH_FIELD_NUMBER: _ClassVar[int]
    LOGIN_FIELD_NUMBER: _ClassVar[int]
    trader_id: int
    password_hash: str
    login: int
    def __init__(self, trader_id: _Optional[int] = ..., password_hash: _Optional[str] = ..., login: _Optional[int] = ...) -> None: ...

class TraderRef(_message.Message):
    __slots__ = ("trader_id",)
    TRADER_ID_FIELD_NUMBER: _ClassVar[int]
    trader_id: int
    def __init__(self, trader_id: _Optional[int] = ...) -> None: ...

class ServerTimeRes(_message.Message):
    __slots__ = ("time",)
    TIME_FIELD_NUMBER: _ClassVar[int]
    time: int
    def __init__(self, time: _Optional[int] = ...) -> None: ...

class VersionRes(_message.Message):
    __slots__ = ("version",)
    VERSION_FIELD_NUMBER: _ClassVar[int]
    version: str
    def __init__(self, version: _Optional[str] = ...) -> None: ...

class Trader(_message.Message):
    __slots__ = ("trader_id", "login", "group_id", "balance", "account_type", "name", "description", "status", "country_id", "state", "city", "address", "zip_code", "phone", "email", "document_id", "registered_at", "connected_at", "deleted", "balance_version", "introduced_by", "manager_bonus", "ib_bonus", "last_name", "access_rights", "sends_statement", "deposit_asset_id", "swap_free", "non_withdrawable_bonus", "leverage_in_cents", "margin_calculation", "broker_name", "version", "sub_account_of", "money_digits")
    TRADER_ID_FIELD_NUMBER: _ClassVar[int]
    LOGIN_FIELD_NUMBER: _ClassVar[int]
    GROUP_ID_FIELD_NUMBER: _ClassVar[int]
    BALANCE_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_TYPE_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    COUNTRY_ID_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    CITY_FIELD_NUMBER: _ClassVar[int]
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    ZIP_CODE_FIELD_NUMBER: _ClassVar[int]
    PHONE_FIELD_NUMBER: _ClassVar[int]
    EMAIL_FIELD_NUMBER: _ClassVar[int]
    DOCUMENT_ID_FIELD_NUMBER: _ClassVar[int]
    REGISTERED_AT_FIELD_NUMBER: _ClassVar[int]
    CONNECTED_AT_FIELD_NUMBER: _ClassVar[int]
    DELETED_FIELD_NUMBER: _ClassVar[int]
    BALANCE_VERSION_FIELD_NUMBER: _ClassVar[int]
    INTRODUCED_BY_FIELD_NUMBER: _ClassVar[int]
    MANAGER_BONUS_FIELD_NUMBER: _ClassVar[int]
    IB_BONUS_FIELD_NUMBER: _ClassVar[int]
    LAST_NAME_FIELD_NUMBER: _ClassVar[int]
    ACCESS_RIGHTS_FIELD_NUMBER: _ClassVar[int]
    SENDS_STATEMENT_FIELD_NUMBER: _ClassVar[int]
    DEPOSIT_ASSET_ID_FIELD_NUMBER: _ClassVar[int]
    SWAP_FREE_FIELD_NUMBER: _ClassVar[int]
    NON_WITHDRAWABLE_BONUS_FIELD_NUMBER: _ClassVar[int]
    LEVERAGE_IN_CENTS_FIELD_NUMBER: _ClassVar[int]
    MARGIN_CALCULATION_FIELD_NUMBER: _ClassVar[int]
    BROKER_NAME_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    SUB_ACCOUNT_OF_FIELD_NUMBER: _ClassVar[int]
    MONEY_DIGITS_FIELD_NUMBER: _ClassVar[int]
    trader_id: int
    login: int
    group_id: int
    balance: int
    account_type: int
    name: str
    description: str
    status: str
    country_id: int
    state: str
    city: str
    address: str
    zip_code: str
    phone: str
    email: str
    document_id: str
    registered_at: int
    connected_at: int
    deleted: bool
    balance_version: int
    introduced_by: int
    manager_bonus: int
    ib_bonus: int
    last_name: str
    access_rights: int
    sends_statement: bool
    deposit_asset_id: int
    swap_free: bool
    non_withdrawable_bonus: int
    leverage_in_cents: int
    margin_calculation: int
    broker_name: str
    version: int
    sub_account_of: int
    money_digits: int
    def __init__(self, trader_id: _Optional[int] = ..., login: _Optional[int] = ..., group_id: _Optional[int] = ..., balance: _Optional[int] = ..., account_type: _Optional[int] = ..., name: _Optional[str] = ..., description: _Optional[str] = ..., status: _Optional[str] = ..., country_id: _Optional[int] = ..., state: _Optional[str] = ..., city: _Optional[str] = ..., address: _Optional[str] = ..., zip_code: _Optional[str] = ..., phone: _Optional[str] = ..., email: _Optional[str] = ..., document_id: _Optional[str] = ..., registered_at: _Optional[int] = ..., connected_at: _Optional[int] = ..., deleted: _Optional[bool] = ..., balance_version: _Optional[int] = ..., introduced_by: _Optional[int] = ..., manager_bonus: _Optional[int] = ..., ib_bonus: _Optional[int] = ..., last_name: _Optional[str] = ..., access_rights: _Optional[int] = ..., sends_statement: _Optional[bool] = ..., deposit_asset_id: _Optional[int] = ..., swap_free: _Optional[bool] = ..., non_withdrawable_bonus: _Optional[int] = ..., leverage_in_cents: _Optional[int] = ..., margin_calculation: _Optional[int] = ..., broker_name: _Optional[str] = ..., version: _Optional[int] = ..., sub_account_of: _Optional[int] = ..., money_digits: _Optional[int] = ...) -> None: ...

class TraderListReq(_message.Message):
    __slots__ = ("since", "until", "group_id")
    SINCE_FIELD_NUMBER: _ClassVar[int]
    UNTIL_FIELD_NUMBER: _ClassVar[int]
    GROUP_ID_FIELD_NUMBER: _ClassVar[int]
    since: int
    until: int
    group_id: int
    def __init__(self, since: _Optional[int] = ..., until: _Optional[int] = ..., group_id: _Optional[int] = ...) -> None: ...

class TraderListRes(_message.Message):
    __slots__ = ("trader", "has_more")
    TRADER_FIELD_NUMBER: _ClassVar[int]
    HAS_MORE_FIELD_NUMBER: _ClassVar[int]
    trader: _containers.RepeatedCompositeFieldContainer[Trader]
    has_more: bool
    def __init__(self, trader: _Optional[_Iterable[_Union[Trader, _Mapping]]] = ..., has_more: _Optional[bool] = ...) -> None: ...

class TraderByIdReq(_message.Message):
    __slots__ = ("trader_id",)
    TRADER_ID_FIELD_NUMBER: _ClassVar[int]
    trader_id: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, trader_id: _Optional[_Iterable[int]] = ...) -> None: ...

class TraderByIdRes(_message.Message):
    __slots__ = ("trader",)
    TRADER_FIELD_NUMBER: _ClassVar[int]
    trader: _containers.RepeatedCompositeFieldContainer[Trader]
    def __init__(self, trader: _Optional[_Iterable[_Union[Trader, _Mapping]]] = ...) -> None: ...

class TraderChanged(_message.Message):
    __slots__ = ("trader", "operation")
    TRADER_FIELD_NUMBER: _ClassVar[int]
    OPERATION_FIELD_NUMBER: _ClassVar[int]
    trader: Trader
    operation: int
    def __init__(self, trader: _Optional[_Union[Trader, _Mapping]] = ..., operation: _Optional[int] = ...) -> None: ...

class TradeData(_message.Message):
    __slots__ = ("symbol_id", "volume", "side", "trader_id", "opened_at", "label", "comment", "channel", "lot_size")
    SYMBOL_ID_FIELD_NUMBER: _ClassVar[int]
    VOLUME_FIELD_NUMBER: _ClassVar[int]
    SIDE_FIELD_NUMBER: _ClassVar[int]
    TRADER_ID_FIELD_NUMBER: _ClassVar[int]
    OPENED_AT_FIELD_NUMBER: _ClassVar[int]
    LABEL_FIELD_NUMBER: _ClassVar[int]
    COMMENT_FIELD_NUMBER: _ClassVar[int]
    CHANNEL_FIELD_NUMBER: _ClassVar[int]
    LOT_SIZE_FIELD_NUMBER: _ClassVar[int]
    symbol_id: int
    volume: int
    side: int
    trader_id: int
    opened_at: int
    label: str
    comment: str
    channel: str
    lot_size: int
    def __init__(self, symbol_id: _Optional[int] = ..., volume: _Optional[int] = ..., side: _Optional[int] = ..., trader_id: _Optional[int] = ..., opened_at: _Optional[int] = ..., label: _Optional[str] = ..., comment: _Optional[str] = ..., channel: _Optional[str] = ..., lot_size: _Optional[int] = ...) -> None: ...

class Position(_message.Message):
    __slots__ = ("position_id", "trade", "status", "swap", "price", "stop_loss", "take_profit", "updated_at", "commission", "margin_rate", "used_margin", "money_digits")
    POSITION_ID_FIELD_NUMBER: _ClassVar[int]
    TRADE_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    SWAP_FIELD_NUMBER: _ClassVar[int]
    PRICE_FIELD_NUMBER: _ClassVar[int]
    STOP_LOSS_FIELD_NUMBER: _ClassVar[int]
    TAKE_PROFIT_FIELD_NUMBER: _ClassVar[int]
    UPDATED_AT_FIELD_NUMBER: _ClassVar[int]
    COMMISSION_FIELD_NUMBER: _ClassVar[int]
    MARGIN_RATE_FIELD_NUMBER: _ClassVar[int]
    USED_MARGIN_FIELD_NUMBER: _ClassVar[int]
    MONEY_DIGITS_FIELD_NUMBER: _ClassVar[int]
    position_id: int
    trade: TradeData
    status: int
    swap: int
    price: float
    stop_loss: float
    take_profit: float
    updated_at: int
    commission: int
    margin_rate: float
    used_margin: int
    money_digits: int
    def __init__(self, position_id: _Optional[int] = ..., trade: _Optional[_Union[TradeData, _Mapping]] = ..., status: _Optional[int] = ..., swap: _Optional[int] = ..., price: _Optional[float] = ..., stop_loss: _Optional[float] = ..., take_profit: _Optional[float] = ..., updated_at: _Optional[int] = ..., commission: _Optional[int] = ..., margin_rate: _Optional[float] = ..., used_margin: _Optional[int] = ..., money_digits: _Optional[int] = ...) -> None: ...

class PositionListReq(_message.Message):
    __slots__ = ("trader_id", "since", "until")
    TRADER_ID_FIELD_NUMBER: _ClassVar[int]
    SINCE_FIELD_NUMBER: _ClassVar[int]
    UNTIL_FIELD_NUMBER: _ClassVar[int]
    trader_id: int
    since: int
    until: int
    def __init__(self, trader_id: _Optional[int] = ..., since: _Optional[int] = ..., until: _Optional[int] = ...) -> None: ...

class PositionListRes(_message.Message):
    __slots__ = ("trader_id", "position", "has_more")
    TRADER_ID_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    HAS_MORE_FIELD_NUMBER: _ClassVar[int]
    trader_id: int
    position: _containers.RepeatedCompositeFieldContainer[Position]
    has_more: bool
    def __init__(self, trader_id: _Optional[int] = ..., position: _Optional[_Iterable[_Union[Position, _Mapping]]] = ..., has_more: _Optional[bool] = ...) -> None: ...

class CloseDetail(_message.Message):
    __slots__ = ("entry_price", "swap", "commission", "profit", "balance", "quote_to_deposit_rate", "closed_volume", "balance_version", "net_profit", "opened_at", "money_digits", "conversion_fee")
    ENTRY_PRICE_FIELD_NUMBER: _ClassVar[int]
    SWAP_FIELD_NUMBER: _ClassVar[int]
    COMMISSION_FIELD_NUMBER: _ClassVar[int]
    PROFIT_FIELD_NUMBER: _ClassVar[int]
    BALANCE_FIELD_NUMBER: _ClassVar[int]
    QUOTE_TO_DEPOSIT_RATE_FIELD_NUMBER: _ClassVar[int]
    CLOSED_VOLUME_FIELD_NUMBER: _ClassVar[int]
    BALANCE_VERSION_FIELD_NUMBER: _ClassVar[int]
    NET_PROFIT_FIELD_NUMBER: _ClassVar[int]
    OPENED_AT_FIELD_NUMBER: _ClassVar[int]
    MONEY_DIGITS_FIELD_NUMBER: _ClassVar[int]
    CONVERSION_FEE_FIELD_NUMBER: _ClassVar[int]
    entry_price: float
    swap: int
    commission: int
    profit: int
    balance: int
    quote_to_deposit_rate: float
    closed_volume: int
    balance_version: int
    net_profit: int
    opened_at: int
    money_digits: int
    conversion_fee: int
    def __init__(self, entry_price: _Optional[float] = ..., swap: _Optional[int] = ..., commission: _Optional[int] = ..., profit: _Optional[int] = ..., balance: _Optional[int] = ..., quote_to_deposit_rate: _Optional[float] = ..., closed_volume: _Optional[int] = ..., balance_version: _Optional[int] = ..., net_profit: _Optional[int] = ..., opened_at: _Optional[int] = ..., money_digits: _Optional[int] = ..., conversion_fee: _Optional[int] = ...) -> None: ...

class Deal(_message.Message):
    __slots__ = ("deal_id", "order_id", "position_id", "trader_id", "volume", "filled_volume", "symbol_id", "created_at", "executed_at", "price", "side", "status", "margin_rate", "commission", "lp_price", "channel", "comment", "base_to_usd_rate", "close", "ib_commission", "pocket_commission", "pocket_markup", "introduced_by", "lot_size", "markup", "money_digits")
    DEAL_ID_FIELD_NUMBER: _ClassVar[int]
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    POSITION_ID_FIELD_NUMBER: _ClassVar[int]
    TRADER_ID_FIELD_NUMBER: _ClassVar[int]
    VOLUME_FIELD_NUMBER: _ClassVar[int]
    FILLED_VOLUME_FIELD_NUMBER: _ClassVar[int]
    SYMBOL_ID_FIELD_NUMBER: _ClassVar[int]
    CREATED_AT_FIELD_NUMBER: _ClassVar[int]
    EXECUTED_AT_FIELD_NUMBER: _ClassVar[int]
    PRICE_FIELD_NUMBER: _ClassVar[int]
    SIDE_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    MARGIN_RATE_FIELD_NUMBER: _ClassVar[int]
    COMMISSION_FIELD_NUMBER: _ClassVar[int]
    LP_PRICE_FIELD_NUMBER: _ClassVar[int]
    CHANNEL_FIELD_NUMBER: _ClassVar[int]
    COMMENT_FIELD_NUMBER: _ClassVar[int]
    BASE_TO_USD_RATE_FIELD_NUMBER: _ClassVar[int]
    CLOSE_FIELD_NUMBER: _ClassVar[int]
    IB_COMMISSION_FIELD_NUMBER: _ClassVar[int]
    POCKET_COMMISSION_FIELD_NUMBER: _ClassVar[int]
    POCKET_MARKUP_FIELD_NUMBER: _ClassVar[int]
    INTRODUCED_BY_FIELD_NUMBER: _ClassVar[int]
    LOT_SIZE_FIELD_NUMBER: _ClassVar[int]
    MARKUP_FIELD_NUMBER: _ClassVar[int]
    MONEY_DIGITS_FIELD_NUMBER: _ClassVar[int]
    deal_id: int
    order_id: int
    position_id: int
    trader_id: int
    volume: int
    filled_volume: int
    symbol_id: int
    created_at: int
    executed_at: int
    price: float
    side: int
    status: int
    margin_rate: float
    commission: int
    lp_price: float
    channel: str
    comment: str
    base_to_usd_rate: float
    close: CloseDetail
    ib_commission: int
    pocket_commission: int
    pocket_markup: int
    introduced_by: int
    lot_size: int
    markup: int
    money_digits: int
    def __init__(self, deal_id: _Optional[int] = ..., order_id: _Optional[int] = ..., position_id: _Optional[int] = ..., trader_id: _Optional[int] = ..., volume: _Optional[int] = ..., filled_volume: _Optional[int] = ..., symbol_id: _Optional[int] = ..., created_at: _Optional[int] = ..., executed_at: _Optional[int] = ..., price: _Optional[float] = ..., side: _Optional[int] = ..., status: _Optional[int] = ..., margin_rate: _Optional[float] = ..., commission: _Optional[int] = ..., lp_price: _Optional[float] = ..., channel: _Optional[str] = ..., comment: _Optional[str] = ..., base_to_usd_rate: _Optional[float] = ..., close: _Optional[_Union[CloseDetail, _Mapping]] = ..., ib_commission: _Optional[int] = ..., pocket_commission: _Optional[int] = ..., pocket_markup: _Optional[int] = ..., introduced_by: _Optional[int] = ..., lot_size: _Optional[int] = ..., markup: _Optional[int] = ..., money_digits: _Optional[int] = ...) -> None: ...

class DealListReq(_message.Message):
    __slots__ = ("trader_id", "since", "until", "max_rows", "with_volume_only", "group_id")
    TRADER_ID_FIELD_NUMBER: _ClassVar[int]
    SINCE_FIELD_NUMBER: _ClassVar[int]
    UNTIL_FIELD_NUMBER: _ClassVar[int]
    MAX_ROWS_FIELD_NUMBER: _ClassVar[int]
    WITH_VOLUME_ONLY_FIELD_NUMBER: _ClassVar[int]
    GROUP_ID_FIELD_NUMBER: _ClassVar[int]
    trader_id: _containers.RepeatedScalarFieldContainer[int]
    since: int
    until: int
    max_rows: int
    with_volume_only: bool
    group_id: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, trader_id: _Optional[_Iterable[int]] = ..., since: _Optional[int] = ..., until: _Optional[int] = ..., max_rows: _Optional[int] = ..., with_volume_only: _Optional[bool] = ..., group_id: _Optional[_Iterable[int]] = ...) -> None: ...

class DealListRes(_message.Message):
    __slots__ = ("deal", "has_more")
    DEAL_FIELD_NUMBER: _ClassVar[int]
    HAS_MORE_FIELD_NUMBER: _ClassVar[int]
    deal: _containers.RepeatedCompositeFieldContainer[Deal]
    has_more: bool
    def __init__(self, deal: _Optional[_Iterable[_Union[Deal, _Mapping]]] = ..., has_more: _Optional[bool] = ...) -> None: ...

class BalanceChange(_message.Message):
    __slots__ = ("type", "id", "trader_id", "balance", "delta", "at", "comment", "external_note", "balance_version", "source", "external_id", "money_digits")
    TYPE_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    TRADER_ID_FIELD_NUMBER: _ClassVar[int]
    BALANCE_FIELD_NUMBER: _ClassVar[int]
    DELTA_FIELD_NUMBER: _ClassVar[int]
    AT_FIELD_NUMBER: _ClassVar[int]
    COMMENT_FIELD_NUMBER: _ClassVar[int]
    EXTERNAL_NOTE_FIELD_NUMBER: _ClassVar[int]
    BALANCE_VERSION_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    EXTERNAL_ID_FIELD_NUMBER: _ClassVar[int]
    MONEY_DIGITS_FIELD_NUMBER: _ClassVar[int]
    type: int
    id: int
    trader_id: int
    balance: int
    delta: int
    at: int
    comment: str
    external_note: str
    balance_version: int
    source: str
    external_id: str
    money_digits: int
    def __init__(self, type: _Optional[int] = ..., id: _Optional[int] = ..., trader_id: _Optional[int] = ..., balance: _Optional[int] = ..., delta: _Optional[int] = ..., at: _Optional[int] = ..., comment: _Optional[str] = ..., external_note: _Optional[str] = ..., balance_version: _Optional[int] = ..., source: _Optional[str] = ..., external_id: _Optional[str] = ..., money_digits: _Optional[int] = ...) -> None: ...

class HistoryReq(_message.Message):
    __slots__ = ("trader_id", "since", "until")
    TRADER_ID_FIELD_NUMBER: _ClassVar[int]
    SINCE_FIELD_NUMBER: _ClassVar[int]
    UNTIL_FIELD_NUMBER: _ClassVar[int]
    trader_id: int
    since: int
    until: int
    def __init__(self, trader_id: _Optional[int] = ..., since: _Optional[int] = ..., until: _Optional[int] = ...) -> None: ...

class BalanceHistoryRes(_message.Message):
    __slots__ = ("trader_id", "change", "has_more")
    TRADER_ID_FIELD_NUMBER: _ClassVar[int]
    CHANGE_FIELD_NUMBER: _ClassVar[int]
    HAS_MORE_FIELD_NUMBER: _ClassVar[int]
    trader_id: int
    change: _containers.RepeatedCompositeFieldContainer[BalanceChange]
    has_more: bool
    def __init__(self, trader_id: _Optional[int] = ..., change: _Optional[_Iterable[_Union[BalanceChange, _Mapping]]] = ..., has_more: _Optional[bool] = ...) -> None: ...

class BonusChange(_message.Message):
    __slots__ = ("type", "id", "trader_id", "manager_bonus", "manager_delta", "ib_bonus", "ib_delta", "at", "comment", "external_note", "money_digits")
    TYPE_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    TRADER_ID_FIELD_NUMBER: _ClassVar[int]
    MANAGER_BONUS_FIELD_NUMBER: _ClassVar[int]
    MANAGER_DELTA_FIELD_NUMBER: _ClassVar[int]
    IB_BONUS_FIELD_NUMBER: _ClassVar[int]
    IB_DELTA_FIELD_NUMBER: _ClassVar[int]
    AT_FIELD_NUMBER: _ClassVar[int]
    COMMENT_FIELD_NUMBER: _ClassVar[int]
    EXTERNAL_NOTE_FIELD_NUMBER: _ClassVar[int]
    MONEY_DIGITS_FIELD_NUMBER: _ClassVar[int]
    type: int
    id: int
    trader_id: int
    manager_bonus: int
    manager_delta: int
    ib_bonus: int
    ib_delta: int
    at: int
    comment: str
    external_note: str
    money_digits: int
    def __init__(self, type: _Optional[int] = ..., id: _Optional[int] = ..., trader_id: _Optional[int] = ..., manager_bonus: _Optional[int] = ..., manager_delta: _Optional[int] = ..., ib_bonus: _Optional[int] = ..., ib_delta: _Optional[int] = ..., at: _Optional[int] = ..., comment: _Optional[str] = ..., external_note: _Optional[str] = ..., money_digits: _Optional[int] = ...) -> None: ...

class BonusHistoryRes(_message.Message):
    __slots__ = ("trader_id", "change", "has_more")
    TRADER_ID_FIELD_NUMBER: _ClassVar[int]
    CHANGE_FIELD_NUMBER: _ClassVar[int]
    HAS_MORE_FIELD_NUMBER: _ClassVar[int]
    trader_id: int
    change: _containers.RepeatedCompositeFieldContainer[BonusChange]
    has_more: bool
    def __init__(self, trader_id: _Optional[int] = ..., change: _Optional[_Iterable[_Union[BonusChange, _Mapping]]] = ..., has_more: _Optional[bool] = ...) -> None: ...

class ChangeBalanceReq(_message.Message):
    __slots__ = ("trader_id", "amount", "comment", "type", "external_note", "source", "external_id", "in_asset_digits")
    TRADER_ID_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_FIELD_NUMBER: _ClassVar[int]
    COMMENT_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    EXTERNAL_NOTE_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    EXTERNAL_ID_FIELD_NUMBER: _ClassVar[int]
    IN_ASSET_DIGITS_FIELD_NUMBER: _ClassVar[int]
    trader_id: int
    amount: int
    comment: str
    type: int
    external_note: str
    source: str
    external_id: str
    in_asset_digits: bool
    def __init__(self, trader_id: _Optional[int] = ..., amount: _Optional[int] = ..., comment: _Optional[str] = ..., type: _Optional[int] = ..., external_note: _Optional[str] = ..., source: _Optional[str] = ..., external_id: _Optional[str] = ..., in_asset_digits: _Optional[bool] = ...) -> None: ...

class ChangeBonusReq(_message.Message):
    __slots__ = ("trader_id", "amount", "comment", "type", "external_note", "in_asset_digits")
    TRADER_ID_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_FIELD_NUMBER: _ClassVar[int]
    COMMENT_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    EXTERNAL_NOTE_FIELD_NUMBER: _ClassVar[int]
    IN_ASSET_DIGITS_FIELD_NUMBER: _ClassVar[int]
    trader_id: int
    amount: int
    comment: str
    type: int
    external_note: str
    in_asset_digits: bool
    def __init__(self, trader_id: _Optional[int] = ..., amount: _Optional[int] = ..., comment: _Optional[str] = ..., type: _Optional[int] = ..., external_note: _Optional[str] = ..., in_asset_digits: _Optional[bool] = ...) -> None: ...

class ChangedRes(_message.Message):
    __slots__ = ("trader_id", "history_id")
    TRADER_ID_FIELD_NUMBER: _ClassVar[int]
    HISTORY_ID_FIELD_NUMBER: _ClassVar[int]
    trader_id: int
    history_id: int
    def __init__(self, trader_id: _Optional[int] = ..., history_id: _Optional[int] = ...) -> None: ...

class Order(_message.Message):
    __slots__ = ("order_id", "trade", "type", "is_stop_out")
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    TRADE_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    IS_STOP_OUT_FIELD_NUMBER: _ClassVar[int]
    order_id: int
    trade: TradeData
    type: int
    is_stop_out: bool
    def __init__(self, order_id: _Optional[int] = ..., trade: _Optional[_Union[TradeData, _Mapping]] = ..., type: _Optional[int] = ..., is_stop_out: _Optional[bool] = ...) -> None: ...

class ExecutionEvent(_message.Message):
    __slots__ = ("type", "position", "order", "error_code", "balance_change", "deal", "event_id", "bonus_change", "is_server_event")
    TYPE_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    ORDER_FIELD_NUMBER: _ClassVar[int]
    ERROR_CODE_FIELD_NUMBER: _ClassVar[int]
    BALANCE_CHANGE_FIELD_NUMBER: _ClassVar[int]
    DEAL_FIELD_NUMBER: _ClassVar[int]
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    BONUS_CHANGE_FIELD_NUMBER: _ClassVar[int]
    IS_SERVER_EVENT_FIELD_NUMBER: _ClassVar[int]
    type: int
    position: Position
    order: Order
    error_code: str
    balance_change: BalanceChange
    deal: Deal
    event_id: int
    bonus_change: BonusChange
    is_server_event: bool
    def __init__(self, type: _Optional[int] = ..., position: _Optional[_Union[Position, _Mapping]] = ..., order: _Optional[_Union[Order, _Mapping]] = ..., error_code: _Optional[str] = ..., balance_change: _Optional[_Union[BalanceChange, _Mapping]] = ..., deal: _Optional[_Union[Deal, _Mapping]] = ..., event_id: _Optional[int] = ..., bonus_change: _Optional[_Union[BonusChange, _Mapping]] = ..., is_server_event: _Optional[bool] = ...) -> None: ...

class Asset(_message.Message):
    __slots__ = ("asset_id", "name", "deposit_asset", "digits")
    ASSET_ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    DEPOSIT_ASSET_FIELD_NUMBER: _ClassVar[int]
    DIGITS_FIELD_NUMBER: _ClassVar[int]
    asset_id: int
    name: str
    deposit_asset: bool
    digits: int
    def __init__(self, asset_id: _Optional[int] = ..., name: _Optional[str] = ..., deposit_asset: _Optional[bool] = ..., digits: _Optional[int] = ...) -> None: ...

class AssetListRes(_message.Message):
    __slots__ = ("asset",)
    ASSET_FIELD_NUMBER: _ClassVar[int]
    asset: _containers.RepeatedCompositeFieldContainer[Asset]
    def __init__(self, asset: _Optional[_Iterable[_Union[Asset, _Mapping]]] = ...) -> None: ...

class Symbol(_message.Message):
    __slots__ = ("symbol_id", "name", "digits", "pip_position", "enabled", "swap_long", "swap_short", "description", "lot_size", "category_id", "base_asset_id", "quote_asset_id", "trading_mode")
    SYMBOL_ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    DIGITS_FIELD_NUMBER: _ClassVar[int]
    PIP_POSITION_FIELD_NUMBER: _ClassVar[int]
    ENABLED_FIELD_NUMBER: _ClassVar[int]
    SWAP_LONG_FIELD_NUMBER: _ClassVar[int]
    SWAP_SHORT_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    LOT_SIZE_FIELD_NUMBER: _ClassVar[int]
    CATEGORY_ID_FIELD_NUMBER: _ClassVar[int]
    BASE_ASSET_ID_FIELD_NUMBER: _ClassVar[int]
    QUOTE_ASSET_ID_FIELD_NUMBER: _ClassVar[int]
    TRADING_MODE_FIELD_NUMBER: _ClassVar[int]
    symbol_id: int
    name: str
    digits: int
    pip_position: int
    enabled: bool
    swap_long: float
    swap_short: float
    description: str
    lot_size: int
    category_id: int
    base_asset_id: int
    quote_asset_id: int
    trading_mode: int
    def __init__(self, symbol_id: _Optional[int] = ..., name: _Optional[str] = ..., digits: _Optional[int] = ..., pip_position: _Optional[int] = ..., enabled: _Optional[bool] = ..., swap_long: _Optional[float] = ..., swap_short: _Optional[float] = ..., description: _Optional[str] = ..., lot_size: _Optional[int] = ..., category_id: _Optional[int] = ..., base_asset_id: _Optional[int] = ..., quote_asset_id: _Optional[int] = ..., trading_mode: _Optional[int] = ...) -> None: ...

class ArchivedSymbol(_message.Message):
    __slots__ = ("symbol_id", "name", "digits", "lot_size", "base_asset_id")
    SYMBOL_ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    DIGITS_FIELD_NUMBER: _ClassVar[int]
    LOT_SIZE_FIELD_NUMBER: _ClassVar[int]
    BASE_ASSET_ID_FIELD_NUMBER: _ClassVar[int]
    symbol_id: int
    name: str
    digits: int
    lot_size: int
    base_asset_id: int
    def __init__(self, symbol_id: _Optional[int] = ..., name: _Optional[str] = ..., digits: _Optional[int] = ..., lot_size: _Optional[int] = ..., base_asset_id: _Optional[int] = ...) -> None: ...

class SymbolListRes(_message.Message):
    __slots__ = ("symbol", "archived")
    SYMBOL_FIELD_NUMBER: _ClassVar[int]
    ARCHIVED_FIELD_NUMBER: _ClassVar[int]
    symbol: _containers.RepeatedCompositeFieldContainer[Symbol]
    archived: _containers.RepeatedCompositeFieldContainer[ArchivedSymbol]
    def __init__(self, symbol: _Optional[_Iterable[_Union[Symbol, _Mapping]]] = ..., archived: _Optional[_Iterable[_Union[ArchivedSymbol, _Mapping]]] = ...) -> None: ...

class Group(_message.Message):
    __slots__ = ("group_id", "name", "enabled", "stop_out", "description", "deleted", "has_access")
    GROUP_ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    ENABLED_FIELD_NUMBER: _ClassVar[int]
    STOP_OUT_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    DELETED_FIELD_NUMBER: _ClassVar[int]
    HAS_ACCESS_FIELD_NUMBER: _ClassVar[int]
    group_id: int
    name: str
    enabled: bool
    stop_out: float
    description: str
    deleted: bool
    has_access: bool
    def __init__(self, group_id: _Optional[int] = ..., name: _Optional[str] = ..., enabled: _Optional[bool] = ..., stop_out: _Optional[float] = ..., description: _Optional[str] = ..., deleted: _Optional[bool] = ..., has_access: _Optional[bool] = ...) -> None: ...

class GroupListRes(_message.Message):
    __slots__ = ("group",)
    GROUP_FIELD_NUMBER: _ClassVar[int]
    group: _containers.RepeatedCompositeFieldContainer[Group]
    def __init__(self, group: _Optional[_Iterable[_Union[Group, _Mapping]]] = ...) -> None: ...

class SubscribeSpotsReq(_message.Message):
    __slots__ = ("symbol_id", "with_time")
    SYMBOL_ID_FIELD_NUMBER: _ClassVar[int]
    WITH_TIME_FIELD_NUMBER: _ClassVar[int]
    symbol_id: _containers.RepeatedScalarFieldContainer[int]
    with_time: bool
    def __init__(self, symbol_id: _Optional[_Iterable[int]] = ..., with_time: _Optional[bool] = ...) -> None: ...

class SpotEvent(_message.Message):
    __slots__ = ("symbol_id", "bid", "ask", "at")
    SYMBOL_ID_FIELD_NUMBER: _ClassVar[int]
    BID_FIELD_NUMBER: _ClassVar[int]
    ASK_FIELD_NUMBER: _ClassVar[int]
    AT_FIELD_NUMBER: _ClassVar[int]
    symbol_id: int
    bid: int
    ask: int
    at: int
    def __init__(self, symbol_id: _Optional[int] = ..., bid: _Optional[int] = ..., ask: _Optional[int] = ..., at: _Optional[int] = ...) -> None: ...
