"""From a request of the office to its actor: a member of staff, or a vendor's operator by break-glass entry."""

from __future__ import annotations

from dataclasses import replace

from django.http import HttpRequest

from kernel import auth, clock
from kernel.actors import VISITOR, Actor, Reach
from kernel.permissions import all_permissions

from .models import Realm, User


def find_staff(account_id: str) -> User | None:
    return (
        User.objects.filter(pk=account_id, realm=Realm.STAFF).prefetch_related("roles").select_related("team").first()
    )


def actor_for(user: User, *, ip: str | None = None, user_agent: str = "") -> Actor:
    """A member of staff with the rights of all roles."""
    return Actor(
        kind="staff",
        id=str(user.pk),
        label=user.name or user.email,
        grants=user.grants(),
        masks=user.masks(),
        team_ids=user.team_ids(),
        ip=ip,
        user_agent=user_agent,
        language=user.language,
        time_zone=user.time_zone,
    )


def staff_actor(request: HttpRequest) -> tuple[User | None, Actor]:
    """Resolver named in settings. Without a second factor where a role demands it, the session is nobody's yet."""
    ip = getattr(request, "ip", None)
    agent = request.headers.get("User-Agent", "")[:300]
    if entry := request.session.get("break_glass"):
        return None, _operator(entry, ip, agent)
    user = auth.account_of(request, find_staff)
    if not isinstance(user, User):
        return None, VISITOR
    actor = actor_for(user, ip=ip, user_agent=agent)
    if needs_second_factor(user) and not request.session.get("second_factor"):
        request.second_factor_due = True  # type: ignore[attr-defined]
        return user, replace(actor, grants={})
    return user, actor


def needs_second_factor(user: User) -> bool:
    return any(role.second_factor_required for role in user.roles.all())


def _operator(entry: dict[str, object], ip: str | None, agent: str) -> Actor:
    """A vendor's operator inside a brokerage: reads everything, writes only where the entry says so, until it ends."""
    if clock.now().timestamp() > float(str(entry["until"])):
        return VISITOR
    grants = {
        permission.code: Reach.ALL
        for permission in all_permissions()
        if not permission.writes or (entry.get("write") and not permission.critical)
    }
    return Actor(
        kind="operator",
        id=str(entry["operator_id"]),
        label=f"{entry['operator']} (Rialto)",
        grants=grants,
        on_behalf_of=str(entry.get("reason", "")),
        ip=ip,
        user_agent=agent,
        read_only=not entry.get("write"),
    )
