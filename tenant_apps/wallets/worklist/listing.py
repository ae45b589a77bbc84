"""Reading the work: one list over all kinds, what was promised soonest first, its neighbours, counters and totals.

Every kind gives the same columns, and the database puts them together (UNION ALL): a page, a pair of neighbours or all
counters are one query each, however many kinds there are.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import (
    BigIntegerField,
    BooleanField,
    Case,
    CharField,
    Count,
    DateTimeField,
    F,
    Q,
    QuerySet,
    Sum,
    UUIDField,
    Value,
    When,
)
from django.db.models.functions import Cast, Coalesce

from kernel import clock
from kernel.actors import Actor
from kernel.money import Money
from tenant_apps.clients.models import Client

from .filters import Filter
from .registry import Source, sources_for

COLUMNS = (
    "w_kind", "w_id", "w_due", "w_since", "w_reference", "w_state", "w_minor", "w_currency", "w_client", "w_mine",
)  # fmt: skip
CHUNK = 500


@dataclass(slots=True)
class Item:
    """One thing to decide, of any kind. `client` is filled in by `listed`."""

    source: Source
    id: UUID
    due: datetime
    since: datetime
    reference: str
    state: str
    amount: Money | None
    client_id: UUID | None
    mine: bool
    late: bool
    client: Client | None = None

    @property
    def kind(self) -> str:
        return self.source.kind

    @property
    def stand(self) -> Any:
        return self.source.states(self.state).label

    @property
    def cursor(self) -> str:
        """Where the list goes on after this one."""
        return cursor_text(self.due, self.id)


def cursor_text(due: datetime, row_id: UUID) -> str:
    return base64.urlsafe_b64encode(f"{due.isoformat()} {row_id}".encode()).decode().rstrip("=")


def cursor_read(text: str) -> tuple[datetime, UUID] | None:
    """None for what is no cursor."""
    try:
        due, _, row_id = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode().partition(" ")
        return datetime.fromisoformat(due), UUID(row_id)
    except ValueError:
        return None


def columns(
    source: Source, rows: QuerySet[Any], actor: Actor, names: Iterable[str] = COLUMNS, *, mine: bool = False
) -> QuerySet[Any]:
    """The rows with the columns that every kind has, or those of them that are asked for: there are a score of kinds, and
    making each column of each takes longer than the query. `mine`: all of them wait for the actor."""
    made = {name: _COLUMN[name](source, actor) for name in names if not (mine and name == "w_mine")}
    if mine and "w_mine" in names:
        made["w_mine"] = Value(True, BooleanField())
    return rows.order_by().select_related(None).annotate(**made)


def _since(source: Source) -> Any:
    return F(source.since) if isinstance(source.since, str) else source.since


def _due(source: Source) -> Any:
    fallback = _since(source) + Value(source.within)
    if source.due is None:
        return Cast(fallback, DateTimeField())
    return Cast(Coalesce(F(source.due) if isinstance(source.due, str) else source.due, fallback), DateTimeField())


def _mine(source: Source, actor: Actor) -> Any:
    mine = source.mine(actor).order_by().values("pk")
    return Case(When(pk__in=mine, then=True), default=False, output_field=BooleanField())


_COLUMN: dict[str, Callable[[Source, Actor], Any]] = {
    "w_kind": lambda source, _: Value(source.kind, CharField()),
    "w_id": lambda source, _: F("pk"),
    "w_since": lambda source, _: Cast(_since(source), DateTimeField()),
    "w_due": lambda source, _: _due(source),
    "w_reference": lambda source, _: Cast(source.reference, CharField()),
    "w_state": lambda source, _: Cast(source.state, CharField()),
    "w_minor": lambda source, _: Cast(source.minor or Value(None), BigIntegerField()),
    "w_currency": lambda source, _: Cast(source.currency, CharField()) if source.currency else Value("", CharField()),
    "w_client": lambda source, _: F(f"{source.client}_id") if source.client else Cast(Value(None), UUIDField()),
    "w_mine": _mine,
}


def _pieces(actor: Actor, chosen: Filter, names: Iterable[str] = COLUMNS) -> list[QuerySet[Any]]:
    """Each kind's matching rows, with the shared columns that are asked for, by the caller or by what was chosen; kinds that
    have none for sure are left out."""
    found, wanted, mine = [], dict.fromkeys([*names, *chosen.columns]), chosen.scope == "mine"
    for source in sources_for(actor):
        rows = chosen.rows(source, actor)
        if not rows.query.is_empty():
            found.append(chosen.annotated(columns(source, rows, actor, wanted, mine=mine)))
    return found


def _together(pieces: list[QuerySet[Any]], names: tuple[str, ...]) -> QuerySet[Any] | None:
    if not pieces:
        return None
    first, *others = [rows.values_list(*names) for rows in pieces]
    return first.union(*others, all=True) if others else first


def _window(actor: Actor, chosen: Filter, *, beyond: Q, backwards: bool, limit: int) -> list[Item]:
    order = ("-w_due", "-w_id") if backwards else ("w_due", "w_id")
    pieces = [rows.filter(beyond).order_by(*order)[:limit] for rows in _pieces(actor, chosen)]
    rows = _together(pieces, COLUMNS)
    if rows is None:
        return []
    # One kind alone is ordered and cut already.
    return _items(actor, rows if len(pieces) == 1 else rows.order_by(*order)[:limit])


def _beyond(cursor: tuple[datetime, UUID] | None, *, backwards: bool = False) -> Q:
    if cursor is None:
        return Q()
    (due, row_id), side = cursor, "lt" if backwards else "gt"
    return Q(**{f"w_due__{side}": due}) | Q(**{"w_due": due, f"w_id__{side}": row_id})


def _items(actor: Actor, rows: Iterable[Any]) -> list[Item]:
    kinds = {source.kind: source for source in sources_for(actor)}
    now = clock.now()
    return [_item(kinds[values[0]], values[1:], now) for values in rows]


def _item(source: Source, values: tuple[Any, ...], now: datetime) -> Item:
    row_id, due, since, reference, state, minor, currency, client_id, mine = values
    amount = Money(minor, currency) if minor is not None and currency else None
    return Item(source, row_id, due, since, reference or "", state, amount, client_id, bool(mine), due < now)


@dataclass(frozen=True, slots=True)
class Listed:
    """A page of the list; the cursors are empty at its ends."""

    items: list[Item]
    before: str
    after: str


def listed(actor: Actor, chosen: Filter, *, after: str = "", before: str = "", size: int = 40) -> Listed:
    """A page, what is due first on top. Two queries: the rows and their clients. Never counts."""
    backwards = bool(before)
    cursor = cursor_read(before or after)
    found = _window(
        actor, chosen, beyond=_beyond(cursor, backwards=backwards), backwards=backwards, limit=size + 1
    )  # fmt: skip
    more, shown = len(found) > size, found[:size]
    if backwards:
        shown.reverse()
    with_clients(shown)
    if not shown:
        return Listed([], "", "")
    has_before, has_after = (more, True) if backwards else (cursor is not None, more)
    return Listed(shown, shown[0].cursor if has_before else "", shown[-1].cursor if has_after else "")


def with_clients(items: list[Item]) -> list[Item]:
    """Fill in whose each is. One query."""
    ids = {item.client_id for item in items if item.client_id}
    clients = Client.objects.in_bulk(list(ids)) if ids else {}
    for item in items:
        item.client = clients.get(item.client_id) if item.client_id else None
    return items


def neighbour(actor: Actor, chosen: Filter, item: Item, *, backwards: bool = False) -> Item | None:
    """The one after (or before) this in the list, whether this is still in it or not. One query."""
    beyond = _beyond((item.due, item.id), backwards=backwards)
    return next(iter(_window(actor, chosen, beyond=beyond, backwards=backwards, limit=1)), None)


def item_of(actor: Actor, source: Source, row_id: UUID) -> tuple[Item, Any] | None:
    """One row in whatever state, as far as the actor's right reaches, with its own object. Two queries."""
    rows = source.every(actor).filter(pk=row_id)
    row = rows.first()
    if row is None:
        return None
    values = columns(source, rows, actor).values_list(*COLUMNS).first()
    assert values is not None
    return _item(source, values[1:], clock.now()), row


