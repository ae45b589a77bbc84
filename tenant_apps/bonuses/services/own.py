"""What of a trading account is the client's own: by the ledger, and by the server's last word where positions are open.

The bridge stores an account's numbers when they change, so whether they count a movement is told by what they say and
not by when they were stored.
"""

from __future__ import annotations

from uuid import UUID

from django.db.models import (
    BigIntegerField,
    DecimalField,
    ExpressionWrapper,
    F,
    OuterRef,
    QuerySet,
    Subquery,
    Sum,
    Value,
)
from django.db.models.functions import Coalesce

from tenant_apps.ledger import selectors as ledger
from tenant_apps.payments.models import Deposit, DepositState
from tenant_apps.trading import ledgers
from tenant_apps.trading.models import TradingAccount, Transfer
from tenant_apps.trading.services.transfers import deposit_key

from ..models import CreditMove, Grant, GrantState, MoveState


def own_money(account: TradingAccount) -> int:
    """The client's money on the account that no transfer has a hold on, in minor units, less what open positions have
    lost. Numbers of another balance than the ledger's are older than a deal or a transfer and say nothing here: the
    loss they show may be booked already."""
    told, found, counted = _told(account)
    if not counted:
        return found.available.minor
    return found.available.minor + min(0, told.equity_minor - told.credit_minor - told.balance_minor)


def seen(account: TradingAccount) -> bool:
    """Whether the server's last word counts every movement the ledger knows, so that `own_money` knows of open losses
    too. What promises or pays waits for it; it comes with the bridge's next look."""
    *_, counted = _told(account)
    return counted


def _told(account: TradingAccount) -> tuple[TradingAccount, ledger.Balance, bool]:
    """The server's last word, the ledger's, and whether the first counts all that the second knows."""
    found = ledger.balance(ledgers.mirror(account))
    told = TradingAccount.objects.get(pk=account.pk)
    return told, found, told.seen_at is not None and told.balance_minor == found.balance.minor


def stands(grant: Grant) -> bool:
    """Whether as much own money stands on the account as the deposit brought there. Under the account's lock."""
    brought = Transfer.objects.filter(key=deposit_key(grant.deposit_id)).values_list("amount_minor", flat=True).first()
    return brought is not None and own_money(grant.account) >= brought


def lost(grant: Grant) -> bool:
    """Whether what is left on the account is the broker's money. Under the account's lock."""
    return own_money(grant.account) <= 0 or low_equity().filter(pk=grant.pk).exists()


def kept(deposit_id: UUID) -> bool:
    """Whether a deposit is credited and nothing of it went back."""
    rows = Deposit.objects.filter(pk=deposit_id, state=DepositState.CREDITED)
    return rows.exclude(reversed_minor__gt=0).exists()


def low_equity() -> QuerySet[Grant]:
    """Active bonuses of accounts whose equity, as the server told it after the last movement of credit, is down to the
    credit on the account times the factor."""
    moves = CreditMove.objects.filter(account=OuterRef("account"), state=MoveState.DONE).order_by()
    sums = moves.values("account").annotate(sum=Sum("amount_minor")).values("sum")
    limit = ExpressionWrapper(
        F("account__credit_minor") * F("version__equity_factor"),
        output_field=DecimalField(max_digits=30, decimal_places=2),
    )
    there = Coalesce(Subquery(sums, output_field=BigIntegerField()), Value(0), output_field=BigIntegerField())
    active = Grant.objects.filter(state=GrantState.ACTIVE, account__seen_at__isnull=False)
    low = active.annotate(limit=limit, there=there).filter(account__credit_minor=F("there"))
    return low.filter(account__credit_minor__gt=0, account__equity_minor__lte=F("limit"))
