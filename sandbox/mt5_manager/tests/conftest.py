"""A sandbox process on free ports; every test gets a server of its own in it."""

from __future__ import annotations

import itertools
import json
import re
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sandbox.mt5_manager.tests.client import MANAGER, SECRET, Wire

ROOT = Path(__file__).parents[3]
numbers = itertools.count(1)


class Sandbox:
    """A running `python -m sandbox.mt5_manager`."""

    def __init__(self, folder: Path, *options: str) -> None:
        self._folder = folder
        self._options = options
        self.start()

    def start(self) -> None:
        """Start (again) over the same state and wait for the ready line."""
        command = [
            sys.executable, "-m", "sandbox.mt5_manager", "--port", "0", "--admin-port", "0", "--state",
            str(self._folder / "state"), "--tls-dir", str(self._folder / "tls"), *self._options,
        ]  # fmt: skip
        self.process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        assert self.process.stdout is not None
        ports = re.findall(r"\d+", self.process.stdout.readline().partition(":")[2])
        self.port, self.admin_port = int(ports[0]), int(ports[1])

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Send a signal and return the exit status."""
        self.process.send_signal(number)
        assert self.process.stdout is not None
        self.complaints = self.process.stdout.read()
        status = self.process.wait(timeout=20)
        self.process.stdout.close()
        return status

    def admin(self, method: str, path: str, data: Any = None) -> Any:
        """A call to the control desk; raises urllib.error.HTTPError."""
        body = None if data is None else json.dumps(data).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{self.admin_port}{path}", data=body, method=method)
        with urllib.request.urlopen(request, timeout=20) as answer:
            return json.load(answer)

    def create(self, **settings: Any) -> Server:
        """A quiet server: prices frozen, no robots."""
        name = f"one{next(numbers)}"
        managers = [{"login": MANAGER, "secret": SECRET}]
        self.admin("POST", "/servers", {"name": name, "managers": managers, **settings})
        self.admin("POST", f"/servers/{name}/freeze", {"frozen": True})
        return Server(self, name)


class Server:
    """One server of a test."""

    def __init__(self, sandbox: Sandbox, name: str) -> None:
        self.sandbox = sandbox
        self.name = name

    def admin(self, method: str, path: str, data: Any = None) -> Any:
        return self.sandbox.admin(method, f"/servers/{self.name}{path}", data)

    def fault(self, kind: str, path: str = "", **more: Any) -> Any:
        return self.admin("POST", "/faults", {"kind": kind, "path": path, **more})

    def connect(self) -> Wire:
        """Greeted only."""
        return Wire(self.sandbox.port, str(self.sandbox._folder / "tls" / "ca.pem"), self.name)

    def wire(self, manager: int = MANAGER) -> Wire:
        """Logged in."""
        wire = self.connect()
        assert wire.login(manager)["type"] == "welcome"
        return wire


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    sandbox = Sandbox(tmp_path_factory.mktemp("manager"), "--login-window", "1")
    yield sandbox
    assert (sandbox.stop(), sandbox.complaints) == (0, "")


@pytest.fixture
def server(sandbox: Sandbox) -> Server:
    return sandbox.create()
