"""Addresses of the portal's own pages."""

from __future__ import annotations

from django.urls import path

from . import views

urlpatterns = [
    path("", views.home, name="home"),
    path("profile/", views.profile, name="profile"),
    path("profile/contact/", views.contact, name="contact"),
    path("profile/password/", views.password, name="password"),
    path("profile/sessions/end/", views.sessions_end, name="sessions-end"),
    path("activity/", views.activity, name="activity"),
]
