"""Reads about strategies: what anybody in the portal may see, what is a client's own, and the office's by its reach."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from django.db.models import DecimalField, F, Q, QuerySet, Value
from django.db.models.functions import Coalesce
from django.http import HttpRequest, QueryDict

from kernel.actors import Actor
from kernel.errors import NotFound
from kernel.permissions import scoped
from kernel.ui.tables import TableSpec
from tenant_apps.trading.adapters.registry import ADAPTERS
from tenant_apps.trading.models import AccountState, TradingAccount, TradingServer

from .models import Strategy, StrategyState
from .permissions_list import RELEASE, VIEW

SHOWN = Q(state=StrategyState.LISTED, visible=True)
GONE = Q(released_at__isnull=False) & ~SHOWN
PREFIX = "by_"  # of what the board is sorted by
WHOLE = {"trades", "age_days", "standing"}  # never unknown
UNKNOWN = Decimal(1_000_000)
AGES = (90, 180, 365, 730)
DRAWDOWNS = (10, 20, 30, 50)
TRADES = (30, 100, 300, 1000)


def _public() -> QuerySet[Strategy]:
    """Without a way to the client: nobody's name is read."""
    return Strategy.objects.select_related("stats", "account__server").filter(stats__isnull=False)


@dataclass(frozen=True, slots=True)
class Sought:
    """The board's filters; anything unknown is as if it were not there."""

    currency: str = ""
    age: int = 0
    drawdown: int = 0
    trades: int = 0

    def rows(self) -> Q:
        found = Q(account__currency=self.currency) if self.currency else Q()
        if self.age:
            found &= Q(stats__age_days__gte=self.age)
        if self.drawdown:
            found &= Q(stats__drawdown__lte=Decimal(self.drawdown) / 100)
        if self.trades:
            found &= Q(stats__trades__gte=self.trades)
        return found


def sought(request: HttpRequest) -> Sought:
    query = request.GET
    currency = query.get("currency", "")

    def one_of(name: str, values: tuple[int, ...]) -> int:
        return next((value for value in values if query.get(name) == str(value)), 0)

    return Sought(
        currency=currency if currency.isalnum() and len(currency) <= 8 else "",
        age=one_of("age", AGES),
        drawdown=one_of("drawdown", DRAWDOWNS),
        trades=one_of("trades", TRADES),
    )


def board(spec: TableSpec, query: QueryDict, which: Sought) -> QuerySet[Strategy]:
    """What is shown, with the column that it is sorted by; what is unknown comes last in either direction."""
    column, descending = spec.sort_of(query)
    rows = _public().filter(SHOWN & which.rows())
    name = column.sort.removeprefix(PREFIX) if column else "standing"
    known = F(f"stats__{name}")
    if name in WHOLE:
        return rows.annotate(**{PREFIX + name: known})
    last = Value(-UNKNOWN if descending else UNKNOWN)
    number: DecimalField[Decimal, Decimal] = DecimalField(max_digits=14, decimal_places=6)
    return rows.annotate(**{PREFIX + name: Coalesce(known, last, output_field=number)})


def currencies() -> list[str]:
    rows = Strategy.objects.filter(SHOWN).order_by("account__currency")
    return list(rows.values_list("account__currency", flat=True).distinct())


def gone() -> QuerySet[Strategy]:
    """What was once shown and is not any more: ended, suspended, hidden, or offered anew."""
    return _public().filter(GONE)


@dataclass(frozen=True, slots=True)
class Survivorship:
    """How many are gone, and what the middle one of those and of the shown ones came to; None where nothing is known."""

    gone: int
    gone_median: Decimal | None
    shown_median: Decimal | None


def survivorship() -> Survivorship:
    """One query."""
    rows = Strategy.objects.filter(released_at__isnull=False).values_list("state", "visible", "stats__growth")
    left: list[Decimal | None] = []
    stayed: list[Decimal | None] = []
    for state, visible, growth in rows:
        (stayed if state == StrategyState.LISTED and visible else left).append(growth)
    return Survivorship(len(left), _median(left), _median(stayed))


def _median(values: list[Decimal | None]) -> Decimal | None:
    known = [value for value in values if value is not None]
    return statistics.median(known) if known else None


def strategy_for(actor: Actor, strategy_id: UUID) -> Strategy:
    """One that was shown to others, or the client's own. Raises NotFound; a suspended one is nobody else's business, nor
    one that was ended while it was."""
    released = Q(released_at__isnull=False, withheld=False) & ~Q(state=StrategyState.SUSPENDED)
    row = _public().filter(released | Q(account__client=actor.client_id), pk=strategy_id).first()
    if row is None:
        raise NotFound
    return row


def own(client_id: UUID) -> QuerySet[Strategy]:
    rows = Strategy.objects.filter(account__client=client_id)
    return rows.select_related("stats", "account__server", "account__account_type").order_by("-created_at")


def to_offer(client_id: UUID) -> list[TradingAccount]:
    """The client's open live accounts that are no strategy."""
    rows = TradingAccount.objects.filter(client=client_id, live=True, state=AccountState.OPEN, strategies__isnull=True)
    return list(rows.select_related("server", "account_type").order_by("created_at"))


@dataclass(frozen=True, slots=True)
class Following:
    """How a strategy is followed: asked of the server here, or in the platform's own app at `url`, if we know where."""

    here: bool
    platform: str
    url: str


def following(server: TradingServer) -> Following:
    return Following(ADAPTERS[server.kind].copying, server.get_kind_display(), server.copy_url)


# --- the office


def strategies_visible(actor: Actor) -> QuerySet[Strategy]:
    rows = Strategy.objects.select_related("stats", "account__client", "account__server")
    return scoped(actor, VIEW, rows, owner="account__client__owner_id", team="account__client__team_id")


def strategy_get(actor: Actor, strategy_id: UUID) -> Strategy:
    """Raises NotFound for one out of reach just as for one that does not exist."""
    row = strategies_visible(actor).filter(pk=strategy_id).first()
    if row is None:
        raise NotFound
    return row


WAITS = Q(state=StrategyState.WAITING) | Q(wanted__isnull=False)
VIEWS: Mapping[str, Q] = {
    "waiting": WAITS,
    "shown": SHOWN,
    "gone": GONE,
    "all": Q(),
}


def waiting(actor: Actor) -> QuerySet[Strategy]:
    """For the menu's badge: of those who may release."""
    return strategies_visible(actor).filter(WAITS) if actor.may(RELEASE) else Strategy.objects.none()
