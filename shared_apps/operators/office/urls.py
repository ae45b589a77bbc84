from __future__ import annotations

from django.urls import path

from . import views

urlpatterns = [
    path("break-glass/", views.enter, name="break-glass"),
    path("break-glass/leave/", views.leave, name="break-glass-leave"),
]
