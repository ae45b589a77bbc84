"""Carries a run on from wherever its journal stands. Any worker may call it, any number of times, at once.

1. A session-level advisory lock per run: a second executor finds it taken and goes.
2. Each step: `call_out` talks to other systems, outside of any transaction; then the run's row is locked, `forward` and
   `verify` run, and the step's line is marked done, in one transaction.
3. A passing failure (database away) is tried again after a pause, `ATTEMPTS` times; one that repeating cannot cure, or
   the last attempt's, turns the run round: steps are undone from last to first, and the run ends as failed, leaving nothing.

Killed anywhere, the lock ends with the connection and the sweeper calls again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from uuid import UUID

from django.db import DatabaseError, connection, transaction

from kernel import clock
from kernel.errors import AppError, Conflict, Invalid
from kernel.live import publish as live
from kernel.logs import log
from kernel.tenancy import context

from .errors import StepFailed
from .faults import point
from .models import ProvisioningRun, ProvisioningStep, RunState, StepState
from .steps import STEPS, Plan, Step

ATTEMPTS = 5
BY_KEY: dict[str, Step] = {step.key: step for step in STEPS}


def topic(run_id: object) -> str:
    return f"provisioning:{run_id}"


@contextmanager
def _only_one(run_id: UUID) -> Iterator[bool]:
    """A lock that lives as long as our connection, unlike a transaction's: steps commit one by one."""
    number = int.from_bytes(hashlib.blake2b(f"provisioning:{run_id}".encode(), digest_size=8).digest(), signed=True)
    with context.public(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [number])
        taken = bool(cursor.fetchone()[0])
    try:
        yield taken
    finally:
        if taken and connection.connection is not None:
            with context.public(), connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [number])


def advance(run_id: UUID) -> str:
    """Carry the run on as far as it goes now; returns its state, or "busy" when somebody else has it."""
    with context.public(), _only_one(run_id) as ours:
        if not ours:
            return "busy"
        while _one_more(run_id):
            pass
        return ProvisioningRun.objects.values_list("state", flat=True).get(pk=run_id)


def _one_more(run_id: UUID) -> bool:
    """Do the next step, forwards or back. False when there is nothing to do now."""
    run = ProvisioningRun.objects.get(pk=run_id)
    if run.available_at > clock.now():
        return False
    if run.state == RunState.RUNNING:
        step = run.steps.exclude(state=StepState.DONE).order_by("position").first()
        return _forward(run, step) if step else _finish(run)
    if run.state == RunState.COMPENSATING:
        step = run.steps.exclude(state=StepState.UNDONE).order_by("-position").first()
        return _back(run, step) if step else _give_up(run)
    return False


def plan_of(run: ProvisioningRun) -> Plan:
    return Plan(run.pk, run.tenant_id, run.request, run.requested_by)


def _begin(step: ProvisioningStep) -> None:
    """Write down that it runs, and since when, so that a page shows it and a kill does not hide it."""
    step.state, step.attempts = StepState.RUNNING, step.attempts + 1
    step.started_at = step.started_at or clock.now()
    step.finished_at = None
    with transaction.atomic():
        step.save(update_fields=["state", "attempts", "started_at", "finished_at"])
        live.publish(topic(step.run_id), {"step": step.key, "state": step.state})
    point(f"{step.key}:begun")


def _forward(run: ProvisioningRun, step: ProvisioningStep) -> bool:
    _begin(step)
    work = BY_KEY[step.key]
    try:
        work.call_out(plan_of(run))
        point(f"{step.key}:called")
        with transaction.atomic():
            ProvisioningRun.objects.select_for_update().get(pk=run.pk, state=RunState.RUNNING)
            work.forward(plan_of(run))
            point(f"{step.key}:forward")
            if not work.verify(plan_of(run)):
                raise StepFailed
            step.state, step.finished_at, step.error, step.technical = StepState.DONE, clock.now(), "", ""
            step.save(update_fields=["state", "finished_at", "error", "technical"])
            live.publish(topic(run.pk), {"step": step.key, "state": step.state})
            point(f"{step.key}:verified")
    except Exception as error:  # noqa: BLE001 - whatever went wrong is counted, shown and, at last, undone
        return _failed(run, step, error)
    point(f"{step.key}:committed")
    return True


def _failed(run: ProvisioningRun, step: ProvisioningStep, error: Exception) -> bool:
    """Pause and try again, or turn round. Returns whether to go on at once."""
    code = error.code if isinstance(error, AppError) else "database" if isinstance(error, DatabaseError) else "internal"
    hopeless = isinstance(error, Invalid | Conflict) or step.attempts >= ATTEMPTS
    log.warning("provisioning_step_failed", run=str(run.pk), step=step.key, code=code, final=hopeless)
    technical = f"{type(error).__name__}: {error}"[:2000]
    pause = timedelta(0) if hopeless else timedelta(seconds=2**step.attempts)
    with transaction.atomic():
        step.state, step.error, step.technical, step.finished_at = StepState.FAILED, code, technical, clock.now()
        step.save(update_fields=["state", "error", "technical", "finished_at"])
        ProvisioningRun.objects.filter(pk=run.pk, state=RunState.RUNNING).update(
            error=code,
            technical=f"{step.key}: {technical}",
            available_at=clock.now() + pause,
            state=RunState.COMPENSATING if hopeless else RunState.RUNNING,
        )
        live.publish(topic(run.pk), {"step": step.key, "state": step.state, "error": code})
    return hopeless


def _back(run: ProvisioningRun, step: ProvisioningStep) -> bool:
    point(f"{step.key}:undo")
    try:
        with transaction.atomic():
            ProvisioningRun.objects.select_for_update().get(pk=run.pk, state=RunState.COMPENSATING)
            BY_KEY[step.key].compensate(plan_of(run))
            step.state = StepState.UNDONE
            step.save(update_fields=["state"])
    except Exception as error:  # noqa: BLE001 - undoing is tried until it works
        log.exception("provisioning_undo_failed", run=str(run.pk), step=step.key)
        ProvisioningRun.objects.filter(pk=run.pk).update(
            available_at=clock.now() + timedelta(seconds=15), technical=f"undo {step.key}: {error}"[:2000]
        )
        return False
    point(f"{step.key}:undone")
    return True


def _give_up(run: ProvisioningRun) -> bool:
    _end(run, RunState.COMPENSATING, RunState.FAILED)
    return False


def _finish(run: ProvisioningRun) -> bool:
    """The password's hash has been handed to the account; the journal need not keep it."""
    run.request = {key: value for key, value in run.request.items() if key != "owner_password"}
    ProvisioningRun.objects.filter(pk=run.pk).update(request=run.request, error="", technical="")
    _end(run, RunState.RUNNING, RunState.DONE)
    return False


def _end(run: ProvisioningRun, before: str, after: str) -> None:
    with transaction.atomic():
        ended = clock.now()
        if ProvisioningRun.objects.filter(pk=run.pk, state=before).update(state=after, finished_at=ended):
            live.publish(topic(run.pk), {"state": after})
            seconds = (ended - run.started_at).total_seconds()
            log.info("provisioning_ended", run=str(run.pk), state=after, seconds=round(seconds, 2))
