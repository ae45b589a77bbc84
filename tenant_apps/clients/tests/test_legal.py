"""Legal documents in the office: versions, translations, who accepted, and that a published text stays as it is."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import DatabaseError, transaction

from kernel import clock
from kernel.errors import Conflict, Forbidden, Invalid
from kernel.ids import uuid7
from kernel.models import AuditEntry
from kernel.tenancy import directory
from shared_apps.tenants import services as tenants
from tenant_apps.clients import legal, selectors
from tenant_apps.clients.models import Acceptance, Client, LegalDocument, Stage
from tenant_apps.clients.registration import document_accept
from tenant_apps.clients.tests.support import actor, browser, lead, log_in, staff

Text = legal.Text


@pytest.fixture(autouse=True)
def _documents(tenant: Any) -> None:
    legal.legal_defaults_ensure()


def trader(**values: Any) -> Client:
    """A client with an account."""
    person = lead()
    Client.objects.filter(pk=person.pk).update(user_id=uuid7(), stage=Stage.REGISTERED, **values)
    person.refresh_from_db()
    return person


def accepts(person: Client, document: LegalDocument) -> int:
    from kernel.actors import Actor

    return document_accept(
        client=person, documents=[document.pk], actor=Actor(kind="client", id="c", client_id=person.pk)
    )


def test_a_version_is_published_in_all_its_languages_at_once(tenant: Any) -> None:
    owner = actor(staff("owner"))
    made = legal.legal_publish(
        kind="terms", texts={"en": Text("Terms", "New"), "de": Text("Bedingungen", "Neu")}, follows=1, actor=owner
    )
    assert [(row.language, row.version) for row in made] == [("en", 2), ("de", 2)]
    german = trader(language="de")
    assert [one.title for one in selectors.documents_missing(german) if one.kind == "terms"] == ["Bedingungen"]
    line = AuditEntry.objects.get(action="clients.legal_published")
    assert (line.before, line.after["version"], line.after["sha256"]["de"]) == (
        {"version": 1}, 2, made[1].sha256,
    )  # fmt: skip


def test_the_newest_version_counts_also_where_nobody_has_translated_it(tenant: Any) -> None:
    owner = actor(staff("owner"))
    first = LegalDocument.objects.get(kind="terms")
    legal.legal_translate(document_id=first.pk, language="de", text=Text("Bedingungen", "Alt"), actor=owner)
    newest = legal.legal_publish(kind="terms", texts={"en": Text("Terms", "New")}, actor=owner)[0]
    german = trader(language="de")
    shown = next(one for one in selectors.documents_current("de") if one.kind == "terms")
    assert shown == newest
    assert accepts(german, newest) == 1
    translated = legal.legal_translate(document_id=newest.pk, language="de", text=Text("Neu", "Neu"), actor=owner)
    assert next(one for one in selectors.documents_current("de") if one.kind == "terms") == translated
    assert [one.kind for one in selectors.documents_missing(german)] == ["privacy", "risk"]  # not asked again


def test_a_published_text_cannot_be_changed_or_removed(tenant: Any) -> None:
    """Not by any code that acts for the brokerage: its role of the database has no right to."""
    for change in (
        lambda: LegalDocument.objects.filter(kind="terms").update(body="Other"),
        lambda: LegalDocument.objects.filter(kind="terms").delete(),
    ):
        with pytest.raises(DatabaseError, match="permission denied"), transaction.atomic():
            change()
    assert LegalDocument.objects.get(kind="terms").body != "Other"


def test_what_makes_no_version_is_refused(tenant: Any) -> None:
    owner = actor(staff("owner"))
    first = LegalDocument.objects.get(kind="terms")
    publish: Any = lambda **values: legal.legal_publish(  # noqa: E731
        **{"kind": "terms", "texts": {"en": Text("Terms", "New")}, "actor": owner, **values}
    )
    with pytest.raises(Invalid):
        publish(effective_at=clock.now() - timedelta(days=1))
    with pytest.raises(Invalid):
        publish(texts={"en": Text("Terms", "")})
    with pytest.raises(Invalid):
        publish(texts={"en": Text(first.title, first.body)})
    with pytest.raises(Invalid):
        publish(kind="nonsense")
    with pytest.raises(Conflict):
        publish(follows=0)
    with pytest.raises(Conflict):
        legal.legal_translate(document_id=first.pk, language="en", text=Text("Terms", "Other"), actor=owner)
    with pytest.raises(Forbidden):
        publish(actor=actor(staff("finance")))
    assert (LegalDocument.objects.filter(kind="terms").count(), AuditEntry.objects.filter(
        action__startswith="clients.legal").count()) == (1, 0)  # fmt: skip


def test_versions_know_who_accepted_them(tenant: Any) -> None:
    owner = actor(staff("owner"))
    first = LegalDocument.objects.get(kind="terms")
    early, late, gone = trader(), trader(), trader()
    lead()  # has no account to accept with
    for person in (early, late, gone):
        accepts(person, first)
    Client.objects.filter(pk=gone.pk).update(stage=Stage.CLOSED)
    second = legal.legal_publish(kind="terms", texts={"en": Text("Terms", "New")}, actor=owner)[0]
    accepts(late, second)
    tomorrow = clock.now() + timedelta(days=1)
    legal.legal_publish(kind="terms", texts={"en": Text("Terms", "Newer")}, effective_at=tomorrow, actor=owner)
    shown = [(row.version, row.state, row.accepted, row.waiting) for row in selectors.legal_versions()["terms"]]
    assert shown == [(3, "scheduled", 0, 0), (2, "current", 1, 1), (1, "earlier", 3, 0)]


def test_the_office_publishes_and_clients_are_asked_at_the_next_visit(tenant: Any) -> None:
    page = log_in(tenant, staff("owner"))
    assert "Client agreement" in page.get("/legal-documents/").content.decode()
    form = page.get("/legal-documents/terms/new/").content.decode()
    assert 'name="follows" value="1"' in form
    sent = {"follows": "1", "effective_at": "", "title_en": "Terms", "body_en": "1. New\r\n2. Words"}
    assert page.post("/legal-documents/terms/new/", {**sent, "body_en": ""}).status_code == 422
    assert page.post("/legal-documents/terms/new/", sent).status_code == 302
    assert page.post("/legal-documents/terms/new/", sent).status_code == 422  # the button pressed twice
    newest = LegalDocument.objects.get(kind="terms", version=2)
    assert (newest.body, newest.sha256) == ("1. New\n2. Words", Text("Terms", "1. New\n2. Words").sha256)
    assert "2. Words" in page.get(f"/legal-documents/{newest.pk}/").content.decode()
    assert newest in selectors.documents_missing(trader())
    assert "2. Words" in browser(tenant, "portal").get("/legal/terms/").content.decode()


def test_the_office_adds_a_language_the_brokerage_speaks(tenant: Any) -> None:
    tenants.tenant_settings_merge(tenant_id=tenant.id, changes={"languages": ["en", "de"]})
    directory.forget()
    page = log_in(tenant, staff("owner"))
    first = LegalDocument.objects.get(kind="risk")
    page.cookies["language"] = "ar"
    address = f"/legal-documents/{first.pk}/translate/"
    assert page.get(address).status_code == 200
    sent = {"language": "de", "title": "Risiko", "body": "Hoch"}
    assert page.post(address, {**sent, "language": "ru"}).status_code == 422
    assert page.post(address, sent).status_code == 302
    assert page.post(address, sent).status_code == 422  # it has German now
    texts = LegalDocument.objects.filter(kind="risk").values_list("version", "language")
    assert sorted(texts) == [(1, "de"), (1, "en")]


def test_without_the_right_there_is_no_page(tenant: Any) -> None:
    first = LegalDocument.objects.get(kind="terms")
    page = log_in(tenant, staff("finance"))
    for path in ("/legal-documents/", "/legal-documents/terms/new/", f"/legal-documents/{first.pk}/",
                 f"/legal-documents/{first.pk}/translate/"):  # fmt: skip
        assert page.get(path).status_code == 403, path
        assert page.post(path, {}).status_code == 403, path
    assert not Acceptance.objects.exists()
