"""What follows when staff change what a client's identity was verified by: whose money it is may have become another's.

Invariant: from such a change until a person who had no part in it confirms it, nothing is paid out or moved to another
client, and no bonus is given: rules, names on payout accounts and bonus law all read these fields. It takes a right of
its own (`clients.identity`), the client is told by mail, and whoever may confirm hears of it. There is no time that ends
it: a brokerage in which nobody else has the right has to give it to somebody.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import F, Q
from django.utils.translation import override, pgettext

from kernel import audit, audit_words, clock
from kernel.actors import Actor
from kernel.errors import Conflict
from kernel.models import AuditEntry
from tenant_apps.accounts.telling import staff_told
from tenant_apps.notifications.services import mail_queue

from .eyes import others_required
from .models import Client, KycState
from .permissions_list import IDENTITY
from .timeline import tell

# What documents prove, and what a payout account's holder is compared with.
FIELDS = frozenset(
    {"first_name", "last_name", "latin_name", "birth_date", "nationality", "country", "company", "corporate"}
)
CHANGED, CONFIRMED = "clients.identity_changed", "clients.identity_confirmed"


def locked(client: Client, actor: Actor) -> bool:
    """Whether this actor may not change FIELDS: they were verified, and that takes another right."""
    return client.kyc_state == KycState.APPROVED and not actor.may(IDENTITY)


def held(client: Client) -> bool:
    """Whether a change of identity waits to be confirmed, and keeps money in."""
    changed, confirmed = client.identity_changed_at, client.identity_confirmed_at
    return changed is not None and (confirmed is None or confirmed < changed)


def standing(prefix: str = "") -> Q:
    """The same for a query: clients of whom no such change waits. `prefix`: the way to the client."""
    changed, confirmed = f"{prefix}identity_changed_at", f"{prefix}identity_confirmed_at"
    return Q(**{changed: None}) | Q(**{f"{confirmed}__gte": F(changed)})


def change_allow(client: Client, fields: Iterable[str], actor: Actor) -> bool:
    """Within `client_update`, under the client's lock: whether these fields change a verified identity. Raises Forbidden."""
    if client.kyc_state != KycState.APPROVED or not FIELDS & set(fields):
        return False
    actor.require(IDENTITY)
    return True


def change_hold(client: Client, *, old: Mapping[str, Any], new: Mapping[str, Any], actor: Actor) -> None:
    """In the transaction of the change: hold payouts, write it down, tell the client and whoever may confirm."""
    client.identity_changed_at = clock.now()
    client.save(update_fields=["identity_changed_at"])
    fields = sorted(FIELDS & set(new))
    audit.record(
        actor=actor, action=CHANGED, obj=client, subject=client.pk, before={key: old[key] for key in fields},
        after={key: new[key] for key in fields},
    )  # fmt: skip
    with override(client.language):
        words = ", ".join(str(audit_words.field_words(key)) for key in fields)
    mail_queue(
        to=str(old.get("email") or client.email), template=CHANGED, language=client.language, client_id=client.pk,
        context={"name": client.first_name, "fields": words},
    )  # fmt: skip
    _tell_others(client, besides=actor.id)


def _tell_others(client: Client, *, besides: str) -> None:
    staff_told(
        lambda reader: reader.may(IDENTITY), kind=CHANGED, link=f"/clients/{client.pk}/", besides=[besides],
        words=lambda: (
            pgettext("notification", "A verified client’s identity was changed: confirm it"),
            f"\u2068{client.name}\u2069",
        ),
    )  # fmt: skip


def unconfirmed(client: Client) -> list[AuditEntry]:
    """The changes that wait, oldest first."""
    rows = AuditEntry.objects.filter(object_type="clients.client", object_id=str(client.pk), action=CHANGED)
    if client.identity_confirmed_at is not None:
        rows = rows.filter(at__gt=client.identity_confirmed_at)
    return list(rows.order_by("id"))


@transaction.atomic
def confirm(*, client: Client, seen: datetime, actor: Actor) -> Client:
    """Another person has looked at it: payouts open again. `seen` is the change they looked at, `identity_changed_at`.

    Raises SamePerson for whoever had a part in a change that waits, Conflict when it is not the newest one.
    """
    actor.require(IDENTITY)
    row = Client.objects.select_for_update(no_key=True).get(pk=client.pk)
    if not held(row):
        return row
    if row.identity_changed_at != seen:
        raise Conflict
    signs = others_required(actor, *(line.actor_id for line in unconfirmed(row)), client=row)
    row.identity_confirmed_at = row.updated_at = clock.now()
    row.save(update_fields=["identity_confirmed_at", "updated_at"])
    audit.record(
        actor=actor, action=CONFIRMED, obj=row, subject=row.pk, after={"likeness": sorted(signs)} if signs else {}
    )
    tell(row.pk, CONFIRMED)
    return row
