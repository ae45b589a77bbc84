"""The one address clients have here: the way out."""

from __future__ import annotations

from django.urls import path

from . import views

urlpatterns = [path("mail/unsubscribe/<str:token>/", views.unsubscribe, name="unsubscribe")]
