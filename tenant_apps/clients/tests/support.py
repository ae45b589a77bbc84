"""Clients for tests, and what the tests of accounts offer."""

from __future__ import annotations

from typing import Any

from kernel.ids import short_id
from tenant_apps.accounts.tests.support import PASSWORD, SYSTEM, actor, browser, log_in, staff
from tenant_apps.clients.models import Client
from tenant_apps.clients.services import lead_create

__all__ = ["PASSWORD", "SYSTEM", "actor", "browser", "lead", "log_in", "staff"]


def lead(**values: Any) -> Client:
    given = {"email": f"{short_id(10)}@example.com", "first_name": "Ada", "last_name": "Lovelace", **values}
    return lead_create(actor=SYSTEM, **given).client
