"""The brokerage of two companies, as the seed leaves it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from provisioning.demo import entities as demo
from provisioning.demo.brokers import ALNOOR, NORDWIND
from tenant_apps.clients import entities
from tenant_apps.clients.models import Client, LegalEntity
from tenant_apps.clients.tests.support import SYSTEM, lead


def test_one_brokerage_has_two_companies_and_clients_with_each(tenant: Any) -> None:
    people = [lead(country="DE") for _ in range(3)]
    Client.objects.filter(pk__in=[one.pk for one in people[:2]]).update(stage="funded")
    book: Any = SimpleNamespace(broker=NORDWIND, actor=lambda person: SYSTEM, staff=lambda role: role)
    for _ in range(2):
        demo.write(book)
    home, abroad = entities.live()
    assert [Client.objects.filter(entity=one).count() for one in (home, abroad)] == [1, 1]
    assert [entities.entity_for(country.code) for country in NORDWIND.countries] == [home] * len(NORDWIND.countries)
    assert entities.entity_for("BR") == abroad


def test_the_others_are_one_company_each(tenant: Any) -> None:
    book: Any = SimpleNamespace(broker=ALNOOR)
    demo.write(book)
    assert not LegalEntity.objects.exists()
