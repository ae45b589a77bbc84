"""Four eyes for payments: the rule itself stands with the clients, as wallets need it too."""

from tenant_apps.clients.eyes import as_shown, others_required, shown

__all__ = ["as_shown", "others_required", "shown"]
