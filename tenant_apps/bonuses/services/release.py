"""A bonus becomes the client's own money when enough was traded: once, out of the house's bonus account.

The money goes bonus → wallet → trading account and is sent before the credit is taken off: the other way round the
account's margin would be short in between, and a position stopped out for our bookkeeping. Should the server refuse the
money, it stays in the wallet; the client has it either way.
"""

from __future__ import annotations

from collections.abc import Collection
from decimal import Decimal
from uuid import UUID

from django.db import transaction

from kernel import audit
from kernel.actors import Actor
from kernel.events import publish
from kernel.logs import log
from kernel.money import Money
from tenant_apps.ledger.errors import AccountFrozen, InsufficientFunds
from tenant_apps.ledger.models import Account
from tenant_apps.ledger.services import HOUSE, Leg, account_ensure, post
from tenant_apps.trading import ledgers
from tenant_apps.trading.errors import AccountNotReady
from tenant_apps.trading.services.transfers import transfer_to_account

from .. import events
from ..models import Ending, Grant, GrantState, MovePurpose
from . import own
from .burning import _under_way, burn
from .grants import BONUSES
from .moves import held, line, move_issue, save
from .traded import progress

RELEASE = "bonuses.released"


def bonus_account(currency: str) -> Account:
    """What bonuses have cost us, as the negative of this account's balance."""
    return account_ensure(owner=HOUSE, kind="bonus", currency=currency)


def release_due(*, account_ids: Collection[UUID], actor: Actor = BONUSES) -> int:
    """Release what is due on these accounts; how many."""
    active = Grant.objects.filter(account_id__in=account_ids, state=GrantState.ACTIVE).select_related("version")
    rows = list(active.order_by("active_at", "pk"))
    done = progress(rows)
    return sum(grant_release(grant_id=row.pk, actor=actor) for row in rows if done[row.pk] >= row.lots_needed)


def grant_release(*, grant_id: UUID, actor: Actor = BONUSES) -> bool:
    """Pay a bonus out if enough was traded, or take it back if the own money is gone; whether it was paid out.

    A frozen wallet is no reason to lose it, nor are numbers of the server that are older than the ledger's: asked again
    later.
    """
    try:
        with transaction.atomic():
            return _release(grant_id, actor)
    except AccountFrozen:
        log.info("bonus_waits_for_wallet", grant=str(grant_id))
        return False


def _release(grant_id: UUID, actor: Actor) -> bool:
    grant = held(grant_id)
    done = progress([grant])[grant.pk]
    if grant.state != GrantState.ACTIVE or _under_way(grant) or not grant.credit_minor or done < grant.lots_needed:
        return False
    if (ending := _forfeit(grant)) is not None:
        burn(grant, grant.credit_minor, ending, actor)
        return False
    if not own.seen(grant.account):
        return False
    amount = grant.credit
    grant.lots_used, grant.state, grant.paid_minor = done, GrantState.RELEASING, amount.minor
    _pay(grant, amount, actor)
    first = _to_account(grant, amount, actor)
    move_issue(grant, MovePurpose.RELEASE, -amount.minor, actor=actor, after=[first] if first else [])
    save(grant)
    fact = events.BonusReleased(
        grant_id=grant.pk, client_id=grant.client_id, account_id=grant.account_id, amount=amount
    )
    publish(fact, aggregate=grant.aggregate, actor=actor)
    line(grant, RELEASE, actor, amount=amount)
    audit.record(actor=actor, action=RELEASE, obj=grant, subject=grant.client_id,
                 after={"amount": str(amount), "lots": str(done.normalize())})  # fmt: skip
    return True


def earned(grant: Grant, done: Decimal) -> bool:
    """Whether enough was traded, with so many lots done, for a standing bonus and nothing speaks against paying it: only a
    server that lags, moves under way or a frozen wallet keep it waiting, and neither its time nor its account takes it.
    What ends it asks again under the account's lock."""
    if grant.state != GrantState.ACTIVE or done < grant.lots_needed:
        return False
    return _forfeit(grant) is None


def _forfeit(grant: Grant) -> Ending | None:
    """Why a bonus that was traded for is lost all the same: nobody is paid for having lost on the broker's credit, nor
    for a deposit that went back."""
    if not own.kept(grant.deposit_id):
        return Ending.REVERSAL
    return Ending.LOW_EQUITY if own.lost(grant) else None


def _pay(grant: Grant, amount: Money, actor: Actor) -> None:
    """The key makes it once (invariant B2)."""
    post(
        kind=RELEASE,
        legs=[Leg(bonus_account(amount.currency), -amount), Leg(ledgers.wallet(grant.account), amount)],
        key=f"bonuses.grant:{grant.pk}:released", actor=actor,
        data={"reference": grant.reference, "grant_id": str(grant.pk)},
    )  # fmt: skip


def _to_account(grant: Grant, amount: Money, actor: Actor) -> UUID | None:
    """On to the account; None where it cannot take money: then it stays in the wallet."""
    try:
        with transaction.atomic():
            key = f"bonus:{grant.pk}"
            return transfer_to_account(actor=actor, account=grant.account, amount=amount, key=key).command_id
    except (AccountNotReady, InsufficientFunds):
        return None
