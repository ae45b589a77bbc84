"""A day of finance, in Russian: wires and cards come in, money goes out, and in the evening the books are closed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from .cards import Cards
from .product import Product
from .reckoning import Reckoning
from .steps import walk
from .wire import Wire

asked_for = pytest.mark.skipif(not os.environ.get("RIALTO_JOURNEYS"), reason="run with `make journeys`")
pytestmark = [asked_for, pytest.mark.browser, pytest.mark.slow, pytest.mark.enable_socket, pytest.mark.timeout(1500)]


@pytest.fixture
def wire(product: Product, browser: Browser, tmp_path: Path) -> Iterator[Wire]:
    told = Wire(product, browser, tmp_path)
    yield told
    told.close()


def test_a_day_of_wires_cards_and_reconciliation(wire: Wire) -> None:
    walk("ipekyolu", [wire.ask, wire.transfer, wire.book, wire.book_again, wire.assign], wire.seats)
    cards = Cards(wire)
    evening = Reckoning(wire, cards)
    walk("ipekyolu", [cards.pay, cards.exchange, cards.withdraw], wire.seats)
    walk("ipekyolu", [evening.report, evening.case, evening.close, wire.proofs], wire.seats)
    assert wire.problems == []
