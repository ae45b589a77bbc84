"""Events: frozen facts in the past tense, written to the outbox in the transaction that made them true.

    @event("payments.deposit_credited")
    class DepositCredited(Event): deposit_id: UUID; client_id: UUID; amount: Money

    publish(DepositCredited(...), aggregate=f"deposit:{deposit.id}")

    @handles("payments.deposit_credited", name="campaigns.stop_on_ftd")
    def on_deposit_credited(event: Envelope) -> None: ...

Handlers subscribe by name, so that no app imports a neighbour. They run in the relay, each with one effect per message, in
order per aggregate; they write to the database only. What must go outside becomes a command, a mail row or a task.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any, TypeVar, dataclass_transform
from uuid import UUID

from django.db import connection, transaction

from kernel import clock
from kernel.actors import Actor
from kernel.ids import uuid7
from kernel.logs import request_id
from kernel.models import OutboxMessage
from kernel.money import Money
from kernel.tenancy import context

T = TypeVar("T")


class Event:
    """Base of events; subclasses are frozen dataclasses of primitives, ids, Money and datetimes."""

    name: str = ""


@dataclasses.dataclass(frozen=True, slots=True)
class Envelope:
    """What a handler gets: the message's identity and its payload as plain JSON types."""

    message_id: UUID
    name: str
    aggregate: str
    payload: Mapping[str, Any]
    created_at: datetime
    headers: Mapping[str, Any]

    def __getitem__(self, key: str) -> Any:
        return self.payload[key]

    def money(self, key: str) -> Money:
        return Money.from_json(self.payload[key])

    def uuid(self, key: str) -> UUID:
        return UUID(self.payload[key])

    @property
    def actor(self) -> Actor:
        return Actor.from_json(self.headers.get("actor", {}))


@dataclasses.dataclass(frozen=True, slots=True)
class Handler:
    name: str
    event: str
    run: Callable[[Envelope], None]


_events: dict[str, type[Event]] = {}
_patient: set[str] = set()
_handlers: dict[str, list[Handler]] = {}
EVERY = "*"


@dataclass_transform(frozen_default=True, kw_only_default=True)
def event(name: str, *, patient: bool = False) -> Callable[[type[T]], type[T]]:
    """Register a frozen dataclass as an event under a name `<app>.<past_tense>`.

    `patient` ones may come by the thousand and let others overtake them, within their aggregate not.
    """

    def decorate(cls: type[T]) -> type[T]:
        frozen = dataclasses.dataclass(frozen=True, slots=True, kw_only=True)(cls)
        frozen.name = name  # type: ignore[attr-defined]
        if name in _events:
            raise ValueError(f"event {name} is registered twice")
        _events[name] = frozen  # type: ignore[assignment]
        if patient:
            _patient.add(name)
        return frozen

    return decorate


def handles(event_name: str, *, name: str) -> Callable[[Callable[[Envelope], None]], Callable[[Envelope], None]]:
    """Subscribe a handler to an event's name, or to EVERY. `name` is its identity for ever: it stands in the ledger."""

    def decorate(run: Callable[[Envelope], None]) -> Callable[[Envelope], None]:
        known = {handler.name for handlers in _handlers.values() for handler in handlers}
        if name in known:
            raise ValueError(f"handler {name} is registered twice")
        _handlers.setdefault(event_name, []).append(Handler(name, event_name, run))
        return run

    return decorate


def handlers_of(event_name: str) -> list[Handler]:
    return [*_handlers.get(event_name, ()), *_handlers.get(EVERY, ())]


def event_names() -> list[str]:
    return sorted(_events)


def patient_names() -> list[str]:
    return sorted(_patient)


def as_plain(value: Any) -> Any:
    """JSON form of what events and commands may hold."""
    if value is None or isinstance(value, bool | int | str):
        return value  # first: most are, and there may be thousands of events at once
    if isinstance(value, Money):
        return value.as_json()
    if isinstance(value, UUID | Decimal):
        return str(value)
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {str(key): as_plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [as_plain(item) for item in value]
    raise TypeError(f"an event cannot hold {type(value).__name__}")


def publish(fact: Event, *, aggregate: str, actor: Actor | None = None) -> OutboxMessage:
    """Write the event beside the fact. Outside a transaction this is a defect and raises."""
    _of_a_transaction()
    now = clock.present()  # a fact may be dated back; the relay has had it since now
    message = OutboxMessage.objects.create(
        name=fact.name, aggregate=aggregate[:80], payload=_payload(fact), headers=_headers(actor), available_at=now
    )
    _wake_after()
    return message


def publish_all(facts: Iterable[tuple[Event, str]], *, actor: Actor | None = None) -> None:
    """As `publish`, of facts with their aggregates, in this order: one COPY and one wake-up, however many."""
    _of_a_transaction()
    facts = list(facts)
    if not facts:
        return
    headers, created, now = json.dumps(_headers(actor)), clock.now().isoformat(), clock.present().isoformat()
    columns = "message_id, name, aggregate, payload, headers, created_at, available_at, attempts, error"
    with connection.cursor() as cursor, cursor.copy(f"COPY kernel_outbox ({columns}) FROM STDIN") as copy:
        for fact, aggregate in facts:
            payload = json.dumps(_payload(fact))
            copy.write_row((uuid7(), fact.name, aggregate[:80], payload, headers, created, now, 0, ""))
    _wake_after()


def _of_a_transaction() -> None:
    if not transaction.get_connection().in_atomic_block:
        raise RuntimeError("an event is published in the transaction that makes it true")


def _wake_after() -> None:
    from kernel.relay import wake

    tenant_id = context.tenant().id  # now: an outer transaction may commit in another scope
    transaction.on_commit(lambda: wake(tenant_id))


def _headers(actor: Actor | None) -> dict[str, Any]:
    return {"actor": actor.as_json() if actor else {}, "request_id": request_id.get()}


def _payload(fact: Event) -> dict[str, Any]:
    return {field.name: as_plain(getattr(fact, field.name)) for field in dataclasses.fields(fact)}  # type: ignore[arg-type]
