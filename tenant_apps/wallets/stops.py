"""What other apps know that keeps a client's money with the house for now: payments says "a deposit was charged back", or
"this much is of unknown source".

register_stop("reversal", found=...)
register_kept(found=...)
register_asked(ask=...)

Moving money to a client's own trading account is asked about by neither: it can only come back to the wallet.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from uuid import UUID

from kernel.actors import Actor
from kernel.money import Money

from .errors import MoveRefused

Stop = Callable[[UUID], bool]  # whether there is one for this client now

Kept = Callable[[UUID, str], Money]  # what of this client's wallet in this currency has to stay in it

Asked = Callable[[UUID, Actor], None]  # ask the client for what would let it go, once

_stops: dict[str, Stop] = {}
_kept: list[Kept] = []
_asked: list[Asked] = []


def register_stop(code: str, found: Stop) -> None:
    _stops[code] = found


def register_kept(found: Kept) -> None:
    _kept.append(found)


def register_asked(ask: Asked) -> None:
    _asked.append(ask)


def stopped(client_id: UUID) -> bool:
    """Whether money may not go from this client to anybody else. Moves between their own wallets stay open.

    Asked within the transaction that is to move it and before a wallet is locked: what is stopping it now is waited for.
    """
    return any(found(client_id) for found in _stops.values())


def kept(client_id: UUID, currency: str) -> Money:
    """What neither an exchange nor a transfer to somebody else may take out of a wallet.

    Asked where `stopped` is: what else moves this client's money is waited for, so that two together take no more.
    """
    return max((found(client_id, currency) for found in _kept), default=Money.zero(currency), key=lambda one: one.minor)


@contextmanager
def asked_for(client_id: UUID, actor: Actor) -> Iterator[None]:
    """Who is refused a move because money has to stay has been asked for what opens it. Around the transaction, which is
    given up."""
    try:
        yield
    except MoveRefused as error:
        if error.data.get("check") in ("funds_source", "stopped"):
            for ask in _asked:
                ask(client_id, actor)
        raise
