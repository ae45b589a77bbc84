"""The demo's accounts at providers: the sandboxes know them, and each offers something in every currency it takes."""

from __future__ import annotations

from pathlib import Path

import pytest

from launcher import sandboxes
from provisioning.demo.brokers import BROKERS, IPEKYOLU, Broker, Provider
from tenant_apps.payments import registry

HOSTED = [(broker, provider) for broker in BROKERS for provider in broker.providers]


@pytest.mark.parametrize(("broker", "provider"), HOSTED, ids=lambda item: getattr(item, "name", ""))
def test_every_currency_of_an_account_has_a_way_to_pay(broker: Broker, provider: Provider) -> None:
    capabilities = registry.capabilities(provider.kind)
    offered = [method for method in capabilities.methods if method.code in provider.methods]
    assert len(offered) == len(provider.methods)
    assert set(provider.limits) <= set(broker.currencies)
    for currency in provider.limits:
        assert any(method.currencies is None or currency in method.currencies for method in offered)
    assert set(provider.payouts) <= {method.code for method in capabilities.payout_methods}


@pytest.mark.parametrize(("broker", "provider"), HOSTED, ids=lambda item: getattr(item, "name", ""))
def test_every_provider_has_a_sandbox_in_the_demo(broker: Broker, provider: Provider) -> None:
    name = {"bank_wire": "bank"}.get(provider.kind, provider.kind)
    assert sandboxes.is_present(name)
    at = sandboxes.Place(Path("x"), 8425, {})
    assert sandboxes.TABLE[name].variables(at) == {f"SANDBOX_{name.upper()}_URL": "http://127.0.0.1:8425"}


def test_the_sandbox_that_lets_nobody_in_was_told_of_the_demos_merchant() -> None:
    (provider,) = (one for one in IPEKYOLU.providers if one.kind == "freedompay")
    told = sandboxes.TABLE["freedompay"].flags(sandboxes.Place(Path("x"), 8425, {}))
    merchant = [
        provider.settings["merchant_id"],
        provider.credentials["secret_key"],
        provider.credentials["payout_key"],
    ]
    assert told == ["--merchant", ":".join([*merchant, IPEKYOLU.name])]
