"""What wallets need from a source of exchange rates.

A source is a class without state, found by its kind (registry.py). `fetch` is called outside of any transaction, may
call out, and repeats without harm: what is known already is left alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, ClassVar, Protocol


@dataclass(frozen=True, slots=True)
class Observation:
    """`mid` units of `quote` for one unit of `base`, exactly as published; `observed_at` (UTC) is when it was true.

    `pegged`: the rate is fixed by law or by us and does not age.
    """

    base: str
    quote: str
    mid: Decimal
    observed_at: datetime
    pegged: bool = False


class RateSource(Protocol):
    """`kind` is at most 14 characters and never changes; `label` is what people read (translated or a name)."""

    kind: ClassVar[str]
    label: ClassVar[Any]

    def due(self, newest: datetime | None, now: datetime) -> bool:
        """Whether asking could bring something newer than the newest observation we have of this source."""
        ...

    def fetch(self) -> Sequence[Observation]:
        """All it knows at the moment. Raises Unavailable (SheetRefused for an answer that is no sheet)."""
        ...
