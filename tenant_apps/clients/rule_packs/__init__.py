"""Rule packs: what a regulator's rules forbid towards retail clients, as versioned data files with their sources.

A pack says only what some app asks of it, so far whether bonuses may be given and the most leverage of an account;
brokerages may set limits of deposits by pack. Which pack a client falls under is decided by whoever asks (for bonuses `tenant_apps.bonuses.services.packs`). The
product knows no professional clients: everybody is treated as retail, which is the stricter reading.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path

FORBIDDEN, ALLOWED, ANY = "forbidden", "allowed", "any"


@dataclass(frozen=True, slots=True)
class RulePack:
    """`key` is stored with decisions, `version` grows with every change of the data. `countries` are those whose
    residents the rules protect wherever the broker sits; no brokerage may put them under a laxer pack. `leverage` is the
    most that an account may have (30 means 1:30), None where the rules name none."""

    key: str
    version: int
    name: str
    bonuses: str
    source: str
    read_on: date
    countries: frozenset[str]
    leverage: int | None

    @property
    def allows_bonuses(self) -> bool:
        """What is not said in so many words is forbidden."""
        return self.bonuses == ALLOWED


def _read(path: Path) -> RulePack:
    data = tomllib.loads(path.read_text(encoding="utf-8"))
    return RulePack(
        key=path.stem,
        version=int(data["version"]),
        name=str(data["name"]),
        bonuses=str(data["retail"]["bonuses"]),
        source=str(data["retail"]["source"]),
        read_on=data["read_on"],
        countries=frozenset(data.get("countries", ())),
        leverage=None if data["retail"]["leverage"] == ANY else int(data["retail"]["leverage"]),
    )


@cache
def packs() -> dict[str, RulePack]:
    """All packs by key, in the order of their file names."""
    found = [_read(path) for path in sorted(Path(__file__).parent.glob("*.toml"))]
    return {pack.key: pack for pack in found}


def protecting(country: str) -> RulePack | None:
    """The pack that protects residents of a country, if one does."""
    return next((pack for pack in packs().values() if country in pack.countries), None)
