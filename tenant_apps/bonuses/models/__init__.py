"""Rows of bonuses: which rules apply, what is offered, what was given, and what moved at the trading server for it."""

from .grants import (
    ALIVE,
    ENDED,
    CancelRequest,
    CreditMove,
    Ending,
    Grant,
    GrantState,
    MovePurpose,
    MoveState,
)
from .schemes import Burn, PackChoice, Scheme, SchemeVersion
from .waiting import Waiting

__all__ = [
    "ALIVE",
    "ENDED",
    "Burn",
    "CancelRequest",
    "CreditMove",
    "Ending",
    "Grant",
    "GrantState",
    "MovePurpose",
    "MoveState",
    "PackChoice",
    "Scheme",
    "SchemeVersion",
    "Waiting",
]
