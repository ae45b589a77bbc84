from __future__ import annotations

from django.urls import path

from . import views

urlpatterns = [
    path("brokers/new/", views.new, name="new"),
    path("runs/", views.runs, name="runs"),
    path("runs/<uuid:run_id>/", views.run, name="run"),
    path("runs/<uuid:run_id>/retry/", views.retry, name="retry"),
]
