"""What changed is told in the reader's words, and nothing that has none is lost."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils.translation import override

from kernel import audit, audit_words
from kernel.actors import system
from kernel.models import AuditEntry
from tenant_apps.accounts.models import Realm, User
from tenant_apps.clients.changes import Words, changes_shown
from tenant_apps.leads.models import PipelineStatus


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        ("due_at", "2019-11-21T10:00:00+00:00", "21. Nov. 2019"),
        ("due_at", "2026-11-21", "2026-11-21"),  # no instant: as it was kept
        ("reason", "2026-11-21T10:00:00+00:00", "2026-11-21T10:00:00+00:00"),  # somebody's own words
        ("likeness", ["device", "invited"], "ein Gerät, eine hat die andere eingeladen"),
        ("amount", {"minor": 50000, "currency": "EUR"}, "500,00"),
        ("received", "1008000.50 KZT", "1.008.000,50"),
        ("fee", "0.00 EUR", "0,00\u00a0€"),
        ("received", "500.005 EUR", "500.005 EUR"),  # no such amount
        ("received", "10 YEARS", "10 YEARS"),
        ("risk", "high", "Hoch"),
        ("nationality", "AE", "Vereinigte Arabische Emirate"),
        ("unheard_of", "x", "x"),
        ("active", False, "nein"),
        ("note", "", "–"),
    ],
)
def test_values_in_words(key: str, value: Any, told: str) -> None:
    with override("de"):
        assert told in Words("").of(key, value)


def test_fields_in_words() -> None:
    with override("de"):
        assert audit_words.field_words("due_at") == "Fällig"
        assert audit_words.field_words("unheard_of_id") == "Unheard of"


@pytest.mark.parametrize(
    ("app", "key", "value", "told"),
    [
        ("kyc", "state", "needs_more", "Weitere Angaben vom Kunden nötig"),
        ("kyc", "state", "accepted", "Akzeptiert"),
        ("payments", "state", "needs_more", "needs_more"),
        ("leads", "method", "least_loaded", "Wenigste offene Leads zuerst"),
        ("payments", "method", "card", "Karte"),
        ("trading", "direction", "out", "Konto"),
    ],
)
def test_the_same_field_means_what_its_app_says(app: str, key: str, value: str, told: str) -> None:
    with override("de"):
        assert told in Words(app).of(key, value)


def test_what_the_broker_named_is_told_by_that_name(tenant: Any, django_assert_num_queries: Any) -> None:
    PipelineStatus.objects.create(code="later", name="Call next year")
    told = Words("leads")
    with django_assert_num_queries(1):
        assert [told.of("status", "later") for _ in range(3)] == ["Call next year"] * 3


def test_people_are_named_wherever_their_ids_stand(tenant: Any) -> None:
    agent = User.objects.create(realm=Realm.STAFF, email="anna@desk.example", name="Anna Agent")
    audit.record(actor=system("t"), action="leads.rule_saved", after={"agents": {str(agent.pk): 3}, "team_id": ""})
    (entry,) = changes_shown(AuditEntry.objects.filter(action="leads.rule_saved"))
    assert [change.after for change in entry.changes] == ["Anna Agent: 3", "–"]  # type: ignore[attr-defined]
