"""Compile translations with Babel: a fresh machine has no gettext, which ``compilemessages`` needs."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from launcher.console import LauncherError, say
from launcher.layout import ROOT

# Babel reads past lines that msgfmt refuses, and the texts on them are silently lost.
GOOD_LINE = re.compile(r'\s*(#.*|((msgctxt|msgid|msgid_plural|msgstr(\[\d+\])?)\s+)?"([^"\\]|\\.)*"\s*)?')
SKIPPED = {".venv", ".git", ".rialto", "node_modules", "__pycache__"}


def catalogues(root: Path = ROOT) -> Iterator[Path]:
    """Every ``locale/<language>/LC_MESSAGES/*.po`` of the checkout."""
    for parent, folders, files in os.walk(root):
        folders[:] = [name for name in folders if name not in SKIPPED]
        if Path(parent).name == "LC_MESSAGES":
            yield from (Path(parent, name) for name in files if name.endswith(".po"))


def compile_all(root: Path = ROOT) -> int:
    """Write the .mo beside every .po that is newer; returns how many were written.

    Fuzzy entries are left out, as msgfmt does. Raises LauncherError naming the file that cannot be read.
    """
    written = 0
    for source in catalogues(root):
        target = source.with_suffix(".mo")
        if target.exists() and target.stat().st_mtime >= source.stat().st_mtime:
            continue
        _compile(source, target)
        written += 1
    if written:
        say(f"Compiled {written} translation file{'s' if written > 1 else ''}")
    return written


def _compile(source: Path, target: Path) -> None:
    from babel.messages.mofile import write_mo
    from babel.messages.pofile import PoFileError, read_po

    for number, line in enumerate(source.read_text(encoding="utf-8").splitlines(), 1):
        if not GOOD_LINE.fullmatch(line):
            raise LauncherError(f"{source}, line {number} is not valid: {line.strip()[:60]}", advice="Correct it.")
    try:
        with source.open("rb") as stream:
            catalogue = read_po(stream, locale=source.parent.parent.name, abort_invalid=True)
    except (PoFileError, ValueError) as error:
        raise LauncherError(f"{source} is not a valid translation file: {error}", advice="Correct it.") from error
    temporary = target.with_suffix(".mo.new")
    with temporary.open("wb") as stream:
        write_mo(stream, catalogue)
    temporary.replace(target)


if __name__ == "__main__":
    compile_all()
