"""What a line of a wallet's history says. Apps that post to wallets register words for their transfer kinds.

register_line("payments.deposit", icon="arrow-down-left", words=lambda data: pgettext("wallet line", "Deposit"))
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import pgettext


@dataclass(frozen=True, slots=True)
class Words:
    """`title` is translated; `detail` is a reference or a name, shown as it is."""

    title: str
    detail: str
    icon: str


@dataclass(frozen=True, slots=True)
class _Kind:
    icon: str
    words: Callable[[Mapping[str, Any]], Any]


_kinds: dict[str, _Kind] = {}


def register_line(kind: str, *, icon: str, words: Callable[[Mapping[str, Any]], Any]) -> None:
    _kinds[kind] = _Kind(icon, words)


def words_of(kind: str, data: Mapping[str, Any]) -> Words:
    """Words for a transfer; of a kind nobody registered, a plain word and the reference."""
    known = _kinds.get(kind)
    detail = str(data.get("reference") or "")
    if known is None:
        return Words(pgettext("wallet line", "Transfer"), detail, "arrow-left-right")
    return Words(str(known.words(data)), detail, known.icon)
