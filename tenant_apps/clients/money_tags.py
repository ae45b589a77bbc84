"""Tags that decide about money: who sets one lets a withdrawal through, opens a method or brings a bonus.

Apps above declare which; setting or removing one takes `clients.money_tags`:

    register("payments", lambda: {"vip"})   # asked each time: rules come and go
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

_sources: dict[str, Callable[[], Iterable[str]]] = {}


def register(app: str, tags: Callable[[], Iterable[str]]) -> None:
    """`tags()` names the tags that rules of this app ask for now."""
    _sources[app] = tags


def normal(tag: str) -> str:
    """As tags are kept: lower case, at most 30 characters."""
    return tag.strip().lower()[:30]


def money_tags() -> frozenset[str]:
    return frozenset(normal(tag) for source in _sources.values() for tag in source()) - {""}
