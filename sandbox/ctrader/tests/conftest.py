"""A sandbox process on free ports, shared by the tests; every test gets a plant of its own in it."""

from __future__ import annotations

import http.client
import itertools
import json
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sandbox.ctrader.tests.client import MANAGER, PASSWORD, Web, Wire

ROOT = Path(__file__).parents[3]


class Sandbox:
    """A running `python -m sandbox.ctrader`."""

    def __init__(self, folder: Path, *options: str) -> None:
        self._folder = folder
        self._options = options
        self.start()

    def start(self) -> None:
        """Start (again) over the same state and wait for the ready line."""
        command = [
            sys.executable, "-m", "sandbox.ctrader", "--port", "0", "--web-port", "0", "--admin-port", "0", "--state",
            str(self._folder / "state"), "--tls-dir", str(self._folder / "tls"), *self._options,
        ]  # fmt: skip
        self.process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        assert self.process.stdout is not None
        ready = self.process.stdout.readline()
        self.port, self.web_port, self.admin_port = (int(one) for one in re.findall(r"\d+", ready.partition(":")[2]))

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Send a signal and return the exit status."""
        self.process.send_signal(number)
        assert self.process.stdout is not None
        # Everything after the ready line would be a complaint in the log.
        self.complaints = self.process.stdout.read()
        status = self.process.wait(timeout=20)
        self.process.stdout.close()
        return status

    def ask(self, method: str, path: str, data: Any = None) -> tuple[int, Any]:
        """An admin request: status and JSON."""
        connection = http.client.HTTPConnection("127.0.0.1", self.admin_port, timeout=60)
        connection.request(method, path, body=None if data is None else json.dumps(data).encode())
        response = connection.getresponse()
        body = response.read()
        connection.close()
        return response.status, json.loads(body)

    def admin(self, method: str, path: str, data: Any = None) -> Any:
        """An admin request that must succeed."""
        status, answer = self.ask(method, path, data)
        assert status == 200, answer
        return answer

    @property
    def ca(self) -> str:
        """The authority's certificate."""
        return str(self._folder / "tls" / "ca.pem")

    def connect(self, server: str, timeout: float = 20.0) -> Wire:
        """A TLS connection to a plant, not logged in."""
        return Wire(self.port, self.ca, server, timeout)

    def create(self, name: str, **settings: Any) -> None:
        """Create a quiet plant: prices frozen, no robots unless asked for."""
        settings.setdefault("managers", [{"login": MANAGER, "password": PASSWORD}])
        self.admin("POST", "/servers", {"name": name, **settings})
        self.admin("POST", f"/servers/{name}/freeze", {"frozen": True})


class Desk:
    """One plant of a test: its admin calls and a logged-in connection of each API."""

    def __init__(self, sandbox: Sandbox, name: str) -> None:
        self.sandbox = sandbox
        self.name = name
        self.wire = sandbox.connect(name).log_in()
        self.web = Web(sandbox.web_port, sandbox.ca, name).log_in()

    def admin(self, method: str, path: str, data: Any = None) -> Any:
        """An admin request about this plant that must succeed."""
        return self.sandbox.admin(method, f"/servers/{self.name}{path}", data)

    def refuse(self, method: str, path: str, data: Any = None) -> tuple[int, str | None]:
        """HTTP status and error code of an admin request that must fail."""
        status, answer = self.sandbox.ask(method, f"/servers/{self.name}{path}", data)
        return status, answer.get("code")

    def connect(self, timeout: float = 20.0) -> Wire:
        """Another connection, not logged in."""
        return self.sandbox.connect(self.name, timeout)

    def price(self, symbol: str, bid: str, ask: str) -> None:
        """Hold a symbol at a price."""
        self.admin("POST", "/prices", {symbol: {"bid": bid, "ask": ask}})

    def trade(self, login: int, symbol: str, side: str, lots: str, **more: Any) -> dict[str, Any]:
        """Open at market; the deal."""
        order = {"login": login, "symbol": symbol, "side": side, "lots": lots, **more}
        deal: dict[str, Any] = self.admin("POST", "/orders", order)["deal"]
        return deal

    def close(self, position: int, **more: Any) -> dict[str, Any]:
        """Close at market; the deal."""
        deal: dict[str, Any] = self.admin("POST", "/orders", {"position": position, **more})["deal"]
        return deal

    def fault(self, kind: str, **more: Any) -> Any:
        """Arm or commit a fault."""
        return self.admin("POST", "/faults", {"kind": kind, **more})


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """The shared process."""
    running = Sandbox(tmp_path_factory.mktemp("ctrader"))
    yield running
    assert (running.stop(), running.complaints) == (0, "")


_names = itertools.count(1)


@pytest.fixture
def new_desk(sandbox: Sandbox) -> Callable[..., Desk]:
    """Make a fresh plant, with settings."""

    def make(**settings: Any) -> Desk:
        name = f"plant-{next(_names)}"
        sandbox.create(name, **settings)
        return Desk(sandbox, name)

    return make


@pytest.fixture
def desk(new_desk: Callable[..., Desk]) -> Iterator[Desk]:
    """A fresh plant and a logged-in manager."""
    made = new_desk()
    yield made
    made.wire.close()
