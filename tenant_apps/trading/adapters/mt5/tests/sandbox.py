"""Runs the MT5 sandbox as what it is, a server process, and steers it through its control desk."""

import json
import os
import select
import signal
import socket
import subprocess
import sys
import urllib.request
from datetime import timedelta
from pathlib import Path
from typing import Any

from tenant_apps.trading.adapters.contract import Abilities, Fault
from tenant_apps.trading.adapters.mt5 import Mt5Config, Mt5Platform
from tenant_apps.trading.ports import Lots, Side

ROOT = Path(__file__).parents[5]
MANAGER, PASSWORD = 1000, "Sandbox-Pass1"
START_SECONDS = 60


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class SandboxProcess:
    """`python -m sandbox.mt5` with its state in `folder`; may be killed and started again."""

    def __init__(self, folder: Path, *options: str) -> None:
        self._folder = folder
        self._options = options
        self.port, self.admin_port = free_port(), free_port()
        self.ca_file = folder / "tls" / "ca.pem"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [sys.executable, "-m", "sandbox.mt5", "--host", "127.0.0.1", "--port", str(self.port)]
        command += ["--admin-port", str(self.admin_port), "--state", str(self._folder / "state")]
        command += ["--tls-dir", str(self._folder / "tls"), *self._options]
        with (self._folder / "sandbox.log").open("ab") as log:
            self._process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=log)
        output = self._process.stdout
        assert output is not None
        ready, _, _ = select.select([output], [], [], START_SECONDS)
        line = os.read(output.fileno(), 1000) if ready else b""
        if b"ready" not in line:
            self.stop(signal.SIGKILL)
            raise RuntimeError((self._folder / "sandbox.log").read_text()[-3000:] or "the sandbox is silent")

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(timeout=20)
            if self._process.stdout is not None:
                self._process.stdout.close()
            self._process = None

    def admin(self, method: str, path: str, data: object = None) -> Any:
        """One call to the control desk; raises urllib.error.HTTPError."""
        body = None if data is None else json.dumps(data).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{self.admin_port}{path}", data=body, method=method)
        with urllib.request.urlopen(request, timeout=20) as answer:
            return json.load(answer)


class SandboxHarness:
    """One trading server within the process; a `contract.Harness`. `settings` change every configuration."""

    abilities = Abilities()
    group = "real\\std-eur"
    currency = "EUR"
    symbol = "EURUSD"
    utc_offset = timedelta(hours=3)
    slow_seconds = 1.5

    def __init__(self, process: SandboxProcess, name: str, **settings: Any) -> None:
        self.process = process
        self._name = name
        self._settings = settings
        made = process.admin(
            "POST",
            "/servers",
            {
                "name": name,
                "owner": "Contract Ltd",
                "currency": "EUR",
                "currencies": ["EUR", "USD", "JPY"],
                "timezone_minutes": 120,
                "daylight": 1,
                "daylight_state": 1,
                "managers": [
                    {"login": MANAGER, "password": PASSWORD},
                    {"login": MANAGER + 1, "password": PASSWORD, "rights": [1, 25]},
                ],
            },
        )
        self._port = made["raw_port"] if settings.get("transport") == "raw" else process.port

    def config(self, **settings: Any) -> Mt5Config:
        values: dict[str, Any] = {
            "server": self._name,
            "host": f"{self._name}.mt5.localhost",
            "port": self._port,
            "manager": MANAGER,
            "password": PASSWORD,
            "ca_file": str(self.process.ca_file),
            "login_pause_seconds": 0.0,
        }
        return Mt5Config(**{**values, **self._settings, **settings})

    def platform(self, **settings: Any) -> Mt5Platform:
        return Mt5Platform(self.config(**settings))

    def sessions_alive(self, platform: Mt5Platform) -> int:
        """Idle sessions of this platform whose socket the server has not closed."""
        return sum(session.is_usable for session in platform._pool._idle)

    def admin(self, method: str, path: str, data: object = None) -> Any:
        return self.process.admin(method, f"/servers/{self._name}{path}", data)

    def arm(self, fault: Fault) -> None:
        self.admin("POST", "/faults", self._order(fault))

    def _order(self, fault: Fault) -> dict[str, Any]:
        match fault:
            case Fault.WRONG_PROOF:
                return {"kind": "wrong_hash"}
            case Fault.DROP_READ:
                return {"kind": "drop_before_commit", "path": "/api/user/get"}
            case Fault.SLOW:
                return {"kind": "slow", "path": "/api/trade/balance", "seconds": self.slow_seconds}
            case _:
                return {"kind": fault.value, "path": "/api/trade/balance"}

    def disarm(self) -> None:
        self.admin("DELETE", "/faults")

    def position_open(self, login: int, side: Side, lots: Lots) -> int:
        order = {"login": login, "symbol": self.symbol, "side": side.value, "lots": str(lots)}
        return int(self.admin("POST", "/orders", order)["deal"]["PositionID"])

    def position_close(self, login: int, position: int) -> None:
        self.admin("POST", "/orders", {"position": position})
