"""The state folder of one instance: its lock, its ports and its secrets."""

from __future__ import annotations

import base64
import fcntl
import json
import os
import random
import secrets
import socket
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from launcher import processes
from launcher.console import LauncherError, say

# Below the ephemeral ranges of Linux (32768) and of others (49152), so that no outgoing connection takes our
# port.
PORT_RANGE = range(20000, 32000)
HOST = "127.0.0.1"


def write_atomically(path: Path, content: str, *, mode: int = 0o644) -> None:
    """Replace a file as a whole, on disk before it has its name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(descriptor, "w") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        os.chmod(name, mode)
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def port_is_free(port: int) -> bool:
    """Whether a server could listen on this port of 127.0.0.1 now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


class State:
    """Everything remembered about one instance, in JSON files under its folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log = folder / "log"
        self.run = folder / "run"
        self._instance = folder / "instance.json"
        self._secrets = folder / "secrets.json"

    def prepare(self) -> None:
        """Make the folder and what every later step expects in it. Safe to repeat."""
        try:
            for folder in (self.folder, self.log, self.run):
                folder.mkdir(parents=True, exist_ok=True)
            self.secrets()
            self.mark()
        except PermissionError as error:
            raise LauncherError(
                f"The state folder {self.folder} cannot be written: {error}",
                advice=f"It may be left from a run as another user. Start over: sudo rm -rf '{self.folder}'",
            ) from error

    def remembered(self) -> dict[str, Any]:
        """The instance file: its mark, its ports, and how far its database was prepared."""
        try:
            content: dict[str, Any] = json.loads(self._instance.read_text())
        except FileNotFoundError:
            return {}
        return content

    def remember(self, **values: Any) -> None:
        """Add to the instance file."""
        write_atomically(self._instance, json.dumps({**self.remembered(), **values}, indent=2) + "\n")

    def mark(self) -> str:
        """A random word on the command line of our servers, by which leftovers are recognised."""
        known = self.remembered().get("mark")
        if known:
            return str(known)
        mark = f"rialto-{secrets.token_hex(8)}"
        self.remember(mark=mark)
        return mark

    def port(self, name: str, *, preferred: int | None = None) -> int:
        """The port of a server: chosen once, then the same unless ``fresh_port`` has to change it."""
        ports = self.remembered().get("ports", {})
        return int(ports[name]) if name in ports else self.fresh_port(name, preferred=preferred)

    def usable_port(self, name: str, *, preferred: int | None = None) -> int:
        """The remembered port if nobody else listens there now, else another one, said plainly."""
        port = self.port(name, preferred=preferred)
        if port_is_free(port):
            return port
        other = self.fresh_port(name, preferred=preferred)
        say(f"Port {port} is taken by another program; {name} is now on {other}")
        return other

    def fresh_port(self, name: str, *, preferred: int | None = None) -> int:
        """Choose a free port (the preferred one or the next above it) and remember it."""
        ports = dict(self.remembered().get("ports", {}))
        taken = {port for other, port in ports.items() if other != name}
        candidates = (
            random.sample(PORT_RANGE, 500) if preferred is None else range(preferred, min(preferred + 500, 65536))
        )
        for port in candidates:
            if port not in taken and port_is_free(port):
                self.remember(ports={**ports, name: port})
                return port
        raise LauncherError(f"No free port for {name} on {HOST}", advice="Stop other programs and try again.")

    def secrets(self) -> dict[str, str]:
        """Passwords and keys, generated once, readable by their owner only.

        RIALTO_MASTER_KEY is 32 random bytes in base64. Losing this file means losing every encrypted field.
        """
        try:
            known: dict[str, str] = json.loads(self._secrets.read_text())
        except FileNotFoundError:
            known = {}
        wanted = {
            "postgres_superuser": secrets.token_urlsafe(24),
            "postgres_owner": secrets.token_urlsafe(24),
            "postgres_app": secrets.token_urlsafe(24),
            "valkey": secrets.token_urlsafe(24),
            "RIALTO_SECRET_KEY": secrets.token_urlsafe(48),
            "RIALTO_MASTER_KEY": base64.b64encode(secrets.token_bytes(32)).decode(),
        }
        if not wanted.keys() <= known.keys():
            known = {**wanted, **known}
            write_atomically(self._secrets, json.dumps(known, indent=2) + "\n", mode=0o600)
        return known

    def has_secrets(self) -> bool:
        """Whether an earlier run left its secrets here."""
        return self._secrets.exists()

    @contextmanager
    def locked(self, *, wait: bool = True) -> Iterator[int]:
        """Hold the instance: one launcher at a time. Yields the descriptor, for the undertaker to inherit.

        Raises LauncherError when another launcher that is alive holds it. When only that launcher's
        undertaker is left, waits for it (or, with ``wait`` False, raises as well).
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            self._acquire(descriptor, wait)
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, str(os.getpid()).encode(), 0)
            yield descriptor
        finally:
            os.close(descriptor)

    def holder(self) -> int | None:
        """The process that holds, or last held, the instance, if it is alive."""
        try:
            pid = int((self.folder / "lock").read_text() or 0)
        except (OSError, ValueError):
            return None
        return pid if pid and processes.is_alive(pid) else None

    def _acquire(self, descriptor: int, wait: bool) -> None:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = self.holder()
            if holder is not None or not wait:
                raise InUseError(self.folder, holder) from None
            say("The previous run was killed; waiting until its processes are stopped")
            fcntl.flock(descriptor, fcntl.LOCK_EX)


class InUseError(LauncherError):
    """Another launcher works with this state folder."""

    def __init__(self, folder: Path, holder: int | None) -> None:
        self.holder = holder
        super().__init__(
            f"Rialto already runs from {folder} (process {holder or 'unknown'})",
            advice="Stop it with Ctrl-C in its terminal; `make demo RESET=1` stops it and starts over.",
        )


def given_or(given: Mapping[str, str], name: str, default: str) -> str:
    """A setting from the environment; an empty one counts as not given."""
    return given.get(name) or default
