"""The import contracts of pyproject.toml hold, and one that is broken is noticed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from .sources import ROOT

LINT = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(**eval(sys.argv[1])))"


def run_linter(folder: Path, **options: object) -> subprocess.CompletedProcess[str]:
    """In a process of its own: the linter changes the path and caches modules."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(folder), str(ROOT / "platform"), str(ROOT)])}
    command = [sys.executable, "-c", LINT, repr({"no_cache": True, **options})]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def test_the_house_keeps_its_layers() -> None:
    done = run_linter(ROOT)
    assert done.returncode == 0, done.stdout + done.stderr


def test_an_import_upwards_breaks_the_contract(tmp_path: Path) -> None:
    for name, text in {"upper": "", "lower": "import house.upper\n"}.items():
        (tmp_path / "house").mkdir(exist_ok=True)
        (tmp_path / "house" / f"{name}.py").write_text(text)
    (tmp_path / "house" / "__init__.py").write_text("")
    (tmp_path / "pyproject.toml").write_text(
        '[tool.importlinter]\nroot_packages = ["house"]\n[[tool.importlinter.contracts]]\n'
        'name = "down"\ntype = "layers"\nlayers = ["house.upper", "house.lower"]\n'
    )
    done = run_linter(tmp_path)
    assert done.returncode == 1
    assert "house.lower -> house.upper" in done.stdout
