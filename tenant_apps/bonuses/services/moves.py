"""Credit on its way to or from the trading server, and what a grant becomes when it has got there or was refused.

Lock order everywhere: the client where something is promised, the trading account, then its grants. A grant's state after
a move follows from the sum of its moves alone, so that it does not matter in which order, how often or by which process
the outcomes are told.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from uuid import UUID

from django.db.models import Sum

from kernel import audit, clock, commands
from kernel.actors import Actor
from kernel.errors import NotFound
from kernel.events import publish
from kernel.live.publish import publish as tell
from tenant_apps.clients.models import Client
from tenant_apps.clients.timeline import timeline_add
from tenant_apps.trading.models import TradingAccount

from .. import events
from ..models import CreditMove, Ending, Grant, GrantState, MovePurpose, MoveState
from .deciding import tell_approvers

KIND = "bonuses.credit"
TOPIC = "money"
FINAL = {
    Ending.TIME: GrantState.EXPIRED,
    Ending.BY_HAND: GrantState.CANCELLED,
    Ending.DECLINED: GrantState.CANCELLED,
    Ending.REFUSED: GrantState.CANCELLED,
}


def account_lock(account_id: UUID) -> TradingAccount:
    """The account until the transaction ends: transfers, burns and releases of one account wait for each other."""
    return TradingAccount.objects.select_for_update(no_key=True).get(pk=account_id)


def client_lock(client_id: UUID) -> Client:
    """The client until the transaction ends, for whoever promises: two at once cannot both use what the most per client
    leaves. Before the account's lock."""
    return Client.objects.select_for_update(no_key=True).get(pk=client_id)


def held(grant_id: UUID) -> Grant:
    """A grant under its account's lock and its own. Raises NotFound."""
    account_id = Grant.objects.filter(pk=grant_id).values_list("account_id", flat=True).first()
    if account_id is None:
        raise NotFound
    account_lock(account_id)
    rows = Grant.objects.select_for_update(of=("self",)).select_related("account", "version__scheme", "client")
    return rows.get(pk=grant_id)


def move_issue(
    grant: Grant,
    purpose: MovePurpose,
    minor: int,
    *,
    actor: Actor,
    reason: str = "",
    check_margin: bool = False,
    before_transfer: UUID | None = None,
    after: Iterable[UUID] = (),
) -> CreditMove:
    """Promise a movement of credit. `minor` is signed; `after` are commands to be finished with before it is sent.

    The caller holds the grant and saves its state; `credit_minor` is set here.
    """
    row = CreditMove.objects.create(
        grant=grant, account_id=grant.account_id, purpose=purpose, amount_minor=minor, currency=grant.currency,
        before_transfer=before_transfer,
    )  # fmt: skip
    commands.issue(
        KIND,
        aggregate=grant.account.aggregate,
        payload={
            "account_id": grant.account_id, "move_id": row.pk, "amount": row.amount, "check_margin": check_margin,
            "after": list(after),
        },
        actor=actor, reason=reason, before={"credit": grant.credit}, command_id=row.command_id,
    )  # fmt: skip
    grant.credit_minor = _sum(grant)
    return row


def _sum(grant: Grant) -> int:
    """What stands at the server once everything under way is done (invariant B1). Not below nothing: giving may have been
    refused while taking back, which will be refused with it, is still on its way."""
    rows = CreditMove.objects.filter(grant=grant).exclude(state=MoveState.FAILED)
    return max(0, rows.aggregate(sum=Sum("amount_minor"))["sum"] or 0)


def there(grant_id: UUID) -> int:
    """Minor units of credit that the server has of a grant, by the moves carried out."""
    rows = CreditMove.objects.filter(grant_id=grant_id, state=MoveState.DONE)
    return rows.aggregate(sum=Sum("amount_minor"))["sum"] or 0


def move_done(move: CreditMove, *, deal: int, actor: Actor) -> None:
    """The server carried it out. In the transaction that marks the command."""
    grant = held(move.grant_id)
    if not _finish(move, MoveState.DONE, deal=deal):
        return
    if move.purpose == MovePurpose.BURN:
        burnt = events.BonusBurnt(
            grant_id=grant.pk, client_id=grant.client_id, account_id=grant.account_id, amount=-move.amount,
            reason=_why(grant, move),
        )  # fmt: skip
        publish(burnt, aggregate=grant.aggregate, actor=actor)
        line(grant, "bonuses.burnt", actor, amount=-move.amount, reason=_why(grant, move), once=str(move.pk))
    settle(grant, actor, last=move)


def _why(grant: Grant, move: CreditMove) -> str:
    return str(Ending.WITHDRAWAL) if move.before_transfer else str(grant.ending)


def move_failed(move: CreditMove, *, problem: str, actor: Actor) -> None:
    """The server refused. In the transaction that marks the command."""
    grant = held(move.grant_id)
    if _finish(move, MoveState.FAILED, problem=problem):
        settle(grant, actor, last=move)


def _finish(move: CreditMove, state: MoveState, *, deal: int | None = None, problem: str = "") -> bool:
    values = {
        "state": state,
        "deal": deal,
        "problem": problem[:60],
        "finished_at": clock.now(),
        "updated_at": clock.now(),
    }
    changed = CreditMove.objects.filter(pk=move.pk, state=MoveState.PENDING).update(**values)
    move.state = state
    return bool(changed)


