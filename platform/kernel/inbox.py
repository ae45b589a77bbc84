"""The webhook inbox: verify, store raw, answer, process once; replayable.

The unique (source, event_key) row makes a repeated delivery a no-op. Processing runs in one transaction with the mark
that it was processed, so a worker killed in between leaves the message to be processed again, with one effect.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from uuid import UUID

from django.db import IntegrityError, transaction

from kernel import clock
from kernel.logs import log
from kernel.models import InboxMessage
from kernel.tasks import enqueue, task

MAX_ATTEMPTS = 15
Processor = Callable[[InboxMessage], str]
_processors: dict[str, Processor] = {}


def processor(source_kind: str) -> Callable[[Processor], Processor]:
    """Register who processes messages of `source_kind` (the part of `source` before the colon). Returns an outcome text, and
    may say on the message what it is `about`, so that pages of that find it."""

    def decorate(run: Processor) -> Processor:
        _processors[source_kind] = run
        return run

    return decorate


def receive(*, source: str, event_key: str, headers: Mapping[str, str], body: bytes) -> tuple[InboxMessage, bool]:
    """Store a verified message; (message, True) when it is new. `source` is `kind:configuration id`."""
    try:
        with transaction.atomic():
            message = InboxMessage.objects.create(
                source=source[:60], event_key=event_key[:200], headers=dict(headers), body=body
            )
            enqueue(inbox_process, str(message.id))
    except IntegrityError:
        return InboxMessage.objects.get(source=source[:60], event_key=event_key[:200]), False
    return message, True


@task(name="kernel.inbox_process", queue="webhooks")
def inbox_process(message_id: str) -> str:
    return process(UUID(message_id))


def process(message_id: UUID) -> str:
    """Process a stored message once. A failure is kept with the message and tried again with back-off."""
    message = None
    try:
        with transaction.atomic():
            message = (
                InboxMessage.objects.filter(pk=message_id, processed_at=None, dead_at=None)
                .select_for_update(skip_locked=True)
                .first()
            )
            if message is None:
                return "nothing to do"
            message.outcome = _processors[message.source.partition(":")[0]](message)[:200]
            message.processed_at = clock.now()
            message.attempts += 1
            message.save(update_fields=["outcome", "about", "processed_at", "attempts"])
            return message.outcome
    except Exception as error:  # noqa: BLE001 - kept with the message, tried again
        log.exception("inbox_failed", message=str(message_id))
        _postpone(message_id, error, about=message.about if message else "")
        return "failed"


def _postpone(message_id: UUID, error: Exception, *, about: str) -> None:
    with transaction.atomic():
        message = InboxMessage.objects.select_for_update().get(pk=message_id)
        message.about = about or message.about
        message.attempts += 1
        message.outcome = f"{type(error).__name__}: {error}"[:200]
        seconds = min(2**message.attempts, 900)
        message.available_at = clock.now() + timedelta(seconds=seconds)
        if message.attempts >= MAX_ATTEMPTS:
            message.dead_at = clock.now()
        else:
            enqueue(inbox_process, str(message.id), countdown=seconds)
        message.save(update_fields=["attempts", "outcome", "about", "available_at", "dead_at"])


def replay(message_id: UUID) -> None:
    """Process a message again from its stored bytes; idempotency is the processor's."""
    with transaction.atomic():
        InboxMessage.objects.filter(pk=message_id).update(
            processed_at=None, dead_at=None, attempts=0, available_at=clock.now()
        )
        enqueue(inbox_process, str(message_id))


def due(limit: int = 200) -> list[InboxMessage]:
    return list(
        InboxMessage.objects.filter(processed_at=None, dead_at=None, available_at__lte=clock.now()).order_by(
            "available_at"
        )[:limit]
    )
