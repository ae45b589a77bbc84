"""A statement file of either format, told apart by what is in it: names and types of uploaded files say nothing."""

from __future__ import annotations

from . import camt053, mt940
from .statement import Statement


def read(data: bytes) -> list[Statement]:
    """All statements of a camt.053 or MT940 file. Raises NotAStatement."""
    return mt940.read(data) if mt940.looks_like(data) else camt053.read(data)
