"""What people read in the audit trail: each app declares the words of the acts it records, of their fields and values.

The trail keeps codes and never changes; the words are the reader's, of today.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Values = Mapping[Any, Any] | Callable[[], Mapping[Any, Any]]

_words: dict[str, Any] = {}
_fields: dict[str, Any] = {}
_values: dict[str, Values] = {}


def declare(words: Mapping[str, Any]) -> None:
    """Say what `{"app.act": lazy text}` are called. Called once at import; an act said twice keeps the last words."""
    _words.update(words)


def declare_fields(words: Mapping[str, Any]) -> None:
    """Say what `{"field": lazy text}` are called, in whatever act they changed."""
    _fields.update(words)


def declare_values(words: Mapping[str, Values]) -> None:
    """Say what a field's codes mean, `{"app.field": {code: text}}`, or `{"field": …}` where every app means the same.

    A callable is asked for the texts when a page needs them: for what a broker named, or what has to be made first.
    """
    _values.update(words)


def words(action: str) -> str:
    """The act in the reader's language; an act nobody declared, such as one of an older version, is its own code."""
    return str(_words.get(action, action))


def field_words(key: str) -> str:
    """A field's name; one nobody named is its own code, legibly."""
    return str(_fields[key]) if key in _fields else key.removesuffix("_id").replace("_", " ").capitalize()


def values_of(app: str, key: str) -> Mapping[Any, Any]:
    """The texts of a field's codes in the acts of an app; none for a field without codes."""
    found = _values.get(f"{app}.{key}") or _values.get(key) or {}
    return found() if callable(found) else found


def choices() -> list[tuple[str, str]]:
    """`(action, words)` of every declared act, by its words, for a filter."""
    return sorted(((action, str(text)) for action, text in _words.items()), key=lambda pair: pair[1].casefold())
