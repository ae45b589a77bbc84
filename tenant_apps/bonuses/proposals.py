"""What an approval would put in force, field by field beside what holds now: the second person sees what they agree to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from decimal import Decimal
from typing import Any

from tenant_apps.clients.changes import Change, differences
from tenant_apps.clients.rule_packs import packs
from tenant_apps.trading.models import AccountType
from tenant_apps.wallets.models import Decision

from .models import PackChoice, SchemeVersion
from .services.packs import choice_in_force
from .services.schemes import AMOUNTS, Terms


def scheme_changes(row: SchemeVersion) -> list[Change]:
    """Of terms that replace others only what differs, else all that is said. Three queries at most."""
    approved = SchemeVersion.objects.filter(scheme=row.scheme_id, state=Decision.APPROVED, number__lt=row.number)
    held = approved.order_by("-number").first()
    before, after = _terms(held) if held else {}, _terms(row)
    changed = {name: value for name, value in after.items() if (before.get(name) != value if held else value)}
    return differences("bonuses.scheme_approved", {name: before[name] for name in changed if held}, changed)


def _terms(row: SchemeVersion) -> dict[str, Any]:
    values = {one.name: _plain(getattr(row, one.name)) for one in fields(Terms)}
    values["currencies"] = {code: _amounts(row, code) for code in row.currencies}
    types = dict(AccountType.objects.filter(pk__in=row.account_types).values_list("pk", "name"))
    values["account_types"] = sorted(types.values())
    return values


def _amounts(row: SchemeVersion, code: str) -> dict[str, str]:
    """Minor units as amounts."""
    return {name: str(row.amount_of(code, name)) for name in AMOUNTS} | {"lots": str(row.lots_per_unit(code))}


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    return value.isoformat() if hasattr(value, "isoformat") else value


def choice_changes(row: PackChoice) -> list[Change]:
    """Against what held when it was proposed: since then, and until it is decided, no other can take effect."""
    held = choice_in_force(before=row.created_at)
    return differences("bonuses.pack_approved", _choice(held) if held else {}, _choice(row))


def _choice(row: PackChoice) -> dict[str, Any]:
    return {"default": row.default, "countries": _named(row.countries)}


def _named(countries: Mapping[str, str]) -> dict[str, str]:
    return {code: str(packs()[key].name) if key in packs() else key for code, key in sorted(countries.items())}
