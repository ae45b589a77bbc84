"""Four eyes for payments: the rule itself stands with the clients, as wallets need it too."""

from tenant_apps.clients.eyes import others_required

__all__ = ["others_required"]
