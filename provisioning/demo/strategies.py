"""Strategies that clients offer to be followed: two on the board, one that has ended, one that waits for release.

The accounts are those that traded most on one deposit: their curve has a point a day, which cannot tell a later payment from
what was traded on that day.
"""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

from kernel.actors import Actor

from .book import Book

SHOWN_FOR = timedelta(days=45)
OFFERS = (
    ("Steady majors", "EURUSD and GBPUSD in the London session, a stop on every trade.", "20", "listed"),
    ("Gold by day", "Gold only, in and out on the same day.", "25", "listed"),
    ("Night range", "Quiet hours, small targets, many trades.", "15", "ended"),
    ("Week trend", "A few positions, held for days.", "10", "waiting"),
)


def write(book: Book) -> None:
    from tenant_apps.copying.models import Strategy

    if Strategy.objects.exists():
        return
    for (name, description, fee, face), account in zip(OFFERS, _accounts(), strict=False):
        _offer(book, account, name, description, Decimal(fee), face)


def _accounts() -> list[Any]:
    from django.db.models import Count, Q

    from tenant_apps.trading.models import AccountState, TradingAccount

    rows = TradingAccount.objects.filter(live=True, state=AccountState.OPEN).annotate(
        trades=Count("deals", filter=Q(deals__entry="out")), payments=Count("deals", filter=Q(deals__kind="balance"))
    )
    found = rows.filter(payments=1, trades__gt=0).select_related("client").order_by("-trades", "login")
    return list(found[: len(OFFERS)])


def _offer(book: Book, account: Any, name: str, description: str, fee: Decimal, face: str) -> None:
    from tenant_apps.copying.models import Strategy
    from tenant_apps.copying.services.rows import stats_refresh
    from tenant_apps.copying.services.strategies import Terms, strategy_end, strategy_offer, strategy_release

    client = account.client
    owner = Actor(kind="client", id=str(client.user_id), label=client.name, client_id=client.pk)
    terms = Terms(name=name, description=description, performance_fee=fee)
    row = strategy_offer(actor=owner, account=account, terms=terms, consent=True)
    if face == "waiting":
        return
    strategy_release(actor=book.actor(book.staff("compliance")), strategy_id=row.pk)
    if face == "ended":
        strategy_end(actor=owner, strategy_id=row.pk)
    Strategy.objects.filter(pk=row.pk).update(released_at=book.until - SHOWN_FOR)
    row.refresh_from_db()
    stats_refresh(row)
