"""Where a deposit can go besides the wallet: apps above (trading) say which accounts a client has.

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


_sources: list[Callable[[UUID], Iterable[Target]]] = []


def register_targets(source: Callable[[UUID], Iterable[Target]]) -> None:
    _sources.append(source)


def targets_of(client_id: UUID) -> list[Target]:
    return [target for source in _sources for target in source(client_id)]
