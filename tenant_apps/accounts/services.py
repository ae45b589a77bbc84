"""Writes about accounts, roles and teams. Staff are changed by staff with `accounts.staff.edit`; each act has its line."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django.db import IntegrityError, transaction

from kernel import audit, clock, sessions
from kernel.actors import Actor, Reach
from kernel.auth import AbstractAccount
from kernel.errors import Invalid
from kernel.permissions import known
from tenant_apps.notifications.services import mail_queue

from .errors import EmailTaken, GrantsTooWide, LastOwner, RoleInUse
from .links import address, link_create, link_use
from .models import SIGHT, Realm, Role, Team, User
from .permissions_list import STAFF_EDIT


def email_normalise(email: str) -> str:
    """Lower case, trimmed; a plain check of its form. Raises Invalid(field="email")."""
    from django.core.exceptions import ValidationError
    from django.core.validators import validate_email
    from django.utils.translation import pgettext_lazy

    text = email.strip().lower()
    try:
        validate_email(text)
    except ValidationError as error:
        raise Invalid(
            pgettext_lazy("account", "Enter an e-mail address such as name@example.com."), field="email"
        ) from error
    return text


def _roles_of(roles: Iterable[Role | str]) -> list[Role]:
    codes = [role.code if isinstance(role, Role) else role for role in roles]
    found = list(Role.objects.filter(code__in=codes))
    if len(found) != len(set(codes)):
        raise Invalid(field="roles")
    return found


def _require_within(actor: Actor, roles: Iterable[Role]) -> None:
    """Nobody gives (or takes away) more than they have: rights by reach, and the sight of what they see masked."""
    for role in roles:
        if role.grants.get(SIGHT) and actor.masks - set(role.masks):
            raise GrantsTooWide(masks=sorted(actor.masks - set(role.masks)))
        for code, reach in role.grants.items():
            if known(code) and actor.reach(code) < Reach(reach):
                raise GrantsTooWide(permission=code)


@transaction.atomic
def user_create(
    *,
    realm: str,
    email: str,
    name: str,
    password: str | None = None,
    roles: Sequence[Role | str] = (),
    team: Team | None = None,
    language: str = "",
    actor: Actor,
) -> User:
    """Make an account. Staff need an actor with the right to; a client's account is made by registration.

    Without a password nobody can log in until a link has set one. Raises EmailTaken, PasswordWeak, GrantsTooWide.
    """
    chosen = _roles_of(roles)
    if realm == Realm.STAFF:
        actor.require(STAFF_EDIT)
        _require_within(actor, chosen)
    user = User(realm=realm, email=email_normalise(email), name=name.strip()[:120], team=team, language=language)
    if password is not None:
        user.set_password(password)
    try:
        with transaction.atomic():
            user.save(force_insert=True)
    except IntegrityError as error:
        raise EmailTaken(field="email") from error
    user.roles.set(chosen)
    audit.record(
        actor=actor,
        action="accounts.user_created",
        obj=user,
        after={"realm": realm, "email": user.email, "roles": sorted(role.code for role in chosen)},
    )
    return user


@transaction.atomic
def user_invite(
    *, email: str, name: str, roles: Sequence[Role | str], team: Team | None = None, language: str = "", actor: Actor
) -> User:
    """Make a member of staff and mail a link, valid for seven days, with which they choose a password."""
    user = user_create(
        realm=Realm.STAFF, email=email, name=name, roles=roles, team=team, language=language, actor=actor
    )
    invitation_send(user=user, actor=actor)
    return user


@transaction.atomic
def invitation_send(*, user: User, actor: Actor) -> None:
    """Mail a (new) invitation; the earlier link stops working."""
    actor.require(STAFF_EDIT)
    token = link_create(user=user, purpose="invite")
    mail_queue(
        to=user.email,
        template="accounts.invitation",
        context={"name": user.name, "invited_by": actor.label, "url": address(user.realm, f"/invitation/{token}/")},
        language=user.language or "en",
        user_id=user.pk,
    )
    audit.record(actor=actor, action="accounts.invited", obj=user)


@transaction.atomic
def invitation_accept(*, token: str, password: str) -> User:
    """Set the first password by an invitation's link. Raises LinkUnusable, PasswordWeak."""
    user = link_use(token=token, purpose="invite", realm=Realm.STAFF)
    return _password_by_link(user, password, "accounts.invitation_accepted")


