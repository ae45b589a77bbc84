"""Paper: a sheet of facts and lines as PDF, in any script and direction, set by typst.

What is on a sheet goes to typst as JSON and is never part of its markup, so no name or reference can be a command. Each
sheet is set by a process of its own (`setter.py`): it inherits nothing of our environment, sees a temporary folder with
the layout, the data and the logo, and ends after MEMORY bytes, CPU_SECONDS or SECONDS. Fonts are the built front end's
(`static/dist/paper`); letters they lack come from the machine's.
"""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from django.utils.translation import pgettext_lazy

from kernel.errors import Rejected

from .text import leans_right, safe_text

HERE = Path(__file__).parent
SECONDS = 60  # on the wall, for a machine that is busy
CPU_SECONDS = 20  # 5,000 lines take four to five
MEMORY = 2 << 30  # bytes of address space
INK = "#0f172a"
SUFFIXES = {"image/png": "png", "image/jpeg": "jpg", "image/webp": "webp"}

log = logging.getLogger(__name__)


class PaperFailed(Rejected):
    """The sheet could not be set: it was too long for the limits, or the installation is broken. The log says which."""

    code = "paper_failed"
    message = pgettext_lazy("pdf", "The PDF could not be made. Use the page or the CSV.")


@dataclass(frozen=True, slots=True)
class Brand:
    """Whose paper it is. `logo` is a picture's bytes and its content type; `colour` is hex and readable on white."""

    name: str
    colour: str = ""
    logo: tuple[bytes, str] | None = None
    legal: str = ""


@dataclass(frozen=True, slots=True)
class Cell:
    """`code` is a number, date or reference: left to right in any language. Other text leans as its letters do."""

    text: str
    code: bool = False


@dataclass(frozen=True, slots=True)
class Column:
    """`amount` columns stand right in both directions, with figures of one width."""

    title: str
    amount: bool = False
    code: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """`sum`: the first cell spans all columns but the last, and both are strong."""

    cells: Sequence[str]
    sum: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """A titled table with facts above it and `made` below it, on the brand's paper. Every text is already in `language`."""

    brand: Brand
    language: str
    rtl: bool
    title: Cell
    facts: Sequence[tuple[str, Cell]]
    columns: Sequence[Column]
    rows: Sequence[Row]
    empty: str = ""
    made: Sequence[Cell] = ()


def render(sheet: Sheet) -> bytes:
    """The PDF of a sheet. Raises PaperFailed."""
    with tempfile.TemporaryDirectory(prefix="paper-") as name:
        folder = Path(name)
        (folder / "sheet.typ").write_bytes((HERE / "sheet.typ").read_bytes())
        logo = _logo(sheet.brand, folder)
        (folder / "data.json").write_text(json.dumps(_data(sheet, logo), ensure_ascii=False), encoding="utf-8")
        _set(folder)
        return (folder / "sheet.pdf").read_bytes()


def _set(folder: Path) -> None:
    """One process a sheet: what it takes of memory and time is the machine's own to limit and to give back."""
    limits = [str(MEMORY), str(CPU_SECONDS)]
    command = [sys.executable, "-I", str(HERE / "setter.py"), str(folder), *limits, *map(str, font_folders())]
    try:
        done = subprocess.run(command, cwd=folder, env={}, capture_output=True, timeout=SECONDS, check=False)  # noqa: S603
    except subprocess.TimeoutExpired as error:
        log.error("a sheet took more than %d seconds", SECONDS)
        raise PaperFailed from error
    if done.returncode:
        log.error("a sheet could not be set (%d): %s", done.returncode, done.stderr.decode(errors="replace")[-2000:])
        raise PaperFailed


def font_folders() -> list[Path]:
    """Where the built front end left the fonts for paper; none where it was not built."""
    folders = [Path(folder) / "paper" for folder in settings.STATICFILES_DIRS]
    return [folder for folder in folders if folder.is_dir()]


def _logo(brand: Brand, folder: Path) -> str:
    """The logo's file name in the folder; empty for none, or of a kind that is not set."""
    if brand.logo is None or brand.logo[1] not in SUFFIXES:
        return ""
    name = f"logo.{SUFFIXES[brand.logo[1]]}"
    (folder / name).write_bytes(brand.logo[0])
    return name


def _data(sheet: Sheet, logo: str) -> dict[str, Any]:
    return {
        "language": sheet.language.partition("-")[0], "rtl": sheet.rtl, "logo": logo,
        "colour": sheet.brand.colour or INK, "brand": _cell(Cell(sheet.brand.name)),
        "legal": {**_cell(Cell(sheet.brand.legal)), "rtl": sheet.rtl}, "title": _cell(sheet.title), "empty": safe_text(sheet.empty),
        "facts": [[safe_text(label), _cell(cell)] for label, cell in sheet.facts],
        "columns": [{**asdict(column), "title": safe_text(column.title)} for column in sheet.columns],
        "rows": [_row(row, sheet.columns) for row in sheet.rows], "made": [_cell(cell) for cell in sheet.made],
    }  # fmt: skip


def _row(row: Row, columns: Sequence[Column]) -> dict[str, Any]:
    kinds = [Column(""), columns[-1]] if row.sum else columns
    cells = [_cell(Cell(text, kind.code or kind.amount)) for text, kind in zip(row.cells, kinds, strict=True)]
    return {"sum": row.sum, "cells": cells}


def _cell(cell: Cell) -> dict[str, Any]:
    """The direction is decided here: typst has one for a paragraph, and none that the first letter decides."""
    return {"text": safe_text(cell.text), "rtl": not cell.code and leans_right(cell.text), "code": cell.code}
