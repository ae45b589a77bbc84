"""The same addresses on portal and office."""

from __future__ import annotations

from django.urls import path, re_path

from . import assets

urlpatterns = [
    re_path(r"^brand/(?P<digest>[0-9a-f]{16})\.css$", assets.stylesheet, name="stylesheet"),
    re_path(r"^brand/(?P<role>logo|logo_dark|mark)-(?P<digest>[0-9a-f]{16})\.png$", assets.picture, name="picture"),
    re_path(r"^brand/mark-(?P<digest>[0-9a-f]{16})\.svg$", assets.mark, name="mark"),
    path("manifest.webmanifest", assets.manifest, name="manifest"),
]
