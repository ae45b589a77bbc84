from __future__ import annotations

from django.urls import path

from . import views

urlpatterns = [
    path("enter/", views.enter, name="enter"),
    path("setup/", views.setup, name="setup"),
]
