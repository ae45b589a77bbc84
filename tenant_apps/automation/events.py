"""Facts about rules, and what a rule asks of a neighbour."""

from __future__ import annotations

from uuid import UUID

from kernel.events import Event, event


@event("automation.mail_wanted")
class MailWanted(Event):
    """A rule wants one of the product's mails sent to a client; `key` makes it one mail."""

    client_id: UUID
    mail: str
    key: str


@event("automation.task_due")
class TaskMade(Event):
    """A rule made a task for a member of staff."""

    client_id: UUID
    task_id: UUID
    owner_id: UUID
    rule: str
