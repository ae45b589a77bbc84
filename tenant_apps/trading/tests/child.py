"""Workers that die at a named point of a balance operation; each function returns how its process ended.

Points: issuing (before the commit of transfer and command), issued (after it), claimed (sending is committed, nothing
sent), carried_out (the server has done it, we do not know), recording (before the commit of the result), recorded.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any
from unittest import mock
from uuid import UUID

from django.db import transaction

from kernel import commands
from kernel.money import Money
from kernel.tests.dying import die, forked
from tenant_apps.trading import platforms
from tenant_apps.trading.models import TradingAccount
from tenant_apps.trading.services import transfers

from .conftest import TEST


def _after(call: Callable[..., Any]) -> Callable[..., Any]:
    def wrapped(*arguments: Any, **named: Any) -> Any:
        call(*arguments, **named)
        die()

    return wrapped


def issue(point: str, account: TradingAccount, minor: int) -> int:
    """Wallet to account, killed while it is written down or right after."""

    def work() -> None:
        with transaction.atomic():
            amount = Money(minor, account.currency)
            transfers.transfer_to_account(actor=TEST, account=account, amount=amount, key="only")
            if point == "issuing":
                die()
        die()

    return forked(work)


def carry_out(point: str, command_id: UUID) -> int:
    """A command, killed on its way or, at the latest, when it has been recorded."""

    def work() -> None:
        kind = type(commands.type_of(commands.Command.objects.get(pk=command_id).kind))
        deadly: dict[str, Any] = {
            "claimed": lambda: mock.patch.object(kind, "send", die),
            "carried_out": lambda: mock.patch.object(platforms, "ask", _after(platforms.ask)),
            "recording": lambda: mock.patch.object(commands, "_wake_next", die),
            "recorded": nullcontext,
        }
        with deadly[point]():
            commands.run(command_id)
        die()

    return forked(work)
