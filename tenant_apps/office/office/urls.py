"""Addresses of the office's own pages."""

from __future__ import annotations

from django.urls import path

from . import audit, views

urlpatterns = [
    path("", views.dashboard, name="dashboard"),
    path("find/", views.find, name="find"),
    path("audit/", audit.trail, name="audit"),
    path("audit/verify/", audit.verify, name="audit-verify"),
    path("audit/export/", audit.export, name="audit-export"),
]
