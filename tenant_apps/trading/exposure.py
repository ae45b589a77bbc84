"""What the clients' open positions add up to, by symbol: as far as the actor's right reaches, one grouped query."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db.models import Count, DecimalField, Q, QuerySet, Sum, Value
from django.db.models.functions import Coalesce
from django.http import HttpRequest

from kernel.actors import Actor
from kernel.ids import parse_uuid
from kernel.money import Money
from kernel.permissions import scoped
from kernel.ui.tables import TableSpec

from .base_currency import Base, base_of_brokerage
from .models import Book, Position
from .permissions_list import DEALING

SPLITS = {"server": "server__name", "book": "account__account_type__book"}
LOTS: DecimalField[Any, Any] = DecimalField(max_digits=40, decimal_places=8)


@dataclass(frozen=True, slots=True)
class Chosen:
    """What the page's filters say; anything unknown is as if it were not there."""

    real: str = "live"
    server: str = ""
    book: str = ""
    split: str = ""
    symbol: str = ""

    def places(self, account: str = "account__") -> Q:
        """As a condition; `account` leads from the row to its account."""
        found = Q() if self.real == "all" else Q(**{f"{account}live": self.real != "demo"})
        if self.server:
            found &= Q(**{f"{account}server": self.server})
        if self.book:
            found &= Q(**{f"{account}account_type__book": self.book})
        return found


def chosen(request: HttpRequest) -> Chosen:
    query = request.GET
    server, book, split = parse_uuid(query.get("server")), query.get("book", ""), query.get("split", "")
    return Chosen(
        real=query["real"] if query.get("real") in {"demo", "all"} else "live",
        server=str(server or ""),
        book=book if book in Book.values else "",
        split=split if split in SPLITS else "",
        symbol=query.get("symbol", "")[:32],
    )


def positions_visible(actor: Actor) -> QuerySet[Position]:
    rows = Position.objects.all()
    return scoped(actor, DEALING, rows, owner="account__client__owner_id", team="account__client__team_id")


@dataclass(frozen=True, slots=True)
class Exposure:
    """One symbol, of one server or book where it is split so. Money in the base currency: `net` long less short, `gross`
    both together; `unpriced` positions are in neither."""

    symbol: str
    split: str
    long: Decimal
    short: Decimal
    net_lots: Decimal
    net: Money
    gross: Money
    floating: Money
    positions: int
    accounts: int
    clients: int
    unpriced: int


def exposures(actor: Actor, which: Chosen, base: Base | None = None) -> list[Exposure]:
    """By symbol, in no particular order."""
    base = base or base_of_brokerage()
    keys = ["symbol", *([SPLITS[which.split]] if which.split else [])]
    rows = positions_visible(actor).filter(which.places()).order_by().values(*keys)
    return [_exposure(row, which, base) for row in rows.annotate(**_sums(base))]


def _sums(base: Base) -> dict[str, Any]:
    long, short = Q(side="buy"), Q(side="sell")
    worth, result = base.of("notional_minor"), base.of("profit_minor") + base.of("swap_minor")
    nothing = Value(Decimal(0), LOTS)
    return {
        "long": Coalesce(Sum("lots", filter=long), nothing, output_field=LOTS),
        "short": Coalesce(Sum("lots", filter=short), nothing, output_field=LOTS),
        "long_worth": Sum(worth, filter=long),
        "short_worth": Sum(worth, filter=short),
        "result": Sum(result),
        "count": Count("id"),
        "accounts": Count("account", distinct=True),
        "clients": Count("account__client", distinct=True),
        "unpriced": Count("id", filter=Q(notional_minor=None) | ~Q(currency__in=list(base.factors))),
    }


def _exposure(row: Mapping[str, Any], which: Chosen, base: Base) -> Exposure:
    long, short = row["long_worth"] or Decimal(0), row["short_worth"] or Decimal(0)
    return Exposure(
        symbol=row["symbol"],
        split=row[SPLITS[which.split]] if which.split else "",
        long=row["long"],
        short=row["short"],
        net_lots=row["long"] - row["short"],
        net=base.money(long - short),
        gross=base.money(long + short),
        floating=base.money(row["result"]),
        positions=row["count"],
        accounts=row["accounts"],
        clients=row["clients"],
        unpriced=row["unpriced"],
    )


def in_order(spec: TableSpec, rows: list[Exposure], request: HttpRequest) -> list[Exposure]:
    """As the table's heads ask; amounts by size, of either sign, where the sort field ends in a star."""
    column, descending = spec.sort_of(request.GET)
    if column is None:
        return rows

    def key(row: Exposure) -> Any:
        value = getattr(row, column.sort.removesuffix("*"))
        number = value.minor if isinstance(value, Money) else value
        return abs(number) if column.sort.endswith("*") else number

    return sorted(sorted(rows, key=lambda row: (row.symbol, row.split)), key=key, reverse=descending)


@dataclass(frozen=True, slots=True)
class Totals:
    gross: Money
    net: Money
    floating: Money
    positions: int
    unpriced: int


def totals(rows: list[Exposure], base: Base) -> Totals:
    return Totals(
        gross=base.money(sum(row.gross.minor for row in rows)),
        net=base.money(sum(row.net.minor for row in rows)),
        floating=base.money(sum(row.floating.minor for row in rows)),
        positions=sum(row.positions for row in rows),
        unpriced=sum(row.unpriced for row in rows),
    )


def positions_of_symbol(actor: Actor, which: Chosen) -> QuerySet[Position]:
    """The positions behind a row; of every symbol, where none is named."""
    rows = positions_visible(actor).filter(which.places())
    if which.symbol:
        rows = rows.filter(symbol=which.symbol)
    return rows.select_related("account__client", "account__account_type", "server")
