"""The badges of a menu: how much open work waits behind each entry for one person.

Counted with one query, a third of an office page's time, so the answer is kept for a few seconds (`MENU_COUNTS_KEPT`, 0:
never). What the person does is seen at once: after each request that may have changed something it is forgotten. What
others do shows up to these seconds later.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import redis
from django.conf import settings
from django.core.cache import cache
from django.db.models import QuerySet

from kernel.actors import Actor
from kernel.counts import count_all
from kernel.logs import log

Rows = QuerySet[Any] | Sequence[QuerySet[Any]]
Badge = Callable[[Actor], Rows]


def counts_of(badges: Mapping[str, Badge], actor: Actor) -> dict[str, int]:
    """How many rows each badge counts for this person, by its key."""
    if not badges:
        return {}
    kept = _kept(actor)
    if kept is None or badges.keys() - kept.keys():  # a right that came in between brings an entry with it
        kept = _counted(badges, actor)
        _keep(actor, kept)
    return kept


def forget(actor: Actor) -> None:
    """What this person sees next is counted anew."""
    if settings.MENU_COUNTS_KEPT:
        try:
            cache.delete(_key(actor))
        except redis.RedisError:
            log.warning("menu_counts_not_forgotten")  # they pass by themselves


def _counted(badges: Mapping[str, Badge], actor: Actor) -> dict[str, int]:
    parts: dict[tuple[str, int], QuerySet[Any]] = {}
    for key, badge in badges.items():
        rows = badge(actor)
        for number, one in enumerate([rows] if isinstance(rows, QuerySet) else rows):
            parts[key, number] = one
    totals = dict.fromkeys(badges, 0)
    for (key, _), count in count_all(parts).items():
        totals[key] += count
    return totals


def _key(actor: Actor) -> str:
    return f"menu-counts:{actor.kind}:{actor.id}"


def _kept(actor: Actor) -> dict[str, int] | None:
    if not settings.MENU_COUNTS_KEPT:
        return None
    try:
        found: dict[str, int] | None = cache.get(_key(actor))
    except redis.RedisError:
        return None
    return found


def _keep(actor: Actor, counts: dict[str, int]) -> None:
    if settings.MENU_COUNTS_KEPT:
        try:
            cache.set(_key(actor), counts, settings.MENU_COUNTS_KEPT)
        except redis.RedisError:
            log.warning("menu_counts_not_kept")
