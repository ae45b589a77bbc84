"""Crediting very many accounts while clients pay each other: what the sweep costs those clients."""

from __future__ import annotations

import gc
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from kernel import actors
from kernel.ids import short_id
from kernel.money import Money
from kernel.tenancy import context
from tenant_apps.ledger.models import Account
from tenant_apps.ledger.services import HOUSE, Leg, Posting, account_ensure
from tenant_apps.ledger.sweeps import Sweep, sweep

from .measure import Result, Series
from .processes import ROOT, database_urls
from .world import ledger_settle, make_tenants, make_wallets

ACCOUNTS, ACCOUNTS_FULL = 10_000, 100_000
RATE, CONNECTIONS = 400, 2
ALONE_SECONDS, ALONE_SECONDS_FULL = 5.0, 25.0
ACTOR = actors.system("benchmark")


class Clients:
    """The process that pays. `took` is there after the block: seconds per transfer."""

    def __init__(self, schema: str) -> None:
        command = [sys.executable, "-m", "benchmarks.online", schema, str(RATE), str(CONNECTIONS)]
        environment = os.environ | database_urls()
        self.took: list[float] = []
        self._process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        if self._said() != "ready":
            raise RuntimeError("the clients did not start")

    def _said(self) -> str:
        return str(self._process.stdout.readline()).strip() if self._process.stdout else ""

    def _tell(self) -> None:
        if self._process.stdin:
            self._process.stdin.write("\n")
            self._process.stdin.flush()

    @contextmanager
    def paying(self) -> Iterator[None]:
        try:
            self._tell()
            yield
            self._tell()
            self.took = json.loads(self._said())
        finally:
            self._process.terminate()
            self._process.wait()


def quantile(took: list[float], share: float) -> float:
    ordered = sorted(took)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def credit_all(house: Account, wallets: list[Account], minor: int) -> Sweep:
    """One credit for each, by the product's own sweep."""
    amount, run_id = Money(minor, "EUR"), short_id(8)
    postings = (
        Posting(kind="bench", legs=[Leg(house, -amount), Leg(wallet, amount)], key=f"{run_id}:{wallet.pk}")
        for wallet in wallets
    )
    done = sweep(postings=postings, actor=ACTOR)
    if done.posted != len(wallets):
        raise RuntimeError(f"{done.posted} of {len(wallets)} credited; refused: {len(done.refused)}")
    return done


def run(rounds: int, *, full: bool = False) -> Result:
    """A third of the rounds: one is a whole sweep. Clients alone and clients beside it take turns."""
    count, alone_seconds = (ACCOUNTS_FULL, ALONE_SECONDS_FULL) if full else (ACCOUNTS, ALONE_SECONDS)
    (ref,) = make_tenants(1)
    alone: list[list[float]] = []
    beside: list[list[float]] = []
    swept: list[float] = []
    with context.use(ref):
        house = account_ensure(owner=HOUSE, kind="bank", currency="EUR")
        wallets = make_wallets(ref, count)
        credit_all(house, wallets, 10_000)
        ledger_settle(ref)
        gc.freeze()  # the rows are this list's; a settlement reads its accounts as it goes
        for number in range(max(2, rounds // 3)):
            for with_sweep in (False, True) if number % 2 else (True, False):
                clients = Clients(ref.schema)
                with clients.paying():
                    began = time.perf_counter()
                    if with_sweep:
                        credit_all(house, wallets, 1)
                        swept.append(time.perf_counter() - began)
                    else:
                        time.sleep(alone_seconds)
                (beside if with_sweep else alone).append(clients.took)
    return _result(count, alone, beside, swept)


def _result(count: int, alone: list[list[float]], beside: list[list[float]], swept: list[float]) -> Result:
    def series(name: str, rounds: list[list[float]], share: float) -> Series:
        return _plain(name, [quantile(took, share) for took in rounds])

    lines = [
        series("online p99.9, alone", alone, 0.999),
        series("online p99.9, beside the sweep", beside, 0.999),
        series("online p99, alone", alone, 0.99),
        series("online p99, beside the sweep", beside, 0.99),
        series("online p50, alone", alone, 0.5),
        series("online p50, beside the sweep", beside, 0.5),
        _plain("the longest wait beside the sweep", [max(took) for took in beside]),
        _plain("the whole sweep", swept),
    ]
    rate = sum(map(len, beside)) / sum(swept)
    return Result(
        f"A sweep of {count:,} accounts beside {RATE} transfers a second",
        lines,
        note=f"{rate:.0f} transfers a second came through beside it; per round some {statistics.median(map(len, beside)):.0f}",
    )


def _plain(name: str, values: list[Any]) -> Series:
    return Series(name, values, [0.0], [0.0])
