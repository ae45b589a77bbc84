"""Hashes of groups of files, to know whether a step has to run again."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path


def of_files(files: Iterable[Path], *, root: Path) -> str:
    """SHA-256 over the names and contents of files, independent of the order they are found in."""
    digest = hashlib.sha256()
    for path in sorted(set(files)):
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        digest.update(f"{path.relative_to(root).as_posix()} {content}\n".encode())
    return digest.hexdigest()


def is_current(stamp: Path, fingerprint: str) -> bool:
    """Whether the step behind this stamp last succeeded with exactly these inputs."""
    try:
        return stamp.read_text() == fingerprint
    except OSError:
        return False


def record(stamp: Path, fingerprint: str) -> None:
    """Remember a success."""
    stamp.parent.mkdir(parents=True, exist_ok=True)
    stamp.write_text(fingerprint)
