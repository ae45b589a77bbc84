"""One setting of many accounts changed at once: planned, and begun.

A plan is made first: each account the actor may change, with what it has, what it gets, or why it is left as it is. That
is the preview. Once begun it is carried out by `bulk_running`. Above `alone_most` accounts, those begun within the last day
included, a second person agrees (change_kinds).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Sum
from django.utils.translation import pgettext_lazy

from kernel import audit, clock, locks
from kernel.actors import Actor
from kernel.errors import Invalid, NotFound
from kernel.live.publish import publish
from kernel.tenancy import context
from kernel.ui.formatting import number_text
from tenant_apps.clients.eyes import as_shown
from tenant_apps.trading import obstacles
from tenant_apps.trading.account_filter import AccountFilter
from tenant_apps.trading.bulk_selectors import KIND, bulk_get, proposal_of
from tenant_apps.trading.errors import BulkEmpty, BulkOver, BulkTooMany
from tenant_apps.trading.models import AccountType, BulkChange, BulkPurpose, BulkRowState, BulkState, BulkWhat, Obstacle
from tenant_apps.trading.obstacles import Facts, Judge
from tenant_apps.trading.permissions_list import BULK_EDIT
from tenant_apps.trading.selectors import accounts_visible
from tenant_apps.wallets.models import ChangeState, ProposedChange
from tenant_apps.wallets.services.changes import change_approve, change_propose, change_refuse

from . import bulk_running
from .bulk_rows import DAY, against, dropped, locked, save, value_of

MOST = 100_000
ALONE = 100  # accounts that one person changes within a day; a brokerage may set its own number
PIECE = 5_000  # rows of a plan written at once
ENDED = (BulkState.DONE, BulkState.STOPPED)
# What may have passed by the time somebody tries again.
PASSING = (
    Obstacle.MONEY_MOVES, Obstacle.TRADES, Obstacle.CHANGING, Obstacle.CHANGED_SINCE, Obstacle.STOPPED,
)  # fmt: skip

# What the account gets, and what it has to have now, if that matters.
Wanted = Callable[[Facts], tuple[str, str | None]]


def alone_most() -> int:
    """How many accounts one person may change within a day."""
    return int(context.tenant().setting("trading_bulk_alone", ALONE))


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
            before = value_of(self._change.what, facts)
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


def drop(*, actor: Actor, bulk_id: UUID) -> BulkChange:
    """Throw one's own plan away; one that waits for a second person is taken back. Raises BulkOver."""
    actor.require(BULK_EDIT)
    with transaction.atomic():
        change = _own_plan(actor, bulk_id)
        proposal = proposal_of(change.pk)
        if proposal is not None and proposal.state == ChangeState.WAITING:
            change_refuse(actor=actor, change_id=proposal.pk)
        dropped(change)
    return change


def _own_plan(actor: Actor, bulk_id: UUID) -> BulkChange:
    change = locked(bulk_id)
    if change.proposer_id != actor.id:
        raise NotFound
    if change.state != BulkState.PLANNED:
        raise BulkOver
    return change


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
    change = locked(row.object_id)
    if change.state != BulkState.PLANNED:
        raise BulkOver
    if actor.id != change.proposer_id:
        change.approver_label = actor.label[:160]
    _begin(change, actor, row.values["reason"])


def _begin(change: BulkChange, actor: Actor, reason: str) -> None:
    change.state, change.started_at, change.reason = BulkState.RUNNING, clock.now(), reason
    save(change)
    if change.origin and change.purpose == BulkPurpose.UNDO:
        audit.record(actor=actor, action="trading.bulk_undone", obj=change.origin, reason=reason)
    audit.record(
        actor=actor, action="trading.bulk_started", obj=change, reason=reason, before={},
        after={"what": change.what, "purpose": change.purpose, "aim": change.aim, "accounts": change.changing},
    )  # fmt: skip
    bulk_running.wake(change.pk)


def approve(*, actor: Actor, bulk_id: UUID, seen: str | None = None) -> ProposedChange:
    """The second pair of eyes. `seen`: the digest of the proposal that was shown. Raises ShownDiffers, SamePerson,
    WrongState, ChangeStale."""
    with transaction.atomic():
        locked(bulk_id)  # before the proposal, as whoever drops the plan does
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
