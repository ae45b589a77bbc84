"""What open pages are told. Numbers are put into words here, only for watched accounts: once per language of the brokerage, and
where the client's country writes them in its own way once more."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from babel import Locale

from kernel.live.publish import send
from kernel.money import Money
from kernel.tenancy.context import TenantRef
from kernel.ui.formatting import money_text, number_custom, number_locale
from tenant_apps.trading.bridge.records import AccountRef, PositionRow, Snapshot
from tenant_apps.trading.models import price_text

Message = tuple[str, dict[str, Any]]


def languages_of(tenant: TenantRef) -> tuple[str, ...]:
    """Those a page may be shown in: the brokerage's own, and English for its office."""
    return tuple(dict.fromkeys([*tenant.setting("languages", []), "en", "de", "ar", "ru", "es"]))


def message(topic: str, data: dict[str, Any], ts: int) -> Message:
    return topic, {"topic": topic, "data": data, "ts": ts}


def tick(
    account: AccountRef,
    snapshot: Snapshot,
    positions: Iterable[PositionRow],
    *,
    languages: Iterable[str],
    ts: int,
) -> Message:
    """The account's numbers and its positions' prices and profits: keys `<custom>.equity`, `<custom>.p<number>`
    (`formatting.number_custom`)."""
    rows = list(positions)
    data: dict[str, Any] = {}
    for language, locale in _customs(languages, account.country).items():

        def money(minor: int, *, signed: bool = False, locale: Any = locale) -> dict[str, Any]:
            text = money_text(Money(minor, account.currency), locale=locale, signed=signed)
            tone = "up" if minor > 0 else "down" if minor < 0 else ""
            return {"text": text, "raw": minor, **({"tone": tone} if signed else {})}

        data |= {
            f"{language}.balance": money(snapshot.balance),
            f"{language}.equity": money(snapshot.equity),
            f"{language}.margin": money(snapshot.margin),
            f"{language}.free": money(snapshot.free_margin),
            f"{language}.floating": money(snapshot.floating, signed=True),
        }
        for row in rows:
            data[f"{language}.p{row.position}"] = money(row.profit + row.swap, signed=True)
            data[f"{language}.c{row.position}"] = price_text(row.price_current)
    return message(account.topic, data, ts)


def _customs(languages: Iterable[str], country: str) -> dict[str, Locale]:
    """By their names, as pages know them: the office reads in its own language, the client by the country's custom."""
    return {number_custom(code, land): number_locale(code, land) for code in languages for land in ("", country)}


def tell(tenant: TenantRef, messages: list[Message]) -> None:
    """Send now: everything told is committed already."""
    if messages:
        send(tenant.id, messages)
