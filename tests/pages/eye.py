"""A browser that looks at a page in light and dark and says what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Error, Page

from tests.ui.conftest import AXE, RECORD_VIOLATIONS
from tests.ui.modes import SERIOUS

from .sights import ON_PHONES, PAGE, PIECE, SEALED, Sight, fetched
from .world import World

PHONE = 390
WIDTHS = {"portal": PHONE, "office": 1440, "console": 1440, "site": 1280}
# Pages in whose shell a piece is looked at.
SHELLS = {"office": "/me/", "portal": "/notifications/", "console": "/me/", "site": "/"}
AXE_LANGUAGE = "en"
PATIENCE = 90_000  # milliseconds; the machine may be busy
# Scripts have run, what loads itself has come, charts are drawn.
READY = """() => document.readyState === 'complete'
  && ('ready' in document.documentElement.dataset || !document.querySelector('script[src*="/app."]'))
  && !document.querySelector('.htmx-request')
  && [...document.querySelectorAll('[data-chart]')].every((chart) => chart.querySelector('canvas, svg'))"""
FACTS = """() => ({
  lang: document.documentElement.lang,
  dir: document.documentElement.dir,
  title: document.title,
  headings: [...document.querySelectorAll('h1')].filter((one) => one.checkVisibility()).length,
  excess: document.documentElement.scrollWidth - innerWidth,
  wide: [...document.body.querySelectorAll('*')].filter((one) => {
    const box = one.getBoundingClientRect();
    return box.width && (box.right > innerWidth + 1 || box.left < -1) && one.checkVisibility();
  }).slice(0, 4).map((one) => `${one.tagName}.${one.className}`),
  spilt: [...document.querySelectorAll('.ui-card, .ui-stat')].filter((one) =>
    one.scrollWidth > one.clientWidth + 1 && getComputedStyle(one).overflowX === 'visible'
  ).slice(0, 4).map((one) => one.innerText),
  rows: [...document.querySelectorAll('tr[data-href]')].filter((row) =>
    ![...row.querySelectorAll('a[href]')].some((link) => link.getAttribute('href') === row.dataset.href)
  ).map((row) => row.dataset.href),
  violations: window.violations ?? [],
})"""


@dataclass
class Eye:
    """One page of one browser that goes from address to address. `language` is the one all pages are asked for in."""

    browser: Browser
    port: int
    world: World
    language: str
    errors: list[str] = field(default_factory=list)
    shells: set[tuple[str, str]] = field(default_factory=set)  # (surface, seat) looked at whole

    def __post_init__(self) -> None:
        self.context: BrowserContext = self.browser.new_context(
            locale=self.language, color_scheme="light", reduced_motion="reduce"
        )
        self.context.set_default_timeout(PATIENCE)
        self.context.add_init_script(RECORD_VIOLATIONS)
        self.page: Page = self.context.new_page()
        self.page.on("pageerror", lambda error: self.errors.append(f"script error: {error}"))
        self.page.on(
            "response",
            lambda answer: self.errors.append(f"{answer.status} {answer.url}") if answer.status >= 500 else None,
        )

    def problems(self, sight: Sight, kind: str) -> list[str]:
        """Everything wrong with one page, or with one piece of a page shown inside its surface's shell."""
        self.errors.clear()
        try:
            found = self._look(sight, kind)
        except Error as error:
            found = [str(error)]
        return [f"{self.language} {sight.name}: {one}" for one in found]

    def _look(self, sight: Sight, kind: str) -> list[str]:
        surface = sight.route.surface
        self._sit(surface, sight.seat)
        self.page.set_viewport_size({"width": WIDTHS[surface], "height": 900})
        if kind == PIECE:
            self._insert(sight)
        elif kind == SEALED:
            self._unseal(sight)
        else:
            self.page.goto(self._url(surface, sight.path))
        self.page.wait_for_function(READY)
        facts = self.page.evaluate(FACTS)
        shell = (surface, sight.seat)
        # What axe asks for is the same markup in every language: the second one is asked on each surface's first page.
        first = shell not in self.shells
        serious = self._axe(whole=first) if first or self.language == AXE_LANGUAGE else []
        if kind == PAGE:
            self.shells.add(shell)
        narrow = self._narrow() if sight.route.name in ON_PHONES and kind == PAGE else ()
        return [*self._plain(facts, kind), *narrow, *serious, *self.errors]

    def _axe(self, *, whole: bool) -> list[str]:
        """Not with every page's own scripts: half of the pages are not asked, and reading it takes longer than most pages."""
        self.page.evaluate(AXE.read_text(encoding="utf-8"))
        return list(self.page.evaluate(SERIOUS, whole))

    def _narrow(self) -> Iterator[str]:
        """The page in view as a phone has it: whether all of it can be reached there."""
        self.page.set_viewport_size({"width": PHONE, "height": 900})
        self.page.wait_for_function("(width) => innerWidth === width", arg=PHONE)
        facts = self.page.evaluate(FACTS)
        yield from _too_wide(facts)
        yield from (f"{text!r} is wider than its box" for text in facts["spilt"])

    def tabs(self) -> list[str]:
        """Queries of the tabs of the page in view that are not chosen: each is a page of its own."""
        links = self.page.locator("a.ui-tab[href^='?']:not([aria-current])")
        return [str(one) for one in links.evaluate_all("(all) => all.map((link) => link.getAttribute('href'))")]

    def _plain(self, facts: dict[str, Any], kind: str) -> Iterator[str]:
        direction = "rtl" if self.language == "ar" else "ltr"
        if kind != SEALED and (facts["lang"], facts["dir"]) != (self.language, direction):  # a mail has its own
            yield f"lang={facts['lang']} dir={facts['dir']}"
        if kind == PAGE and facts["headings"] != 1:
            yield f"{facts['headings']} first headings"
        if not facts["title"].strip(" ·"):
            yield "no title"
        yield from _too_wide(facts)
        yield from (f"the row to {href} has no link" for href in facts["rows"])
        yield from (f"CSP {one}" for one in facts["violations"])

    def _url(self, surface: str, path: str) -> str:
        return f"http://{self.world.host(surface)}:{self.port}{path}"

    def _sit(self, surface: str, seat: str) -> None:
        url = self._url(surface, "/")
        values = {"sid": self.world.cookies[seat], "language": self.language, "rialto_mode": "light"}
        self.context.add_cookies([{"name": name, "value": value, "url": url} for name, value in values.items()])

    def _unseal(self, sight: Sight) -> None:
        """Show what stands where no script may run, without that policy: axe is a script."""
        url = self._url(sight.route.surface, sight.path)
        body = fetched(sight, self.world, self.language).content
        self.page.route(url, lambda asked: asked.fulfill(body=body, content_type="text/html"))
        try:
            self.page.goto(url)
        finally:
            self.page.unroute(url)

    def _insert(self, sight: Sight) -> None:
        self.page.goto(self._url(sight.route.surface, SHELLS[sight.route.surface]))
        self.page.wait_for_function(READY)
        self.page.evaluate(
            """async (path) => {
              document.querySelector('main').innerHTML = '<h1>-</h1><div id="piece"></div>';
              await htmx.ajax('GET', path, {target: '#piece', swap: 'innerHTML'});
            }""",
            sight.path,
        )

    def close(self) -> None:
        self.context.close()


def _too_wide(facts: dict[str, Any]) -> Iterator[str]:
    if facts["excess"] > 1:
        yield f"{facts['excess']} pixels wider than the window: {facts['wide']}"
