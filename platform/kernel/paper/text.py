"""What text may do on paper: be read. It has no say in direction beyond its letters, and fits into a cell."""

from __future__ import annotations

import re
import unicodedata

LONGEST_WORD = 32  # letters; a longer one may be broken, so that it stays in its cell
_BREAK = "\u200b"
_ENDS = "\r\n\t\u2028\u2029"
_TURNS = frozenset("\u200e\u200f\u061c\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_LONG = re.compile(rf"\S{{{LONGEST_WORD}}}(?=\S)")


def safe_text(text: str) -> str:
    """Without controls: C0 and C1, line ends (spaces instead), and all that turns the direction of what follows."""
    kept = "".join(" " if char in _ENDS else char for char in text if char in _ENDS or not _commands(char))
    return _LONG.sub(lambda found: found[0] + _BREAK, kept)


def _commands(char: str) -> bool:
    """Controls, lone surrogates, and embeddings, overrides, isolates and marks (UAX #9, 2.1 to 2.6)."""
    return unicodedata.category(char) in {"Cc", "Cs"} or char in _TURNS


def leans_right(text: str) -> bool:
    """Whether text runs right to left: its first strong letter decides (UAX #9, P2). Figures alone run left to right."""
    for char in text:
        kind = unicodedata.bidirectional(char)
        if kind in {"L", "R", "AL"}:
            return kind != "L"
    return False
