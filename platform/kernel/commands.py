"""Commands: durable calls that change something in another system (a balance operation, a refund, an account).

    @command("trading.balance")
    class BalanceCommand(CommandType):
        def send(self, command) -> dict            # outside any transaction; returns the result or raises
        def find(self, command) -> dict | None     # ask the other system whether our operation id was carried out
        def succeeded(self, command, result)       # in the transaction that records the success
        def failed(self, command, error)           # likewise

States: pending → sending → succeeded | failed | unknown | pending (surely not done); unknown → succeeded | sending.

Survival of kill -9. The row is written with the fact that demands it. `sending` is committed before the first byte
leaves, with a lease. A process that dies while sending leaves `sending` behind; when the lease ends the command counts
as unknown, and the other system is asked (`find`) before anything is sent again. Two workers cannot hold one command:
claiming is a compare-and-set. Commands of one aggregate are carried out one after the other, in order.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet

from kernel import clock
from kernel.actors import Actor
from kernel.errors import NotYet, OutcomeUnknown, Rejected
from kernel.events import as_plain
from kernel.logs import log
from kernel.models import Command, CommandState
from kernel.tasks import enqueue, task

LEASE = timedelta(seconds=90)
LOOK_AGAIN = timedelta(minutes=5)  # at what stops a command for now; the longest pause between two questions, too
OPEN = (CommandState.PENDING, CommandState.SENDING, CommandState.UNKNOWN)


class CommandType:
    """A kind of command. `queue` is the worker queue; `patience` how long an outcome may stay unfindable before a resend."""

    kind = ""
    queue = "money"
    patience = timedelta(seconds=10)

    def send(self, command: Command) -> Mapping[str, Any]:
        """Carry it out. Raise Unavailable (not done), NotYet (not to be done now), Rejected (refused) or OutcomeUnknown
        (ask)."""
        raise TypeError(f"{type(self).__name__} cannot send")

    def find(self, command: Command) -> Mapping[str, Any] | None:
        """The result, if the other system did carry out `command.id`; None if it surely did not."""
        raise TypeError(f"{type(self).__name__} cannot ask")

    def patience_of(self, command: Command) -> timedelta:
        """How long "not found" proves nothing for this very command; asked for before a resend."""
        return self.patience

    def succeeded(self, command: Command, result: Mapping[str, Any]) -> None:
        """Effects on our side; the same transaction marks the command."""

    def failed(self, command: Command, error: Rejected) -> None:
        """What to undo on our side; the same transaction marks the command."""


_types: dict[str, CommandType] = {}


def command(kind: str) -> Any:
    def decorate(cls: type[CommandType]) -> type[CommandType]:
        if kind in _types:
            raise ValueError(f"command {kind} is registered twice")
        cls.kind = kind
        _types[kind] = cls()
        return cls

    return decorate


def type_of(kind: str) -> CommandType:
    return _types[kind]


def issue(
    kind: str,
    *,
    aggregate: str,
    payload: Mapping[str, Any],
    actor: Actor,
    reason: str = "",
    before: Mapping[str, Any] | None = None,
    command_id: UUID | None = None,
) -> Command:
    """Write a command in the caller's transaction and wake a worker after commit. A known `command_id` is returned as is."""
    chosen = type_of(kind)
    if not transaction.get_connection().in_atomic_block:
        raise RuntimeError("a command is issued in the transaction of the fact that demands it")
    if command_id and (known := Command.objects.filter(pk=command_id).first()):
        return known
    row = Command(
        kind=kind,
        aggregate=aggregate[:80],
        payload=as_plain(dict(payload)),
        before=as_plain(dict(before)) if before is not None else None,
        actor=actor.as_json(),
        reason=reason[:300],
        available_at=clock.now(),
    )
    if command_id:
        row.id = command_id
    row.save(force_insert=True)
    _wake(row.id, chosen.queue)
    return row


def _wake(command_id: UUID, queue: str, countdown: float | None = None) -> None:
    enqueue(command_run, str(command_id), countdown=countdown, queue=queue)


