"""Ways in and out, and limits, by the legal entity that a client is with."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from kernel.models import AuditEntry
from tenant_apps.clients import entities
from tenant_apps.clients.models import LegalEntity
from tenant_apps.clients.tests.support import entity
from tenant_apps.payments.models import DepositLimit, MethodRule, PayoutRule, ProposedChange
from tenant_apps.payments.office.rule_forms import PayoutRuleForm, RuleForm
from tenant_apps.payments.services import deposit_limits, offers, routing
from tenant_apps.payments.services.payout_routing import Board, accounts_of

from .support import SYSTEM, eur, make_account, make_client, make_rule
from .test_pages import deposit_of, officer
from .test_routing import situation
from .test_rules_eyes import RULE

PROVIDERS = ("payments.provider.edit", "payments.view")


@pytest.fixture
def two(tenant: Any) -> tuple[LegalEntity, LegalEntity]:
    """The rest of the world, and Europe."""
    return entity("Nordwind International Ltd"), entity("Nordwind Europe Ltd", "DE", "AT")


def test_a_way_in_is_for_the_clients_of_its_entities(two: Any) -> None:
    rest, europe = two
    account = make_account()
    make_rule(account, "card", entities=[str(europe.pk)])
    make_rule(account, "klarna", entities=[str(rest.pk)])
    make_rule(make_account("bank_wire"), "wire")
    offered = {
        name: [offer.method.code for offer in offers.offers_for(make_client(entity=own), "EUR")]
        for name, own in (("europe", europe), ("rest", rest), ("unsaid", None))
    }
    assert offered == {"europe": ["card", "wire"], "rest": ["klarna", "wire"], "unsaid": ["klarna", "wire"]}
    found = {one.rule.method: one.against for one in routing.verdicts(situation(entity=str(europe.pk)))}
    assert found == {"card": (), "klarna": ("entity",), "wire": ()}


def test_the_default_is_asked_for_only_where_a_rule_names_entities(two: Any) -> None:
    account = make_account()
    rule = make_rule(account, "card")
    person = make_client()
    for named, queries in (([], 2), ([str(two[0].pk)], 3)):
        MethodRule.objects.filter(pk=rule.pk).update(entities=named)
        with CaptureQueriesContext(connection) as seen:
            assert len(offers.offers_for(person, "EUR")) == 1
        assert len(seen) == queries
    PayoutRule.objects.create(provider_account=make_account("bank_wire"), method="wire", currency="EUR")
    with CaptureQueriesContext(connection) as seen:
        Board.of(routing.Situation.of(person, "EUR"))
    assert len(seen) == 3


def test_a_way_out_is_for_the_clients_of_its_entities(two: Any) -> None:
    rest, europe = two
    bank, other = (make_account("bank_wire", name=name) for name in ("Europe's bank", "The other bank"))
    for account, own in ((bank, europe), (other, rest)):
        PayoutRule.objects.create(provider_account=account, method="wire", currency="EUR", entities=[str(own.pk)])
    for own, taken in ((europe, bank), (rest, other), (None, other)):
        board = Board.of(routing.Situation.of(make_client(entity=own), "EUR", amount=eur("100")))
        assert accounts_of(board.ways("wire")) == [taken]


@pytest.mark.parametrize("form", [RuleForm, PayoutRuleForm])
def test_rules_ask_for_entities_only_where_there_are_two(tenant: Any, form: Any) -> None:
    account = make_account("bank_wire")
    assert "entities" not in form(account=account).fields
    entity("Rest Ltd")
    assert "entities" not in form(account=account).fields
    entity("Europe Ltd", "DE")
    assert [name for _, name in form(account=account).fields["entities"].choices] == ["Rest Ltd", "Europe Ltd"]


def test_a_rule_of_an_archived_entity_stays_its_own(two: Any) -> None:
    """Otherwise saving something else of the rule would open it to everybody."""
    gone = entity("Gone Ltd", "AE")
    rule = make_rule(make_account(), "card", entities=[str(gone.pk)])
    entities.entity_archive(actor=SYSTEM, entity_id=gone.pk)
    form = RuleForm(account=rule.provider_account, rule=rule)
    assert (str(gone.pk), "Gone Ltd") in form.fields["entities"].choices
    assert form.initial["entities"] == [str(gone.pk)]


def test_a_rule_by_entity_takes_two_people_and_is_told_by_name(tenant: Any, two: Any) -> None:
    europe = two[1]
    account = make_account()
    one, other = officer(tenant, *PROVIDERS), officer(tenant, *PROVIDERS)
    sent = {**RULE, "entities": [str(europe.pk)]}
    assert one.post(f"/payments/providers/{account.pk}/rules/", sent).status_code == 302
    change = ProposedChange.objects.get()
    assert "Nordwind Europe Ltd" in other.get("/payments/changes/").content.decode()
    other.post(f"/payments/changes/{change.pk}/approve/")
    assert MethodRule.objects.get().entities == [str(europe.pk)]
    assert AuditEntry.objects.get(action="payments.rule_saved").after["entities"] == [str(europe.pk)]


def test_the_tester_names_the_entity_that_a_rule_is_not_for(tenant: Any, two: Any) -> None:
    rest, europe = two
    make_rule(make_account(), "card", entities=[str(europe.pk)])
    PayoutRule.objects.create(
        provider_account=make_account("bank_wire", payouts=["wire"]), method="wire", currency="EUR",
        entities=[str(europe.pk)],
    )  # fmt: skip
    web = officer(tenant, *PROVIDERS)
    asked = {"currency": "EUR", "country": "DE", "level": "1"}
    for path, more in (("/payments/routing/", {}), ("/payments/payout-routing/", {"method": "wire"})):
        by_country = web.get(path, {**asked, **more}).content.decode()
        assert "Not for clients of" not in by_country
        chosen = web.get(path, {**asked, **more, "entity": str(rest.pk)}).content.decode()
        assert "Not for clients of \u2068Nordwind International Ltd\u2069" in chosen
    of_client = web.get(
        "/payments/routing/", {**asked, "client": str(make_client(country="DE").number)}
    ).content.decode()
    assert "Not for clients of \u2068Nordwind International Ltd\u2069" in of_client  # unsaid, so with the default


def test_limits_hold_for_the_pack_of_the_clients_entity_too(two: Any) -> None:
    rest, europe = two
    LegalEntity.objects.filter(pk=rest.pk).update(pack="offshore")
    LegalEntity.objects.filter(pk=europe.pk).update(pack="esma")
    DepositLimit.objects.create(currency="EUR", day_minor=9_000, total_minor=50_000)
    DepositLimit.objects.create(currency="EUR", day_minor=3_000, pack="esma")
    DepositLimit.objects.create(currency="EUR", total_minor=7_000, pack="offshore")
    assert set(deposit_limits.limiting_packs()) >= {"esma", "offshore"}

    def held(**values: Any) -> dict[str, int]:
        with CaptureQueriesContext(connection) as seen:
            found = deposit_limits.limits_of(make_client(**values), "EUR")
        assert len([one for one in seen if "deposit_limit" in one["sql"]]) == 1
        assert not [one for one in seen if one["sql"].startswith('SELECT "clients_legal_entity"')]
        return {window: money.minor for window, money in found.items()}

    assert held(country="KW", entity=europe) == {"day": 3_000, "total": 50_000}
    assert held(country="DE", entity=rest) == {"day": 3_000, "total": 7_000}  # the residents' own rules stay
    assert held(country="KW") == {"day": 9_000, "total": 7_000}


def test_a_deposit_binds_a_client_to_the_entity(tenant: Any) -> None:
    person = make_client()
    binds = entities._binding["payments"]
    assert not binds(person)
    deposit_of(person)
    assert binds(person)
