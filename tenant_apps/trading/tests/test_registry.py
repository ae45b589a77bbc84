"""A server's kind chooses its adapter, and its settings make the adapter's configuration."""

from datetime import timedelta
from typing import Any

import pytest

from kernel import secrets
from tenant_apps.trading import platforms
from tenant_apps.trading.adapters.ctrader import CTraderConfig, CTraderPlatform
from tenant_apps.trading.adapters.mt5 import Mt5Config, Mt5Platform
from tenant_apps.trading.adapters.mt5_manager import Mt5ManagerConfig, Mt5ManagerPlatform
from tenant_apps.trading.errors import NoServer
from tenant_apps.trading.models import TradingServer
from tenant_apps.trading.ports import PushingPlatform


def server_of(kind: str, settings: dict[str, Any]) -> TradingServer:
    server = TradingServer(kind=kind, name="one", host="one.example.test", port=5011, manager=7, settings=settings)
    server.save()
    secrets.credential_set(owner=server.secret_owner, name=platforms.PASSWORD, value="Secret-Pass1")
    return server


def test_an_mt5_server_is_spoken_to_as_before(tenant):
    server = server_of("mt5", {"server_zone": "Europe/Athens", "server_zone_shift_hours": 1, "sessions": 3})
    config = platforms.config_of(server, call_seconds=8.0)
    assert isinstance(config, Mt5Config)
    assert (config.server, config.host, config.port, config.manager) == ("one", "one.example.test", 5011, 7)
    assert (config.password, config.sessions, config.call_seconds) == ("Secret-Pass1", 3, 8.0)
    assert (config.server_zone, config.server_zone_shift) == ("Europe/Athens", timedelta(hours=1))
    platform = platforms.platform_for(server)
    assert isinstance(platform, Mt5Platform)
    assert not isinstance(platform, PushingPlatform)


def test_a_ctrader_server_needs_to_be_told_more(tenant):
    settings = {"plant": "p", "environment": "live", "broker": "b", "web_port": "8444", "deposit_currency": "EUR"}
    settings |= {"group_currencies": {"std-jpy": "JPY"}, "lot_size_unit": "cents", "link_ctid": True}
    server = server_of("ctrader", settings)
    config = platforms.config_of(server, sessions=1, call_seconds=8.0, connect_seconds=5.0)
    assert isinstance(config, CTraderConfig)
    assert (config.plant, config.environment, config.broker) == ("p", "live", "b")
    assert config.web_address() == ("one.example.test", 8444)
    assert [config.currency_of(group) for group in ("std-jpy", "other")] == ["JPY", "EUR"]
    assert (config.lot_size_unit, config.link_ctid, config.sessions, config.call_seconds) == ("cents", True, 1, 8.0)
    platform = platforms.platform_for(server)
    assert isinstance(platform, CTraderPlatform)
    assert isinstance(platform, PushingPlatform)


def test_what_is_not_told_has_a_value_except_who_we_are(tenant):
    config = platforms.config_of(server_of("ctrader", {}))
    assert isinstance(config, CTraderConfig)
    assert (config.web_port, config.deposit_currency, config.plant) == (8443, "USD", "")


def test_a_kind_nobody_speaks_is_no_server(tenant):
    with pytest.raises(NoServer):
        platforms.platform_for(server_of("abacus", {}))


def test_a_manager_bridge_is_known_by_secret_and_fingerprint(tenant):
    server = server_of("mt5_manager", {"fingerprint": ":".join(["AB"] * 32), "quiet_period": 5})
    config = platforms.config_of(server, sessions=3)
    assert isinstance(config, Mt5ManagerConfig)
    assert (config.manager, config.password, config.fingerprint) == (7, "Secret-Pass1", "ab" * 32)
    assert (config.ca_file, config.quiet_period.total_seconds()) == (None, 5)
    platform = platforms.platform_for(server)
    assert isinstance(platform, Mt5ManagerPlatform)
    assert isinstance(platform, PushingPlatform)
    assert (server.platform_name, server.get_kind_display()) == ("MT5", "MetaTrader 5 (Manager bridge)")
