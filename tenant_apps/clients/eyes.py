"""Four eyes: the second pair belongs to another human than the first, and neither to the client whose money it is; and what
it approves is what it was shown."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from django.db.models import Model
from django.utils.crypto import constant_time_compare, salted_hmac

from kernel import clock
from kernel.actors import Actor
from kernel.models import AuditEntry
from tenant_apps.accounts import holders, humans

from .errors import SamePerson, ShownDiffers
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
    own = is_own(actor, concerned)
    if actor.kind != "staff" or actor.id in earlier or own:
        raise SamePerson
    signs: frozenset[str] = frozenset().union(*(humans.likeness(actor.id, one) for one in earlier if one))
    if signs & humans.REFUSED:
        raise SamePerson
    return signs


def is_own(actor: Actor, clients: Iterable[Client]) -> bool:
    """Whether the money of one of these clients is the actor's own, by mailbox or full name of now or lately."""
    emails, names = _lately_known(clients)
    return humans.is_one_of(actor.id, emails=emails, names=names)


def _lately_known(clients: Iterable[Client]) -> tuple[set[str], set[str]]:
    """E-mail addresses and names of these clients, of now and within LATELY by the trail: one query."""
    now = {str(one.pk): one for one in clients}
    emails, names = {one.email for one in now.values()}, {_name({}, one) for one in now.values()}
    names |= {one.latin_name for one in now.values()}
    lines = AuditEntry.objects.filter(
        object_type="clients.client",
        object_id__in=list(now),
        action="clients.updated",
        at__gte=clock.now() - holders.LATELY,
    )
    was: dict[str, dict[str, Any]] = {}
    for key, before in lines.order_by("-id").values_list("object_id", "before"):
        was[key] = was.get(key, {}) | (before or {})
        emails.add(str(was[key].get("email") or now[key].email))
        names |= {_name(was[key], now[key]), str(was[key].get("latin_name") or "")}
    return emails, names


def _name(was: dict[str, Any], client: Client) -> str:
    return " ".join(str(was.get(key, getattr(client, key)) or "") for key in ("first_name", "last_name"))


def shown(*what: object) -> str:
    """A digest of what somebody is shown before they approve it: all columns of rows, other things as they are.

    It is posted with the approval, and tells nothing of what went into it.
    """
    text = json.dumps([_columns(one) if isinstance(one, Model) else str(one) for one in what], default=str)
    return salted_hmac("clients.eyes", text, algorithm="sha256").hexdigest()[:32]


def _columns(row: Model) -> list[object]:
    return [row._meta.label, *(getattr(row, field.attname) for field in row._meta.concrete_fields)]


def as_shown(seen: str | None, *what: object) -> None:
    """Raise ShownDiffers unless `what`, read under its lock, is what the approver saw. None: nobody was shown anything,
    as when a service calls; a page always passes what came with the form, be it empty."""
    if seen is not None and not constant_time_compare(seen, shown(*what)):
        raise ShownDiffers
