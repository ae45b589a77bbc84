"""Four eyes on the house's books: the second pair belongs to another human than the first."""

from __future__ import annotations

from kernel.actors import Actor
from tenant_apps.accounts import humans
from tenant_apps.clients.models import Client
from tenant_apps.payments.errors import SamePerson
from tenant_apps.payments.services.eyes import others_required


def second_required(actor: Actor, first_id: str, *, client: Client | None = None) -> frozenset[str]:
    """Raise SamePerson unless `actor` is staff, another human than `first_id`, and not the client whose money it is.

    Returns what still speaks for one human without proving it, to be recorded with the decision.
    """
    if client is not None:
        return others_required(actor, first_id, client=client)
    if actor.kind != "staff" or actor.id == first_id:
        raise SamePerson
    signs = humans.likeness(actor.id, first_id)
    if signs & humans.REFUSED:
        raise SamePerson
    return signs
