"""News that only an answer of the provider can confirm: a row is marked with when it came, and asked about while marked."""

from __future__ import annotations

from datetime import timedelta

from kernel import clock

from ..models import Deposit, WithdrawalPart

NEWS_LIFE = timedelta(hours=1)  # what a provider does not know this long after its own news, it will not know


def ask_no_more(row: Deposit | WithdrawalPart) -> None:
    """Answered, unless more news has come meanwhile."""
    if row.ask_wanted_at is not None:
        type(row)._default_manager.filter(pk=row.pk, ask_wanted_at=row.ask_wanted_at).update(ask_wanted_at=None)


def let_go(row: Deposit | WithdrawalPart) -> None:
    """News that nothing can be learnt of is not asked about for ever."""
    if row.ask_wanted_at is not None and clock.now() - row.ask_wanted_at >= NEWS_LIFE:
        ask_no_more(row)
