"""What every proposal here has in common: who made it, who decides, who hears that it waits."""

from __future__ import annotations

from typing import TypedDict, TypeVar
from uuid import UUID

from django.utils.translation import pgettext

from kernel import clock
from kernel.actors import Actor
from kernel.errors import Forbidden, NotFound
from tenant_apps.accounts.telling import staff_told
from tenant_apps.wallets.models import Decided, Decision

from ..errors import WrongState
from ..permissions_list import APPROVE

D = TypeVar("D", bound=Decided)


class Proposer(TypedDict):
    proposer_id: str
    proposer_label: str


def proposer(actor: Actor) -> Proposer:
    """The columns of who proposes. Raises Forbidden for others than staff."""
    if actor.kind != "staff":
        raise Forbidden
    return {"proposer_id": actor.id, "proposer_label": actor.label[:160]}


def proposed(model: type[D], row_id: UUID) -> D:
    """A row that waits, locked. Raises NotFound, WrongState."""
    row = model._default_manager.select_for_update(of=("self",)).filter(pk=row_id).first()
    if row is None:
        raise NotFound
    if row.state != Decision.PROPOSED:
        raise WrongState
    return row


def decide(row: Decided, actor: Actor, to: Decision) -> None:
    row.state, row.decider_id, row.decider_label = to, actor.id, actor.label[:160]
    row.decided_at = row.updated_at = clock.now()
    row.save()


def tell_approvers(what: str, label: str, *, link: str, besides: str = "") -> None:
    """A line under the bell of everybody who may decide, once: in the transaction that made it wait."""

    def words() -> tuple[str, str]:
        titles = {
            "pack": pgettext("notification", "A choice of rules for bonuses waits for your approval"),
            "scheme": pgettext("notification", "A bonus waits for your approval"),
            "cancel": pgettext("notification", "Cancelling a client’s bonus waits for your approval"),
            "attention": pgettext("notification", "A client’s bonus needs a look"),
        }
        return titles[what], f"\u2068{label}\u2069"

    staff_told(lambda reader: reader.may(APPROVE), kind=f"bonuses.{what}", words=words, link=link, besides=[besides])
