"""From what happened at a plant to the messages its managers are sent."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sandbox.ctrader import show
from sandbox.ctrader.happenings import Happening
from sandbox.ctrader.plant import Plant
from sandbox.ctrader.vocabulary import Execution

EVENT = "ProtoExecutionEvent"
PLACED = 1
Message = tuple[str, dict[str, Any]]


def messages(plant: Plant, happened: Happening) -> Iterator[Message]:
    """Name and content of each message that tells of it."""
    account = plant.book.accounts[happened.login]
    rate = show.rate(plant.market, plant.group_of(account).currency, "USD")
    common = {"eventId": happened.event_id, "depositToUsdRate": rate}
    if happened.kind == "trader" and happened.trader is not None:
        trader = show.trader_now(plant, happened.trader, balance=happened.balance)
        yield "ProtoTraderChangedEvent", {"trader": trader, "operation": happened.operation}
    elif happened.kind == "order" and happened.deal is not None:
        order = show.order_of_deal(plant, happened.deal, show.ACCEPTED)
        yield EVENT, {"executionType": Execution.ORDER_ACCEPTED, "order": order, **common}
    elif happened.order is not None:
        placed = happened.order.state == PLACED
        kind = Execution.ORDER_ACCEPTED if placed else Execution.ORDER_CANCELLED
        yield EVENT, {"executionType": kind, "order": show.pending_order(plant, happened.order), **common}
    elif happened.kind == "deal":
        yield EVENT, {**_filled(plant, happened), **common}
    elif happened.kind == "swap" and happened.position is not None:
        position = show.position(plant, happened.position, happened.charge)
        yield EVENT, {"executionType": Execution.SWAP, "position": position, "isServerEvent": True, **common}
    elif happened.cash is not None and happened.cash.is_bonus:
        bonus = show.bonus(plant, happened.cash)
        yield EVENT, {"executionType": Execution.BONUS_DEPOSIT_WITHDRAW, "bonusDepositWithdraw": bonus, **common}
    elif happened.cash is not None:
        cash = show.cash(plant, happened.cash)
        yield EVENT, {"executionType": Execution.DEPOSIT_WITHDRAW, "depositWithdraw": cash, **common}


def _filled(plant: Plant, happened: Happening) -> dict[str, Any]:
    deal, position = happened.deal, happened.position
    assert deal is not None
    assert position is not None
    return {
        "executionType": Execution.ORDER_FILLED,
        "position": show.position(plant, position, happened.charge, closed=happened.closed),
        "order": show.order_of_deal(plant, deal, show.FILLED),
        "deal": show.deal(plant, deal, happened.note),
        "isServerEvent": deal.reason in show.SERVER_REASONS,
    }
