"""Sending, and the sweep for mails whose task was lost or whose worker was killed."""

from __future__ import annotations

from kernel import mail
from kernel.schedule import every_for_tenants
from kernel.tasks import enqueue, task

from .models import Mail


@task(name="notifications.mail_send", queue="mail")
def mail_send(mail_id: str) -> bool:
    return mail.deliver(Mail, mail_id)


@every_for_tenants(20, "notifications.mail_sweep", queue="mail")
def mail_sweep() -> int:
    """Wake what is due: new mails without a task, retries, claims of killed workers."""
    due = mail.due(Mail)
    for mail_id in due:
        enqueue(mail_send, str(mail_id), once=True)
    return len(due)
