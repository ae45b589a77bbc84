"""The list of rights. Each app registers its own in `permissions_list.py`; roles grant them with a reach (product.md, A3).

VIEW = register("clients.view", pgettext_lazy(...), writes=False, scoped=True)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import Q, QuerySet

from kernel.actors import Actor, Reach


@dataclass(frozen=True, slots=True)
class Permission:
    code: str
    label: Any
    writes: bool
    scoped: bool  # whether own/team/all makes sense; otherwise a grant means all
    critical: bool  # shown with a warning in the role editor, never part of a read-only entry


_registry: dict[str, Permission] = {}


def register(code: str, label: Any, *, writes: bool = True, scoped: bool = False, critical: bool = False) -> str:
    if code in _registry:
        raise ValueError(f"permission {code} is registered twice")
    _registry[code] = Permission(code, label, writes, scoped, critical)
    return code


def all_permissions() -> list[Permission]:
    return sorted(_registry.values(), key=lambda permission: permission.code)


def known(code: str) -> bool:
    return code in _registry


def writes(code: str) -> bool:
    """Unknown codes count as writing: deny by default."""
    permission = _registry.get(code)
    return permission.writes if permission else True


def scoped(
    actor: Actor, code: str, queryset: QuerySet[Any], *, owner: str = "owner_id", team: str = "team_id"
) -> QuerySet[Any]:
    """The rows of a queryset that the actor's right reaches; none without the right."""
    reach = actor.reach(code)
    if reach is Reach.ALL:
        return queryset
    if reach is Reach.NONE:
        return queryset.none()
    return queryset.filter(reached(actor, code, owner=owner, team=team))


def reached(actor: Actor, code: str, *, owner: str = "owner_id", team: str = "team_id") -> Q:
    """The same as a condition, for one of several rights that a row may be reached by."""
    reach = actor.reach(code)
    if reach is Reach.ALL:
        return Q()
    if reach is Reach.NONE:
        return Q(pk__in=[])
    mine = Q(**{owner: actor.id})
    if reach is Reach.TEAM:
        mine |= Q(**{f"{team}__in": list(actor.team_ids)})
    return mine


def masked(actor: Actor, field: str, value: str) -> str:
    """A field as this actor may see it: `l•••@example.com`, `+971 •••• 2089`."""
    if not value or field not in actor.masks:
        return value
    if field == "email":
        name, _, domain = value.partition("@")
        return f"{name[:1]}•••@{domain}"
    if field == "phone":
        return f"{value[:4]} •••• {value[-2:]}"
    return "•••"


def masked_values(actor: Actor, values: dict[str, Any] | None) -> dict[str, Any] | None:
    """What an audit line says of a change, with the fields that this actor sees masked."""
    if not values or not actor.masks:
        return values
    return {key: masked(actor, key, value) if isinstance(value, str) else value for key, value in values.items()}
