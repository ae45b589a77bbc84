"""What other apps know that keeps a client's money with the house for now: payments says "a deposit was charged back".

register_stop("reversal", found=...)
"""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

Stop = Callable[[UUID], bool]  # whether there is one for this client now

_stops: dict[str, Stop] = {}


def register_stop(code: str, found: Stop) -> None:
    _stops[code] = found


def stopped(client_id: UUID) -> bool:
    """Whether money may not go from this client to anybody else. Moves between their own wallets stay open."""
    return any(found(client_id) for found in _stops.values())
