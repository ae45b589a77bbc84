"""From a deposit that has arrived on a trading account to a bonus: offered or given at once, accepted or declined.

A bonus follows the money to the account (`trading.balance_applied`), not the deposit into the wallet: no credit stands
anywhere before the client's own money does.
"""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from django.db import transaction
from django.utils.translation import pgettext_lazy

from kernel import audit, clock
from kernel.actors import Actor, named, system
from kernel.errors import NotFound
from kernel.events import publish
from kernel.ids import short_id
from kernel.money import Money
from tenant_apps.clients.models import Client
from tenant_apps.payments.models import Deposit
from tenant_apps.trading.models import AccountState, Direction, TradingAccount, Transfer, TransferState

from .. import events
from ..errors import BonusForbidden, MostReached, NotSeenYet, OwnMoneyLost, WrongState
from ..models import CreditMove, Ending, Grant, GrantState, MovePurpose, Waiting
from .moves import account_lock, client_lock, end, held, line, move_issue, save
from .offers import left_for, offer_for
from .own import kept, own_money, seen, stands
from .packs import pack_of

BONUSES = system(named("bonuses", pgettext_lazy("system actor", "Bonuses")))


def grant_make(*, transfer: Transfer, deposit_id: UUID, actor: Actor = BONUSES) -> Grant | None:
    """The bonus of a deposit, once, if it brings one; where the server's last word is older than the money, it waits for
    the next one (`waiting`). In the handler's transaction.

    Locks deposit, client, account in this order: a reversal of the deposit either is seen here or sees what is made
    here, and two deposits at once cannot both use what is left under the client's cap.
    """
    deposit = Deposit.objects.select_for_update(of=("self",)).filter(pk=deposit_id).first()
    if deposit is None or not kept(deposit.pk) or deposit.client_id != transfer.client_id:
        return None
    client = client_lock(deposit.client_id)
    account = account_lock(transfer.account_id)
    if Grant.objects.filter(deposit=deposit).exists() or _left_since(account, transfer):
        return None
    if own_money(account) < transfer.amount_minor:  # what has arrived went into a debt or an open loss
        return None
    found = offer_for(
        client=client, account=account, amount=transfer.amount, first=deposit.first,
        at=deposit.credited_at or deposit.created_at,
    )  # fmt: skip
    if found is None:
        return None
    if not seen(account):
        Waiting.objects.get_or_create(transfer=transfer, defaults={"deposit": deposit})
        return None
    grant = Grant.objects.create(
        client=client, version=found.version, account=account, deposit=deposit, reference=f"B{short_id(8).upper()}",
        amount_minor=found.amount.minor, currency=found.amount.currency,
        lots_per_unit=found.version.lots_per_unit(found.amount.currency), pack=f"{found.pack.key} {found.pack.version}",
    )  # fmt: skip
    audit.record(
        actor=actor, action="bonuses.made", obj=grant, subject=client.pk,
        after={"amount": str(grant.amount), "bonus": found.version.scheme.code, "pack": grant.pack},
    )  # fmt: skip
    if found.version.opt_in:
        offer(grant, actor)
    else:
        _give(grant, actor)
    return grant


def _left_since(account: TradingAccount, transfer: Transfer) -> bool:
    """Whether money was taken out again before the bonus was made: credit would then stand behind none of it."""
    out = Transfer.objects.filter(account=account, direction=Direction.TO_WALLET, created_at__gte=transfer.created_at)
    return out.exclude(state=TransferState.FAILED).exists()


def offer(grant: Grant, actor: Actor) -> None:
    """To be accepted within the terms' days from now on."""
    grant.offered_until = clock.now() + timedelta(days=grant.version.offer_days)
    save(grant)
    fact = events.BonusOffered(
        grant_id=grant.pk, client_id=grant.client_id, amount=grant.amount, until=grant.offered_until.isoformat()
    )
    publish(fact, aggregate=grant.aggregate, actor=actor)
    line(grant, "bonuses.offered", actor, amount=grant.amount, once=f"{grant.pk}:{grant.offered_until.isoformat()}")


def _give(grant: Grant, actor: Actor) -> None:
    """Given once; of a deposit that came back it is given back."""
    again = CreditMove.objects.filter(grant=grant, purpose=MovePurpose.GRANT).exists()
    grant.state = GrantState.GRANTING
    purpose = MovePurpose.RESTORE if again else MovePurpose.GRANT
    move_issue(grant, purpose, grant.amount_minor, actor=actor)
    save(grant)


def grant_accept(*, actor: Actor, grant_id: UUID) -> Grant:
    """The client takes the offer. Raises NotFound for another's, WrongState, BonusForbidden, OwnMoneyLost, MostReached, and
    NotSeenYet while the server's last word is older than what the ledger knows."""
    with transaction.atomic():
        grant = _own(actor, grant_id)
        if grant.state == GrantState.OFFERED and not stands(grant):
            end(grant, Ending.LOW_EQUITY, actor)
            save(grant)
        else:
            _accept(grant, actor)
    if grant.ending == Ending.LOW_EQUITY:  # the offer has ended whatever we say now
        raise OwnMoneyLost
    return grant


def _accept(grant: Grant, actor: Actor) -> None:
    if grant.state != GrantState.OFFERED or grant.offered_until is None or grant.offered_until <= clock.now():
        raise WrongState
    pack = pack_of(grant.client)
    if pack is None or not pack.allows_bonuses:
        raise BonusForbidden
    if grant.account.state != AccountState.OPEN:
        raise WrongState
    if left_for(grant, offers=False) < grant.amount:
        raise MostReached
    if not seen(grant.account):
        raise NotSeenYet
    grant.pack = f"{pack.key} {pack.version}"
    audit.record(actor=actor, action="bonuses.accepted", obj=grant, subject=grant.client_id,
                 after={"amount": str(grant.amount), "terms": grant.version.number})  # fmt: skip
    _give(grant, actor)


def grant_decline(*, actor: Actor, grant_id: UUID) -> Grant:
    """The client does not want it. Raises NotFound for another's, WrongState."""
    with transaction.atomic():
        grant = _own(actor, grant_id)
        if grant.state != GrantState.OFFERED:
            raise WrongState
        end(grant, Ending.DECLINED, actor)
        save(grant)
    return grant


def _own(actor: Actor, grant_id: UUID) -> Grant:
    if not actor.client_id or not Grant.objects.filter(pk=grant_id, client_id=actor.client_id).exists():
        raise NotFound
    client_lock(actor.client_id)
    return held(grant_id)


def preview(*, client: Client, account: TradingAccount, amount: Money, first: bool) -> Money | None:
    """What a deposit of `amount` would bring now; a promise only once the money is there."""
    found = offer_for(client=client, account=account, amount=amount, first=first, at=clock.now())
    return found.amount if found else None
