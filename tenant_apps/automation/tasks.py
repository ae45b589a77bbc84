"""What recurs: rules that wait, rules by the calendar."""

from __future__ import annotations

from django.conf import settings

from kernel.schedule import every_for_tenants
from kernel.tasks import enqueue, task

from . import demo_clock, engine


@every_for_tenants(15, "automation.waits")
def waits() -> int:
    return engine.waits_run()


@every_for_tenants(60, "automation.schedules")
def schedules() -> int:
    return engine.schedules_run()


@task(name="demo.clock_day", queue="default")
def clock_day(job_id: str, done: int) -> bool:
    return demo_clock.day_step(job_id=job_id, done=done)


@every_for_tenants(30, "demo.clock_sweep")
def clock_sweep() -> None:
    """Ask again for the step of a running job whose task was lost; a step that is on its way claims itself once."""
    if settings.CLOCK_MOVABLE and (job := demo_clock.job_running()):
        enqueue(clock_day, str(job.pk), (job.result or {}).get("done", 0), countdown=demo_clock.PAUSE_SECONDS)
