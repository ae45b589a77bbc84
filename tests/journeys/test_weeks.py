"""The journey of a German client, weeks of it: the last on its product, since it moves everybody's clock."""

from __future__ import annotations

import os
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from provisioning.demo.names import Person

from .product import Product
from .steps import walk
from .story import Plot, Story

asked_for = pytest.mark.skipif(not os.environ.get("RIALTO_JOURNEYS"), reason="run with `make journeys`")
pytestmark = [asked_for, pytest.mark.browser, pytest.mark.slow, pytest.mark.enable_socket, pytest.mark.timeout(1500)]

PLOT = Plot(
    slug="nordwind", language="de", who=Person("Jonas", "Reuter", "Jonas", "Reuter"),
    email="jonas.reuter@example.org", phone="+491701234567", country="DE", city="Berlin", currency="EUR",
    amount=Decimal(500), method="klarna", note="Möchte mit Gold beginnen",
)  # fmt: skip


@pytest.fixture
def story(product: Product, browser: Browser, tmp_path: Path) -> Iterator[Story]:
    told = Story(product, browser, PLOT, tmp_path)
    yield told
    told.close()


def test_a_funded_trader_is_looked_after_for_weeks(story: Story) -> None:
    steps = (
        story.lead, story.register, story.documents, story.decide, story.opened, story.deposit, story.trade,
        story.withdraw, story.weeks_later, story.proofs,
)  # fmt: skip
    walk("nordwind", steps, story.seats)
    assert story.problems == []
