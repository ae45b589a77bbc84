"""Legal entities: every country leads to exactly one, a contract stays where it is, and nobody's archive is another's gap."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kernel.actors import VISITOR, Actor, Reach
from kernel.errors import Forbidden, Invalid, NotFound
from kernel.ids import short_id
from kernel.models import AuditEntry
from tenant_apps.clients import entities, services
from tenant_apps.clients.errors import EntityInUse
from tenant_apps.clients.models import Client, LegalEntity, TimelineEntry
from tenant_apps.clients.registration import client_register
from tenant_apps.notifications.models import Notification

from .support import PASSWORD, SYSTEM, actor, entity, lead, staff

COUNTRIES = ("DE", "FR", "AE", "KW")


def registered(country: str = "DE") -> Client:
    return client_register(
        email=f"{short_id(10)}@example.com", password=PASSWORD, first_name="Lina", last_name="Haddad", country=country,
        documents=[], actor=VISITOR,
    )  # fmt: skip


def bound(monkeypatch: pytest.MonkeyPatch, *, binds: bool) -> None:
    monkeypatch.setattr(entities, "_binding", {"tests": lambda client: binds})


# --- setting them up


def test_the_first_is_the_default_and_another_takes_it_over(tenant: Any) -> None:
    first = entity()
    assert first.is_default
    second = entity("Nordwind International Ltd", "AE")
    assert not second.is_default
    second.is_default = True
    entities.entity_save(actor=SYSTEM, entity=second)
    assert list(LegalEntity.objects.filter(is_default=True)) == [second]
    second.is_default = False
    with pytest.raises(Invalid) as refused:
        entities.entity_save(actor=SYSTEM, entity=second)
    assert refused.value.field == "is_default"
    line = AuditEntry.objects.filter(action="clients.entity_saved").latest("id")
    assert (line.before, line.after) == ({"is_default": False}, {"is_default": True})


def test_the_database_knows_one_default_that_lives(tenant: Any) -> None:
    entity()
    with pytest.raises(IntegrityError), transaction.atomic():
        LegalEntity.objects.create(name="Another", is_default=True)
    with pytest.raises(IntegrityError), transaction.atomic():
        LegalEntity.objects.update(archived_at="2026-01-01T00:00Z")


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"name": " ", "countries": ["FR"]}, "name"),
        ({"countries": ["FR", "DE"]}, "countries"),
        ({"countries": []}, "countries"),
        ({"countries": ["Germany"]}, "countries"),
        ({"countries": ["FR"], "pack": "nobody's"}, "pack"),
    ],
)
def test_what_cannot_be_is_refused_at_its_field(tenant: Any, values: dict[str, Any], field: str) -> None:
    entity("Rest Ltd")
    entity("Europe Ltd", "DE")
    with pytest.raises(Invalid) as refused:
        entities.entity_save(actor=SYSTEM, entity=LegalEntity(**{"name": "New Ltd", **values}))
    assert refused.value.field == field
    assert LegalEntity.objects.count() == 2


def test_a_country_in_two_is_named_with_the_one_that_has_it(tenant: Any) -> None:
    entity("Europe Ltd", "DE", "FR")
    with pytest.raises(Invalid, match=".*") as refused:
        entity("Other Ltd", "AE", "FR")
    assert "Europe Ltd" in str(refused.value)
    assert "FR" in str(refused.value)
    assert "AE" not in str(refused.value)


def test_setting_up_and_moving_take_rights_of_their_own(tenant: Any) -> None:
    nobody = Actor(kind="staff", id="1", grants={"clients.view": Reach.ALL, "clients.edit": Reach.ALL})
    kept, person = entity(), registered()
    with pytest.raises(Forbidden):
        entities.entity_save(actor=nobody, entity=LegalEntity(name="Mine"))
    with pytest.raises(Forbidden):
        entities.entity_archive(actor=nobody, entity_id=kept.pk)
    with pytest.raises(Forbidden):
        entities.client_entity_move(client=person, entity_id=kept.pk, reason="Why not", actor=nobody)
    assert LegalEntity.objects.count() == 1


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(
            st.integers(0, 3), st.sets(st.sampled_from(COUNTRIES)), st.sampled_from(["save", "default", "archive"])
        ),
        max_size=12,
    )
)
def test_every_country_leads_to_exactly_one_whatever_is_set_up(tenant: Any, steps: list[Any]) -> None:
    with transaction.atomic():
        rows = [LegalEntity(name=f"Company {number} Ltd") for number in range(4)]
        for number, countries, act in steps:
            row = LegalEntity.objects.filter(pk=rows[number].pk).first() or rows[number]
            row.countries, row.is_default = sorted(countries), row.is_default or act == "default"
            with suppress(Invalid, EntityInUse, NotFound), transaction.atomic():
                if act == "archive":
                    entities.entity_archive(actor=SYSTEM, entity_id=row.pk)
                else:
                    entities.entity_save(actor=SYSTEM, entity=row)
            live = list(entities.live())
            assert sum(one.is_default for one in live) == bool(live)
            for country in (*COUNTRIES, "BR", ""):
                found = entities.entity_for(country)
                assert (found in live) if live else found is None
                naming = [one for one in live if country in one.countries] or [one for one in live if not one.countries]
                assert naming in ([], [found])
                assert entities.entity_for(country, live[::-1]) == found
        transaction.set_rollback(True)


# --- whose client somebody is


def test_a_client_comes_to_the_entity_of_the_country(tenant: Any) -> None:
    rest, europe = entity("Rest Ltd"), entity("Europe Ltd", "DE")
    assert registered("DE").entity == europe
    person = registered("BR")
    assert person.entity == rest
    assert AuditEntry.objects.get(action="clients.entity_set", subject=person.pk).after == {"entity": "Rest Ltd"}
    line = TimelineEntry.objects.get(client=person, kind="clients.entity_set")
    assert line.data == {"entity": "Rest Ltd"}


def test_without_entities_nothing_is_written_down(tenant: Any) -> None:
    person = registered("DE")
    assert (person.entity, entities.entity_of(person)) == (None, None)
    assert not AuditEntry.objects.filter(action="clients.entity_set").exists()


def test_clients_from_before_are_the_defaults_and_stay_when_it_changes(tenant: Any) -> None:
    old, new_lead = registered("DE"), lead(country="DE")
    first = entity("First Ltd")
    assert entities.entity_of(old) == first
    entity("Second Ltd", "FR", is_default=True)
    for person in (old, new_lead):
        person.refresh_from_db()
    assert old.entity == first
    assert new_lead.entity is None


def test_the_entity_follows_the_country_while_nothing_binds_the_client(
    tenant: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    bound(monkeypatch, binds=False)
    rest, europe = entity("Rest Ltd"), entity("Europe Ltd", "DE")
    person, officer = registered("DE"), staff("compliance")
    services.client_update(client=person, actor=actor(officer), country="BR")
    assert Client.objects.get(pk=person.pk).entity == rest
    line = AuditEntry.objects.filter(action="clients.entity_set").latest("id")
    assert (line.before, line.after) == ({"entity": "Europe Ltd"}, {"entity": "Rest Ltd"})
    assert not Notification.objects.filter(kind="clients.entity_differs").exists()
    services.client_update(client=person, actor=actor(officer), first_name="Nina")
    assert europe.pk != Client.objects.get(pk=person.pk).entity_id


def test_a_bound_client_stays_and_whoever_may_move_them_hears_of_it(
    tenant: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    bound(monkeypatch, binds=True)
    entity("Rest Ltd")
    europe = entity("Europe Ltd", "DE")
    person, officer, other, seller = registered("DE"), staff("compliance"), staff("compliance"), staff("sales")
    services.client_update(client=person, actor=actor(officer), country="BR")
    assert Client.objects.get(pk=person.pk).entity == europe
    told = Notification.objects.filter(kind="clients.entity_differs").values_list("user_id", flat=True)
    assert other.pk in told
    assert seller.pk not in told


def test_a_lead_has_no_contract_to_move(tenant: Any) -> None:
    entity("Rest Ltd")
    entity("Europe Ltd", "DE")
    person = lead(country="DE")
    services.client_update(client=person, actor=actor(staff("compliance")), country="BR")
    assert Client.objects.get(pk=person.pk).entity is None


def test_a_client_is_moved_with_a_reason(tenant: Any) -> None:
    rest, europe = entity("Rest Ltd"), entity("Europe Ltd", "DE")
    person, officer = registered("DE"), actor(staff("compliance"))
    with pytest.raises(Invalid) as refused:
        entities.client_entity_move(client=person, entity_id=rest.pk, reason=" ", actor=officer)
    assert refused.value.field == "reason"
    entities.client_entity_move(client=person, entity_id=rest.pk, reason="Asked for it in writing", actor=officer)
    assert Client.objects.get(pk=person.pk).entity == rest
    line = AuditEntry.objects.filter(action="clients.entity_set").latest("id")
    assert (line.reason, line.before, line.after) == (
        "Asked for it in writing", {"entity": europe.name}, {"entity": rest.name},
    )  # fmt: skip
    assert TimelineEntry.objects.filter(client=person, kind="clients.entity_set").count() == 2


def test_moving_to_where_one_is_changes_nothing_and_to_an_archived_one_is_refused(tenant: Any) -> None:
    rest, gone = entity("Rest Ltd"), entity("Gone Ltd", "AE")
    person, officer = registered("DE"), actor(staff("compliance"))
    entities.entity_archive(actor=SYSTEM, entity_id=gone.pk)
    entities.client_entity_move(client=person, entity_id=rest.pk, reason="No reason", actor=officer)
    assert AuditEntry.objects.filter(action="clients.entity_set").count() == 1
    with pytest.raises(NotFound):
        entities.client_entity_move(client=person, entity_id=gone.pk, reason="Back", actor=officer)


def test_one_with_clients_and_the_default_are_not_archived(tenant: Any) -> None:
    rest, europe = entity("Rest Ltd"), entity("Europe Ltd", "DE")
    person = registered("DE")
    for one in (rest, europe):
        with pytest.raises(EntityInUse):
            entities.entity_archive(actor=SYSTEM, entity_id=one.pk)
    entities.client_entity_move(client=person, entity_id=rest.pk, reason="Closing it", actor=SYSTEM)
    entities.entity_archive(actor=SYSTEM, entity_id=europe.pk)
    assert list(entities.live()) == [rest]
    assert entities.entity_for("DE") == rest
    with pytest.raises(NotFound):
        entities.entity_save(actor=SYSTEM, entity=LegalEntity.objects.get(pk=europe.pk))


def test_clients_of_an_entity_are_found_by_it(tenant: Any) -> None:
    unsaid = registered("DE")
    rest, europe = entity("Rest Ltd"), entity("Europe Ltd", "DE")
    written = registered("DE")
    found = {one.pk: set(Client.objects.filter(entities.clients_of(one.pk))) for one in (rest, europe)}
    assert found == {rest.pk: {unsaid}, europe.pk: {written}}


def test_registration_asks_once_for_entities(tenant: Any) -> None:
    person = lead(country="DE")
    with CaptureQueriesContext(connection) as seen:
        entities.entity_settle(client=person, actor=SYSTEM)
    assert len(seen) == 1
    assert "FOR NO KEY UPDATE" in seen[0]["sql"]  # so that none is archived before the client is written
