"""One setting of many accounts changed at once.

A plan is made first: each account the actor may change, with what it has, what it gets, or why it is left as it is. That
is the preview. Once begun, its rows are sent a few per server at a time, so that the office's single changes are not kept
waiting: each is an ordinary command, written in one transaction with the row, after what could stand against it was asked
once more. Whoever is killed in between leaves a row that waits, or one whose command is under way; nothing is done twice.

`step` takes it further and is safe to call at any time; commands that end wake it, and a sweep finds what was lost.
Above `alone_most` accounts, those begun within the last day included, a second person agrees (change_kinds).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import timedelta
from itertools import islice
from typing import Any
from uuid import UUID

import redis
from django.db import connection, transaction
from django.db.models import Count, Sum
from django.utils.translation import pgettext, pgettext_lazy

from kernel import audit, clock, commands, locks
from kernel.actors import Actor
from kernel.errors import Invalid, NotFound
from kernel.live.publish import publish
from kernel.logs import log
from kernel.models import Command
from kernel.redis import client, tenant_key
from kernel.tasks import enqueue, task
from kernel.tenancy import context
from kernel.ui.formatting import number_text
from tenant_apps.accounts.actors import actor_for, find_staff
from tenant_apps.accounts.telling import user_told
from tenant_apps.clients.eyes import as_shown
from tenant_apps.trading import obstacles
from tenant_apps.trading.account_filter import AccountFilter
from tenant_apps.trading.bulk_selectors import KIND, bulk_get, counts_of, proposal_of
from tenant_apps.trading.errors import BulkEmpty, BulkOver, BulkTooMany
from tenant_apps.trading.models import (
    AccountType,
    BulkChange,
    BulkChangeRow,
    BulkPurpose,
    BulkRowState,
    BulkState,
    BulkWhat,
    Obstacle,
    TradingServer,
)
from tenant_apps.trading.obstacles import Facts, Judge
from tenant_apps.trading.permissions_list import BULK_APPROVE, BULK_EDIT
from tenant_apps.trading.selectors import accounts_visible
from tenant_apps.wallets.models import ChangeState, ProposedChange
from tenant_apps.wallets.services.changes import change_approve, change_propose, change_refuse

from . import accounts

MOST = 100_000
ALONE = 100  # accounts that one person changes within a day; a brokerage may set its own number
DAY = timedelta(days=1)
PER_SERVER = 20  # under way at the same time
PAUSE = 0.5  # seconds between two steps of one bulk change
PIECE = 5_000  # rows of a plan written at once
AT_ONCE = 200  # rows that one step looks at
UNDER_WAY = (BulkRowState.WAITING, BulkRowState.SENT)
ENDED = (BulkState.DONE, BulkState.STOPPED)
# What may have passed by the time somebody tries again.
PASSING = (
    Obstacle.MONEY_MOVES, Obstacle.TRADES, Obstacle.CHANGING, Obstacle.CHANGED_SINCE, Obstacle.STOPPED,
)  # fmt: skip

Wanted = Callable[
    [Facts], tuple[str, str | None]
]  # what the account gets, and what it has to have now, if that matters


def alone_most() -> int:
    """How many accounts one person may change within a day."""
    return int(context.tenant().setting("trading_bulk_alone", ALONE))


# --- plans


def plan(
    *, actor: Actor, query: str, leverage: int | None = None, account_type: AccountType | None = None
) -> BulkChange:
    """What would change if all accounts of a filter got this leverage or this type. Nothing is changed by it.

    Raises BulkTooMany, Forbidden.
    """
    actor.require(BULK_EDIT)
    assert (leverage is None) != (account_type is None)
    change = BulkChange(
        what=BulkWhat.LEVERAGE if leverage else BulkWhat.TYPE, leverage=leverage, account_type=account_type, query=query
    )
    gets = str(leverage or (account_type and account_type.pk))
    rows = AccountFilter.parse_text(query).apply(accounts_visible(actor, BULK_EDIT), masks=actor.masks)
    return _planned(change, actor, rows, lambda facts: (gets, None))


def plan_undo(*, actor: Actor, bulk_id: UUID) -> BulkChange:
    """Give accounts back what they had, where they still have what this change gave them. Raises BulkOver."""
    origin, rows = _followed(actor, bulk_id, BulkPurpose.UNDO)
    values = {row[0]: (row[1], row[2]) for row in rows.values_list("account_id", "before", "after")}
    change = BulkChange(what=origin.what, purpose=BulkPurpose.UNDO, origin=origin, query=origin.query)
    found = accounts_visible(actor, BULK_EDIT).filter(pk__in=rows.values("account_id"))
    return _planned(change, actor, found, lambda facts: values[facts.account_id])


def plan_retry(*, actor: Actor, bulk_id: UUID) -> BulkChange:
    """Try again what the server refused, and what was left for a reason that passes. Raises BulkOver."""
    origin, rows = _followed(actor, bulk_id, BulkPurpose.RETRY)
    values = dict(rows.values_list("account_id", "after"))
    change = BulkChange(
        what=origin.what, purpose=BulkPurpose.RETRY, origin=origin, query=origin.query, leverage=origin.leverage,
        account_type=origin.account_type,
    )  # fmt: skip
    found = accounts_visible(actor, BULK_EDIT).filter(pk__in=rows.values("account_id"))
    return _planned(change, actor, found, lambda facts: (values[facts.account_id], None))


def followable(change: BulkChange, purpose: str) -> Any:
    """Rows of an ended bulk change that an undoing or a second try is about."""
    if purpose == BulkPurpose.UNDO:
        return change.rows.filter(state=BulkRowState.DONE)
    refused = change.rows.filter(state=BulkRowState.REFUSED)
    return refused | change.rows.filter(state=BulkRowState.SKIPPED, reason__in=PASSING)


def _followed(actor: Actor, bulk_id: UUID, purpose: str) -> tuple[BulkChange, Any]:
    actor.require(BULK_EDIT)
    origin = bulk_get(actor, bulk_id)
    if origin.state not in ENDED or origin.finished_at is None:
        raise BulkOver
    return origin, followable(origin, purpose)


@transaction.atomic
def _planned(change: BulkChange, actor: Actor, found: Any, wanted: Wanted) -> BulkChange:
    change.actor = actor.as_json()
    change.proposer_id, change.proposer_label = actor.id, actor.label[:160]
    if found.count() > MOST:
        raise BulkTooMany(most=number_text(MOST))
    change.save(force_insert=True)
    lines = _Lines(change, wanted)
    _stored(lines(obstacles.facts_of(found.order_by("created_at", "pk"))))
    change.accounts, change.changing = lines.accounts, lines.changing
    change.save(update_fields=["accounts", "changing"])
    return change


class _Lines:
    """The rows of a plan, counted as they are made."""

    def __init__(self, change: BulkChange, wanted: Wanted) -> None:
        self.accounts = self.changing = 0
        self._change, self._wanted, self._judge, self._busy = change, wanted, Judge(), obstacles.under_way()

    def __call__(self, found: Iterable[Facts]) -> Iterator[tuple[Any, ...]]:
        for facts in found:
            after, expected = self._wanted(facts)
            busy = f"trading.account:{facts.account_id}" in self._busy
            obstacle = against(self._change.what, self._judge, facts, after, expected=expected, busy=busy)
            self.accounts += 1
            self.changing += obstacle is None
            state = BulkRowState.WAITING if obstacle is None else BulkRowState.SKIPPED
            before = _value(self._change.what, facts)
            yield self._change.pk, facts.server_id, facts.account_id, before, after, state.value, obstacle or ""


def _stored(lines: Iterator[tuple[Any, ...]]) -> None:
    """By COPY, piece by piece: a hundred thousand rows are a matter of seconds, and are never held in memory at once.

    A piece is whole before it is copied: accounts are read on the same connection.
    """
    columns = "change_id, server_id, account_id, before, after, state, reason"
    while piece := list(islice(lines, PIECE)):
        with connection.cursor() as cursor, cursor.copy(f"COPY trading_bulk_row ({columns}) FROM STDIN") as copy:
            for line in piece:
                copy.write_row([str(value) for value in line])


def _value(what: str, facts: Facts) -> str:
    """What the account has now, as rows keep it."""
    return str(facts.leverage if what == BulkWhat.LEVERAGE else facts.type_id)


def against(
    what: str, judge: Judge, facts: Facts, after: str, *, expected: str | None = None, busy: bool = False
) -> Obstacle | None:
    """Why this account is left as it is; None for nothing. Preview and run ask here."""
    stands = judge.leverage(facts, int(after)) if what == BulkWhat.LEVERAGE else judge.account_type(facts, UUID(after))
    if stands == Obstacle.NOT_OPEN:
        return stands
    if busy:
        return Obstacle.CHANGING
    has = _value(what, facts)
    if has == after:
        return Obstacle.SAME
    return Obstacle.CHANGED_SINCE if expected is not None and has != expected else stands


def drop(*, actor: Actor, bulk_id: UUID) -> BulkChange:
    """Throw one's own plan away; one that waits for a second person is taken back. Raises BulkOver."""
    actor.require(BULK_EDIT)
    with transaction.atomic():
        change = _own_plan(actor, bulk_id)
        proposal = proposal_of(change.pk)
        if proposal is not None and proposal.state == ChangeState.WAITING:
            change_refuse(actor=actor, change_id=proposal.pk)
        _dropped(change)
    return change


