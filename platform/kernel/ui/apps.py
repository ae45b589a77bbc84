"""Start-up of the design system."""

from typing import Any

from django.apps import AppConfig
from django.utils.html import conditional_escape

from kernel.ui.settings import COTTON_ISOLATE_BY_DEFAULT


def quoted_attribute(value: object) -> str:
    """Return `value` as a double-quoted HTML attribute value that no content can break out of."""
    text: Any = value
    return '"' + str(conditional_escape(text)).replace('"', "&quot;") + '"'


class UiConfig(AppConfig):
    """Makes the component engine safe: attributes cannot break out, components do not see the page's variables."""

    name = "kernel.ui"
    label = "ui"

    def ready(self) -> None:
        """Replace cotton's attribute quoting: it passes values that begin and end with a quote through as they are.

        A client called `" autofocus onfocus="…"` would otherwise add attributes to any component that forwards
        `{{ attrs }}`.
        """
        from django.conf import settings

        if not hasattr(settings, "COTTON_ISOLATE_BY_DEFAULT"):
            settings.COTTON_ISOLATE_BY_DEFAULT = COTTON_ISOLATE_BY_DEFAULT
        import django_cotton.templatetags as cotton_attributes  # type: ignore[import-untyped]

        cotton_attributes.ensure_quoted = quoted_attribute
