"""The whole product once per test run, and a browser that looks at it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from launcher import browser as launcher_browser
from launcher.layout import ROOT

from .product import Product


@pytest.fixture(scope="session")
def product() -> Iterator[Product]:
    """`make demo` with the small seed; stopped, with everything it started, when the tests end."""
    attached = os.environ.get("RIALTO_JOURNEY_STATE")
    if attached:
        running = Product(ROOT / attached)
        running.attach()
        yield running
        running.detach()
        return
    worker = os.environ.get("PYTEST_XDIST_WORKER", "")
    running = Product(Path(ROOT / ".rialto" / f"test-journey{worker}"))
    try:
        running.start()
        yield running
    finally:
        running.stop()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    path = launcher_browser.ensure()
    if path is None:  # said loudly by `ensure`, which fails in CI
        pytest.skip("no Chromium on this machine")
    flags = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=path, args=flags)
        yield running
        running.close()
