"""Collects a surface's addresses: each installed app may have `<surface>/urls.py`; the kernel adds health and live."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import Any

from django.apps import apps
from django.urls import URLPattern, URLResolver, include, path

from kernel import health
from kernel.ui.language import set_language


def surface_urls(surface: str) -> list[URLPattern | URLResolver]:
    """`tenant_apps.payments.portal.urls` is mounted in the portal under its own paths, namespace = the app's label."""
    found: list[URLPattern | URLResolver] = [
        path("healthz/live", health.live, name="health-live"),
        path("healthz/ready", health.ready, name="health-ready"),
        path("i18n/setlang/", set_language, name="set-language"),
    ]
    for config in apps.get_app_configs():
        name = f"{config.name}.{surface}.urls"
        if find_spec(f"{config.name}.{surface}") and find_spec(name):
            module: Any = import_module(name)
            found.append(path("", include((module.urlpatterns, config.label), namespace=config.label)))
    return found
