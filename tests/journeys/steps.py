"""Walking through a journey step by step: how long each took, and what everybody saw when one failed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from .seat import Seat


def walk(name: str, steps: Iterable[Callable[[], None]], seats: list[Seat]) -> None:
    """The steps in order; `seats` are all windows so far, and more come while they are taken."""
    for step in steps:
        begun = time.monotonic()
        try:
            step()
        except BaseException:
            for seat in seats:
                seat.last_picture(f"failed-{step.__name__}")
            raise
        print(f"{name}: {step.__name__} {time.monotonic() - begun:.0f} s")
