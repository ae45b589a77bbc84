"""A launcher process to talk to and to kill."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from launcher import processes

HOST_SCRIPT = Path(__file__).with_name("host.py")


class Host:
    """A running ``host.py`` and what it reported."""

    def __init__(self, process: subprocess.Popen[str], report: dict[str, Any]) -> None:
        self.process = process
        self.report = report

    def kill(self) -> None:
        """SIGKILL the launcher itself; nothing else is touched."""
        self.process.kill()
        self.process.wait()

    def remaining(self) -> list[tuple[str, ...]]:
        """Command lines of everything alive that carries the instance's mark."""
        mark = self.report["mark"]
        return [seen.command for seen in processes.process_table() if any(mark in part for part in seen.command)]


def launch(command: list[str | Path], environment: dict[str, str] | None = None) -> Host:
    """Start ``host.py`` by this command line and wait for its report."""
    process = subprocess.Popen(
        [str(part) for part in command], stdout=subprocess.PIPE, text=True, env=environment, cwd="/"
    )
    assert process.stdout is not None
    seen = []
    for line in process.stdout:
        if line.startswith("{"):
            return Host(process, json.loads(line))
        seen.append(line)
    process.wait()
    raise AssertionError(f"the launcher ended with {process.returncode}:\n{''.join(seen)}")


@pytest.fixture
def start() -> Iterator[Callable[..., Host]]:
    """Start launchers that are gone, with all they started, when the test ends."""
    hosts: list[Host] = []

    def begin(folder: Path, *arguments: str) -> Host:
        host = launch([sys.executable, HOST_SCRIPT, folder, *arguments])
        hosts.append(host)
        return host

    yield begin
    for host in hosts:
        host.kill()
        processes.wait_until(lambda host=host: not processes.is_alive(host.report["undertaker"]), seconds=60)
        for seen in list(processes.process_table()):
            if any(host.report["mark"] in part for part in seen.command):
                processes.send(seen.pid, signal.SIGKILL)


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """The run that contains these tests has services of its own; ours must not see them."""
    for name in list(os.environ):
        if name.startswith(("RIALTO_", "DATABASE_", "REDIS_")):
            monkeypatch.delenv(name)
