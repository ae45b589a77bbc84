"""The address book: what is the same account, who verifies it, and that nothing is paid to it before."""

from __future__ import annotations

import re
from datetime import timedelta
from importlib import import_module
from typing import Any

import pytest
from django.db import connection

from kernel import clock
from kernel.actors import Reach
from kernel.errors import AppError, Forbidden, Invalid, NotFound
from kernel.ids import uuid7
from tenant_apps.accounts.tests.support import actor as actor_of
from tenant_apps.accounts.tests.support import staff as staff_user
from tenant_apps.clients.models import Client
from tenant_apps.payments import selectors
from tenant_apps.payments.errors import SamePerson, WithdrawalRefused, WrongState
from tenant_apps.payments.models import ApprovalRule, Destination, DestinationState
from tenant_apps.payments.permissions_list import DESTINATIONS, PROPOSE, RULES
from tenant_apps.payments.services.checks import withdrawal_checks
from tenant_apps.payments.services.destinations import (
    destination_add,
    destination_refuse,
    destination_remove,
    destination_verify,
    usable,
)
from tenant_apps.payments.services.rules import payout_settings_save
from tenant_apps.payments.services.withdrawals import withdrawal_check, withdrawal_request
from tenant_apps.wallets import risk_signs

from .support import client_actor, eur, make_client, staff
from .test_pages import officer, trader
from .test_withdrawals import funded, requested

OTHER = "GB82WEST12345698765432"


def add(person: Client, iban: str = OTHER, holder: str = "Lena Vogt") -> Destination:
    return destination_add(
        actor=client_actor(person), client=person, method="wire", details={"iban": iban, "holder": holder}
    )


def test_the_same_account_is_one_line_however_it_is_typed(tenant: Any) -> None:
    person = make_client()
    first = add(person)
    assert add(person, "gb82 west 1234 5698 7654 32", "VOGT, Lena") == first
    assert (first.state, first.label, first.country) == (DestinationState.NEW, "GB •••• 5432", "GB")
    assert usable(first) == "new"


def test_whose_else_an_account_is_stays_within_reach(tenant: Any) -> None:
    mine, theirs = make_client(owner_id=uuid7()), make_client(owner_id=uuid7(), first_name="Lena", last_name="Vogt")
    row, _ = add(mine), add(theirs)
    near = staff(DESTINATIONS, reach=Reach.OWN, staff_id=mine.owner_id)
    assert selectors.same_elsewhere(near, row) == ([], 1)
    found, more = selectors.same_elsewhere(staff(DESTINATIONS), row)
    assert ([one.client for one in found], more) == ([theirs], 0)


ETHER = "0x2D6CA312567986C08CC4eF3F706136D1c9eF0321"
BECH = "bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq"


@pytest.mark.parametrize(
    ("network", "one", "other"), [("ethereum", ETHER, ETHER.lower()), ("bitcoin", BECH, BECH.upper())]
)
def test_a_crypto_address_is_one_account_however_it_is_typed(tenant: Any, network: str, one: str, other: str) -> None:
    person = make_client()
    made = [
        destination_add(
            actor=client_actor(person), client=person, method="crypto",
            details={"network": network, "address": address, "tag": tag},
        ).pk
        for address, tag in ((one, ""), (other, ""), (one, "7"), (one, "8"))
    ]  # fmt: skip
    assert len(set(made)) == 1


def test_addresses_from_before_get_the_fingerprint_of_now(tenant: Any) -> None:
    person = make_client()
    row = destination_add(
        actor=client_actor(person), client=person, method="crypto", details={"network": "ethereum", "address": ETHER}
    )
    now = row.fingerprint
    Destination.objects.filter(pk=row.pk).update(fingerprint="old", state="refused")
    again = Destination.objects.create(
        client=person, method="crypto", details=row.details, fingerprint="older", label="x"
    )  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(import_module("tenant_apps.payments.migrations.0014_crypto_fingerprints").REFOLD)
    marks = dict(Destination.objects.values_list("pk", "fingerprint"))
    assert marks == {row.pk: now, again.pk: "older"}


@pytest.mark.parametrize(
    ("iban", "holder", "field"),
    [("GB82WEST12345698765433", "Lena Vogt", "iban"), ("", "Lena Vogt", "iban"), (OTHER, "Max Other", "holder"),
     (OTHER, "", "holder")],
)  # fmt: skip
def test_what_cannot_be_paid_is_refused_at_its_field(tenant: Any, iban: str, holder: str, field: str) -> None:
    person = make_client()
    with pytest.raises(Invalid) as refused:
        add(person, iban, holder)
    assert refused.value.field == field
    assert not Destination.objects.exists()