def settle(grant: Grant, actor: Actor, *, last: CreditMove) -> None:
    """What the grant is now. While moves are under way only its credit follows."""
    grant.credit_minor = _sum(grant)
    if not CreditMove.objects.filter(grant=grant, state=MoveState.PENDING).exists():
        {
            GrantState.GRANTING: _granted,
            GrantState.BURNING: _burnt,
            GrantState.RELEASING: _released,
        }.get(GrantState(grant.state), _nothing)(grant, actor, last)
    save(grant)


def _nothing(grant: Grant, actor: Actor, last: CreditMove) -> None:
    pass


def _granted(grant: Grant, actor: Actor, last: CreditMove) -> None:
    if not grant.credit_minor:
        end(grant, Ending.REFUSED, actor)
        return
    grant.state = GrantState.ACTIVE
    if grant.active_at is not None:  # given back after a refused transfer; its time runs on
        return
    grant.active_at = clock.now()
    grant.expires_at = grant.active_at + timedelta(days=grant.version.days)
    given = events.BonusGranted(
        grant_id=grant.pk, client_id=grant.client_id, account_id=grant.account_id, amount=grant.amount
    )
    publish(given, aggregate=grant.aggregate, actor=actor)
    line(grant, "bonuses.granted", actor, amount=grant.amount, once=f"{grant.pk}:{grant.active_at.isoformat()}")


def _burnt(grant: Grant, actor: Actor, last: CreditMove) -> None:
    if not grant.credit_minor:
        end(grant, Ending(grant.ending), actor)
    elif grant.ending == Ending.WITHDRAWAL:
        grant.state, grant.ending = GrantState.ACTIVE, Ending.NONE  # the transfer is refused with it
    elif last.before_transfer or last.state == MoveState.DONE:
        # An earlier one was refused for a transfer; all of it has to go for another reason all the same.
        move_issue(grant, MovePurpose.BURN, -grant.credit_minor, actor=actor)
    else:
        worry(grant, "credit_stuck", actor)


def _released(grant: Grant, actor: Actor, last: CreditMove) -> None:
    if grant.credit_minor:
        worry(grant, "credit_stuck", actor)
    else:
        end(grant, Ending.TRADED, actor)


def end(grant: Grant, ending: Ending, actor: Actor) -> None:
    """The last state, by its reason. The caller saves."""
    released = grant.state == GrantState.RELEASING
    grant.ending = ending
    grant.state = GrantState.RELEASED if released else FINAL.get(ending, GrantState.BURNT)
    grant.ended_at, grant.attention = clock.now(), grant.attention if grant.attention != "credit_stuck" else ""
    audit.record(
        actor=actor, action="bonuses.ended", obj=grant, subject=grant.client_id,
        after={"state": str(grant.state), "ending": str(ending), "amount": str(grant.amount), "paid": str(grant.paid)},
    )  # fmt: skip
    if grant.active_at is None and not CreditMove.objects.filter(grant=grant, state=MoveState.DONE).exists():
        fact = events.BonusEnded(
            grant_id=grant.pk, client_id=grant.client_id, account_id=grant.account_id, amount=grant.amount,
            reason=str(ending),
        )  # fmt: skip
        publish(fact, aggregate=grant.aggregate, actor=actor)
    if ending == Ending.REVERSAL:  # the deposit may be back by now: judged apart, which locks deposit and client first
        reversed_ = events.BonusEndedByReversal(grant_id=grant.pk, deposit_id=grant.deposit_id)
        publish(reversed_, aggregate=grant.aggregate, actor=actor)
    if grant.state in (GrantState.EXPIRED, GrantState.CANCELLED):
        line(grant, "bonuses.ended", actor, amount=grant.amount, reason=str(ending))


def worry(grant: Grant, problem: str, actor: Actor) -> None:
    """Something that a person must look at. The caller saves. Credit that is stuck is seen by the moves and tried again:
    it takes no other worry's place."""
    if grant.attention == problem:
        return
    if problem != "credit_stuck" or not grant.attention:
        grant.attention = problem
    fact = events.BonusNeedsAttention(client_id=grant.client_id, account_id=grant.account_id, problem=problem)
    publish(fact, aggregate=grant.aggregate, actor=actor)
    tell_approvers("attention", grant.reference, link=f"/bonuses/grants/{grant.pk}/")


def save(grant: Grant) -> None:
    grant.updated_at = clock.now()
    grant.save()
    tell(TOPIC, {"bonus": str(grant.state)})
    tell(f"client:{grant.client_id}", {"bonus": str(grant.pk)})


def line(grant: Grant, kind: str, actor: Actor, *, once: str = "", **data: object) -> None:
    """A line on the client's timeline, once."""
    timeline_add(
        client_id=grant.client_id, kind=kind, actor=actor,
        data={"reference": grant.reference, "login": str(grant.account.login or ""), **data},
        dedupe_key=f"{kind}:{once or grant.pk}"[:120],
    )  # fmt: skip
