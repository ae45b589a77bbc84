"""The kinds of lines on a client's timeline. Apps register theirs; the timeline asks nothing else of them.

    register_kind("payments.deposit_credited", icon="arrow-down-left", tone="success",
                  words=lambda entry: pgettext("timeline", "Deposit of %(amount)s credited") , for_client=True)

`words(entry)` returns translated text; money and names in it are already isolated (kernel.ui helpers).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from kernel.actors import Actor
from kernel.clock import now
from kernel.events import as_plain
from kernel.live.publish import publish

from .models import TimelineEntry


@dataclass(frozen=True, slots=True)
class Kind:
    name: str
    icon: str
    tone: str
    words: Callable[[TimelineEntry], Any]
    for_client: bool


_kinds: dict[str, Kind] = {}


def register_kind(
    name: str, *, icon: str, words: Callable[[TimelineEntry], Any], tone: str = "neutral", for_client: bool = False
) -> None:
    """`for_client` lines are shown to the client in the portal too."""
    _kinds[name] = Kind(name, icon, tone, words, for_client)


def kind_of(entry: TimelineEntry) -> Kind:
    return _kinds.get(entry.kind) or Kind(entry.kind, "circle", "neutral", lambda line: line.kind, False)


def client_kinds() -> list[str]:
    return [kind.name for kind in _kinds.values() if kind.for_client]


def timeline_add(
    *,
    client_id: UUID,
    kind: str,
    actor: Actor,
    data: dict[str, Any] | None = None,
    text: str = "",
    dedupe_key: str | None = None,
) -> None:
    """Add a line and tell open pages. With a dedupe key it is added once, however often it is called."""
    line = TimelineEntry(
        client_id=client_id,
        at=now(),
        kind=kind,
        data=as_plain(data or {}),
        text=text,
        actor_label=actor.label,
        actor_id=actor.id,
        dedupe_key=dedupe_key,
    )
    TimelineEntry.objects.bulk_create([line], ignore_conflicts=dedupe_key is not None)
    tell(client_id, kind)


def desk_topic(client_id: UUID) -> str:
    """What only the office's pages about a client watch."""
    return f"client-desk:{client_id}"


def tell(client_id: UUID, kind: str) -> None:
    """Tell open pages that something happened. The client's own watch `client:<id>`: what is no line of theirs (a note,
    a risk class, a proposal of compliance) is told to the desk alone, for its name would tell them of it.
    """
    known = _kinds.get(kind)
    publish(f"client:{client_id}" if known and known.for_client else desk_topic(client_id), {"kind": kind})
