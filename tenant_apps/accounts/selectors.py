"""Reads about staff, teams, roles and sessions."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Count, Q, QuerySet

from kernel import clock
from kernel.actors import Actor, Reach

from .models import Realm, Role, Team, User, UserSession
from .permissions_list import STAFF_VIEW


def staff_list(actor: Actor) -> QuerySet[User]:
    """All members of staff, with roles and team. Needs `accounts.staff.view`."""
    actor.require(STAFF_VIEW)
    return User.objects.filter(realm=Realm.STAFF).select_related("team").prefetch_related("roles").order_by("name")


def staff_get(actor: Actor, user_id: UUID) -> User:
    """One member of staff. Raises NotFound."""
    from kernel.errors import NotFound

    user = staff_list(actor).filter(pk=user_id).first()
    if user is None:
        raise NotFound
    return user


def staff_names(ids: Iterable[UUID | None]) -> dict[UUID, str]:
    """Names for ids, in one query; for lists that show who is responsible."""
    wanted = {one for one in ids if one}
    return dict(User.objects.filter(pk__in=wanted).values_list("pk", "name")) if wanted else {}


def agents(actor: Actor | None = None, code: str = "clients.assign") -> list[User]:
    """Active staff who may be made responsible for clients; with an actor, as far as the reach of `code` goes."""
    rows = User.objects.filter(realm=Realm.STAFF, active=True).select_related("team").order_by("name")
    if actor is not None and actor.reach(code) is not Reach.ALL:
        mine = Q(pk=actor.id)
        if actor.reach(code) is Reach.TEAM:
            mine |= Q(team_id__in=list(actor.team_ids))
        rows = rows.filter(mine)
    return list(rows)


def teams() -> QuerySet[Team]:
    return Team.objects.annotate(people=Count("members", filter=Q(members__active=True))).order_by("name")


def roles() -> QuerySet[Role]:
    return Role.objects.annotate(people=Count("user", filter=Q(user__active=True))).order_by("name")


@dataclass(frozen=True, slots=True)
class Device:
    """A running session as its owner sees it; `handle` names it without revealing its key."""

    handle: str
    browser: str
    system: str
    mobile: bool
    row: UserSession
    current: bool


def sessions_of(user: User, current_key: str = "") -> list[Device]:
    """An account's running sessions, newest first, the one in use marked."""
    rows = UserSession.objects.filter(account_id=user.pk, expire_date__gt=clock.now()).order_by("-created_at")
    return [_device(row, current_key) for row in rows]


def _device(row: UserSession, current_key: str) -> Device:
    browser, system, mobile = read_agent(row.user_agent)
    handle = hashlib.sha256(row.session_key.encode()).hexdigest()[:16]
    return Device(handle, browser, system, mobile, row, row.session_key == current_key)


_BROWSERS = (
    ("Edg/", "Edge"), ("OPR/", "Opera"), ("SamsungBrowser/", "Samsung Internet"), ("Firefox/", "Firefox"),
    ("HeadlessChrome/", "Chrome"), ("Chrome/", "Chrome"), ("CriOS/", "Chrome"), ("Safari/", "Safari"),
)  # fmt: skip
_SYSTEMS = (
    (r"iPhone|iPad", "iOS"), (r"Android", "Android"), (r"Windows", "Windows"), (r"Mac OS X", "macOS"), (r"Linux", "Linux"),
)  # fmt: skip


def read_agent(agent: str) -> tuple[str, str, bool]:
    """Browser, system and whether a phone, as far as a User-Agent tells; for people to recognise their devices."""
    browser = next((name for mark, name in _BROWSERS if mark in agent), "")
    system = next((name for pattern, name in _SYSTEMS if re.search(pattern, agent)), "")
    return browser, system, "Mobi" in agent
