"""Facts about trading accounts, for every app above. Payload keys are a contract."""

from __future__ import annotations

from decimal import Decimal
from uuid import UUID

from kernel.events import Event, event
from kernel.money import Money


@event("trading.account_opened")
class AccountOpened(Event):
    """An account stands on its server. `server_name` is what the client chooses in the terminal."""

    account_id: UUID
    client_id: UUID
    login: int
    server_id: UUID
    server_name: str
    currency: str
    live: bool


@event("trading.deal_closed", patient=True)
class DealClosed(Event):
    """Trades closed positions of an account, in whole or part: as many as were read at once, all of one UTC day.

    `deals` of them, the last number `deal_id` at `executed_at`; `lots` and `profit`, the net result in the account's
    currency, of all together.
    """

    client_id: UUID
    account_id: UUID
    deals: int
    deal_id: int
    lots: Decimal
    profit: Money
    executed_at: str


@event("trading.balance_applied")
class BalanceApplied(Event):
    """Money has arrived on (`direction` in) or left (out) an account on the server and in the ledger."""

    account_id: UUID
    client_id: UUID
    transfer_id: UUID
    direction: str
    amount: Money
    deal_id: int


@event("trading.balance_refused")
class BalanceRefused(Event):
    """The server refused; the money is where it was."""

    account_id: UUID
    client_id: UUID
    transfer_id: UUID
    direction: str
    amount: Money
    problem: str


@event("trading.margin_call")
class MarginCall(Event):
    """An account has fallen to its group's margin-call level: once, until it has recovered. `unit` says what `value` and
    the levels are: percent (the margin level) or money (the equity, in `currency`)."""

    account_id: UUID
    client_id: UUID
    login: int
    live: bool
    alert_id: int
    value: Decimal
    threshold: Decimal
    stop_out: Decimal
    unit: str
    currency: str


@event("trading.stopped_out")
class StoppedOut(Event):
    """The server has begun to close positions because the margin did not carry them any more. `deals` that closed some so
    far, `result` of these; more may follow within the same stop-out and are not told again."""

    account_id: UUID
    client_id: UUID
    login: int
    live: bool
    alert_id: int
    threshold: Decimal | None
    unit: str
    deals: int
    result: Money
