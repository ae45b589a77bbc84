"""The numbers the platform gives to currencies and symbols: the same on every plant."""

from __future__ import annotations

from sandbox.exchange.catalogue import SYMBOLS

SYMBOL_IDS = {spec.name: number for number, spec in enumerate(SYMBOLS, 1)}
ASSETS = sorted({name for spec in SYMBOLS for name in (spec.base, spec.profit)})
ASSET_IDS = {name: number for number, name in enumerate(ASSETS, 1)}
