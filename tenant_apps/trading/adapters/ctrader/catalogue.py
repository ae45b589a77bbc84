"""What the server trades and in what: assets, symbols, groups; and what a lot of a symbol is."""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from google.protobuf.json_format import MessageToDict

from . import manager_pb2 as pb
from . import wire
from .config import CTraderConfig
from .link import Link
from .values import Malformed, need

CENTS = Decimal(100)


@dataclass(frozen=True, slots=True)
class Instrument:
    """A symbol, with its lot in whole units of the base asset. `record` is None for archived ones."""

    symbol_id: int
    name: str
    digits: int
    contract_size: Decimal
    base: int
    quote: int
    record: pb.Symbol | None

    def lots(self, volume: int) -> Decimal:
        """Of a volume in cents."""
        return volume / CENTS / self.contract_size


@dataclass(frozen=True, slots=True)
class Contents:
    """All of it as read at one moment."""

    assets: Mapping[int, pb.Asset]
    instruments: Mapping[int, Instrument]
    by_name: Mapping[str, Instrument]
    groups: Mapping[int, pb.Group]

    def asset(self, asset_id: int) -> pb.Asset:
        """Raises Malformed; so for one without digits: amounts would be off by powers of ten."""
        asset = self.assets.get(asset_id)
        if asset is None or not asset.HasField("digits"):
            raise Malformed(f"no digits known of asset {asset_id}")
        return asset

    def instrument(self, symbol_id: int) -> Instrument:
        found = self.instruments.get(symbol_id)
        if found is None:
            raise Malformed(f"no symbol {symbol_id}")
        return found

    def group_name(self, group_id: int) -> str:
        group = self.groups.get(group_id)
        return group.name if group is not None else ""

    def groups_like(self, mask: str) -> dict[int, pb.Group]:
        return {key: group for key, group in self.groups.items() if matches(mask, group.name)}


def matches(mask: str, name: str) -> bool:
    """Masks as on MT5: alternatives between commas, `*` for anything, `!` in front takes out."""
    wanted = False
    for part in (one.strip() for one in mask.split(",")):
        if _alike(part.removeprefix("!").casefold(), name.casefold()):
            if part.startswith("!"):
                return False
            wanted = True
    return wanted


def _alike(pattern: str, name: str) -> bool:
    first, *rest = pattern.split("*")
    if not rest:
        return name == first
    if not name.startswith(first):
        return False
    at = len(first)
    for part in rest[:-1]:
        found = name.find(part, at)
        if found < 0:
            return False
        at = found + len(part)
    return len(name) - at >= len(rest[-1]) and name.endswith(rest[-1])


class Catalogue:
    def __init__(self, config: CTraderConfig, link: Link) -> None:
        self._config = config
        self._link = link
        self._turn = asyncio.Lock()
        self._contents: Contents | None = None
        self._read_at = 0.0

    async def contents(self, *, max_age: float | None = None) -> Contents:
        """As read not longer ago than `max_age` seconds (default: the configuration's). Raises Malformed."""
        time = asyncio.get_running_loop().time
        async with self._turn:
            age = time() - self._read_at
            if self._contents is None or age > (self._config.identity_seconds if max_age is None else max_age):
                self._contents = await self._read()
                self._read_at = time()
            return self._contents

    async def knowing(self, *, symbols: Iterable[int] = (), groups: Iterable[int] = ()) -> Contents:
        """Contents that know these, read anew if they did not: symbols and groups are added at any time."""
        contents = await self.contents()
        if contents.instruments.keys() >= set(symbols) and contents.groups.keys() >= set(groups):
            return contents
        return await self.contents(max_age=1.0)

    async def _read(self) -> Contents:
        assets, symbols, groups = await asyncio.gather(
            self._link.ask(wire.ASSETS), self._link.ask(wire.SYMBOLS), self._link.ask(wire.GROUPS)
        )
        per_unit = self._cents_per_unit(symbols.symbol)
        instruments = [_archived(symbol, per_unit) for symbol in symbols.archived]
        instruments += [_instrument(symbol, per_unit) for symbol in symbols.symbol]
        return Contents(
            assets={need(asset, "asset_id"): asset for asset in assets.asset},
            instruments={one.symbol_id: one for one in instruments},
            by_name={one.name: one for one in instruments if one.record is not None},
            groups={need(group, "group_id"): group for group in groups.group if not group.deleted},
        )

    def _cents_per_unit(self, symbols: Any) -> Decimal:
        """What a lot size is divided by to be units: sources disagree, so a symbol everybody knows decides."""
        units = {"units": Decimal(1), "cents": CENTS}
        if self._config.lot_size_unit in units:
            return units[self._config.lot_size_unit]
        name = _plain(self._config.lot_symbol)
        for symbol in symbols:
            if _plain(symbol.name) == name:
                for divisor in units.values():
                    if symbol.lot_size == self._config.lot_units * divisor:
                        return divisor
                raise Malformed(f"a lot of {symbol.name} is {symbol.lot_size}: set lot_size_unit")
        raise Malformed(f"no {self._config.lot_symbol} to tell the unit of lots by: set lot_size_unit")


def _plain(name: str) -> str:
    return "".join(char for char in name if char.isalnum()).upper()


def _lot(size: int, per_unit: Decimal, name: str) -> Decimal:
    if size <= 0:
        raise Malformed(f"a lot of {name} is {size}")
    return size / per_unit


def _instrument(symbol: pb.Symbol, per_unit: Decimal) -> Instrument:
    return Instrument(
        symbol_id=need(symbol, "symbol_id"),
        name=need(symbol, "name"),
        digits=need(symbol, "digits"),
        contract_size=_lot(symbol.lot_size, per_unit, symbol.name),
        base=symbol.base_asset_id,
        quote=symbol.quote_asset_id,
        record=symbol,
    )


def _archived(symbol: pb.ArchivedSymbol, per_unit: Decimal) -> Instrument:
    return Instrument(
        symbol_id=need(symbol, "symbol_id"),
        name=need(symbol, "name"),
        digits=need(symbol, "digits"),
        contract_size=_lot(symbol.lot_size, per_unit, symbol.name),
        base=symbol.base_asset_id,
        quote=0,
        record=None,
    )


def raw(message: Any) -> dict[str, Any]:
    """The server's record, in our names of its fields."""
    return MessageToDict(message, preserving_proto_field_name=True)
