"""What the person at the terminal sees: plain lines with elapsed time, and failures that say what to do."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

TAIL_LINES = 30
# Handed on when the bootstrap replaces itself by the launcher, so that the clock does not start again.
STARTED_VARIABLE = "RIALTO_LAUNCHER_STARTED"
_started = float(os.environ.get(STARTED_VARIABLE) or time.monotonic())
_said = time.monotonic()


def started() -> str:
    """The value of STARTED_VARIABLE for a process that goes on in our place."""
    return str(_started)


class LauncherError(Exception):
    """A step failed in a way a person can act on.

    ``what`` names the failure in one sentence, ``advice`` what to do about it, ``tail`` the last lines of the
    output that belongs to it.
    """

    def __init__(self, what: str, *, advice: str = "", tail: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.advice = advice
        self.tail = tail


def say(text: str) -> None:
    """Print one line with the seconds since the launcher started."""
    global _said
    _said = time.monotonic()
    elapsed = _said - _started
    print(f"[{elapsed:6.1f}s] {text}", flush=True)


def quiet_seconds() -> float:
    """How long ago the last line was printed."""
    return time.monotonic() - _said


def complain(error: LauncherError) -> None:
    """Print a failure: the end of its output, what failed, what to do."""
    sys.stdout.flush()
    if error.tail:
        print("\n".join("    | " + line for line in error.tail.splitlines()), file=sys.stderr)
    print(f"\nFAILED: {error.what}", file=sys.stderr)
    if error.advice:
        print(f"TO DO:  {error.advice}", file=sys.stderr)
    sys.stderr.flush()


@contextmanager
def step(text: str, *, remind_every: float = 10.0) -> Iterator[None]:
    """Announce a step, say every few seconds that it still runs, and how long it took."""
    say(f"{text} ...")
    begun = time.monotonic()
    over = threading.Event()

    def remind() -> None:
        while not over.wait(remind_every):
            say(f"{text} ... still at it, {time.monotonic() - begun:.0f} s")

    reminder = threading.Thread(target=remind, daemon=True)
    reminder.start()
    try:
        yield
    finally:
        over.set()
        reminder.join()
    say(f"{text}: done in {time.monotonic() - begun:.1f} s")


def tail_of(path: Path, lines: int = TAIL_LINES) -> str:
    """The last lines of a log file; empty when there is none."""
    try:
        with path.open("rb") as stream:
            stream.seek(0, os.SEEK_END)
            stream.seek(max(0, stream.tell() - 64 * 1024))
            text = stream.read().decode("utf-8", "replace")
    except OSError:
        return ""
    return "\n".join(text.splitlines()[-lines:])


def run(
    command: Sequence[str | Path],
    *,
    what: str,
    advice: str = "",
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    show: bool = False,
) -> str:
    """Run a command to its end and return its output (stdout and stderr together).

    With ``show`` its lines are printed as they come. Raises LauncherError with the last lines of the output
    when the command cannot be started or exits with anything but 0.
    """
    arguments = [str(part) for part in command]
    kept: deque[str] = deque(maxlen=5000)
    try:
        process = subprocess.Popen(
            arguments,
            cwd=cwd,
            env=None if env is None else dict(env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
    except OSError as error:
        raise LauncherError(f"{what}: {arguments[0]} cannot be started: {error}", advice=advice) from error
    assert process.stdout is not None
    with process:
        for line in process.stdout:
            kept.append(line.rstrip("\n"))
            if show:
                print(line, end="", flush=True)
    if process.returncode != 0:
        tail = "" if show else "\n".join(list(kept)[-TAIL_LINES:])
        raise LauncherError(f"{what} (exit status {process.returncode})", advice=advice, tail=tail)
    return "\n".join(kept)
