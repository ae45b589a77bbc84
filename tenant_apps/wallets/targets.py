"""Where a deposit can go besides the wallet: apps above (trading) say which accounts a client has, and how far it came.

register_targets(lambda client_id: [Target(id=…, label="MT5 50012", detail="Standard", currency="EUR")])
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Target:
    """A trading account that may be funded. `label` is shown as it is (a login), `detail` beside it."""

    id: UUID
    label: str
    detail: str
    currency: str


@dataclass(frozen=True, slots=True)
class Onward:
    """How far a credited deposit came. `state`: "moving", "arrived", or "stays" in the wallet. `url` is the account's page."""

    label: str
    state: str
    url: str


_passages: list[Callable[[UUID, UUID], Onward | None]] = []
_sources: list[Callable[[UUID], Iterable[Target]]] = []


def register_targets(source: Callable[[UUID], Iterable[Target]]) -> None:
    _sources.append(source)


def targets_of(client_id: UUID) -> list[Target]:
    return [target for source in _sources for target in source(client_id)]


def register_passage(source: Callable[[UUID, UUID], Onward | None]) -> None:
    """`source(deposit_id, account_id)` says how far a deposit for one of its accounts came."""
    _passages.append(source)


def onward_of(deposit_id: UUID, account_id: UUID | None) -> Onward | None:
    """Nothing for a deposit into the wallet."""
    if account_id is None:
        return None
    return next(filter(None, (source(deposit_id, account_id) for source in _passages)), None)
