"""Staff, teams, roles and one's own security in the office."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import pgettext, pgettext_lazy
from django.views.decorators.http import require_POST

from kernel.actors import Reach
from kernel.errors import AppError, NotFound
from kernel.guards import guard, signed_in
from kernel.pages import page
from kernel.permissions import all_permissions
from tenant_apps.accounts import selectors, services
from tenant_apps.accounts.forms import InviteForm, PasswordChangeForm, SettingsForm, StaffEditForm, TeamForm
from tenant_apps.accounts.models import MASKABLE, Role, Team, User


def _own(request: HttpRequest) -> User:
    account = request.account  # type: ignore[attr-defined]
    if not account:
        raise NotFound  # an operator inside a brokerage has no account here
    user: User = User.objects.prefetch_related("roles").get(pk=account.pk)
    return user


@signed_in
def me(request: HttpRequest) -> HttpResponse:
    """One's own name, language, time zone, password, second factor and devices."""
    user = _own(request)
    form = SettingsForm(
        request.POST or None,
        initial={"name": user.name, "language": user.language or request.LANGUAGE_CODE, "time_zone": user.time_zone},  # type: ignore[attr-defined]
    )
    if request.method == "POST" and form.is_valid():
        services.settings_update(user=user, actor=request.actor, **form.cleaned_data)  # type: ignore[attr-defined]
        messages.success(request, pgettext("account", "Your settings are saved."))
        response = redirect("accounts:me")
        response.set_cookie(
            "language", form.cleaned_data["language"], max_age=365 * 24 * 3600, samesite="Lax", httponly=True
        )
        return response
    return _me_page(request, user, form, PasswordChangeForm())


def _me_page(
    request: HttpRequest, user: User, form: SettingsForm, password_form: PasswordChangeForm, status: int = 200
) -> HttpResponse:
    values = {
        "user": user,
        "form": form,
        "password_form": password_form,
        "devices": selectors.sessions_of(user, request.session.session_key or ""),
        "codes_left": len(user.recovery_codes),
    }
    return page(request, "accounts/me.html", values, status=status)


@signed_in
@require_POST
def me_password(request: HttpRequest) -> HttpResponse:
    user = _own(request)
    form = PasswordChangeForm(request.POST)
    if form.is_valid():
        try:
            changed = services.password_change(
                user=user,
                current=form.cleaned_data["current"],
                new=form.cleaned_data["password"],
                actor=request.actor,  # type: ignore[attr-defined]
            )
        except AppError as error:
            form.refuse(error)
        else:
            request.session["epoch"] = changed.auth_epoch
            messages.success(request, pgettext("account", "Your password is changed; other devices are signed out."))
            return redirect("accounts:me")
    initial = {"name": user.name, "language": user.language, "time_zone": user.time_zone}
    return _me_page(request, user, SettingsForm(initial=initial), form, 422)


@signed_in
@require_POST
def me_sessions_end(request: HttpRequest) -> HttpResponse:
    """End one device's session, or all but this one."""
    user = _own(request)
    actor = request.actor  # type: ignore[attr-defined]
    if handle := request.POST.get("session"):
        services.session_end(user=user, session_prefix=handle, actor=actor)
    else:
        services.sign_out_everywhere(user=user, actor=actor, keep_session=request.session.session_key or "")
    messages.success(request, pgettext("account", "Signed out."))
    return redirect("accounts:me")


@guard("accounts.staff.view")
def staff_list(request: HttpRequest) -> HttpResponse:
    actor = request.actor  # type: ignore[attr-defined]
    people = list(selectors.staff_list(actor))
    values = {"people": people, "may_edit": actor.may("accounts.staff.edit"), "tab": "staff"}
    return page(request, "accounts/staff_list.html", values)


