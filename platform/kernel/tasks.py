"""Tasks carry their tenant in a header and refuse to run without one (tenancy.md, L4, L5).

    @task(queue="mail")
    def mail_send(mail_id): ...

    enqueue(mail_send, mail_id)      # after the transaction commits; the scope travels along

A task is only a wake-up: what has to be done stands in a row, and a sweeper finds rows whose task was lost, so losing
the broker, or the process between commit and enqueueing, loses nothing. All tasks are idempotent (acks_late).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from celery import Task, shared_task
from celery.exceptions import Reject, SoftTimeLimitExceeded
from django.db import close_old_connections, transaction

from kernel.logs import log
from kernel.tenancy import context, directory

PUBLIC = "public"


class ScopedTask(Task):
    """Base of all tasks: enters the scope named by the header `rialto_scope`, or rejects the message."""

    abstract = True
    acks_late = True
    reject_on_worker_lost = True

    def apply_async(self, args: Any = None, kwargs: Any = None, **options: Any) -> Any:
        headers = dict(options.pop("headers", None) or {})
        if "rialto_scope" not in headers:  # beat, which works for nobody, names the scope itself
            scope = context.scope()
            headers["rialto_scope"] = str(scope.tenant.id) if scope.tenant else PUBLIC
        return super().apply_async(args, kwargs, headers=headers, **options)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        scope = _scope_of(
            getattr(self.request, "rialto_scope", None) or (self.request.headers or {}).get("rialto_scope")
        )
        token = context.enter(scope)
        try:
            close_old_connections()
            return self.run(*args, **kwargs)
        finally:
            context.leave(token)


def _scope_of(header: str | None) -> context.Scope:
    if header == PUBLIC:
        return context.public_scope()
    tenant = directory.by_id(header) if header and _is_uuid(header) else None
    if tenant is None or tenant.state in {"requested", "deleted"}:
        raise Reject(f"no such tenant to work for: {header}", requeue=False)
    return context.tenant_scope(tenant)


def _is_uuid(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True


def task(**options: Any) -> Callable[[Callable[..., Any]], ScopedTask]:
    """`shared_task` with our base; name the queue: money, webhooks, provisioning, mail, reports or default."""
    options.setdefault("queue", "default")
    return shared_task(base=ScopedTask, **options)


def enqueue(work: Task, *args: Any, countdown: float | None = None, queue: str | None = None, **kwargs: Any) -> None:
    """Send after commit. A broker that is down is not an error here: the sweeper of the row behind it will come by.

    The scope is the one of this call: the transaction may be an outer one that commits in another scope.
    """
    scope = context.scope()

    def send() -> None:
        from kombu.exceptions import OperationalError

        from kernel.logs import log

        entered = context.enter(scope)
        try:
            options = {"queue": queue} if queue else {}
            work.apply_async(args, kwargs, countdown=countdown, **options)
        except OperationalError:
            log.warning("broker_unreachable", task=work.name)
        finally:
            context.leave(entered)

    transaction.on_commit(send)


@contextmanager
def going_on(event: str, **about: object) -> Iterator[None]:
    """Around one of many that a task takes in turn: what fails is logged as `event`, and the next one is taken."""
    try:
        yield
    except SoftTimeLimitExceeded:
        raise  # the task itself has to end
    except Exception:  # noqa: BLE001 - a defect with one must not leave the others undone
        log.exception(event, **{name: str(value) for name, value in about.items()})
