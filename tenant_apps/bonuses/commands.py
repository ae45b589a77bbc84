"""Credit on a trading server: the same durable command as a transfer's, known there by its operation id."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kernel.actors import Actor
from kernel.commands import command
from kernel.errors import Rejected
from kernel.models import Command
from tenant_apps.trading import platforms
from tenant_apps.trading.commands import OnAccount, balance_find, balance_moved, wait_for
from tenant_apps.trading.errors import PlatformRejected, Rejection
from tenant_apps.trading.operations import NOTE_LENGTH, operation_id
from tenant_apps.trading.ports import Amount, BalanceKind, BalanceOperation

from .models import CreditMove
from .services import moves


@command(moves.KIND)
class Credit(OnAccount):
    """Give or take credit; `payload["move_id"]` says for which bonus."""

    def send(self, command: Command) -> Mapping[str, Any]:
        account, move = self.ready(command), self.move(command)
        wait_for(command)
        if moves.there(move.grant_id) + move.amount_minor < 0:  # the rest on the account is another bonus's
            raise PlatformRejected("this bonus has not so much credit there", name=Rejection.NOT_ENOUGH_MONEY)
        operation = BalanceOperation(
            login=int(account.login or 0),
            kind=BalanceKind.CREDIT,
            amount=Amount(move.amount.amount),
            operation_id=operation_id(command.pk),
            note=str(account.server.settings.get("comment", ""))[:NOTE_LENGTH],
            check_margin=bool(command.payload.get("check_margin")),
        )
        return balance_moved(platforms.ask(account.server, lambda platform: platform.balance_operation(operation)))

    def find(self, command: Command) -> Mapping[str, Any] | None:
        return balance_find(self.account(command), command)

    def move(self, row: Command) -> CreditMove:
        return CreditMove.objects.get(pk=row.payload["move_id"])

    def succeeded(self, command: Command, result: Mapping[str, Any]) -> None:
        moves.move_done(self.move(command), deal=int(result["deal"]), actor=Actor.from_json(command.actor))

    def failed(self, command: Command, error: Rejected) -> None:
        moves.move_failed(self.move(command), problem=error.code, actor=Actor.from_json(command.actor))
