"""`python -m benchmarks [--rounds N] [name …]`: prints ratios with medians and spread. Needs DATABASE_URL and REDIS_URL."""

from __future__ import annotations

import argparse
import os
import platform
import sys
from collections.abc import Callable

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


def main() -> int:
    import django

    django.setup()
    from benchmarks import browser, events, ledger, measure, overhead, tenants, world

    runs: dict[str, Callable[[int], measure.Result | None]] = {
        "tenants": tenants.run,
        "overhead": overhead.run,
        "ledger": ledger.run,
        "hot": ledger.run_hot,
        "events": events.run,
        "browser": browser.run,  # last: its page, its processes and their CPU must not lie in the others' figures
    }
    parser = argparse.ArgumentParser(prog="python -m benchmarks")
    parser.add_argument("names", nargs="*", choices=[*runs, []], help="which ones; all when none is named")
    parser.add_argument("--rounds", type=int, default=9)
    given = parser.parse_args()
    with world.own_database():
        sys.stdout.write(machine() + "\n")
        for name in given.names or runs:
            if (result := runs[name](given.rounds)) is not None:
                sys.stdout.write(measure.table(result) + "\n")
            sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
