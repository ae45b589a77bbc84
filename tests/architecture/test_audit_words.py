"""Every act that code records in the audit trail has words that people read."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from kernel import audit_words

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("tenant_apps",)


def recorded(source: str) -> Iterator[str]:
    """The literal acts of `audit.record(action="…")`; one put together at run time is not seen."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "record":
            chosen = [keyword.value for keyword in node.keywords if keyword.arg == "action"]
            parts = [part for value in chosen if not isinstance(value, ast.JoinedStr) for part in ast.walk(value)]
            yield from (part.value for part in parts if isinstance(part, ast.Constant) and isinstance(part.value, str))


ACTS = sorted(
    {
        act
        for folder in FOLDERS
        for path in (ROOT / folder).rglob("*.py")
        if "tests" not in path.parts and "migrations" not in path.parts
        for act in recorded(path.read_text(encoding="utf-8"))
    }
)


@pytest.mark.parametrize("act", ACTS)
def test_act_has_words(act: str) -> None:
    assert audit_words.words(act) != act


def test_an_act_without_words_is_its_code() -> None:
    assert audit_words.words("nobody.declared_this") == "nobody.declared_this"


def test_acts_are_found() -> None:
    assert list(recorded('audit.record(actor=a, action="x.done" if b else "x.undone")')) == ["x.done", "x.undone"]
    assert len(ACTS) > 40
