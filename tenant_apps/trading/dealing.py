"""What the dealing desk looks at: deals as they arrive, the largest risks, and how clients stand today."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any
from uuid import UUID

from django.db.models import Count, F, Max, QuerySet, Sum
from django.http import HttpRequest, QueryDict
from django.utils.translation import pgettext_lazy

from kernel import clock
from kernel.actors import Actor
from kernel.money import Money
from kernel.permissions import scoped
from kernel.ui.exports import brokerage_zone
from kernel.ui.forms import normalise_digits

from .base_currency import Base
from .exposure import Chosen, chosen, positions_visible
from .models import AccountState, Deal, MarginAlert, Position, TradingAccount, TradingServer
from .permissions_list import DEALING
from .ports import DealReason

TRADES = ("buy", "sell")
MOST = 200_000  # deals that the feed goes back, so that a filter that finds nothing does not read all there ever were
LATE = timedelta(days=1)  # what was stored later than so is an adopted account's past, not news
TOP = 10
ABOVE = 5  # lines of what stands above the feed
REASONS = {
    DealReason.CLIENT: pgettext_lazy("deal reason", "Client"),
    DealReason.MOBILE: pgettext_lazy("deal reason", "Client, phone"),
    DealReason.WEB: pgettext_lazy("deal reason", "Client, browser"),
    DealReason.EXPERT: pgettext_lazy("deal reason", "Robot"),
    DealReason.SIGNAL: pgettext_lazy("deal reason", "Copied signal"),
    DealReason.DEALER: pgettext_lazy("deal reason", "Dealer"),
    DealReason.STOP_LOSS: pgettext_lazy("deal reason", "Stop loss"),
    DealReason.TAKE_PROFIT: pgettext_lazy("deal reason", "Take profit"),
    DealReason.STOP_OUT: pgettext_lazy("deal reason", "Stop-out"),
    DealReason.ROLLOVER: pgettext_lazy("deal reason", "Rollover"),
    DealReason.GATEWAY: pgettext_lazy("deal reason", "Gateway"),
    DealReason.SPLIT: pgettext_lazy("deal reason", "Split"),
    DealReason.OTHER: pgettext_lazy("deal reason", "Other"),
}


@dataclass(frozen=True, slots=True)
class Sought:
    """The feed's filters beside those of the whole desk. `unread`: what was typed and is no login or no number of lots."""

    places: Chosen
    account: int | None = None
    lots: Decimal | None = None
    reason: str = ""
    unread: str = ""


def sought(request: HttpRequest) -> Sought:
    query = request.GET
    login, reason = normalise_digits(query.get("account", "")).strip(), query.get("reason", "")
    account = int(login) if login.isdecimal() and len(login) < 18 else None
    lots = _number(query)
    typed = [(query.get("account", ""), account), (query.get("lots", ""), lots)]
    return Sought(
        places=chosen(request),
        account=account,
        lots=lots,
        reason=reason if reason in REASONS else "",
        unread=next((text.strip()[:40] for text, found in typed if text.strip() and found is None), ""),
    )


def _number(query: QueryDict) -> Decimal | None:
    try:
        number = Decimal(normalise_digits(query.get("lots", "")).replace(",", ".").strip())
    except InvalidOperation:
        return None
    return number if number.is_finite() and 0 < number < 10**9 else None


def _deals(actor: Actor) -> QuerySet[Deal]:
    rows = Deal.objects.filter(kind__in=TRADES, deleted_at=None)
    return scoped(actor, DEALING, rows, owner="account__client__owner_id", team="account__client__team_id")


def feed(actor: Actor, what: Sought) -> QuerySet[Deal]:
    """Trades in the order they arrived (the key's), to be paged by key."""
    newest = Deal.objects.aggregate(last=Max("id"))["last"] or 0
    rows = _deals(actor).filter(what.places.places(), id__gt=newest - MOST, executed_at__gte=F("stored_at") - LATE)
    if what.places.symbol:
        rows = rows.filter(symbol__iexact=what.places.symbol)
    if what.account is not None:
        rows = rows.filter(login=what.account)
    if what.lots is not None:
        rows = rows.filter(lots__gte=what.lots)
    if what.reason:
        rows = rows.filter(reason=what.reason)
    return rows.select_related("account__client", "server")


def largest(actor: Actor, places: Chosen, base: Base) -> list[tuple[Position, Money]]:
    """The open positions that are worth most."""
    rows = positions_visible(actor).filter(places.places()).annotate(worth=base.of("notional_minor"))
    rows = rows.order_by(F("worth").desc(nulls_last=True), "id").select_related("account__client")
    return [(row, base.money(row.worth)) for row in rows[:TOP]]


def nearest(actor: Actor, places: Chosen) -> list[TradingAccount]:
    """Accounts with the lowest margin level. No index: the bridge writes the level every second, and one would cost more
    there than reading all accounts costs here."""
    rows = TradingAccount.objects.filter(places.places(""), state=AccountState.OPEN, margin_level__isnull=False)
    rows = scoped(actor, DEALING, rows, owner="client__owner_id", team="client__team_id")
    return list(rows.select_related("client", "account_type").order_by("margin_level", "id")[:ABOVE])


def alerts(actor: Actor, places: Chosen) -> list[MarginAlert]:
    """The latest margin calls and stop-outs."""
    rows = MarginAlert.objects.filter(places.places())
    rows = scoped(actor, DEALING, rows, owner="account__client__owner_id", team="account__client__team_id")
    return list(rows.select_related("account__client").order_by("-at", "-id")[:ABOVE])


@dataclass(frozen=True, slots=True)
class Standing:
    """What an account's or a symbol's trades of today came to for clients; the brokerage's other side of it is minus that."""

    name: str
    account: TradingAccount | None
    result: Money
    trades: int


@dataclass(frozen=True, slots=True)
class Today:
    since: datetime
    winners: list[Standing]
    losers: list[Standing]
    symbols: list[Standing]


def midnight() -> datetime:
    """The beginning of the brokerage's own day."""
    return clock.now().astimezone(brokerage_zone()).replace(hour=0, minute=0, second=0, microsecond=0)


def today(actor: Actor, places: Chosen, base: Base, servers: Iterable[TradingServer]) -> Today:
    """Four queries. The servers are named so that the index of their deals' times serves."""
    since = midnight()
    rows = _deals(actor).filter(places.places(), server__in=[row.pk for row in servers], executed_at__gte=since)
    total = Sum(base.of("result_minor"))
    by_account = rows.order_by().values("account").annotate(total=total, trades=Count("id"))
    best = list(by_account.filter(total__gt=0).order_by("-total", "account")[:TOP])
    worst = list(by_account.filter(total__lt=0).order_by("total", "account")[:TOP])
    ids = [row["account"] for row in (*best, *worst)]
    accounts = TradingAccount.objects.select_related("client").in_bulk(ids)
    symbols: Any = rows.order_by().values("symbol").annotate(total=total, trades=Count("id")).exclude(total=None)
    ordered = sorted(symbols, key=lambda row: (-abs(row["total"]), row["symbol"]))[:TOP]
    return Today(
        since=since,
        winners=_standings(best, accounts, base),
        losers=_standings(worst, accounts, base),
        symbols=[Standing(row["symbol"], None, base.money(row["total"]), row["trades"]) for row in ordered],
    )


def _standings(
    rows: Iterable[Mapping[str, Any]], accounts: Mapping[UUID, TradingAccount], base: Base
) -> list[Standing]:
    found = ((row, accounts[row["account"]]) for row in rows)
    return [Standing(str(one.login), one, base.money(row["total"]), row["trades"]) for row, one in found]
