"""The product's processes as a benchmark needs them, on free ports; all end with the block."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit, urlunsplit

from django.db import connections

from launcher import processes

ROOT = Path(__file__).parents[1]
START_SECONDS = 60.0
STOP_SECONDS = 20.0


def database_urls() -> dict[str, str]:
    """The variables that name the database, pointed at this run's."""
    database = str(connections["default"].settings_dict["NAME"])
    return {
        key: urlunsplit(urlsplit(os.environ[key])._replace(path=f"/{database}"))
        for key in ("DATABASE_URL", "DATABASE_OWNER_URL")
        if os.environ.get(key)
    }


class Unready(Exception):
    """A process did not come up; the text has the end of its log."""


class Stack:
    """Sandboxes, bridge, relay, worker and web over this run's database, with logs and state in `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.mt5_port, self.admin_port, self.web_port = (free_port() for _ in range(3))
        self.plant_port, self.plant_web, self.plant_admin = (free_port() for _ in range(3))
        self.ca_file = folder / "tls" / "ca.pem"
        self.plant_ca_file = folder / "plant-tls" / "ca.pem"
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for process in reversed(self._running.values()):
            process.terminate()
        for name in reversed(list(self._running)):
            self.stop(name)

    # --- starting

    def start_trading_server(self) -> None:
        """The sandbox, ready for servers to be made. Raises Unready."""
        self._start(
            "mt5", "-m", "sandbox.mt5", "--port", str(self.mt5_port), "--admin-port", str(self.admin_port),
            "--state", str(self.folder / "mt5"), "--tls-dir", str(self.folder / "tls"),
        )  # fmt: skip
        self._until_answers("mt5", f"http://127.0.0.1:{self.admin_port}/healthz")

    def start_plants(self) -> None:
        """The sandbox of cTrader, likewise. Raises Unready."""
        self._start(
            "ctrader", "-m", "sandbox.ctrader", "--port", str(self.plant_port), "--web-port", str(self.plant_web),
            "--admin-port", str(self.plant_admin), "--state", str(self.folder / "ctrader"),
            "--tls-dir", str(self.folder / "plant-tls"),
        )  # fmt: skip
        self._until_answers("ctrader", f"http://127.0.0.1:{self.plant_admin}/healthz")

    def start_product(self) -> None:
        """Relay, bridge and one web process, as `make demo` runs them. Raises Unready."""
        self.start_background("relay", "bridge")
        self._start(
            "web", "-m", "uvicorn", "config.asgi:application", "--host", "127.0.0.1", "--port", str(self.web_port),
            "--workers", "1", "--no-server-header", "--timeout-graceful-shutdown", "5",
        )  # fmt: skip
        self._until_answers("web", f"http://127.0.0.1:{self.web_port}/healthz/ready")

    def start_background(self, *names: str) -> None:
        """Some of relay, bridge and worker."""
        worker = ("-m", "celery", "-A", "config.celery", "worker", "-c", "1", "-Q", "money,default", "--without-gossip")
        for name in names:
            self._start(name, *(worker if name == "worker" else ("platform/manage.py", name)))

    def stop(self, name: str) -> None:
        process = self._running.pop(name)
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def resident_bytes(self, name: str) -> int:
        """Memory that a process has of its own and what it shares, once it runs (Linux)."""
        status = Path(f"/proc/{self._running[name].pid}/status").read_text()
        return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1]) * 1024

    def _start(self, name: str, *arguments: str) -> None:
        with self._log(name).open("wb") as log:
            process = subprocess.Popen([sys.executable, *arguments], cwd=ROOT, env=self._environment(), stdout=log,
                                       stderr=log)  # fmt: skip
        self._running[name] = process

    def _log(self, name: str) -> Path:
        return self.folder / f"{name}.log"

    def _until_answers(self, name: str, url: str) -> None:
        process = self._running[name]
        # The web process answers for known hosts only.
        request = urllib.request.Request(url, headers={"Host": "localhost"})  # noqa: S310 - our own process

        def answers() -> bool:
            try:
                with urllib.request.urlopen(request, timeout=5) as answer:  # noqa: S310
                    return bool(answer.status == 200)
            except OSError:
                return process.poll() is not None

        if not processes.wait_until(answers, seconds=START_SECONDS) or process.poll() is not None:
            raise Unready(f"{name} did not start: {self._log(name).read_text()[-1500:]}")

    def _environment(self) -> dict[str, str]:
        """Ours, pointed at this run's database, with the demo's permission to call `.localhost`."""
        return os.environ | database_urls() | {
            "DJANGO_SETTINGS_MODULE": "config.settings.demo",
            "PYTHONPATH": os.pathsep.join([str(ROOT / "platform"), str(ROOT)]),
            "PYTHONSAFEPATH": "1",
            "RIALTO_DEMO": "1",
            "RIALTO_PORT": str(self.web_port),
            "RIALTO_STATE": str(self.folder),
            "SANDBOX_MT5_URL": f"https://127.0.0.1:{self.mt5_port}",
            "SANDBOX_MT5_ADMIN_URL": f"http://127.0.0.1:{self.admin_port}",
            "SANDBOX_MT5_CA": str(self.ca_file),
        }  # fmt: skip

    # --- talking to them

    def address(self, host: str, path: str = "/") -> str:
        return f"http://{host}:{self.web_port}{path}"

    def admin(self, method: str, path: str, data: object = None, *, kind: str = "mt5") -> Any:
        """One call to a sandbox's control desk; raises urllib.error.HTTPError."""
        body = None if data is None else json.dumps(data).encode()
        port = self.plant_admin if kind == "ctrader" else self.admin_port
        address = f"http://127.0.0.1:{port}{path}"
        request = urllib.request.Request(address, data=body, method=method)  # noqa: S310 - our own process
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
            return json.load(answer)

    def order(self, server: str, data: dict[str, Any], *, kind: str = "mt5") -> dict[str, Any]:
        """Open or close; the deal: `position`, and `at_ms`, when it happened at the server by the machine's clock."""
        path = f"/servers/{server}"
        if kind == "ctrader":
            made = self.admin("POST", f"{path}/orders", data, kind=kind)["deal"]
            return {"position": int(made["positionId"]), "at_ms": int(made["executionTimestamp"])}
        after = self.admin("GET", f"{path}/events?order=latest&limit=1&timeout=0")["last"]
        ticket = int(self.admin("POST", f"{path}/orders", data)["deal"]["Deal"])
        events = self.admin("GET", f"{path}/events?after={after}&timeout=10")["events"]
        deal = next(one for one in events if one["kind"] == "deal" and one["deal"] == ticket)
        return {"position": deal["position"], "at_ms": deal["at_ms"]}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
