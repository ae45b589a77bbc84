"""What of legal entities and safeguards takes two people, and how it is carried out. Registered at start (`handlers.py`).

Here and not with the clients, who stand below the desk of changes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import pgettext_lazy

from kernel.actors import Actor
from tenant_apps.clients import entities
from tenant_apps.clients.models import LegalEntity
from tenant_apps.clients.permissions_list import ENTITIES
from tenant_apps.wallets.change_models import ProposedChange
from tenant_apps.wallets.services import changes

from .permissions_list import SAFEGUARDS
from .safeguards import safeguards_set

SAVED, GONE, LOOSER = "legal_entity", "legal_entity_gone", "safeguards"
Keys = Mapping[str, str]


def entity_values(entity: LegalEntity) -> dict[str, Any]:
    return {name: getattr(entity, name) for name in entities.FACTS}


def _saved(row: ProposedChange, keys: Keys, actor: Actor) -> None:
    entity = LegalEntity.objects.filter(pk=row.object_id).first() or LegalEntity(pk=row.object_id)
    for name, value in row.values.items():
        setattr(entity, name, value)
    entities.entity_save(actor=actor, entity=entity)


def _archived(row: ProposedChange, keys: Keys, actor: Actor) -> None:
    entities.entity_archive(actor=actor, entity_id=row.object_id)


def _loosened(row: ProposedChange, keys: Keys, actor: Actor) -> None:
    safeguards_set(actor=actor, values=row.values)


def register() -> None:
    for code, words, act, carry_out, right in (
        (SAVED, pgettext_lazy("change", "Legal entity"), "clients.entity_saved", _saved, ENTITIES),
        (GONE, pgettext_lazy("change", "Legal entity archived"), "clients.entity_archived", _archived, ENTITIES),
        (LOOSER, pgettext_lazy("change", "Safeguards"), "office.safeguards_changed", _loosened, SAFEGUARDS),
    ):
        changes.register(code, changes.Kind(words, act, right, right, carry_out, lone=True))
