"""``manage.py`` seen from the launcher: which commands exist, and how one is run."""

from __future__ import annotations

from collections.abc import Mapping

from launcher.console import run
from launcher.layout import MANAGE, ROOT, python

APP_ROOTS = ("platform", "shared_apps", "tenant_apps", "provisioning")


def has_command(name: str) -> bool:
    """Whether this checkout has a management command of its own by that name, without loading Django."""
    if not MANAGE.exists():
        return False
    return any(
        True
        for root in APP_ROOTS
        for found in (ROOT / root).rglob(f"{name}.py")
        if found.parent.name == "commands" and found.parent.parent.name == "management"
    )


def command(*arguments: str) -> list[str]:
    """The command line of a management command."""
    return [python(), str(MANAGE), *arguments]


def manage(*arguments: str, env: Mapping[str, str], advice: str = "") -> str:
    """Run a management command and return its output. Raises LauncherError when it fails."""
    return run(command(*arguments), what=f"manage.py {arguments[0]} failed", advice=advice, cwd=ROOT, env=env)
