"""What other apps have to say about a deposit before it is paid: that it brings a bonus, and how much.

promises.register("bonuses", words)     words(client, amount that arrives, trading account id or None) -> sentence or None
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from kernel.money import Money

Words = Callable[[Any, Money, UUID | None], str | None]
_words: dict[str, Words] = {}


def register(name: str, words: Words) -> None:
    _words[name] = words


def told(client: Any, amount: Money, target: str) -> list[str]:
    """Translated sentences. `target` is the form's: an account's id or nothing."""
    try:
        account_id = UUID(target) if target else None
    except ValueError:
        return []
    return [text for words in _words.values() if (text := words(client, amount, account_id))]
