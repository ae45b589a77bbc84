"""What the benchmark of pages stands on: a filled brokerage is a sound one, and its pages ask no more than a smaller one's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from benchmarks import crowd, pages
from kernel.tenancy import context
from tenant_apps.ledger import selectors as ledger
from tenant_apps.payments.models import ProviderAccount

FEW = crowd.Crowd(clients=40, deposits=60, withdrawals=50, open_=45)


def filled(ref: Any, size: crowd.Crowd) -> pages.Place:
    with context.use(ref):
        ProviderAccount.objects.create(kind="stripe", name="Stripe", methods=["card"], enabled=True, settings={})
    crowd.fill(ref, size)
    return pages.look_at(str(size.clients), ref)


@pytest.fixture
def places(live_tenants: Callable[..., Any]) -> list[pages.Place]:
    return [filled(live_tenants(), size) for size in (FEW, crowd.SMALL)]


def test_a_filled_brokerage_is_sound_and_its_pages_ask_no_more_than_a_smaller_ones(places: list[pages.Place]) -> None:
    for place in places:
        with context.use(place.ref):
            assert ledger.broken_invariants() == {}
    asked: dict[str, set[int]] = {}
    for page in pages.PAGES:
        for place in places:
            place.visit(page, 0)  # what is read once per process
            asked.setdefault(page.name, set()).add(pages.queries(page, place))
    assert {name: counts for name, counts in asked.items() if len(counts) > 1} == {}
