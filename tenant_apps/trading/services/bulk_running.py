"""Bulk changes that have begun: their rows sent a few per server at a time, so that the office's single changes are not kept waiting.

Each is an ordinary command, written in one transaction with the row, after what could stand against it was asked once more.
Whoever is killed in between leaves a row that waits, or one whose command is under way; nothing is done twice.

`step` takes it further and is safe to call at any time; commands that end wake it, and a sweep finds what was lost.
"""

from __future__ import annotations

from uuid import UUID

import redis
from django.db import transaction
from django.db.models import Count
from django.utils.translation import pgettext

from kernel import audit, clock, commands
from kernel.actors import Actor
from kernel.live.publish import publish
from kernel.logs import log
from kernel.models import Command
from kernel.redis import client, tenant_key
from kernel.tasks import enqueue, task
from kernel.tenancy import context
from tenant_apps.accounts.actors import actor_for, find_staff
from tenant_apps.accounts.telling import user_told
from tenant_apps.trading import obstacles
from tenant_apps.trading.bulk_selectors import bulk_get, counts_of, proposal_of
from tenant_apps.trading.errors import BulkOver
from tenant_apps.trading.models import (
    AccountType,
    BulkChange,
    BulkChangeRow,
    BulkRowState,
    BulkState,
    BulkWhat,
    Obstacle,
    TradingServer,
)
from tenant_apps.trading.obstacles import Judge
from tenant_apps.trading.permissions_list import BULK_APPROVE, BULK_EDIT
from tenant_apps.wallets.models import ChangeState

from . import accounts
from .bulk_rows import DAY, against, dropped, locked, save

PER_SERVER = 20  # under way at the same time
PAUSE = 0.5  # seconds between two steps of one bulk change
AT_ONCE = 200  # rows that one step looks at
UNDER_WAY = (BulkRowState.WAITING, BulkRowState.SENT)


def wake(bulk_id: UUID) -> None:
    """Have a worker take it further, half a second after this transaction; however many ask for it meanwhile, once."""
    scope, key = context.scope(), tenant_key("trading.bulk", bulk_id)

    def send() -> None:
        entered = context.enter(scope)
        try:
            if _first(key):
                enqueue(bulk_run, str(bulk_id), countdown=PAUSE)
        finally:
            context.leave(entered)

    transaction.on_commit(send)


def _first(key: str) -> bool:
    """Gone before the task that it stands for runs: who comes then finds it gone, or is seen by that task."""
    try:
        return bool(client().set(key, "1", nx=True, px=int(PAUSE * 1000)))
    except redis.RedisError:
        log.warning("bulk_wake_unbounded")
        return True


@task(name="trading.bulk_run")
def bulk_run(bulk_id: str) -> int:
    return step(UUID(bulk_id))


def step(bulk_id: UUID) -> int:
    """Send what may be sent now, and end it when nothing is left; how many accounts were looked at."""
    change = BulkChange.objects.filter(pk=bulk_id, finished_at=None).first()
    if change is None or change.state not in (BulkState.RUNNING, BulkState.STOPPED):
        return 0
    looked = _sent(change) if change.state == BulkState.RUNNING else 0
    _finish(bulk_id)
    with transaction.atomic():
        publish(change.topic)
    if looked >= AT_ONCE:
        wake(bulk_id)
    return looked


def _sent(change: BulkChange) -> int:
    """Rows whose turn it is, until the servers have enough to do or this step has done enough."""
    judge, who, looked = Judge(), _asker(change), 0
    while looked < AT_ONCE and (chunk := _next(change)):
        for row_id in chunk:
            _send(row_id, judge, who)
        looked += len(chunk)
    return looked


def _asker(change: BulkChange) -> Actor | None:
    """Who asked, with the rights of now; None where it was no member of staff, whose rights were asked for at the start."""
    said = Actor.from_json(change.actor)
    if said.kind != "staff":
        return None
    user = find_staff(said.id)
    return actor_for(user) if user is not None and user.active else said


def _next(change: BulkChange) -> list[int]:
    """As many waiting rows as each server has room for, whoever's bulk change keeps it busy."""
    sent = BulkChangeRow.objects.filter(state=BulkRowState.SENT).values_list("server").annotate(count=Count("id"))
    busy, waiting = dict(sent.order_by()), change.rows.filter(state=BulkRowState.WAITING).order_by("id")
    found: list[int] = []
    for server_id in TradingServer.objects.order_by("pk").values_list("pk", flat=True):
        room = max(0, PER_SERVER - busy.get(server_id, 0))
        found += waiting.filter(server_id=server_id).values_list("id", flat=True)[:room]
    return found


@transaction.atomic
def _send(row_id: int, judge: Judge, who: Actor | None) -> None:
    """One row: its command, or why there is none, with its state. A row that somebody else has, or had, is left alone."""
    rows = BulkChangeRow.objects.select_for_update(skip_locked=True, of=("self",))
    row = rows.select_related("change", "account__client").filter(
        pk=row_id, state=BulkRowState.WAITING, change__state=BulkState.RUNNING
    ).first()  # fmt: skip
    if row is None:
        return
    obstacle = _obstacle(row, judge, who)
    if obstacle is None:
        row.state, row.command_id = BulkRowState.SENT, _issued(row).pk
    else:
        row.state, row.reason, row.finished_at = BulkRowState.SKIPPED, obstacle.value, clock.now()
    row.save(update_fields=["state", "command_id", "reason", "finished_at"])


