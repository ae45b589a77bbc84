"""Who may set up a provider may not thereby read its keys."""

from __future__ import annotations

from typing import Any

import pytest

from kernel import secrets
from kernel.errors import Invalid
from tenant_apps.payments.models import ProviderAccount
from tenant_apps.payments.services.providers import provider_account_save

from .support import SYSTEM, make_account, staff

THERE = "https://evil.example"


def save(account: ProviderAccount | None, base_url: str, *, actor: Any = None, key: str = "") -> ProviderAccount:
    return provider_account_save(
        actor=actor or staff(), account=account, kind="stripe", name="Stripe", mode="test",
        settings={"base_url": base_url}, credentials={"secret_key": key} if key else {}, methods=["card"], enabled=True,
    )  # fmt: skip


@pytest.fixture
def account(tenant: Any) -> ProviderAccount:
    return make_account(credentials={"secret_key": "sk_test_1", "webhook_secret": "whsec_1"})


def test_stored_keys_are_not_sent_to_a_new_address(account: ProviderAccount) -> None:
    with pytest.raises(Invalid) as refused:
        save(account, THERE)
    assert refused.value.field == "secret_key"
    with pytest.raises(Invalid):  # of two keys both have to be given again
        save(account, THERE, key="sk_test_2")
    account.refresh_from_db()
    assert account.settings.get("base_url", "") == ""
    assert secrets.credentials_of(account.secrets_owner)["secret_key"] == "sk_test_1"


def test_the_same_address_keeps_them_and_set_up_may_do_both(account: ProviderAccount) -> None:
    assert save(account, "").settings["base_url"] == ""
    moved = save(account, THERE, actor=SYSTEM)
    assert save(moved, f"{THERE}/").settings["base_url"] == f"{THERE}/"


@pytest.mark.parametrize("address", ["http://api.example", "ftp://api.example", "api.example", "javascript:x"])
def test_keys_do_not_travel_in_the_clear(tenant: Any, address: str) -> None:
    with pytest.raises(Invalid) as refused:
        save(None, address, key="sk_test_1")
    assert refused.value.field == "base_url"
