"""What beat wakes up, per tenant: sweeps for lost wake-ups, audit sealing. Tasks fan out so that tenants share workers."""

from __future__ import annotations

from kernel import audit, commands, inbox
from kernel.tasks import enqueue, task
from kernel.tenancy import context, directory


@task(name="kernel.sweep_all", queue="default")
def sweep_all() -> None:
    """Wake each tenant's sweep. Runs in the public scope."""
    for tenant in directory.at_work():
        with context.use(tenant):
            enqueue(sweep, once=True)


@task(name="kernel.sweep", queue="default")
def sweep() -> int:
    """Re-enqueue commands and webhooks that are due but whose task was lost, and seal the audit trail."""
    due_commands = commands.due()
    for row in due_commands:
        enqueue(commands.command_run, str(row.id), queue=commands.type_of(row.kind).queue, once=True)
    due_messages = inbox.due()
    for message in due_messages:
        enqueue(inbox.inbox_process, str(message.id), once=True)
    audit.seal_all()
    return len(due_commands) + len(due_messages)
