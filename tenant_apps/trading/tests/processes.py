"""The bridge as a process of its own, on the test's database."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from django.db import connection

ROOT = Path(__file__).parents[3]
PATIENCE = 40.0


def environment() -> dict[str, str]:
    """Ours, pointed at the test's database."""
    name = str(connection.settings_dict["NAME"])
    urls = {
        key: urlunsplit(urlsplit(os.environ[key])._replace(path=f"/{name}"))
        for key in ("DATABASE_URL", "DATABASE_OWNER_URL")
        if key in os.environ
    }
    paths = os.pathsep.join([str(ROOT / "platform"), str(ROOT)])
    return {**os.environ, **urls, "DJANGO_SETTINGS_MODULE": "config.settings.test", "PYTHONPATH": paths}


def until(condition: Callable[[], object], what: str, *, seconds: float = PATIENCE) -> None:
    """Wait for a condition of another process; fails with `what` when it does not come about."""
    tick = threading.Event()
    for _ in range(int(seconds / 0.05)):
        if condition():
            return
        tick.wait(0.05)
    raise AssertionError(f"in vain: {what}")


class BridgeProcess:
    """`manage.py bridge`, which may be killed and started again."""

    def __init__(self, folder: Path) -> None:
        self.log = folder / "bridge.log"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "platform/manage.py", "bridge"], cwd=ROOT, env=environment(), stdout=log, stderr=log
            )

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        assert self.process is not None
        self.process.send_signal(how)
        code = self.process.wait(timeout=30)
        self.process = None
        return code


@contextmanager
def bridge(folder: Path) -> Iterator[BridgeProcess]:
    process = BridgeProcess(folder)
    process.start()
    try:
        yield process
    except BaseException:
        print(process.log.read_text()[-4000:])
        raise
    finally:
        if process.process is not None:
            process.stop()
