"""The journey of a client, from the form on a landing page to the retention task, in three brokerages and languages."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from provisioning.demo.names import Person

from .product import Product
from .story import Plot, Story

# Minutes each, on a product of their own: `make journeys` runs them, one after the other.
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
    # The last one: its last step moves everybody's clock by weeks.
    "nordwind": Plot(
        slug="nordwind", language="de", who=Person("Jonas", "Reuter", "Jonas", "Reuter"),
        email="jonas.reuter@example.org", phone="+491701234567", country="DE", city="Berlin", currency="EUR",
        amount=Decimal(500), method="klarna", note="Möchte mit Gold beginnen",
    ),
}  # fmt: skip
BEGIN = ("lead", "register", "documents", "decide", "opened", "deposit")
STEPS = {
    "nordwind": (*BEGIN, "trade", "withdraw", "weeks_later", "proofs"),
    "alnoor": (*BEGIN, "trade", "withdraw", "proofs"),
    "puertoclaro": (*BEGIN, "pay_out", "proofs"),
}


@pytest.fixture(params=list(PLOTS))
def story(request: pytest.FixtureRequest, product: Product, browser: Browser, tmp_path: Path) -> Iterator[Story]:
    told = Story(product, browser, PLOTS[request.param], tmp_path)
    yield told
    told.close()


def test_a_lead_becomes_a_funded_trader(story: Story) -> None:
    for step in STEPS[story.plot.slug]:
        begun = time.monotonic()
        try:
            getattr(story, step)()
        except BaseException:
            for seat in story.seats:
                seat.last_picture(f"failed-{step}")
            raise
        print(f"{story.plot.slug}: {step} {time.monotonic() - begun:.0f} s")
    assert story.problems == []
