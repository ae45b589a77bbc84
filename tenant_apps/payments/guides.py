"""Guides for who connects a provider: ours in docs/providers, a package's own `guide.md` beside its adapter."""

from __future__ import annotations

import sys
from pathlib import Path

from django.conf import settings

from . import registry

OURS = Path(settings.ROOT) / "docs" / "providers"


def guide_of(kind: str) -> str | None:
    """The guide of an installed kind as Markdown; None where there is none. `kind` may come from an address."""
    adapter = registry.adapters().get(kind)
    if adapter is None:
        return None
    module = getattr(sys.modules.get(adapter.__module__), "__file__", None)
    places = [OURS / f"{kind}.md"] if kind in registry.BUILT_IN else []
    places += [Path(module).parent / "guide.md"] if module else []
    return next((place.read_text(encoding="utf-8") for place in places if place.is_file()), None)
