"""A task wakes the executor; a sweeper wakes what lost its task."""

from __future__ import annotations

from uuid import UUID

from kernel import clock
from kernel.schedule import every
from kernel.tasks import enqueue, task

from .executor import advance
from .models import ProvisioningRun, RunState

SWEEP_SECONDS = 10


@task(name="provisioning.run_advance", queue="provisioning")
def run_advance(run_id: str) -> str:
    return advance(UUID(run_id))


@task(name="provisioning.sweep", queue="provisioning")
def sweep() -> int:
    """Runs that are due: their task was lost, their worker killed, or their pause is over. Public scope."""
    due = ProvisioningRun.objects.filter(
        state__in=[RunState.RUNNING, RunState.COMPENSATING], available_at__lte=clock.now()
    ).values_list("pk", flat=True)
    for run_id in due:
        enqueue(run_advance, str(run_id), once=True)
    return len(due)


every(SWEEP_SECONDS, "provisioning.sweep", queue="provisioning")
