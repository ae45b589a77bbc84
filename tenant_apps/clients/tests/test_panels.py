"""What the client's page shows beside the timeline."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.template.loader import render_to_string

from tenant_apps.clients.models import Client

FTD_AT = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("minor", "currency", "shown"),
    [(50000, "EUR", "€500.00"), (None, "", "2 Mar 2026"), (None, "EUR", "2 Mar 2026")],
)
def test_first_deposit_shows_its_amount_else_its_day(minor: int | None, currency: str, shown: str) -> None:
    """Clients taken over from another system may have the date alone."""
    client = Client(ftd_at=FTD_AT, ftd_minor=minor, ftd_currency=currency, source={})
    page = render_to_string("clients/panels/facts.html", {"client": client})
    assert shown in page