def _dropped(change: BulkChange) -> None:
    change.rows.all()._raw_delete(change.rows.db)  # nothing refers to rows of a plan
    change.state, change.finished_at = BulkState.DROPPED, clock.now()
    _save(change)


def _own_plan(actor: Actor, bulk_id: UUID) -> BulkChange:
    change = _locked(bulk_id)
    if change.proposer_id != actor.id:
        raise NotFound
    if change.state != BulkState.PLANNED:
        raise BulkOver
    return change


def _locked(bulk_id: UUID) -> BulkChange:
    rows = BulkChange.objects.select_for_update(of=("self",)).select_related("account_type", "origin")
    found = rows.filter(pk=bulk_id).first()
    if found is None:
        raise NotFound
    return found


def _save(change: BulkChange) -> None:
    change.updated_at = clock.now()
    change.save()
    publish(change.topic)


# --- beginning


def start(*, actor: Actor, bulk_id: UUID, reason: str) -> ProposedChange | None:
    """Begin one's own plan, or propose it where it takes two; then the proposal is returned.

    Raises Invalid without a reason, BulkEmpty, BulkOver, ChangeWaits.
    """
    actor.require(BULK_EDIT)
    said = reason.strip()[:300]
    if not said:
        raise Invalid(pgettext_lazy("bulk change", "Say why."), field="reason")
    with transaction.atomic():
        locks.hold(f"trading.bulk:{actor.id}")  # two plans begun at once must not pass the limit together
        change = _own_plan(actor, bulk_id)
        if not change.changing:
            raise BulkEmpty
        if takes_two(change):
            return change_propose(
                actor=actor, kind=KIND, object_id=change.pk, title=str(change), values={"reason": said}, note=said
            )
        waiting = proposal_of(change.pk)
        if waiting is not None and waiting.state == ChangeState.WAITING:
            raise BulkOver
        _begin(change, actor, said)
    return None


