"""What the cashier refused for a client's own history: noted for staff, as a refusal leaves no row behind, and asked of
the client where an answer would open it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from kernel import clock
from kernel.actors import Actor
from kernel.money import Money
from tenant_apps.clients.models import Client
from tenant_apps.clients.timeline import timeline_add

from ..errors import DepositLimitReached, FundsNeeded, TooOften, WithdrawalRefused
from . import funds


@contextmanager
def noted(client: Client, actor: Actor) -> Iterator[None]:
    """A line on the client's timeline, one per reason and day, outside the transaction that is given up."""
    try:
        yield
    except (DepositLimitReached, FundsNeeded, TooOften) as error:
        amount: Money | None = error.data.get("amount")
        if amount is not None:
            timeline_add(
                client_id=client.pk, kind="payments.deposit_kept_from", actor=actor,
                data={"amount": amount, "reason": error.code},
                dedupe_key=f"kept:{client.pk}:{error.code}:{clock.today().isoformat()}",
            )  # fmt: skip
        if isinstance(error, FundsNeeded) and amount is not None:
            funds.ask(client, funds.paid_in(client.pk, amount.currency), actor=actor)
        raise


@contextmanager
def source_asked(client_id: UUID, actor: Actor) -> Iterator[None]:
    """Who is refused a withdrawal for the source of funds has been asked for it. Outside the transaction that is given up."""
    try:
        yield
    except WithdrawalRefused as error:
        if error.data.get("check") == "funds_source":
            funds.ask_kept(client_id, actor)
        raise
