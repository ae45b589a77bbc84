"""Starts the processes of a run, watches them, starts them again when they die, and stops them all.

Every process leads a group of its own. Ctrl-C therefore reaches only the launcher, which stops them in order.
If the launcher itself is killed, the kernel (PR_SET_PDEATHSIG) and the undertaker do it.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from launcher import processes
from launcher.console import LauncherError, quiet_seconds, say, tail_of
from launcher.state import HOST
from launcher.undertaker import STAGE_PROCESSES, Undertaker

FIRST_PAUSE = 1.0
LONGEST_PAUSE = 30.0
HEALTHY_AFTER = 30.0
ATTEMPTS_AT_START = 3
WATCH_SECONDS = 1.0
REMIND_SECONDS = 8.0  # of silence before what is awaited is named
GOOD_END = "ended with status 0"


@dataclass(frozen=True)
class HttpReady:
    """Ready when GET on this port and path answers with a status below 500."""

    port: int
    path: str = "/healthz"


@dataclass(frozen=True)
class LogReady:
    """Ready when the process has written a line that matches."""

    pattern: str


@dataclass(frozen=True)
class AliveReady:
    """Ready when it has lived this many seconds: for processes that neither listen nor say so."""

    seconds: float = 1.0


@dataclass(frozen=True)
class DoneReady:
    """A task rather than a server: ready when it has ended with status 0. Its output is shown as it comes."""


Readiness = HttpReady | LogReady | AliveReady | DoneReady


@dataclass(frozen=True)
class Process:
    """One process of a run. ``after`` names those that must be ready before it starts, ``title`` tells people what it is."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    ready: Readiness = AliveReady()
    after: tuple[str, ...] = ()
    grace: float = 10.0
    cwd: Path | None = None
    title: str = ""

    @property
    def called(self) -> str:
        """What people read instead of the name."""
        return self.title or self.name


@dataclass
class _Watched:
    spec: Process
    log: Path
    ready: asyncio.Event = field(default_factory=asyncio.Event)
    running: asyncio.subprocess.Process | None = None
    log_offset: int = 0
    begun: float = 0.0  # time.monotonic() of its last start
    failures: int = 0


