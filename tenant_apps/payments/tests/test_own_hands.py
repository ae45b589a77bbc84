"""Who may not have a hand in it, what rules may not let out, and accounts that have to cool although nobody verifies."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from kernel import clock
from kernel.money import Money
from tenant_apps.accounts.models import Realm, User
from tenant_apps.clients.models import Client
from tenant_apps.payments import selectors, words
from tenant_apps.payments.errors import SamePerson, WithdrawalRefused
from tenant_apps.payments.models import (
    Deposit,
    DepositState,
    FundsRequest,
    FundsState,
    PayoutSettings,
    Withdrawal,
    WithdrawalState,
)
from tenant_apps.payments.permissions_list import PROPOSE
from tenant_apps.payments.services import funds, posting
from tenant_apps.payments.services.destinations import destination_add, usable
from tenant_apps.payments.services.withdrawals import withdrawal_check, withdrawal_request
from tenant_apps.wallets.models import ExchangePolicy
from tenant_apps.wallets.services.exchange import exchange_confirm, exchange_quote
from tenant_apps.wallets.tests.support import give, sheet

from .support import SYSTEM, client_actor, eur, make_account, make_client, staff
from .test_chain import auto, calm
from .test_withdrawals import IBAN, funded, requested

__all__ = ["calm"]  # the fixture


def mailbox_of(person: Client) -> User:
    """Staff who reads the client's mail: the same human."""
    return User.objects.create(realm=Realm.STAFF, email=person.email, name="Somebody Else", active=True)


def test_who_asked_on_the_clients_behalf_does_not_check_it(tenant: Any) -> None:
    person, asker = funded(), staff()
    row = withdrawal_request(actor=asker, client=person, amount=eur("10"), iban=IBAN, holder=person.name)
    assert row not in selectors.waiting_for(asker)
    with pytest.raises(SamePerson):
        withdrawal_check(actor=asker, withdrawal_id=row.pk)
    row.refresh_from_db()
    assert (row.state, row.steps.exclude(decided_at=None).count()) == (WithdrawalState.REQUESTED, 0)
    other = staff()
    assert row in selectors.waiting_for(other)
    assert withdrawal_check(actor=other, withdrawal_id=row.pk).state == WithdrawalState.CHECKED


def test_nobody_checks_their_own_money(tenant: Any) -> None:
    person = funded()
    row = requested(person)
    with pytest.raises(SamePerson):
        withdrawal_check(actor=staff(PROPOSE, staff_id=mailbox_of(person).pk), withdrawal_id=row.pk)
    row.refresh_from_db()
    assert row.state == WithdrawalState.REQUESTED


def test_nobody_accepts_where_their_own_money_comes_from(tenant: Any) -> None:
    person = funded()
    request = FundsRequest.objects.create(client=person, currency="EUR", total_minor=1, state=FundsState.GIVEN)
    themselves = staff("kyc.decide", staff_id=mailbox_of(person).pk)
    for accepted in (True, False):
        with pytest.raises(SamePerson):
            funds.decide(actor=themselves, request_id=request.pk, accepted=accepted, reason="x")
    request.refresh_from_db()
    assert request.state == FundsState.GIVEN
    assert funds.decide(actor=staff("kyc.decide"), request_id=request.pk, accepted=True).state == FundsState.ACCEPTED


# --- exchanged, and then out ----------------------------------------------------------------------------------------


def by_card(person: Client) -> Deposit:
    """1000 EUR that could go back to the card."""
    account = make_account("stripe", credentials={"webhook_secret": "whsec_x", "secret_key": "sk_test_a_b"})
    deposit = Deposit.objects.create(
        client=person, provider_account=account, reference=f"C{person.number}", method="card", currency="EUR",
        amount_minor=100_000, received_minor=100_000, state=DepositState.CREDITED, credited_at=clock.now(),
        payment_reference="pi_1",
    )  # fmt: skip
    posting.deposit_post(deposit, eur("1000"), eur("0"), actor=SYSTEM)
    return deposit


