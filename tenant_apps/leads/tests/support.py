"""What the tests of leads and of the office need."""

from __future__ import annotations

from typing import Any

from tenant_apps.clients.models import Client
from tenant_apps.clients.tests import support
from tenant_apps.clients.tests.support import PASSWORD, SYSTEM, actor, browser, log_in, staff
from tenant_apps.leads.defaults import pipeline_ensure

__all__ = ["PASSWORD", "SYSTEM", "actor", "browser", "lead", "log_in", "staff"]


def lead(**values: Any) -> Client:
    """A lead in a brokerage that has a pipeline."""
    pipeline_ensure()
    return support.lead(**values)
