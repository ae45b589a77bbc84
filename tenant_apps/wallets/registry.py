"""Which sources of exchange rates there are: ours, and those of installed packages (entry points `rialto.rate_sources`)."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any

from kernel.logs import log

from .ports import RateSource

GROUP = "rialto.rate_sources"
LONGEST_KIND = 14  # the column
BUILT_IN = {
    "ecb": "tenant_apps.wallets.adapters.ecb:EcbSource",
    "manual": "tenant_apps.wallets.adapters.manual:ManualSource",
}


@cache
def sources() -> dict[str, RateSource]:
    """Source by kind. A package's source that does not load is logged and left out; ours must load."""
    found: dict[str, RateSource] = {}
    for kind, target in BUILT_IN.items():
        module, _, name = target.partition(":")
        found[kind] = getattr(import_module(module), name)()
    for entry in entry_points(group=GROUP):
        if entry.name in found or len(entry.name) > LONGEST_KIND:
            continue
        try:
            found[entry.name] = entry.load()()
        except Exception:  # noqa: BLE001 - somebody else's package must not take the exchange down
            log.exception("rate_source_broken", kind=entry.name)
    return found


def label(kind: str) -> Any:
    """What people read for a source; of one that is gone, its kind."""
    known = sources().get(kind)
    return known.label if known else kind
