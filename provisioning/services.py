"""Starting, retrying and entering: what pages call."""

from __future__ import annotations

import hashlib
import secrets as random
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import transaction

from kernel import clock
from kernel.actors import Actor
from kernel.errors import Invalid
from kernel.ids import uuid7
from kernel.live import publish as live
from kernel.tasks import enqueue
from kernel.tenancy import context
from shared_apps.site import slugs

from . import tasks
from .errors import HandOverUnusable, NotRetryable
from .executor import topic
from .models import HandOver, ProvisioningRun, ProvisioningStep, RunState, StepState
from .presets import PRESETS
from .steps import STEPS

HAND_OVER = timedelta(seconds=120)
NEEDED = ("slug", "name", "preset", "owner_email", "owner_name", "owner_password")


def run_start(*, request: dict[str, Any], actor: Actor, run_id: UUID | None = None) -> ProvisioningRun:
    """Write the run and its journal, and wake a worker. With a known `run_id` it returns that run.

    `request`: slug, name, preset, owner_email, owner_name, owner_password (a hash), and optionally owner_language, since,
    languages, currencies, look {theme, colour, radius, font}. Raises Invalid, SlugTaken or SlugRefused.
    """
    missing = [name for name in NEEDED if not request.get(name)]
    if missing or request["preset"] not in PRESETS:
        raise Invalid(field=(missing or ["preset"])[0])
    with context.public(), transaction.atomic():
        if run_id and (known := ProvisioningRun.objects.filter(pk=run_id).first()):
            return known
        slugs.require(request["slug"])
        run = ProvisioningRun.objects.create(id=run_id or uuid7(), request=request, requested_by=actor.as_json())
        ProvisioningStep.objects.bulk_create(
            ProvisioningStep(run=run, position=position, key=step.key) for position, step in enumerate(STEPS)
        )
        enqueue(tasks.run_advance, str(run.pk))
    return run


def run_retry(*, run_id: UUID, changes: dict[str, Any] | None = None) -> ProvisioningRun:
    """Start a failed run over, perhaps with another address. Everything it had made has been undone. Raises NotRetryable."""
    with context.public(), transaction.atomic():
        run = ProvisioningRun.objects.select_for_update().get(pk=run_id)
        waiting = run.state == RunState.RUNNING and run.error
        if run.state != RunState.FAILED and not waiting:
            raise NotRetryable
        run.request = {**run.request, **(changes or {})}
        if run.state == RunState.FAILED:
            slugs.require(run.request["slug"])
            run.tenant_id = uuid7()
            run.steps.update(
                state=StepState.TODO, attempts=0, started_at=None, finished_at=None, error="", technical=""
            )
        run.state, run.error, run.technical, run.finished_at = RunState.RUNNING, "", "", None
        run.started_at = run.available_at = clock.now()
        run.save()
        live.publish(topic(run.pk), {"state": run.state})
        enqueue(tasks.run_advance, str(run.pk))
    return run


def hand_over_issue(*, run: ProvisioningRun) -> str:
    """A ticket into the new office for its owner: used once, within two minutes."""
    if run.state != RunState.DONE:
        raise HandOverUnusable
    ticket = random.token_urlsafe(32)
    with context.public():
        HandOver.objects.create(run=run, ticket_hash=_hash(ticket), valid_until=clock.now() + HAND_OVER)
    return ticket


def hand_over_use(*, ticket: str) -> str:
    """The owner's address, for a ticket of the present brokerage. Raises HandOverUnusable."""
    tenant = context.tenant()
    with context.public(), transaction.atomic():
        row = HandOver.objects.select_related("run").filter(ticket_hash=_hash(ticket)).first()
        if row is None or row.run.tenant_id != tenant.id:
            raise HandOverUnusable
        used = HandOver.objects.filter(pk=row.pk, used_at=None, valid_until__gte=clock.now())
        if not used.update(used_at=clock.now()):
            raise HandOverUnusable
    return str(row.run.request["owner_email"])


def _hash(ticket: str) -> str:
    return hashlib.sha256(ticket.encode()).hexdigest()
