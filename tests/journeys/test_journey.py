"""The journey of a client, from the form on a landing page to money that is out again, in two brokerages and languages."""

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

# Minutes each, on a whole product: `make journeys` runs them, two at a time.
asked_for = pytest.mark.skipif(not os.environ.get("RIALTO_JOURNEYS"), reason="run with `make journeys`")
pytestmark = [asked_for, pytest.mark.browser, pytest.mark.slow, pytest.mark.enable_socket, pytest.mark.timeout(1500)]

PLOTS = {
    "puertoclaro": Plot(
        slug="puertoclaro", language="es", who=Person("Mariana", "Olvera", "Mariana", "Olvera"),
        email="mariana.olvera@example.org", phone="+525512345678", country="MX", city="Puebla", currency="USD",
        amount=Decimal(8000), method="spei", note="Quiere empezar con oro", rough=False,
    ),
    "alnoor": Plot(
        slug="alnoor", language="ar", who=Person("سامي", "الكندي", "Sami", "Alkindi"),
        email="sami.alkindi@example.org", phone="+971501234567", country="AE", city="دبي", currency="USD",
        amount=Decimal(500), method="card", note="يرغب في البدء بالذهب",
    ),
}  # fmt: skip
BEGIN = ("lead", "register", "documents", "decide", "opened", "deposit")
STEPS = {
    "puertoclaro": (*BEGIN, "pay_out", "proofs"),
    "alnoor": (*BEGIN, "trade", "withdraw", "proofs"),
}


@pytest.fixture(params=list(PLOTS))
def story(request: pytest.FixtureRequest, product: Product, browser: Browser, tmp_path: Path) -> Iterator[Story]:
    told = Story(product, browser, PLOTS[request.param], tmp_path)
    yield told
    told.close()


def test_a_lead_becomes_a_funded_trader(story: Story) -> None:
    slug = story.plot.slug
    walk(slug, [getattr(story, step) for step in STEPS[slug]], story.seats)
    assert story.problems == []
