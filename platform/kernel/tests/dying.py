"""Workers that die on purpose: forks of the test's own process, warm at once, killed by SIGKILL where a test says.

A fork knows every module and setting that the test knows, so it needs a few milliseconds where a new interpreter needs
seconds; to PostgreSQL and to every other system it is a process like any other.
"""

from __future__ import annotations

import faulthandler
import importlib
import json
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Container, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile
from types import FrameType
from typing import Any, NoReturn

from django.db import connection, connections

from launcher import processes

ROOT = Path(__file__).resolve().parents[3]
KILLED = -int(signal.SIGKILL)
TASKS = Path("/proc/self/task")
THREADS_END = 2.0  # seconds
PATIENCE = 300  # seconds; a fork that hangs ends with SIGALRM, and the test sees it


def die(*_: object, **__: object) -> NoReturn:
    """The end: no handler runs, nothing is rolled back or closed."""
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("nobody survives SIGKILL")


def forked(work: Callable[[], object]) -> int:
    """Carry `work` out in a process of its own. Its exit status: 0, 1 when it raised, KILLED when it died."""
    connections.close_all()
    _let_threads_end()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            signal.signal(signal.SIGALRM, signal.SIG_DFL)  # pytest's own alarm is the parent's
            signal.alarm(PATIENCE)
            faulthandler.dump_traceback_later(PATIENCE - 5)  # where it hangs
            work()
            status = 0
        except BaseException:  # noqa: BLE001 - nothing may get back into the test's own frames
            traceback.print_exc()
            sys.stderr.flush()
        finally:
            os._exit(status)
    _, result = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(result)


def _let_threads_end() -> None:
    """A thread that Python has joined still ends for a moment, and holds OpenSSL's lock of its threads meanwhile: in a fork made
    then, the first thread that speaks TLS would wait for it for ever."""
    global _lasting
    if not processes.wait_until(lambda: _unknown_threads() <= _lasting, seconds=THREADS_END):
        _lasting |= _unknown_threads()  # a library's own, which stays


def _unknown_threads() -> set[int]:
    """Threads of this process that Python's `threading` does not know (any more); nothing where there is no /proc."""
    if not TASKS.is_dir():
        return set()
    return {int(one.name) for one in TASKS.iterdir()} - {one.native_id for one in threading.enumerate()}


_lasting = _unknown_threads()


def at_point(point: str) -> None:
    """From now on a function kills the process: `<module>[.<class>].<function>:before|after` its work. "" is none."""
    if not point:
        return
    target, _, when = point.partition(":")
    home, _, name = target.rpartition(".")
    owner: Any = None
    try:
        owner = importlib.import_module(home)
    except ModuleNotFoundError:  # a method: the last part but one is its class
        inner, _, class_name = home.rpartition(".")
        owner = getattr(importlib.import_module(inner), class_name)
    original = getattr(owner, name)

    def deadly(*args: Any, **kwargs: Any) -> Any:
        if when == "before":
            die()
        original(*args, **kwargs)
        die()

    setattr(owner, name, deadly)


@contextmanager
def after_statements(count: int) -> Iterator[None]:
    """Kill the process as soon as so many database statements have been carried out; 0 lets it live."""
    left = count

    def counted(execute: Any, sql: Any, params: Any, many: Any, context: Any) -> Any:
        nonlocal left
        result = execute(sql, params, many, context)
        left -= 1
        if left == 0:
            die()
        return result

    with connection.execute_wrapper(counted):
        yield


def killed_after(statements: int, work: Callable[[], object]) -> bool:
    """Carry `work` out in a fork that dies after so many database statements; whether it died. What it raises is lost."""

    def watched() -> None:
        with after_statements(statements):
            work()

    return forked(watched) == KILLED


def killed_anywhere(work: Callable[[], object], check: Callable[[], None]) -> int:
    """Kill `work` after its first statement, its second and so on until it lives to its end; `check` after each."""
    for statements in range(1, 200):
        died = killed_after(statements, work)
        check()
        if not died:
            return statements - 1
    raise AssertionError("it never came to its end")


Place = tuple[str, str, int]  # step, file below the root, line


class Lines:
    """Follows a process line by line through our own code: remembers where it was, or dies where it is told to.

    `step` is set by whoever is followed; the same line in two steps is two places. Threads begun meanwhile are followed too.
    """

    def __init__(self, roots: Sequence[Path], *, deadly: Container[Place] = (), on_death: int = -1) -> None:
        self.step = ""
        self.seen: dict[Place, None] = {}
        self._roots = tuple(str(root) for root in roots)
        self._deadly, self._on_death = deadly, on_death
        self._ours: dict[str, str] = {}

    def _below(self, name: str) -> str:
        known = self._ours.get(name)
        if known is None:
            ours = name.startswith(self._roots) and "/tests/" not in name and "/migrations/" not in name
            known = self._ours[name] = os.path.relpath(name, ROOT) if ours else ""
        return known

    def _called(self, frame: FrameType, event: str, argument: object) -> Any:
        return self._line if self._below(frame.f_code.co_filename) else None

    def _line(self, frame: FrameType, event: str, argument: object) -> Any:
        if event == "line" and self.step:
            place = (self.step, self._ours[frame.f_code.co_filename], frame.f_lineno)
            if place in self._deadly:
                os.write(self._on_death, json.dumps(place).encode())
                die()
            self.seen[place] = None
        return self._line

    @contextmanager
    def followed(self) -> Iterator[None]:
        threading.settrace(self._called)
        sys.settrace(self._called)
        try:
            yield
        finally:
            sys.settrace(None)
            threading.settrace(None)  # type: ignore[arg-type]


def killed_at(work: Callable[[Lines], object], roots: Sequence[Path], deadly: Container[Place]) -> Place | None:
    """Carry `work` out in a fork that dies at the first of some places; the place, or None when it came to its end."""
    reading, writing = os.pipe()

    def watched() -> None:
        lines = Lines(roots, deadly=deadly, on_death=writing)
        with lines.followed():
            work(lines)

    try:
        status = forked(watched)
        os.close(writing)
        told = os.read(reading, 4096)
    finally:
        os.close(reading)
    assert status in (0, KILLED), f"the worker ended with {status}"
    assert bool(told) == (status == KILLED)
    if not told:
        return None
    step, file, line = json.loads(told)
    return str(step), str(file), int(line)


def places_of(work: Callable[[Lines], object], roots: Sequence[Path]) -> list[Place]:
    """Every place an undisturbed worker passes, in the order of its coming there first."""
    lines = Lines(roots)
    with NamedTemporaryFile("r") as told:

        def watched() -> None:
            with lines.followed():
                work(lines)
            Path(told.name).write_text(json.dumps(list(lines.seen)))

        assert forked(watched) == 0
        return [(str(step), str(file), int(line)) for step, file, line in json.load(told)]
