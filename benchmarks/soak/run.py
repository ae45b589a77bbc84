"""`python -m benchmarks --soak [--tenants N] [--deals N] [--operations N] [--seed N]`: status 0 when everything is equal."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

from benchmarks.soak import plan
from launcher import services
from launcher.layout import state_dir

if TYPE_CHECKING:
    from benchmarks.soak.brokerages import Brokerage
    from benchmarks.soak.house import House
    from benchmarks.soak.proof import Found

PATIENCE = 600.0  # seconds for accounts to be opened; later on for what is under way to end


def main(arguments: Sequence[str]) -> int:
    """Take services of one's own, soak, say what was done and found."""
    size = _size(arguments)
    with services.throwaway(state_dir() / "soak", durable=True, given={}) as own:
        os.environ |= own.environment | {"RIALTO_DEMO": "1"}
        import django

        django.setup()
        from benchmarks import world

        with world.own_database(cloned=True), tempfile.TemporaryDirectory(prefix="rialto-soak-") as folder:
            return _soak(own, Path(folder), size)


def _size(arguments: Sequence[str]) -> plan.Size:
    usual = plan.Size()
    parser = argparse.ArgumentParser(prog="python -m benchmarks --soak")
    parser.add_argument("--tenants", type=int, default=usual.tenants, help="brokerages, each with a trading server")
    parser.add_argument("--deals", type=int, default=usual.deals)
    parser.add_argument("--operations", type=int, default=usual.operations, help="balance operations")
    parser.add_argument("--seed", type=int, default=usual.seed, help="another seed, another order of things")
    return plan.Size(**vars(parser.parse_args(arguments)))


def _soak(own: services.Services, folder: Path, size: plan.Size) -> int:
    from benchmarks.soak import house as houses
    from benchmarks.soak.rest import Restless

    started = time.monotonic()
    _say(f"Soak: {size}; {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    with houses.running(own, folder) as house:
        try:
            done, found = _run(house, size)
        except Restless as error:
            _say(f"NOT SOUND: {error}", _logs(house), _again(size))
            return 1
        _say("done:", _lines(done), "found:", _lines(found.seen))
        if found.wrong:
            _say("NOT SOUND:", *found.wrong, _logs(house), _again(size))
            return 1
    _say(f"sound: every server deal once, every ledger its server to the cent; {time.monotonic() - started:.0f} s")
    return 0


def _run(house: House, size: plan.Size) -> tuple[Counter[str], Found]:
    from benchmarks.soak import deeds, proof, rest

    with _timed("the scene"):
        brokerages = _scene(house, size)
    work = deeds.Deeds(house, brokerages, _logins(brokerages))
    with _timed("deeds and faults"):
        work.all(plan.compose(size))
    with _timed("coming to rest"):
        rest.settle(house, brokerages, seconds=PATIENCE)
    with _timed("the proof"):
        return work.done, proof.prove(brokerages, work.amended)


@contextmanager
def _timed(what: str) -> Iterator[None]:
    started = time.monotonic()
    yield
    _say(f"  {time.monotonic() - started:7.1f} s  {what}")


def _scene(house: House, size: plan.Size) -> list[Brokerage]:
    from benchmarks.soak import brokerages, rest

    for name in ("mt5", "ctrader", "worker", "relay"):
        house.start(name)
    made = brokerages.make(house, size.tenants)
    house.start("bridge")
    rest.opened(made, seconds=PATIENCE)
    return made


def _logins(brokerages: Sequence[Brokerage]) -> dict[UUID, int]:
    from kernel.tenancy import context
    from tenant_apps.trading.models import TradingAccount

    found: dict[UUID, int] = {}
    for one in brokerages:
        with context.use(one.ref):
            found |= {pk: int(login or 0) for pk, login in TradingAccount.objects.values_list("pk", "login")}
    return found


def _lines(counts: Counter[str]) -> str:
    return "\n".join(f"  {number:>9,}  {what}" for what, number in sorted(counts.items()))


def _logs(house: House) -> str:
    """The ends of what the processes wrote."""
    return "\n".join(f"--- {one.name}\n{one.log.read_text()[-1500:]}" for one in house.mortals.values())


def _again(size: plan.Size) -> str:
    options = f"--tenants {size.tenants} --deals {size.deals} --operations {size.operations} --seed {size.seed}"
    return f'repeat it: make bench ARGS="--soak {options}"'


def _say(*lines: str) -> None:
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()
