"""Every address that answers a GET, in English and Arabic, with something on it; axe looks at it in light and dark.

Routes are read, not listed: a new page is looked at here without a line being written, and one that cannot be looked
at fails until it is told how (`sights.py`).
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.routes import routes

from .eye import Eye
from .sights import AWAY, LOOKS, NOT_A_PAGE, PAGE, PIECE, REFUSED, SEALED, groups, kind_of, sights
from .world import World

# No transaction around a test: what it wrote would keep the server's own requests waiting.
pytestmark = [pytest.mark.browser, pytest.mark.timeout(900)]  # one test is up to forty views
LANGUAGES = ("en", "ar")
BAD = """<!doctype html><html lang="de" dir="ltr" data-ready><title> </title><body>
<style nonce="x">p { color: #bbb; background: #fff; inline-size: 3000px }</style><script nonce="x">throw "bad"</script>
<h1>One</h1><h1>Two</h1><p>Hardly to be seen<img src="/picture.png"></p>
<table><tr data-href="/there/"><td>There</td></tr></table></body></html>"""


@pytest.fixture(scope="module")
def eyes(browser: Browser, port: int, world: World) -> Iterator[list[Eye]]:
    made = [Eye(browser, port, world, language) for language in LANGUAGES]
    yield made
    for eye in made:
        eye.close()


@pytest.mark.parametrize("group", groups())
def test_pages_are_sound(group: str, eyes: list[Eye], world: World) -> None:
    problems: list[str] = []
    for route in groups()[group]:
        for sight in sights(route, world):
            kind, answer = kind_of(sight, world)
            if kind in (PAGE, PIECE, SEALED):
                for eye in eyes:
                    problems += eye.problems(sight, kind)
                    for query in eye.tabs() if kind == PAGE else ():
                        problems += eye.problems(sight.tab(query), PAGE)
            elif kind in (AWAY, REFUSED) and route.name not in NOT_A_PAGE:
                problems.append(f"{sight.name} cannot be looked at: {answer}; say how, or why not, in sights.py")
    if problems:
        pytest.fail("\n".join(problems), pytrace=False)


def test_what_is_written_down_exists() -> None:
    """Words about routes that are gone would hide the next one of that name."""
    names = {route.name for found in groups().values() for route in found}
    assert (LOOKS.keys() | NOT_A_PAGE.keys()) - names == set()


def test_a_bad_page_is_seen(eyes: list[Eye], world: World) -> None:
    """The control: everything that is looked for is found where it is."""
    policy = "default-src 'none'; script-src 'nonce-x'; style-src 'nonce-x'"
    eye = eyes[0]
    eye.page.route(
        "**/welcome/",
        lambda asked: asked.fulfill(body=BAD, content_type="text/html", headers={"Content-Security-Policy": policy}),
    )
    route = next(route for route in routes() if (route.surface, route.name) == ("portal", "leads:welcome"))
    try:
        found = "\n".join(eye.problems(next(sights(route, world)), PAGE))
    finally:
        eye.page.unroute("**/welcome/")
    for words in ("lang=de", "2 first headings", "no title", "wider than", "the row to /there/", "script error: bad",
                  "CSP img-src", "image-alt", "light: color-contrast", "dark: color-contrast"):  # fmt: skip
        assert words in found
