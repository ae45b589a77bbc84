"""Four eyes: the second pair belongs to another human than the first, and neither to the client whose money it is."""

from __future__ import annotations

from collections.abc import Iterable

from kernel.actors import Actor
from tenant_apps.accounts import humans
from tenant_apps.accounts.models import Realm, User

from .errors import SamePerson
from .models import Client


def stands_alone(actor: Actor, right: str) -> bool:
    """Whether nobody else in the brokerage could be the second pair of eyes: no other active member of staff has the
    right, or only ones who are the same human as this one."""
    others = User.objects.filter(realm=Realm.STAFF, active=True).exclude(pk=actor.id).prefetch_related("roles")
    return actor.kind == "staff" and not any(
        right in other.grants() and not humans.likeness(actor.id, str(other.pk)) & humans.REFUSED for other in others
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
