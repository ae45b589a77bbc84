"""The kinds of work there are over money. Each app registers its own in its `work.py`:

register(Source(kind="adjustment", label=pgettext_lazy("work", "Adjustments"), ..., open=waiting, mine=..., page=...))

`open` and `every` are object-level: they give no row that the actor's right does not reach. A source carries out nothing
itself; its decisions call services, which ask for the right and for other eyes again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet, TextChoices

from kernel.actors import Actor
from tenant_apps.clients.changes import Change
from tenant_apps.clients.eyes import shown
from tenant_apps.clients.models import Client

Row = Any
Expression = Any  # a field path, or an expression of the ORM


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What came with a decision: a reason chosen, a text, and the digest of what was shown (clients.eyes)."""

    reason: str = ""
    text: str = ""
    seen: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """One thing the actor may do with a row now. `act(actor, row, said)` calls the service; it raises AppError.

    `confirm` is asked before it is carried out. With `wants_text` a text has to be given, with `reasons` one is chosen.
    """

    key: str
    label: Any
    icon: str
    act: Callable[[Actor, Row, Said], object]
    done: Any
    tone: str = "success"
    hotkey: str = ""
    confirm: Any = ""
    wants_text: bool = False
    text_label: Any = ""
    reasons: Sequence[tuple[str, Any]] = ()

    @property
    def asks(self) -> bool:
        return self.wants_text or bool(self.reasons)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One pair of eyes: `state` is done, current or todo."""

    title: Any
    text: str
    state: str


def _no_decisions(actor: Actor, row: Row) -> list[Decision]:
    return []


def _nothing(row: Row) -> list[Any]:
    return []


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One kind of work: `label` is its list, `one` a row of it, where that has a word of its own.

    `open(actor)` are the rows that wait, `mine(actor)` those that the actor may decide now, `every(actor)` the rows in
    any state, for whoever opens one that a colleague has just decided. The expressions say where a row keeps what the
    list shows; `due` is what was promised, else a row is due `within` after `since`. `client` is the path to the client,
    None where it is nobody's in particular; `provider(id)` picks the rows of a provider's account, `method(code)` those of a
    payment method (None for none of them). `states` has their words.
    `decided_by(row)` names who decided it, empty while it waits. `whose(row)` finds the client of a kind whose rows have no
    path to one. `changes(row)` is what an approval puts in force, field by field; `seen(row)` the digest of what is shown,
    which comes back with the decision.
    """

    kind: str
    label: Any
    icon: str
    permission: str | tuple[str, ...]  # or any one of several
    open: Callable[[Actor], QuerySet[Any]]
    mine: Callable[[Actor], QuerySet[Any]]
    every: Callable[[Actor], QuerySet[Any]]
    page: Callable[[Row], str]
    reference: Expression
    states: type[TextChoices]
    one: Any = ""
    order: int = 50
    state: Expression = "state"
    since: Expression = "created_at"
    due: Expression | None = None
    within: timedelta = timedelta(hours=24)
    minor: Expression | None = None
    currency: Expression | None = None
    client: str | None = "client"
    provider: Callable[[UUID], Q] | None = None
    method: Callable[[str], Q | None] | None = None
    search: tuple[str, ...] = ()  # more paths than the reference
    facts: Callable[[Row], list[tuple[Any, Any]]] = field(default=_nothing)
    changes: Callable[[Row], list[Change]] = field(default=_nothing)
    whose: Callable[[Row], Client | None] | None = None
    seen: Callable[[Row], str] = field(default=shown)
    steps: Callable[[Row], list[Step]] = field(default=_nothing)
    decisions: Callable[[Actor, Row], list[Decision]] = field(default=_no_decisions)
    decided_by: Callable[[Row], str] = field(default=lambda row: "")

    @property
    def single(self) -> Any:
        return self.one or self.label


def rights_of(source: Source) -> tuple[str, ...]:
    return (source.permission,) if isinstance(source.permission, str) else source.permission


def _may_see(actor: Actor, source: Source) -> bool:
    return any(actor.may(code) for code in rights_of(source))


_sources: dict[str, Source] = {}


def register(source: Source) -> None:
    _sources[source.kind] = source


def sources_for(actor: Actor) -> list[Source]:
    """The kinds this actor may see, in order."""
    seen = [source for source in _sources.values() if _may_see(actor, source)]
    return sorted(seen, key=lambda source: (source.order, source.kind))


def source_for(actor: Actor, kind: str) -> Source | None:
    source = _sources.get(kind)
    return source if source and _may_see(actor, source) else None


def to_do(actor: Actor) -> list[QuerySet[Any]]:
    """What waits for this actor, kind by kind; the menu's badge adds it up."""
    return [source.mine(actor) for source in sources_for(actor)]
