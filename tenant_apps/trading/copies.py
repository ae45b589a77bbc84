"""What clients copy others with, on platforms that have copying of their own.

The platform keeps that money in accounts below the client's (cTrader: sub-accounts), which nobody here follows. Where it leaves
or comes back, a deal of the client's account says so, and the ledger moves it to and from the client's `copying:<login>`
(bridge/posting.py). What copying won, lost and cost meanwhile is known to the server alone: the nightly comparison asks for the
sum, and the client's `copying:<login>` goes there against the house's `trading-pnl`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from uuid import UUID

from django.db import transaction

from kernel import clock
from kernel.errors import Outside
from kernel.logs import log
from kernel.money import Money
from tenant_apps.ledger import services as ledger
from tenant_apps.trading import ledgers, platforms
from tenant_apps.trading.bridge import ingest, posting
from tenant_apps.trading.bridge.records import AccountRef, minor
from tenant_apps.trading.models import TradingAccount, TradingServer
from tenant_apps.trading.ports import Copies, Deal, TellsCopies, TradingPlatform

RECENT = timedelta(days=1)
Answer = tuple[Copies | None, tuple[Deal, ...]]


def follow(server: TradingServer, accounts: Mapping[int, AccountRef]) -> None:
    """Those of the accounts that ever copied; one query where none has. What cannot be asked now is asked the next night: nothing
    else waits for it."""
    live = {account.id: account for account in accounts.values() if account.live}
    rows = TradingAccount.objects.filter(pk__in=live)
    for account_id, before in sorted(ledgers.copying_of(rows).items()):
        try:
            _follow(server, live[account_id], before)
        except Outside as error:
            log.warning("copies_unread", server=server.name, login=live[account_id].login, error=str(error)[:200])


def _follow(server: TradingServer, account: AccountRef, before: int) -> None:
    """Deals are read after the sum, and nothing is said where money was on its way between the two: the next night will tell."""
    told, deals = platforms.ask(server, lambda platform: _asked(platform, account.login))
    if told is None:
        return
    ingest.store_deals(server, deals, {account.login: account})
    if not _settle(account.id, before, Money(minor(told.balance, account.currency), account.currency)):
        log.info("copies_moving", server=server.name, login=account.login)


async def _asked(platform: TradingPlatform, login: int) -> Answer:
    if not isinstance(platform, TellsCopies):
        return None, ()
    told, now = await platform.copies(login), clock.now()
    return told, await platform.deals(now - RECENT, now + RECENT, logins=(login,))


@transaction.atomic
def _settle(account_id: UUID, before: int, there: Money) -> bool:
    """Under the account's lock, which whoever stores its deals takes too. False where `before` is no longer what is there. A
    second run finds no difference."""
    account = TradingAccount.objects.select_for_update(no_key=True).get(pk=account_id)
    copying = ledgers.copying(account)
    if copying.balance != before:
        return False
    result = there - Money(before, there.currency)
    if result.minor:
        house = ledgers.counter("trading-pnl", there.currency)
        ledger.post(
            kind="trading.copies",
            legs=[ledger.Leg(house, -result), ledger.Leg(copying, result)],
            key=f"trading.copies:{account.pk}:{clock.now():%Y%m%d%H%M%S%f}",
            actor=posting.BRIDGE,
            data={"reference": str(account)},
        )
    return True
