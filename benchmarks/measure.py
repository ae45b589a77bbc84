"""Measuring: variants take turns within each round, so that what else the machine does hits all of them alike."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from django.db import connections

TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(slots=True)
class Series:
    """One variant's rounds: seconds per operation, and CPU seconds of this process and of its database backends."""

    name: str
    wall: list[float] = field(default_factory=list)
    client: list[float] = field(default_factory=list)
    server: list[float] = field(default_factory=list)

    @property
    def median(self) -> float:
        return statistics.median(self.wall)

    @property
    def spread(self) -> float:
        """Half the distance between the quartiles, relative to the median."""
        if len(self.wall) < 4:
            return (max(self.wall) - min(self.wall)) / 2 / self.median
        low, _, high = statistics.quantiles(self.wall, n=4)
        return (high - low) / 2 / self.median

    @property
    def cpu(self) -> float:
        """Mean over the rounds: where a backend's CPU is counted in steps of 10 ms, only a sum is exact."""
        return statistics.fmean(self.client) + statistics.fmean(self.server)


@dataclass(slots=True)
class Result:
    """A table: the first series is what the others are compared with. Without any, what the note says."""

    title: str
    series: Sequence[Series]
    unit: str = "operation"
    note: str = ""


def backends() -> list[int]:
    """Process ids of the backends that this thread's open connections talk to."""
    found = []
    for connection in connections.all(initialized_only=True):
        if connection.connection is not None:
            found.append(connection.connection.info.backend_pid)
    return found


def server_seconds(pids: Sequence[int]) -> float:
    """CPU seconds those processes have used; 0 when the server is not on this machine."""
    return sum(_used(pid) for pid in pids)


def _used(pid: int) -> float:
    """By the scheduler's count of nanoseconds; where the kernel keeps none, by its ticks of 10 ms."""
    try:
        return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9
    except (OSError, IndexError, ValueError):
        pass
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / TICKS


Variant = tuple[str, Callable[[int], None]]


def compare(
    title: str,
    variants: Sequence[Variant],
    *,
    rounds: int,
    each: int,
    unit: str = "operation",
    before: Callable[[int], None] = lambda _: None,
) -> Result:
    """Run each variant `each` times per round; a variant is called with the number of its round and does it all.

    `before` makes ready what all variants of a round take, outside the measurement.
    """
    series = [Series(name) for name, _ in variants]
    before(-1)
    for _, work in variants:  # warm caches, plans and connections
        work(-1)
    for number in range(rounds):
        before(number)
        turns = list(zip(series, variants, strict=True))
        for one, (_, work) in turns if number % 2 else reversed(turns):
            pids = backends()
            server, client, wall = server_seconds(pids), time.process_time(), time.perf_counter()
            work(number)
            one.wall.append((time.perf_counter() - wall) / each)
            one.client.append((time.process_time() - client) / each)
            one.server.append((server_seconds(pids) - server) / each)
    return Result(title, series, unit)


def duration(seconds: float) -> str:
    if seconds >= 1:
        return f"{seconds:.2f} s"
    return f"{seconds * 1e3:.1f} ms" if seconds >= 0.01 else f"{seconds * 1e6:.0f} µs"


def table(result: Result) -> str:
    """The result as text: ratio to the first line by wall time and by CPU."""
    if not result.series:
        return f"\n{result.title}\n  {result.note}"
    base = result.series[0]
    lines = [f"\n{result.title}", f"  {'':44} {'median':>9} {'spread':>7} {'CPU':>9} {'ratio':>7} {'CPU ratio':>9}"]
    for one in result.series:
        by_cpu = f"{one.cpu / base.cpu:8.2f}x" if base.cpu > 0 else "        -"
        lines.append(
            f"  {one.name:44} {duration(one.median):>9} {one.spread:>6.0%} {duration(one.cpu) if one.cpu else '-':>9}"
            f" {one.median / base.median:>6.2f}x {by_cpu}"
        )
    return "\n".join([*lines, *([f"  {result.note}"] if result.note else [])])
