"""What stands against changing an account's leverage or type. The same for one account and for many: a preview, a run and
a single change ask here, the latter two under the account's lock.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple
from uuid import UUID

from django.db.models import BooleanField, Case, Exists, OuterRef, QuerySet, Value, When

from kernel import commands
from kernel.errors import AppError
from kernel.models import Command
from tenant_apps.clients.identity_change import standing
from tenant_apps.trading.caps import Caps
from tenant_apps.trading.errors import (
    AccountNotReady,
    LeverageAboveCap,
    LeverageRefused,
    MoneyMoves,
    PositionsOpen,
    TypeUnfit,
)
from tenant_apps.trading.models import (
    AccountState,
    AccountType,
    Obstacle,
    Position,
    TradingAccount,
    Transfer,
    TransferState,
)

REFUSALS: dict[str, tuple[type[AppError], str | None]] = {
    Obstacle.NOT_OPEN: (AccountNotReady, None),
    Obstacle.NOT_OFFERED: (LeverageRefused, "leverage"),
    Obstacle.ABOVE_CAP: (LeverageAboveCap, "leverage"),
    Obstacle.OTHER_SERVER: (TypeUnfit, None),
    Obstacle.OTHER_CURRENCY: (TypeUnfit, None),
    Obstacle.OTHER_REALITY: (TypeUnfit, None),
    Obstacle.MONEY_MOVES: (MoneyMoves, None),
    Obstacle.TRADES: (PositionsOpen, None),
    Obstacle.LEVERAGE_LACKING: (LeverageRefused, None),
}
SETTINGS = ("trading.leverage", "trading.group", "trading.archive", "trading.reopen")


class Facts(NamedTuple):
    """An account as a change finds it, in the order of `_COLUMNS`."""

    account_id: UUID
    server_id: UUID
    type_id: UUID
    leverage: int
    live: bool
    state: str
    country: str
    entity_id: UUID | None
    unconfirmed: bool
    money_moves: bool
    trades: bool


_COLUMNS = (
    "pk", "server_id", "account_type_id", "leverage", "live", "state", "client__country", "client__entity_id",
    "unconfirmed", "money_moves", "trades",
)  # fmt: skip


def _rows(accounts: QuerySet[TradingAccount]) -> Any:
    moving = Transfer.objects.filter(account=OuterRef("pk"), state=TransferState.PENDING)
    confirmed = When(standing("client__"), then=Value(False))
    return accounts.annotate(
        unconfirmed=Case(confirmed, default=Value(True), output_field=BooleanField()),
        money_moves=Exists(moving),
        trades=Exists(Position.objects.filter(account=OuterRef("pk"))),
    ).values_list(*_COLUMNS)


def facts_of(accounts: QuerySet[TradingAccount]) -> Iterator[Facts]:
    """One query, read in pieces."""
    return (Facts(*row) for row in _rows(accounts).iterator(chunk_size=5000))


def held(account_id: UUID) -> Facts:
    """The account under its lock, which transfers take too: none sets out until the transaction is over."""
    mine = TradingAccount.objects.filter(pk=account_id)
    mine.select_for_update(no_key=True).values_list("pk").get()
    return Facts(*_rows(mine).get())  # asked once the lock is ours: what its last holder did is seen


def under_way() -> frozenset[str]:
    """Aggregates of accounts of which a setting is being changed."""
    rows = Command.objects.filter(state__in=commands.OPEN, kind__in=SETTINGS)
    return frozenset(rows.values_list("aggregate", flat=True))


class Judge:
    """Rules and types are read once, for as many accounts as there are."""

    def __init__(self) -> None:
        self._caps, self._types = Caps.load(), AccountType.objects.in_bulk()

    def leverage(self, facts: Facts, leverage: int) -> Obstacle | None:
        if facts.state != AccountState.OPEN:
            return Obstacle.NOT_OPEN
        if leverage not in self._types[facts.type_id].leverages:
            return Obstacle.NOT_OFFERED
        cap = self._caps.of(facts.country, facts.entity_id, unconfirmed=facts.unconfirmed)
        return Obstacle.ABOVE_CAP if facts.live and cap is not None and leverage > cap else None

    def account_type(self, facts: Facts, type_id: UUID) -> Obstacle | None:
        if facts.state != AccountState.OPEN:
            return Obstacle.NOT_OPEN
        old, new = self._types[facts.type_id], self._types[type_id]
        against = (
            (old.server_id != new.server_id, Obstacle.OTHER_SERVER),
            (old.currency != new.currency, Obstacle.OTHER_CURRENCY),
            (old.live != new.live, Obstacle.OTHER_REALITY),
            (facts.money_moves, Obstacle.MONEY_MOVES),
            (facts.trades, Obstacle.TRADES),
            (facts.leverage not in new.leverages, Obstacle.LEVERAGE_LACKING),
        )
        return next((obstacle for stands, obstacle in against if stands), None)


def refuse(obstacle: Obstacle | None) -> None:
    """Raise what people read for it."""
    if obstacle is not None:
        refusal, field = REFUSALS[obstacle]
        raise refusal(field=field)
