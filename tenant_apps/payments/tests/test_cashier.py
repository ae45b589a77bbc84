"""The cashier as a trader sees it: what is remembered, offered, locked, limited, under way and said about an amount."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils.html import strip_tags

from kernel import clock
from kernel.money import Money
from tenant_apps.payments.models import Deposit, DepositLimit, DepositState
from tenant_apps.payments.portal import repeat
from tenant_apps.payments.ports import Redirect
from tenant_apps.payments.services import offers

from .support import eur, make_account, make_client, make_rule
from .test_pages import trader


def paid(client: Any, account: Any, amount: str = "250", **values: Any) -> Deposit:
    row = {"state": DepositState.CREDITED, "received_minor": eur(amount).minor, "credited_at": clock.now(), **values}
    return Deposit.objects.create(
        client=client, provider_account=account, reference=f"D{Deposit.objects.count()}{client.number}"[:20],
        currency="EUR", amount_minor=eur(amount).minor, method="card", **row,
    )  # fmt: skip


def text(answer: Any) -> str:
    plain = strip_tags(answer.content.decode()).translate({0x2066: None, 0x2069: None})
    return " ".join(plain.split())


def test_a_returning_payer_repeats_with_one_tap(tenant: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from tenant_apps.payments.adapters.stripe import StripeProvider

    monkeypatch.setattr(
        StripeProvider, "create_deposit",
        lambda self, order: Redirect(url="https://pay.example/x", provider_reference=f"cs_{order.deposit_id}"),
    )  # fmt: skip
    account = make_account(credentials={"secret_key": "sk_test_a_b"})
    make_rule(account, "klarna", position=1)
    make_rule(account, "card", position=2, fee_percent="1")
    person = make_client()
    web = trader(tenant, person)
    assert 'id="repeat-form"' not in web.get("/cashier/").content.decode()
    paid(person, account)
    body = web.get("/cashier/").content.decode()
    assert 'id="repeat-form"' in body
    assert f'value="{account.pk}:card" checked' in body  # remembered, though Klarna is offered first
    assert "Fee €2.50, €247.50 arrive." in text(web.get("/cashier/"))
    sent = {"currency": "EUR", "method": f"{account.pk}:card", "amount": "250.00"}
    answer = web.post("/cashier/", sent, headers={"HX-Request": "true"})
    assert answer.headers["HX-Redirect"] == "https://pay.example/x"
    made = Deposit.objects.exclude(state=DepositState.CREDITED).get()
    assert (made.amount, made.fee, made.method) == (eur("250"), eur("2.50"), "card")


def test_what_cannot_be_repeated_is_not_offered(tenant: Any) -> None:
    account = make_account()
    rule = make_rule(account, "card", maximum_minor=20_000)
    person = make_client()
    last = paid(person, account)
    found = offers.offers_for(person, "EUR")
    assert repeat.repeat_of(last, found) is None  # above the maximum now
    rule.maximum_minor = 90_000
    rule.save()
    assert repeat.repeat_of(last, offers.offers_for(person, "EUR")) is not None
    assert repeat.repeat_of(last, []) is None
    failed = paid(person, account, state=DepositState.FAILED)
    assert repeat.repeat_of(failed, offers.offers_for(person, "EUR")) is None


@pytest.mark.parametrize(
    ("currency", "least", "most", "amounts"),
    [
        ("EUR", 2000, 60_000, [10_000, 25_000, 50_000]),
        ("KWD", 10_000, 7_500_000, [25_000, 50_000, 100_000, 250_000]),
        ("KZT", 1_000_000, 700_000_000, [1_000_000, 2_500_000, 5_000_000, 10_000_000]),
        ("EUR", 300_000, 900_000, [300_000, 600_000]),
        ("SEK", 1000, 10_000_000, [10_000, 25_000, 50_000, 100_000]),
    ],
)
def test_quick_amounts_are_the_currencys_and_payable(
    tenant: Any, currency: str, least: int, most: int, amounts: list[int]
) -> None:
    make_rule(make_account(), "card", currency, minimum_minor=least, maximum_minor=most)
    (offer,) = offers.offers_for(make_client(), currency)
    assert repeat.quick_amounts(offer, currency) == [Money(minor, currency) for minor in amounts]


def test_limits_are_shown_and_said_before_they_are_hit(tenant: Any) -> None:
    account = make_account()
    make_rule(account, "card")
    DepositLimit.objects.create(currency="EUR", kyc_level=0, day_minor=100_000)
    person = make_client()
    paid(person, account)
    web = trader(tenant, person)
    assert "€750.00 of €1,000.00 left" in text(web.get("/cashier/"))
    asked = {"part": "quote", "amount": "750.01", "method": f"{account.pk}:card"}
    assert "€750.00 of it is left" in text(web.get("/cashier/", asked, headers={"HX-Request": "true"}))
    answer = web.post("/cashier/", {"currency": "EUR", "amount": "750.01", "method": f"{account.pk}:card"})
    assert answer.status_code == 422
    assert "€750.00 of it is left" in text(answer)


def test_a_method_that_takes_the_amount_is_named(tenant: Any) -> None:
    account = make_account()
    make_rule(account, "card", maximum_minor=10_000, position=1)
    make_rule(account, "klarna", minimum_minor=10_001, position=2)
    web = trader(tenant, make_client())
    asked = {"part": "quote", "amount": "200", "method": f"{account.pk}:card"}
    said = text(web.get("/cashier/", asked, headers={"HX-Request": "true"}))
    assert "outside the limits" in said
    assert "€200.00 can be paid by Klarna" in said


def test_a_higher_level_opens_more_and_says_the_way(tenant: Any) -> None:
    account = make_account()
    make_rule(account, "card")
    make_rule(account, "klarna", kyc_level=2)
    make_rule(account, "sepa_debit", kyc_level=2, countries=["FR"])  # no level would open it
    body = text(trader(tenant, make_client()).get("/cashier/"))
    assert "From verification level 2" in body
    assert body.index("Klarna") > body.index("With a further verification")
    assert "SEPA" not in body


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"state": "pending"}, "Not paid yet"),
        ({"state": "delayed"}, "On its way from your bank"),
        ({"state": "pending", "failure": "insufficient_funds"}, "There was not enough money"),
        ({"state": "pending", "instructions": {"iban": "X"}}, "Waiting for your transfer"),
        ({"state": "suspense"}, "Came in another currency"),
    ],
)
def test_payments_under_way_say_what_they_wait_for(tenant: Any, values: dict[str, Any], words: str) -> None:
    account = make_account()
    make_rule(account, "card")
    person = make_client()
    paid(person, account, received_minor=None, credited_at=None, **values)
    assert words in text(trader(tenant, person).get("/cashier/"))


@pytest.mark.parametrize(("language", "typed"), [("de", "1.250,50"), ("en", "1,250.50"), ("ar", "١٬٢٥٠٫٥٠")])
def test_amounts_are_read_as_the_language_writes_them(tenant: Any, language: str, typed: str) -> None:
    account = make_account()
    make_rule(account, "card")
    web = trader(tenant, make_client())
    web.cookies["language"] = language
    asked = {"part": "quote", "amount": typed, "method": f"{account.pk}:card"}
    said = text(web.get("/cashier/", asked, headers={"HX-Request": "true"}))
    assert "1.250,50" in said if language == "de" else "1,250.50" in said
