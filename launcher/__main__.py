"""``python -m launcher <target>``: what the Makefile's targets do once the environment is there."""

from __future__ import annotations

import os
import signal
import sys

from launcher import assets, checks, demo, messages
from launcher.console import LauncherError, complain, say


def build_assets() -> None:
    """``make assets``: the front end and the translations."""
    assets.ensure()
    messages.compile_all()
    say("Assets are up to date")


TARGETS = {
    "demo": demo.main,
    "manage": demo.manage,
    "test": checks.test,
    "check": checks.check,
    "bench": checks.bench,
    "pins": checks.pins,
    "assets": build_assets,
}


def _interrupt(_signum: int, _frame: object) -> None:
    # Not by print, which this may have interrupted. What runs by now is stopped on the way out, and that takes a moment.
    os.write(1, b"\nStopping ...\n")
    raise KeyboardInterrupt


def main() -> None:
    """Run one target; failures are told in words and end with status 1, Ctrl-C with 130."""
    if len(sys.argv) != 2 or sys.argv[1] not in TARGETS:
        sys.exit(f"usage: python -m launcher {{{'|'.join(TARGETS)}}}")
    # A terminal that closes or a `kill` is treated as Ctrl-C: every `finally` runs.
    for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(signum, _interrupt)
    try:
        TARGETS[sys.argv[1]]()
    except LauncherError as error:
        complain(error)
        sys.exit(1)
    except KeyboardInterrupt:
        say("Stopped")
        sys.exit(130)


if __name__ == "__main__":
    main()