def _obstacle(row: BulkChangeRow, judge: Judge, who: Actor | None) -> Obstacle | None:
    facts = obstacles.held(row.account_id)
    if who is not None and not who.may(BULK_EDIT, row.account.client):
        return Obstacle.OUT_OF_REACH
    open_ones = Command.objects.filter(
        aggregate=row.account.aggregate, state__in=commands.OPEN, kind__in=obstacles.SETTINGS
    )
    return against(row.change.what, judge, facts, row.after, expected=row.before, busy=open_ones.exists())


def _issued(row: BulkChangeRow) -> Command:
    actor, reason = Actor.from_json(row.change.actor), row.change.reason
    if row.change.what == BulkWhat.LEVERAGE:
        return accounts.leverage_issue(
            actor=actor, account=row.account, before=int(row.before), leverage=int(row.after), reason=reason,
            bulk_row=row.pk,
        )  # fmt: skip
    types = AccountType.objects.in_bulk([UUID(row.before), UUID(row.after)])
    return accounts.account_type_issue(
        actor=actor, account=row.account, before=types[UUID(row.before)], after=types[UUID(row.after)], reason=reason,
        bulk_row=row.pk,
    )  # fmt: skip


def settled(command: Command, *, problem: str = "") -> None:
    """A command has ended; `problem` is why it was refused. In the transaction that marks it; nothing for single changes."""
    row = BulkChangeRow.objects.filter(pk=command.payload.get("bulk_row")).first()
    if row is None or row.command_id != command.pk or row.state != BulkRowState.SENT:
        return
    row.state = BulkRowState.REFUSED if problem else BulkRowState.DONE
    row.reason, row.finished_at = problem[:60], clock.now()
    row.save(update_fields=["state", "reason", "finished_at"])
    wake(row.change_id)


def stop(*, actor: Actor, bulk_id: UUID) -> BulkChange:
    """Send no more of it; what is on its way arrives. Raises BulkOver, NotFound."""
    if not actor.may(BULK_APPROVE):
        actor.require(BULK_EDIT)
    bulk_get(actor, bulk_id)
    with transaction.atomic():
        change = locked(bulk_id)
        if change.state != BulkState.RUNNING:
            raise BulkOver
        change.state, change.stopper_label = BulkState.STOPPED, actor.label[:160]
        save(change)
        left = change.rows.filter(state=BulkRowState.WAITING).update(
            state=BulkRowState.SKIPPED, reason=Obstacle.STOPPED, finished_at=clock.now()
        )
        audit.record(actor=actor, action="trading.bulk_stopped", obj=change, after={"accounts": left})
        _end(change)
    return change


def _finish(bulk_id: UUID) -> None:
    with transaction.atomic():
        change = locked(bulk_id)
        if change.finished_at is None and change.state in (BulkState.RUNNING, BulkState.STOPPED):
            _end(change)


def _end(change: BulkChange) -> None:
    """Keep what came of it and tell whoever asked, once nothing is left under way."""
    if change.rows.filter(state__in=UNDER_WAY).exists():
        return
    counts = counts_of(change)
    change.done, change.refused, change.skipped = (counts[one] for one in ("done", "refused", "skipped"))
    change.finished_at = clock.now()
    if change.state == BulkState.RUNNING:
        change.state = BulkState.DONE
    save(change)
    user = find_staff(change.proposer_id) if change.actor.get("kind") == "staff" else None
    if user is not None:
        user_told(user, kind="trading.bulk_over", words=lambda: _told(change), link=f"/trading/bulk/{change.pk}/")


def _told(change: BulkChange) -> tuple[str, str]:
    words = pgettext("notification", "%(done)s changed, %(refused)s refused, %(skipped)s left as they were")
    counts = {"done": change.done, "refused": change.refused, "skipped": change.skipped}
    return pgettext("notification", "A bulk change is over"), f"{change.title} · {words % counts}"


def sweep() -> int:
    """Take further what is under way, and throw away plans that nobody began within a day."""
    rows = BulkChange.objects.filter(finished_at=None).order_by("created_at")
    going = rows.filter(state__in=[BulkState.RUNNING, BulkState.STOPPED]).values_list("pk", flat=True)
    done = sum(step(bulk_id) for bulk_id in list(going))
    old = rows.filter(state=BulkState.PLANNED, created_at__lt=clock.now() - DAY).values_list("pk", flat=True)
    for bulk_id in list(old):
        _forgotten(bulk_id)
    return done


@transaction.atomic
def _forgotten(bulk_id: UUID) -> None:
    change, proposal = locked(bulk_id), proposal_of(bulk_id)
    if change.state == BulkState.PLANNED and (proposal is None or proposal.state != ChangeState.WAITING):
        dropped(change)
