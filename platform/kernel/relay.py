"""The relay: delivers outbox messages to handlers, at least once, in order per aggregate, one effect each.

A pass takes the oldest open message of an aggregate under FOR UPDATE SKIP LOCKED, runs its handlers in a savepoint together
with their rows in `kernel_handled`, and marks the message delivered, all in one transaction. Killed anywhere, the transaction
is undone and the message is delivered again; a handler that had committed is skipped by its row. Where one handler fails,
all are undone and run once more, each in a savepoint of its own: those before the defect are done with.
Any number of relays may run.

Trades come in bursts of thousands, and money, identity checks and mails must not queue up behind them: after a few of the
oldest messages come those in a hurry, which is what no event calls patient.

Which tenants have work is learnt from a Redis set filled on commit; a slow sweep over all tenants finds what a crash
between commit and that hint, or a lost Redis, left behind.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import redis
from django.db import close_old_connections, connection, transaction
from django.db.models import Case, Exists, F, Min, OuterRef, When

from kernel import clock
from kernel.events import Envelope, Handler, handlers_of, patient_names
from kernel.logs import log
from kernel.models import OutboxMessage
from kernel.redis import client
from kernel.tenancy import context, directory

DUE = "rialto:relay:due"
BATCH = 50
TURN = 10  # of the oldest messages, before those in a hurry are looked for
SWEEP_SECONDS = 10.0
MAX_ATTEMPTS = 12


def wake(tenant_id: object = None) -> None:
    """Tell the relays that this tenant (else the present one) has work. Losing the hint costs a sweep's delay, nothing else."""
    try:
        client().sadd(DUE, str(tenant_id or context.tenant().id))
        client().publish(DUE, "1")
    except redis.RedisError:
        log.warning("relay_hint_lost")


def _open() -> Any:
    return OutboxMessage.objects.filter(delivered_at=None, dead_at=None)


def deliver_next(*, hurried: bool = False) -> bool:
    """Deliver the oldest message of the current tenant, or of those in a hurry; False when none is due."""
    patient = patient_names() if hurried else []
    earlier = _open().filter(aggregate=OuterRef("aggregate"), id__lt=OuterRef("id"))
    with transaction.atomic():
        message = (
            _open()
            .filter(~Exists(earlier), available_at__lte=clock.now())
            .exclude(name__in=patient)
            .select_for_update(skip_locked=True, of=("self",))
            .order_by("id")
            .first()
        )
        if message is None:
            return False
        failure = _run_handlers(message)
        _settle(message, failure)
    return True


def _run_handlers(message: OutboxMessage) -> str:
    """Run each handler that has not yet run for this message; the first failure's text, or nothing."""
    envelope = Envelope(
        message.message_id,
        message.name,
        message.aggregate,
        message.payload,
        message.created_at,
        message.headers,
    )
    handlers = handlers_of(message.name)
    try:
        with transaction.atomic():
            _run_new(handlers, envelope)
    except Exception:  # noqa: BLE001 - told below, of the handler whose it is
        return _one_by_one(handlers, envelope)
    return ""


def _one_by_one(handlers: Sequence[Handler], envelope: Envelope) -> str:
    """What all of them together did is undone, for one fails: those before it need not be run again after this."""
    for handler in handlers:
        try:
            with transaction.atomic():
                _run_new([handler], envelope)
        except Exception as error:  # noqa: BLE001 - a handler's defect must not stop the others' messages
            log.exception("handler_failed", handler=handler.name, message=str(envelope.message_id))
            return f"{handler.name}: {type(error).__name__}: {error}"[:2000]
    return ""


