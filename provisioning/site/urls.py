from __future__ import annotations

from django.urls import path

from . import views

urlpatterns = [
    path("sign-up/company/", views.company, name="company"),
    path("sign-up/slug/", views.slug, name="slug"),
    path("sign-up/look/", views.look, name="look"),
    path("sign-up/look/preview/", views.look_preview, name="look-preview"),
    path("sign-up/look/frame/", views.look_frame, name="look-frame"),
    path("sign-up/look/preview.css", views.look_css, name="look-css"),
    path("sign-up/owner/", views.owner, name="owner"),
    path("sign-up/progress/", views.progress, name="progress"),
    path("sign-up/progress/retry/", views.retry, name="retry"),
    path("sign-up/progress/enter/", views.enter, name="enter"),
]
