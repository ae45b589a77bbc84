"""What runs: PostgreSQL and Redis of one's own, two trading servers' hosts, bridge, worker and relay. Each can be killed and
started again."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.processes import ROOT, START_SECONDS, Unready, database_urls, free_port
from launcher import processes
from launcher.postgres import Postgres
from launcher.services import Services
from launcher.valkey import Valkey

QUEUES = "money,webhooks,provisioning,mail,reports,default"
GRACE = 40.0


@dataclass
class Mortal:
    """A process of ours and its children; `ready` says whether it is there for others."""

    name: str
    command: list[str]
    environment: dict[str, str]
    log: Path
    ready: Callable[[], bool] = lambda: True
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Does nothing while it runs. Raises Unready."""
        if self.process is not None:
            return
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, *self.command], cwd=ROOT, env=self.environment, stdin=subprocess.DEVNULL, stdout=log,
                stderr=log, start_new_session=True, preexec_fn=processes.die_with_parent(signal.SIGKILL),
            )  # fmt: skip
        alive = self.process
        if not processes.wait_until(lambda: alive.poll() is not None or self.ready(), seconds=START_SECONDS):
            raise Unready(f"{self.name} does not answer: {self.log.read_text()[-1500:]}")
        if alive.poll() is not None:
            raise Unready(f"{self.name} did not start: {self.log.read_text()[-1500:]}")

    def check(self) -> None:
        """Raises Unready when it has ended without being asked."""
        if self.process is not None and self.process.poll() is not None:
            raise Unready(f"{self.name} ended by itself: {self.log.read_text()[-3000:]}")

    def end(self, *, sudden: bool) -> None:
        """By SIGKILL for all of its processes at once, or by being asked. Waits."""
        if self.process is None:
            return
        process, self.process = self.process, None
        if sudden:
            processes.send(process.pid, signal.SIGKILL, group=True)
        processes.stop(process.pid, first=None if sudden else signal.SIGTERM, grace=GRACE)
        process.wait()


@dataclass
class House:
    """All of it, in `folder`. `mortals` by name; `postgres` and `redis` are the launcher's."""

    services: Services
    folder: Path
    mortals: dict[str, Mortal] = field(default_factory=dict)
    down: set[str] = field(default_factory=set)  # of postgres and redis
    mt5_port: int = field(default_factory=free_port)
    mt5_admin: int = field(default_factory=free_port)
    ctrader_port: int = field(default_factory=free_port)
    ctrader_web: int = field(default_factory=free_port)
    ctrader_admin: int = field(default_factory=free_port)

    def __post_init__(self) -> None:
        manage, host = "platform/manage.py", ["--host", "127.0.0.1"]
        celery = ["-m", "celery", "-A", "config.celery", "worker", "-c", "2", "-Q", QUEUES, "-B"]
        for name, command in {
            "mt5": ["-m", "sandbox.mt5", *host, "--port", str(self.mt5_port), "--admin-port", str(self.mt5_admin),
                    "--raw-port", "0", *self._kept("mt5")],
            "ctrader": ["-m", "sandbox.ctrader", *host, "--port", str(self.ctrader_port), "--web-port",
                        str(self.ctrader_web), "--admin-port", str(self.ctrader_admin), *self._kept("ctrader")],
            "bridge": [manage, "bridge"],
            "relay": [manage, "relay"],
            "worker": [*celery, "-s", str(self.folder / "beat"), "--without-gossip", "--without-mingle"],
        }.items():  # fmt: skip
            desk = {"mt5": self.mt5_admin, "ctrader": self.ctrader_admin}.get(name)
            ready = partial(_answers, desk) if desk else _at_once
            self.mortals[name] = Mortal(name, command, self._environment(), self.folder / f"{name}.log", ready)

    def _kept(self, name: str) -> list[str]:
        return ["--state", str(self.folder / name), "--tls-dir", str(self.folder / f"{name}-tls")]

    def ca_file(self, kind: str) -> Path:
        return self.folder / f"{kind}-tls" / "ca.pem"

    def _environment(self) -> dict[str, str]:
        return os.environ | database_urls() | {
            "DJANGO_SETTINGS_MODULE": "benchmarks.soak.settings",
            "PYTHONPATH": os.pathsep.join([str(ROOT / "platform"), str(ROOT)]),
            "PYTHONSAFEPATH": "1",
            "RIALTO_DEMO": "1",  # trading servers on this machine may be called
            "RIALTO_LOG_LEVEL": "WARNING",
        }  # fmt: skip

    def up(self, name: str) -> bool:
        return self.mortals[name].process is not None if name in self.mortals else name not in self.down

    def start(self, name: str) -> None:
        """Does nothing to what runs. Raises Unready, LauncherError."""
        if name in self.mortals:
            self.mortals[name].start()
        elif name in self.down:
            self._service(name).start()
            self.down.remove(name)

    def end(self, name: str, *, sudden: bool) -> None:
        """Does nothing to what is down already."""
        if name in self.mortals:
            self.mortals[name].end(sudden=sudden)
        elif name not in self.down:
            server = self._service(name)
            if sudden:  # PostgreSQL recovers at its next start
                server.process.send_signal(signal.SIGQUIT if name == "postgres" else signal.SIGKILL)
                server.process.wait()
            server.stop()
            self.down.add(name)

    def _service(self, name: str) -> Postgres | Valkey:
        server = self.services.postgres if name == "postgres" else self.services.valkey
        assert server is not None, "a soak has a database and a broker of its own"
        return server

    def admin(self, kind: str, method: str, path: str, data: object = None) -> Any:
        """One call to the control desk of `mt5` or `ctrader`. Raises urllib.error.URLError, HTTPError when it declines."""
        port = self.mt5_admin if kind == "mt5" else self.ctrader_admin
        body = None if data is None else json.dumps(data).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", data=body, method=method)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)


def _at_once() -> bool:
    return True


def _answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


@contextmanager
def running(services: Services, folder: Path) -> Iterator[House]:
    """A house with nothing in it started yet; at the end everything that runs is ended."""
    house = House(services, folder)
    try:
        yield house
    finally:
        for mortal in house.mortals.values():
            mortal.end(sudden=True)
        for name in tuple(house.down):
            house.start(name)  # who made a database there still has to drop it