def _run_new(handlers: Sequence[Handler], envelope: Envelope) -> None:
    """Those that have not run for this message. Nobody else delivers it meanwhile: its row is locked."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO kernel_handled (message_id, handler, at) SELECT %s, unnest(%s::text[]), %s"
            " ON CONFLICT DO NOTHING RETURNING handler",
            [envelope.message_id, [handler.name for handler in handlers], clock.now()],
        )
        new = {name for (name,) in cursor.fetchall()}
    for handler in handlers:
        if handler.name in new:
            handler.run(envelope)


def _settle(message: OutboxMessage, failure: str) -> None:
    message.attempts += 1
    message.error = failure
    if not failure:
        message.delivered_at = clock.now()
    elif message.attempts >= MAX_ATTEMPTS:
        message.dead_at = clock.now()
        log.error("dead_letter", message=str(message.message_id), event_name=message.name)
    else:
        message.available_at = clock.now() + timedelta(seconds=min(2**message.attempts, 900))
    message.save(update_fields=["attempts", "error", "delivered_at", "dead_at", "available_at"])


def drain(limit: int = BATCH) -> int:
    """Deliver up to `limit` messages of the current tenant; returns how many."""
    count = 0
    while count < limit:
        turn = min(TURN, limit - count)
        done = _several(turn)
        count += done
        if done < turn:
            return count
        count += _several(limit - count, hurried=True)
    return count


def _several(limit: int, *, hurried: bool = False) -> int:
    for count in range(limit):
        if not deliver_next(hurried=hurried):
            return count
    return limit


def lag_seconds() -> float:
    """How long the oldest open message has been due: the relay's health for this tenant.

    Since it could first be delivered; one that failed before counts from its fact on, as its pauses are part of the lag.
    """
    since = Case(When(attempts=0, then=F("available_at")), default=F("created_at"))
    oldest = _open().filter(available_at__lte=clock.now()).aggregate(at=Min(since))["at"]
    return max(0.0, (clock.now() - oldest).total_seconds()) if oldest else 0.0


def replay(message_id: Any) -> None:
    """Give a dead letter another life, from the console."""
    _open_again = OutboxMessage.objects.filter(message_id=message_id, dead_at__isnull=False)
    _open_again.update(dead_at=None, attempts=0, available_at=clock.now())
    transaction.on_commit(wake)


class Relay:
    """The process: takes turns between tenants, a batch each, so that none starves another."""

    def __init__(self) -> None:
        self.stopping = False
        self._swept_at = 0.0

    def stop(self, *_: Any) -> None:
        self.stopping = True

    def run(self) -> None:
        signal.signal(signal.SIGTERM, self.stop)
        signal.signal(signal.SIGINT, self.stop)
        log.info("relay_started")
        while not self.stopping:
            try:
                self._turn()
            except Exception:  # noqa: BLE001 - the database or Redis may be away for a while
                log.exception("relay_turn_failed")
                time.sleep(1.0)
        log.info("relay_stopped")

    def _turn(self) -> None:
        close_old_connections()
        due = self._due()
        if time.monotonic() - self._swept_at > SWEEP_SECONDS:
            due |= {str(tenant.id) for tenant in directory.at_work()}
            self._swept_at = time.monotonic()
        busy = False
        for tenant_id in due:
            tenant = directory.by_id(tenant_id)
            if tenant is not None and not self.stopping:
                busy |= self._drain(tenant)
        if not due and not busy:
            self._wait()

    def _drain(self, tenant: context.TenantRef) -> bool:
        """One batch of one tenant; True when there is more. What goes wrong there must not hold up the others."""
        try:
            with context.use(tenant):
                more = drain() == BATCH
                if more:
                    wake()
                return more
        except Exception:  # noqa: BLE001 - a schema that is being moved, a time-out: the sweep comes by again
            log.exception("relay_tenant_failed", slug=tenant.slug)
            close_old_connections()
            return False

    def _due(self) -> set[str]:
        try:
            return {str(tenant_id) for tenant_id in client().spop(DUE, 500) or ()}
        except redis.RedisError:
            return set()

    def _wait(self) -> None:
        """Until a hint arrives, half a second at most: a hint between SPOP and here costs that much."""
        try:
            with client().pubsub(ignore_subscribe_messages=True) as listener:
                listener.subscribe(DUE)
                ends = time.monotonic() + 0.5
                while not client().scard(DUE) and (left := ends - time.monotonic()) > 0:
                    # The first message is the confirmation of the subscription, which is read as None.
                    listener.get_message(timeout=left)
        except redis.RedisError:
            time.sleep(0.5)
