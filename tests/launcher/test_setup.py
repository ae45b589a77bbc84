"""Environment, front end and translations: what runs again when, and what is said when it cannot."""

from __future__ import annotations

import gettext
import os
import sys
from importlib.util import find_spec as real_find_spec
from pathlib import Path

import pytest

from launcher import assets, bootstrap, browser, layout, messages
from launcher.console import LauncherError, complain, run

NPM = """#!/bin/sh
[ "$1" = --version ] && echo 10.0.0 && exit 0
echo "$*" >> "$CALLS"
[ "$1" = ci ] && mkdir -p node_modules
[ "$1" = run ] && mkdir -p ../static/dist && echo built > ../static/dist/app.css
exit 0
"""


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout with a small front end, and a Node that only notes what it is asked for."""
    root = tmp_path / "check out"
    (root / "frontend" / "css").mkdir(parents=True)
    (root / "themes" / "base").mkdir(parents=True)
    (root / "frontend" / "package.json").write_text("{}")
    (root / "frontend" / "package-lock.json").write_text("{}")
    (root / "themes" / "base" / "page.html").write_text("<p class='m-1'>")
    tools = tmp_path / "bin"
    tools.mkdir()
    for name, text in {"npm": NPM, "node": "#!/bin/sh\necho v20.1.0\n"}.items():
        (tools / name).write_text(text)
        (tools / name).chmod(0o755)
    monkeypatch.setenv("CALLS", str(tmp_path / "calls"))
    monkeypatch.setenv("PATH", f"{tools}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr(layout, "VENV", root / ".venv")
    for name, value in {
        "ROOT": root,
        "FRONTEND": root / "frontend",
        "DIST": root / "static" / "dist",
        "PACKAGES_STAMP": root / "frontend" / "node_modules" / ".stamp",
        "BUILD_STAMP": root / "static" / "dist" / ".stamp",
    }.items():
        monkeypatch.setattr(assets, name, value)
    return root


def calls(checkout: Path) -> list[str]:
    """What npm was asked for since the last time."""
    noted = checkout.parent / "calls"
    lines = noted.read_text().splitlines() if noted.exists() else []
    noted.unlink(missing_ok=True)
    return lines


CI = "ci --ignore-scripts --no-audit --no-fund"
BUILD = "run build"


def test_assets_are_built_once_and_again_when_something_changed(checkout: Path) -> None:
    assets.ensure()
    assert calls(checkout) == [CI, BUILD]
    assets.ensure()
    assert calls(checkout) == []
    (checkout / "themes" / "base" / "page.html").write_text("<p class='m-2'>")
    assets.ensure()
    assert calls(checkout) == [BUILD]
    (checkout / "frontend" / "package-lock.json").write_text('{"packages": {}}')
    assets.ensure()
    assert calls(checkout) == [CI, BUILD]


def test_a_checkout_without_a_front_end_goes_on(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (checkout / "frontend" / "package.json").unlink()
    assets.ensure()
    assert calls(checkout) == []
    assert "There is no front end in this checkout" in capsys.readouterr().out


def test_translations_are_compiled_without_gettext_and_without_fuzzy_ones(tmp_path: Path) -> None:
    folder = tmp_path / "locale" / "de" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    (folder / "django.po").write_text(
        'msgid ""\nmsgstr "Content-Type: text/plain; charset=UTF-8\\n"\n\n'
        'msgid "Deposit"\nmsgstr "Einzahlung"\n\n#, fuzzy\nmsgid "Equity"\nmsgstr "Eigentum"\n'
    )
    assert messages.compile_all(tmp_path) == 1
    assert messages.compile_all(tmp_path) == 0
    with (folder / "django.mo").open("rb") as stream:
        german = gettext.GNUTranslations(stream)
    assert (german.gettext("Deposit"), german.gettext("Equity")) == ("Einzahlung", "Equity")


def test_a_broken_translation_file_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "locale" / "ar" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    (folder / "django.po").write_text('msgid "Deposit"\nmsgstr "with an open end\n')
    with pytest.raises(LauncherError, match="ar/LC_MESSAGES/django.po, line 2 is not valid: msgstr "):
        messages.compile_all(tmp_path)


def test_a_python_without_ensurepip_names_the_debian_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        bootstrap.importlib.util,
        "find_spec",
        lambda name: None if name == "ensurepip" else real_find_spec(name),
    )
    with pytest.raises(LauncherError) as failure:
        bootstrap.make_environment()
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    assert failure.value.advice.endswith(f"apt-get install python{version}-venv")


def test_a_folder_of_somebody_else_is_told_before_anything_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bootstrap.os, "access", lambda path, mode: False)
    with pytest.raises(LauncherError, match="is not yours to write") as failure:
        bootstrap.make_environment()
    assert "a folder of your own" in failure.value.advice


def test_a_failing_command_is_told_with_its_last_lines(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(LauncherError) as failure:
        run(
            [sys.executable, "-c", "print('disk full'); raise SystemExit(7)"],
            what="Copying failed",
            advice="Tidy.",
        )
    complain(failure.value)
    assert capsys.readouterr().err == ("    | disk full\n\nFAILED: Copying failed (exit status 7)\nTO DO:  Tidy.\n")


def test_a_missing_home_is_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layout, "VENV", tmp_path / ".venv")
    for home in ("", str(tmp_path / "gone")):
        environment = {"HOME": home}
        layout.writable_home(environment)
        assert environment == {"HOME": str(tmp_path / ".venv" / "home")}
    environment = {"HOME": str(tmp_path)}
    layout.writable_home(environment)
    assert environment == {"HOME": str(tmp_path)}


def test_without_a_browser_ci_fails_and_others_are_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for finder in ("_find", "_from_debian", "_from_playwright"):
        monkeypatch.setattr(browser, finder, lambda: None)
    monkeypatch.delenv("CI", raising=False)
    assert browser.ensure() is None
    assert "the browser journeys cannot run" in capsys.readouterr().out
    monkeypatch.setenv("CI", "true")
    with pytest.raises(LauncherError, match="the browser journeys cannot run"):
        browser.ensure()
