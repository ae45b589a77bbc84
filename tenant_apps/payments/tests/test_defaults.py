"""A new brokerage can take money at once where sandboxes are, and waits for keys where they are not."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.tests.support import Sandbox
from tenant_apps.payments import defaults
from tenant_apps.payments.models import MethodRule, ProviderAccount, WithdrawalPolicy
from tenant_apps.payments.services.checks import iban_good
from tenant_apps.payments.services.offers import offers_for
from tenant_apps.payments.services.providers import provider_account_test

from .support import SYSTEM, make_client


def test_at_the_sandbox_everything_works_at_once(tenant: Any, settings: Any, stripe_server: Sandbox) -> None:
    settings.SANDBOX = {"stripe_url": stripe_server.url.replace("127.0.0.1", "stripe.localhost")}
    stripe, bank = defaults.ensure("eu_retail")
    again = defaults.ensure("eu_retail")
    assert [account.pk for account in again] == [stripe.pk, bank.pk]
    assert (ProviderAccount.objects.count(), MethodRule.objects.count()) == (2, 5)
    assert provider_account_test(actor=SYSTEM, account=stripe).details == ("DE · EUR",)
    assert iban_good(bank.settings["iban"])
    client = make_client()
    assert [offer.method.code for offer in offers_for(client, "EUR")] == ["card", "klarna", "sepa_debit"]
    unverified = make_client(kyc_state="none", kyc_level=0)
    assert offers_for(unverified, "EUR") == []
    dutch = make_client(country="NL")
    assert [offer.method.code for offer in offers_for(dutch, "EUR")] == ["card", "klarna", "ideal", "sepa_debit"]


@pytest.mark.parametrize("preset", list(defaults.PRESETS))
def test_without_sandboxes_accounts_wait_for_keys(tenant: Any, settings: Any, preset: str) -> None:
    settings.SANDBOX = {}
    settings.DEMO = False
    accounts = defaults.ensure(preset)
    assert [account.enabled for account in accounts] == [False, False]
    assert offers_for(make_client(country="AE"), "USD") == []
    assert set(WithdrawalPolicy.objects.values_list("currency", flat=True)) == set(defaults.PRESETS[preset].currencies)


@pytest.mark.parametrize("country", ["DE", "AE", "KZ"])
def test_account_numbers_are_well_formed(country: str) -> None:
    assert iban_good(defaults.iban_for(country, b"seed"))
