"""Where things are, and the environment every child process starts from."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
MANAGE = ROOT / "platform" / "manage.py"
DEFAULT_STATE = ".rialto"


def state_dir(given: Mapping[str, str] | None = None) -> Path:
    """The folder of everything this checkout keeps between runs; RIALTO_STATE or ``.rialto``."""
    chosen = (os.environ if given is None else given).get("RIALTO_STATE") or DEFAULT_STATE
    return (ROOT / chosen).resolve()


def python() -> str:
    """The interpreter of the virtual environment, or the running one when there is no environment."""
    candidate = VENV / "bin" / "python"
    return str(candidate) if candidate.exists() else sys.executable


def child_environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """The caller's environment with our tools first on PATH and no stray module able to shadow the library.

    PYTHONSAFEPATH keeps ``python -m`` from putting the current folder first: our ``platform/`` folder must
    never come before the standard library's ``platform`` module.
    """
    environment = dict(os.environ)
    environment["PYTHONSAFEPATH"] = "1"
    environment["PYTHONUNBUFFERED"] = "1"
    environment["PATH"] = os.pathsep.join([str(VENV / "bin"), environment.get("PATH", os.defpath)])
    environment["VIRTUAL_ENV"] = str(VENV)
    for name in ("PYTHONHOME", "PYTHONPATH", "RIALTO_LAUNCHER_STARTED"):
        environment.pop(name, None)
    environment.update(extra or {})
    return environment


def writable_home(environment: dict[str, str]) -> None:
    """Give tools that insist on a home (npm, uv, pip) one of ours where the user's is missing or closed."""
    home = environment.get("HOME", "")
    if home and os.path.isdir(home) and os.access(home, os.W_OK | os.X_OK):
        return
    ours = VENV / "home"
    ours.mkdir(parents=True, exist_ok=True)
    environment["HOME"] = str(ours)
