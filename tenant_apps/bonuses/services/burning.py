"""Taking a bonus back: before money leaves the account, when the client's own money is lost, when its deposit is.

Invariant: at no instant does the client trade on the broker's credit with his own money gone. Where money leaves, the
credit goes first and the transfer is sent only when the server has confirmed that; refused together, neither happened.
"""

from __future__ import annotations

from datetime import datetime
from decimal import ROUND_UP, Decimal
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils.translation import pgettext

from kernel.actors import Actor
from kernel.money import Money
from kernel.ui.formatting import money_isolated
from tenant_apps.trading.models import TradingAccount, Transfer

from ..models import ALIVE, Burn, CreditMove, Ending, Grant, GrantState, MovePurpose, MoveState
from .moves import end, held, move_issue, save, worry
from .own import own_money

STANDING = (GrantState.GRANTING, GrantState.ACTIVE)
GOING = (GrantState.BURNING, GrantState.RELEASING)


def to_burn(grant: Grant, leaving: int, own: int) -> int:
    """Minor units of credit that go when `leaving` of `own` is taken out; rounded against the client, at most all."""
    if grant.version.burn == Burn.ALL or own <= 0 or leaving >= own:
        return grant.credit_minor
    share = Decimal(grant.credit_minor) * leaving / own
    return min(grant.credit_minor, int(share.to_integral_value(rounding=ROUND_UP)))


def before_leaving(transfer: Transfer, actor: Actor) -> list[UUID]:
    """Burn what the transfer costs; the commands that must succeed before it is sent. Under the account's lock."""
    account = transfer.account
    rows = Grant.objects.select_for_update(of=("self",)).select_related("account", "version__scheme", "client")
    alive = list(rows.filter(account=account, state__in=[*ALIVE, GrantState.OFFERED]).order_by("pk"))
    if not alive:
        return []
    own = own_money(account)
    for grant in alive:
        if grant.state == GrantState.OFFERED:
            end(grant, Ending.WITHDRAWAL, actor)
            save(grant)
        elif grant.state in STANDING:
            burn(grant, to_burn(grant, transfer.amount_minor, own), Ending.WITHDRAWAL, actor, transfer=transfer)
        elif grant.credit_minor and not _under_way(grant):
            _again(grant, actor)
    going = CreditMove.objects.filter(account=account, state=MoveState.PENDING, amount_minor__lt=0)
    return list(going.order_by("created_at").values_list("command_id", flat=True))


def consequences(account: TradingAccount, amount: Money) -> list[str]:
    """What a transfer of `amount` out of the account takes away, in words, said before it is asked for."""
    own = own_money(account)
    alive = Grant.objects.filter(account=account, state__in=STANDING).select_related("version__scheme").order_by("pk")
    told = []
    for grant in alive:
        values = {
            "amount": money_isolated(Money(to_burn(grant, amount.minor, own), grant.currency)),
            "credit": money_isolated(grant.credit), "name": f"\u2068{grant.version.name}\u2069",
        }  # fmt: skip
        told.append(pgettext("bonus", "This takes away %(amount)s of your bonus of %(credit)s (%(name)s).") % values)
    for grant in Grant.objects.filter(account=account, state=GrantState.OFFERED).order_by("pk"):
        values = {"amount": money_isolated(grant.amount)}
        told.append(pgettext("bonus", "The bonus of %(amount)s that is offered to you lapses with it.") % values)
    return told


def burn(grant: Grant, minor: int, ending: Ending, actor: Actor, *, transfer: Transfer | None = None) -> None:
    """Take back `minor` units of a standing grant, all of it for good unless the server refuses a transfer's burn."""
    if minor <= 0:
        return
    pending = list(_moves_under_way(grant))
    if minor >= grant.credit_minor:
        grant.state, grant.ending = GrantState.BURNING, ending
    move_issue(
        grant, MovePurpose.BURN, -min(minor, grant.credit_minor), actor=actor, check_margin=transfer is not None,
        before_transfer=transfer.pk if transfer else None, after=pending,
    )  # fmt: skip
    save(grant)


def _moves_under_way(grant: Grant) -> list[UUID]:
    rows = CreditMove.objects.filter(grant=grant, state=MoveState.PENDING)
    return list(rows.order_by("created_at").values_list("command_id", flat=True))


def _under_way(grant: Grant) -> bool:
    return bool(_moves_under_way(grant))


def _again(grant: Grant, actor: Actor) -> None:
    """Credit whose taking back was refused for good: asked for once more."""
    purpose = MovePurpose.RELEASE if grant.state == GrantState.RELEASING else MovePurpose.BURN
    move_issue(grant, purpose, -grant.credit_minor, actor=actor)
    save(grant)


def credit_again(*, actor: Actor, grant_id: UUID) -> Grant:
    """Try once more to take back credit that the server would not give; whoever may propose may."""
    from ..permissions_list import PROPOSE

    with transaction.atomic():
        grant = held(grant_id)
        actor.require(PROPOSE, grant.client)
        if stuck(grant):
            _again(grant, actor)
    return grant


def stuck(grant: Grant) -> bool:
    """Whether the server would not give credit back that has to go, and has not been asked since."""
    return grant.state in GOING and bool(grant.credit_minor) and not _under_way(grant)


def stuck_since(moment: datetime) -> QuerySet[Grant]:
    """Bonuses that are stuck and whose last answer is older than `moment`."""
    moves = CreditMove.objects.filter(grant=OuterRef("pk"))
    recent = moves.filter(Q(state=MoveState.PENDING) | Q(finished_at__gt=moment))
    return Grant.objects.filter(~Exists(recent), state__in=GOING, credit_minor__gt=0)


def ask_again(*, grant_id: UUID, actor: Actor) -> None:
    """As `credit_again`, of our own accord."""
    with transaction.atomic():
        grant = held(grant_id)
        if stuck(grant):
            _again(grant, actor)


def grant_end(*, grant_id: UUID, ending: Ending, actor: Actor) -> None:
    """End a bonus wherever it stands. Repeating it changes nothing."""
    with transaction.atomic():
        grant = held(grant_id)
        if grant.state == GrantState.OFFERED:
            end(grant, ending, actor)
            save(grant)
        elif grant.state in STANDING:
            burn(grant, grant.credit_minor, ending, actor)
        elif ending == Ending.REVERSAL:
            _reversed_late(grant, actor)


def _reversed_late(grant: Grant, actor: Actor) -> None:
    """The deposit went back after its bonus had begun to end: nothing of it may come back, and what was paid is told. An
    offer that lapsed with money taken out was lost by that, and is not won again with a dispute."""
    if grant.state in (GrantState.RELEASING, GrantState.RELEASED):
        worry(grant, "reversed_after_release", actor)
    elif grant.ending == Ending.WITHDRAWAL and not lapsed(grant):
        grant.ending = Ending.REVERSAL
    save(grant)


def lapsed(grant: Grant) -> bool:
    """Whether what a transfer out ended was an offer: credit that goes with one has the burn for it as its last move, an
    offer has no moves, or those of before it was offered again."""
    last = CreditMove.objects.filter(grant=grant).order_by("-created_at", "-pk").first()
    return last is None or last.before_transfer is None