class Supervisor:
    """Runs a set of processes until told to stop."""

    def __init__(
        self,
        specs: Sequence[Process],
        *,
        log: Path,
        undertaker: Undertaker,
        watch: Callable[[], None] = lambda: None,
    ) -> None:
        self._watched = {spec.name: _Watched(spec, log / f"{spec.name}.log") for spec in specs}
        self._undertaker = undertaker
        self._watch = watch
        self._stopping = asyncio.Event()
        self._failed: LauncherError | None = None
        self._started = False

    def stop(self) -> None:
        """Ask ``run`` to stop everything and return. A second call kills what is still stopping."""
        if not self._stopping.is_set():
            say("Stopping ...")
        else:
            for watched in self._watched.values():
                if watched.running is not None and watched.running.returncode is None:
                    processes.send(watched.running.pid, signal.SIGKILL, group=True)
        self._stopping.set()

    async def run(self, *, when_ready: Callable[[], None] = lambda: None) -> None:
        """Start everything, call ``when_ready`` once all are ready, and keep them running until ``stop``.

        ``watch`` is called every second, in the main thread, and may raise LauncherError to end the run.
        Raises LauncherError when a process cannot be brought up at the start; all others are stopped by then.
        """
        loop = asyncio.get_running_loop()
        for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(signum, self.stop)
        keepers = [asyncio.create_task(self._keep(watched)) for watched in self._watched.values()]
        others = [asyncio.create_task(self._announce(when_ready)), asyncio.create_task(self._look_after())]
        others.append(asyncio.create_task(self._remind()))
        try:
            await self._stopping.wait()
        finally:
            self._stopping.set()
            for task in (*others, *keepers):
                task.cancel()
            outcomes = await asyncio.gather(*others, *keepers, return_exceptions=True)
            await self._stop_all()
            for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                loop.remove_signal_handler(signum)
        if self._failed is not None:
            raise self._failed
        for outcome in outcomes:
            if isinstance(outcome, Exception):
                raise outcome

    async def _announce(self, when_ready: Callable[[], None]) -> None:
        try:
            await asyncio.gather(*(watched.ready.wait() for watched in self._watched.values()))
            self._started = True
            await asyncio.to_thread(when_ready)
        except Exception:
            self._stopping.set()
            raise

    async def _look_after(self) -> None:
        try:
            while True:
                await asyncio.sleep(WATCH_SECONDS)
                self._watch()
        except Exception:
            self._stopping.set()
            raise

    async def _remind(self) -> None:
        """Until all are ready, name in one line what is awaited whenever nothing was said for a while."""
        while waiting := [one for one in self._watched.values() if not one.ready.is_set()]:
            await asyncio.sleep(min(1.0, REMIND_SECONDS))
            started = [one for one in waiting if one.begun and not one.ready.is_set()]
            if started and quiet_seconds() >= REMIND_SECONDS:
                say(_awaited(started))

    async def _keep(self, watched: _Watched) -> None:
        """Start one process again and again, with longer pauses while it keeps dying."""
        for name in watched.spec.after:
            if name in self._watched:
                await self._watched[name].ready.wait()
        pause = FIRST_PAUSE
        while not self._stopping.is_set():
            begun = time.monotonic()
            status = await self._run_once(watched)
            if isinstance(watched.spec.ready, DoneReady):
                self._conclude(watched, status)
                return
            lived = time.monotonic() - begun
            if lived > HEALTHY_AFTER:
                pause, watched.failures = FIRST_PAUSE, 0
            watched.failures += 1
            self._report_death(watched, status, lived)
            if not self._started and watched.failures >= ATTEMPTS_AT_START:
                self._give_up(watched, status)
                return
            say(f"{watched.spec.called} is started again in {pause:.0f} s")
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)

    def _conclude(self, watched: _Watched, status: str) -> None:
        """A task ended: good, or the end of the run (trying a migration again would not make it better)."""
        if status == GOOD_END:
            say(f"{watched.spec.called}: done in {time.monotonic() - watched.begun:.0f} s")
            watched.ready.set()
        else:
            watched.failures += 1
            self._give_up(watched, status)

    async def _run_once(self, watched: _Watched) -> str:
        """Start, wait until ready, wait until it ends. Returns in words how it ended."""
        try:
            await self._spawn(watched)
        except OSError as error:
            return f"could not be started: {error}"
        assert watched.running is not None
        ending = asyncio.create_task(watched.running.wait())
        readiness = asyncio.create_task(self._wait_ready(watched))
        try:
            await asyncio.wait({ending, readiness}, return_when=asyncio.FIRST_COMPLETED)
            if not ending.done():
                readiness.result()
                say(f"{watched.spec.called}: ready")
                watched.ready.set()
            code = await ending
        finally:
            readiness.cancel()
            ending.cancel()
            await asyncio.gather(readiness, return_exceptions=True)
        self._undertaker.done(watched.running.pid)
        # What it started itself (pool workers) must not outlive it and hold its port or its tasks.
        processes.send(watched.running.pid, signal.SIGKILL, group=True)
        return f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with status {code}"

    async def _spawn(self, watched: _Watched) -> None:
        spec = watched.spec
        watched.begun = time.monotonic()
        watched.log.parent.mkdir(parents=True, exist_ok=True)
        with watched.log.open("ab") as log:
            watched.log_offset = log.tell()
            watched.running = await asyncio.create_subprocess_exec(
                *spec.command,
                cwd=spec.cwd,
                env=dict(spec.environment),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=asyncio.subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=processes.die_with_parent(signal.SIGTERM),
            )
        self._undertaker.add(watched.running.pid, stage=STAGE_PROCESSES, grace=spec.grace)

    async def _wait_ready(self, watched: _Watched) -> None:
        probe, begun = watched.spec.ready, time.monotonic()
        if isinstance(probe, DoneReady):
            await _show(watched)
        while True:
            match probe:
                case HttpReady(port, path):
                    ready = await _answers(port, path)
                case LogReady(pattern):
                    ready = _log_matches(watched.log, watched.log_offset, pattern)
                case AliveReady(seconds):
                    ready = time.monotonic() - begun >= seconds
            if ready:
                return
            await asyncio.sleep(0.1)

    def _report_death(self, watched: _Watched, status: str, lived: float) -> None:
        say(f"{watched.spec.called} {status} after {lived:.0f} s")
        if watched.failures <= ATTEMPTS_AT_START:
            for line in tail_of(watched.log, 12).splitlines():
                print(f"    | {line}", flush=True)

    def _give_up(self, watched: _Watched, status: str) -> None:
        self._failed = LauncherError(
            f"{watched.spec.called} {status}" + (f", {watched.failures} times" if watched.failures > 1 else ""),
            advice=f"Its whole log is {watched.log}.",
            tail=tail_of(watched.log),
        )
        self._stopping.set()

    async def _stop_all(self) -> None:
        """In the reverse of the order they depend on each other."""
        remaining = dict(self._watched)
        while remaining:
            needed = {name for watched in remaining.values() for name in watched.spec.after}
            layer = [name for name in remaining if name not in needed] or list(remaining)
            await asyncio.gather(*(self._stop_one(remaining.pop(name)) for name in layer))

    async def _stop_one(self, watched: _Watched) -> None:
        running = watched.running
        if running is None:
            return
        if running.returncode is None:
            processes.send(running.pid, signal.SIGTERM)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(running.wait(), watched.spec.grace)
        processes.send(running.pid, signal.SIGKILL, group=True)
        await running.wait()
        self._undertaker.done(running.pid)