@task(name="kernel.command_run", queue="money")
def command_run(command_id: str) -> str:
    return run(UUID(command_id))


def run(command_id: UUID) -> str:
    """Carry a command one step further; returns its state. Safe to call at any time, any number of times."""
    claimed = _claim(command_id)
    if claimed is None:
        return "not due"
    row, ask_first = claimed
    kind = type_of(row.kind)
    started = time.monotonic()
    sent_before = row.sent_at if ask_first else None
    try:
        if ask_first:
            asked_at = clock.now()
            found = _ask(kind, row)
            if found is not None:
                return _succeed(row, found, started)
            if asked_at - (row.sent_at or row.created_at) < kind.patience_of(row):
                return _again(row, CommandState.UNKNOWN, "not found there yet", seconds=_pause(row))
            claimed_again = _mark_sending(row)
            if claimed_again is None:
                return "not due"
            row = claimed_again
        return _succeed(row, kind.send(row), started)
    except Rejected as error:
        return _fail(row, error)
    except OutcomeUnknown as error:
        return _again(row, CommandState.UNKNOWN, str(error) or error.code, seconds=_pause(row))
    except NotYet as error:
        return _wait(row, error, asked=ask_first, sent_before=sent_before)
    except Exception as error:  # noqa: BLE001 - Unavailable and defects alike: never lost, tried again or asked
        return _after_failure(row, error, ask_first)


def _ask(kind: CommandType, row: Command) -> Mapping[str, Any] | None:
    """A refusal to answer is not a refusal of what was asked about: only a refused `send` fails a command."""
    try:
        return kind.find(row)
    except Rejected as error:
        raise OutcomeUnknown(f"asking was refused: {error}") from error


def _claim(command_id: UUID) -> tuple[Command, bool] | None:
    """Take a due command by compare-and-set. The flag says whether the other system must be asked first."""
    current = clock.now()
    with transaction.atomic():
        row = (
            Command.objects.filter(pk=command_id, available_at__lte=current)
            .filter(~Exists(_earlier()))
            .filter(
                Q(state=CommandState.PENDING)
                | Q(state__in=[CommandState.UNKNOWN, CommandState.SENDING], lease_until__lte=current)
                | Q(state=CommandState.UNKNOWN, lease_until=None)
            )
            .select_for_update(skip_locked=True, of=("self",))
            .first()
        )
        if row is None:
            return None
        ask_first = row.state != CommandState.PENDING
        row.lease_until = current + LEASE
        if ask_first:
            row.state = CommandState.UNKNOWN
            row.save(update_fields=["lease_until", "state"])
        else:
            _start(row)
    return row, ask_first


def _earlier() -> QuerySet[Command]:
    """Open ones of the same aggregate that come before the one around."""
    return Command.objects.filter(
        aggregate=OuterRef("aggregate"), state__in=OPEN, created_at__lt=OuterRef("created_at")
    )


def _start(row: Command) -> None:
    row.state = CommandState.SENDING
    row.sent_at = clock.now()
    row.attempts += 1
    row.lease_until = clock.now() + LEASE
    row.save(update_fields=["state", "sent_at", "attempts", "lease_until"])


def _mark_sending(row: Command) -> Command | None:
    """From asking to sending again; None when asking took longer than the lease and somebody else has it now."""
    with transaction.atomic():
        fresh = Command.objects.select_for_update().get(pk=row.pk)
        if not _held(fresh, row):
            return None
        _start(fresh)
    return fresh


def _held(fresh: Command, claim: Command) -> bool:
    """Whether the row is still ours. A worker that was slower than its lease knows only its own attempt; what it failed
    at says nothing of the attempt of whoever took over."""
    return fresh.state in OPEN and fresh.lease_until == claim.lease_until


