"""A new brokerage can take money at once where sandboxes are, and waits for keys where they are not."""

from __future__ import annotations

from typing import Any, cast

import pytest

from kernel import secrets
from sandbox.tests.support import Sandbox
from tenant_apps.payments import addresses, defaults
from tenant_apps.payments.adapters.stripe import StripeProvider
from tenant_apps.payments.models import ApprovalRule, MethodRule, ProviderAccount, WithdrawalPolicy
from tenant_apps.payments.services.checks import iban_good
from tenant_apps.payments.services.offers import offers_for
from tenant_apps.payments.services.providers import provider_account_test, provider_of

from .support import SYSTEM, make_client


def test_at_the_sandbox_everything_works_at_once(tenant: Any, settings: Any, stripe_server: Sandbox) -> None:
    settings.SANDBOX = {"stripe_url": stripe_server.url.replace("127.0.0.1", "stripe.localhost")}
    stripe, bank = defaults.ensure("eu_retail")
    again = defaults.ensure("eu_retail")
    assert [account.pk for account in again] == [stripe.pk, bank.pk]
    assert (ProviderAccount.objects.count(), MethodRule.objects.count()) == (2, 5)
    defaults.connect("eu_retail")
    assert provider_account_test(actor=SYSTEM, account=stripe).details == ("DE · EUR",)
    assert iban_good(bank.settings["iban"])
    client = make_client()
    assert [offer.method.code for offer in offers_for(client, "EUR")] == ["card", "klarna", "sepa_debit"]
    unverified = make_client(kyc_state="none", kyc_level=0)
    assert offers_for(unverified, "EUR") == []
    dutch = make_client(country="NL")
    assert [offer.method.code for offer in offers_for(dutch, "EUR")] == ["card", "klarna", "ideal", "sepa_debit"]


def endpoints(account: ProviderAccount) -> list[str]:
    """Where the provider calls for this account; other tests have left addresses of theirs at the sandbox."""
    client = cast(StripeProvider, provider_of(account))._client().v1
    mine = addresses.webhook_url(account.pk)
    return [known.url for known in client.webhook_endpoints.list({"limit": 100}).data if known.url == mine]


def test_the_webhook_is_arranged_apart_from_the_rows_and_once(
    tenant: Any, settings: Any, stripe_server: Sandbox
) -> None:
    settings.SANDBOX = {"stripe_url": stripe_server.url.replace("127.0.0.1", "stripe.localhost")}
    stripe, _ = defaults.ensure("eu_retail")
    assert endpoints(stripe) == []
    defaults.connect("eu_retail")
    secret = secrets.credential_get(owner=stripe.secrets_owner, name="webhook_secret")
    defaults.connect("eu_retail")
    assert endpoints(stripe) == [addresses.webhook_url(stripe.pk)]
    assert secrets.credential_get(owner=stripe.secrets_owner, name="webhook_secret") == secret


def test_killed_before_the_secret_was_stored_it_is_made_up_for(
    tenant: Any, settings: Any, stripe_server: Sandbox
) -> None:
    settings.SANDBOX = {"stripe_url": stripe_server.url.replace("127.0.0.1", "stripe.localhost")}
    stripe, _ = defaults.ensure("eu_retail")
    lost = cast(StripeProvider, provider_of(stripe)).register_webhook(addresses.webhook_url(stripe.pk))
    defaults.connect("eu_retail")
    assert endpoints(stripe) == [addresses.webhook_url(stripe.pk)]
    assert secrets.credential_get(owner=stripe.secrets_owner, name="webhook_secret") not in {"", lost}


def test_a_provider_that_is_down_holds_up_nothing(tenant: Any, settings: Any) -> None:
    settings.SANDBOX = {"stripe_url": "http://stripe.localhost:9"}
    stripe, _ = defaults.ensure("eu_retail")
    defaults.connect("eu_retail")
    assert "webhook_secret" not in secrets.hints_of(stripe.secrets_owner)


@pytest.mark.parametrize("preset", list(defaults.PRESETS))
def test_without_sandboxes_accounts_wait_for_keys(tenant: Any, settings: Any, preset: str) -> None:
    settings.SANDBOX = {}
    settings.DEMO = False
    accounts = defaults.ensure(preset)
    assert [account.enabled for account in accounts] == [False, False]
    assert offers_for(make_client(country="AE"), "USD") == []
    assert set(WithdrawalPolicy.objects.values_list("currency", flat=True)) == set(defaults.PRESETS[preset].currencies)
    rules = list(ApprovalRule.objects.order_by("position"))
    assert [rule.currency for rule in rules] == list(defaults.PRESETS[preset].currencies)
    assert all(rule.steps == ["manager", ""] and rule.minimum_minor > 0 for rule in rules)


@pytest.mark.parametrize("country", ["DE", "AE", "KZ", "CR"])
def test_account_numbers_are_well_formed(country: str) -> None:
    assert iban_good(defaults.iban_for(country, b"seed"))
