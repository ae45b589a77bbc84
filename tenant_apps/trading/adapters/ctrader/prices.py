"""Prices as the server streams them, and conversion between assets along them."""

import asyncio
from collections import deque
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from decimal import Decimal

from tenant_apps.trading.errors import PlatformRejected

from . import manager_pb2 as pb
from . import wire
from .catalogue import Catalogue, Contents, Instrument
from .config import CTraderConfig
from .link import Link
from .values import RATE_DIGITS, Malformed
from .wire import Incoming

Pair = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Spot:
    """A price x 100 000; zero where none came yet. `number` grows with every change of any symbol."""

    bid: int = 0
    ask: int = 0
    at: int = 0
    number: int = 0


class Prices:
    """A `Hearer`. Subscribes to what is asked for, and stays subscribed as long as the connection lasts."""

    def __init__(self, config: CTraderConfig, link: Link, catalogue: Catalogue) -> None:
        self._config = config
        self._link = link
        self._catalogue = catalogue
        self._spots: dict[int, Spot] = {}
        self._subscribed: dict[int, float] = {}
        self._turn = asyncio.Lock()
        self._arrived = asyncio.Event()
        self._number = 0
        link.hearers.append(self)

    def connected(self) -> None:
        self._subscribed.clear()
        self._spots.clear()  # what came before may be long out of date

    def heard(self, incoming: Incoming) -> None:
        if incoming.number != wire.SPOT:
            return
        try:
            event: pb.SpotEvent = wire.read(pb.SpotEvent, incoming.payload)
        except Malformed:
            return
        known = self._spots.get(event.symbol_id, Spot())
        self._number += 1
        self._spots[event.symbol_id] = replace(
            known, bid=event.bid or known.bid, ask=event.ask or known.ask, at=event.at, number=self._number
        )
        self._arrived.set()
        self._arrived = asyncio.Event()

    @property
    def number(self) -> int:
        """Of the latest change."""
        return self._number

    async def latest(self, symbols: Collection[int]) -> dict[int, Spot]:
        """Without those that have no price. A first one is awaited, but not again at every call."""
        time = asyncio.get_running_loop().time
        while True:
            await self._subscribe(symbols)
            arrived = self._arrived
            found = {key: spot for key in symbols if (spot := self._spots.get(key)) and spot.bid and spot.ask}
            since = max((self._subscribed.get(key, 0.0) for key in symbols if key not in found), default=0.0)
            left = since + self._config.spot_seconds - time()
            if len(found) == len(set(symbols)) or left <= 0:
                return found
            try:
                async with asyncio.timeout(left):
                    await arrived.wait()
            except TimeoutError:
                continue

    async def _subscribe(self, symbols: Collection[int]) -> None:
        async with self._turn:
            missing = sorted(set(symbols) - self._subscribed.keys())
            if not missing:
                return
            wish = pb.SubscribeSpotsReq(symbol_id=missing, with_time=True)
            try:
                await self._link.ask(wire.SUBSCRIBE_SPOTS, wish)
            except PlatformRejected as refused:
                if "ALREADY_SUBSCRIBED" not in refused.text:
                    raise
            self._subscribed.update(dict.fromkeys(missing, asyncio.get_running_loop().time()))

    # --- conversion

    async def rates(self, pairs: Iterable[Pair]) -> dict[Pair, Decimal]:
        """What one of the first asset is worth in the second, without pairs of which nothing tells."""
        contents = await self._catalogue.contents()
        paths = {pair: path for pair in set(pairs) if (path := _path(contents, *pair)) is not None}
        needed = {one.symbol_id for path in paths.values() for one in path}
        spots = await self.latest(needed) if needed else {}
        rates = {pair: _rate(pair[0], path, spots) for pair, path in paths.items()}
        return {pair: rate for pair, rate in rates.items() if rate is not None}


def _path(contents: Contents, source: int, target: int) -> list[Instrument] | None:
    """The shortest way from one asset to another over symbols."""
    ways: dict[int, list[Instrument]] = {source: []}
    queue = deque([source])
    while queue and target not in ways:
        here = queue.popleft()
        for one in contents.by_name.values():
            if here in (one.base, one.quote):
                there = one.quote if here == one.base else one.base
                if there not in ways:
                    ways[there] = [*ways[here], one]
                    queue.append(there)
    return ways.get(target)


def _rate(source: int, path: list[Instrument], spots: dict[int, Spot]) -> Decimal | None:
    rate, here = Decimal(1), source
    for one in path:
        price = spots.get(one.symbol_id)
        if price is None:
            return None
        if here == one.base:
            rate, here = rate * price.bid / 100_000, one.quote
        else:
            rate, here = rate * 100_000 / price.ask, one.base
    return round(rate, RATE_DIGITS)
