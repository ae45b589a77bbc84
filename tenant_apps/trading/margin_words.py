"""What people read of margin calls and stop-outs: on the timeline, under the bell, in mails. `facts` are the event's."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django.utils.translation import pgettext

from kernel.money import Money
from kernel.ui.formatting import money_isolated, percent_text

from .margin import MONEY

Facts = Mapping[str, Any]
FSI, PDI = "\u2068", "\u2069"


def amount_words(value: object, facts: Facts) -> str:
    """A level as people know it: 90.6%, or an amount of money."""
    number = Decimal(str(value))
    if facts.get("unit") == MONEY:
        return money_isolated(Money.of(number, facts["currency"], rounding="ROUND_HALF_EVEN"))
    return f"{FSI}{percent_text(number / 100)}{PDI}"


def _login(facts: Facts) -> str:
    return f"{FSI}{facts.get('login', '')}{PDI}"


def margin_call(facts: Facts) -> tuple[str, str]:
    """Title and text for the client."""
    title = pgettext("margin call", "Margin call on account %(login)s") % {"login": _login(facts)}
    values = {"value": amount_words(facts["value"], facts), "stop_out": amount_words(facts["stop_out"], facts)}
    if facts.get("unit") == MONEY:
        text = pgettext(
            "margin call", "The equity has fallen to %(value)s. At %(stop_out)s positions are closed automatically."
        )
    else:
        text = pgettext(
            "margin call",
            "The margin level has fallen to %(value)s. At %(stop_out)s positions are closed automatically.",
        )
    return title, text % values


def stopped_out(facts: Facts) -> tuple[str, str]:
    """Title and text for the client."""
    title = pgettext("margin call", "Positions closed on account %(login)s") % {"login": _login(facts)}
    text = pgettext(
        "margin call", "The trading server closed positions because the margin did not carry them any more (stop-out)."
    )
    return title, text


def for_staff(kind: str, client: Any, facts: Facts) -> tuple[str, str]:
    """Title and text for whoever is responsible for the client."""
    title, text = (stopped_out if kind == "trading.stopped_out" else margin_call)(facts)
    return title, f"{FSI}{client.name}{PDI}: {text}"


def timeline_margin_call(facts: Facts) -> str:
    return pgettext("timeline", "Margin call on trading account %(login)s at %(value)s") % {
        "login": _login(facts), "value": amount_words(facts["value"], facts),
    }  # fmt: skip


def timeline_stopped_out(facts: Facts) -> str:
    return pgettext("timeline", "Stop-out: the server closed positions on trading account %(login)s") % {
        "login": _login(facts)
    }
