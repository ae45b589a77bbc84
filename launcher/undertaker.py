"""Stops everything when the launcher dies without being able to: SIGKILL, out of memory, closed terminal.

The launcher holds the only writing end of a pipe and tells which processes it started. When the kernel closes
that end the launcher is dead, and what is on the list is stopped: later stages first wait for earlier ones,
so that workers end before the database they use. The lock on the state folder is inherited: as long as this
process cleans up, the next launcher waits.

Line protocol on standard input: ``add <stage> <pid> <first signal> <grace seconds>`` and ``done <pid>``.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from launcher import processes
from launcher.console import say
from launcher.layout import ROOT, child_environment

STAGE_PROCESSES = 1
STAGE_SERVICES = 2
# Not `-m`: it must start under any interpreter that could start us, with nothing installed.
START = "import sys; sys.path.append({root!r}); from launcher.undertaker import main; main()"


@dataclass(frozen=True)
class Charge:
    """A process group to stop: by which signal first, and after how many seconds by SIGKILL."""

    stage: int
    pid: int
    first: int
    grace: float


class Undertaker:
    """The launcher's side: starts the watching process and keeps its list up to date."""

    def __init__(self, *, inherit: Sequence[int] = ()) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", START.format(root=str(ROOT))],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            pass_fds=tuple(inherit),
            env=child_environment(),
            bufsize=0,
        )

    @property
    def pid(self) -> int:
        """The watching process."""
        return self._process.pid

    def add(self, pid: int, *, stage: int, first: int = signal.SIGTERM, grace: float = 10.0) -> None:
        """From now on this group leader is stopped when the launcher dies."""
        self._tell(f"add {stage} {pid} {int(first)} {grace}")

    def done(self, pid: int) -> None:
        """This process has ended; its number may belong to somebody else soon."""
        self._tell(f"done {pid}")

    def close(self) -> None:
        """Let the watching process go; it stops whatever is still on its list."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()

    def _tell(self, line: str) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(line.encode() + b"\n")
        except BrokenPipeError:
            # Somebody killed it. PR_SET_PDEATHSIG still covers us; a demo is not worth ending for this.
            say("The clean-up process is gone; use Ctrl-C, not kill -9, to stop this run")


def bury(charges: Sequence[Charge]) -> None:
    """Stop every charge, stage by stage; within a stage all are asked first and then waited for."""
    for stage in sorted({charge.stage for charge in charges}):
        members = [charge for charge in charges if charge.stage == stage]
        for charge in members:
            processes.send(charge.pid, charge.first)
        for charge in members:
            processes.stop(charge.pid, first=None, grace=charge.grace)


def main() -> None:
    """Read the list until the launcher is gone, then act on it."""
    for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(signum, signal.SIG_IGN)
    os.chdir("/")
    charges: dict[int, Charge] = {}
    for line in sys.stdin:
        verb, *words = line.split()
        if verb == "add":
            stage, pid, first, grace = words
            charges[int(pid)] = Charge(int(stage), int(pid), int(first), float(grace))
        elif verb == "done":
            charges.pop(int(words[0]), None)
    bury(list(charges.values()))
