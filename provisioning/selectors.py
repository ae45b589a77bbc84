"""Reads of the journal, for progress pages and the console."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import Avg, Count, F, Max, QuerySet

from kernel import clock
from kernel.tenancy import context

from .models import ProvisioningRun, ProvisioningStep, RunState, StepState
from .words import STEPS, explain


@dataclass(frozen=True, slots=True)
class Line:
    """A step as a page shows it. `seconds`: how long it took, or has been running."""

    key: str
    title: Any
    state: str  # of the component: todo, current, done, failed
    seconds: float | None
    error: Any
    technical: str
    attempts: int


@dataclass(frozen=True, slots=True)
class Progress:
    run: ProvisioningRun
    lines: list[Line]
    percent: int
    seconds: float
    error: Any
    waiting: bool  # between two attempts
    retryable: bool


_SHOWN = {StepState.RUNNING: "current", StepState.DONE: "done", StepState.FAILED: "failed", StepState.UNDONE: "failed"}


def progress_of(run: ProvisioningRun) -> Progress:
    steps = list(run.steps.all())
    lines = [_line(step) for step in steps]
    done = sum(step.state == StepState.DONE for step in steps)
    waiting = run.state == RunState.RUNNING and bool(run.error) and run.available_at > clock.now()
    return Progress(
        run=run,
        lines=lines,
        percent=round(100 * done / max(1, len(steps))),
        seconds=((run.finished_at or clock.now()) - run.started_at).total_seconds(),
        error=explain(run.error),
        waiting=waiting,
        retryable=run.state == RunState.FAILED or waiting,
    )


def _line(step: ProvisioningStep) -> Line:
    seconds = step.seconds
    if step.state == StepState.RUNNING and step.started_at:
        seconds = (clock.now() - step.started_at).total_seconds()
    shown = "todo" if step.state == StepState.UNDONE and not step.error else _SHOWN.get(StepState(step.state), "todo")
    return Line(step.key, STEPS[step.key], shown, seconds, explain(step.error), step.technical, step.attempts)


def run_of(run_id: UUID) -> ProvisioningRun | None:
    with context.public():
        return ProvisioningRun.objects.filter(pk=run_id).first()


def runs_of_tenant(tenant_id: UUID) -> QuerySet[ProvisioningRun]:
    return ProvisioningRun.objects.filter(tenant_id=tenant_id).prefetch_related("steps").order_by("-created_at")


def open_runs() -> QuerySet[ProvisioningRun]:
    """Not finished, or failed: what an operator should look at."""
    return ProvisioningRun.objects.exclude(state=RunState.DONE).order_by("-created_at")


def timing() -> dict[str, Any]:
    """How long set-ups took, from the button to the end; seconds."""
    taken = F("finished_at") - F("started_at")
    done = ProvisioningRun.objects.filter(state=RunState.DONE, finished_at__isnull=False)
    figures = done.annotate(taken=taken).aggregate(average=Avg("taken"), slowest=Max("taken"), count=Count("id"))
    return {
        "count": figures["count"],
        "average": figures["average"].total_seconds() if figures["average"] else None,
        "slowest": figures["slowest"].total_seconds() if figures["slowest"] else None,
    }


def recent_seconds(limit: int = 24) -> Iterable[float]:
    rows = ProvisioningRun.objects.filter(state=RunState.DONE).order_by("-created_at")[:limit]
    return [row.seconds or 0.0 for row in reversed(rows)]
