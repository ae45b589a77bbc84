"""Start order, readiness, restarts and the end of supervised processes, with real child processes."""

from __future__ import annotations

import asyncio
import os
import re
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from launcher import processes, supervise
from launcher.console import LauncherError
from launcher.state import State
from launcher.supervise import AliveReady, DoneReady, HttpReady, LogReady, Process, Supervisor
from launcher.undertaker import Undertaker

SERVER = """
import http.server, sys
class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/healthz" else 503)
        self.end_headers()
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Answer).serve_forever()
"""
NOTE = "import sys, time; open(sys.argv[1], 'a').write(sys.argv[2] + ' '); print('noted', flush=True); "


def script(name: str, code: str, *arguments: object, **options: object) -> Process:
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return Process(name, command, dict(os.environ), **options)  # type: ignore[arg-type]


@pytest.fixture
def undertaker() -> Iterator[Undertaker]:
    watching = Undertaker()
    yield watching
    watching.close()


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervise, "FIRST_PAUSE", 0.01)
    monkeypatch.setattr(supervise, "WATCH_SECONDS", 0.02)


def run(specs: list[Process], log: Path, undertaker: Undertaker, until: Callable[[], bool] | None = None) -> Supervisor:
    """Run until everything is ready and the condition holds, then stop."""
    ready: list[bool] = []

    def watch() -> None:
        if ready and (until is None or until()):
            supervisor.stop()

    supervisor = Supervisor(specs, log=log, undertaker=undertaker, watch=watch)
    asyncio.run(supervisor.run(when_ready=lambda: ready.append(True)))
    return supervisor


def test_a_process_starts_only_when_those_it_needs_are_ready(tmp_path: Path, undertaker: Undertaker) -> None:
    notes = tmp_path / "notes"
    sleep = NOTE + "time.sleep(60)"
    run(
        [
            script("third", sleep, notes, "third", ready=LogReady("noted"), after=("second",)),
            script("second", sleep, notes, "second", ready=LogReady("noted"), after=("first", "absent")),
            script("first", NOTE, notes, "first", ready=DoneReady()),
        ],
        tmp_path / "log",
        undertaker,
    )
    assert notes.read_text() == "first second third "


def test_an_http_server_is_ready_when_it_answers(tmp_path: Path, undertaker: Undertaker) -> None:
    port = State(tmp_path / "state").port("dummy")
    run([script("server", SERVER, port, ready=HttpReady(port))], tmp_path / "log", undertaker)
    assert "GET /healthz" in (tmp_path / "log" / "server.log").read_text()


def test_an_http_server_that_answers_503_is_not_ready(tmp_path: Path, undertaker: Undertaker) -> None:
    port = State(tmp_path / "state").port("dummy")

    async def ask() -> tuple[bool, bool, bool]:
        before = await supervise._answers(port, "/healthz")
        server = await asyncio.create_subprocess_exec(sys.executable, "-c", SERVER, str(port))
        try:
            while not (good := await supervise._answers(port, "/healthz")):
                await asyncio.sleep(0)
            return before, good, await supervise._answers(port, "/broken")
        finally:
            server.kill()
            await server.wait()

    assert asyncio.run(ask()) == (False, True, False)


def test_a_process_that_dies_is_started_again(
    tmp_path: Path, undertaker: Undertaker, capsys: pytest.CaptureFixture[str]
) -> None:
    notes = tmp_path / "notes"
    code = NOTE + "sys.exit(3) if len(open(sys.argv[1]).read()) < 4 else time.sleep(60)"
    run(
        [script("fragile", code, notes, "x", ready=LogReady("noted"))],
        tmp_path / "log",
        undertaker,
        until=lambda: notes.read_text() == "x x ",
    )
    told = capsys.readouterr().out
    assert re.search(r"fragile ended with status 3 after \d+ s", told)
    assert "fragile is started again in" in told


def test_a_process_that_cannot_start_ends_the_run_with_its_last_lines(tmp_path: Path, undertaker: Undertaker) -> None:
    code = "import sys; print('no such table: brokers'); sys.exit(1)"
    other = script("other", "import time; time.sleep(60)", ready=AliveReady(0))
    with pytest.raises(LauncherError) as failure:
        run([script("broken", code, ready=LogReady("never")), other], tmp_path / "log", undertaker)
    assert failure.value.what == "broken ended with status 1, 3 times"
    assert "no such table: brokers" in failure.value.tail


