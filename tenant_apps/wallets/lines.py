"""What a line of a wallet's history says. Apps that post to wallets register words for their transfer kinds.

register_line("payments.deposit", icon="arrow-down-left", words=lambda data: pgettext("wallet line", "Deposit"))
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.utils.translation import pgettext

_Said = Callable[[Mapping[str, Any]], Any]


@dataclass(frozen=True, slots=True)
class Words:
    """`title` is translated; `detail` is a reference or a name, `party` where a payment came from or went to (a masked
    account or card), both shown as they are."""

    title: str
    detail: str
    icon: str
    party: str = ""


@dataclass(frozen=True, slots=True)
class _Kind:
    icon: str
    words: _Said
    house: _Said


Parties = Callable[[Collection[str]], Mapping[str, str]]

_kinds: dict[str, _Kind] = {}
_parties: dict[str, Parties] = {}
UNDONE = ".reversal"


def register_line(kind: str, *, icon: str, words: _Said, house: _Said | None = None) -> None:
    """`house`: the words on an account of the house, where a client's wallet says more than is true of that account."""
    _kinds[kind] = _Kind(icon, words, house or words)


def name_parties(key: str, parties: Parties) -> None:
    """An app says where payments came from or went to, by the ids that its postings keep under `key`. One query."""
    _parties[key] = parties


def words_for(lines: Sequence[tuple[str, Mapping[str, Any]]], *, house: bool = False) -> list[Words]:
    """The words of several transfers (kind and data), with the other side of payments. A query at most for each kind of
    payment among them."""
    found = [words_of(kind, data, house=house) for kind, data in lines]
    for key, parties in _parties.items():
        asked = {number: str(data[key]) for number, (_, data) in enumerate(lines) if data.get(key)}
        known = parties(set(asked.values())) if asked else {}
        for number, one in asked.items():
            if known.get(one):
                found[number] = replace(found[number], party=known[one])
    return found


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
