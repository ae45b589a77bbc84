"""From an event on a trading server to the committed row and to the pixel, at rates, over many servers; what an idle server
takes of the bridge's memory; and how long a change of leverage takes to the server.

The page stands at the first server, where positions are opened and closed one at a time as in `browser`; the load is on all
others. A row's time is its transaction's, as PostgreSQL notes it, less the deal's own: every deal counts, the load's too,
and what is read late is counted as late as it is.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from django.db import connection

from kernel.tenancy import context
from launcher import processes

from . import browser, fleet
from .browser import percentile
from .fleet import Fleet, Load
from .measure import Result, Series
from .processes import Stack
from .world import BENCH, make_tenants

SERVERS, SERVERS_FULL = 8, 50
RATES, RATES_FULL = (1, 100), (1, 100, 1_000)
PAGE, PAGE_FULL = 20, 100  # positions opened or closed at the page's server, by rate
WARM_UP = 4
PUSH_GOAL = POLLING_GOAL = 0.1  # seconds; of polling on top of the interval
LEVERAGE_GOAL, CHANGES = 1.0, 30
SETTLED = 10.0  # seconds that a bridge is left alone before its memory is looked at
NAMES = {"mt5": "polling (MT5)", "ctrader": "push (cTrader)"}


def run(rounds: int, *, full: bool = False) -> list[Result]:
    """Both kinds of server, one after the other; `rounds` only lengthens the run."""
    chrome = browser.chromium()
    if chrome is None or not (browser.ROOT / "static" / "dist").is_dir():
        sys.stdout.write("\nTrading latency: no Chromium or no static/dist; the pixel is NOT measured\n")
        chrome = None
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"  # Playwright's event loop runs in this thread
    results: list[Result] = []
    for kind in ("ctrader", "mt5"):
        with tempfile.TemporaryDirectory(prefix="rialto-bench-") as folder, Stack(Path(folder)) as stack:
            results += _of_kind(chrome, stack, kind, rounds, full=full)
    return results


def _of_kind(chrome: str | None, stack: Stack, kind: str, rounds: int, *, full: bool) -> list[Result]:
    (stack.start_plants if kind == "ctrader" else stack.start_trading_server)()
    (ref,) = make_tenants(1)
    servers = fleet.make(stack, ref, kind, SERVERS_FULL if full else SERVERS)
    results = [_memory(stack, servers)]
    stack.start_product()
    servers.wait_until_followed()
    for rate in RATES_FULL if full else RATES:
        results.append(_at_rate(chrome, stack, servers, rate, (PAGE_FULL if full else PAGE) + rounds))
    stack.start_background("worker")
    results.append(_leverage(servers))
    servers.enable(0)
    return results


# --- an idle server's memory


def _memory(stack: Stack, servers: Fleet) -> Result:
    stack.start_background("bridge")
    used = []
    for count in (1, len(servers.seats)):
        servers.enable(count)
        servers.wait_until_followed(count)
        time.sleep(SETTLED)
        used.append(stack.resident_bytes("bridge"))
    stack.stop("bridge")
    each = (used[1] - used[0]) / (len(servers.seats) - 1) / 1024
    text = f"{NAMES[servers.kind]}: {each:,.0f} KiB per idle server; {used[0] / 2**20:.0f} MiB with one"
    return Result("Memory of the bridge", [], note=f"{text}, {used[1] / 2**20:.0f} with {len(servers.seats)}")


# --- event, row, pixel


def _at_rate(chrome: str | None, stack: Stack, servers: Fleet, rate: int, count: int) -> Result:
    from tenant_apps.trading.bridge.watch import FAST

    first = _last_row(servers)
    with Load(stack, servers, rate) as load:
        drawn = browser.measure_page(chrome, stack, servers.trader, WARM_UP + count)[WARM_UP:] if chrome else []
        if not chrome:
            time.sleep(count * 0.7)
    arrived = processes.wait_until(lambda: len(_rows(servers, first)) >= load.made, seconds=fleet.PATIENCE)
    rows = _rows(servers, first)
    goal = PUSH_GOAL if servers.kind == "ctrader" else FAST + POLLING_GOAL
    lines = {"goal": [goal], "row committed": rows}
    for name, text in {
        "told": "message in the page",
        "numbers": "numbers drawn",
        "row": "position's row drawn",
    }.items():
        if drawn:
            lines[text] = [one[name] / 1e3 for one in drawn]
    missing = "" if arrived else f"; {load.made - len(rows)} deals NOT STORED within {fleet.PATIENCE:.0f} s"
    title = f"{NAMES[servers.kind]}, {rate:,} deals/s over {len(servers.seats)} servers"
    return _result(title, lines, f"{load.achieved:,.0f} deals/s came about, {len(rows):,} rows{missing}")


def _last_row(servers: Fleet) -> int:
    with context.use(servers.ref), connection.cursor() as cursor:
        cursor.execute("SELECT coalesce(max(id), 0) FROM trading_deal")
        return int(cursor.fetchone()[0])


def _rows(servers: Fleet, first: int) -> list[float]:
    """Seconds from each trade to the commit of its row."""
    with context.use(servers.ref), connection.cursor() as cursor:
        cursor.execute(
            "SELECT extract(epoch FROM pg_xact_commit_timestamp(xmin) - executed_at)::float FROM trading_deal"
            " WHERE id > %s AND kind IN ('buy', 'sell')",
            [first],
        )
        return [float(row[0]) for row in cursor.fetchall()]


# --- leverage


def _leverage(servers: Fleet) -> Result:
    """From the office's service to the server's answer as we note it, by a worker as it finds its task in Redis."""
    from kernel.models import Command, CommandState
    from tenant_apps.trading.models import TradingAccount
    from tenant_apps.trading.services.accounts import leverage_set

    took = []
    with context.use(servers.ref):
        for number in range(CHANGES + 2):
            account = TradingAccount.objects.select_related("server").get(pk=servers.seats[0].account_id)
            row = leverage_set(actor=BENCH, account=account, leverage=(20, 30)[number % 2])
            done = Command.objects.filter(pk=row.pk, state=CommandState.SUCCEEDED)
            if not processes.wait_until(done.exists, seconds=60):
                raise RuntimeError("the leverage was not changed")
            row.refresh_from_db()
            assert row.finished_at is not None
            took.append((row.finished_at - row.created_at).total_seconds())
    lines = {"goal": [LEVERAGE_GOAL], "server's answer stored": took[2:]}
    return _result(f"{NAMES[servers.kind]}, leverage changed in the office", lines, "by a worker process")


def _result(title: str, lines: Mapping[str, Sequence[float]], note: str) -> Result:
    notes = [note]
    goal = lines["goal"][0]
    for name, values in lines.items():
        if name != "goal" and values:
            shares = ((share, percentile(list(values), share / 100)) for share in (50, 95, 99))
            told = ", ".join(f"p{share} {value * 1e3:.0f} ms" for share, value in shares)
            verdict = "meets" if percentile(list(values), 0.99) < goal else "misses"
            notes.append(f"{name}: {told}; {len(values):,} of them; p99 {verdict} {goal * 1e3:.0f} ms")
    notes.append(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    series = [Series(name, list(values), [0.0], [0.0]) for name, values in lines.items() if values]
    return Result(title, series, note="\n  ".join(notes))
