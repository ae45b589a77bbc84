"""Addresses of log-in and log-out in the portal."""

from __future__ import annotations

from django.urls import path

from tenant_apps.accounts import flows
from tenant_apps.accounts.models import Realm

CLIENT = {"realm": Realm.CLIENT}

urlpatterns = [
    path("login/", flows.LoginView.as_view(**CLIENT), name="login"),
    path("second-factor/", flows.SecondFactorView.as_view(**CLIENT), name="second-factor"),
    path("logout/", flows.LogoutView.as_view(**CLIENT), name="logout"),
    path("password/forgot/", flows.ForgotView.as_view(**CLIENT), name="forgot"),
    path("password/reset/<str:token>/", flows.ResetView.as_view(**CLIENT), name="reset"),
]
