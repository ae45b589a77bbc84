"""The office's pages of exchange rates, through the whole middleware."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from tenant_apps.payments.tests.test_pages import officer
from tenant_apps.wallets.models import ExchangePolicy, ManualRate, PairMarkup, ProposedChange
from tenant_apps.wallets.services.rates import exchange_policy_save, manual_rate_propose

from .support import pegged, sheet, staff

RIGHTS = ("wallets.rates.view", "wallets.rates.propose", "wallets.rates.approve", "wallets.settings.edit")


@pytest.mark.parametrize("language", ["en", "ar"])
def test_the_page_shows_rates_ages_and_what_a_client_gets(tenant: Any, language: str) -> None:
    sheet()
    pegged("USD", "AED", "3.6725")
    web = officer(tenant, *RIGHTS)
    web.cookies["language"] = language
    page = web.get("/wallets/rates/?base=EUR&quote=AED").content.decode()
    assert "1.0835" in page
    assert "3.9592" in page  # 1.0835 × 3.6725 less half a percent
    assert web.get("/wallets/rates/?base=EUR&quote=KWD").status_code == 200
    assert "1.0835" in web.get("/wallets/rates/history/?pair=USD/EUR").content.decode()
    assert web.get("/wallets/rates/history/?pair=USD/KWD").status_code == 404


def test_a_rate_goes_from_one_persons_form_to_anothers_approval(tenant: Any) -> None:
    one, other = officer(tenant, *RIGHTS), officer(tenant, *RIGHTS)
    form = {"base": "USD", "quote": "KWD", "mid": "0,3072", "reason": "CBK"}
    assert one.post("/wallets/rates/propose/", {**form, "quote": "USD"}).status_code == 422
    assert one.post("/wallets/rates/propose/", form | {"mid": "0.3072"}).status_code == 302
    row = ManualRate.objects.get()
    assert one.post(f"/wallets/rates/{row.pk}/approve/").status_code == 403
    assert other.post(f"/wallets/rates/{row.pk}/approve/").status_code == 302
    assert ManualRate.objects.get().state == "approved"
    assert "0.3072" in other.get("/wallets/rates/").content.decode()


def test_mark_ups_and_rules_are_set_on_their_pages(tenant: Any) -> None:
    web = officer(tenant, *RIGHTS)
    web.post("/wallets/rates/markups/", {"base": "EUR", "quote": "USD", "bps": "35"})
    assert PairMarkup.objects.get().bps == 35
    web.post(f"/wallets/rates/markups/{PairMarkup.objects.get().pk}/remove/")
    assert not PairMarkup.objects.exists()
    rules = {
        "enabled": "on",
        "markup_bps": "40",
        "max_banking_days": "3",
        "max_age_hours": "72",
        "quote_seconds": "20",
        "daily_count": "9",
    }
    assert web.post("/wallets/rates/rules/", {**rules, "minimum": "2.50"}).status_code == 302
    policy = ExchangePolicy.objects.get()
    assert (policy.markup_bps, policy.minimum_minor, policy.minimum_currency) == (40, 250, "EUR")
    assert web.post("/wallets/rates/rules/", {**rules, "minimum": "2.50", "quote_seconds": "1"}).status_code == 422


RULES = {
    "markup_bps": "50", "max_banking_days": "4", "max_age_hours": "168", "quote_seconds": "30", "daily_count": "10",
}  # fmt: skip


@pytest.mark.parametrize(("changed", "enabled", "waiting"), [({}, False, 0), ({"daily_count": "9"}, True, 1)])
def test_closing_the_exchange_takes_one_person(
    tenant: Any, changed: dict[str, str], enabled: bool, waiting: int
) -> None:
    """Whoever changes anything besides needs another."""
    policy = exchange_policy_save(
        actor=staff(*RIGHTS), values={"enabled": True, **{name: int(value) for name, value in RULES.items()}}
    )
    one, _ = officer(tenant, *RIGHTS), officer(tenant, *RIGHTS)
    minimum = str(policy.minimum.amount)
    assert one.post("/wallets/rates/rules/", {**RULES, "minimum": minimum, **changed}).status_code == 302
    policy.refresh_from_db()
    assert (policy.enabled, ProposedChange.objects.count()) == (enabled, waiting)
    assert policy.daily_count == 10


def test_who_may_only_look_is_offered_nothing_to_do(tenant: Any) -> None:
    manual_rate_propose(actor=staff(), base="USD", quote="KWD", mid=Decimal("0.3"), reason="x")
    web = officer(tenant, "wallets.rates.view")
    page = web.get("/wallets/rates/").content.decode()
    assert "/approve/" not in page
    assert "/propose/" not in page
    assert web.post(f"/wallets/rates/{ManualRate.objects.get().pk}/reject/").status_code == 403
    assert web.get("/wallets/rates/rules/").status_code == 403
    assert officer(tenant, "clients.view").get("/wallets/rates/").status_code == 403


def test_the_page_costs_the_same_however_many_rates_there_are(tenant: Any, django_assert_max_num_queries: Any) -> None:
    web = officer(tenant, *RIGHTS)
    sheet()
    web.get("/wallets/rates/")
    sheet(USD="1.08", JPY="162", GBP="0.84", CHF="0.93", SEK="11")
    with django_assert_max_num_queries(26):
        web.get("/wallets/rates/?base=USD&quote=EUR")
