"""The front end: Node found or installed from a wheel, npm packages by lock file, built into static/dist."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from launcher import fingerprints
from launcher.bootstrap import install
from launcher.console import LauncherError, run, say, step
from launcher.layout import ROOT, child_environment, writable_home

FRONTEND = ROOT / "frontend"
DIST = ROOT / "static" / "dist"
MINIMUM_NODE = 20
PACKAGES_STAMP = FRONTEND / "node_modules" / ".rialto-packages"
BUILD_STAMP = DIST / ".rialto-inputs"
SOURCE_ROOTS = ("themes", "platform", "shared_apps", "tenant_apps", "provisioning")
# Tailwind finds class names in templates and in Python (form widgets, cells); tests and migrations hold none.
SOURCE_SUFFIXES = {".html", ".mjml", ".txt", ".svg", ".css", ".js", ".json", ".py"}
IGNORED_FOLDERS = {"tests", "migrations", "__pycache__", "node_modules", "locale"}


def ensure() -> None:
    """Bring ``static/dist`` up to date; does nothing when neither packages nor inputs changed."""
    if not (FRONTEND / "package.json").exists():
        say("There is no front end in this checkout (frontend/package.json); going on without assets")
        return
    packages = _packages_fingerprint()
    inputs = fingerprints.of_files(_inputs(), root=ROOT) + packages
    if fingerprints.is_current(BUILD_STAMP, inputs) and any(DIST.iterdir()):
        return
    environment = node_environment()
    if not fingerprints.is_current(PACKAGES_STAMP, packages):
        with step("Installing the front end's packages"):
            run(
                ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
                what="npm ci failed",
                advice="Is the npm registry reachable (npm_config_registry, HTTPS_PROXY)? Then try again.",
                cwd=FRONTEND,
                env=environment,
            )
        fingerprints.record(PACKAGES_STAMP, packages)
    with step("Building the front end"):
        run(["npm", "run", "build"], what="The front-end build failed", cwd=FRONTEND, env=environment)
    if not DIST.is_dir():
        raise LauncherError(
            "The front-end build left no static/dist", advice="The build script must write to ../static/dist."
        )
    fingerprints.record(BUILD_STAMP, inputs)


def node_environment() -> dict[str, str]:
    """An environment in which ``npm`` and ``node`` are found, taken from a wheel if need be."""
    environment = child_environment({"npm_config_update_notifier": "false", "NO_UPDATE_NOTIFIER": "1"})
    writable_home(environment)
    if not _has_node(environment):
        say(f"No Node {MINIMUM_NODE} or newer on PATH; taking it from a wheel (about 60 MB, once)")
        install("requirements-assets.txt")
        if not _has_node(environment):
            raise LauncherError(
                "Node from the wheel does not run here",
                advice=f"Install Node {MINIMUM_NODE} or newer yourself.",
            )
    return environment


def _has_node(environment: dict[str, str]) -> bool:
    """Whether the first ``node`` on that PATH is new enough and ``npm`` runs with it."""
    path = environment["PATH"]
    if not shutil.which("node", path=path) or not shutil.which("npm", path=path):
        return False
    try:
        version = subprocess.run(
            ["node", "--version"], env=environment, capture_output=True, text=True, check=True
        ).stdout
        subprocess.run(["npm", "--version"], env=environment, capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return False
    major = re.match(r"v(\d+)\.", version)
    return major is not None and int(major[1]) >= MINIMUM_NODE


def _packages_fingerprint() -> str:
    files = [FRONTEND / name for name in ("package.json", "package-lock.json")]
    return fingerprints.of_files([file for file in files if file.exists()], root=ROOT)


def _inputs() -> Iterator[Path]:
    """Every file whose content can change the built files."""
    yield from (path for path in FRONTEND.iterdir() if path.is_file())
    for folder in (FRONTEND / "css", FRONTEND / "js", *(ROOT / name for name in SOURCE_ROOTS)):
        for parent, folders, files in os.walk(folder):
            folders[:] = [name for name in folders if name not in IGNORED_FOLDERS]
            yield from (Path(parent, name) for name in files if Path(name).suffix in SOURCE_SUFFIXES)
