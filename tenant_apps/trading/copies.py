"""What clients copy others with, on platforms that have copying of their own.

The platform keeps that money in accounts below the client's (cTrader: sub-accounts), which nobody here follows. Where it leaves
or comes back, a deal of the client's account says so, and the ledger moves it to and from the client's `copying:<login>`
(bridge/posting.py). What copying won, lost and cost meanwhile is known to the server alone: the nightly comparison asks for the
sum, and the client's `copying:<login>` goes there against the house's `trading-pnl`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from django.db import transaction

from kernel import clock
from kernel.errors import Outside
from kernel.logs import log
from tenant_apps.ledger import services as ledger
from tenant_apps.trading import ledgers, platforms
from tenant_apps.trading.bridge import ingest, posting
from tenant_apps.trading.bridge.records import AccountRef, minor
from tenant_apps.trading.models import Deal as StoredDeal
from tenant_apps.trading.models import TradingAccount, TradingServer
from tenant_apps.trading.ports import AccountState as State
from tenant_apps.trading.ports import Copies, Deal, DealKind, TellsCopies, TradingPlatform

RECENT = timedelta(days=1)
LOOKS = 3


class Answer(NamedTuple):
    """In this order, so that what moved meanwhile shows: what is in copies, the deals, the account's own balance after them."""

    copies: Copies | None
    deals: tuple[Deal, ...] = ()
    states: tuple[State, ...] = ()


def follow(server: TradingServer, accounts: Mapping[int, AccountRef]) -> list[int]:
    """The logins of which the night could not tell what is in their copies. One query where none ever copied."""
    live = {account.id: account for account in accounts.values() if account.live}
    copied = ledgers.copying_of(TradingAccount.objects.filter(pk__in=live))
    return [live[pk].login for pk in sorted(copied) if not _followed(server, live[pk])]


def _followed(server: TradingServer, account: AccountRef) -> bool:
    """What cannot be asked now is asked the next night: nothing else waits for it."""
    try:
        settled = any(_look(server, account) for _ in range(LOOKS))
    except Outside as error:
        log.warning("copies_unread", server=server.name, login=account.login, error=str(error)[:200])
        return False
    if not settled:
        log.info("copies_moving", server=server.name, login=account.login)
    return settled


def _look(server: TradingServer, account: AccountRef) -> bool:
    since = clock.now() - RECENT
    before = _version(account.id, since)
    answer = platforms.ask(server, lambda platform: _asked(platform, account.login))
    if answer.copies is None:
        return True  # an account from before its server spoke of none
    ingest.store_deals(server, answer.deals, {account.login: account}, advance=False)
    own = [minor(state.balance, account.currency) for state in answer.states]
    return _settle(account.id, since, before, own, minor(answer.copies.balance, account.currency))


async def _asked(platform: TradingPlatform, login: int) -> Answer:
    if not isinstance(platform, TellsCopies):
        return Answer(None)
    copies, now = await platform.copies(login), clock.now()
    deals = await platform.deals(now - RECENT, now + RECENT, logins=(login,))
    return Answer(copies, deals, await platform.account_states(logins=(login,)))


def _version(account_id: UUID, since: datetime) -> tuple[int, int]:
    """Another one after any movement into copies or out of them: what sums to nothing is no entry of the ledger."""
    copying = ledgers.copying_of(TradingAccount.objects.filter(pk=account_id))[account_id]
    moved = StoredDeal.objects.filter(account_id=account_id, executed_at__gte=since, kind=DealKind.COPY)
    return copying.seq, moved.count()


@transaction.atomic
def _settle(account_id: UUID, since: datetime, before: tuple[int, int], own: Sequence[int], there: int) -> bool:
    """Under the account's lock, which whoever stores its deals or corrects them takes too. False where money moved between
    the questions: into the copies or out of them, or in a deal that is not told of yet (the account's own balance is not its
    mirror's). A second run finds no difference."""
    account = TradingAccount.objects.select_for_update(no_key=True).get(pk=account_id)
    if _version(account_id, since) != before or own != [ledgers.mirror(account).balance]:
        return False
    copying = ledgers.copying(account)
    result = account.money(there - copying.balance)
    if result.minor:
        house = ledgers.counter("trading-pnl", account.currency)
        ledger.post(
            kind="trading.copies",
            legs=[ledger.Leg(house, -result), ledger.Leg(copying, result)],
            key=f"trading.copies:{account.pk}:{clock.now():%Y%m%d%H%M%S%f}",
            actor=posting.BRIDGE,
            data={"reference": str(account)},
        )
    return True
