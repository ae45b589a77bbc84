"""Sending the vendor's mail, in the public scope."""

from __future__ import annotations

from kernel import mail
from kernel.schedule import every
from kernel.tasks import enqueue, task

from .models import PlatformMail


@task(name="site.platform_mail_send", queue="mail")
def platform_mail_send(mail_id: str) -> bool:
    return mail.deliver(PlatformMail, mail_id)


@task(name="site.platform_mail_sweep", queue="mail")
def platform_mail_sweep() -> int:
    due = mail.due(PlatformMail)
    for mail_id in due:
        enqueue(platform_mail_send, str(mail_id), once=True)
    return len(due)


every(20, "site.platform_mail_sweep", queue="mail")
