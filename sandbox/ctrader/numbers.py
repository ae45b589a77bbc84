"""Every number of the Manager's API this server knows: payload types and the fields of each message.

A line is `number type name`, where `!` after the number makes it required and `*` repeated. A type in capitals is
another message of this table. Enumerations are `int64` here; their values are in `vocabulary`.
"""

from __future__ import annotations

import re

from sandbox.ctrader.protobuf import Field, Kind, Schema

_LINE = re.compile(r"(\d+)([!*]?) (\w+) (\w+)")
_KNOWN: dict[str, Schema] = {}
PAYLOADS: dict[int, Schema] = {}
"""Message by payload type."""
NUMBERS: dict[str, int] = {}
"""Payload type by message name."""


def _message(name: str, payload: int, lines: str) -> Schema:
    fields = [Field(1, "payloadType", Kind.INT64)] if payload else []
    for number, mark, kind, field in _LINE.findall(lines):
        nested = _KNOWN.get(kind)
        fields.append(
            Field(int(number), field, Kind.MESSAGE if nested else Kind(kind), mark == "!", mark == "*", nested)
        )
    schema = Schema(name, tuple(fields))
    _KNOWN[name] = schema
    if payload:
        PAYLOADS[payload] = schema
        NUMBERS[name] = payload
    return schema


ENVELOPE = _message("ProtoMessage", 0, "1! uint64 payloadType, 2 bytes payload, 3 string clientMsgId")

# -- records that other messages carry -----------------------------------------------------------------------

_message(
    "Trader", 0,
    """1! int64 traderId, 2! int64 login, 3! int64 groupId, 8! int64 balance, 9 int64 accountType, 10 string name,
    11 string passwordHash, 12 string description, 13 string status, 14 int64 countryId, 15 string state,
    16 string city, 17 string address, 18 string zipCode, 19 string phone, 21 string email, 22 string documentId,
    25 int64 registrationTimestamp, 26 int64 lastConnectTimestamp, 27 bool online, 28 int64 utcLastUpdateTimestamp,
    29 bool deleted, 30 int64 balanceVersion, 32 bool introducingBroker, 33 int64 parentIntroducingBrokerId,
    47 int64 managerBonus, 48 int64 ibBonus, 49 bool showPersonalData, 56 string lastName, 59 int64 accessRights,
    60 bool sendOwnStatement, 61 int64 depositAssetId, 64 bool swapFree, 65 int64 nonWithdrawableBonus,
    66 uint64 leverageInCents, 68 int64 totalMarginCalculationType, 69 string brokerName, 70 uint64 maxLeverage,
    74 int64 version, 75 int64 subAccountOf, 78 bool isLimitedRisk, 80 uint64 moneyDigits,
    82 bool sendStatementToBroker""",
)  # fmt: skip
_message(
    "TradeData", 0,
    """1! int64 symbolId, 2! int64 volume, 3! int64 tradeSide, 4 int64 traderId, 7 int64 openTimestamp,
    8 int64 closeTimestamp, 12 string label, 13 string comment, 14 string channel, 16 int64 lotSize""",
)  # fmt: skip
_message(
    "Position", 0,
    """1! int64 positionId, 3! TradeData tradeData, 4! int64 positionStatus, 5! int64 swap, 6 double price,
    7 double stopLoss, 8 double takeProfit, 10 int64 utcLastUpdateTimestamp, 11 int64 bookType, 13 int64 commission,
    14 double marginRate, 23 uint64 usedMargin, 30 uint64 moneyDigits""",
)  # fmt: skip
_message(
    "Order", 0,
    """1! int64 orderId, 2! TradeData tradeData, 3! int64 orderType, 4! int64 orderStatus, 9 double executionPrice,
    10 int64 executedVolume, 11 double stopLoss, 12 double takeProfit, 13 int64 utcLastUpdateTimestamp,
    20 bool closingOrder, 21 double limitPrice, 22 double stopPrice, 26 int64 timeInForce, 30 int64 positionId,
    42 int64 login, 45 bool isStopOut, 54 uint64 moneyDigits""",
)  # fmt: skip
_message(
    "ClosePositionDetail", 0,
    """2! double entryPrice, 3! int64 swap, 4! int64 commission, 7! int64 profit, 8! int64 balance, 11 string comment,
    15 double quoteToDepositConversionRate, 16 int64 closedVolume, 18 int64 balanceVersion, 23 int64 equity,
    25 int64 netProfit, 40 int64 offsetDealTimestamp, 43 uint64 moneyDigits""",
)  # fmt: skip
_message(
    "Deal", 0,
    """1! int64 dealId, 2! int64 orderId, 3! int64 positionId, 4! int64 traderId, 5! int64 volume,
    6! int64 filledVolume, 7! int64 symbolId, 8! int64 createTimestamp, 9! int64 executionTimestamp,
    10! int64 utcLastUpdateTimestamp, 11 double executionPrice, 13! int64 tradeSide, 14! int64 dealStatus,
    15! int64 dealType, 16 double marginRate, 17 int64 commission, 19 int64 bookType, 20 double lpExecutionPrice,
    22 string label, 23 string channel, 24 string comment, 26 double baseToUsdConversionRate,
    32 ClosePositionDetail closePositionDetail, 35 int64 introducingBrokerCommission, 36 int64 pocketCommission,
    37 int64 pocketMarkup, 39 int64 introducedByBrokerId, 42 int64 lotSize, 43 int64 markup, 57 int64 equity,
    58 uint64 moneyDigits""",
)  # fmt: skip
_message(
    "DepositWithdraw", 0,
    """1! int64 operationType, 2! int64 balanceHistoryId, 3! int64 traderId, 4! int64 balance, 5! int64 delta,
    6! int64 changeBalanceTimestamp, 7 string comment, 8 string externalNote, 9 int64 balanceVersion, 10 int64 equity,
    13 int64 nonWithdrawableBonus, 14 string source, 15 string externalId, 16 uint64 moneyDigits""",
)  # fmt: skip
_message(
    "BonusDepositWithdraw", 0,
    """1! int64 operationType, 2! int64 bonusHistoryId, 3! int64 traderId, 4! int64 managerBonus,
    5! int64 managerDelta, 6! int64 ibBonus, 7! int64 ibDelta, 8! int64 changeBonusTimestamp, 10 string comment,
    11 string externalNote, 13 uint64 moneyDigits""",
)  # fmt: skip
_message(
    "Symbol", 0,
    """1! int64 symbolId, 2! string name, 4! int64 digits, 5! int64 pipPosition, 7 bool lpEnabled, 8 bool enabled,
    9 int64 defaultSwapRollover3Days, 10 double defaultSwapLong, 11 double defaultSwapShort, 15 string description,
    32 int64 lotSize, 33 bool enableShortSelling, 35 int64 symbolCategoryId, 53 int64 baseAssetId,
    54 int64 quoteAssetId, 58 int64 tradingMode, 79! int64 defaultSwapTime, 80! int64 defaultSwapPeriod""",
)  # fmt: skip
_message(
    "LightGroup", 0,
    """1! int64 groupId, 2 string name, 3! bool enabled, 4 bool swapEnabled, 9 double marginStopout,
    11 string description, 15 bool hasAccess, 29 bool negativeBalanceProtection""",
)  # fmt: skip
_message(
    "Asset", 0,
    """1! int64 assetId, 2! string name, 3! string description, 4! int64 type, 5! bool depositAsset,
    6! bool depositable, 9 int64 digits""",
)  # fmt: skip

