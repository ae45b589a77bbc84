"""Words of ours in the wallet's history and on the client's timeline."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import pgettext

from kernel.money import Money
from kernel.ui.formatting import money_text
from tenant_apps.clients.models import TimelineEntry
from tenant_apps.clients.timeline import register_kind

from .lines import register_line


def amount_of(data: Mapping[str, Any], name: str = "amount") -> str:
    """An amount of stored data, isolated: its sign stays on its side."""
    return f"\u2066{money_text(Money.from_json(data[name]))}\u2069"


def _exchanged(entry: TimelineEntry) -> str:
    values = {"give": amount_of(entry.data, "give"), "get": amount_of(entry.data, "get")}
    return pgettext("timeline", "Exchanged %(give)s for %(get)s.") % values


def _exchange_line(data: Mapping[str, Any]) -> str:
    if "give" not in data:
        return pgettext("wallet line", "Exchange")
    values = {"give": data["give"]["currency"], "get": data["get"]["currency"]}
    return pgettext("wallet line", "Exchange from %(give)s to %(get)s") % values


register_kind("wallets.exchanged", icon="arrow-left-right", tone="info", words=_exchanged, for_client=True)
register_line("wallets.exchange", icon="arrow-left-right", words=_exchange_line)