@transaction.atomic
def password_reset_request(*, realm: str, email: str) -> None:
    """Mail a link, valid for two hours, if there is such an account; the caller cannot tell whether there is."""
    user = User.objects.filter(realm=realm, email=email.strip().lower(), active=True).first()
    if user is None:
        return
    token = link_create(user=user, purpose="reset")
    mail_queue(
        to=user.email,
        template="accounts.password_reset",
        context={"name": user.name, "url": address(realm, f"/password/reset/{token}/")},
        language=user.language or "en",
        user_id=user.pk,
    )
    audit.record(actor=self_actor(user), action="accounts.password_reset_requested", obj=user)


@transaction.atomic
def password_reset(*, realm: str, token: str, password: str) -> User:
    """Set a new password by link; every session of the account ends. Raises LinkUnusable, PasswordWeak."""
    user = link_use(token=token, purpose="reset", realm=realm)
    return _password_by_link(user, password, "accounts.password_reset")


def _password_by_link(user: User, password: str, action: str) -> User:
    user.set_password(password)
    if user.email_verified_at is None:
        user.email_verified_at = clock.now()
    user.save(update_fields=["password", "auth_epoch", "email_verified_at"])
    sessions.end_all(user.pk)
    audit.record(actor=self_actor(user), action=action, obj=user)
    return user


@transaction.atomic
def password_change(*, user: User, current: str, new: str, actor: Actor) -> User:
    """Change one's own password, knowing the present one; all sessions but the caller's end by the raised epoch."""
    from kernel.auth import LoginFailed

    _require_self(actor, user)
    if not user.check_password(current):
        raise LoginFailed(field="current")
    user.set_password(new)
    user.save(update_fields=["password", "auth_epoch"])
    audit.record(actor=actor, action="accounts.password_changed", obj=user)
    return user


@transaction.atomic
def sign_out_everywhere(*, user: User, actor: Actor, keep_session: str = "") -> int:
    """End the account's sessions, except for one. For oneself, or by staff with the right to."""
    if str(user.pk) != actor.id:
        actor.require(STAFF_EDIT)
    ended = sessions.end_all(user.pk, but=keep_session)
    audit.record(actor=actor, action="accounts.signed_out_everywhere", obj=user, after={"sessions": ended})
    return ended


@transaction.atomic
def session_end(*, user: User, session_prefix: str, actor: Actor) -> None:
    """End one of one's own sessions, named by the first characters of its key's hash (selectors.sessions_of)."""
    from .selectors import sessions_of

    _require_self(actor, user)
    for device in sessions_of(user):
        if device.handle == session_prefix:
            device.row.delete()
            audit.record(actor=actor, action="accounts.session_ended", obj=user, after={"ip": device.row.ip})


def _require_self(actor: Actor, user: User) -> None:
    from kernel.errors import NotFound

    if actor.id != str(user.pk):
        raise NotFound


@transaction.atomic
def settings_update(*, user: User, language: str, time_zone: str, name: str | None = None, actor: Actor) -> User:
    """One's own language, time zone and, for staff, name. A new name has its line: names speak for who is whom."""
    _require_self(actor, user)
    before = user.name
    user.language, user.time_zone = language, time_zone
    if name is not None:
        user.name = name.strip()[:120]
    user.save(update_fields=["language", "time_zone", "name"])
    if user.name != before:
        audit.record(
            actor=actor, action="accounts.user_updated", obj=user, before={"name": before}, after={"name": user.name}
        )  # fmt: skip
    return user


@transaction.atomic
def user_update(
    *, user: User, name: str, roles: Sequence[Role | str], team: Team | None, languages: Sequence[str], active: bool,
    actor: Actor,
) -> User:  # fmt: skip
    """Change a member of staff. Losing activity or rights ends their sessions. Raises GrantsTooWide, LastOwner."""
    actor.require(STAFF_EDIT)
    chosen = _roles_of(roles)
    user = User.objects.select_for_update().get(pk=user.pk, realm=Realm.STAFF)
    held = list(user.roles.all())
    _require_within(actor, [role for role in {*chosen, *held} if (role in held) != (role in chosen)])
    if active != user.active:
        _require_within(actor, held)
    if team != user.team and str(user.pk) == actor.id and Reach.TEAM in actor.grants.values():
        raise GrantsTooWide(team=str(team or ""))  # what is granted to the team's reach goes along to another team
    before = _facts(user, held)
    user.name, user.team, user.languages, user.active = name.strip()[:120], team, list(languages), active
    user.save(update_fields=["name", "team", "languages", "active"])
    user.roles.set(chosen)
    if not User.objects.filter(realm=Realm.STAFF, active=True, roles__code="owner").exists():
        raise LastOwner
    if not active:
        sessions.end_all(user.pk)
    old, new = audit.changes(before, _facts(user, chosen))
    audit.record(actor=actor, action="accounts.user_updated", obj=user, before=old, after=new)
    return user