def test_a_task_that_fails_is_not_tried_again(tmp_path: Path, undertaker: Undertaker) -> None:
    notes = tmp_path / "notes"
    task = script("upgrade", NOTE + "sys.exit(2)", notes, "x", ready=DoneReady())
    after = script("web", NOTE, notes, "never", after=("upgrade",))
    with pytest.raises(LauncherError) as failure:
        run([task, after], tmp_path / "log", undertaker)
    assert failure.value.what == "upgrade ended with status 2"
    assert notes.read_text() == "x "


def test_the_output_of_a_task_is_shown(
    tmp_path: Path, undertaker: Undertaker, capsys: pytest.CaptureFixture[str]
) -> None:
    code = """print('made 3 brokers'); print('{"event": "log_line"}')"""
    run([script("seed", code, ready=DoneReady(), title="Making brokerages")], tmp_path / "log", undertaker)
    told = capsys.readouterr().out
    assert "Making brokerages ..." in told
    assert "  made 3 brokers" in told
    assert "Making brokerages: done in " in told
    assert "log_line" not in told
    assert "log_line" in (tmp_path / "log" / "seed.log").read_text()


def test_what_is_awaited_is_named_in_one_line(
    tmp_path: Path, undertaker: Undertaker, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervise, "REMIND_SECONDS", 0.05)
    told: list[str] = []

    def watch() -> None:
        told.append(capsys.readouterr().out)
        if "Waiting for" in told[-1]:
            supervisor.stop()

    specs = [
        script("web", "import time; time.sleep(60)", ready=LogReady("never"), title="Pages (web)"),
        script("worker", "import time; time.sleep(60)", ready=LogReady("never")),
        script("later", "import time; time.sleep(60)", after=("web",)),
    ]
    supervisor = Supervisor(specs, log=tmp_path / "log", undertaker=undertaker, watch=watch)
    asyncio.run(supervisor.run())
    (line,) = [line for line in told[-1].splitlines() if "Waiting for" in line][:1]
    assert re.search(r"Waiting for Pages \(web\) \(\d+ s\)(, worker \(\d+ s\))?; logs: ", line)
    assert "later" not in line


def test_a_task_is_said_to_be_at_work_rather_than_awaited(tmp_path: Path) -> None:
    task = script("upgrade", "", ready=DoneReady(), title="Preparing the database")
    line = supervise._awaited([supervise._Watched(task, tmp_path / "upgrade.log", begun=time.monotonic() - 9)])
    assert line == "Preparing the database ... still at it, 9 s"


def test_the_end_is_announced_at_once(
    tmp_path: Path, undertaker: Undertaker, capsys: pytest.CaptureFixture[str]
) -> None:
    run([script("server", "import time; time.sleep(60)", ready=AliveReady(0))], tmp_path / "log", undertaker)
    assert capsys.readouterr().out.splitlines()[-1].endswith("Stopping ...")


def test_stopping_takes_grandchildren_and_the_stubborn_along(tmp_path: Path, undertaker: Undertaker) -> None:
    mark = f"{tmp_path}-stubborn"
    code = (
        "import signal, subprocess, sys, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)', sys.argv[1]])\n"
        "print('standing', flush=True)\n"
        "time.sleep(60)\n"
    )
    seen: list[int] = []

    def alive() -> list[int]:
        return [p.pid for p in processes.process_table() if mark in p.command]

    def both_run() -> bool:
        seen[:] = alive()
        return len(seen) == 2

    spec = script("stubborn", code, mark, ready=LogReady("standing"), grace=0.1)
    run([spec], tmp_path / "log", undertaker, until=both_run)
    assert len(seen) == 2
    assert processes.wait_until(lambda: not alive(), seconds=10)


def test_an_error_of_the_caller_ends_the_run(tmp_path: Path, undertaker: Undertaker) -> None:
    def fail() -> None:
        raise LauncherError("the guide cannot be printed")

    spec = script("calm", "import time; time.sleep(60)", ready=AliveReady(0))
    supervisor = Supervisor([spec], log=tmp_path / "log", undertaker=undertaker)
    with pytest.raises(LauncherError, match="the guide cannot be printed"):
        asyncio.run(supervisor.run(when_ready=fail))
