"""What pending transfers can explain of a difference between a server's balance and the ledger's mirror.

The mirror follows when the server has answered. Until then each pending transfer may stand on the server already or not:
money to an account makes the server's balance larger by its amount or leaves it, money to a wallet makes it smaller.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

from tenant_apps.trading.models import Direction, Transfer, TransferState

SUMS = 8  # rows of one account whose sums are all looked at (2 to the power of that many); of more, only the bounds


def pending(account_ids: Iterable[UUID]) -> Mapping[UUID, Sequence[int]]:
    """What each pending transfer does to the server's balance when it is carried out, in minor units, by account."""
    found: dict[UUID, list[int]] = defaultdict(list)
    rows = Transfer.objects.filter(account_id__in=list(account_ids), state=TransferState.PENDING)
    for account_id, direction, minor in rows.values_list("account_id", "direction", "amount_minor"):
        found[account_id].append(-minor if direction == Direction.TO_WALLET else minor)
    return found


def explains(moves: Sequence[int], difference: int) -> bool:
    """Whether some of the moves, or none, sum to the difference. Of many moves: whether it lies between the least and the
    most that they can come to."""
    if len(moves) > SUMS:
        return sum(move for move in moves if move < 0) <= difference <= sum(move for move in moves if move > 0)
    sums = {0}
    for move in moves:
        sums |= {one + move for one in sums}
    return difference in sums
