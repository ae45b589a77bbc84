"""Processes seen from outside: who is alive, who belongs to us, and how one is stopped for certain.

A killed process stays in the table as a zombie until its parent collects it, and PID 1 of many containers
never does. So "alive" here always means: present and not a zombie; ``os.kill(pid, 0)`` alone would wait for
ever.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

PR_SET_PDEATHSIG = 1
POLL_SECONDS = 0.02


@dataclass(frozen=True)
class Seen:
    """One row of the process table."""

    pid: int
    group: int
    command: tuple[str, ...]


def process_table() -> Iterator[Seen]:
    """Every live process the kernel shows us, zombies left out."""
    if sys.platform == "linux":
        yield from _proc_table()
    else:
        yield from _ps_table()


def _proc_table() -> Iterator[Seen]:
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            stat = Path("/proc", entry, "stat").read_text(errors="replace")
            command = Path("/proc", entry, "cmdline").read_bytes()
        except OSError:  # it ended between listing and reading
            continue
        state, _parent, group = stat.rpartition(")")[2].split()[:3]
        if state not in "ZX":
            yield Seen(int(entry), int(group), tuple(os.fsdecode(command).rstrip("\0").split("\0")))


def _ps_table() -> Iterator[Seen]:
    listing = subprocess.run(
        ["ps", "-axo", "pid=,pgid=,state=,command="], capture_output=True, text=True, check=True
    ).stdout
    for line in listing.splitlines():
        pid, group, state, command = line.split(None, 3)
        if not state.startswith("Z"):
            yield Seen(int(pid), int(group), tuple(command.split(" ")))


def find(program: str, mark: str) -> list[Seen]:
    """Live processes of a program whose command line carries our mark, oldest first.

    The mark is a random word made once for each state folder. It identifies our servers where neither a PID
    file (numbers are reused) nor ``/proc/<pid>/cwd`` (closed to root without CAP_SYS_PTRACE, as in most
    containers) can.
    """
    found = [
        seen for seen in process_table() if program in seen.command[0] and any(mark in part for part in seen.command)
    ]
    return sorted(found, key=lambda seen: seen.pid)


def is_alive(pid: int) -> bool:
    """Whether a process with this number runs (a zombie does not)."""
    if sys.platform == "linux":
        try:
            stat = Path(f"/proc/{pid}/stat").read_text(errors="replace")
        except OSError:
            return False
        return stat.rpartition(")")[2].split()[0] not in "ZX"
    return any(seen.pid == pid for seen in process_table())


def group_members(group: int) -> list[int]:
    """The live processes of a process group."""
    return [seen.pid for seen in process_table() if seen.group == group]


def send(pid: int, signum: int, *, group: bool = False) -> None:
    """Send a signal; a process that is gone already is no error."""
    try:
        if group:
            os.killpg(pid, signum)
        else:
            os.kill(pid, signum)
    except ProcessLookupError:
        return


def wait_until(condition: Callable[[], bool], *, seconds: float | None) -> bool:
    """Poll a condition until it holds; False when the time is over. None waits as long as it takes."""
    deadline = None if seconds is None else time.monotonic() + seconds
    pause = POLL_SECONDS
    while not condition():
        if deadline is not None and time.monotonic() >= deadline:
            return False
        time.sleep(pause)
        pause = min(pause * 1.3, 0.25)
    return True


def stop(pid: int, *, first: int | None = signal.SIGTERM, grace: float = 10.0) -> None:
    """Stop a group leader politely, then whatever of its group is still there by SIGKILL.

    ``first`` is None when the polite signal was sent already; ``grace`` is in seconds.

    The first signal goes to the leader alone: Celery and PostgreSQL tell their own children what to do, and a
    child that gets the signal as well would drop the task or query it is at.
    """
    if first is not None:
        send(pid, first)
    wait_until(lambda: not is_alive(pid), seconds=grace)
    if is_alive(pid) or group_members(pid):
        send(pid, signal.SIGKILL, group=True)
        send(pid, signal.SIGKILL)
        wait_until(lambda: not is_alive(pid) and not group_members(pid), seconds=10)


def die_with_parent(signum: int = signal.SIGTERM) -> Callable[[], None]:
    """A ``preexec_fn``: the kernel sends the child this signal when the thread that started it ends.

    Linux only; elsewhere the undertaker does the work alone. Must be applied after a change of user, which
    clears the setting; subprocess changes the user before it calls preexec_fn. Start such children from the
    main thread.
    """
    if sys.platform != "linux":
        return lambda: None
    library = ctypes.CDLL(None, use_errno=True)
    parent = os.getpid()

    def apply() -> None:
        library.prctl(PR_SET_PDEATHSIG, int(signum), 0, 0, 0)
        if os.getppid() != parent:  # the parent died before the call above
            os._exit(1)

    return apply
