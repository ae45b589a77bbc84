"""`platform/` bears the name of a standard module and must never become a package (docs/adr/0002)."""

from __future__ import annotations

import platform
import subprocess
import sys
import sysconfig
from pathlib import Path

import config
import kernel

from .sources import ROOT

FOLDER = ROOT / "platform"


def test_import_platform_is_the_standard_library() -> None:
    assert Path(str(platform.__file__)).parent == Path(sysconfig.get_path("stdlib"))


def test_it_holds_two_packages_and_manage_py_only() -> None:
    ignored = {"__pycache__"}
    assert {path.name for path in FOLDER.iterdir()} - ignored == {"config", "kernel", "manage.py"}


def test_no_init_and_no_conftest() -> None:
    assert [path.name for path in FOLDER.glob("__init__*")] + [path.name for path in FOLDER.glob("conftest*")] == []


def test_our_packages_are_the_ones_imported() -> None:
    for package in (config, kernel):
        assert Path(str(package.__file__)).is_relative_to(FOLDER)


def test_a_process_started_at_the_root_gets_the_standard_module() -> None:
    """Even with the root first on the path, a folder without __init__ loses against a regular module."""
    code = "import platform; print(platform.__file__)"
    for cwd in (ROOT, FOLDER):
        shown = subprocess.run([sys.executable, "-c", code], cwd=cwd, capture_output=True, text=True, check=True)
        assert not Path(shown.stdout.strip()).is_relative_to(ROOT)


def test_every_test_folder_is_a_package() -> None:
    """pytest's default import mode needs it; without, two `test_models.py` would collide."""
    folders = {
        path.parent
        for top in ("platform", "shared_apps", "tenant_apps", "provisioning", "sandbox", "launcher", "tests")
        for path in (ROOT / top).rglob("test_*.py")
    }
    assert sorted(str(folder) for folder in folders if not (folder / "__init__.py").exists()) == []
