"""Legal entities: the companies of a brokerage, with one of which each client has the contract. Most keep none.

Invariants. Once there is one, exactly one is the default, and every country leads to exactly one: to the one that names
it, else to the one that names none, else to the default. So no country stands in two, and at most one names none.
A client's entity is written down when they register. It follows their country while nothing binds them to it (apps above
say what does, `register`); from then on a person moves them, with a reason.

Which countries and which pack an entity has steers money and rules: that takes two people (office.change_kinds).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, Q, QuerySet
from django.utils.translation import pgettext, pgettext_lazy

from kernel import audit, clock, locks
from kernel.actors import Actor
from kernel.errors import Invalid, NotFound
from tenant_apps.accounts.telling import staff_told

from .errors import EntityInUse
from .models import Client, LegalEntity, Stage
from .permissions_list import ENTITIES, ENTITY_MOVE
from .rule_packs import packs
from .timeline import timeline_add

WORDS = ("name", "registration_number", "licence", "address")  # what clients read
STEERING = ("pack", "countries", "is_default")
FACTS = (*WORDS, *STEERING)
LOCK = "clients.entities"

_binding: dict[str, Callable[[Client], bool]] = {}


def register(app: str, binds: Callable[[Client], bool]) -> None:
    """`binds(client)`: whether something of this app ties the client to the entity they are with."""
    _binding[app] = binds


def live() -> QuerySet[LegalEntity]:
    """Those that clients may be with, the default first."""
    return LegalEntity.objects.filter(archived_at=None).order_by("-is_default", "name", "pk")


def entity_for(country: str, among: Iterable[LegalEntity] | None = None) -> LegalEntity | None:
    """Whom a resident newly comes to; None in a brokerage without entities. `among`: all live ones, where they are known."""
    rows = list(live() if among is None else among)
    named = [row for row in rows if country in row.countries]
    rest = [row for row in rows if not row.countries]
    return next(iter([*named, *rest, *(row for row in rows if row.is_default)]), None)


def own_of(client: Client) -> QuerySet[LegalEntity]:
    """The entity a client is with, as a query of one row or none: for use inside another."""
    if client.entity_id:
        return LegalEntity.objects.filter(pk=client.entity_id)
    return LegalEntity.objects.filter(is_default=True)


def entity_of(client: Client) -> LegalEntity | None:
    return own_of(client).first()


def clients_of(entity_id: UUID | str) -> Q:
    """Clients who are with an entity, those of the default who were never written down too."""
    default = Exists(LegalEntity.objects.filter(pk=entity_id, is_default=True))
    return Q(entity=entity_id) | Q(default, entity=None)


# --- setting them up ------------------------------------------------------------------------------------------------


@transaction.atomic
def entity_save(*, actor: Actor, entity: LegalEntity) -> LegalEntity:
    """Make or change one; the first is the default. Raises Invalid at the field that cannot be, NotFound for an archived one."""
    actor.require(ENTITIES)
    locks.hold(LOCK)
    stored = LegalEntity.objects.filter(pk=entity.pk).first()
    if stored is not None and stored.archived_at is not None:
        raise NotFound
    others = list(live().exclude(pk=entity.pk))
    entity.is_default = entity.is_default or not others
    entity.countries = list(dict.fromkeys(entity.countries))
    _sound(entity, others)
    was, now = audit.changes(_facts(stored) if stored else {}, _facts(entity))
    if not now:
        return entity
    if entity.is_default:
        _default_taken(others)
    entity.updated_at = clock.now()
    entity.save()
    audit.record(actor=actor, action="clients.entity_saved", obj=entity, before=was, after=now)
    return entity


def only_words(entity: LegalEntity) -> bool:
    """Whether nothing that steers differs from what is stored: that takes one person."""
    stored = live().filter(pk=entity.pk).first()
    return stored is not None and all(getattr(stored, name) == getattr(entity, name) for name in STEERING)


def _facts(entity: LegalEntity) -> dict[str, Any]:
    return {name: getattr(entity, name) for name in FACTS}


def _sound(entity: LegalEntity, others: list[LegalEntity]) -> None:
    if not entity.name.strip():
        raise Invalid(field="name")
    if entity.pack and entity.pack not in packs():
        raise Invalid(pgettext_lazy("payments error", "Choose one of the rule packs."), field="pack")
    if not (entity.is_default or any(one.is_default for one in others)):
        raise Invalid(pgettext_lazy("legal entity", "Make another one the default instead."), field="is_default")
    if not all(len(code) == 2 and code.isascii() and code.isupper() for code in entity.countries):
        raise Invalid(field="countries")
    for one in others:
        if both := sorted(set(entity.countries) & set(one.countries)):
            words = pgettext_lazy("legal entity", "%(entity)s has these already: %(countries)s.")
            raise Invalid(words, field="countries", entity=_isolated(one), countries=" ".join(both))
        if not entity.countries and not one.countries:
            words = pgettext_lazy(
                "legal entity", "%(entity)s has every country that no other one names: name some here."
            )
            raise Invalid(words, field="countries", entity=_isolated(one))


def _isolated(entity: LegalEntity) -> str:
    return f"\u2068{entity.name}\u2069"


def _default_taken(others: Iterable[LegalEntity]) -> None:
    """Another one becomes the default. Whoever was with the old one unsaid stays with it: a contract does not move along."""
    for old in others:
        if old.is_default:
            Client.objects.filter(entity=None).exclude(stage=Stage.LEAD).update(entity=old)
            LegalEntity.objects.filter(pk=old.pk).update(is_default=False, updated_at=clock.now())


@transaction.atomic
def entity_archive(*, actor: Actor, entity_id: UUID) -> LegalEntity:
    """Nobody comes to it any more; its countries go to whoever has the rest. Raises EntityInUse, NotFound."""
    actor.require(ENTITIES)
    locks.hold(LOCK)
    row = LegalEntity.objects.select_for_update().filter(pk=entity_id, archived_at=None).first()
    if row is None:
        raise NotFound
    if row.is_default:
        raise EntityInUse(pgettext_lazy("legal entity", "This is the default one. Make another one the default first."))
    if Client.objects.filter(entity=row).exists():
        raise EntityInUse
    row.archived_at = row.updated_at = clock.now()
    row.save(update_fields=["archived_at", "updated_at"])
    audit.record(actor=actor, action="clients.entity_archived", obj=row, before=_facts(row), after={"archived": True})
    return row


# --- whose client somebody is ---------------------------------------------------------------------------------------


def _kept() -> list[LegalEntity]:
    """The live ones, kept from being archived until the end of the transaction."""
    return list(live().select_for_update(no_key=True).order_by("pk"))


def entity_settle(*, client: Client, actor: Actor) -> None:
    """Whom a client who registers has the contract with, by country. Nothing happens in a brokerage without entities."""
    found = entity_for(client.country, _kept())
    if found is not None:
        _set(client, found, actor)


def country_followed(*, client: Client, actor: Actor) -> None:
    """In the transaction of a change of country: the client comes to the entity of the new one, unless something binds
    them to theirs; then whoever may move them hears of it."""
    if client.stage == Stage.LEAD:
        return
    rows = _kept()
    found, own = entity_for(client.country, rows), entity_of(client) if rows else None
    if found is None or found == own:
        return
    if any(binds(client) for binds in _binding.values()):
        _tell_movers(client, found, besides=actor.id)
    else:
        _set(client, found, actor, before=own)


@transaction.atomic
def client_entity_move(*, client: Client, entity_id: UUID, reason: str, actor: Actor) -> Client:
    """The client's contract is with another entity from now on. Raises Invalid without a reason, NotFound."""
    actor.require(ENTITY_MOVE, client)
    if not reason.strip():
        raise Invalid(pgettext_lazy("payments error", "Say why."), field="reason")
    client.refresh_from_db(from_queryset=Client.objects.select_for_update(no_key=True))
    found = next((row for row in _kept() if row.pk == entity_id), None)
    if found is None:
        raise NotFound
    own = entity_of(client)
    if found != own:
        _set(client, found, actor, before=own, reason=reason.strip()[:300])
    return client


def _set(
    client: Client, entity: LegalEntity, actor: Actor, *, before: LegalEntity | None = None, reason: str = ""
) -> None:
    client.entity, client.updated_at = entity, clock.now()
    client.save(update_fields=["entity", "updated_at"])
    audit.record(
        actor=actor, action="clients.entity_set", obj=client, subject=client.pk, reason=reason,
        before={"entity": before.name} if before else {}, after={"entity": entity.name},
    )  # fmt: skip
    timeline_add(client_id=client.pk, kind="clients.entity_set", actor=actor, data={"entity": entity.name})


def _tell_movers(client: Client, entity: LegalEntity, *, besides: str) -> None:
    staff_told(
        lambda reader: reader.may(ENTITY_MOVE, client), kind="clients.entity_differs", link=f"/clients/{client.pk}/",
        besides=[besides],
        words=lambda: (
            pgettext("notification", "A client’s country belongs to another legal entity: decide whether to move them"),
            f"\u2068{client.name}\u2069 · {_isolated(entity)}",
        ),
    )  # fmt: skip
