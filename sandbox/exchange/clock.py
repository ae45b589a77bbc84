"""The sandbox's own time: real time, times a speed, plus whatever it was advanced by."""

from __future__ import annotations

import json
import os
import time
from fractions import Fraction
from pathlib import Path


def real_ms() -> int:
    """Milliseconds of the machine's UTC clock."""
    return time.time_ns() // 1_000_000


class Clock:
    """UTC of the sandbox in milliseconds. `advance` survives restarts (a small file in the state folder)."""

    def __init__(self, path: Path, speed: Fraction = Fraction(1)) -> None:
        self._path = path
        self.speed = speed
        self._started = real_ms()
        self.offset_ms = 0
        if path.exists():
            self.offset_ms = int(json.loads(path.read_text())["offset_ms"])

    def now_ms(self) -> int:
        """Sandbox UTC, milliseconds since 1970."""
        elapsed = real_ms() - self._started
        return self._started + self.offset_ms + int(elapsed * self.speed)

    def advance(self, seconds: int) -> None:
        """Move sandbox time forward by `seconds`; it never goes back (ValueError)."""
        if seconds < 0:
            raise ValueError("sandbox time only moves forward")
        self.offset_ms += seconds * 1000
        self._save()

    def ensure_after(self, ms: int) -> None:
        """Never run behind what was already recorded, as could happen when a fast clock restarts."""
        behind = ms - self.now_ms()
        if behind > 0:
            self.offset_ms += behind + 1
            self._save()

    def _save(self) -> None:
        draft = self._path.with_suffix(".tmp")
        with draft.open("w") as file:
            file.write(json.dumps({"offset_ms": self.offset_ms}))
            file.flush()
            os.fsync(file.fileno())
        draft.replace(self._path)
