"""Until nothing is under way any more: all processes up, no fault left, every command finished, every deal read."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import timedelta
from threading import Event

from django.db import connections
from kombu.exceptions import OperationalError as BrokerError

from benchmarks.soak import plan
from benchmarks.soak.brokerages import QUIET, Brokerage
from benchmarks.soak.deeds import again, waiting
from benchmarks.soak.house import House
from config.celery import app
from kernel import clock, commands
from kernel.models import Command, OutboxMessage
from kernel.tasks import enqueue
from kernel.tenancy import context
from launcher import processes
from tenant_apps.trading import platforms
from tenant_apps.trading.models import Deal, TradingAccount

LONGEST = timedelta(hours=1)  # longer than any lease and any pause between two questions
ROUNDS = 12
STILL = 4.0  # seconds without a command's step, after which only time can help


class Restless(Exception):
    """Something did not come to its end; the text says what."""


def opened(brokerages: Sequence[Brokerage], *, seconds: float) -> None:
    """All accounts have a login and their first money. Raises Restless."""
    if not processes.wait_until(lambda: not waiting(brokerages), seconds=seconds):
        raise Restless(f"accounts are not open: {_open_commands(brokerages)}")


def settle(house: House, brokerages: Sequence[Brokerage], *, seconds: float) -> None:
    """Raises Restless when a part of it takes longer than that."""
    for name in plan.MORTAL:
        house.start(name)
    connections.close_all()  # the database may have been another one
    for one in brokerages:
        house.admin(one.desk, "DELETE", f"{one.path}/faults")
    platforms.close_all()  # a line of our own may be half open, and nobody would look at it for a while
    for _ in range(ROUNDS):
        if _ended(brokerages, seconds):
            break
        _let_time_pass(house, brokerages)
    else:
        raise Restless(f"commands do not end: {_open_commands(brokerages)}")
    if not processes.wait_until(lambda: all(_read(one) for one in brokerages), seconds=seconds):
        raise Restless(f"deals are not all read: {[one.ref.slug for one in brokerages if not _read(one)]}")
    if not processes.wait_until(lambda: not any(_undelivered(one) for one in brokerages), seconds=seconds):
        raise Restless(f"events are not delivered: {sum(_undelivered(one) for one in brokerages)}")


def _ended(brokerages: Sequence[Brokerage], seconds: float) -> bool:
    """Whether all commands are finished with; no longer than something still moves. A worker takes its time to begin, and
    nothing is still before it has."""
    if not processes.wait_until(_worker_answers, seconds=seconds):
        raise Restless("the worker does not answer")
    left, moved = _standing(brokerages), time.monotonic()

    def over() -> bool:
        nonlocal left, moved
        now = _standing(brokerages)
        if now != left:
            left, moved = now, time.monotonic()
        return not now or time.monotonic() - moved > STILL

    processes.wait_until(over, seconds=seconds)
    return not left


def _worker_answers() -> bool:
    try:
        return bool(app.control.ping(timeout=1.0))
    except BrokerError:  # the line is of before the broker died
        app.pool.force_close_all()
        return False


def _standing(brokerages: Sequence[Brokerage]) -> frozenset[tuple[object, ...]]:
    """Every open command and how far it is."""
    found: set[tuple[object, ...]] = set()
    for one in brokerages:
        with context.use(one.ref):
            found |= again(_steps)
    return frozenset(found)


def _steps() -> set[tuple[object, ...]]:
    return set(Command.objects.filter(state__in=commands.OPEN).values_list("pk", "state", "attempts", "available_at"))


def _let_time_pass(house: House, brokerages: Sequence[Brokerage]) -> None:
    """What leases and pauses wait for, without the waiting. Nobody carries out a command meanwhile: a lease that ends under
    a living worker would prove nothing. The servers get the quiet they were promised in real time."""
    house.end("worker", sudden=False)
    Event().wait(QUIET)
    for one in brokerages:
        with context.use(one.ref):
            again(_make_due)
    house.start("worker")


def _make_due() -> None:
    past = clock.now() - LONGEST
    open_ones = Command.objects.filter(state__in=commands.OPEN)
    open_ones.filter(lease_until__isnull=False).update(lease_until=past)
    open_ones.filter(sent_at__isnull=False).update(sent_at=past)
    open_ones.update(available_at=past)
    for row in commands.due():
        enqueue(commands.command_run, str(row.pk), queue="money")


def _open_commands(brokerages: Sequence[Brokerage]) -> list[str]:
    found = []
    for one in brokerages:
        with context.use(one.ref):
            for row in Command.objects.filter(state__in=commands.OPEN).order_by("created_at")[:3]:
                found.append(f"{one.ref.slug} {row.kind} {row.state} {row.attempts}x {row.error[:100]}")
    return found[:10]


def _read(one: Brokerage) -> bool:
    """Whether as many deals are stored of our accounts as the server has; whether they are the same is proved later."""
    with context.use(one.ref):
        logins = set(again(lambda: list(TradingAccount.objects.values_list("login", flat=True))))
        stored = again(lambda: set(Deal.objects.values_list("deal", flat=True)))
    return {number for number, (login, _, _) in one.entries().items() if login in logins} <= stored


def _undelivered(one: Brokerage) -> int:
    with context.use(one.ref):
        return again(OutboxMessage.objects.filter(delivered_at=None, dead_at=None).count)
