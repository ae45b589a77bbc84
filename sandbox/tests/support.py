"""Runs sandboxes as the processes they are, and receives what they send."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, TypeVar

import httpx

ROOT = Path(__file__).resolve().parents[2]
T = TypeVar("T")


class Sandbox:
    """One sandbox process on a free port; ``kill`` is SIGKILL, ``start`` again keeps port and state."""

    def __init__(self, name: str, state: Path, *arguments: str, module: str = "") -> None:
        self.name = name
        self.module = module or f"sandbox.{name}"  # a package's own sandbox is elsewhere
        self.state = state
        self.arguments = arguments
        self.port = 0
        self.ready_line = ""
        self.start()

    def start(self) -> None:
        command = [sys.executable, "-m", self.module, "--port", str(self.port)]
        command += ["--state", str(self.state), *self.arguments]
        self.process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.ready_line = self.process.stdout.readline()
        assert "ready on" in self.ready_line, f"{self.name} did not start"
        self.port = int(self.ready_line.split("http://")[1].split()[0].rsplit(":", 1)[1])
        self.url = f"http://127.0.0.1:{self.port}"
        self.http = httpx.Client(base_url=self.url, timeout=30, trust_env=False)

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self._reap()

    def stop(self) -> int:
        """SIGTERM; the exit status."""
        self.process.terminate()
        return self._reap()

    def _reap(self) -> int:
        self.http.close()
        status = self.process.wait(timeout=15)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return status

    def close(self) -> None:
        if self.process.poll() is None:
            self.kill()


@dataclass(slots=True)
class Received:
    """One request as it came in."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class Receiver:
    """A merchant's server: keeps what it gets; ``answers`` are its next statuses, then 200."""

    def __init__(self) -> None:
        self.requests: list[Received] = []
        self.answers: list[int] = []
        self._changed = threading.Condition()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                headers = {name.lower(): value for name, value in self.headers.items()}
                self.send_response(receiver._take(Received(self.command, self.path, headers, body)))
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self._server.server_address[1]
        self.url = f"http://broker.localhost:{self.port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def _take(self, request: Received) -> int:
        with self._changed:
            self.requests.append(request)
            self._changed.notify_all()
            return self.answers.pop(0) if self.answers else 200

    def wait(self, condition: Callable[[list[Received]], bool], timeout: float = 15) -> list[Received]:
        """The requests as soon as ``condition`` holds for them."""
        with self._changed:
            assert self._changed.wait_for(lambda: condition(self.requests), timeout), self.requests
            return list(self.requests)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def until(probe: Callable[[], T | None], timeout: float = 15) -> T:
    """The first truthy value of ``probe``, asked over the wire again and again."""
    deadline = time.monotonic() + timeout
    pause = threading.Event()
    while True:
        value = probe()
        if value:
            return value
        assert time.monotonic() < deadline, "the condition never came true"
        pause.wait(0.02)