@guard("accounts.staff.edit")
def staff_invite(request: HttpRequest) -> HttpResponse:
    form = InviteForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        try:
            user = services.user_invite(
                email=data["email"],
                name=data["name"],
                roles=list(data["roles"]),
                team=data["team"],
                actor=request.actor,  # type: ignore[attr-defined]
            )
        except AppError as error:
            form.refuse(error)
        else:
            messages.success(
                request, pgettext("staff", "The invitation to %(email)s is on its way.") % {"email": user.email}
            )
            return redirect("accounts:staff")
    values = {"form": form, "tab": "staff"}
    return page(request, "accounts/staff_invite.html", values, status=422 if form.errors else 200)


@guard("accounts.staff.view")
def staff_edit(request: HttpRequest, user_id: UUID) -> HttpResponse:
    actor = request.actor  # type: ignore[attr-defined]
    user = selectors.staff_get(actor, user_id)
    form = StaffEditForm.of(user, request.POST or None)
    if request.method == "POST" and form.is_valid():
        data = dict(form.cleaned_data)
        try:
            services.user_update(user=user, actor=actor, **{**data, "roles": list(data["roles"])})
        except AppError as error:
            form.refuse(error)
        else:
            messages.success(request, pgettext("staff", "Saved."))
            return redirect("accounts:staff-edit", user_id=user.pk)
    values = {
        "person": user,
        "form": form,
        "devices": selectors.sessions_of(user),
        "may_edit": actor.may("accounts.staff.edit"),
        "tab": "staff",
    }
    return page(request, "accounts/staff_edit.html", values, status=422 if form.errors else 200)


@guard("accounts.staff.edit")
@require_POST
def staff_invite_again(request: HttpRequest, user_id: UUID) -> HttpResponse:
    user = selectors.staff_get(request.actor, user_id)  # type: ignore[attr-defined]
    services.invitation_send(user=user, actor=request.actor)  # type: ignore[attr-defined]
    messages.success(request, pgettext("staff", "The invitation to %(email)s is on its way.") % {"email": user.email})
    return redirect("accounts:staff-edit", user_id=user.pk)


@guard("accounts.staff.edit")
@require_POST
def staff_factor_reset(request: HttpRequest, user_id: UUID) -> HttpResponse:
    user = selectors.staff_get(request.actor, user_id)  # type: ignore[attr-defined]
    reason = request.POST.get("reason", "")[:300]
    services.second_factor_reset(user=user, reason=reason, actor=request.actor)  # type: ignore[attr-defined]
    messages.success(request, pgettext("staff", "The next log-in sets up a new second factor."))
    return redirect("accounts:staff-edit", user_id=user.pk)


@guard("accounts.staff.edit")
@require_POST
def staff_sign_out(request: HttpRequest, user_id: UUID) -> HttpResponse:
    user = selectors.staff_get(request.actor, user_id)  # type: ignore[attr-defined]
    services.sign_out_everywhere(user=user, actor=request.actor)  # type: ignore[attr-defined]
    messages.success(request, pgettext("staff", "Signed out everywhere."))
    return redirect("accounts:staff-edit", user_id=user.pk)


@guard("accounts.staff.view")
def team_list(request: HttpRequest) -> HttpResponse:
    may_edit = request.actor.may("accounts.staff.edit")  # type: ignore[attr-defined]
    values = {"teams": selectors.teams(), "tab": "teams", "may_edit": may_edit}
    return page(request, "accounts/teams.html", values)


