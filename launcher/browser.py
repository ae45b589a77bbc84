"""A Chromium for the browser journeys: found, or installed by the machine's means."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from launcher.console import LauncherError, run, say, step
from launcher.layout import child_environment, python, writable_home

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
PLACES = (Path("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"),)
ASK_PLAYWRIGHT = (
    "from playwright.sync_api import sync_playwright\n"
    "with sync_playwright() as playwright: print(playwright.chromium.executable_path)"
)


def ensure() -> str | None:
    """The path of a browser: CHROME, PATH, Debian's package (as root), or Playwright's own download.

    None when there is none and none can be had; the reason is printed. Raises LauncherError instead when CI
    is set: there a run without browser tests must not look like a good one.
    """
    found = _find()
    if found is None and os.geteuid() == 0 and shutil.which("apt-get"):
        found = _from_debian()
    if found is None:
        found = _from_playwright()
    if found is None:
        what = "No Chromium was found and none could be installed: the browser journeys cannot run"
        if os.environ.get("CI", "").lower() not in ("", "0", "false"):
            raise LauncherError(what, advice="Install chromium, or name one in CHROME.")
        banner = "!" * 100
        print(f"\n{banner}\n{what}.\nInstall chromium, or name one in CHROME.\n{banner}\n", flush=True)
    return found


def _find() -> str | None:
    named = os.environ.get("CHROME")
    if named:
        if shutil.which(named) is None:
            raise LauncherError(f"CHROME names {named}, which cannot be run", advice="Correct it or unset it.")
        return shutil.which(named)
    on_path = next((path for name in NAMES if (path := shutil.which(name))), None)
    return on_path or next((str(path) for path in PLACES if path.exists()), None)


def _from_debian() -> str | None:
    environment = child_environment({"DEBIAN_FRONTEND": "noninteractive"})
    try:
        with step("Installing Debian's chromium"):
            run(["apt-get", "update", "-qq"], what="apt-get update failed", env=environment)
            command = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", "chromium"]
            run(command, what="apt-get install chromium failed", env=environment)
    except LauncherError as error:
        say(f"{error.what}; trying Playwright's")
    return _find()


def _from_playwright() -> str | None:
    environment = child_environment()
    writable_home(environment)
    try:
        path = run([python(), "-c", ASK_PLAYWRIGHT], what="Playwright does not run", env=environment)
        if not Path(path).exists():
            with step("Installing Playwright's Chromium"):
                command = [python(), "-m", "playwright", "install", "chromium"]
                run(command, what="playwright install chromium failed", env=environment)
        return path if Path(path).exists() else None
    except LauncherError as error:
        say(error.what)
        return None
