"""Outbox and relay: a fact and its event commit together; each handler has one effect; order holds per aggregate."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction

from kernel import clock, events, relay
from kernel.models import HandledMessage, Job, OutboxMessage
from kernel.tenancy import context


@events.event("kerneltest.happened")
class Happened(events.Event):
    number: int


@events.event("kerneltest.traded", patient=True)
class Traded(events.Event):
    number: int


@pytest.fixture
def handlers() -> Iterator[list[tuple[str, int]]]:
    """Two handlers that write a row each; the second fails while `broken` names its number."""
    seen: list[tuple[str, int]] = []

    def write(name: str) -> Any:
        def run(envelope: events.Envelope) -> None:
            Job.objects.create(kind=name, owner=str(envelope["number"]))
            if name == "second" and envelope["number"] in broken:
                raise RuntimeError("not today")
            seen.append((name, envelope["number"]))

        return run

    broken.clear()
    for name in ("first", "second"):
        events.handles("kerneltest.happened", name=f"kerneltest.{name}")(write(name))
    yield seen
    del events._handlers["kerneltest.happened"]


broken: set[int] = set()


def publish(number: int, aggregate: str = "a") -> None:
    with transaction.atomic():
        events.publish(Happened(number=number), aggregate=aggregate)


def test_an_event_needs_a_transaction(live_tenant: Any) -> None:
    with pytest.raises(RuntimeError, match="transaction"):
        events.publish(Happened(number=1), aggregate="a")


def test_rolled_back_fact_has_no_event(tenant: Any) -> None:
    with pytest.raises(ValueError), transaction.atomic():
        events.publish(Happened(number=1), aggregate="a")
        raise ValueError
    assert not OutboxMessage.objects.exists()


def test_many_facts_are_one_statement_and_keep_their_order(
    live_tenant: Any, handlers: list[tuple[str, int]], django_assert_num_queries: Any
) -> None:
    with transaction.atomic(), django_assert_num_queries(1):
        events.publish_all((Happened(number=number), "a") for number in range(50))
    relay.drain()
    assert [number for name, number in handlers if name == "first"] == list(range(50))


def test_every_handler_once_in_order(live_tenant: Any, handlers: list[tuple[str, int]]) -> None:
    for number in range(3):
        publish(number)
    assert relay.drain() == 3
    assert handlers == [(name, number) for number in range(3) for name in ("first", "second")]
    assert relay.drain() == 0
    assert relay.lag_seconds() == 0.0


def test_a_burst_of_patient_events_does_not_hold_up_the_others(
    live_tenant: Any, handlers: list[tuple[str, int]]
) -> None:
    with transaction.atomic():
        events.publish_all((Traded(number=number), f"account:{number}") for number in range(relay.BATCH * 2))
    publish(1, aggregate="deposit:1")
    publish(2, aggregate="account:90")
    assert relay.drain() == relay.BATCH
    assert [number for _, number in handlers] == [1, 1]
    delivered = OutboxMessage.objects.exclude(delivered_at=None)
    assert set(delivered.filter(name="kerneltest.traded").values_list("payload__number", flat=True)) >= set(range(40))
    while relay.drain():
        pass
    assert [number for _, number in handlers] == [1, 1, 2, 2]  # what happened to one account stays in its order
    assert not OutboxMessage.objects.filter(delivered_at=None).exists()


def test_the_lag_counts_from_when_a_message_could_be_delivered(
    live_tenant: Any, handlers: list[tuple[str, int]], settings: Any
) -> None:
    settings.DEMO = True
    with clock.frozen_at(clock.now() - timedelta(hours=4)):
        publish(1)
    assert relay.lag_seconds() < 5
    OutboxMessage.objects.update(attempts=1)  # it failed: its fact has waited since
    assert relay.lag_seconds() == pytest.approx(4 * 3600, abs=5)
    OutboxMessage.objects.update(attempts=0, available_at=clock.now() - timedelta(minutes=5))
    assert relay.lag_seconds() == pytest.approx(300, abs=5)


def test_a_failing_handler_undoes_itself_only_and_holds_up_its_aggregate_only(
    live_tenant: Any, handlers: list[tuple[str, int]]
) -> None:
    broken.add(1)
    publish(1, "a")
    publish(2, "a")
    publish(3, "b")
    relay.drain()
    assert handlers == [("first", 1), ("first", 1), ("first", 3), ("second", 3)]  # at first together, then one by one
    kinds = Job.objects.filter(owner="1").values_list("kind", flat=True)
    assert list(kinds) == ["first"]
    broken.clear()
    OutboxMessage.objects.update(available_at=clock.now() - timedelta(seconds=1))
    relay.drain()
    assert handlers[4:] == [("second", 1), ("first", 2), ("second", 2)]
    assert Job.objects.filter(kind="first", owner="1").count() == 1


def test_redelivery_after_a_crash_has_one_effect(live_tenant: Any, handlers: list[tuple[str, int]]) -> None:
    """As if the relay had died after the handlers' commit and before the mark: the message comes again."""
    publish(1)
    relay.drain()
    OutboxMessage.objects.update(delivered_at=None)
    relay.drain()
    assert Job.objects.count() == 2
    # Handlers of other apps may listen to every event; only those of this test are counted.
    assert HandledMessage.objects.filter(handler__startswith="kerneltest.").count() == 2


def test_a_hopeless_message_becomes_a_dead_letter_and_can_be_replayed(
    live_tenant: Any, handlers: list[tuple[str, int]]
) -> None:
    broken.add(1)
    publish(1)
    for _ in range(relay.MAX_ATTEMPTS):
        OutboxMessage.objects.update(available_at=clock.now() - timedelta(seconds=1))
        relay.drain()
    message = OutboxMessage.objects.get()
    assert message.dead_at is not None
    assert "not today" in message.error
    broken.clear()
    with transaction.atomic():
        relay.replay(message.message_id)
    relay.drain()
    assert handlers == [("first", 1), ("first", 1), ("second", 1)]


def test_two_relays_at_once_deliver_each_message_once(live_tenant: Any, handlers: list[tuple[str, int]]) -> None:
    for number in range(20):
        publish(number, aggregate=f"a{number % 4}")

    def work() -> None:
        try:
            with context.use(live_tenant):
                relay.drain(100)
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    relay.drain(100)
    assert Job.objects.count() == 40
    assert OutboxMessage.objects.filter(delivered_at=None).count() == 0


def test_the_hint_names_the_tenant(live_tenant: Any, handlers: list[tuple[str, int]]) -> None:
    from kernel.redis import client

    client().delete(relay.DUE)
    publish(1)
    assert client().smembers(relay.DUE) == {str(live_tenant.id)}
    client().delete(relay.DUE)
    relay.Relay()._turn()  # without the hint: the sweep finds it
    assert handlers == [("first", 1), ("second", 1)]
