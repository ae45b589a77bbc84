"""What a release adds to the default roles of brokerages that are there already.

Which default role has which right is said in one place (`defaults.py`, by patterns). A role that nobody edited gets what its
default has now, as a new brokerage would. One that was edited keeps what it has: rights that are new wait in `undecided` for
whoever may edit it, and saving the role decides about them. Owner and auditor follow their rule in any case.

Invariants. Under the roles' locks, in one transaction with its lines of the audit trail; repeated it does nothing more.
A right that a brokerage took from a role before is not new to it and never comes back.
"""

from __future__ import annotations

from collections.abc import Mapping

from django.db import transaction
from django.utils.translation import pgettext, pgettext_lazy

from kernel import audit
from kernel.actors import named, system
from kernel.models import AuditEntry

from .defaults import DEFAULTS, DEFINED_BY_RULE, grants_of
from .models import Role
from .permissions_list import STAFF_EDIT
from .telling import staff_told

RELEASE = system(named("release", pgettext_lazy("system actor", "New release")))

Grants = Mapping[str, int]


def roles_catch_up() -> int:
    """Bring the default roles to this release; how many changed. One query while there is nothing new."""
    wanted = {default.code: grants_of(default) for default in DEFAULTS}
    behind = [
        role.pk for role in Role.objects.filter(code__in=wanted) if role.preset_grants != wanted[role.code]
    ]  # fmt: skip
    if not behind:
        return 0
    with transaction.atomic():
        roles = Role.objects.select_for_update().filter(pk__in=behind).order_by("id")
        changed = [_caught_up(role, wanted[role.code]) for role in roles]
        if any(role.undecided for role in roles):
            _tell()
    return sum(changed)


def _caught_up(role: Role, now: Grants) -> bool:
    before, added = dict(role.grants), {code: reach for code, reach in now.items() if code not in role.grants}
    edited = _was_edited(role, now)
    if not edited:
        role.grants = dict(now)
    else:
        known = set(role.preset_grants) if role.preset_grants is not None else _known_before(role)
        fresh = [code for code in added if code not in known and code not in (role.undecided or [])]
        added = {code: added[code] for code in fresh}
        role.undecided = [*(role.undecided or []), *fresh] or None
    role.preset_grants = dict(now)
    role.save(update_fields=["grants", "undecided", "preset_grants"])
    if edited and added:
        audit.record(actor=RELEASE, action="accounts.rights_to_decide", obj=role, after={"grants": added})
    elif not edited and role.grants != before:
        was, is_now = audit.changes(_apart(before, role.grants), _apart(role.grants, before))
        audit.record(actor=RELEASE, action="accounts.rights_added", obj=role, before=was, after=is_now)
    return bool(added) or role.grants != before


def _apart(one: Grants, other: Grants) -> dict[str, Grants]:
    return {"grants": {code: reach for code, reach in one.items() if other.get(code) != reach}}


def _was_edited(role: Role, now: Grants) -> bool:
    """Other than the release before made it. Of a role from before that was written down: the trail knows."""
    if role.code in DEFINED_BY_RULE:
        return False
    if role.preset_grants is not None:
        return bool(role.grants != role.preset_grants)
    saved = AuditEntry.objects.filter(action="accounts.role_saved", object_id=str(role.pk)).exists()
    return saved or any(code not in now or now[code] != reach for code, reach in role.grants.items())


def _known_before(role: Role) -> set[str]:
    """Rights that the role has ever had, as far as the trail of its edits goes: taken away on purpose they are not new."""
    lines = AuditEntry.objects.filter(action="accounts.role_saved", object_id=str(role.pk))
    found: set[str] = set()
    for before, after in lines.values_list("before", "after"):
        for facts in (before, after):
            found |= set((facts or {}).get("grants") or {})
    return found


def _tell() -> None:
    staff_told(
        lambda reader: STAFF_EDIT in reader.grants, kind="accounts.new_rights", link="/staff/roles/",
        words=lambda: (
            pgettext("notification", "New rights to decide on"),
            pgettext("notification", "A release brought rights that your edited roles do not have yet."),
        ),
    )  # fmt: skip
