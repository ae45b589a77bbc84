"""What recurs. Apps register in their `tasks.py`; beat reads the list.

    every(60, "campaigns.due_all")

The named task runs in the public scope and fans out to the tenants at work.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from kernel.tasks import ScopedTask, enqueue, task
from kernel.tenancy import context, directory


@dataclass(frozen=True, slots=True)
class Entry:
    seconds: float
    task: str
    queue: str


_entries: dict[str, Entry] = {}


def every(seconds: float, name: str, *, queue: str = "default") -> None:
    """Wake the task `name` every so many seconds, in the public scope."""
    _entries[name] = Entry(seconds, name, queue)


def every_for_tenants(
    seconds: float, name: str, *, queue: str = "default"
) -> Callable[[Callable[[], object]], ScopedTask]:
    """Decorate a function: it becomes a task that beat has run for each tenant at work, every so many seconds."""

    def decorate(work: Callable[[], object]) -> ScopedTask:
        one = task(name=name, queue=queue)(work)

        @task(name=f"{name}.all", queue=queue)
        def fan_out() -> None:
            for tenant in directory.at_work():
                with context.use(tenant):
                    enqueue(one, once=True)

        every(seconds, f"{name}.all", queue=queue)
        return one

    return decorate


def entries() -> list[Entry]:
    return [*_entries.values(), Entry(15, "kernel.sweep_all", "default")]
