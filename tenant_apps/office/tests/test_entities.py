"""Legal entities in the office and the portal: set up by two people, seen by whom it concerns, moved with a reason."""

from __future__ import annotations

from typing import Any

import pytest

from kernel.models import AuditEntry
from tenant_apps.clients.models import Client, LegalEntity
from tenant_apps.clients.tests.support import entity
from tenant_apps.payments.tests.support import make_client
from tenant_apps.payments.tests.test_pages import officer, trader
from tenant_apps.wallets.change_models import ProposedChange

RIGHTS = ("clients.entities", "payments.view")
EUROPE = {
    "name": "Nordwind Europe Ltd", "registration_number": "HE 1", "licence": "CySEC 123/45", "address": "Limassol",
    "countries": "DE AT", "pack": "esma",
}  # fmt: skip


def text(answer: Any) -> str:
    return str(answer.content.decode())


def test_setting_one_up_takes_two_people(tenant: Any) -> None:
    one, other = officer(tenant, "clients.entities"), officer(tenant, "clients.entities")
    assert "No legal entities yet" in text(one.get("/legal-entities/"))
    assert one.post("/legal-entities/new/", EUROPE)["Location"] == "/legal-entities/"
    assert not LegalEntity.objects.exists()
    assert "waits for a second person" in text(one.get("/legal-entities/"))
    change = ProposedChange.objects.get()
    one.post(f"/payments/changes/{change.pk}/approve/")
    assert not LegalEntity.objects.exists()
    assert "Nordwind Europe Ltd" in text(other.get(f"/money/change/{change.pk}/"))
    other.post(f"/payments/changes/{change.pk}/approve/")
    row = LegalEntity.objects.get()
    assert (row.is_default, row.countries, row.pack, row.licence) == (True, ["DE", "AT"], "esma", "CySEC 123/45")
    assert "CySEC 123/45" in text(one.get("/legal-entities/"))


def test_words_take_one_person_and_countries_two(tenant: Any) -> None:
    row = entity(EUROPE["name"], "DE", "AT", pack="esma")
    one, _other = officer(tenant, *RIGHTS), officer(tenant, *RIGHTS)
    sent = {**EUROPE, "is_default": "on"}
    assert one.post(f"/legal-entities/{row.pk}/", {**sent, "licence": "CySEC 999/99"}).status_code == 302
    row.refresh_from_db()
    assert row.licence == "CySEC 999/99"
    assert not ProposedChange.objects.exists()
    for changed in ({"countries": "DE"}, {"pack": ""}):
        assert one.post(f"/legal-entities/{row.pk}/", {**sent, **changed}).status_code == 302
        ProposedChange.objects.get(state="waiting", kind="legal_entity").delete()
    row.refresh_from_db()
    assert (row.countries, row.pack) == (["DE", "AT"], "esma")


def test_a_country_that_another_one_has_is_refused_at_the_field(tenant: Any) -> None:
    entity("Nordwind International Ltd", "DE")
    web = officer(tenant, *RIGHTS)
    answer = web.post("/legal-entities/new/", EUROPE)
    assert answer.status_code == 422
    assert "Nordwind International Ltd" in str(answer.context["form"].errors["countries"])
    assert not ProposedChange.objects.exists()


def test_an_archive_takes_two_people_and_the_default_stays(tenant: Any) -> None:
    first, second = entity("Nordwind International Ltd"), entity(EUROPE["name"], "DE")
    one, other = officer(tenant, *RIGHTS), officer(tenant, *RIGHTS)
    assert "/archive/" not in text(one.get(f"/legal-entities/{first.pk}/"))
    one.post(f"/legal-entities/{first.pk}/archive/")
    assert not ProposedChange.objects.exists()
    assert "/archive/" in text(one.get(f"/legal-entities/{second.pk}/"))
    one.post(f"/legal-entities/{second.pk}/archive/")
    other.post(f"/payments/changes/{ProposedChange.objects.get().pk}/approve/")
    second.refresh_from_db()
    assert second.archived_at is not None
    assert one.get(f"/legal-entities/{second.pk}/").status_code == 404
    assert EUROPE["name"] in text(one.get("/legal-entities/"))


@pytest.mark.parametrize("path", ["", "new/"])
def test_without_the_right_there_is_no_page(tenant: Any, path: str) -> None:
    assert officer(tenant, "clients.view", "clients.entity.move").get(f"/legal-entities/{path}").status_code == 403


def test_compliance_moves_a_client_on_the_clients_page(tenant: Any) -> None:
    person = make_client()
    web, reader = officer(tenant, "clients.view", "clients.entity.move"), officer(tenant, "clients.view")
    assert "Legal entity" not in text(web.get(f"/clients/{person.pk}/"))
    rest, europe = entity("Nordwind International Ltd"), entity(EUROPE["name"], "DE")
    shown = text(web.get(f"/clients/{person.pk}/"))
    assert rest.name in shown
    assert f"/clients/{person.pk}/entity/" in shown
    assert f"/clients/{person.pk}/entity/" not in text(reader.get(f"/clients/{person.pk}/"))
    sent = {"entity": str(europe.pk), "reason": "Lives in Berlin"}
    assert reader.post(f"/clients/{person.pk}/entity/", sent).status_code == 403
    assert web.post(f"/clients/{person.pk}/entity/", {**sent, "reason": ""}).status_code == 422
    assert web.post(f"/clients/{person.pk}/entity/", {**sent, "entity": "nobody"}).status_code == 404
    assert Client.objects.get(pk=person.pk).entity is None
    assert web.post(f"/clients/{person.pk}/entity/", sent).status_code == 302
    assert Client.objects.get(pk=person.pk).entity == europe
    assert AuditEntry.objects.get(action="clients.entity_set").reason == "Lives in Berlin"
    assert f"Contract with \u2068{europe.name}\u2069" in text(web.get(f"/clients/{person.pk}/"))


def test_the_list_of_clients_is_filtered_where_there_is_a_choice(tenant: Any) -> None:
    web = officer(tenant, "clients.view")
    rest = entity("Nordwind International Ltd")
    assert 'name="entity"' not in text(web.get("/clients/"))
    europe = entity(EUROPE["name"], "DE")
    unsaid, written = make_client(first_name="Unsaid"), make_client(first_name="Written", entity=europe)
    assert 'name="entity"' in text(web.get("/clients/"))
    assert 'name="entity"' not in text(web.get("/leads/"))
    for own, other, chosen in ((unsaid, written, rest), (written, unsaid, europe)):
        shown = text(web.get(f"/clients/?entity={chosen.pk}"))
        assert own.name in shown
        assert other.name not in shown


def test_a_client_reads_with_whom_the_contract_is(tenant: Any) -> None:
    person = make_client()
    web = trader(tenant, person)
    assert "Your contract" not in text(web.get("/profile/"))
    europe = entity(EUROPE["name"], "DE", licence="CySEC 123/45", address="Limassol")
    entity("Nordwind International Ltd")
    for own in (None, europe):
        Client.objects.filter(pk=person.pk).update(entity=own)
        shown = text(web.get("/profile/"))
        assert all(word in shown for word in ("Your contract is with", europe.name, "CySEC 123/45", "Limassol"))
        assert "Nordwind International Ltd" not in shown
