"""MetaTrader 5 over its Web API (REST over HTTPS, or the text protocol over TCP)."""

from tenant_apps.trading.adapters.mt5.client import Mt5Platform
from tenant_apps.trading.adapters.mt5.config import Mt5Config

__all__ = ["Mt5Config", "Mt5Platform"]
