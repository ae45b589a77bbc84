"""cTrader over its Manager's API (protobuf over TLS) and WebServices (REST)."""

from tenant_apps.trading.adapters.ctrader.client import CTraderPlatform
from tenant_apps.trading.adapters.ctrader.config import CTraderConfig

__all__ = ["CTraderConfig", "CTraderPlatform"]
