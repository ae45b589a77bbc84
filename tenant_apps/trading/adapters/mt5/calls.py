"""What is asked of a server and what it answers, whatever the wire form."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tenant_apps.trading.adapters.mt5.retcodes import Retcode
from tenant_apps.trading.adapters.mt5.values import Record


@dataclass(frozen=True, slots=True)
class Call:
    """One request, named as the HTTPS form names it; the text protocol translates.

    `changes`: it moves something, so it must never be sent a second time by itself.
    """

    path: str
    params: Mapping[str, str | int] | None = None
    body: Mapping[str, Any] | None = None
    changes: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer that arrived whole, whatever it says.

    `payload` is its "answer" member (the text protocol's JSON), of any type; `top` what stands beside it, for calls
    that answer flat.
    """

    retcode: Retcode
    top: Record
    payload: Any

    @property
    def record(self) -> Record:
        """The answer as one record; falls back to the top level for flat answers."""
        return Record(self.payload) if isinstance(self.payload, Mapping) else self.top

    @property
    def rows(self) -> list[Any]:
        """The answer as a list; a lone object counts as a list of one, nothing as an empty list."""
        if isinstance(self.payload, Sequence) and not isinstance(self.payload, str):
            return list(self.payload)
        return [self.payload] if isinstance(self.payload, Mapping) and self.payload else []
