"""Runs the cTrader sandbox as what it is, a server process, and steers it through its control desk."""

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
from tenant_apps.trading.adapters.ctrader import CTraderConfig, CTraderPlatform
from tenant_apps.trading.adapters.mt5.tests.scripted import certificate
from tenant_apps.trading.ports import Lots, Side

ROOT = Path(__file__).parents[5]
MANAGER, PASSWORD = 1000, "Sandbox-Pass1"
START_SECONDS = 60


class SandboxProcess:
    """`python -m sandbox.ctrader` with its state in `folder`; may be killed and started again on its ports."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.folder = folder
        self._options = options
        self.port = self.web_port = self.admin_port = 0
        self.ca_file = folder / "tls" / "ca.pem"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [sys.executable, "-m", "sandbox.ctrader", "--host", "127.0.0.1", "--port", str(self.port)]
        command += ["--web-port", str(self.web_port), "--admin-port", str(self.admin_port)]
        command += ["--state", str(self.folder / "state"), "--tls-dir", str(self.folder / "tls"), *self._options]
        with (self.folder / "sandbox.log").open("ab") as log:
            self._process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=log)
        output = self._process.stdout
        assert output is not None
        ready, _, _ = select.select([output], [], [], START_SECONDS)
        line = os.read(output.fileno(), 1000).decode() if ready else ""
        if "ready" not in line:
            self.stop(signal.SIGKILL)
            raise RuntimeError((self.folder / "sandbox.log").read_text()[-3000:] or "the sandbox is silent")
        self.port, self.web_port, self.admin_port = (int(one) for one in re.findall(r" (\d+)", line))

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
    """One plant within the process; a `contract.Harness`."""

    abilities = Abilities(investor_password=False, separate_rights=False)
    group = "standard"
    currency = "EUR"
    symbol = "EURUSD"
    utc_offset = timedelta(0)
    slow_seconds = 1.5

    def __init__(self, process: SandboxProcess, name: str, **settings: Any) -> None:
        self.process = process
        self._name = name
        self._foreign = False
        managers = [{"login": MANAGER, "password": PASSWORD}]
        managers.append({"login": MANAGER + 1, "password": PASSWORD, "rights": [1, 20, 150]})  # looks only
        process.admin("POST", "/servers", {"name": name, "broker": "nordwind", "managers": managers, **settings})

    def config(self, **settings: Any) -> CTraderConfig:
        values: dict[str, Any] = {
            "server": self._name,
            "host": f"{self._name}.ctrader.localhost",
            "port": self.process.port,
            "web_port": self.process.web_port,
            "manager": MANAGER,
            "password": PASSWORD,
            "plant": self._name,
            "environment": "demo",
            "broker": "nordwind",
            "deposit_currency": self.currency,
            "ca_file": str(self._authority()),
            "login_pause_seconds": 0.0,
            "backoff_first": 0.05,
        }
        return CTraderConfig(**{**values, **settings})

    def _authority(self) -> Path:
        """Of the sandbox, or of somebody else, which is how a server fails to prove itself here."""
        if not self._foreign:
            return self.process.ca_file
        folder = self.process.folder / "foreign"
        folder.mkdir(exist_ok=True)
        certificate(folder, "elsewhere.localhost")
        return folder / "ca.pem"

    def platform(self, **settings: Any) -> CTraderPlatform:
        return CTraderPlatform(self.config(**settings))

    def admin(self, method: str, path: str, data: object = None) -> Any:
        return self.process.admin(method, f"/servers/{self._name}{path}", data)

    def arm(self, fault: Fault) -> None:
        match fault:
            case Fault.WRONG_PROOF:
                self._foreign = True
            case Fault.DROP_READ:
                self.fault("drop_before_commit", "ProtoTraderByIdReq")
            case Fault.SLOW:
                self.fault("slow", "ProtoChangeBalanceReq", seconds=self.slow_seconds)
            case _:
                self.fault(fault.value, "ProtoChangeBalanceReq")

    def fault(self, kind: str, path: str, **more: Any) -> None:
        self.admin("POST", "/faults", {"kind": kind, "path": path, **more})

    def disarm(self) -> None:
        self._foreign = False
        self.admin("DELETE", "/faults")

    def position_open(self, login: int, side: Side, lots: Lots) -> int:
        order = {"login": login, "symbol": self.symbol, "side": side.value, "lots": str(lots)}
        return int(self.admin("POST", "/orders", order)["deal"]["positionId"])

    def position_close(self, login: int, position: int) -> None:
        self.admin("POST", "/orders", {"position": position})
