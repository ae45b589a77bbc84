"""The journey of a wire, in Russian, at the brokerage that takes them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from .product import Product
from .wire import Wire

asked_for = pytest.mark.skipif(not os.environ.get("RIALTO_JOURNEYS"), reason="run with `make journeys`")
pytestmark = [asked_for, pytest.mark.browser, pytest.mark.slow, pytest.mark.enable_socket, pytest.mark.timeout(900)]

STEPS = ("ask", "transfer", "book", "book_again", "assign", "proofs")


@pytest.fixture
def wire(product: Product, browser: Browser, tmp_path: Path) -> Iterator[Wire]:
    told = Wire(product, browser, tmp_path)
    yield told
    told.close()


def test_a_wire_is_credited_once_and_a_mistyped_one_by_two_people(wire: Wire) -> None:
    for step in STEPS:
        try:
            getattr(wire, step)()
        except BaseException:
            for seat in wire.seats:
                seat.page.screenshot(path=wire.folder / f"{step}-{seat.shots.replace('/', '-')}.png")
            raise
    assert wire.problems == []
