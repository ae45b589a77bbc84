"""Somebody at a browser: a member of staff or a client, with what went wrong on the pages they saw."""

from __future__ import annotations

import contextlib
import os
import re
from dataclasses import dataclass, field
from pathlib import Path

from playwright.sync_api import Browser, BrowserContext, Locator, Page
from playwright.sync_api import Error as PlaywrightError

from launcher.layout import ROOT
from provisioning.demo.codes import PASSWORD, code_now

from .product import Product

AXE = ROOT / "frontend" / "node_modules" / "axe-core" / "axe.min.js"
SHOTS = ROOT / "screenshots"
PATIENCE = 30_000  # milliseconds; the machine may be busy
RECORD = """
window.violations = [];
document.addEventListener("securitypolicyviolation", (event) =>
  violations.push(`${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}:${event.lineNumber}`));
"""
# A box that is still fading in has the contrast of a fading box.
STILL = """Promise.all(document.getAnimations()
    .filter((animation) => animation.effect.getComputedTiming().endTime !== Infinity)
    .map((animation) => animation.finished.catch(() => null))).then(() => true)"""

# The shell around the content, nine tenths of a page's elements, is looked at on every page of every surface elsewhere.
LOOK = "axe.run(document.querySelector('main') ?? document, {resultTypes: ['violations']})"


@dataclass
class Seat:
    """One browser window. `host` is `office.nordwind`, `nordwind` …; `shots` names the folder of the pictures."""

    product: Product
    browser: Browser
    host: str
    language: str
    width: int
    shots: str
    problems: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.context: BrowserContext = self.browser.new_context(
            viewport={"width": self.width, "height": 900},
            locale=self.language,
            color_scheme="light",
            reduced_motion="reduce",
        )
        self.context.set_default_timeout(PATIENCE)
        self.context.add_init_script(RECORD)
        self.context.add_cookies([{"name": "rialto_mode", "value": "light", "url": self.product.address(self.host)}])
        self.page = self._listened(self.context.new_page())

    def _listened(self, page: Page) -> Page:
        page.on("pageerror", lambda error: self.problems.append(f"{page.url}: script error: {error}"))
        page.on(
            "response",
            lambda answer: (
                self.problems.append(f"{answer.status} {answer.request.method} {answer.url}")
                if answer.status >= 500
                else None
            ),
        )
        return page

    # --- going places

    def open(self, path: str) -> Page:
        """Go to a page and wait until its scripts, charts and event stream are there."""
        url = path if path.startswith("http") else self.product.address(self.host, path)
        self.page.goto(url)
        self.ready()
        return self.page

    def ready(self) -> None:
        """The page's scripts have run and its event stream, if it has one, is open: live news cannot be missed."""
        self.page.wait_for_load_state("load")
        if "localhost" in self.page.url:
            self.page.locator("html[data-ready]").wait_for(state="attached")
            live = "body:not([data-live]), body[data-live=''], body[data-live-state=open]"
            self.page.locator(live).wait_for(state="attached")

    def log_in(self, email: str, *, second_factor: bool = True, password: str = PASSWORD) -> None:
        """As people do: password, then a code of this moment."""
        self.open("/login/")
        self.page.fill("input[name=email]", email)
        self.page.fill("input[name=password]", password)
        self.submit("form:has(input[name=password])")
        if second_factor:
            self.page.wait_for_url(re.compile("/second-factor/"))
            self.page.fill("input[name=code]", code_now(email)[0])
            self.submit("form:has(input[name=code])")
        self.page.wait_for_url(lambda url: "/login/" not in url and "/second-factor/" not in url)
        self.ready()

    def submit(self, form: str) -> None:
        """Press the form's first submit button."""
        self.page.locator(f"{form} button[type=submit]").first.click()

    def press(self, button: Locator) -> None:
        """A button that leads to another page, and wait for that: the old one is ready, too, and goes a moment later."""
        with self.page.expect_navigation():
            button.click()
        self.ready()

    def appears(self, what: Locator | str, seconds: float = 30) -> Locator:
        """Wait until something is to be seen, without reloading."""
        locator = self.page.locator(what) if isinstance(what, str) else what
        locator.first.wait_for(state="visible", timeout=seconds * 1000)
        return locator.first

    # --- looking closely

    def inspect(self, name: str) -> None:
        """A picture of the page, then axe, on what people have made of it. Every page by itself is looked at in tests/pages, in
        light and dark."""
        folder = SHOTS / self.shots
        folder.mkdir(parents=True, exist_ok=True)
        self.page.evaluate(STILL)
        self._picture(self.page, folder / f"{name}.png", full_page=True)
        self.problems += [f"{name}: CSP {one}" for one in self.page.evaluate("window.violations || []")]
        if self.page.evaluate("document.documentElement.scrollWidth > innerWidth + 1"):
            self.problems.append(f"{name}: wider than {self.width} pixels")
        self._axe(name)

    def last_picture(self, name: str) -> None:
        """What one saw when something failed."""
        folder = SHOTS / self.shots
        folder.mkdir(parents=True, exist_ok=True)
        self._picture(self.page, folder / f"{name}.png")

    @staticmethod
    def _picture(page: Page, path: Path, *, full_page: bool = False) -> None:
        """Pictures are for people, and nobody looks at those of a run that found nothing wrong: CI takes only what was seen
        when something failed. A busy machine that cannot take one of a lively page proves nothing."""
        if full_page and os.environ.get("CI"):
            return
        with contextlib.suppress(PlaywrightError):
            page.screenshot(path=path, full_page=full_page, animations="disabled")

    def _axe(self, name: str) -> None:
        self.page.evaluate(AXE.read_text(encoding="utf-8"))
        result = self.page.evaluate(LOOK)
        self.problems += [
            f"{name}: {violation['id']} ({violation['impact']}): {node['target']} {node['failureSummary']}"
            for violation in result["violations"]
            if violation["impact"] in {"serious", "critical"}
            for node in violation["nodes"]
        ]

    def close(self) -> None:
        """Its pages let go of the product; closing twice does nothing. The window itself goes with the browser: closing one of
        several was seen to wait for ever."""
        with contextlib.suppress(PlaywrightError):
            for page in self.context.pages:
                page.goto("about:blank")
