"""`python -m benchmarks [--rounds N] [--full] [name …]`: prints ratios with medians and spread.

Needs DATABASE_URL and REDIS_URL; `python -m benchmarks --soak [--help]`, which kills both, has its own (`benchmarks.soak`).
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from benchmarks.measure import Result

os.environ["DJANGO_SETTINGS_MODULE"] = "benchmarks.settings"
os.environ.setdefault("RIALTO_LOG_LEVEL", "ERROR")


def machine() -> str:
    from django.db import connections

    from kernel.tenancy import context

    with context.owner(context.PUBLIC_SCHEMA), connections["owner"].cursor() as cursor:
        cursor.execute("SELECT current_setting('server_version'), current_setting('fsync')")
        version, fsync = cursor.fetchone()
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    return (
        f"{os.cpu_count()} cores, load {load}; Python {platform.python_version()}; PostgreSQL {version}, fsync {fsync}"
    )


def benchmarks(*, full: bool) -> dict[str, Callable[[int], Result | list[Result] | None]]:
    """By name, in the order in which they run."""
    from benchmarks import browser, bulk, events, ingest, ledger, overhead, pages, sweeping, tenants, trading_latency

    return {
        "tenants": tenants.run,
        "overhead": overhead.run,
        "ledger": ledger.run,
        "bulk": partial(bulk.run, full=full),
        "sweep": partial(sweeping.run, full=full),
        "twenty": ledger.run_twenty,
        "hot": ledger.run_hot,
        "pages": partial(pages.run, full=full),
        "events": events.run,
        "ingest": ingest.run,
        "trading": partial(trading_latency.run, full=full),
        "browser": browser.run,  # last: its page, its processes and their CPU must not lie in the others' figures
    }


def main() -> int:
    if "--soak" in sys.argv[1:]:
        from benchmarks.soak import run

        return run.main([argument for argument in sys.argv[1:] if argument != "--soak"])
    import django

    django.setup()
    from benchmarks import measure, world

    names = [*benchmarks(full=False)]
    parser = argparse.ArgumentParser(prog="python -m benchmarks")
    parser.add_argument("names", nargs="*", choices=[*names, []], help="which ones; all when none is named")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--full", action="store_true", help="the full sizes of docs/benchmarks.md; takes far longer")
    given = parser.parse_args()
    runs = benchmarks(full=given.full)
    with world.own_database():
        sys.stdout.write(machine() + "\n")
        for name in given.names or runs:
            found = runs[name](given.rounds)
            for result in found if isinstance(found, list) else [found] if found else []:
                sys.stdout.write(measure.table(result) + "\n")
            sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
