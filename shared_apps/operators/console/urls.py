from __future__ import annotations

from django.urls import path

from . import log_in, views

urlpatterns = [
    path("login/", log_in.LoginView.as_view(), name="login"),
    path("second-factor/", log_in.SecondFactorView.as_view(), name="second-factor"),
    path("logout/", log_in.logout, name="logout"),
    path("invitation/<str:token>/", log_in.InvitationView.as_view(), name="invitation"),
    path("me/", views.me, name="me"),
    path("me/recovery-codes/", views.me_recovery_codes, name="me-recovery-codes"),
    path("operators/", views.operator_list, name="list"),
    path("operators/new/", views.operator_new, name="new"),
    path("operators/<uuid:operator_id>/", views.operator_edit, name="edit"),
    path("operators/<uuid:operator_id>/second-factor/reset/", views.operator_factor_reset, name="factor-reset"),
]
