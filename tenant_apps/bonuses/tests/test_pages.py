"""Every page draws, for those who may see it and nobody else, with as many queries for many rows as for few."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from kernel import clock
from tenant_apps.clients.models import Client
from tenant_apps.payments.tests.support import make_client, staff
from tenant_apps.payments.tests.test_pages import officer, seen_on, trader
from tenant_apps.trading import leaving
from tenant_apps.trading.models import AccountState, AccountType, TradingAccount, TradingServer

from ..models import Grant, GrantState, MovePurpose, PackChoice, SchemeVersion
from ..services.moves import move_issue
from ..services.schemes import scheme_approve, scheme_propose
from .support import deposit, eur, rules, terms

ALL = ("bonuses.view", "bonuses.propose", "bonuses.approve", "clients.view", "trading.view", "payments.view")


def account_of(client: Client) -> TradingAccount:
    server, _ = TradingServer.objects.get_or_create(name="main", defaults={"host": "mt5.example", "manager": 1})
    kind, _ = AccountType.objects.get_or_create(
        server=server, group="real", defaults={"name": "Standard", "currency": "EUR", "leverages": [30]}
    )
    login = 1000 + TradingAccount.objects.count()
    return TradingAccount.objects.create(
        client=client, server=server, account_type=kind, login=login, currency="EUR", leverage=30,
        state=AccountState.OPEN, ledger_kind=f"trading:{login}",
    )  # fmt: skip


def version() -> SchemeVersion:
    row = scheme_propose(actor=staff(), code="welcome", terms=terms(terms={"en": "Fair play."}))
    return scheme_approve(actor=staff(), version_id=row.pk)


def grant_of(row: SchemeVersion, client: Client, state: str = GrantState.ACTIVE) -> Grant:
    account = account_of(client)
    grant = Grant.objects.create(
        client=client, version=row, account=account, deposit=deposit(client, eur("200"), account),
        reference=f"B{account.login}", amount_minor=10_000, currency="EUR", lots_per_unit=Decimal("0.01"), state=state,
        pack="offshore 1", active_at=clock.now(), expires_at=clock.now(), offered_until=clock.now(),
    )  # fmt: skip
    if state == GrantState.ACTIVE:
        move_issue(grant, MovePurpose.GRANT, 10_000, actor=staff())
        grant.save()
    return grant


@pytest.mark.parametrize("chosen", [False, True])
def test_office_pages_draw(tenant: Any, chosen: bool) -> None:
    if chosen:
        rules()
    row = version()
    waiting = scheme_propose(actor=staff(), code="more", terms=terms())
    grant = grant_of(row, make_client(country="AE"))
    office = officer(tenant, *ALL)
    for path in (
        "", "?view=all&q=B1", "schemes/", "schemes/new/", f"schemes/{row.pk}/", f"schemes/{waiting.pk}/",
        f"schemes/{row.pk}/?amount=500&currency=EUR", f"schemes/{row.pk}/change/", "rules/", f"grants/{grant.pk}/",
    ):  # fmt: skip
        answer = office.get(f"/bonuses/{path}")
        assert answer.status_code == 200, path
        if path == "":
            assert ("No client gets a bonus yet" in answer.text) is not chosen
    assert "250.00" in office.get(f"/bonuses/schemes/{row.pk}/?amount=500&currency=EUR").text
    assert office.get(f"/clients/{grant.client_id}/?tab=bonuses").status_code == 200


def test_without_the_right_nothing_is_shown(tenant: Any) -> None:
    grant = grant_of(version(), make_client(country="AE"))
    office = officer(tenant, "clients.view")
    assert {office.get(f"/bonuses/{path}").status_code for path in ("", "rules/", f"grants/{grant.pk}/")} == {403}


def test_rules_are_proposed_and_approved_by_two(tenant: Any) -> None:
    one, two = officer(tenant, *ALL), officer(tenant, *ALL)
    wrong = one.post("/bonuses/rules/", {"default": "offshore", "countries": "FR offshore", "reason": "x"})
    assert wrong.status_code == 422
    assert (
        one.post("/bonuses/rules/", {"default": "offshore", "countries": "AE dfsa", "reason": "x"}).status_code == 302
    )
    choice = PackChoice.objects.get()
    one.post(f"/bonuses/rules/{choice.pk}/approve/")
    choice.refresh_from_db()
    assert choice.state == "proposed"
    two.post(f"/bonuses/rules/{choice.pk}/approve/")
    choice.refresh_from_db()
    assert (choice.state, choice.countries) == ("approved", {"AE": "dfsa"})


def test_terms_are_typed_as_people_type_them(tenant: Any) -> None:
    office = officer(tenant, *ALL)
    sent = {
        "code": "spring", "order": 5, "enabled": "on", "percent": "30", "currencies": "EUR 100 500 1000 0.2\nKWD 30 90 90 1",
        "offer_days": 7, "days": 60, "burn": "share", "equity_factor": "1", "starts_at": "2026-01-01T00:00",
        "name_en": "Spring bonus",
    }  # fmt: skip
    assert office.post("/bonuses/schemes/new/", sent | {"currencies": "EUR 100"}).status_code == 422
    answer = office.post("/bonuses/schemes/new/", sent)
    assert answer.status_code == 302, answer.text
    row = SchemeVersion.objects.get()
    assert row.currencies["KWD"] == {"minimum": 30_000, "cap": 90_000, "client_cap": 90_000, "lots": "1"}
    assert (row.state, row.burn, row.opt_in) == ("proposed", "share", False)


def test_cancelling_takes_two(tenant: Any) -> None:
    grant = grant_of(version(), make_client(country="AE"))
    one, two = officer(tenant, *ALL), officer(tenant, *ALL)
    one.post(f"/bonuses/grants/{grant.pk}/cancel/", {"reason": "Abuse"})
    page = f"/bonuses/grants/{grant.pk}/"
    one.post(f"{page}cancel/approve/", seen_on(two, page))
    grant.refresh_from_db()
    assert grant.state == GrantState.ACTIVE
    two.post(f"{page}cancel/approve/", seen_on(two, page))
    grant.refresh_from_db()
    assert (grant.state, grant.ending) == (GrantState.BURNING, "by_hand")


def test_the_list_costs_the_same_for_many(tenant: Any) -> None:
    row, office = version(), officer(tenant, *ALL)
    counts = []
    for _ in range(2):
        for _ in range(3):
            grant_of(row, make_client(country="AE"), GrantState.GRANTING)
        office.get("/bonuses/")
        with CaptureQueriesContext(
            connection,
        ) as found:
            assert office.get("/bonuses/").status_code == 200
        counts.append(len(found))
    assert counts[0] == counts[1]


def test_a_client_sees_own_bonuses_alone(tenant: Any) -> None:
    row, client = version(), make_client(country="AE")
    offered, other = grant_of(row, client, GrantState.OFFERED), grant_of(row, make_client(country="AE"))
    grant_of(row, client)
    portal = trader(tenant, client)
    text = portal.get("/bonuses/").text
    assert "Accept these terms" in text
    assert "Fair play." in text
    assert portal.get("/").status_code == 200
    assert portal.post(f"/bonuses/{other.pk}/decline/").status_code == 404
    portal.post(f"/bonuses/{offered.pk}/decline/")
    offered.refresh_from_db()
    assert offered.state == GrantState.CANCELLED


def test_taking_money_out_asks_first(tenant: Any) -> None:
    client = make_client(country="AE")
    grant = grant_of(version(), client)
    assert len(leaving.consequences(grant.account, eur("10"))) == 1
    portal, path = trader(tenant, client), f"/accounts/{grant.account_id}/transfer/"
    sent = {"direction": "out", "amount": "10", "key": "k"}
    asked = portal.post(path, sent | {"confirmed": "False"})  # the hidden field of the form as it was opened
    assert asked.status_code == 422
    assert ("100.00" in asked.text, "Please confirm." in asked.text) == (True, False)
    assert "Please confirm." in portal.post(path, sent).text  # shown, and not ticked
    grant.refresh_from_db()
    assert grant.state == GrantState.ACTIVE
    portal.post(path, sent | {"confirmed": "on"})
    grant.refresh_from_db()
    assert (grant.state, grant.ending) == (GrantState.BURNING, "withdrawal")


@pytest.mark.parametrize("state", [GrantState.OFFERED, GrantState.ACTIVE, GrantState.BURNT])
def test_terms_are_a_page_to_print_for_their_client_alone(tenant: Any, state: str) -> None:
    client, other = make_client(), make_client()
    page = trader(tenant, client)
    grant, others = grant_of(version(), client, state), grant_of(SchemeVersion.objects.get(), other)
    shown = page.get(f"/bonuses/{grant.pk}/terms/").content.decode()
    assert "Fair play." in shown
    assert "data-print" in shown
    assert page.get(f"/bonuses/{others.pk}/terms/").status_code == 404
    assert f"/bonuses/{grant.pk}/terms/" in page.get("/bonuses/").content.decode()
    assert 'href="/bonuses/"' in page.get("/wallets/").content.decode()
