"""A real server, a real browser: both once per test run."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).resolve().parents[2]
AXE = ROOT / "frontend" / "node_modules" / "axe-core" / "axe.min.js"
RECORD_VIOLATIONS = """
window.violations = [];
document.addEventListener("securitypolicyviolation", (event) =>
  violations.push(`${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}:${event.lineNumber}`));
"""


def _missing(reason: str) -> None:
    """Say loudly what could not be tested; in CI that is a failure."""
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)  # on a developer's machine without a browser the rest can still be tested


@pytest.fixture(scope="session")
def server_url() -> Iterator[str]:
    if not (ROOT / "static" / "dist" / "app.js").is_file():
        _missing("front end is not built: cd frontend && npm ci --ignore-scripts && npm run build")
    command = [sys.executable, "-m", "uvicorn", "tests.ui.asgi:application", "--port", "0", "--no-access-log"]
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "tests.ui.settings"}
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    url = ""
    for line in process.stderr:
        if "Uvicorn running on" in line:
            url = line.split("running on ")[1].split()[0]
            break
    assert url, "the style guide's server did not start"
    # Nobody reads the pipe from here on; a full pipe would stop the server.
    drain = subprocess.Popen(["cat"], stdin=process.stderr, stdout=subprocess.DEVNULL)
    yield url
    process.terminate()
    process.wait(10)
    drain.wait(10)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Not for the whole session: while it lives, an event loop runs in the thread, and no other test may start its own."""
    path = os.environ.get("CHROME") or shutil.which("chromium") or shutil.which("chromium-browser")
    if not path:
        _missing("no Chromium found: install it or set CHROME")
    flags = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=path, args=flags)
        yield running
        running.close()


OpenPage = Callable[..., Page]


@pytest.fixture
def open_page(browser: Browser, server_url: str) -> Iterator[OpenPage]:
    """`open_page("/styleguide/", language="ar", mode="dark", width=390)`, `phone=True` for a phone's browser; records errors and CSP violations."""
    contexts = []

    def _open(
        path: str,
        *,
        language: str = "en",
        mode: str = "light",
        width: int = 1440,
        phone: bool = False,
        zone: str | None = None,
    ) -> Page:
        size = {"width": 390 if phone else width, "height": 900}
        context = browser.new_context(
            viewport=size, locale=language, is_mobile=phone, has_touch=phone, timezone_id=zone
        )  # type: ignore[arg-type]
        contexts.append(context)
        cookies = {"rialto_mode": mode, "django_language": language}
        context.add_cookies([{"name": name, "value": value, "url": server_url} for name, value in cookies.items()])
        page = context.new_page()
        page.add_init_script(RECORD_VIOLATIONS)
        page.script_errors = []  # type: ignore[attr-defined]
        page.on("pageerror", lambda error: page.script_errors.append(str(error)))  # type: ignore[attr-defined]
        page.goto(server_url + path)
        page.wait_for_function("'ready' in document.documentElement.dataset")
        page.wait_for_function(
            "[...document.querySelectorAll('[data-chart]')].every((chart) => chart.querySelector('canvas, svg'))"
        )
        return page

    yield _open
    for context in contexts:
        context.close()
