"""One order of locks for all that moves a client's payments.

The client's turn, then their deposits, withdrawals with parts, freezes, and last the wallet in the ledger. Whoever locks
any of these takes the turn first, of several clients at once; so what a chargeback stops and what asks for money at that
very moment come one after the other, and no two of them wait for each other. Reading takes no turn.

Two lock rows without a turn: a provider's report (`provider_fees`, many clients' deposits by id, then their parts by id) and
bonuses (a deposit, then its client); a worker that meets them in the other order is told of the deadlock and tries again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Concatenate, ParamSpec, TypeVar
from uuid import UUID

from kernel import locks

from ..models import Deposit, WithdrawalPart


def turn(*client_ids: UUID) -> None:
    """Wait for these clients' turns; they end with the transaction. Taken again it costs nothing."""
    locks.hold(*(f"payments.client:{client_id}" for client_id in client_ids))


P = ParamSpec("P")
R = TypeVar("R")


def in_turn(found: Callable[Concatenate[UUID, P], R]) -> Callable[Concatenate[UUID, P], R]:
    """The same question about a client for who is about to move their money: what moves it now is waited for."""

    def asked(client_id: UUID, *args: P.args, **kwargs: P.kwargs) -> R:
        turn(client_id)
        return found(client_id, *args, **kwargs)

    return asked


def turn_of_deposit(deposit_id: UUID) -> None:
    """Raises Deposit.DoesNotExist. A deposit never changes hands, so its client may be read before the lock."""
    turn(Deposit.objects.values_list("client_id", flat=True).get(pk=deposit_id))


def turn_of_parts(part_ids: Iterable[UUID]) -> None:
    parts = WithdrawalPart.objects.filter(pk__in=list(part_ids))
    turn(*parts.order_by().values_list("withdrawal__client_id", flat=True).distinct())
