"""Clients with money, staff with rights, rates of a day."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import connection

from kernel import clock
from kernel.actors import Actor, Reach, system
from kernel.errors import AppError
from kernel.ids import uuid7
from kernel.money import Money
from kernel.permissions import all_permissions
from kernel.tenancy import context
from tenant_apps.clients.models import Client, KycState, Stage
from tenant_apps.ledger.services import HOUSE, Leg, account_ensure, post
from tenant_apps.wallets.ports import Observation
from tenant_apps.wallets.services import wallet_ensure
from tenant_apps.wallets.services.rates import rates_store

SYSTEM = system("test")
_numbers = itertools.count(1)


def make_client(**values: Any) -> Client:
    number = next(_numbers) + int(time.time()) % 1_000_000 * 100
    fields: dict[str, Any] = {
        "number": number, "first_name": "Lena", "last_name": "Vogt", "email": f"lena{number}@example.com",
        "country": "DE", "language": "de", "currency": "EUR", "stage": Stage.VERIFIED,
        "kyc_state": KycState.APPROVED, "kyc_level": 1,
    }  # fmt: skip
    return Client.objects.create(**{**fields, **values})


def client_actor(client: Client) -> Actor:
    return Actor(kind="client", id=str(uuid7()), label=client.name, client_id=client.pk)


def staff(*codes: str, reach: Reach = Reach.ALL, staff_id: UUID | None = None) -> Actor:
    """A member of staff with some rights, or all of them."""
    granted = codes or [permission.code for permission in all_permissions()]
    return Actor(kind="staff", id=str(staff_id or uuid7()), label="Somebody", grants=dict.fromkeys(granted, reach))


def give(client: Client, text: str, currency: str = "EUR") -> Money:
    """Put money into a wallet."""
    amount = Money.of(text, currency)
    clearing = account_ensure(owner=HOUSE, kind="clearing:test", currency=currency)
    wallet = wallet_ensure(client_id=client.pk, currency=currency)
    post(kind="payments.deposit", legs=[Leg(clearing, -amount), Leg(wallet, amount)], key=f"give:{uuid7()}",
         actor=SYSTEM, data={"reference": "D1", "method": "card"})  # fmt: skip
    return amount


def sheet(moment: datetime | None = None, **mids: str) -> None:
    """Reference rates of a moment: units per euro."""
    when = moment or clock.now() - timedelta(hours=1)
    known = mids or {"USD": "1.0835", "JPY": "162.34", "GBP": "0.8421"}
    rates_store("ecb", [Observation("EUR", code, Decimal(mid), when) for code, mid in known.items()])


def pegged(base: str, quote: str, mid: str) -> None:
    when = clock.now() - timedelta(days=400)
    rates_store("manual", [Observation(base, quote, Decimal(mid), when, pegged=True)])


def in_threads(work: Callable[[int], Any], count: int, tenant: Any) -> list[Any]:
    """Run `work` at once from several connections; its answers, or the refusals it raised."""
    results: list[Any] = []
    barrier = threading.Barrier(count)

    def run(number: int) -> None:
        try:
            with context.use(tenant):
                barrier.wait()
                try:
                    results.append(work(number))
                except AppError as refused:
                    results.append(type(refused))
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=[number]) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results
