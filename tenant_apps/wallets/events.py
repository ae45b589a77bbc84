"""Facts about wallets, for every app above (payload keys are a contract)."""

from __future__ import annotations

from uuid import UUID

from kernel.events import Event, event
from kernel.money import Money


@event("wallets.rate_set")
class RateSet(Event):
    """People set the rate of a pair: `mid` units of `quote` per `base`, as decimal text."""

    base: str
    quote: str
    mid: str
    pegged: bool


@event("wallets.exchanged")
class Exchanged(Event):
    """A client exchanged between two wallets. `income` is the house's share, in the currency of `get`."""

    exchange_id: UUID
    client_id: UUID
    give: Money
    get: Money
    income: Money


@event("wallets.client_transfer_done")
class ClientTransferDone(Event):
    """Money went from one client's wallet to another's."""

    client_transfer_id: UUID
    sender_id: UUID
    recipient_id: UUID
    amount: Money


@event("wallets.client_transfer_rejected")
class ClientTransferRejected(Event):
    """Staff refused a transfer that waited; the amount is available to the sender again."""

    client_transfer_id: UUID
    sender_id: UUID
    recipient_id: UUID
    amount: Money


@event("wallets.adjusted")
class Adjusted(Event):
    """Staff credited (positive) or debited a client's wallet. `reason`: goodwill, correction, fee_refund, fee."""

    adjustment_id: UUID
    client_id: UUID
    amount: Money
    reason: str
