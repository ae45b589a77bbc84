"""MetaTrader 5 through a service beside its Manager API, which speaks the message contract of README.md."""

from tenant_apps.trading.adapters.mt5_manager.client import Mt5ManagerPlatform
from tenant_apps.trading.adapters.mt5_manager.config import Mt5ManagerConfig

__all__ = ["Mt5ManagerConfig", "Mt5ManagerPlatform"]
