"""Money in and out: the platform's two histories, and what an entry is as a deal.

Trades, changes of balance and changes of the bonus are counted apart by the server. So that a number means one deal, the
two histories' numbers begin where no deal's number gets to; they stay below 2^53, so every program reads them exactly.
"""

from datetime import datetime
from decimal import Decimal

from tenant_apps.trading.ports import (
    Amount,
    BalanceKind,
    BalanceOperation,
    BalanceResult,
    Deal,
    DealKind,
    DealReason,
    Lots,
    Price,
    Rate,
)

from . import manager_pb2 as pb
from .catalogue import raw
from .values import Malformed, moment, money, need

BALANCE_NUMBERS = 4_000_000_000_000_000
BONUS_NUMBERS = 6_000_000_000_000_000
ROOM = 2_000_000_000_000_000

DEPOSIT, WITHDRAW, CLOSED_POSITION = 0, 1, 2
CREDIT_IN, CREDIT_OUT = 19, 20
BONUS_IN, BONUS_OUT = 0, 1

_TAKING = frozenset({1, 4, 6, 10, 12, 13, 14, 16, 17, 18, 20, 22, 23, 26, 28, 30, 32, 34, 35, 37})
_GIVING = frozenset(range(40)) - _TAKING - {CLOSED_POSITION}
_KINDS = {
    # 23 to 26 move money between clients, 31 and 32 stand in copies' own histories: nothing that is ours to explain.
    **dict.fromkeys((0, 1, 23, 24, 25, 26, 31, 32, 36, 37), DealKind.BALANCE),
    **dict.fromkeys((30, 33), DealKind.COPY),
    **dict.fromkeys((3, 4, 11, 12, 27, 28, 29, 34), DealKind.COPY_FEE),
    **dict.fromkeys((5, 6, 7, 8, 9, 10, 14), DealKind.AGENT),
    **dict.fromkeys((13, 38), DealKind.BONUS),
    **dict.fromkeys((15, 16), DealKind.DIVIDEND),
    **dict.fromkeys((17, 18, 21, 22, 35), DealKind.CHARGE),
    **dict.fromkeys((CREDIT_IN, CREDIT_OUT), DealKind.CREDIT),
    39: DealKind.COMPENSATION,
}


def _numbered(start: int, number: int) -> int:
    if not 0 < number < ROOM:
        raise Malformed(f"a history entry {number}")
    return start + number


def balance_number(history_id: int) -> int:
    return _numbered(BALANCE_NUMBERS, history_id)


def bonus_number(history_id: int) -> int:
    return _numbered(BONUS_NUMBERS, history_id)


def signed(change: pb.BalanceChange) -> Decimal:
    """What the balance or the credit changed by. Whether a withdrawal's amount has a sign is not documented."""
    amount = money(need(change, "delta"), need(change, "money_digits"))
    if change.type in _TAKING:
        return -abs(amount)
    return abs(amount) if change.type in _GIVING else amount


def signed_bonus(change: pb.BonusChange) -> Decimal:
    amount = abs(money(change.manager_delta + change.ib_delta, need(change, "money_digits")))
    return -amount if change.type == BONUS_OUT else amount


def is_trade(change: pb.BalanceChange) -> bool:
    """Of a closed position: its deal says it already."""
    return change.type == CLOSED_POSITION


def carries(change: pb.BalanceChange | pb.BonusChange, operation_id: str) -> bool:
    """Whether our id stands in one of the two places; a bonus has only the comment."""
    named = isinstance(change, pb.BalanceChange) and change.external_id == operation_id
    return named or change.comment.partition(" ")[0] == operation_id


def type_of(operation: BalanceOperation) -> int:
    into, out = (CREDIT_IN, CREDIT_OUT) if operation.kind is BalanceKind.CREDIT else (DEPOSIT, WITHDRAW)
    return into if operation.amount > 0 else out


def kind_of(change: pb.BalanceChange, correction_source: str) -> BalanceKind | None:
    """None for what is none of our operations."""
    if change.type in (CREDIT_IN, CREDIT_OUT):
        return BalanceKind.CREDIT
    if change.type not in (DEPOSIT, WITHDRAW):
        return None
    return BalanceKind.CORRECTION if change.source == correction_source else BalanceKind.BALANCE


def result_of(change: pb.BalanceChange, login: int, operation_id: str, kind: BalanceKind) -> BalanceResult:
    return BalanceResult(
        login=login,
        deal=balance_number(need(change, "id")),
        operation_id=operation_id,
        amount=Amount(signed(change)),
        kind=kind,
        executed_at=moment(need(change, "at")),
    )


def result_of_bonus(change: pb.BonusChange, login: int, operation_id: str) -> BalanceResult:
    return BalanceResult(
        login=login,
        deal=bonus_number(need(change, "id")),
        operation_id=operation_id,
        amount=Amount(signed_bonus(change)),
        kind=BalanceKind.BONUS,
        executed_at=moment(need(change, "at")),
    )


def deal_of(change: pb.BalanceChange, login: int, server: str, correction_source: str) -> Deal:
    kind = _KINDS.get(change.type, DealKind.OTHER)
    if kind_of(change, correction_source) is BalanceKind.CORRECTION:
        kind = DealKind.CORRECTION
    return _deal(
        server=server,
        number=balance_number(need(change, "id")),
        login=login,
        kind=kind,
        amount=signed(change),
        digits=change.money_digits,
        at=moment(need(change, "at")),
        change=change,
    )


def deal_of_bonus(change: pb.BonusChange, login: int, server: str) -> Deal:
    """A bonus is credit to us: it counts in equity, never in the balance."""
    return _deal(
        server=server,
        number=bonus_number(need(change, "id")),
        login=login,
        kind=DealKind.CREDIT,
        amount=signed_bonus(change),
        digits=change.money_digits,
        at=moment(need(change, "at")),
        change=change,
    )


def _deal(
    *,
    server: str,
    number: int,
    login: int,
    kind: DealKind,
    amount: Decimal,
    digits: int,
    at: datetime,
    change: pb.BalanceChange | pb.BonusChange,
) -> Deal:
    nothing = Decimal(0)
    return Deal(
        server=server,
        deal=number,
        login=login,
        order=0,
        position=0,
        external_id=change.external_id if isinstance(change, pb.BalanceChange) else "",
        kind=kind,
        entry=None,
        reason=DealReason.OTHER,
        symbol="",
        lots=Lots(nothing),
        closed_lots=Lots(nothing),
        price=Price(nothing),
        position_price=Price(nothing),
        bid=None,
        ask=None,
        gateway_price=None,
        contract_size=nothing,
        profit=Amount(amount),
        swap=Amount(nothing),
        commission=Amount(nothing),
        fee=Amount(nothing),
        profit_rate=Rate(nothing),
        margin_rate=Rate(nothing),
        digits=digits,
        executed_at=at,
        comment=change.comment,
        raw=raw(change),
    )
