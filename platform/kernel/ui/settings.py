"""Django settings the design system needs; `config.settings` imports these constants.

Cotton and template-partials each rewrite TEMPLATES at start-up when installed by their short names, and then clash;
both are therefore installed by their "simple" configuration and the loader chain is spelt out here.
"""

from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[3]
THEMES_DIR = ROOT / "themes"
STATIC_DIST = ROOT / "static" / "dist"

UI_APPS: list[str] = [
    "django_cotton.apps.SimpleAppConfig",
    "template_partials.apps.SimpleAppConfig",
    "django.forms",
    "kernel.ui.apps.UiConfig",
]

FORM_RENDERER = "kernel.ui.forms.FormRenderer"

# A component sees its own attributes and the context processors, never the variables of the page around it.
COTTON_ISOLATE_BY_DEFAULT = True

TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [],
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.messages.context_processors.messages",
                "kernel.ui.context.ui",
            ],
            "loaders": [
                (
                    "template_partials.loader.Loader",
                    [("kernel.ui.loaders.CachedThemeLoader", ["kernel.ui.loaders.ThemeLoader"])],
                )
            ],
            "builtins": [
                "django.templatetags.i18n",
                "django.templatetags.static",
                "django_cotton.templatetags.cotton",
                "template_partials.templatetags.partials",
                "kernel.ui.templatetags.ui",
            ],
        },
    }
]
