"""Places where a test, or an operator rehearsing an outage, may have the process killed: `RIALTO_FAULT=schema:begun`."""

from __future__ import annotations

import os
import signal


def point(name: str) -> None:
    """Die here, as by `kill -9`, if the environment asks for it. RIALTO_FAULT_LOG names a file that collects the points."""
    if os.environ.get("RIALTO_FAULT") == name:
        os.kill(os.getpid(), signal.SIGKILL)
    if log := os.environ.get("RIALTO_FAULT_LOG"):
        with open(log, "a", encoding="utf-8") as handle:
            handle.write(f"{name}\n")
