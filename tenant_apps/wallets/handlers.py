"""Words of ours in the wallet's history and on the client's timeline."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import pgettext

from kernel.money import Money
from kernel.ui.formatting import money_isolated
from tenant_apps.clients.models import TimelineEntry
from tenant_apps.clients.timeline import register_kind

from . import change_kinds
from .lines import register_line
from .words import adjustment_words


def amount_of(data: Mapping[str, Any], name: str = "amount") -> str:
    """An amount of stored data, isolated: its sign stays on its side."""
    return money_isolated(Money.from_json(data[name]))


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


def _requested(entry: TimelineEntry) -> str:
    return pgettext("timeline", "Transfer of %(amount)s to client %(number)s waits for approval.") % _sent_values(entry)


def _sent(entry: TimelineEntry) -> str:
    return pgettext("timeline", "Sent %(amount)s to client %(number)s.") % _sent_values(entry)


def _refused(entry: TimelineEntry) -> str:
    values = _sent_values(entry) | {"reason": f"\u2068{entry.data.get('reason', '')}\u2069"}
    return pgettext("timeline", "Transfer of %(amount)s to client %(number)s was refused: %(reason)s") % values


def _cancelled(entry: TimelineEntry) -> str:
    return pgettext("timeline", "Transfer of %(amount)s to client %(number)s cancelled.") % _sent_values(entry)


def _received(entry: TimelineEntry) -> str:
    values = {"amount": amount_of(entry.data), "number": f"\u2066{entry.data.get('from', '')}\u2069"}
    return pgettext("timeline", "Received %(amount)s from client %(number)s.") % values


def _sent_values(entry: TimelineEntry) -> dict[str, str]:
    return {"amount": amount_of(entry.data), "number": f"\u2066{entry.data.get('to', '')}\u2069"}


def _transfer_line(data: Mapping[str, Any]) -> str:
    values = {"sender": f"\u2066{data.get('from', '')}\u2069", "recipient": f"\u2066{data.get('to', '')}\u2069"}
    return pgettext("wallet line", "Transfer from client %(sender)s to client %(recipient)s") % values


for _name, _icon, _tone, _words in (
    ("wallets.transfer_requested", "clock", "info", _requested),
    ("wallets.transfer_sent", "send", "success", _sent),
    ("wallets.transfer_rejected", "circle-x", "danger", _refused),
    ("wallets.transfer_cancelled", "undo-2", "neutral", _cancelled),
    ("wallets.transfer_received", "arrow-down-left", "success", _received),
):
    register_kind(_name, icon=_icon, tone=_tone, words=_words, for_client=True)
register_line("wallets.transfer", icon="send", words=_transfer_line)


def _adjustment(entry: TimelineEntry, words: str) -> str:
    return words % {"amount": amount_of(entry.data), "reason": adjustment_words(entry.data.get("reason", ""))}


def _adjustment_proposed(entry: TimelineEntry) -> str:
    return _adjustment(entry, pgettext("timeline", "Adjustment of %(amount)s proposed: %(reason)s."))


def _adjusted(entry: TimelineEntry) -> str:
    return _adjustment(entry, pgettext("timeline", "Wallet adjusted by %(amount)s: %(reason)s."))


def _adjustment_rejected(entry: TimelineEntry) -> str:
    return _adjustment(entry, pgettext("timeline", "Adjustment of %(amount)s refused: %(reason)s."))


def _adjustment_withdrawn(entry: TimelineEntry) -> str:
    return _adjustment(entry, pgettext("timeline", "Adjustment of %(amount)s taken back: %(reason)s."))


def _adjustment_line(data: Mapping[str, Any]) -> str:
    return adjustment_words(str(data.get("reason", "")))


register_kind("wallets.adjustment_proposed", icon="scale", tone="info", words=_adjustment_proposed)
register_kind("wallets.adjusted", icon="scale", tone="success", words=_adjusted, for_client=True)
register_kind("wallets.adjustment_rejected", icon="circle-x", tone="warning", words=_adjustment_rejected)
register_kind("wallets.adjustment_withdrawn", icon="undo-2", words=_adjustment_withdrawn)
register_line("wallets.adjustment", icon="scale", words=_adjustment_line)

change_kinds.register()
