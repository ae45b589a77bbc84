"""What people read for the acts in the audit trail: each app declares the words of the acts it records."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_words: dict[str, Any] = {}


def declare(words: Mapping[str, Any]) -> None:
    """Say what `{"app.act": lazy text}` are called. Called once at import; an act said twice keeps the last words."""
    _words.update(words)


def words(action: str) -> str:
    """The act in the reader's language; an act nobody declared, such as one of an older version, is its own code."""
    return str(_words.get(action, action))


def choices() -> list[tuple[str, str]]:
    """`(action, words)` of every declared act, by its words, for a filter."""
    return sorted(((action, str(text)) for action, text in _words.items()), key=lambda pair: pair[1].casefold())