def _succeed(row: Command, result: Mapping[str, Any], started: float) -> str:
    plain = as_plain(dict(result))
    with transaction.atomic():
        fresh = Command.objects.select_for_update().get(pk=row.pk)
        if fresh.state not in OPEN:
            if fresh.state == CommandState.FAILED:
                log.error("command_done_after_failure", kind=row.kind, command=str(row.pk))
            return fresh.state
        fresh.state = CommandState.SUCCEEDED
        fresh.result = plain
        fresh.finished_at = clock.now()
        fresh.latency_ms = round((time.monotonic() - started) * 1000)
        fresh.lease_until = None
        fresh.error = fresh.error_code = ""
        fresh.save()
        type_of(row.kind).succeeded(fresh, plain)
        _wake_next(fresh)
    return CommandState.SUCCEEDED


def _fail(row: Command, error: Rejected) -> str:
    with transaction.atomic():
        fresh = Command.objects.select_for_update().get(pk=row.pk)
        if not _held(fresh, row):
            return fresh.state
        fresh.state = CommandState.FAILED
        fresh.error_code, fresh.error = error.code[:60], str(error)
        fresh.finished_at = clock.now()
        fresh.lease_until = None
        fresh.save()
        type_of(row.kind).failed(fresh, error)
        _wake_next(fresh)
    log.warning("command_rejected", kind=row.kind, command=str(row.pk), code=error.code)
    return CommandState.FAILED


def _after_failure(row: Command, error: Exception, asked: bool) -> str:
    from kernel.errors import Unavailable

    surely_not_done = isinstance(error, Unavailable) and not asked
    if not isinstance(error, Unavailable):
        log.exception("command_defect", kind=row.kind, command=str(row.pk))
    state = CommandState.PENDING if surely_not_done else CommandState.UNKNOWN
    seconds = _pause(row) if asked else min(2.0 ** min(row.attempts, 8), LOOK_AGAIN.total_seconds())
    return _again(row, state, f"{type(error).__name__}: {error}", seconds=seconds)


def _pause(row: Command) -> float:
    """Seconds until an unknown outcome is asked about again: at first at once, for most are known a moment later, then ever
    less often, however often it was sent. What nobody can answer would else be asked thousands of times a day."""
    age = (clock.now() - (row.sent_at or row.created_at)).total_seconds()
    return min(LOOK_AGAIN.total_seconds(), max(age / 4, 2.0 ** min(row.attempts - 1, 8)))


def _wait(row: Command, error: NotYet, *, asked: bool, sent_before: datetime | None) -> str:
    """As it stood: this was no attempt. One whose outcome was unknown is asked about again, whatever stops it."""
    state = CommandState.UNKNOWN if asked else CommandState.PENDING
    stood = {"attempts": F("attempts") - 1, "sent_at": sent_before}
    return _again(row, state, str(error) or error.code, seconds=LOOK_AGAIN.total_seconds(), **stood)


def _again(row: Command, state: str, error: str, *, seconds: float, **stood: Any) -> str:
    with transaction.atomic():
        held = Command.objects.filter(pk=row.pk, state__in=OPEN, lease_until=row.lease_until)
        changed = held.update(
            state=state,
            error=error[:2000],
            lease_until=None,
            available_at=clock.now() + timedelta(seconds=seconds),
            **stood,
        )
        if not changed:
            return str(Command.objects.values_list("state", flat=True).get(pk=row.pk))
        _wake(row.pk, type_of(row.kind).queue, countdown=seconds + 0.1)
    return state


def _wake_next(row: Command) -> None:
    following = (
        Command.objects.filter(aggregate=row.aggregate, state__in=OPEN)
        .exclude(pk=row.pk)
        .order_by("created_at")
        .first()
    )
    if following:
        _wake(following.pk, type_of(following.kind).queue)


def due(limit: int = 200) -> list[Command]:
    """Open commands whose time and turn have come: what the sweeper wakes when a task was lost."""
    current = clock.now()
    return list(
        Command.objects.filter(state__in=OPEN, available_at__lte=current)
        .filter(~Exists(_earlier()))
        .filter(Q(lease_until=None) | Q(lease_until__lte=current))
        .order_by("available_at")[:limit]
    )
