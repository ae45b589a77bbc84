"""Bonuses that wait until the server has told of the account after the deposit's money arrived.

The sweep judges each again, oldest look first; a deposit is judged once the word is there, whatever comes of it. Killed
in between, the row is still there and is judged again.
"""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from django.db import transaction

from kernel import clock
from kernel.actors import Actor
from kernel.events import publish

from .. import events
from ..models import Waiting
from . import own
from .deciding import tell_approvers
from .grants import BONUSES, grant_make

MOST = 500
LONGEST = timedelta(days=1)


def judge_waiting() -> int:
    """One round; how many were judged."""
    rows = list(Waiting.objects.order_by("updated_at").values_list("pk", flat=True)[:MOST])
    return sum(_judge(pk, BONUSES) for pk in rows)


def _judge(pk: UUID, actor: Actor) -> bool:
    with transaction.atomic():
        row = Waiting.objects.select_related("transfer__account").select_for_update(of=("self",)).filter(pk=pk).first()
        if row is None:
            return False
        if not own.seen(row.transfer.account):
            _wait_on(row, actor)
            return False
        row.delete()
        # What was seen may be out of date by now under the locks: then it waits again, with a row of its own.
        grant_make(transfer=row.transfer, deposit_id=row.deposit_id, actor=actor)
    return True


def _wait_on(row: Waiting, actor: Actor) -> None:
    """Ask again later; after a day a person is told, once, and the bonus is given up: server and ledger differ for good."""
    if row.created_at > clock.now() - LONGEST:
        Waiting.objects.filter(pk=row.pk).update(updated_at=clock.now())
        return
    row.delete()
    account = row.transfer.account
    fact = events.BonusNeedsAttention(client_id=row.transfer.client_id, account_id=account.pk, problem="never_seen")
    publish(fact, aggregate=account.aggregate, actor=actor)
    tell_approvers("attention", str(account.login or ""), link=f"/clients/{row.transfer.client_id}/")
