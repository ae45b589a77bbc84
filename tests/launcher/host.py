"""A launcher to be killed: holds services and two dummy processes, says so on standard output, and stays.

``host.py <state folder> [orphan]``; with ``orphan`` its servers do not notice its death, as after a crash of
both it and its undertaker on a system without PR_SET_PDEATHSIG.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[2]))

from launcher import processes, services, supervise
from launcher.console import LauncherError

# Ignores the polite signal and has a child of its own: the hardest case to clean up.
STUBBORN = (
    "import signal, subprocess, sys, time\n"
    "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)', sys.argv[1]])\n"
    "print('standing', flush=True)\n"
    "time.sleep(600)\n"
)


def main() -> None:
    """Start, report as one line of JSON, stay until told to stop."""
    folder = Path(sys.argv[1])
    if "orphan" in sys.argv[2:]:
        processes.die_with_parent = lambda signum=signal.SIGTERM: lambda: None
    with services.running(folder, throwaway=False, given={}) as running:
        specs = [
            supervise.Process(
                name,
                [sys.executable, "-c", STUBBORN, f"{running.state.mark()}-{name}"],
                dict(os.environ),
                supervise.LogReady("standing"),
                grace=1.0,
            )
            for name in ("one", "two")
        ]
        undertaker = running.undertaker
        supervisor = supervise.Supervisor(specs, log=running.state.log, undertaker=undertaker)
        report = {
            "pid": os.getpid(),
            "undertaker": undertaker.pid,
            "mark": running.state.mark(),
            "uid": os.stat(folder / "pgdata").st_uid,
            **running.environment,
        }
        asyncio.run(supervisor.run(when_ready=lambda: print(json.dumps(report), flush=True)))


if __name__ == "__main__":
    try:
        main()
    except LauncherError as error:
        sys.exit(f"{error.what}\n{error.advice}\n{error.tail}")