def exchanged(person: Client, give_currency: str, get_currency: str, amount: str) -> None:
    quote = exchange_quote(
        actor=client_actor(person), client=person, amount=Money.of(amount, give_currency),
        give_currency=give_currency, get_currency=get_currency,
    )  # fmt: skip
    exchange_confirm(actor=client_actor(person), exchange_id=quote.pk)


def in_dollars(person: Client, amount: str = "100") -> Withdrawal:
    return withdrawal_request(
        actor=client_actor(person), client=person, amount=Money.of(amount, "USD"),
        destination=person.destinations.get(),
    )  # fmt: skip


def scene() -> Client:
    auto()
    auto(name="dollars", currency="USD", position=2)
    ExchangePolicy.objects.create(daily_count=50)
    sheet()
    person = funded()
    give(person, "500", "USD")
    return person


def test_what_was_exchanged_since_a_card_deposit_waits_for_people(tenant: Any) -> None:
    person = scene()
    assert in_dollars(person).auto
    deposit = by_card(person)
    assert in_dollars(person).auto  # nothing was exchanged since
    exchanged(person, "EUR", "USD", "900")
    row = in_dollars(person)
    assert (row.auto, row.state, row.risk_signs[0]) == (False, WithdrawalState.REQUESTED, "exchanged_since")
    assert words.risk_words("exchanged_since").startswith("Exchanged since")
    Deposit.objects.filter(pk=deposit.pk).update(credited_at=clock.now() - timedelta(days=400))
    assert in_dollars(person).auto  # too late to give it back to the card


def test_exchanged_before_the_deposit_or_back_to_its_own_currency_is_no_sign(tenant: Any) -> None:
    person = scene()
    exchanged(person, "EUR", "USD", "100")
    by_card(person)
    assert "exchanged_since" not in in_dollars(person).risk_signs
    exchanged(person, "EUR", "USD", "100")
    exchanged(person, "USD", "EUR", "50")
    home = requested(person, "50")  # back to the card itself
    assert (home.destination, "exchanged_since" in home.risk_signs) == (None, False)
    assert "exchanged_since" in in_dollars(person).risk_signs


def test_a_score_below_the_rules_own_does_not_help(tenant: Any, calm: None) -> None:
    person = scene()
    by_card(person)
    exchanged(person, "EUR", "USD", "900")
    row = in_dollars(person)
    assert row.rule is not None
    assert (row.risk < row.rule.auto_risk_below, row.auto) == (True, False)


# --- cooling where nobody verifies ----------------------------------------------------------------------------------


def test_an_account_cools_where_nobody_verifies(tenant: Any, settings: Any) -> None:
    settings.DEMO = True
    PayoutSettings.objects.create(verify_destinations=False, cooling_hours=24)
    auto()
    person = funded()
    person.destinations.all().delete()
    row = destination_add(
        actor=client_actor(person), client=person, method="wire", details={"iban": IBAN, "holder": person.name}
    )
    assert (row.state, usable(row)) == ("new", "cooling")
    asked = requested(person, "10")
    assert not asked.auto
    with pytest.raises(WithdrawalRefused) as refusal:
        withdrawal_check(actor=staff(PROPOSE), withdrawal_id=asked.pk)
    assert refusal.value.data["check"] == "destination"
    with clock.frozen_at(clock.now() + timedelta(hours=25)):
        assert usable(row) == ""
        assert withdrawal_check(actor=staff(PROPOSE), withdrawal_id=asked.pk).state == WithdrawalState.CHECKED


def test_without_a_cooling_time_it_is_paid_to_at_once(tenant: Any) -> None:
    PayoutSettings.objects.create(verify_destinations=False, cooling_hours=0)
    person = make_client()
    row = destination_add(
        actor=client_actor(person), client=person, method="wire", details={"iban": IBAN, "holder": person.name}
    )
    assert usable(row) == ""
