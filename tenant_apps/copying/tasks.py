"""What recurs: the figures, every hour."""

from __future__ import annotations

from kernel.schedule import every_for_tenants

from .services.sweeping import sweep


@every_for_tenants(3600.0, "copying.refresh", queue="reports")
def refresh() -> int:
    return sweep()
