"""Runs the Manager bridge sandbox as what it is, a server process, and steers it through its control desk."""

import json
import os
import re
import select
import signal
import subprocess
import sys
import urllib.request
from datetime import timedelta
from pathlib import Path
from typing import Any

from tenant_apps.trading.adapters.contract import Abilities, Fault
from tenant_apps.trading.adapters.mt5_manager import Mt5ManagerConfig, Mt5ManagerPlatform
from tenant_apps.trading.ports import Lots, Side

ROOT = Path(__file__).parents[5]
MANAGER, SECRET = 1000, "a secret of the sandbox, not of anybody"
START_SECONDS = 60


class SandboxProcess:
    """`python -m sandbox.mt5_manager` with its state in `folder`; may be killed and started again on its ports."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.folder = folder
        self._options = options
        self.port = self.admin_port = 0
        self.ca_file = folder / "tls" / "ca.pem"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [sys.executable, "-m", "sandbox.mt5_manager", "--host", "127.0.0.1", "--port", str(self.port)]
        command += ["--admin-port", str(self.admin_port), "--state", str(self.folder / "state")]
        command += ["--tls-dir", str(self.folder / "tls"), *self._options]
        with (self.folder / "sandbox.log").open("ab") as log:
            self._process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=log)
        output = self._process.stdout
        assert output is not None
        ready, _, _ = select.select([output], [], [], START_SECONDS)
        line = os.read(output.fileno(), 1000).decode() if ready else ""
        if "ready" not in line:
            self.stop(signal.SIGKILL)
            raise RuntimeError((self.folder / "sandbox.log").read_text()[-3000:] or "the sandbox is silent")
        self.port, self.admin_port = (int(one) for one in re.findall(r" (\d+)", line))

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
    """One server within the process; a `contract.Harness`."""

    abilities = Abilities()
    group = "real\\std-eur"
    currency = "EUR"
    symbol = "EURUSD"
    utc_offset = timedelta(hours=3)
    slow_seconds = 1.5

    def __init__(self, process: SandboxProcess, name: str) -> None:
        self.process = process
        self._name = name
        process.admin(
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
                    {"login": MANAGER, "secret": SECRET},
                    {"login": MANAGER + 1, "secret": SECRET, "rights": [1, 25]},
                    {"login": MANAGER + 2, "secret": SECRET, "groups": ["demo\\*"]},
                ],
            },
        )

    def config(self, **settings: Any) -> Mt5ManagerConfig:
        values: dict[str, Any] = {
            "server": self._name,
            "host": f"{self._name}.mt5-manager.localhost",
            "port": self.process.port,
            "manager": MANAGER,
            "password": SECRET,
            "ca_file": str(self.process.ca_file),
            "login_pause_seconds": 0.0,
            "backoff_first": 0.05,
        }
        return Mt5ManagerConfig(**{**values, **settings})

    def platform(self, **settings: Any) -> Mt5ManagerPlatform:
        return Mt5ManagerPlatform(self.config(**settings))

    def admin(self, method: str, path: str, data: object = None) -> Any:
        return self.process.admin(method, f"/servers/{self._name}{path}", data)

    def arm(self, fault: Fault) -> None:
        match fault:
            case Fault.WRONG_PROOF:
                self.fault("wrong_proof", "login")
            case Fault.DROP_READ:
                self.fault("drop_before_commit", "accounts.get")
            case Fault.SLOW:
                self.fault("slow", "balance.apply", seconds=self.slow_seconds)
            case _:
                self.fault(fault.value, "balance.apply")

    def fault(self, kind: str, path: str = "", **more: Any) -> Any:
        return self.admin("POST", "/faults", {"kind": kind, "path": path, **more})

    def disarm(self) -> None:
        self.admin("DELETE", "/faults")

    def position_open(self, login: int, side: Side, lots: Lots) -> int:
        order = {"login": login, "symbol": self.symbol, "side": side.value, "lots": str(lots)}
        return int(self.admin("POST", "/orders", order)["deal"]["PositionID"])

    def position_close(self, login: int, position: int) -> None:
        self.admin("POST", "/orders", {"position": position})
