"""What money leaving a trading account costs elsewhere: a bonus that it carried, and whatever else apps above lay claim to.

register("bonuses", before=..., consequences=...)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from kernel.actors import Actor
from kernel.money import Money

from .models import TradingAccount, Transfer


@dataclass(frozen=True, slots=True)
class Claim:
    """`before(transfer, actor)` runs in the transfer's transaction under the account's lock, before anything of it is
    booked, and returns the commands that must succeed before the money is sent. `consequences(account, amount)` says
    in translated sentences what it will do, for the form."""

    before: Callable[[Transfer, Actor], list[UUID]]
    consequences: Callable[[TradingAccount, Money], list[str]]


_claims: dict[str, Claim] = {}


def register(
    name: str,
    *,
    before: Callable[[Transfer, Actor], list[UUID]],
    consequences: Callable[[TradingAccount, Money], list[str]],
) -> None:
    _claims[name] = Claim(before, consequences)


def before(transfer: Transfer, actor: Actor) -> list[UUID]:
    return [command_id for claim in _claims.values() for command_id in claim.before(transfer, actor)]


def consequences(account: TradingAccount, amount: Money) -> list[str]:
    return [words for claim in _claims.values() for words in claim.consequences(account, amount)]
