"""What a soak does, decided beforehand by its seed: deals, balance operations and faults, in one order."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import cycle

STAGED = 0.05, 0.85  # of the run: the part in which faults happen
ACCOUNTS = 4  # of each brokerage
WIRE = ("drop_after_commit", "drop_before_commit", "slow", "half_open", "rights_missing", "http_status")
MORTAL = ("bridge", "worker", "mt5", "ctrader", "relay", "postgres", "redis")
BY_ONE = frozenset({"postgres", "redis"})  # without which the soak itself can do nothing but trade


@dataclass(frozen=True, slots=True)
class Size:
    """How much of everything. `wires` faults on the line and `deaths` of processes; at least one of each kind."""

    tenants: int = 20
    deals: int = 100_000
    operations: int = 5_000
    seed: int = 1

    @property
    def wires(self) -> int:
        return max(len(WIRE), self.operations // 25)

    @property
    def deaths(self) -> int:
        return max(len(MORTAL), self.operations // 100)


@dataclass(frozen=True, slots=True)
class Burst:
    """So many deals of one account, opened and closed, at once."""

    tenant: int
    account: int
    deals: int
    symbol: str


@dataclass(frozen=True, slots=True)
class Move:
    """Money between wallet and account, asked for `times` times with one key. Minor units."""

    number: int
    tenant: int
    account: int
    into: bool
    minor: int
    times: int


@dataclass(frozen=True, slots=True)
class Opening:
    """One more account of a client."""

    number: int
    tenant: int
    account: int


@dataclass(frozen=True, slots=True)
class ByHand:
    """The dealer moves money on the server without us. Minor units, signed."""

    tenant: int
    account: int
    minor: int


@dataclass(frozen=True, slots=True)
class Amendment:
    """The dealer changes the result of a closed deal, or removes it. Minor units."""

    tenant: int
    minor: int | None


@dataclass(frozen=True, slots=True)
class Wire:
    """A fault of a server's line: for the next requests that move money, or that read."""

    tenant: int
    kind: str
    money: bool
    count: int


@dataclass(frozen=True, slots=True)
class Death:
    """A process ends without warning, or is asked to."""

    name: str
    sudden: bool


@dataclass(frozen=True, slots=True)
class Return:
    """It is started again."""

    name: str


Step = Burst | Move | Opening | ByHand | Amendment | Wire | Death | Return


def compose(size: Size) -> list[Step]:
    """All steps in order. The same size and seed give the same."""
    rng = random.Random(size.seed)
    steps: list[Step] = [*_bursts(size, rng), *_moves(size, rng), *_dealer(size, rng)]
    rng.shuffle(steps)
    first, last = (round(len(steps) * share) for share in STAGED)
    faults: list[Wire | Death] = [*_wires(size, rng), *_deaths(size, rng)]
    rng.shuffle(faults)
    # From behind, so that what is inserted does not move the places still to come.
    for place, fault in sorted(((rng.randrange(first, last), fault) for fault in faults), key=lambda one: -one[0]):
        if isinstance(fault, Death):
            _insert_death(steps, place, fault, rng)
        else:
            steps.insert(place, fault)
    return steps


def _insert_death(steps: list[Step], place: int, death: Death, rng: random.Random) -> None:
    """With its return: some steps later, or, of what the soak itself stands on, after the next few bursts."""
    if death.name not in BY_ONE:
        steps.insert(min(place + rng.randrange(2, 30), len(steps)), Return(death.name))
        steps.insert(place, death)
        return
    bursts = [number for number in range(place, len(steps)) if isinstance(steps[number], Burst)][: rng.randrange(1, 5)]
    moved = [steps.pop(number) for number in reversed(bursts)]
    steps[place:place] = [death, *moved, Return(death.name)]


def _somewhere(size: Size, rng: random.Random) -> tuple[int, int]:
    return rng.randrange(size.tenants), rng.randrange(ACCOUNTS)


def _bursts(size: Size, rng: random.Random) -> Iterator[Burst]:
    left, usual = size.deals, max(2, size.deals // (size.operations or 1))
    while left:
        most = rng.choice((2, 2, usual, usual, usual * 8))
        count = min(left, rng.randrange(1, most + 1) * 2 - (rng.random() < 0.1))
        left -= count
        yield Burst(*_somewhere(size, rng), count, rng.choice(("EURUSD", "GBPUSD", "AUDUSD")))


def _moves(size: Size, rng: random.Random) -> Iterator[Move]:
    for number in range(size.operations):
        too_much = rng.random() < 0.02
        minor = 900_000_000 if too_much else rng.randrange(1, 20_000)
        yield Move(number, *_somewhere(size, rng), rng.random() < 0.5, minor, 2 if rng.random() < 0.05 else 1)


def _dealer(size: Size, rng: random.Random) -> Iterator[Step]:
    """What happens on servers without us, and accounts opened meanwhile: a few in each brokerage."""
    for number in range(size.tenants):
        yield Opening(number, number, rng.randrange(ACCOUNTS))
        yield ByHand(number, rng.randrange(ACCOUNTS), rng.choice((-1, 1)) * rng.randrange(1, 5_000))
        yield Amendment(number, rng.choice((None, -rng.randrange(1, 500), rng.randrange(1, 500))))


def _wires(size: Size, rng: random.Random) -> Iterator[Wire]:
    for number, kind in zip(range(size.wires), cycle(WIRE), strict=False):
        # Not all servers know all faults: a status is of HTTP only, and the first server speaks it.
        tenant = 0 if kind == "http_status" else rng.randrange(size.tenants)
        yield Wire(tenant, kind, number < len(WIRE) or rng.random() < 0.5, rng.randrange(1, 4))


def _deaths(size: Size, rng: random.Random) -> Iterator[Death]:
    for _, name in zip(range(size.deaths), cycle(MORTAL), strict=False):
        yield Death(name, rng.random() < 0.8)
