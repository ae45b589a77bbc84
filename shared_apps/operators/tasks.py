"""Entries end by themselves, also in the trail."""

from __future__ import annotations

from kernel.schedule import every
from kernel.tasks import task

from . import break_glass


@task(name="operators.break_glass_end_overdue", queue="default")
def break_glass_end_overdue() -> int:
    return break_glass.end_overdue()


every(30, "operators.break_glass_end_overdue")
