"""The same addresses in office and portal."""

from __future__ import annotations

from django.urls import path

from . import views

urlpatterns = [
    path("notifications/", views.everything, name="list"),
    path("notifications/bell/", views.bell, name="bell"),
    path("notifications/read/", views.read_all, name="read"),
    path("notifications/<uuid:notification_id>/open/", views.open_one, name="open"),
]