# -- the conversation itself ---------------------------------------------------------------------------------

_message("ProtoErrorRes", 50, "2! string errorCode, 3 string description, 4 uint64 maintenanceEndTimestamp")
_message("ProtoHeartbeatEvent", 51, "")
_message("ProtoPingReq", 52, "2! uint64 timestamp")
_message("ProtoPingRes", 53, "2! uint64 timestamp")
_message("ProtoVersionReq", 154, "")
_message("ProtoVersionRes", 155, "2! string version")
_message(
    "ProtoManagerAuthReq", 301,
    "2! string plantId, 3! string environmentName, 4! int64 login, 5! string passwordHash",
)  # fmt: skip
_message("ProtoManagerAuthRes", 302, "2* int64 permission")
_message("ProtoServerTimeReq", 313, "")
_message("ProtoServerTimeRes", 314, "2! int64 timeInMillis")
_message("ProtoHelloEvent", 990, "")

# -- traders -------------------------------------------------------------------------------------------------

_message("ProtoChangeTraderPasswordReq", 303, "2! int64 traderId, 3! string passwordHash")
_message("ProtoChangeTraderPasswordRes", 304, "2! int64 traderId")
_message("ProtoCheckTraderPasswordReq", 307, "2 int64 traderId, 3! string passwordHash, 4 int64 login")
_message("ProtoCheckTraderPasswordRes", 308, "2! int64 traderId")
_message(
    "ProtoTraderListReq", 403,
    "2! int64 fromTimestamp, 3! int64 toTimestamp, 4 int64 groupId, 6 bool onlySubAccounts",
)  # fmt: skip
_message("ProtoTraderListRes", 404, "2* Trader trader, 3! bool hasMore")
_message("ProtoCrudTraderReq", 501, "2! int64 operation, 3! Trader trader, 4 bool validateVersion")
_message("ProtoCrudTraderRes", 502, "2! int64 operation, 3! int64 traderId")
_message("ProtoTraderChangedEvent", 503, "2! Trader trader, 3! int64 operation")
_message("ProtoTraderByIdReq", 703, "2* int64 traderId")
_message("ProtoTraderByIdRes", 704, "2* Trader trader")