def _awaited(started: Sequence[_Watched]) -> str:
    """What is not ready yet, in one line; a task is at work rather than awaited."""
    now = time.monotonic()
    first = started[0]
    if isinstance(first.spec.ready, DoneReady):
        return f"{first.spec.called} ... still at it, {now - first.begun:.0f} s"
    names = ", ".join(f"{one.spec.called} ({now - one.begun:.0f} s)" for one in started)
    return f"Waiting for {names}; logs: {first.log.parent}"


async def _show(watched: _Watched) -> None:
    """Print a task's lines as they come, for ever; structured log lines stay in the log file."""
    say(f"{watched.spec.called} ...")
    with watched.log.open("rb") as stream:
        stream.seek(watched.log_offset)
        rest = b""

        def show_new() -> None:
            nonlocal rest
            *lines, rest = (rest + stream.read()).split(b"\n")
            for line in lines:
                if line.strip() and not line.startswith(b'{"'):
                    say(f"  {line.decode('utf-8', 'replace')}")

        try:
            while True:
                show_new()
                await asyncio.sleep(0.1)
        finally:  # cancelled at the task's end: its last lines are in the file by now
            show_new()


async def _answers(port: int, path: str) -> bool:
    """Whether an HTTP server answers there, with anything but a server error."""
    try:
        async with asyncio.timeout(5):
            reader, writer = await asyncio.open_connection(HOST, port)
            try:
                writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost:{port}\r\nConnection: close\r\n\r\n".encode())
                status = await reader.readline()
            finally:
                writer.close()
    except (OSError, TimeoutError):
        return False
    found = re.match(rb"HTTP/1\.[01] (\d{3})", status)
    return found is not None and int(found[1]) < 500


def _log_matches(log: Path, offset: int, pattern: str) -> bool:
    with log.open("rb") as stream:
        stream.seek(offset)
        return re.search(pattern, stream.read().decode("utf-8", "replace")) is not None