@guard("accounts.staff.edit")
def team_edit(request: HttpRequest, team_id: UUID | None = None) -> HttpResponse:
    team = get_object_or_404(Team, pk=team_id) if team_id else None
    initial = {"name": team.name, "languages": team.languages} if team else None
    form = TeamForm(request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            services.team_save(team=team, actor=request.actor, **form.cleaned_data)  # type: ignore[attr-defined]
        except AppError as error:
            form.refuse(error)
        else:
            messages.success(request, pgettext("staff", "Saved."))
            return redirect("accounts:teams")
    values = {"form": form, "team": team, "tab": "teams"}
    return page(request, "accounts/team_edit.html", values, status=422 if form.errors else 200)


@guard("accounts.staff.view")
def role_list(request: HttpRequest) -> HttpResponse:
    may_edit = request.actor.may("accounts.staff.edit")  # type: ignore[attr-defined]
    values = {"roles": selectors.roles(), "tab": "roles", "may_edit": may_edit}
    return page(request, "accounts/roles.html", values)


def _grants_from(request: HttpRequest) -> dict[str, int]:
    grants: dict[str, int] = {}
    for permission in all_permissions():
        value = request.POST.get(f"reach:{permission.code}", "0")
        reach = int(value) if value in {"0", "1", "2", "3"} else 0
        if reach:
            grants[permission.code] = reach if permission.scoped else int(Reach.ALL)
    return grants


@guard("accounts.staff.view")
def role_edit(request: HttpRequest, role_id: UUID | None = None) -> HttpResponse:
    """The role editor: every right with its reach, masked fields, second factor."""
    actor = request.actor  # type: ignore[attr-defined]
    role = get_object_or_404(Role, pk=role_id) if role_id else None
    problem = None
    if request.method == "POST":
        try:
            saved = services.role_save(
                role=role,
                name=request.POST.get("name", "").strip() or pgettext("staff", "New role"),
                grants=_grants_from(request),
                masks=[field for field in MASKABLE if request.POST.get(f"mask:{field}")],
                second_factor_required=bool(request.POST.get("second_factor_required")),
                actor=actor,
            )
        except AppError as error:
            problem = error
        else:
            messages.success(request, pgettext("staff", "Saved."))
            return redirect("accounts:role-edit", role_id=saved.pk)
    values: dict[str, Any] = {
        "role": role,
        "groups": _groups(role),
        "new_rights": [one for one in all_permissions() if role and one.code in (role.undecided or [])],
        "problem": problem,
        "may_edit": actor.may("accounts.staff.edit"),
        "tab": "roles",
    }
    return page(request, "accounts/role_edit.html", values, status=problem.status if problem else 200)


AREAS = {
    "accounts": pgettext_lazy("area of rights", "Staff"),
    "audit": pgettext_lazy("area of rights", "Audit"),
    "automation": pgettext_lazy("area of rights", "Automation"),
    "branding": pgettext_lazy("area of rights", "Brand"),
    "campaigns": pgettext_lazy("area of rights", "Campaigns"),
    "clients": pgettext_lazy("area of rights", "Clients"),
    "demo": pgettext_lazy("area of rights", "Demo"),
    "kyc": pgettext_lazy("area of rights", "Verification"),
    "leads": pgettext_lazy("area of rights", "Sales"),
    "ledger": pgettext_lazy("area of rights", "Ledger"),
    "payments": pgettext_lazy("area of rights", "Payments"),
    "bonuses": pgettext_lazy("area of rights", "Bonuses"),
    "reconciliation": pgettext_lazy("area of rights", "Reconciliation"),
    "reports": pgettext_lazy("area of rights", "Reports"),
    "trading": pgettext_lazy("area of rights", "Trading"),
    "wallets": pgettext_lazy("area of rights", "Wallets"),
}


def _groups(role: Role | None) -> list[tuple[str, list[tuple[Any, int]]]]:
    """Rights by the app they belong to, with the reach that the role grants."""
    groups: dict[str, list[tuple[Any, int]]] = {}
    for permission in all_permissions():
        app = permission.code.partition(".")[0]
        if app == "console":
            continue
        groups.setdefault(app, []).append((permission, int(role.grants.get(permission.code, 0)) if role else 0))
    return sorted((str(AREAS.get(app, app.title())), rows) for app, rows in groups.items())


@guard("accounts.staff.edit")
@require_POST
def role_delete(request: HttpRequest, role_id: UUID) -> HttpResponse:
    role = get_object_or_404(Role, pk=role_id)
    try:
        services.role_delete(role=role, actor=request.actor)  # type: ignore[attr-defined]
    except AppError as error:
        messages.error(request, str(error))
        return redirect("accounts:role-edit", role_id=role.pk)
    messages.success(request, pgettext("staff", "The role is deleted."))
    return redirect("accounts:roles")