def everything(actor: Actor, chosen: Filter) -> Iterator[Item]:
    """All matching items in the list's order with their clients, for exports: read in chunks, never held at once."""
    rows = _together(_pieces(actor, chosen), COLUMNS)
    if rows is None:
        return
    kinds, now, chunk = {source.kind: source for source in sources_for(actor)}, clock.now(), []
    for values in rows.order_by("w_due", "w_id").iterator(chunk_size=CHUNK):
        chunk.append(_item(kinds[values[0]], values[1:], now))
        if len(chunk) == CHUNK:
            yield from with_clients(chunk)
            chunk = []
    yield from with_clients(chunk)


@dataclass(slots=True)
class KindCount:
    """How many of one kind are open, wait for the actor, and are past what was promised."""

    source: Source
    open: int = 0
    mine: int = 0
    late: int = 0


@dataclass(frozen=True, slots=True)
class Counters:
    kinds: list[KindCount]

    @property
    def open(self) -> int:
        return sum(one.open for one in self.kinds)

    @property
    def mine(self) -> int:
        return sum(one.mine for one in self.kinds)

    @property
    def late(self) -> int:
        return sum(one.late for one in self.kinds)


def counters(actor: Actor) -> Counters:
    """Per kind: all that is open, and what waits for this actor. One query."""
    kinds = {source.kind: KindCount(source) for source in sources_for(actor)}
    pieces = [
        rows.values("w_kind").annotate(
            n=Count("pk"),
            n_mine=Count("pk", filter=Q(w_mine=True)),
            n_late=Count("pk", filter=Q(w_due__lt=clock.now())),
        )
        for rows in _pieces(actor, Filter(scope="all"), ("w_kind", "w_due", "w_mine"))
    ]
    rows = _together(pieces, ("w_kind", "n", "n_mine", "n_late"))
    for kind, number, mine, late in rows if rows is not None else ():
        one = kinds[kind]
        one.open, one.mine, one.late = number, mine, late
    return Counters(list(kinds.values()))


@dataclass(frozen=True, slots=True)
class Total:
    """What the matching items of one currency come to; debits count as what they are, negative."""

    amount: Money
    count: int


@dataclass(frozen=True, slots=True)
class Totals:
    count: int
    amounts: list[Total]


def totals(actor: Actor, chosen: Filter) -> Totals:
    """How many items match, and what they come to per currency. One query."""
    pieces = [
        rows.values("w_currency").annotate(n=Count("pk"), total=Sum("w_minor"), n_money=Count("w_minor"))
        for rows in _pieces(actor, chosen, ("w_currency", "w_minor"))
    ]
    rows = _together(pieces, ("w_currency", "n", "total", "n_money"))
    count, sums = 0, dict[str, list[int]]()
    for currency, number, minor, with_money in rows if rows is not None else ():
        count += number
        if currency and with_money:
            one = sums.setdefault(currency, [0, 0])
            one[0] += int(minor)
            one[1] += with_money
    amounts = [Total(Money(minor, currency), number) for currency, (minor, number) in sorted(sums.items())]
    return Totals(count, amounts)