# -- money ---------------------------------------------------------------------------------------------------

_message(
    "ProtoChangeBalanceReq", 519,
    """2! int64 traderId, 3! int64 amount, 4 string comment, 5! int64 type, 6 int64 managerId, 7 string externalNote,
    8 string source, 9 string externalId, 10 bool newWay""",
)  # fmt: skip
_message("ProtoChangeBalanceRes", 520, "2! int64 traderId, 3! int64 balanceHistoryId")
_message(
    "ProtoManagerChangeBonusReq", 780,
    """2! int64 traderId, 3! int64 amount, 4 string comment, 5! int64 type, 6 string externalNote, 7 bool newWay,
    8 int64 owner""",
)  # fmt: skip
_message("ProtoManagerChangeBonusRes", 781, "2! int64 traderId, 3! int64 bonusHistoryId")
_message(
    "ProtoManagerBalanceTransferReq", 355,
    """2! int64 fromTraderId, 3! int64 toTraderId, 4! int64 amount, 5 double conversionRate, 6 bool newWay,
    7 string commentForFromTrader, 8 string commentForToTrader""",
)  # fmt: skip
_message("ProtoManagerBalanceTransferRes", 356, "2! uint64 depositedAmount, 3 uint64 moneyDigits")
_WINDOW = "2 int64 traderId, 3! int64 fromTimestamp, 4! int64 toTimestamp"
_message("ProtoBalanceHistoryListReq", 417, _WINDOW)
_message("ProtoBalanceHistoryListRes", 418, "2 int64 traderId, 3* DepositWithdraw depositWithdraw, 4 bool hasMore")
_message("ProtoBonusHistoryListReq", 786, _WINDOW)
_message(
    "ProtoBonusHistoryListRes", 787,
    "2 int64 traderId, 3* BonusDepositWithdraw bonusDepositWithdraw, 4 bool hasMore",
)  # fmt: skip

# -- trades --------------------------------------------------------------------------------------------------

_message(
    "ProtoExecutionEvent", 300,
    """2! int64 executionType, 4 Position position, 5 Order order, 6 string errorCode,
    7 DepositWithdraw depositWithdraw, 8 Deal deal, 9 uint64 eventId, 10 BonusDepositWithdraw bonusDepositWithdraw,
    11 bool isServerEvent, 12 double depositToUsdRate""",
)  # fmt: skip
_message("ProtoPositionListReq", 407, _WINDOW)
_message("ProtoPositionListRes", 408, "2 int64 traderId, 3* Position position, 4! bool hasMore")
_message("ProtoPendingOrderListReq", 409, _WINDOW)
_message("ProtoPendingOrderListRes", 410, "2 int64 traderId, 3* Order order, 4! bool hasMore")
_message(
    "ProtoManagerDealListReq", 431,
    """2* int64 traderId, 3! int64 fromTimestamp, 4! int64 toTimestamp, 5 int64 maxRows, 6 bool closingDealsOnly,
    7 bool includeAdditionalVolumes, 8 bool withFilledVolumeOnly, 9* int64 groupId""",
)  # fmt: skip
_message("ProtoManagerDealListRes", 432, "2* Deal deal, 3! bool hasMore")
_message(
    "ProtoManagerDealListByPositionIdReq", 459, "2! int64 positionId, 3! int64 fromTimestamp, 4! int64 toTimestamp"
)
_message("ProtoManagerDealListByPositionIdRes", 460, "2* Deal deal, 3! bool hasMore")
_message("ProtoManagerGetDealReq", 709, "2! uint64 dealId")
_message("ProtoManagerGetDealRes", 711, "2! Deal deal")
_message("ProtoManagerClosedPositionListReq", 720, "2! int64 fromTimestamp, 3! int64 toTimestamp, 4 int64 traderId")
_message("ProtoManagerClosedPositionListRes", 721, "2* Position position, 3! bool hasMore")

# -- what is traded, and at which prices ---------------------------------------------------------------------

_message("ProtoAssetListReq", 465, "")
_message("ProtoAssetListRes", 466, "2* Asset asset")
_message("ProtoManagerSymbolListReq", 467, "")
_message("ProtoManagerSymbolListRes", 468, "2* Symbol symbol")
_message("ProtoLightGroupListReq", 473, "")
_message("ProtoLightGroupListRes", 474, "2* LightGroup lightGroup")
_message("ProtoSubscribeSpotQuotesReq", 601, "3* int64 symbolId, 5 bool subscribeToSpotTimestamp")
_message("ProtoSubscribeSpotQuotesRes", 602, "")
_message("ProtoUnsubscribeSpotQuotesReq", 608, "3* int64 symbolId")
_message("ProtoUnsubscribeSpotQuotesRes", 609, "")
_message("ProtoSpotEvent", 3, "2! int64 symbolId, 3 uint64 bid, 4 uint64 ask, 9 int64 timestamp")
