"""Who has a right, or had it lately: a colleague who was put out of the way for a moment still counts as there.

Strict where the trail leaves a choice: a role of that time that is gone since counts as having had every right, and a role
somebody had and a right the role had count together even where they were not there at the same hour.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from kernel import clock
from kernel.models import AuditEntry

from .models import Realm, Role, User

LATELY = timedelta(days=30)


def lately_held(right: str) -> list[User]:
    """Staff who have this right now or had it within LATELY, by the trail of accounts and roles."""
    having = {role.code for role in Role.objects.all() if right in _grants_lately(role)}
    known = set(Role.objects.values_list("code", flat=True))
    found = []
    for user in User.objects.filter(realm=Realm.STAFF).prefetch_related("roles"):
        lines = befores("accounts.user", user.pk, ("accounts.user_updated",))
        codes = {role.code for role in user.roles.all()}.union(*(one.get("roles") or () for one in lines))
        active = user.active or any(one.get("active") for one in lines)
        if active and (codes & having or codes - known):
            found.append(user)
    return found


def _grants_lately(role: Role) -> set[str]:
    lines = befores("accounts.role", role.pk, ("accounts.role_saved", "accounts.rights_added"))
    return set(role.grants).union(*(one.get("grants") or () for one in lines))


def befores(kind: str, object_id: object, actions: Iterable[str]) -> list[dict[str, Any]]:
    """What was so until a change within LATELY; together with what is so now that is all there was."""
    lines = AuditEntry.objects.filter(
        object_type=kind, object_id=str(object_id), action__in=tuple(actions), at__gte=clock.now() - LATELY
    )
    return [before or {} for before in lines.values_list("before", flat=True)]
