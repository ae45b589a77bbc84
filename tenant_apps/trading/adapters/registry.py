"""Which adapter speaks with a server, by the server's kind, and what its configuration takes of a server's settings."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Protocol

from tenant_apps.trading.adapters.ctrader import CTraderConfig, CTraderPlatform
from tenant_apps.trading.adapters.mt5 import Mt5Config, Mt5Platform
from tenant_apps.trading.adapters.mt5_manager import Mt5ManagerConfig, Mt5ManagerPlatform
from tenant_apps.trading.ports import TradingPlatform


class Config(Protocol):
    """What every adapter's configuration has; two that are equal make the same connection."""

    @property
    def server(self) -> str:
        """Our name of the server."""


@dataclass(frozen=True, slots=True)
class Adapter:
    """How to make an adapter's configuration (of what all have, and of `settings`) and its platform."""

    config: Callable[..., Config]
    settings: Callable[[Mapping[str, Any]], dict[str, Any]]
    platform: Callable[..., TradingPlatform]
    groups_have_currency: bool = True
    """Otherwise an account's currency is chosen when it is opened, and `group_currencies` of the configuration says it."""
    investor_password: bool = True
    copying: bool = False
    """Whether following a strategy, and stopping, can be asked of the server, and it tells who follows."""


def _mt5(settings: Mapping[str, Any]) -> dict[str, Any]:
    patience = {"call_seconds": float(settings["call_seconds"])} if settings.get("call_seconds") else {}
    return {
        **patience,
        "transport": settings.get("transport") or "https",
        "server_zone": settings.get("server_zone") or None,
        "server_zone_shift": timedelta(hours=float(settings.get("server_zone_shift_hours", 0))),
    }


_CTRADER_TEXTS = (
    *("web_host", "account_type", "margin_calculation", "external_id_field", "correction_source"),
    *("deposit_currency", "lot_size_unit", "lot_symbol"),
)


def _ctrader(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Left out is what the configuration has a value for; plant, environment and broker are not."""
    values: dict[str, Any] = {name: str(settings.get(name, "")) for name in ("plant", "environment", "broker")}
    values |= {name: str(settings[name]) for name in _CTRADER_TEXTS if settings.get(name)}
    if settings.get("web_port"):
        values["web_port"] = int(settings["web_port"])
    if settings.get("group_currencies"):
        values["group_currencies"] = dict(settings["group_currencies"])
    return {**values, "link_ctid": bool(settings.get("link_ctid", False))}


def _mt5_manager(settings: Mapping[str, Any]) -> dict[str, Any]:
    return {"fingerprint": str(settings.get("fingerprint") or "")}


ADAPTERS: Mapping[str, Adapter] = {
    "mt5": Adapter(Mt5Config, _mt5, Mt5Platform),
    "ctrader": Adapter(CTraderConfig, _ctrader, CTraderPlatform, groups_have_currency=False, investor_password=False),
    "mt5_manager": Adapter(Mt5ManagerConfig, _mt5_manager, Mt5ManagerPlatform),
}
