from __future__ import annotations

from django.urls import path

from tenant_apps.branding.asset_urls import urlpatterns as assets

from . import views

urlpatterns = [
    *assets,
    path("branding/", views.editor, name="editor"),
    path("branding/preview/", views.preview, name="preview"),
    path("branding/preview/frame/", views.preview_frame, name="preview-frame"),
    path("branding/preview/mail/", views.preview_mail, name="preview-mail"),
    path("branding/preview/looks.css", views.preview_css, name="preview-css"),
    path("branding/picture/<str:role>/", views.picture, name="picture-set"),
    path("branding/publish/", views.publish, name="publish"),
    path("branding/discard/", views.discard, name="discard"),
    path("branding/versions/<uuid:version_id>/rollback/", views.rollback, name="rollback"),
    path("branding/languages/", views.languages, name="languages"),
    path("branding/domains/", views.domains, name="domains"),
]