def takes_two(change: BulkChange) -> bool:
    """Whether a second person has to agree: by the accounts it changes, with what the same person began alone lately."""
    lately = BulkChange.objects.filter(
        proposer_id=change.proposer_id, approver_label="", started_at__gte=clock.now() - DAY
    ).aggregate(sum=Sum("changing"))["sum"]
    return change.changing + (lately or 0) > alone_most()


def began(row: ProposedChange, keys: Mapping[str, str], actor: Actor) -> None:
    """What a proposal carries out (change_kinds)."""
    change = _locked(row.object_id)
    if change.state != BulkState.PLANNED:
        raise BulkOver
    if actor.id != change.proposer_id:
        change.approver_label = actor.label[:160]
    _begin(change, actor, row.values["reason"])


def _begin(change: BulkChange, actor: Actor, reason: str) -> None:
    change.state, change.started_at, change.reason = BulkState.RUNNING, clock.now(), reason
    _save(change)
    if change.origin and change.purpose == BulkPurpose.UNDO:
        audit.record(actor=actor, action="trading.bulk_undone", obj=change.origin, reason=reason)
    audit.record(
        actor=actor, action="trading.bulk_started", obj=change, reason=reason, before={},
        after={"what": change.what, "purpose": change.purpose, "aim": change.aim, "accounts": change.changing},
    )  # fmt: skip
    wake(change.pk)


def approve(*, actor: Actor, bulk_id: UUID, seen: str | None = None) -> ProposedChange:
    """The second pair of eyes. `seen`: the digest of the proposal that was shown. Raises ShownDiffers, SamePerson,
    WrongState, ChangeStale."""
    with transaction.atomic():
        _locked(bulk_id)  # before the proposal, as whoever drops the plan does
        row = _proposal(bulk_id)
        as_shown(seen, row)
        return change_approve(actor=actor, change_id=row.pk)


def refuse(*, actor: Actor, bulk_id: UUID, reason: str = "") -> ProposedChange:
    """Another's proposal, with the reason; one's own is taken back. It is a plan again then."""
    row = change_refuse(actor=actor, change_id=_proposal(bulk_id).pk, reason=reason)
    publish(BulkChange(pk=bulk_id).topic)
    return row


def _proposal(bulk_id: UUID) -> ProposedChange:
    row = proposal_of(bulk_id)
    if row is None:
        raise NotFound
    return row


# --- carrying it out


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


# --- ending


def stop(*, actor: Actor, bulk_id: UUID) -> BulkChange:
    """Send no more of it; what is on its way arrives. Raises BulkOver, NotFound."""
    if not actor.may(BULK_APPROVE):
        actor.require(BULK_EDIT)
    bulk_get(actor, bulk_id)
    with transaction.atomic():
        change = _locked(bulk_id)
        if change.state != BulkState.RUNNING:
            raise BulkOver
        change.state, change.stopper_label = BulkState.STOPPED, actor.label[:160]
        _save(change)
        left = change.rows.filter(state=BulkRowState.WAITING).update(
            state=BulkRowState.SKIPPED, reason=Obstacle.STOPPED, finished_at=clock.now()
        )
        audit.record(actor=actor, action="trading.bulk_stopped", obj=change, after={"accounts": left})
        _end(change)
    return change


def _finish(bulk_id: UUID) -> None:
    with transaction.atomic():
        change = _locked(bulk_id)
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
    _save(change)
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
    change, proposal = _locked(bulk_id), proposal_of(bulk_id)
    if change.state == BulkState.PLANNED and (proposal is None or proposal.state != ChangeState.WAITING):
        _dropped(change)
