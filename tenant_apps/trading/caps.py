"""The most leverage that rules allow a client's live account: of the pack that protects residents of the country which the
client names, proved or not, and of the pack of the client's legal entity, whichever is stricter. Demo accounts have none.
While a change of a verified identity waits to be confirmed (clients.identity_change), the strictest pack of all: one person
alone must not move a client out of the reach of rules.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from uuid import UUID

from tenant_apps.clients.identity_change import held
from tenant_apps.clients.models import Client, LegalEntity
from tenant_apps.clients.rule_packs import packs, protecting
from tenant_apps.trading.models import AccountType


@dataclass(frozen=True, slots=True)
class Caps:
    """Of many clients, with the legal entities read once. `by_entity`: the pack's key; None is the default entity."""

    by_entity: Mapping[UUID | None, str]
    _known: dict[tuple[str, UUID | None, bool], int | None] = field(default_factory=dict)

    @classmethod
    def load(cls) -> Caps:
        rows = LegalEntity.objects.values_list("pk", "pack", "is_default")
        found: dict[UUID | None, str] = {}
        for key, pack, is_default in rows:
            found[key] = pack
            if is_default:
                found[None] = pack
        return cls(found)

    def of(self, country: str, entity_id: UUID | None, *, unconfirmed: bool = False) -> int | None:
        """`unconfirmed`: a change of the client's identity waits to be confirmed."""
        key = (country, entity_id, unconfirmed)
        if key not in self._known:
            own = [protecting(country), packs().get(self.by_entity.get(entity_id, ""))]
            holding = [*packs().values()] if unconfirmed else own
            limits = [pack.leverage for pack in holding if pack is not None and pack.leverage is not None]
            self._known[key] = min(limits, default=None)
        return self._known[key]


def cap_of(client: Client) -> int | None:
    """One query."""
    return Caps.load().of(client.country, client.entity_id, unconfirmed=held(client))


def allowed(leverages: Iterable[int], cap: int | None, *, live: bool = True) -> list[int]:
    """Those of the leverages that an account may have."""
    return [one for one in leverages if not live or cap is None or one <= cap]


def usual(kind: AccountType, cap: int | None) -> int:
    """What an account of this type gets unasked: its default, or the most below it that is allowed; the default where
    nothing is."""
    below = [one for one in allowed(kind.leverages, cap, live=kind.live) if one <= kind.leverage_default]
    return max(below, default=kind.leverage_default)
