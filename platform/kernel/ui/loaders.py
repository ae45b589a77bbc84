"""Template loaders that look into the current tenant's theme first, then into the base theme, then into the apps."""

from functools import lru_cache
from pathlib import Path
from typing import Any

from django.conf import settings
from django.template import Origin, Template
from django.template.loaders import cached
from django.template.utils import get_app_template_dirs
from django_cotton.cotton_loader import Loader as CottonLoader  # type: ignore[import-untyped]

from kernel.ui.context import BASE_THEME, current_theme
from kernel.ui.settings import THEMES_DIR


@lru_cache(maxsize=1)
def installed_themes() -> frozenset[str]:
    """Names of the theme folders shipped with the product."""
    return frozenset(path.parent.name for path in THEMES_DIR.glob("*/theme.toml"))


def theme_directories(theme: str) -> list[Path]:
    """Template folders of `theme`, most specific first; an unknown name means the base theme alone."""
    names = [BASE_THEME] if theme == BASE_THEME or theme not in installed_themes() else [theme, BASE_THEME]
    return [THEMES_DIR / name / "templates" for name in names]


class ThemeLoader(CottonLoader):
    """Cotton's compiling loader over the folders of the theme in force for this request."""

    def get_dirs(self) -> list[Path]:
        """Folders for the current theme; not memoised, because the theme changes with the tenant."""
        return [*theme_directories(current_theme()), *map(Path, get_app_template_dirs("templates"))]


class CachedThemeLoader(cached.Loader):
    """Compiled templates, one cache entry per theme, so no tenant is ever served another theme's template."""

    def cache_key(self, template_name: str, skip: list[Origin] | None = None) -> str:
        """Put the theme in front of Django's own key."""
        return f"{current_theme()}:{super().cache_key(template_name, skip)}"

    def get_template(self, template_name: str, skip: list[Origin] | None = None) -> Template:
        """Compile anew on every request in DEBUG, so that an edit shows without a restart."""
        if settings.DEBUG:
            self.get_template_cache.pop(self.cache_key(template_name, skip), None)
        template: Any = super().get_template(template_name, skip)
        return template
