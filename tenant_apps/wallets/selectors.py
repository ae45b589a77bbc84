"""What is in a client's wallets, and how it came there. Callers have checked that the actor may see the client."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Max

from kernel.money import Money
from tenant_apps.ledger import selectors as ledger
from tenant_apps.ledger.models import Account
from tenant_apps.ledger.services import client_owner

from .lines import Words, words_for
from .models import Exchange, ExchangeState
from .services import WALLET


@dataclass(frozen=True, slots=True)
class Wallet:
    """One currency of one client. `available` can be withdrawn or moved; `held` waits for a decision."""

    account_id: int
    currency: str
    balance: Money
    held: Money

    @property
    def available(self) -> Money:
        return self.balance - self.held


@dataclass(frozen=True, slots=True)
class HistoryLine:
    entry_id: int
    at: datetime
    amount: Money
    balance_after: Money | None
    words: Words


def _wallet(account: Account) -> Wallet:
    return Wallet(account.pk, account.currency, account.money(account.balance), account.money(account.held))


def wallets_of(client_id: UUID) -> list[Wallet]:
    """All wallets of a client, by currency. One query."""
    return [_wallet(account) for account in ledger.accounts_of(client_owner(client_id), WALLET)]


def wallet_of(client_id: UUID, currency: str) -> Wallet | None:
    account = Account.objects.filter(owner=client_owner(client_id), kind=WALLET, currency=currency).first()
    return _wallet(account) if account else None


def history(
    client_id: UUID,
    currency: str,
    *,
    before_entry: int | None = None,
    limit: int = 50,
    since: datetime | None = None,
) -> list[HistoryLine]:
    """The newest lines of a wallet, or those before an entry (keyset paging). Empty without such a wallet."""
    account = Account.objects.filter(owner=client_owner(client_id), kind=WALLET, currency=currency).first()
    if account is None:
        return []
    lines = ledger.statement(account, before_entry=before_entry, limit=limit, since=since)
    words = words_for([(line.kind, line.data) for line in lines])
    return [
        HistoryLine(line.entry_id, line.at, line.amount, line.balance_after, said)
        for line, said in zip(lines, words, strict=True)
    ]


def balance_at(client_id: UUID, currency: str, moment: datetime) -> Money:
    """The wallet's balance at an instant, from its entries; zero before it existed."""
    account = Account.objects.filter(owner=client_owner(client_id), kind=WALLET, currency=currency).first()
    return ledger.balance_at(account, moment) if account else Money.zero(currency)


def exchanged_last(client_id: UUID) -> dict[str, datetime]:
    """The currencies a client has exchanged out of, and when last (UTC)."""
    done = Exchange.objects.filter(client_id=client_id, state=ExchangeState.DONE)
    return dict(done.values_list("give_currency").annotate(last=Max("confirmed_at")).order_by("give_currency"))
