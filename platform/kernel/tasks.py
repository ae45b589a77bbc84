"""Tasks carry their tenant in a header and refuse to run without one (tenancy.md, L4, L5).

    @task(queue="mail")
    def mail_send(mail_id): ...

    enqueue(mail_send, mail_id)      # after the transaction commits; the scope travels along

A task is only a wake-up: what has to be done stands in a row, and a sweeper finds rows whose task was lost, so losing
the broker, or the process between commit and enqueueing, loses nothing. All tasks are idempotent (acks_late).

Sweepers and timetables enqueue with `once`: while one like it still waits in the queue, none is added. Otherwise workers that
are behind would be given the same work again with each sweep, and fall ever further behind.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any
from uuid import UUID

from celery import Task, shared_task
from celery.exceptions import Reject, SoftTimeLimitExceeded
from django.db import close_old_connections, transaction
from redis import RedisError

from kernel import redis
from kernel.logs import log
from kernel.tenancy import context, directory

PUBLIC = "public"
# As long as the broker keeps a message that a dead worker had taken (`visibility_timeout`); then one more does no harm.
WAITS = 900  # seconds


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
            _begun((self.request.headers or {}).get("rialto_once") or getattr(self.request, "rialto_once", None))
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


def _waits_already(key: str) -> bool:
    """Whether one with this key waits in the queue, from now on at the latest. The mark is as durable as the queue: both are Redis'."""
    try:
        return not redis.client().set(key, 1, nx=True, ex=WAITS)
    except RedisError:
        return False


def _begun(key: str | None) -> None:
    """It waits no longer. Before it runs, not after: what happens from now on needs another one."""
    if key:
        with suppress(RedisError):
            redis.client().delete(key)


def enqueue(
    work: Task, *args: Any, countdown: float | None = None, queue: str | None = None, once: bool = False, **kwargs: Any
) -> None:
    """Send after commit. A broker that is down is not an error here: the sweeper of the row behind it will come by.

    The scope is the one of this call: the transaction may be an outer one that commits in another scope. `once`: not
    while the same, with the same arguments, waits in the queue already.
    """
    scope = context.scope()

    def send() -> None:
        from kombu.exceptions import OperationalError

        from kernel.logs import log

        entered = context.enter(scope)
        options: dict[str, Any] = {"queue": queue} if queue else {}
        try:
            if once:
                key = _once_key(work, args, kwargs)
                if _waits_already(key):
                    return
                options["headers"] = {"rialto_once": key}
            work.apply_async(args, kwargs, countdown=countdown, **options)
        except OperationalError:
            log.warning("broker_unreachable", task=work.name)
            _begun(options.get("headers", {}).get("rialto_once"))
        finally:
            context.leave(entered)

    transaction.on_commit(send)


def _once_key(work: Task, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> str:
    scope = context.scope()
    what = json.dumps([args, kwargs], sort_keys=True, default=str)
    return f"rialto:waits:{scope.tenant.id if scope.tenant else PUBLIC}:{work.name}:{what}"


@contextmanager
def going_on(event: str, **about: object) -> Iterator[None]:
    """Around one of many that a task takes in turn: what fails is logged as `event`, and the next one is taken."""
    try:
        yield
    except SoftTimeLimitExceeded:
        raise  # the task itself has to end
    except Exception:  # noqa: BLE001 - a defect with one must not leave the others undone
        log.exception(event, **{name: str(value) for name, value in about.items()})
