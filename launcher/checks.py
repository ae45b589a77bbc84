"""``make test``, ``check``, ``bench`` and ``pins``: what a developer and the build machine run."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from launcher import assets, browser, management, messages, services
from launcher.console import LauncherError, complain, run, say, step
from launcher.layout import ROOT, child_environment, python, state_dir

SOURCES = (
    "launcher",
    "platform",
    "shared_apps",
    "tenant_apps",
    "provisioning",
    "sandbox",
    "benchmarks",
    "tests",
)
TYPED = ("launcher", "platform", "shared_apps", "tenant_apps", "provisioning", "sandbox", "benchmarks")
TEMPLATES = ("themes", "shared_apps", "tenant_apps", "platform")
# In their order: the last of each half moves its product's clock.
JOURNEYS = ("-n", "2", "--dist", "worksteal", "-p", "no:randomly", "tests/journeys")
LINT_IMPORTS = "from importlinter.cli import lint_imports_command; lint_imports_command()"
PINNED = ("requirements", "requirements-dev", "requirements-assets", "launcher/requirements-uv")


def test() -> None:
    """All tests, with services of their own. Ends the process with pytest's exit status."""
    arguments = shlex.split(os.environ.get("ARGS", ""))
    assets.ensure()
    messages.compile_all()
    chrome = browser.ensure()
    selection = [] if chrome or "-m" in arguments else ["-m", "not browser"]
    with services.throwaway(state_dir() / "test") as running:
        environment = child_environment(
            {
                **running.environment,
                "DJANGO_SETTINGS_MODULE": "config.settings.test",
                **({"CHROME": chrome} if chrome else {}),
            }
        )
        pytest = [python(), "-m", "pytest"]
        # A module stays with one worker, and with it the servers it starts; whoever is done first takes over from the other.
        command = [*pytest, "-n", "2", "--dist", "worksteal", *selection, *arguments]
        code = subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode
        if chrome and not arguments:
            code = _journeys(pytest, environment) or code
    if not chrome:
        say("NOT RUN: the browser journeys, because there is no Chromium on this machine")
    sys.exit(code)


def _journeys(pytest: list[str], environment: Mapping[str, str]) -> int:
    """The browser journeys, after the rest: two at a time, each on a whole product of its own, since they wait half the time.

    One that fails is run once more, loudly: its patience is in seconds, and a machine may stand still for longer. What
    is broken fails twice.
    """
    say("The journeys in a real browser; this takes some seven minutes")
    command = [*pytest, *JOURNEYS]
    asked = {**environment, "RIALTO_JOURNEYS": "1"}
    code = subprocess.run(command, cwd=ROOT, env=asked, check=False).returncode
    if code:
        say("A JOURNEY FAILED; what failed is run once more, to tell a slow machine from a broken product")
        code = subprocess.run([*command, "--last-failed"], cwd=ROOT, env=asked, check=False).returncode
    return code


def bench() -> None:
    """The benchmarks, on a database with full durability: numbers without it would be flattering."""
    if not (ROOT / "benchmarks" / "__main__.py").exists():
        raise LauncherError("There are no benchmarks in this checkout (benchmarks/__main__.py)")
    assets.ensure()  # one of them looks through a browser
    messages.compile_all()
    with services.running(state_dir() / "bench", throwaway=True, durable=True) as running:
        environment = child_environment(
            {**running.environment, "DJANGO_SETTINGS_MODULE": "config.settings.demo", "RIALTO_DEMO": "1"}
        )
        command = [python(), "-m", "benchmarks", *shlex.split(os.environ.get("ARGS", ""))]
        status = subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode
    sys.exit(status)


def pins() -> None:
    """Compile every requirements*.in to a .txt with hashes, for all platforms, naming no index."""
    options = [
        "--generate-hashes",
        "--universal",
        "--python-version",
        "3.11",
        "--no-header",
        "--no-emit-index-url",
    ]
    for name in PINNED:
        with step(f"Compiling {name}.in"):
            run(
                [python(), "-m", "uv", "pip", "compile", "-q", *options, f"{name}.in", "-o", f"{name}.txt"],
                what=f"{name}.in could not be resolved",
                cwd=ROOT,
                env=child_environment({"UV_NO_PROGRESS": "1"}),
            )


def check() -> None:
    """Every check, all of them even after a failure. Raises LauncherError naming those that failed."""
    messages.compile_all()
    environment = child_environment(
        {
            **services.environment(state_dir() / "test", throwaway=True),
            "DJANGO_SETTINGS_MODULE": "config.settings.test",
        }
    )
    failed = [name for name, command in _checks() if not _passes(name, command, environment)]
    if failed:
        raise LauncherError(f"These checks failed: {', '.join(failed)}", advice="What each found is above.")
    say("All checks are green")


def _passes(name: str, command: list[str], environment: dict[str, str]) -> bool:
    begun = time.monotonic()
    try:
        run(command, what=f"{name} found something", cwd=ROOT, env=environment)
    except LauncherError as error:
        complain(error)
        return False
    say(f"{name}: good ({time.monotonic() - begun:.1f} s)")
    return True


def _existing(names: tuple[str, ...], suffix: str) -> list[str]:
    """Those of our folders that hold at least one file of that kind: tools complain about empty ones."""
    return [name for name in names if any((ROOT / name).rglob(f"*{suffix}"))]


def _checks() -> Iterator[tuple[str, list[str]]]:
    """Name and command line of every check this checkout has something for; what is left out is said."""
    sources = _existing(SOURCES, ".py")
    yield "format", [python(), "-m", "ruff", "format", "--check", *sources]
    yield "lint", [python(), "-m", "ruff", "check", *sources]
    yield "types", [python(), "-m", "mypy", *_existing(TYPED, ".py")]
    if _has_import_contracts():
        yield "import contracts", [python(), "-c", LINT_IMPORTS]
    else:
        say("import contracts: none are written yet")
    if management.MANAGE.exists():
        yield "migrations", management.command("makemigrations", "--check", "--dry-run")
    if management.has_command("check_translations"):
        yield "translations", management.command("check_translations")
    else:
        say("translations: manage.py check_translations is not in this checkout")
    templates = _existing(TEMPLATES, ".html")
    if templates:
        yield "templates", [python(), "-m", "djlint", "--lint", "--profile=django", "--quiet", *templates]


def _has_import_contracts() -> bool:
    return (ROOT / ".importlinter").exists() or "[tool.importlinter]" in Path(ROOT, "pyproject.toml").read_text()
