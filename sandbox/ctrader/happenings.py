"""What a plant tells its managers of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from sandbox.ctrader.records import CashFlow, Charge, DealNote, Trader
from sandbox.ctrader.vocabulary import Crud
from sandbox.exchange.records import Deal, Order, Position


@dataclass(frozen=True, slots=True)
class Happening:
    """Something to tell the managers who may see this login; the copies are of the moment it happened."""

    kind: str
    event_id: int
    login: int
    deal: Deal | None = None
    position: Position | None = None
    note: DealNote | None = None
    charge: Charge | None = None
    cash: CashFlow | None = None
    order: Order | None = None
    operation: Crud | None = None
    trader: Trader | None = None
    balance: int = 0
    closed: bool = False
    frames: list[bytes] = field(default_factory=list, compare=False)
    """The messages that tell of it, written once, by the first session that sends them."""


Listener = Callable[[list[Happening]], None]
