"""Migrations are linear, numbered without gaps, complete, and do not touch what belongs to others."""

from __future__ import annotations

import ast
import io
import re
from collections import defaultdict
from pathlib import Path

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db.migrations.loader import MigrationLoader

from .sources import ROOT

OURS = {config.label for config in apps.get_app_configs() if Path(config.path).is_relative_to(ROOT)}
FILES = sorted(
    path
    for config in apps.get_app_configs()
    if config.label in OURS
    for path in Path(config.path).glob("migrations/[0-9]*.py")
)
every_file = pytest.mark.parametrize("path", FILES, ids=lambda path: "/".join(path.parts[-3::2]))


def is_linear(parents: dict[str, list[str]]) -> bool:
    """Each migration has one parent within its app, the first none, and none has two children."""
    children: dict[str, int] = defaultdict(int)
    for names in parents.values():
        for name in names:
            children[name] += 1
    roots = [name for name, names in parents.items() if not names]
    return len(roots) == 1 and all(len(n) <= 1 for n in parents.values()) and all(n == 1 for n in children.values())


def test_each_app_has_one_line_of_migrations() -> None:
    loader = MigrationLoader(None)
    by_app: dict[str, dict[str, list[str]]] = defaultdict(dict)
    for (label, name), migration in loader.disk_migrations.items():
        if label in OURS:
            by_app[label][name] = [parent for app, parent in migration.dependencies if app == label]
    assert [label for label, parents in by_app.items() if not is_linear(parents)] == []


def test_two_heads_are_noticed() -> None:
    assert is_linear({"0001": [], "0002": ["0001"], "0003": ["0002"]})
    assert not is_linear({"0001": [], "0002": ["0001"], "0003": ["0001"]})
    assert not is_linear({"0001": [], "0002": []})


def test_numbers_have_no_gaps() -> None:
    numbers: dict[Path, list[int]] = defaultdict(list)
    for path in FILES:
        numbers[path.parent].append(int(path.name[:4]))
    assert {str(folder): n for folder, n in numbers.items() if n != list(range(1, len(n) + 1))} == {}


def test_models_and_migrations_agree() -> None:
    out = io.StringIO()
    try:
        call_command("makemigrations", check_changes=True, dry_run=True, stdout=out, stderr=out, no_color=True)
    except SystemExit:
        pytest.fail(f"models without a migration:\n{out.getvalue()}")
    assert "No changes detected" in out.getvalue()


@every_file
def test_file_stays_in_its_app_and_says_how_to_go_back(path: Path) -> None:
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        given = {keyword.arg for keyword in node.keywords}
        if name == "RunPython":
            assert len(node.args) > 1 or "reverse_code" in given, f"{path.name}: RunPython without a way back"
        if name in {"RunSQL", "TenantSQL"}:
            assert len(node.args) > 1 or "reverse_sql" in given, f"{path.name}: {name} without a way back"


@every_file
def test_file_names_no_schema(path: Path) -> None:
    """The replay replaces the template's name only; a schema written down would hit one tenant from all others."""
    text = "\n".join(line for line in path.read_text().splitlines() if not line.lstrip().startswith("#"))
    assert re.findall(r"\b(?:public|tmpl_\w+|t_[0-9a-z]{12})\.\w+", text) == []
