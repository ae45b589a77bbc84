"""Addresses of lead capture on the portal's host."""

from __future__ import annotations

from django.urls import path

from . import views

urlpatterns = [
    path("welcome/", views.welcome, name="welcome"),
    path("embed/lead-form", views.embedded, name="embedded"),
    path("api/v1/leads", views.api, name="api"),
]
