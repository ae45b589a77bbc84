"""Addresses of log-in, staff, teams and roles in the office."""

from __future__ import annotations

from django.urls import path

from tenant_apps.accounts import flows
from tenant_apps.accounts.models import Realm

from . import views

STAFF = {"realm": Realm.STAFF}

urlpatterns = [
    path("login/", flows.LoginView.as_view(**STAFF), name="login"),
    path("second-factor/", flows.SecondFactorView.as_view(**STAFF), name="second-factor"),
    path("logout/", flows.LogoutView.as_view(**STAFF), name="logout"),
    path("password/forgot/", flows.ForgotView.as_view(**STAFF), name="forgot"),
    path("password/reset/<str:token>/", flows.ResetView.as_view(**STAFF), name="reset"),
    path("invitation/<str:token>/", flows.ResetView.as_view(**STAFF, purpose="invite"), name="invitation"),
    path("me/", views.me, name="me"),
    path("me/password/", views.me_password, name="me-password"),
    path("me/sessions/end/", views.me_sessions_end, name="me-sessions-end"),
    path("staff/", views.staff_list, name="staff"),
    path("staff/invite/", views.staff_invite, name="staff-invite"),
    path("staff/<uuid:user_id>/", views.staff_edit, name="staff-edit"),
    path("staff/<uuid:user_id>/invite-again/", views.staff_invite_again, name="staff-invite-again"),
    path("staff/<uuid:user_id>/second-factor/reset/", views.staff_factor_reset, name="staff-factor-reset"),
    path("staff/<uuid:user_id>/sign-out/", views.staff_sign_out, name="staff-sign-out"),
    path("staff/teams/", views.team_list, name="teams"),
    path("staff/teams/new/", views.team_edit, name="team-new"),
    path("staff/teams/<uuid:team_id>/", views.team_edit, name="team-edit"),
    path("staff/roles/", views.role_list, name="roles"),
    path("staff/roles/new/", views.role_edit, name="role-new"),
    path("staff/roles/<uuid:role_id>/", views.role_edit, name="role-edit"),
    path("staff/roles/<uuid:role_id>/delete/", views.role_delete, name="role-delete"),
]
