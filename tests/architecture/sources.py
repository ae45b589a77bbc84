"""Our own Python sources, parsed once."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PRODUCT = ("platform", "shared_apps", "tenant_apps", "provisioning")


@dataclass(frozen=True, slots=True)
class Source:
    """One module: where it lies, what it says."""

    path: str  # from the root, with forward slashes
    text: str
    tree: ast.Module

    @property
    def is_test(self) -> bool:
        return "/tests/" in self.path or "/testing/" in self.path

    @property
    def is_migration(self) -> bool:
        return "/migrations/" in self.path


def source(path: str, text: str) -> Source:
    return Source(path, text, ast.parse(text, path))


@cache
def product_sources() -> tuple[Source, ...]:
    """Everything that runs in production, without tests and generated migrations."""
    found = (source(path.relative_to(ROOT).as_posix(), path.read_text()) for path in _files())
    return tuple(item for item in found if not item.is_test and not item.is_migration)


def _files() -> Iterator[Path]:
    for folder in PRODUCT:
        yield from sorted((ROOT / folder).rglob("*.py"))
