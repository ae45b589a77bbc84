"""A task that goes on until it is let go: for workers that tests start."""

from __future__ import annotations

from pathlib import Path

from kernel import tasks


@tasks.task(name="kerneltests.hold")
def hold(pipe: str) -> None:
    """Until whoever writes into the named pipe closes it."""
    Path(pipe).read_bytes()
