"""From the commit of an event to its handler, through Redis' hint and the relay's own code."""

from __future__ import annotations

import statistics
import threading
import time
from queue import Queue

from django.db import connections, transaction

from kernel.events import Envelope, Event, event, handles, publish
from kernel.relay import Relay
from kernel.tenancy import context

from .measure import Result, Series
from .world import make_tenants

COUNT = 60
_arrived: Queue[float] = Queue()


@event("benchmarks.happened")
class Happened(Event):
    number: int


@handles("benchmarks.happened", name="benchmarks.clock")
def note(envelope: Envelope) -> None:
    _arrived.put(time.perf_counter())


def run(rounds: int) -> Result:
    """One event at a time, each after the one before has been handled; `rounds` only lengthens the run."""
    (ref,) = make_tenants(1)
    relay = Relay()

    def turn() -> None:
        try:
            while not relay.stopping:
                relay._turn()
        finally:
            connections.close_all()

    thread = threading.Thread(target=turn)
    thread.start()
    took: list[float] = []
    try:
        with context.use(ref):
            for number in range(COUNT + rounds):
                with transaction.atomic():
                    publish(Happened(number=number), aggregate=f"bench:{number}")
                committed = time.perf_counter()
                took.append(_arrived.get(timeout=30) - committed)
    finally:
        relay.stop()
        thread.join()
    took = took[5:]
    cuts = statistics.quantiles(took, n=20)
    return Result(
        "An event, commit to handler",
        [Series("one at a time", took, [0.0], [0.0])],
        note=f"p50 {cuts[9] * 1e3:.1f} ms, p95 {cuts[18] * 1e3:.1f} ms; the relay shares this process and its lock",
    )
