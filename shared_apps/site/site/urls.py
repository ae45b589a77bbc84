from __future__ import annotations

from django.urls import path

from . import views

urlpatterns = [
    path("", views.home, name="home"),
    path("sign-up/", views.begin, name="begin"),
    path("sign-up/code/", views.code, name="code"),
    path("sign-up/resume/<str:token>/", views.resume, name="resume"),
]