def test_nobody_adds_to_somebody_elses_book(tenant: Any) -> None:
    person, other = make_client(), make_client()
    with pytest.raises(NotFound):
        destination_add(actor=client_actor(other), client=person, method="wire", details={})
    with pytest.raises(Forbidden):
        destination_add(actor=staff(PROPOSE), client=person, method="wire", details={})
    mine = add(person)
    with pytest.raises(NotFound):
        withdrawal_request(actor=client_actor(other), client=other, amount=eur("1"), destination=mine)
    with pytest.raises(NotFound):
        destination_remove(actor=client_actor(other), destination_id=mine.pk)


def test_verified_by_somebody_else_and_usable_after_the_waiting_time(tenant: Any, settings: Any) -> None:
    settings.DEMO = True
    values = {"promised_hours": 24, "verify_destinations": True, "cooling_hours": 12}
    payout_settings_save(actor=staff(RULES), values=values)
    person = make_client(email="bob+trading@example.com")
    row = add(person)
    bob = staff_user("finance", name="Bob Ross")
    bob.email = "bob@example.com"
    bob.save()
    with pytest.raises(SamePerson):
        destination_verify(actor=actor_of(bob), destination_id=row.pk)
    with pytest.raises(Forbidden):
        destination_verify(actor=staff(PROPOSE), destination_id=row.pk)
    row = destination_verify(actor=staff(DESTINATIONS), destination_id=row.pk)
    assert usable(row) == "cooling"
    with clock.frozen_at(clock.now() + timedelta(hours=12, seconds=1)):
        assert usable(row) == ""
    with pytest.raises(WrongState):
        destination_verify(actor=staff(DESTINATIONS), destination_id=row.pk)


def test_refused_stays_refused_until_staff_thinks_again(tenant: Any) -> None:
    person = funded()
    row = add(person)
    with pytest.raises(Invalid):
        destination_refuse(actor=staff(DESTINATIONS), destination_id=row.pk, reason=" ")
    destination_refuse(actor=staff(DESTINATIONS), destination_id=row.pk, reason="Another person's")
    with pytest.raises(WrongState):
        destination_remove(actor=client_actor(person), destination_id=row.pk)
    again = add(person)
    assert (again.pk, usable(again)) == (row.pk, "refused")
    with pytest.raises(WithdrawalRefused):
        withdrawal_request(actor=client_actor(person), client=person, amount=eur("10"), destination=again)
    assert usable(destination_verify(actor=staff(DESTINATIONS), destination_id=row.pk)) == ""


def test_removed_it_can_be_added_again_and_is_verified_again(tenant: Any) -> None:
    person = make_client()
    row = destination_verify(actor=staff(DESTINATIONS), destination_id=add(person).pk)
    destination_remove(actor=client_actor(person), destination_id=row.pk)
    again = add(person)
    assert (again.pk != row.pk, again.state) == (True, DestinationState.NEW)
    assert selectors.client_destinations(person.pk) == [again]


def test_not_removed_while_money_is_on_its_way_there(tenant: Any) -> None:
    person = funded()
    row = requested(person)
    assert row.destination is not None
    with pytest.raises(WrongState):
        destination_remove(actor=client_actor(person), destination_id=row.destination.pk)


def test_an_unverified_account_can_be_asked_for_but_not_paid(tenant: Any) -> None:
    person = funded()
    row = withdrawal_request(
        actor=client_actor(person), client=person, amount=eur("10"), iban=OTHER, holder="Lena Vogt"
    )
    assert row.destination is not None
    with pytest.raises(WithdrawalRefused) as refused:
        withdrawal_check(actor=staff(PROPOSE), withdrawal_id=row.pk)
    assert refused.value.data["check"] == "destination"
    destination_verify(actor=staff(DESTINATIONS), destination_id=row.destination.pk)
    withdrawal_check(actor=staff(PROPOSE), withdrawal_id=row.pk)


def test_the_book_has_an_end(tenant: Any) -> None:
    person = make_client()
    for number in range(12):
        account = f"37040044{532013000 + number:010d}"
        add(person, f"DE{98 - int(account + '131400') % 97:02d}{account}")
    with pytest.raises(Invalid):
        add(person)