def _facts(user: User, roles: list[Role]) -> dict[str, Any]:
    return {
        "name": user.name,
        "team": str(user.team or ""),
        "languages": list(user.languages),
        "active": user.active,
        "roles": sorted(role.code for role in roles),
    }


@transaction.atomic
def second_factor_reset(*, user: User, reason: str, actor: Actor) -> None:
    """Take away a lost second factor; the next log-in enrols a new one. All sessions end.

    Raises GrantsTooWide for an account that may more than the actor: its protection is not theirs to lower.
    """
    actor.require(STAFF_EDIT)
    _require_within(actor, user.roles.all())
    User.objects.filter(pk=user.pk).update(
        totp_sealed=None, totp_confirmed_at=None, recovery_codes=[], factor_failures=0, factor_locked_until=None
    )
    sessions.end_all(user.pk)
    audit.record(actor=actor, action="accounts.second_factor_reset", obj=user, reason=reason)


@transaction.atomic
def team_save(*, team: Team | None, name: str, languages: Sequence[str], actor: Actor) -> Team:
    """Make or change a team. Raises Invalid for a name that is taken."""
    from django.utils.translation import pgettext_lazy

    actor.require(STAFF_EDIT)
    row = team or Team()
    before = {"name": row.name, "languages": list(row.languages)} if team else {}
    row.name, row.languages, row.updated_at = name.strip()[:80], list(languages), clock.now()
    try:
        with transaction.atomic():
            row.save()
    except IntegrityError as error:
        raise Invalid(pgettext_lazy("account", "There is already a team with this name."), field="name") from error
    old, new = audit.changes(before, {"name": row.name, "languages": list(row.languages)})
    audit.record(actor=actor, action="accounts.team_saved", obj=row, before=old, after=new)
    return row


@transaction.atomic
def role_save(
    *, role: Role | None, name: str, grants: dict[str, int], masks: Sequence[str], second_factor_required: bool,
    actor: Actor,
) -> Role:  # fmt: skip
    """Make or change a role. Grants of unknown rights are refused; nobody grants beyond their own reach.

    A role that reaches beyond the actor's own rights is not theirs to change at all: not to narrow, nor to let in
    without a second factor. Raises GrantsTooWide.
    """
    from kernel.ids import short_id

    actor.require(STAFF_EDIT)
    if unknown := [code for code in grants if not known(code)]:
        raise Invalid(field="grants", codes=unknown)
    row = role or Role(code=f"role_{short_id(8)}")
    before = _role_facts(row) if role else {}
    if role is not None:
        _require_within(actor, [row])
    row.name, row.grants, row.masks = name.strip()[:60], dict(grants), list(masks)
    row.second_factor_required, row.updated_at = second_factor_required, clock.now()
    row.undecided = None  # whoever saves a role has seen all rights and decided about the new ones
    _require_within(actor, [row])
    row.save()
    old, new = audit.changes(before, _role_facts(row))
    audit.record(actor=actor, action="accounts.role_saved", obj=row, before=old, after=new)
    return row


def _role_facts(role: Role) -> dict[str, Any]:
    return {
        "name": role.name,
        "grants": dict(role.grants),
        "masks": list(role.masks),
        "second_factor_required": role.second_factor_required,
    }


@transaction.atomic
def role_delete(*, role: Role, actor: Actor) -> None:
    """Delete a role that nobody holds. Raises RoleInUse."""
    actor.require(STAFF_EDIT)
    if role.code == "owner" or User.objects.filter(roles=role).exists():
        raise RoleInUse
    audit.record(actor=actor, action="accounts.role_deleted", obj=role, before=_role_facts(role))
    role.delete()


def self_actor(user: AbstractAccount, ip: str | None = None) -> Actor:
    """An account acting on itself before it is logged in: for audit lines, without any right."""
    return Actor(kind=getattr(user, "realm", "staff"), id=str(user.pk), label=user.name or user.email, ip=ip)
