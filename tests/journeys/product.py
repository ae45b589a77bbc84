"""The whole product as `make demo` runs it, in a throwaway state folder with ports of its own.

`RIALTO_JOURNEY_STATE=.rialto` runs the journeys against a demo that is running already; it is then left alone.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlencode

from launcher import processes
from launcher.layout import ROOT
from launcher.state import State

from .observer import Observer

T = TypeVar("T")
READY = "Everything runs."
PATIENCE = 420.0  # seconds for the first start: cluster, assets, migrations, seed
LIVELY = "alnoor"  # where the clients' robots go on trading beside the journeys


def until(probe: Callable[[], T | None], what: str | Callable[[], str], seconds: float = 60.0) -> T:
    """The first truthy value of a probe: for what no page shows. `what` is asked only when it never came."""
    found: list[T] = []

    def look() -> bool:
        value = probe()
        if value:
            found.append(value)
        return bool(value)

    came = processes.wait_until(look, seconds=seconds)
    assert came, f"it never came true: {what() if callable(what) else what}"
    return found[0]


class Product:
    """A running demo: where its parts are, and how to look into them."""

    def __init__(self, folder: Path) -> None:
        self.state = State(folder)
        self.folder = folder
        self.process: subprocess.Popen[str] | None = None
        self.log = folder.parent / f"{folder.name}.log"

    # --- life

    def start(self) -> None:
        """Run `python -m launcher demo` and wait for its last line. Raises AssertionError with the log's end."""
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(self.folder, ignore_errors=True)  # what an interrupted run left
        environment = _plain_environment()
        environment |= {"RIALTO_STATE": str(self.folder), "RIALTO_SEED": "small"}
        environment["RIALTO_PORT"] = str(self.state.fresh_port("web"))
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "launcher", "demo"],
                cwd=ROOT, env=environment, stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, text=True,
            )  # fmt: skip
        process = self.process
        processes.wait_until(lambda: READY in self.log.read_text() or process.poll() is not None, seconds=PATIENCE)
        text = self.log.read_text()
        if READY not in text:
            self.stop()
            raise AssertionError(f"the demo did not start:\n{text[-6000:]}")
        self._send_robots_home()

    def _send_robots_home(self) -> None:
        """Of all servers but one brokerage's: each keeps bridge, relay and worker at their fastest, all the time, and no journey
        looks at it. One that does seats its own."""
        plants = self.sandbox("ctrader", extra="admin")
        for plant in self.call("GET", f"{plants}/servers")["servers"]:  # its first accounts may be opened only now
            self.call("PATCH", f"{plants}/servers/{plant['name']}", {"autotrade": False})
        for desk in (plants, self.sandbox("mt5", extra="admin")):
            for server in self.call("GET", f"{desk}/servers")["servers"]:
                address = f"{desk}/servers/{server['name']}"
                for robot in () if server["name"] == LIVELY else self.call("GET", f"{address}/robots")["robots"]:
                    self.call("DELETE", f"{address}/robots/{robot['login']}")

    def stop(self) -> None:
        """End it as Ctrl-C does; everything it started ends with it."""
        self.detach()
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(90)

    def detach(self) -> None:
        """Look no longer; a demo that runs goes on."""
        if "observer" in self.__dict__:
            self.observer.close()
            del self.observer

    def attach(self) -> None:
        """Use a demo that somebody else runs."""
        assert self.state.holder(), f"nothing runs from {self.folder}"

    # --- addresses

    @property
    def port(self) -> int:
        return int(os.environ.get("RIALTO_JOURNEY_PORT") or self.state.remembered()["ports"]["web"])

    def address(self, host: str, path: str = "/") -> str:
        return f"http://{host}.localhost:{self.port}{path}"

    def sandbox(self, name: str, *, extra: str = "") -> str:
        ports = self.state.remembered()["ports"]
        return f"http://127.0.0.1:{ports[f'{name}-{extra}' if extra else name]}"

    # --- the outside world

    def call(self, method: str, url: str, data: Any = None) -> Any:
        """A JSON call to a sandbox's control desk."""
        body = None if data is None else json.dumps(data).encode()
        request = urllib.request.Request(  # noqa: S310 - our own sandboxes
            url, data=body, method=method, headers={"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=130) as answer:  # noqa: S310
            text = answer.read()
        return json.loads(text) if text else None

    def mails(self, to: str, *, subject: str = "") -> list[dict[str, Any]]:
        """Mails that came for an address, oldest first, with texts and links."""
        base = self.sandbox("mailbox")
        found = self.call("GET", f"{base}/api/messages?{urlencode({'to': to, 'subject': subject})}")["messages"]
        return [self.call("GET", f"{base}/api/messages/{one['id']}") for one in found]

    def mail(self, to: str, with_link: str, *, seconds: float = 90) -> tuple[dict[str, Any], str]:
        """The newest mail to an address that has a link with this text in it, and the link; waits for it."""

        def look() -> tuple[dict[str, Any], str] | None:
            for message in reversed(self.mails(to)):
                for link in message["links"]:
                    if with_link in link:
                        return message, link
            return None

        return until(look, f"a mail to {to} with a link {with_link}", seconds)

    def mt5(self, method: str, path: str, data: Any = None) -> Any:
        return self.call(method, self.sandbox("mt5", extra="admin") + path, data)

    # --- our own inside

    def manage(self, *arguments: str) -> str:
        """A management command's output, by `make manage`'s own way. Raises AssertionError when it fails."""
        done = subprocess.run(
            [sys.executable, "-m", "launcher", "manage"],
            cwd=ROOT, env={**self._environment(), "ARGS": shlex.join(arguments)},
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def _environment(self) -> dict[str, str]:
        return {**_plain_environment(), "RIALTO_STATE": str(self.folder), "RIALTO_LOG_LEVEL": "ERROR"}

    @cached_property
    def observer(self) -> Observer:
        return Observer(self._environment())

    def inside(self, slug: str, code: str) -> Any:
        """What `code` leaves in `answer` (JSON), run in a brokerage's scope."""
        return self.observer.ask(slug, code)

    def pids(self, *words: str) -> list[int]:
        """Processes of this very demo (they descend from its launcher) whose command line has all these words."""
        holder = self.state.holder()
        return [
            seen.pid
            for seen in processes.process_table()
            if set(words) <= set(seen.command) and holder and _descends(seen.pid, holder)
        ]

    def kill(self, *words: str) -> int:
        """kill -9 processes of the product; the supervisor starts them again. Returns how many there were."""
        found = self.pids(*words)
        for pid in found:
            processes.send(pid, signal.SIGKILL)
        return len(found)


def _plain_environment() -> dict[str, str]:
    """Ours without what the test run around us has set."""
    foreign = ("RIALTO_", "DATABASE_", "REDIS_", "DJANGO_", "SANDBOX_", "EMAIL_", "S3_", "PYTEST_")
    return {name: value for name, value in os.environ.items() if not name.startswith(foreign)}


def _descends(pid: int, ancestor: int) -> bool:
    for _ in range(6):
        try:
            stat = Path(f"/proc/{pid}/stat").read_text()
        except OSError:
            return False
        pid = int(stat.rpartition(")")[2].split()[1])
        if pid == ancestor:
            return True
        if pid <= 1:
            return False
    return False
