"""A few accounts and ways to move money between them, alone and from many places at once."""

from __future__ import annotations

import threading
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection

from kernel import clock
from kernel.actors import system
from kernel.money import Money
from tenant_apps.ledger import services
from tenant_apps.ledger.errors import InsufficientFunds, KeyReused
from tenant_apps.ledger.models import Account, Transfer
from tenant_apps.ledger.services import Leg

ACTOR = system("test")


def eur(minor: int) -> Money:
    return Money(minor, "EUR")


def wallet(name: str = "client:1", currency: str = "EUR") -> Account:
    return services.account_ensure(owner=name, kind="wallet", currency=currency)


def clearing(currency: str = "EUR") -> Account:
    return services.account_ensure(owner="house", kind="clearing:test", currency=currency)


def deposit(account: Account, minor: int, key: str) -> Transfer:
    amount = Money(minor, account.currency)
    return services.post(
        kind="deposit", legs=[Leg(clearing(account.currency), -amount), Leg(account, amount)], key=key, actor=ACTOR
    )


def withdraw(account: Account, minor: int, key: str) -> Transfer:
    amount = Money(minor, account.currency)
    return services.post(kind="withdrawal", legs=[Leg(account, -amount), Leg(clearing(), amount)], key=key, actor=ACTOR)


def in_threads(work: Any, count: int, tenant: Any) -> list[Any]:
    from kernel.tenancy import context

    results: list[Any] = []
    barrier = threading.Barrier(count)

    def run(number: int) -> None:
        try:
            with context.use(tenant):
                barrier.wait()
                try:
                    results.append(work(number))
                except (InsufficientFunds, KeyReused) as refused:
                    results.append(type(refused))
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=[number]) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


class MovedClock:
    """Any moment one likes, until closed."""

    def __init__(self, moment: datetime) -> None:
        self._stack = ExitStack()
        self.now = moment
        self._set()

    def _set(self) -> None:
        self._stack.close()
        self._stack.enter_context(clock.frozen_at(self.now))

    def at(self, *parts: int) -> None:
        self.now = datetime(*parts, tzinfo=UTC)  # type: ignore[misc, arg-type]
        self._set()

    def advance(self, by: timedelta) -> None:
        self.now += by
        self._set()

    def close(self) -> None:
        self._stack.close()
