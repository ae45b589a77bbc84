"""Whether two accounts may be one human: four eyes are worth nothing when both pairs are in one head.

Mailbox and name decide, the name of now as well as those of the last days (holders.LATELY): such a pair is refused. An
invitation of one by the other and a shared device prove nothing, as owners invite and colleagues share; they are recorded
with the approval and shown beside it.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

from kernel.ids import parse_uuid
from kernel.models import AuditEntry

from .holders import befores
from .models import User, UserSession

MAILBOX, NAME, INVITED, DEVICE = "mailbox", "name", "invited", "device"
REFUSED = frozenset({MAILBOX, NAME})
_DOTLESS = frozenset({"gmail.com", "googlemail.com"})


def mailbox(email: str) -> str:
    """The mailbox behind an address: `A.n.n+work@googlemail.com` and `ann@gmail.com` are read by the same person."""
    name, _, domain = email.strip().lower().partition("@")
    name = name.partition("+")[0]
    if domain in _DOTLESS:
        name, domain = name.replace(".", ""), "gmail.com"
    return f"{name}@{domain}"


def folded(name: str) -> tuple[str, ...]:
    """A name's words without accents, case or order."""
    plain = unicodedata.normalize("NFKD", name)
    return tuple(sorted("".join(char for char in plain if not unicodedata.combining(char)).casefold().split()))


def likeness(one_id: str, other_id: str) -> frozenset[str]:
    """What speaks for these two accounts of staff being one human; empty where one of them is unknown."""
    people = {str(user.pk): user for user in User.objects.filter(pk__in=[parse_uuid(one_id), parse_uuid(other_id)])}
    one, other = people.get(one_id), people.get(other_id)
    if one is None or other is None:
        return frozenset()
    signs = {
        MAILBOX: one.pk == other.pk or mailbox(one.email) == mailbox(other.email),
        NAME: bool(_names(one) & _names(other)),
        INVITED: _invited(one, other) or _invited(other, one),
        DEVICE: bool(_devices(one) & _devices(other)),
    }
    return frozenset(sign for sign, there in signs.items() if there)


def is_one_of(staff_id: str, *, emails: Iterable[str], names: Iterable[str]) -> bool:
    """Whether a member of staff reads one of these mailboxes or bears one of these full names, or did lately: nobody
    decides about their own money."""
    known = parse_uuid(staff_id)
    user = User.objects.filter(pk=known).first() if known else None
    if user is None:
        return False
    full = {name for name in map(folded, names) if len(name) > 1}
    return mailbox(user.email) in set(map(mailbox, emails)) or bool(full & _names(user))


def _names(user: User) -> set[tuple[str, ...]]:
    """The names of now and of the last days, folded: who takes another name for an hour is who they were."""
    earlier = befores("accounts.user", user.pk, ("accounts.user_updated",))
    found = {folded(user.name), *(folded(str(one["name"])) for one in earlier if one.get("name"))}
    return found - {()}


def _invited(host: User, guest: User) -> bool:
    lines = AuditEntry.objects.filter(object_type="accounts.user", object_id=str(guest.pk), actor_id=str(host.pk))
    return lines.filter(action__in=("accounts.user_created", "accounts.invited")).exists()


def _devices(user: User) -> set[tuple[str | None, str]]:
    rows = UserSession.objects.filter(account_id=user.pk, ip__isnull=False).exclude(user_agent="")
    return set(rows.values_list("ip", "user_agent"))
