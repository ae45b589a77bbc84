"""Clients for tests, and what the tests of accounts offer."""

from __future__ import annotations

from typing import Any

from kernel.ids import short_id
from tenant_apps.accounts.tests.support import PASSWORD, SYSTEM, actor, browser, log_in, staff
from tenant_apps.clients.entities import entity_save
from tenant_apps.clients.models import Client, LegalEntity
from tenant_apps.clients.services import lead_create

__all__ = ["PASSWORD", "SYSTEM", "actor", "browser", "entity", "lead", "log_in", "staff"]


def lead(**values: Any) -> Client:
    given = {"email": f"{short_id(10)}@example.com", "first_name": "Ada", "last_name": "Lovelace", **values}
    return lead_create(actor=SYSTEM, **given).client


def entity(name: str = "Nordwind Europe Ltd", *countries: str, **values: Any) -> LegalEntity:
    """A legal entity of the brokerage; the first is the default."""
    return entity_save(actor=SYSTEM, entity=LegalEntity(name=name, countries=list(countries), **values))
