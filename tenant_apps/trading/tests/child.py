"""A worker that dies. `python -m tenant_apps.trading.tests.child <point> <tenant> <what> <arguments…>`.

Points: issuing (before the commit of transfer and command), issued (after it), claimed (sending is committed, nothing
sent), carried_out (the server has done it, we do not know), recording (before the commit of the result), recorded.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from typing import Any
from unittest import mock
from uuid import UUID


def die(*_: object, **__: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def after(call: Callable[..., Any]) -> Callable[..., Any]:
    def wrapped(*arguments: Any, **named: Any) -> Any:
        call(*arguments, **named)
        return die()

    return wrapped


def issue(point: str, direction: str, account_id: str, minor: int) -> None:
    from django.db import transaction

    from kernel.actors import system
    from kernel.money import Money
    from tenant_apps.trading.models import TradingAccount
    from tenant_apps.trading.services import transfers

    account = TradingAccount.objects.select_related("server").get(pk=account_id)
    begin = transfers.transfer_to_account if direction == "in" else transfers.transfer_to_wallet
    with transaction.atomic():
        begin(actor=system("child"), account=account, amount=Money(minor, account.currency), key="only")
        if point == "issuing":
            die()
    die()


def carry_out(point: str, command_id: str) -> None:
    from kernel import commands
    from tenant_apps.trading import platforms

    kind = type(commands.type_of(commands.Command.objects.get(pk=command_id).kind))
    match point:
        case "claimed":
            target = mock.patch.object(kind, "send", die)
        case "carried_out":
            target = mock.patch.object(platforms, "ask", after(platforms.ask))
        case "recording":
            target = mock.patch.object(commands, "_wake_next", die)
        case _:
            target = mock.patch.object(commands, "_start", commands._start)
    with target:
        commands.run(UUID(command_id))
    die()


def main() -> None:
    import django

    django.setup()
    from kernel.tenancy import context, directory

    point, tenant_id, what, *arguments = sys.argv[1:]
    tenant = directory.by_id(tenant_id)
    assert tenant is not None
    with context.use(tenant):
        if what == "issue":
            issue(point, arguments[0], arguments[1], int(arguments[2]))
        else:
            carry_out(point, arguments[0])


if __name__ == "__main__":
    main()
