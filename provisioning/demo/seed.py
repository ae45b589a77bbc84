"""The seed: parts in order, each in one transaction together with its mark in the register.

Killed anywhere it goes on at the first part without a mark. What a part does outside the database (the trading sandbox)
finds its own work again. When all marks are there it only looks at the ports of the sandboxes, which may have changed.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.db import transaction

from kernel import clock
from kernel.tenancy import context

from . import (
    accounts,
    afterwards,
    bonuses,
    cashier,
    ctrader,
    desk,
    entities,
    identity,
    legal,
    markets,
    money,
    people,
    setup,
    statements,
    strategies,
)
from .book import Book, fresh, moment, remember, remembered
from .brokers import BROKERS, Broker
from .codes import PASSWORD, RECOVERY_CODES

SIZES = {"small": 20, "full": 300}


@dataclass(frozen=True, slots=True)
class Part:
    """One piece of a brokerage's seed."""

    name: str
    words: str
    work: Callable[[Book], None]


PARTS: tuple[Part, ...] = (
    Part("staff", "staff in every role", setup.staff),
    Part("looks", "logos and colours", setup.looks),
    Part("rules", "lead distribution", setup.rules),
    Part("legal", "legal documents", legal.write),
    Part("people", "clients, calls, notes, tasks", people.write),
    Part("identity", "identity checks with sample documents", identity.write),
    Part("cashier", "payment providers", cashier.connect),
    Part("desk", "exchange rates by hand, and who decides withdrawals", desk.write),
    Part("markets", "trading accounts and their history on the server", markets.write),
    Part("money", "deposits, transfers, trades and withdrawals in the ledger", money.write),
    Part("entities", "two companies of one brokerage", entities.write),
    Part("bonuses", "a deposit bonus that two people agreed to", bonuses.write),
    Part("strategies", "strategies that clients offer to be followed", strategies.write),
    Part("statements", "the banks' statements of the day before", statements.write),
    Part("afterwards", "segments and activity", afterwards.write),
    Part("ctrader", "a cTrader server beside the first", ctrader.write),
    Part("finish", "proof: ledger at zero, audit trail whole", setup.finish),
)


def size() -> int:
    """Clients per brokerage: RIALTO_SEED=small is for tests."""
    return SIZES.get(os.environ.get("RIALTO_SEED", ""), SIZES["full"])


def seed_all(say: Callable[[str], None]) -> None:
    """Bring all four brokerages to the demo's state. Raises SeedFailed."""
    if not settings.DEMO:
        raise setup.SeedFailed("the demo's data is for a demo: set RIALTO_DEMO=1")
    if path := settings.SANDBOX.get("codes"):
        accounts.write(Path(path))
    if all(_done(broker) for broker in BROKERS):
        for broker in BROKERS:
            _look_after(broker, say)
        say("the demo's data is there")
        return
    begun = time.monotonic()
    password_hash = make_password(PASSWORD)
    recovery = [make_password(code) for code in RECOVERY_CODES]
    setup.operators(password_hash, recovery)
    for broker in BROKERS:
        _seed(broker, password_hash, recovery, say)
    say(f"four brokerages in {time.monotonic() - begun:.0f} s")


def _done(broker: Broker) -> bool:
    tenant = fresh(broker.slug)
    return tenant is not None and {part.name for part in PARTS} <= set(remembered(tenant).get("done", ()))


def _seed(broker: Broker, password_hash: str, recovery: list[str], say: Callable[[str], None]) -> None:
    if fresh(broker.slug) is None:
        say(f"{broker.name}: setting up its tables, owner and defaults")
    tenant = setup.provision(broker, password_hash)
    state = remembered(tenant)
    if not state:
        state = {"until": clock.now().isoformat(), "size": size(), "done": []}
        remember(tenant, state)
        say(f"{broker.name}: set up")
    book = Book(broker, tenant, int(state["size"]), moment(state["until"]), password_hash, say, recovery)
    with context.use(tenant):
        for number, part in enumerate(PARTS, 1):
            if part.name not in state["done"]:
                _do(part, book, state, f"{number} of {len(PARTS)}")


def _do(part: Part, book: Book, state: dict[str, object], place: str) -> None:
    begun = time.monotonic()
    done = [*state["done"], part.name]  # type: ignore[misc]
    with transaction.atomic():
        part.work(book)
        remember(book.tenant, {**state, "done": done})
    state["done"] = done
    book.say(f"{book.broker.name} {place}: {part.words} ({time.monotonic() - begun:.1f} s)")


def _look_after(broker: Broker, say: Callable[[str], None]) -> None:
    """At each start: addresses of sandboxes and of our own webhooks, where a port was taken and another one chosen."""
    tenant = fresh(broker.slug)
    if tenant is None:
        return
    with context.use(tenant):
        for work in (markets.follow_ports, ctrader.follow_ports, cashier.follow_ports):
            if work(broker):
                say(f"{broker.name}: follows a sandbox to its new port")
