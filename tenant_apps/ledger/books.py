"""Closing a day's books and proving them."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import OperationalError, transaction

from kernel import clock
from kernel.actors import system
from kernel.events import publish
from kernel.logs import log

from . import selectors
from .events import LedgerUnsound
from .models import Period, Proof
from .services import period_close

GRACE = timedelta(minutes=15)  # after midnight UTC: for what began before it and is still under way
BOOKKEEPER = system("bookkeeper")


def day_close() -> str:
    """Close up to the last midnight (UTC), once, and prove the books, once. Killed in between, the next call does the
    rest. Returns what was done, in a word."""
    now = clock.now()
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    if now - midnight < GRACE:
        midnight -= timedelta(days=1)
    closed = _close(midnight)
    return "proved" if closed != "later" and _prove_once(midnight) else closed


def _close(midnight: datetime) -> str:
    if Period.objects.filter(until__gte=midnight).exists():
        return "closed before"
    try:
        with transaction.atomic():
            period_close(until=midnight, actor=BOOKKEEPER)
    except OperationalError as error:  # somebody posts in a long transaction: clients' payments go before the books
        log.warning("ledger_close_waits", error=str(error))
        return "later"
    return "closed"


def _prove_once(midnight: datetime) -> bool:
    if Proof.objects.filter(at__gte=midnight + GRACE).exists():
        return False
    broken = selectors.broken_invariants()
    with transaction.atomic():
        Proof.objects.create(at=clock.now(), good=not broken, broken=broken)
        if broken:
            log.critical("ledger_unsound", broken=sorted(broken))
            publish(LedgerUnsound(broken=sorted(broken)), aggregate="ledger", actor=BOOKKEEPER)
    return True
