"""The template for a provider is a package that installs and passes the contract under any name."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

from tenant_apps.payments.management.commands.new_provider import STANDS_FOR, write_package

NAME = "zebrapay"


def install(package: Path) -> None:
    """What an installer leaves beside the code: the metadata with its entry points."""
    project = tomllib.loads((package / "pyproject.toml").read_text())["project"]
    info = package / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n")
    groups = [
        "\n".join([f"[{group}]", *(f"{name} = {target}" for name, target in entries.items())])
        for group, entries in project["entry-points"].items()
    ]
    (info / "entry_points.txt").write_text("\n".join(groups))


def run(package: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    root = Path(settings.ROOT)
    paths = [package, root / "platform", root]
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "COV_"))
    } | {"PYTHONPATH": os.pathsep.join(map(str, paths)), "PYTHONSAFEPATH": "1"}  # fmt: skip
    return subprocess.run(
        [sys.executable, *arguments], cwd=root, env=environment, capture_output=True, text=True, check=False
    )


def test_a_package_made_of_it_is_found_and_passes_the_contract(tmp_path: Path) -> None:
    call_command("new_provider", NAME, tmp_path / "package", stdout=io.StringIO())
    package = tmp_path / "package"
    install(package)
    pytest_ = ["-m", "pytest", "-c", "pyproject.toml", "--rootdir", ".", "-p", "conftest", "-p", "no:cacheprovider"]
    done = run(package, *pytest_, "-n", "0", "-q", "--pyargs", NAME)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    passed = int(done.stdout.split(" passed")[0].rsplit(maxsplit=1)[-1])
    assert passed >= 3 * (10 + 8) + 5, "both halves of the contract in three kinds of currency, and the table of units"
    assert "failed" not in done.stdout.splitlines()[-1]


@pytest.mark.parametrize(
    ("right", "wrong", "seen_by"),
    [
        ('(1_505, "KWD", 1_505)', '(1_505, "KWD", 15_050)', "test_amounts_mean_the_same_on_both_sides"),
        ('        (99, "GBP", 99),\n', "", "test_every_currency_offered_is_in_the_table"),
    ],
)
def test_its_own_table_of_units_sees_a_wrong_one(tmp_path: Path, right: str, wrong: str, seen_by: str) -> None:
    """The table lies in the package, where its author fills it; what it says of the adapter is checked."""
    package = tmp_path / "package"
    write_package(NAME, package)
    install(package)
    tests = package / NAME / "tests" / "test_contract.py"
    assert right in tests.read_text()
    tests.write_text(tests.read_text().replace(right, wrong))
    pytest_ = ["-m", "pytest", "-c", "pyproject.toml", "--rootdir", ".", "-p", "conftest", "-p", "no:cacheprovider"]
    done = run(package, *pytest_, "-n", "0", "-q", "-k", "TestUnits", "--pyargs", NAME)
    assert (done.returncode, done.stdout.count("FAILED")) == (1, 1), done.stdout[-2000:]
    assert seen_by in done.stdout


def test_a_package_that_does_not_load_takes_nothing_down(tmp_path: Path) -> None:
    package = tmp_path / "package"
    write_package(NAME, package)
    install(package)
    (package / NAME / "provider.py").write_text("raise RuntimeError('broken')")
    asked = (
        "import django; django.setup()\n"
        "from tenant_apps.payments.registry import adapters; print('kinds', *sorted(adapters()))"
    )
    done = run(package, "-c", asked)
    assert done.returncode == 0, done.stderr[-2000:]
    kinds = done.stdout.rsplit("kinds", 1)[1].split()
    assert NAME not in kinds
    assert {"stripe", "bank_wire"} <= set(kinds)


def test_its_code_keeps_the_houses_rules(tmp_path: Path) -> None:
    package = tmp_path / "package"
    written = write_package(NAME, package)
    assert not [path for path in written if STANDS_FOR in path.read_text().lower() or STANDS_FOR in str(path)]
    config = str(Path(settings.ROOT) / "pyproject.toml")
    for check in (["check"], ["format", "--check"]):
        done = run(package, "-m", "ruff", *check, "--config", config, str(package))
        assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("name", ["stripe", "Zebra", "a", "z" * 15, "zebra_pay", "../up", "sandbox"])
def test_names_that_cannot_be_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(CommandError):
        call_command("new_provider", name, tmp_path / "package")
    assert not (tmp_path / "package").exists()


def test_nothing_is_written_over(tmp_path: Path) -> None:
    (tmp_path / "kept").write_text("mine")
    with pytest.raises(CommandError):
        call_command("new_provider", NAME, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]
