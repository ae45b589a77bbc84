"""What other apps know that speaks against letting money out: trading says "no trade since the deposit", and so on.

register_sign(code="no_trade", points=25, words=pgettext_lazy("risk sign", "No trade since the deposit"), found=...)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from kernel.money import Money


@dataclass(frozen=True, slots=True)
class Sign:
    """`found(client_id, amount)` says whether it is there; `points` are added to the score of 100."""

    code: str
    points: int
    words: Any
    found: Callable[[UUID, Money], bool]


_signs: dict[str, Sign] = {}


def register_sign(*, code: str, points: int, words: Any, found: Callable[[UUID, Money], bool]) -> None:
    _signs[code] = Sign(code, points, words, found)


def registered() -> list[Sign]:
    return list(_signs.values())
