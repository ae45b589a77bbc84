"""The demo's clock: moved for all processes and all brokerages of this deployment, and on the trading sandbox with it.

Day by day is a Job: each step advances one day, then leaves a few real seconds in which robots trade, the bridge reads
and the relay delivers. A step is claimed by compare-and-set on the days done before the clock moves, so a task that is
delivered twice moves it once; a step lost to a killed worker is found by the sweeper.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction

from kernel import audit, clock, http
from kernel.actors import Actor
from kernel.errors import Conflict, NotFound, Outside
from kernel.live.publish import publish as live
from kernel.logs import log
from kernel.models import Job
from kernel.tasks import enqueue

from .permissions_list import CLOCK

KIND = "demo.clock"
STEPS = {"hour": timedelta(hours=1), "day": timedelta(days=1), "three": timedelta(days=3),
         "week": timedelta(days=7), "month": timedelta(days=30)}  # fmt: skip
DAYS = 30
PAUSE_SECONDS = 4


def require_movable() -> None:
    """Outside a demo there is no such page."""
    if not settings.CLOCK_MOVABLE:
        raise NotFound


def sandbox_advance(by: timedelta) -> bool:
    """Move the trading sandboxes' clocks; False when there is none or one does not answer."""
    addresses = [settings.SANDBOX.get(name, "") for name in ("mt5_admin_url", "ctrader_admin_url")]
    return all([_advance(address, by) for address in addresses if address] or [False])


def _advance(address: str, by: timedelta) -> bool:
    try:
        answer = http.request(
            "POST",
            f"{address.rstrip('/')}/clock",
            safe_to_repeat=False,
            json={"advance_seconds": int(by.total_seconds())},
        )
    except Outside:
        log.warning("sandbox_clock_unreachable")
        return False
    return answer.status_code < 400


def clock_advance(*, by: timedelta, actor: Actor) -> tuple[datetime, bool]:
    """Move both clocks; returns the new time and whether the sandbox followed."""
    actor.require(CLOCK)
    require_movable()
    moved = clock.advance(by)
    followed = sandbox_advance(by)
    with transaction.atomic():
        audit.record(
            actor=actor, action="demo.clock_moved", after={"seconds": int(by.total_seconds()), "sandbox": followed}
        )
        _wake()
    return moved, followed


def _wake() -> None:
    """What the new time makes due should not wait for the next beat."""
    from kernel.schedule import entries

    wanted = ("campaigns.", "automation.")
    from celery import current_app

    for entry in entries():
        if entry.task.startswith(wanted):
            enqueue(current_app.tasks[entry.task.removesuffix(".all")])


def job_running() -> Job | None:
    return Job.objects.filter(kind=KIND, state="running").order_by("-created_at").first()


def job_last() -> Job | None:
    return Job.objects.filter(kind=KIND).order_by("-created_at").first()


@transaction.atomic
def days_start(*, days: int = DAYS, actor: Actor) -> Job:
    """Begin to move the clock day by day. Raises Conflict while another such job runs in this brokerage."""
    actor.require(CLOCK)
    require_movable()
    if job_running():
        raise Conflict
    job = Job.objects.create(kind=KIND, owner=actor.id, result={"days": days, "done": 0})
    audit.record(actor=actor, action="demo.clock_days_started", obj=job, after={"days": days})
    _enqueue(job.pk, 0, 0)
    return job


def _enqueue(job_id: UUID, done: int, countdown: float) -> None:
    from .tasks import clock_day

    enqueue(clock_day, str(job_id), done, countdown=countdown)


def day_step(*, job_id: str, done: int) -> bool:
    """One day: claim it, move the clocks, wake what is due, ask for the next. False when it was done before."""
    if not settings.CLOCK_MOVABLE:
        return False
    with transaction.atomic():
        job = Job.objects.select_for_update().filter(pk=job_id, state="running").first()
        result: dict[str, Any] = dict(job.result or {}) if job else {}
        if job is None or result.get("done") != done:
            return False
        result["done"] = done + 1
        finished = result["done"] >= result["days"]
        job.result, job.percent = result, round(100 * result["done"] / result["days"])
        if finished:
            job.state, job.finished_at = "done", clock.now()
        job.save(update_fields=["result", "percent", "state", "finished_at"])
        live("demo-clock", {"percent": job.percent})
    clock.advance(timedelta(days=1))
    sandbox_advance(timedelta(days=1))
    with transaction.atomic():
        _wake()
        if not finished:
            _enqueue(job.pk, done + 1, PAUSE_SECONDS)
    return True
