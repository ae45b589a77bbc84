"""What a line of a wallet's history says. Apps that post to wallets register words for their transfer kinds.

register_line("payments.deposit", icon="arrow-down-left", words=lambda data: pgettext("wallet line", "Deposit"))
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import pgettext

_Said = Callable[[Mapping[str, Any]], Any]


@dataclass(frozen=True, slots=True)
class Words:
    """`title` is translated; `detail` is a reference or a name, shown as it is."""

    title: str
    detail: str
    icon: str


@dataclass(frozen=True, slots=True)
class _Kind:
    icon: str
    words: _Said
    house: _Said


_kinds: dict[str, _Kind] = {}
UNDONE = ".reversal"


def register_line(kind: str, *, icon: str, words: _Said, house: _Said | None = None) -> None:
    """`house`: the words on an account of the house, where a client's wallet says more than is true of that account."""
    _kinds[kind] = _Kind(icon, words, house or words)


def words_of(kind: str, data: Mapping[str, Any], *, house: bool = False) -> Words:
    """Words for a transfer as a client's account or one of the `house` says it; of a kind nobody registered, a plain word and the
    reference. The reversal of a known kind is that, undone."""
    known, undone = _kinds.get(kind), False
    if known is None and kind.endswith(UNDONE):
        known, undone = _kinds.get(kind.removesuffix(UNDONE)), True
    detail = str(data.get("reference") or "")
    if known is None:
        return Words(pgettext("wallet line", "Transfer"), detail, "arrow-left-right")
    title = str((known.house if house else known.words)(data))
    if undone:
        title = pgettext("wallet line", "%(what)s: undone") % {"what": title}
    return Words(title, detail, "undo-2" if undone else known.icon)
