"""Doing what the plan says. What cannot be done now, because the server is dead, is done later."""

from __future__ import annotations

import urllib.error
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, TypeVar
from uuid import UUID

from django.db import InterfaceError, OperationalError, connections

from benchmarks.soak import plan
from benchmarks.soak.brokerages import Brokerage
from benchmarks.soak.house import House
from benchmarks.world import BENCH
from kernel import commands
from kernel.errors import AppError, Outside
from kernel.models import Command
from kernel.money import Money
from kernel.tenancy import context
from launcher import processes
from tenant_apps.trading import platforms
from tenant_apps.trading.models import TradingAccount
from tenant_apps.trading.ports import Amount, BalanceKind, BalanceOperation
from tenant_apps.trading.services.accounts import account_open
from tenant_apps.trading.services.transfers import transfer_to_account, transfer_to_wallet

T = TypeVar("T")
LOOK_EVERY, WAITING_MOST, PATIENCE = 25, 150, 10.0  # steps; open commands; seconds
TRIES = 5
PATHS = {
    ("mt5", True): "/api/trade/balance", ("mt5", False): "/api/deal/",
    ("ctrader", True): "ProtoChangeBalanceReq", ("ctrader", False): "ProtoManagerDealListReq",
}  # fmt: skip


def again(work: Callable[[], T]) -> T:
    """The work, once more where the database had gone away meanwhile: it is of the kind that happens once."""
    for _ in range(TRIES):
        try:
            return work()
        except (OperationalError, InterfaceError):
            connections.close_all()
    return work()


def waiting(brokerages: Iterable[Brokerage]) -> int:
    """Commands that are not finished with."""
    found = 0
    for one in brokerages:
        with context.use(one.ref):
            found += again(Command.objects.filter(state__in=commands.OPEN).count)
    return found


@dataclass
class Deeds:
    """`done` counts what was done, by what it was. `amended`: the dealer's, by server and deal."""

    house: House
    brokerages: Sequence[Brokerage]
    logins: dict[UUID, int]
    done: Counter[str] = field(default_factory=Counter)
    amended: set[tuple[UUID, int]] = field(default_factory=set)
    _closed: dict[int, int] = field(default_factory=dict)  # the last deal that closed something, by brokerage
    _later: list[plan.Step] = field(default_factory=list)

    def all(self, steps: Iterable[plan.Step]) -> None:
        """Every step; at the end everything runs. Raises what a step that cannot be done at all raises."""
        for number, step in enumerate(steps):
            self._one(step)
            if number % LOOK_EVERY == 0:
                self._breathe()
        for name in plan.MORTAL:
            self.house.start(name)
        for _ in range(TRIES):
            later, self._later = self._later, []
            for step in later:
                self._one(step)
        if self._later:
            raise RuntimeError(f"could not be done: {self._later[:3]}")

    def _breathe(self) -> None:
        """Not so far ahead of the worker that all faults are over before it has begun. Raises Unready for who ended by itself."""
        for mortal in self.house.mortals.values():
            mortal.check()
        if self.house.up("worker") and self.house.up("postgres") and waiting(self.brokerages) > WAITING_MOST:
            processes.wait_until(lambda: waiting(self.brokerages) < WAITING_MOST // 2, seconds=PATIENCE)

    def _one(self, step: plan.Step) -> None:
        match step:
            case plan.Death():
                self._death(step)
            case plan.Return():
                self.house.start(step.name)
            case plan.Wire():
                self._wire(step)
            case plan.Move():
                again(lambda: self._move(step))
            case plan.Opening():
                again(lambda: self._opening(step))
            case plan.ByHand():
                self._by_hand(step)
            case plan.Burst():
                self._burst(step)
            case plan.Amendment():
                self._amendment(step)

    # --- faults

    def _death(self, step: plan.Death) -> None:
        if step.name == "postgres":
            connections.close_all()
        self.house.end(step.name, sudden=step.sudden)
        self.done[f"{step.name} {'killed' if step.sudden else 'restarted'}"] += 1

    def _wire(self, step: plan.Wire) -> None:
        one = self.brokerages[step.tenant]
        self.house.start(one.desk)
        more: dict[str, Any] = {"slow": {"seconds": 2}, "http_status": {"status": 503}}.get(step.kind, {})
        wanted = {"kind": step.kind, "path": PATHS[one.desk, step.money], "count": step.count, **more}
        self.house.admin(one.desk, "POST", f"{one.path}/faults", wanted)
        self.done[f"line: {step.kind}"] += step.count

    # --- money

    def _move(self, step: plan.Move) -> None:
        one = self.brokerages[step.tenant]
        begin = transfer_to_account if step.into else transfer_to_wallet
        with context.use(one.ref):
            account = TradingAccount.objects.select_related("server").get(pk=one.accounts[step.account])
            for _ in range(step.times):
                try:
                    begin(actor=BENCH, account=account, amount=Money(step.minor, "EUR"), key=f"soak:{step.number}")
                except AppError as error:
                    self.done[f"refused at once: {error.code}"] += 1
                    return
        self.done["balance operations"] += 1
        self.done["asked for twice"] += step.times > 1

    def _opening(self, step: plan.Opening) -> None:
        one = self.brokerages[step.tenant]
        with context.use(one.ref):
            account = TradingAccount.objects.select_related("client").get(pk=one.accounts[step.account])
            key = f"soak:{step.number}"
            account_open(actor=BENCH, client=account.client, account_type=one.account_type, dedupe_key=key)
        self.done["accounts opened"] += 1

    def _by_hand(self, step: plan.ByHand) -> None:
        """Whether it happened when the line fails is the server's to know, as with everything the dealer does."""
        one = self.brokerages[step.tenant]
        amount = Amount(Money(step.minor, "EUR").amount)
        login = self.logins[one.accounts[step.account]]
        operation = BalanceOperation(login, BalanceKind.BALANCE, amount, "desk")

        def ask() -> None:
            with context.use(one.ref):
                platforms.ask(one.server, lambda platform: platform.balance_operation(operation))

        try:
            again(ask)
        except Outside:
            self.done["by hand, unclear"] += 1
        self.done["money moved by hand"] += 1

    # --- trades

    def _burst(self, step: plan.Burst) -> None:
        one = self.brokerages[step.tenant]
        login = self.logins[one.accounts[step.account]]
        wanted = {"kind": "burst", "login": login, "count": step.deals, "symbol": step.symbol}
        try:
            made = self.house.admin(one.desk, "POST", f"{one.path}/faults", wanted)
        except urllib.error.HTTPError as error:
            if error.code != 409:
                raise
            # Its money does not suffice: another's may.
            self._later.append(replace(step, account=(step.account + 1) % plan.ACCOUNTS))
            return
        except OSError:
            self._later.append(step)
            return
        self.done["deals"] += step.deals
        if step.deals % 2 == 0:
            self._closed[step.tenant] = int(made["last"])

    def _amendment(self, step: plan.Amendment) -> None:
        one = self.brokerages[step.tenant]
        deal = self._closed.pop(step.tenant, None)
        if deal is None or not self.house.up(one.desk):
            self._later.append(step)
            return
        wanted: dict[str, Any] = {"kind": "delete_deal", "deal": deal}
        if step.minor is not None:
            wanted = {"kind": "amend_deal", "deal": deal, "profit": str(Decimal(step.minor) / 100)}
        self.house.admin(one.desk, "POST", f"{one.path}/faults", wanted)
        self.amended.add((one.server.pk, deal))
        self.done["deals changed or removed by hand"] += 1
