"""Settings from the environment: typed, and refused at start when they cannot be meant so."""

from __future__ import annotations

import pytest

from config import env


def test_private_addresses_are_hosts_with_ports(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RIALTO_PRIVATE_ADDRESSES", " MT5.internal:443, 10.1.2.3:5011 ,")
    assert env.addresses("RIALTO_PRIVATE_ADDRESSES") == {"mt5.internal:443", "10.1.2.3:5011"}
    monkeypatch.delenv("RIALTO_PRIVATE_ADDRESSES")
    assert env.addresses("RIALTO_PRIVATE_ADDRESSES") == frozenset()


@pytest.mark.parametrize("value", ["mt5.internal", "mt5.internal:", ":443", "https://mt5.internal"])
def test_an_address_without_a_port_is_refused(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("RIALTO_PRIVATE_ADDRESSES", value)
    with pytest.raises(env.SettingMissing):
        env.addresses("RIALTO_PRIVATE_ADDRESSES")
