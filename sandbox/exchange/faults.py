"""Failures on demand, each for a number of requests and optionally for some paths only."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sandbox.exchange.retcodes import Refused, Retcode

REQUEST_FAULTS = frozenset(
    {
        "slow",
        "drop_after_commit",
        "drop_before_commit",
        "wrong_hash",
        "rights_missing",
        "half_open",
        "http_status",
    }
)
"""Kinds that wait for a matching request. The others (amended deal, clock skew, ...) act at once."""


@dataclass(slots=True)
class Fault:
    """An armed fault. `path` is a prefix such as `/api/trade`; `value` is seconds (slow) or a status
    (http_status).
    """

    id: int
    kind: str
    path: str
    remaining: int
    value: float


@dataclass(slots=True)
class FaultPlan:
    """The armed faults of one server, of the kinds it knows. Not stored: a restarted server is healthy again."""

    armed: list[Fault] = field(default_factory=list)
    last_id: int = 0
    triggered: int = 0
    kinds: frozenset[str] = REQUEST_FAULTS

    def arm(self, kind: str, *, path: str = "", count: int = 1, value: float = 0.0) -> Fault:
        """Arm a fault for the next `count` requests whose path begins with `path`.

        Refused 3 for unknown kinds.
        """
        if kind not in self.kinds or count < 1:
            raise Refused(Retcode.INVALID_PARAMETERS, f"fault {kind} x {count}")
        self.last_id += 1
        fault = Fault(self.last_id, kind, path, count, value)
        self.armed.append(fault)
        return fault

    def take(self, kind: str, path: str) -> Fault | None:
        """Use up one shot of a matching fault, if any is armed."""
        for fault in self.armed:
            if fault.kind == kind and path.startswith(fault.path):
                fault.remaining -= 1
                self.triggered += 1
                if not fault.remaining:
                    self.armed.remove(fault)
                return fault
        return None

    def disarm(self) -> None:
        """Forget all armed faults."""
        self.armed.clear()

    def listing(self) -> list[dict[str, Any]]:
        """The armed faults as plain data."""
        return [
            {
                "id": fault.id,
                "kind": fault.kind,
                "path": fault.path,
                "remaining": fault.remaining,
                "value": fault.value,
            }
            for fault in self.armed
        ]
