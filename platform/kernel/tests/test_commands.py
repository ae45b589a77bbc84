"""Commands: sent once, or asked about; never lost, never doubled, in order per aggregate."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import connection, connections, transaction

from kernel import clock, commands
from kernel.actors import system
from kernel.errors import NotYet, OutcomeUnknown, Rejected, Unavailable
from kernel.models import Command, CommandState, Job

ACTOR = system("test")


class Outside:
    """The other system of these tests: remembers operation ids in a table that survives a killed process."""

    def __init__(self) -> None:
        self.behaviour = "ok"

    def send(self, operation: str) -> dict[str, Any]:
        if self.behaviour == "down":
            raise Unavailable
        if self.behaviour == "stopped":
            raise NotYet
        if self.behaviour == "refuse":
            raise Rejected("no money")
        if self.behaviour == "lost before":
            raise OutcomeUnknown
        Job.objects.create(kind="outside", owner=operation)
        if self.behaviour == "lost after":
            raise OutcomeUnknown
        if self.behaviour.startswith("overtaken"):
            _, _, ends = self.behaviour.partition(": ")
            self.behaviour = "ok"
            make_due()  # the lease is over, and another worker finds what was done
            assert commands.run(UUID(operation)) == CommandState.SUCCEEDED
            raise {"refused": Rejected("done before"), "lost": OutcomeUnknown()}[ends]
        if self.behaviour == "killed after":
            os.kill(os.getpid(), signal.SIGKILL)
        return {"ticket": operation}


@pytest.fixture
def outside() -> Iterator[Outside]:
    world = Outside()

    @commands.command("kerneltest.move")
    class Move(commands.CommandType):
        patience = timedelta(0)

        def send(self, command: Command) -> Mapping[str, Any]:
            return world.send(str(command.id))

        def find(self, command: Command) -> Mapping[str, Any] | None:
            if world.behaviour == "refuses to answer":
                raise Rejected("no such account any more")
            if world.behaviour == "asking takes for ever":
                world.behaviour = "ok"
                make_due()
                assert commands.run(command.id) == CommandState.SUCCEEDED
                return None
            return {"found": True} if Job.objects.filter(kind="outside", owner=str(command.id)).exists() else None

        def succeeded(self, command: Command, result: Mapping[str, Any]) -> None:
            Job.objects.create(kind="credited", owner=str(command.id))

        def failed(self, command: Command, error: Rejected) -> None:
            Job.objects.create(kind="undone", owner=str(command.id))

    yield world
    del commands._types["kerneltest.move"]


def issue(aggregate: str = "a") -> Command:
    with transaction.atomic():
        return commands.issue("kerneltest.move", aggregate=aggregate, payload={"amount": 1}, actor=ACTOR)


def make_due() -> None:
    past = clock.now() - timedelta(seconds=1)
    Command.objects.update(available_at=past)
    Command.objects.filter(lease_until__isnull=False).update(lease_until=past)


def effects() -> dict[str, int]:
    return {kind: Job.objects.filter(kind=kind).count() for kind in ("outside", "credited", "undone")}


def test_success_is_recorded_with_latency(live_tenant: Any, outside: Outside) -> None:
    row = issue()
    assert commands.run(row.id) == CommandState.SUCCEEDED
    assert commands.run(row.id) == "not due"
    row.refresh_from_db()
    assert row.result == {"ticket": str(row.id)}
    assert row.latency_ms is not None
    assert effects() == {"outside": 1, "credited": 1, "undone": 0}


def test_refusal_is_final_and_undone(live_tenant: Any, outside: Outside) -> None:
    outside.behaviour = "refuse"
    row = issue()
    assert commands.run(row.id) == CommandState.FAILED
    make_due()
    assert commands.run(row.id) == "not due"
    assert effects() == {"outside": 0, "credited": 0, "undone": 1}


def test_unreachable_is_tried_again(live_tenant: Any, outside: Outside) -> None:
    outside.behaviour = "down"
    row = issue()
    assert commands.run(row.id) == CommandState.PENDING
    outside.behaviour = "ok"
    make_due()
    assert commands.run(row.id) == CommandState.SUCCEEDED
    assert effects() == {"outside": 1, "credited": 1, "undone": 0}


def test_what_is_stopped_waits_and_has_not_been_tried(live_tenant: Any, outside: Outside) -> None:
    outside.behaviour = "stopped"
    row = issue()
    for _ in range(3):
        make_due()
        assert commands.run(row.id) == CommandState.PENDING
    row.refresh_from_db()
    assert (row.attempts, row.sent_at) == (0, None)
    assert row.available_at - clock.now() > commands.LOOK_AGAIN / 2
    outside.behaviour = "ok"
    make_due()
    assert commands.run(row.id) == CommandState.SUCCEEDED
    assert effects() == {"outside": 1, "credited": 1, "undone": 0}


def test_what_may_have_been_sent_is_asked_about_although_it_is_stopped(live_tenant: Any, outside: Outside) -> None:
    outside.behaviour = "lost before"
    row = issue()
    commands.run(row.id)
    row.refresh_from_db()
    sent, outside.behaviour = row.sent_at, "stopped"
    for _ in range(3):
        make_due()
        assert commands.run(row.id) == CommandState.UNKNOWN
    row.refresh_from_db()
    assert (row.attempts, row.sent_at) == (1, sent)  # so that patience does not begin anew
    Job.objects.create(kind="outside", owner=str(row.id))  # it had arrived after all
    make_due()
    assert commands.run(row.id) == CommandState.SUCCEEDED
    assert effects() == {"outside": 1, "credited": 1, "undone": 0}


@pytest.mark.parametrize("behaviour", ["lost before", "lost after"])
def test_unknown_outcome_is_asked_never_guessed(live_tenant: Any, outside: Outside, behaviour: str) -> None:
    outside.behaviour = behaviour
    row = issue()
    assert commands.run(row.id) == CommandState.UNKNOWN
    outside.behaviour = "ok"
    make_due()
    assert commands.run(row.id) == CommandState.SUCCEEDED
    assert effects() == {"outside": 1, "credited": 1, "undone": 0}


@pytest.mark.parametrize(("sent_ago", "least", "most"), [(0, 0, 1), (40, 9, 11), (86_400, 299, 300)])
def test_what_nobody_can_answer_is_asked_ever_less_often(
    live_tenant: Any, outside: Outside, sent_ago: int, least: int, most: int
) -> None:
    outside.behaviour = "lost before"
    row = issue()
    commands.run(row.id)
    outside.behaviour = "refuses to answer"
    make_due()
    Command.objects.update(sent_at=clock.now() - timedelta(seconds=sent_ago))
    assert commands.run(row.id) == CommandState.UNKNOWN
    row.refresh_from_db()
    assert least <= (row.available_at - clock.now()).total_seconds() <= most


def test_not_found_before_patience_ends_is_not_sent_again(live_tenant: Any, outside: Outside) -> None:
    outside.behaviour = "lost before"
    row = issue()
    commands.run(row.id)
    commands.type_of("kerneltest.move").patience = timedelta(hours=1)  # type: ignore[misc]
    outside.behaviour = "ok"
    make_due()
    assert commands.run(row.id) == CommandState.UNKNOWN
    assert effects()["outside"] == 0


def test_a_refusal_to_answer_undoes_nothing(live_tenant: Any, outside: Outside) -> None:
    """The money may have left: giving it back because nobody would say would give it twice."""
    outside.behaviour = "lost after"
    row = issue()
    commands.run(row.id)
    outside.behaviour = "refuses to answer"
    make_due()
    assert commands.run(row.id) == CommandState.UNKNOWN
    assert effects() == {"outside": 1, "credited": 0, "undone": 0}
    outside.behaviour = "ok"
    make_due()
    assert commands.run(row.id) == CommandState.SUCCEEDED
    assert effects() == {"outside": 1, "credited": 1, "undone": 0}


def test_a_worker_that_asked_too_long_does_not_send_again(live_tenant: Any, outside: Outside) -> None:
    outside.behaviour = "lost before"
    row = issue()
    commands.run(row.id)
    outside.behaviour = "asking takes for ever"
    make_due()
    assert commands.run(row.id) == "not due"
    assert effects() == {"outside": 1, "credited": 1, "undone": 0}


@pytest.mark.parametrize("ends", ["refused", "lost"])
def test_a_worker_slower_than_its_lease_undoes_nothing(live_tenant: Any, outside: Outside, ends: str) -> None:
    """What it failed at was its own attempt; another one has found the operation done meanwhile."""
    outside.behaviour = f"overtaken: {ends}"
    row = issue()
    assert commands.run(row.id) == CommandState.SUCCEEDED
    row.refresh_from_db()
    assert row.state == CommandState.SUCCEEDED
    assert effects() == {"outside": 1, "credited": 1, "undone": 0}


def test_one_aggregate_waits_its_turn(live_tenant: Any, outside: Outside) -> None:
    first, second, other = issue("a"), issue("a"), issue("b")
    assert commands.run(second.id) == "not due"
    assert commands.run(other.id) == CommandState.SUCCEEDED
    assert commands.run(first.id) == CommandState.SUCCEEDED
    assert commands.run(second.id) == CommandState.SUCCEEDED


def test_a_worker_killed_after_the_call_leaves_one_effect(live_tenant: Any, outside: Outside) -> None:
    """SIGKILL between the other system's commit and ours: the command is found there, not sent again."""
    row = issue()
    connections.close_all()
    child = os.fork()
    if child == 0:
        outside.behaviour = "killed after"
        commands.run(row.id)
        os._exit(1)
    _, status = os.waitpid(child, 0)
    assert os.WTERMSIG(status) == signal.SIGKILL
    row.refresh_from_db()
    assert row.state == CommandState.SENDING
    assert commands.run(row.id) == "not due"  # its lease still runs
    make_due()
    assert [due.id for due in commands.due()] == [row.id]
    assert commands.run(row.id) == CommandState.SUCCEEDED
    assert effects() == {"outside": 1, "credited": 1, "undone": 0}
    connection.close()