def test_risk_knows_the_same_account_of_another_client(tenant: Any) -> None:
    one, two = funded(), funded()
    signs = set(requested(one).risk_signs)
    assert "shared_destination" in signs  # both have the account of the fixture
    elsewhere = withdrawal_request(actor=client_actor(two), client=two, amount=eur("1"), iban=OTHER, holder="Lena Vogt")
    assert "shared_destination" not in elsewhere.risk_signs
    assert {"new_destination", "other_country", "first_withdrawal"} <= set(elsewhere.risk_signs)
    assert 0 < elsewhere.risk < 100


def test_a_sign_that_cannot_be_worked_out_counts(tenant: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(client_id: Any, amount: Any) -> bool:
        raise RuntimeError

    monkeypatch.setattr(risk_signs, "_signs", {})
    risk_signs.register_sign(code="x", points=7, words="x", found=lambda client_id, amount: False)
    without = requested(funded())
    risk_signs.register_sign(code="y", points=9, words="y", found=broken)
    withdrawn = requested(funded())
    assert "x" not in without.risk_signs
    assert "y" in withdrawn.risk_signs


def test_pages_from_adding_to_verifying(tenant: Any) -> None:
    person = funded()
    web, desk = trader(tenant, person), officer(tenant, DESTINATIONS, "payments.view", "clients.view")
    assert web.get("/cashier/accounts/").status_code == 200
    assert web.get("/cashier/accounts/new/nothing/").status_code == 404
    assert web.post("/cashier/accounts/new/wire/", {"iban": "X", "holder": "Lena Vogt"}).status_code == 422
    sent = web.post(
        "/cashier/accounts/new/wire/?", {"iban": OTHER, "holder": "Lena Vogt", "next": "/cashier/withdraw/"}
    )
    row = Destination.objects.get(details__iban=OTHER)
    assert sent["Location"] == f"/cashier/withdraw/?destination={row.pk}"
    away = web.post("/cashier/accounts/new/wire/", {"iban": OTHER, "holder": "Lena Vogt", "next": "//evil.example/"})
    assert away["Location"] == "/cashier/accounts/"
    assert f'value="{row.pk}" checked' in web.get(f"/cashier/withdraw/?destination={row.pk}").content.decode()
    listed = desk.get("/payments/accounts/").content.decode()
    assert "5432" in listed
    assert "3000" not in listed  # verified already
    assert desk.get(f"/payments/accounts/{row.pk}/").status_code == 200
    back = desk.post(f"/payments/accounts/{row.pk}/verify/", {"back": "https://evil.example/"})
    assert back["Location"] == "/payments/accounts/"
    row.refresh_from_db()
    assert row.state == DestinationState.VERIFIED
    assert web.post(f"/cashier/accounts/{row.pk}/remove/").status_code == 302
    assert officer(tenant, "payments.view").get("/payments/accounts/").status_code == 403


def test_rules_and_promise_are_set_in_the_office(tenant: Any) -> None:
    desk = officer(tenant, RULES)
    assert desk.get("/payments/approval/").status_code == 200
    sent = {"promised_hours": "48", "verify_destinations": "on", "cooling_hours": "6"}
    assert desk.post("/payments/approval/", sent).status_code == 302
    assert desk.post("/payments/approval/", {**sent, "promised_hours": "0"}).status_code == 422
    for preset in ("manager", "auto", ""):
        assert desk.get(f"/payments/approval/new/?preset={preset}&currency=EUR").status_code == 200
    rule = {
        "name": "Large", "currency": "EUR", "minimum": "1000", "maximum": "", "countries": "de at", "tags": "vip, new",
        "risk_from": "10", "step0": "manager", "step1": "any", "step2": "-", "auto_risk_below": "20", "position": "3",
        "enabled": "on",
    }  # fmt: skip
    assert desk.post("/payments/approval/new/", rule).status_code == 302
    (stored,) = selectors.approval_rules()
    assert (stored.steps, stored.countries, stored.tags, stored.minimum) == (
        ["manager", ""], ["DE", "AT"], ["vip", "new"], eur("1000")
    )  # fmt: skip
    assert desk.post(f"/payments/approval/{stored.pk}/", {**rule, "auto": "on"}).status_code == 422
    assert desk.post(f"/payments/approval/{stored.pk}/", {**rule, "auto": "on", "maximum": "2000"}).status_code == 302
    assert desk.get(f"/payments/approval/{stored.pk}/").status_code == 200
    assert desk.post(f"/payments/approval/{stored.pk}/remove/").status_code == 302
    assert selectors.approval_rules() == []
    assert officer(tenant, "payments.view").get("/payments/approval/").status_code == 403


def test_the_presets_are_always_there_and_ask_for_what_makes_them_so(tenant: Any) -> None:
    desk, new = officer(tenant, RULES), "/payments/approval/new/"
    rule = {"name": "Large", "risk_from": "0", "auto_risk_below": "20", "position": "3", "enabled": "on"}
    wanted = {"manager": ("minimum", {"step0": "manager", "step1": "any"}), "auto": ("maximum", {"auto": "on"})}
    for preset, (amount, more) in wanted.items():
        page = desk.get(f"{new}?preset={preset}").content.decode()
        assert 'value="EUR" selected' in page  # the brokerage's own currency, and "all" is no choice
        assert 'value="" selected' not in page
        sent = {**rule, **more, "preset": preset, "currency": "EUR"}
        for lacking in ({}, {amount: ""}, {amount: "0"}, {amount: "5", "currency": ""}):
            assert desk.post(new, {**sent, **lacking}).status_code == 422, (preset, lacking)
        assert selectors.approval_rules() == []
        assert desk.post(new, {**sent, amount: "5000"}).status_code == 302
        (stored,) = selectors.approval_rules()
        assert getattr(stored, amount) == eur("5000")
        listed = desk.get("/payments/approval/").content.decode()
        assert all(f"?preset={one}" in listed for one in wanted)
        selectors.approval_rule_get(stored.pk).delete()


def test_the_page_says_who_takes_the_managers_step_of_a_client_without_one(tenant: Any) -> None:
    person = funded()
    ApprovalRule.objects.create(name="Large", steps=["manager", ""])
    row = requested(person)
    words = "Nobody is responsible for the client: anybody who may approve"
    web = officer(tenant, "payments.view", "wallets.view")
    assert web.get(f"/payments/withdrawals/{row.pk}/").content.decode().count(words) == 1
    assert (
        "Where nobody is responsible for a client" in officer(tenant, RULES).get("/payments/approval/").content.decode()
    )
    Client.objects.filter(pk=person.pk).update(owner_id=uuid7())
    other = requested(Client.objects.get(pk=person.pk), "100")
    assert words not in web.get(f"/payments/withdrawals/{other.pk}/").content.decode()


def test_the_service_says_what_it_cannot_do(tenant: Any) -> None:
    with pytest.raises(AppError):
        destination_add(actor=client_actor(person := make_client()), client=person, method="pigeon", details={})


ARABIC = {"first_name": "ليلى", "last_name": "العمري"}


def test_a_bank_account_is_taken_down_in_the_passports_letters(tenant: Any) -> None:
    person = make_client(**ARABIC, latin_name="LAYLA ALOMARI")
    with pytest.raises(Invalid, match="Latin letters") as refused:
        add(person, holder=person.name)
    assert (refused.value.field, Destination.objects.count()) == ("holder", 0)
    with pytest.raises(Invalid, match="your own name"):
        add(person, holder="Lena Vogt")
    assert add(person, holder="Alomari, Layla").holder == "Alomari, Layla"


def test_whose_latin_spelling_is_not_known_yet_is_told_the_way(tenant: Any) -> None:
    with pytest.raises(Invalid, match="Ask our support"):
        add(make_client(**ARABIC), holder="Layla Alomari")


@pytest.mark.parametrize(("latin", "shown"), [("LAYLA ALOMARI", "LAYLA ALOMARI"), ("", "ليلى العمري")])
def test_the_form_begins_with_what_a_bank_can_write(tenant: Any, latin: str, shown: str) -> None:
    person = funded(**ARABIC, latin_name=latin)
    web = trader(tenant, person)
    for path in ("/cashier/accounts/new/wire/", "/cashier/withdraw/?destination="):
        html = web.get(path).content.decode()
        assert re.search(r'name="holder" value="([^"]*)"', html)[1] == shown, path  # type: ignore[index]


def test_an_older_account_in_other_letters_is_not_paid_to_and_gives_way(tenant: Any) -> None:
    person = funded(**ARABIC, latin_name="LAYLA ALOMARI")  # its account is in Arabic letters
    row = Destination.objects.get(client=person)
    with pytest.raises(WithdrawalRefused) as refused:
        withdrawal_request(actor=client_actor(person), client=person, amount=eur("10"), destination=row)
    assert refused.value.field == "destination"
    again = add(person, row.details["iban"], "Layla Alomari")
    row.refresh_from_db()
    assert (row.state, again.pk != row.pk, again.state) == (DestinationState.RETIRED, True, DestinationState.NEW)
    sent = withdrawal_request(actor=client_actor(person), client=person, amount=eur("10"), destination=again)
    assert {check["code"]: check["good"] for check in withdrawal_checks(sent)}["name"]
