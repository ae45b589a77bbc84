"""The desk of changes stands with the wallets, as they need it too; payments' own modules take it from here."""

from tenant_apps.wallets.services.changes import (
    ChangeStale,
    ChangeWaits,
    Kind,
    change_approve,
    change_propose,
    change_refuse,
    kinds,
    register,
)

__all__ = [
    "ChangeStale", "ChangeWaits", "Kind", "change_approve", "change_propose", "change_refuse", "kinds", "register",
]  # fmt: skip
