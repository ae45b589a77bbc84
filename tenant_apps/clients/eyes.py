"""Four eyes: the second pair belongs to another human than the first, and neither to the client whose money it is."""

from __future__ import annotations

from collections.abc import Iterable

from kernel.actors import Actor
from tenant_apps.accounts import holders, humans

from .errors import SamePerson
from .models import Client


def stands_alone(actor: Actor, right: str) -> bool:
    """Whether nobody else in the brokerage could be the second pair of eyes: no other member of staff has the right or
    had it lately. Only one mailbox makes two accounts one human here: a name is what its bearer says it is."""
    return actor.kind == "staff" and all(
        humans.MAILBOX in humans.likeness(actor.id, str(other.pk)) for other in holders.lately_held(right)
    )


def others_required(
    actor: Actor, *earlier: str, client: Client | None = None, clients: Iterable[Client] = ()
) -> frozenset[str]:
    """Raise SamePerson unless `actor` is staff and a different person than each of the `earlier` accounts.

    `client`, or all `clients` where a decision is about several, are those whose money it is; none where it is nobody's
    in particular (a rate). Returns what still speaks for one human without proving it, to be recorded with the decision.
    """
    concerned = [*clients, *([client] if client is not None else [])]
    own = any(humans.is_client(actor.id, one.email) for one in concerned)
    if actor.kind != "staff" or actor.id in earlier or own:
        raise SamePerson
    signs: frozenset[str] = frozenset().union(*(humans.likeness(actor.id, one) for one in earlier if one))
    if signs & humans.REFUSED:
        raise SamePerson
    return signs
