"""Many trading servers of one kind in one brokerage, an account with money on each, and deals on them at a rate."""

from __future__ import annotations

import itertools
import threading
import time
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self
from uuid import UUID

from kernel import commands
from kernel.ids import short_id
from kernel.money import Money
from kernel.relay import drain
from kernel.tenancy import context
from kernel.tenancy.context import TenantRef
from launcher import processes

from .processes import Stack
from .world import BENCH, MANAGER, Trader, signed_in

DEPOSIT = 10_000_000  # minor units
PATIENCE = 120.0


class NotFollowed(Exception):
    """The bridge did not get to all servers in time."""


@dataclass(frozen=True, slots=True)
class Seat:
    """A server with its one account."""

    server_id: UUID
    name: str
    login: int
    account_id: UUID


@dataclass(frozen=True, slots=True)
class Fleet:
    """`kind` is mt5 (asked again and again) or ctrader (tells by itself). The trader sits at the first seat."""

    ref: TenantRef
    kind: str
    seats: tuple[Seat, ...]
    trader: Trader

    def enable(self, count: int | None = None) -> None:
        """Let the bridge follow the first so many servers, or all, and no other."""
        from tenant_apps.trading.models import TradingServer

        with context.use(self.ref):
            first = [seat.server_id for seat in self.seats[:count]]
            TradingServer.objects.filter(pk__in=first).update(enabled=True)
            TradingServer.objects.exclude(pk__in=first).update(enabled=False)

    def wait_until_followed(self, count: int | None = None) -> None:
        """By the bridge that runs now. Raises NotFollowed."""
        from tenant_apps.trading.bridge import metrics

        begun = time.time()

        def followed(seat: Seat) -> bool:
            return float(metrics.read(seat.server_id).get("at") or 0) > begun

        if not processes.wait_until(lambda: all(map(followed, self.seats[:count])), seconds=PATIENCE):
            raise NotFollowed(f"{sum(map(followed, self.seats[:count]))} of {count or len(self.seats)} are followed")


def make(stack: Stack, ref: TenantRef, kind: str, count: int) -> Fleet:
    """Accounts are opened and funded as clients' are, by commands that this process carries out."""
    with context.use(ref):
        made = [_seat(stack, ref, kind, number) for number in range(1, count + 1)]
    seats = tuple(seat for seat, _ in made)
    return Fleet(ref, kind, seats, made[0][1])


def _seat(stack: Stack, ref: TenantRef, kind: str, number: int) -> tuple[Seat, Trader]:
    from tenant_apps.ledger import services as ledger
    from tenant_apps.trading.models import AccountType
    from tenant_apps.trading.services.accounts import account_open
    from tenant_apps.trading.services.transfers import transfer_to_account

    name = f"{ref.slug}{number}"
    server = _server(stack, kind, name)
    account_type = AccountType.objects.create(
        name="Standard", server=server, group="standard" if kind == "ctrader" else "real\\std-eur", currency="EUR",
        leverages=[20, 30], leverage_default=30,
    )  # fmt: skip
    client, session = signed_in(number)
    wallet = ledger.account_ensure(owner=f"client:{client.pk}", kind="wallet", currency="EUR")
    bank = ledger.account_ensure(owner="house", kind="bank", currency="EUR")
    amount = Money(DEPOSIT, "EUR")
    ledger.post(
        kind="bench.deposit", legs=[ledger.Leg(bank, -amount), ledger.Leg(wallet, amount)], key=name, actor=BENCH
    )
    account = account_open(actor=BENCH, client=client, account_type=account_type)
    transfer_to_account(actor=BENCH, account=account, amount=amount, key=name)
    _carry_out()
    account.refresh_from_db()
    trader = Trader(
        server=name, login=int(account.login or 0), account_id=str(account.pk), host=f"{ref.slug}.localhost",
        session=session, book_topic=account.book_topic, free_key=f"{account.topic}:en.free", deposit_minor=DEPOSIT,
        kind=kind,
    )  # fmt: skip
    return Seat(server.pk, name, trader.login, account.pk), trader


def _server(stack: Stack, kind: str, name: str) -> Any:
    from tenant_apps.trading.services.servers import server_save

    password = f"Bench-{short_id(12)}a1"
    managers = [{"login": MANAGER, "password": password}]
    if kind == "ctrader":
        stack.admin("POST", "/servers", {"name": name, "broker": name, "managers": managers}, kind=kind)
        port, settings = stack.plant_port, {
            "ca_file": str(stack.plant_ca_file), "plant": name, "environment": "demo", "broker": name, "web_host": "",
            "web_port": stack.plant_web,
        }  # fmt: skip
    else:
        wanted = {"name": name, "owner": "Bench", "currency": "EUR", "managers": managers}
        stack.admin("POST", "/servers", wanted)
        port, settings = stack.mt5_port, {"ca_file": str(stack.ca_file)}
    return server_save(
        actor=BENCH, kind=kind, name=name, host=f"{name}.{kind}.localhost", port=port, manager=MANAGER,
        password=password, settings={**settings, "quiet_period": 5, "comment": "Bench"},
    )  # fmt: skip


def _carry_out() -> None:
    """What a worker and a relay would."""
    while drain() or any(commands.run(row.pk) != "not due" for row in commands.due()):
        pass


@dataclass
class Load:
    """Deals on all servers but the first, one after another, while the block runs: `rate` a second, as far as the sandbox
    can. In round trips, so that no position stays open; many at once where there are many."""

    stack: Stack
    fleet: Fleet
    rate: int
    made: int = 0
    seconds: float = 0.0
    _stop: threading.Event = field(default_factory=threading.Event)

    @property
    def achieved(self) -> float:
        """Deals a second."""
        return self.made / self.seconds if self.seconds else 0.0

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        each = max(2, self.rate // 50 // 2 * 2)
        begun = time.monotonic()
        for number, seat in enumerate(itertools.cycle(self.fleet.seats[1:])):
            wait = begun + number * each / self.rate - time.monotonic()
            if self._stop.wait(max(wait, 0)):
                break
            wanted = {"kind": "burst", "login": seat.login, "count": each}
            self.stack.admin("POST", f"/servers/{seat.name}/faults", wanted, kind=self.fleet.kind)
            self.made += each
        self.seconds = time.monotonic() - begun
