"""From a deal on the trading server to the pixel: sandbox, bridge, relay and web as processes, and one Chromium page.

The clock starts at the deal's own time on the server and stops in the page, which shares the machine's clock. Each
position is opened or closed at a random point of the bridge's interval: otherwise the answers would run in step with it.
"""

from __future__ import annotations

import math
import os
import random
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .measure import Result, Series
from .processes import Stack
from .world import Trader, make_tenants, make_trader

COUNT = 40
WARM_UP = 4
LOTS = "1.00"
SYMBOL = "EURUSD"
PATIENCE_MS = 60_000
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
ROOT = Path(__file__).parents[1]

# What the page notes, in epoch milliseconds: `told` when the stream's message became a DOM event, `numbers` when the
# free margin jumped by more than a tick of the price can move it, `row` when the position's row came or went. A change
# counts once the frame that shows it has been drawn: a task after the frame's callback.
WATCH = """([bookTopic, freeKey, jump]) => {
  const now = () => performance.timeOrigin + performance.now();
  const seen = (window.seen = { told: null, numbers: null, row: null, rows: null });
  const drawn = (name) => requestAnimationFrame(() => setTimeout(() => { seen[name] ??= now(); }));
  const rows = () => document.querySelectorAll(`#book [data-live-value*=".p"]`).length;
  const free = () => Number(document.querySelector(`[data-live-value="${freeKey}"]`).dataset.liveRaw);
  let margin = free();
  window.arm = () => { Object.assign(seen, { told: null, numbers: null, row: null, rows: rows() }); margin = free(); };
  window.arm();
  document.body.addEventListener(`live:${bookTopic}`, () => { seen.told ??= now(); });
  new MutationObserver(() => {
    if (seen.numbers === null && Math.abs(free() - margin) > jump) drawn("numbers");
    if (seen.row === null && rows() !== seen.rows) drawn("row");
  }).observe(document.body, { childList: true, subtree: true, characterData: true, attributes: true,
                              attributeFilter: ["data-live-raw"] });
}"""
ALL_SEEN = "() => window.seen.told && window.seen.numbers && window.seen.row"


def run(rounds: int) -> Result | None:
    """Forty positions opened or closed, one at a time; `rounds` only lengthens the run. None without a browser."""
    chrome = chromium()
    if chrome is None:
        _skip("no Chromium was found: install one, or name one in CHROME")
        return None
    if not (ROOT / "static" / "dist").is_dir():
        _skip("static/dist is missing, and a page without its script hears nothing: make assets")
        return None
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"  # Playwright's event loop runs in this thread
    with tempfile.TemporaryDirectory(prefix="rialto-bench-") as folder, Stack(Path(folder)) as stack:
        stack.start_trading_server()
        (ref,) = make_tenants(1)
        trader = make_trader(ref, stack)
        stack.start_product()
        return _result(measure_page(chrome, stack, trader, WARM_UP + COUNT + rounds)[WARM_UP:])


def chromium() -> str | None:
    from launcher import browser
    from launcher.console import LauncherError

    try:
        return browser.ensure()
    except LauncherError as error:
        sys.stdout.write(f"{error.what}\n")
        return None


def _skip(why: str) -> None:
    sys.stdout.write(f"\n{'!' * 100}\nTrading server to browser is NOT measured: {why}\n{'!' * 100}\n")


Delays = dict[str, float]


def measure_page(chrome: str, stack: Stack, trader: Trader, count: int) -> list[Delays]:
    """Milliseconds from each deal to the page, by what the page notes."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chrome, args=FLAGS)
        try:
            context = browser.new_context(locale="en-GB")
            context.add_cookies([{"name": "sid", "value": trader.session, "url": stack.address(trader.host)}])
            page = context.new_page()
            page.set_default_timeout(PATIENCE_MS)
            page.goto(stack.address(trader.host, f"/accounts/{trader.account_id}/"))
            page.wait_for_selector("body[data-live-state=open]")
            # The account's past has to have come in before its present does; what was traded earlier cost a little.
            free = f'[data-live-value="{trader.free_key}"]'
            page.wait_for_function(
                f"() => Number(document.querySelector('{free}').dataset.liveRaw) > {trader.deposit_minor // 2}"
            )
            page.evaluate(WATCH, [trader.book_topic, trader.free_key, trader.deposit_minor // 100])
            return _deals(page, lambda data: stack.order(trader.server, data, kind=trader.kind), trader.login, count)
        finally:
            browser.close()


def _deals(page: Any, order: Callable[[dict[str, Any]], dict[str, Any]], login: int, count: int) -> list[Delays]:
    from tenant_apps.trading.bridge.watch import FAST

    pauses = random.Random(7)  # noqa: S311 - reproducible, not secret
    found: list[Delays] = []
    position: int | None = None
    for _ in range(count):
        page.wait_for_timeout((0.3 + pauses.random() * FAST) * 1000)
        page.evaluate("() => window.arm()")
        if position is None:
            deal = order({"login": login, "symbol": SYMBOL, "side": "buy", "lots": LOTS})
            position = int(deal["position"])
        else:
            deal = order({"position": position})
            position = None
        page.wait_for_function(ALL_SEEN)
        seen = page.evaluate("() => window.seen")
        found.append({name: seen[name] - deal["at_ms"] for name in ("told", "numbers", "row")})
    return found


def percentile(values: list[float], share: float) -> float:
    """The smallest value that at least this share of all do not exceed."""
    return sorted(values)[math.ceil(share * len(values)) - 1]


def _result(found: list[Delays]) -> Result:
    from tenant_apps.trading.bridge.watch import FAST

    lines = {"told": "message in the page", "numbers": "equity and margin drawn", "row": "position's row drawn"}
    series = [Series("the bridge's interval", [FAST], [0.0], [0.0])]
    notes = []
    for name, text in lines.items():
        values = [one[name] for one in found]
        series.append(Series(text, [value / 1e3 for value in values], [0.0], [0.0]))
        shares = " ".join(
            f"p{share} {percentile(values, share / 100):.0f} ms ({percentile(values, share / 100) / FAST / 1e3:.1f}x)"
            for share in (50, 95, 99)
        )
        notes.append(f"{text}: {shares}")
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    notes.append(f"{len(found)} deals; load {load}; (…x): of the bridge's interval of {FAST * 1e3:.0f} ms")
    return Result("Trading server to browser, from the deal's own time", series, note="\n  ".join(notes))
