"""Facts about payments, for every app above (payload keys are a contract)."""

from __future__ import annotations

from uuid import UUID

from kernel.events import Event, event
from kernel.money import Money


@event("payments.deposit_credited")
class DepositCredited(Event):
    """Money of a client is in the wallet. `amount` is what the wallet received, after the brokerage's fee."""

    deposit_id: UUID
    client_id: UUID
    amount: Money
    provider: str
    method: str
    first: bool
    trading_account_id: UUID | None


@event("payments.deposit_failed")
class DepositFailed(Event):
    deposit_id: UUID
    client_id: UUID
    amount: Money
    provider: str
    method: str
    reason: str


@event("payments.deposit_reversed")
class DepositReversed(Event):
    """Money that had been credited was taken back by the payer's bank. `amount` is what left the wallet."""

    deposit_id: UUID
    client_id: UUID
    amount: Money
    provider: str
    method: str


@event("payments.deposit_reinstated")
class DepositReinstated(Event):
    """What had been taken back came back after all: a dispute won, a refund that failed at the provider."""

    deposit_id: UUID
    client_id: UUID
    amount: Money
    provider: str
    method: str


@event("payments.deposit_suspended")
class DepositSuspended(Event):
    """Money came in another currency than asked for and waits in the house's suspense for a decision."""

    deposit_id: UUID
    client_id: UUID
    amount: Money
    provider: str
    method: str


@event("payments.first_deposit_changed")
class FirstDepositChanged(Event):
    """The first deposit was reversed, or came back: which one is the client's first now (none: the next that comes).

    `previous` is what had been the first before; commissions earned on it are to be looked at again.
    """

    client_id: UUID
    deposit_id: UUID | None
    amount: Money | None
    previous_deposit_id: UUID | None


@event("payments.withdrawal_held")
class WithdrawalHeld(Event):
    """A withdrawal that was not sent yet waits; `reason` is a code ("reversal")."""

    withdrawal_id: UUID
    client_id: UUID
    amount: Money
    reason: str


@event("payments.source_of_funds_needed")
class SourceOfFundsNeeded(Event):
    """A client has paid in so much that the brokerage has to know where it comes from. `total` is what came in."""

    client_id: UUID
    request_id: UUID
    total: Money


@event("payments.source_of_funds_accepted")
class SourceOfFundsAccepted(Event):
    client_id: UUID
    request_id: UUID


@event("payments.withdrawal_requested")
class WithdrawalRequested(Event):
    withdrawal_id: UUID
    client_id: UUID
    amount: Money


@event("payments.withdrawal_approved")
class WithdrawalApproved(Event):
    withdrawal_id: UUID
    client_id: UUID
    amount: Money


@event("payments.withdrawal_paid")
class WithdrawalPaid(Event):
    """`amount` is what was really paid out, `fee` what we kept besides; the rest of the request, if any, is back in the
    wallet. Events of before fees have none."""

    withdrawal_id: UUID
    client_id: UUID
    amount: Money
    fee: Money


@event("payments.withdrawal_rejected")
class WithdrawalRejected(Event):
    withdrawal_id: UUID
    client_id: UUID
    amount: Money
    reason: str


@event("payments.withdrawal_failed")
class WithdrawalFailed(Event):
    withdrawal_id: UUID
    client_id: UUID
    amount: Money
    reason: str
