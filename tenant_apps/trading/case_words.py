"""Words for what a case says, in the reader's language."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import pgettext_lazy

from kernel.money import Money
from kernel.ui.formatting import money_text

from .models import Case, price_text
from .ports import DealEntry, DealKind
from .services.cases import AGREES, COMPARISON

FACTS: dict[str, Any] = {
    "deal": pgettext_lazy("trading case fact", "Deal"),
    "kind": pgettext_lazy("trading case fact", "Kind of deal"),
    "comment": pgettext_lazy("trading case fact", "Comment"),
    "login": pgettext_lazy("trading case fact", "Trading account"),
    "operation": pgettext_lazy("trading case fact", "Operation"),
    "found": pgettext_lazy("trading case fact", "Found on the server"),
    "fields": pgettext_lazy("trading case fact", "What was changed"),
    "before": pgettext_lazy("trading case fact", "As it was"),
    "after": pgettext_lazy("trading case fact", "As it is now"),
}
# What a deal is compared by (compare.COMPARED).
FIELDS: dict[str, Any] = {
    "login": FACTS["login"],
    "kind": FACTS["kind"],
    "entry": pgettext_lazy("deal", "Opening or closing"),
    "symbol": pgettext_lazy("deal", "Symbol"),
    "lots": pgettext_lazy("deal", "Lots"),
    "price": pgettext_lazy("deal", "Price"),
    "profit_minor": pgettext_lazy("deal", "Profit"),
    "swap_minor": pgettext_lazy("deal", "Swap"),
    "commission_minor": pgettext_lazy("deal", "Commission"),
    "result_minor": pgettext_lazy("deal", "Result"),
}
KINDS: dict[str, Any] = {
    DealKind.BUY: pgettext_lazy("deal", "Buy"),
    DealKind.SELL: pgettext_lazy("deal", "Sell"),
    DealKind.BALANCE: pgettext_lazy("deal", "Deposit or withdrawal"),
    DealKind.CREDIT: pgettext_lazy("deal", "Credit"),
    DealKind.CHARGE: pgettext_lazy("deal", "Charge"),
    DealKind.CORRECTION: pgettext_lazy("deal", "Correction"),
    DealKind.BONUS: pgettext_lazy("deal", "Bonus"),
    DealKind.COMMISSION: pgettext_lazy("deal", "Commission"),
    DealKind.AGENT: pgettext_lazy("deal", "Agent’s commission"),
    DealKind.INTEREST: pgettext_lazy("deal", "Interest"),
    DealKind.CANCELLED_BUY: pgettext_lazy("deal", "Cancelled buy"),
    DealKind.CANCELLED_SELL: pgettext_lazy("deal", "Cancelled sell"),
    DealKind.DIVIDEND: pgettext_lazy("deal", "Dividend"),
    DealKind.TAX: pgettext_lazy("deal", "Tax"),
    DealKind.COMPENSATION: pgettext_lazy("deal", "Compensation"),
    DealKind.COPY: pgettext_lazy("deal", "Copying"),
    DealKind.COPY_FEE: pgettext_lazy("deal", "Fee for copying"),
    DealKind.OTHER: pgettext_lazy("deal", "Other entry"),
}
ENTRIES: dict[str, Any] = {
    DealEntry.IN: pgettext_lazy("deal", "Opening"),
    DealEntry.OUT: pgettext_lazy("deal", "Closing"),
    DealEntry.IN_OUT: pgettext_lazy("deal", "Reversal"),
    DealEntry.OUT_BY: pgettext_lazy("deal", "Closing by an opposite position"),
}
LEFT_OUT = ("by_hand",)  # says whether resolving posts, which the page tells by itself


def facts(case: Case) -> list[tuple[Any, str]]:
    """What the case was opened with, as far as there is something to say."""
    shown = ((key, value) for key, value in _ordered(case.data, FACTS) if value and key not in LEFT_OUT)
    return [(FACTS.get(key, key), _text(case, key, value)) for key, value in shown]


def _ordered(values: Mapping[str, Any], words: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """As the words stand; the database keeps no order of names. What has no words comes last."""
    order = list(words)
    return sorted(values.items(), key=lambda item: order.index(item[0]) if item[0] in words else len(order))


def _text(case: Case, key: str, value: Any) -> str:
    """One line, or several for a list or what belongs to names."""
    if isinstance(value, Mapping):
        items = ((name, item) for name, item in _ordered(value, FIELDS) if item != "")
        told = [(FIELDS.get(name, name), _value(case, name, item)) for name, item in items]
        return format_html_join(mark_safe("<br>"), "<bdi>{}: {}</bdi>", told)
    if isinstance(value, list):
        return format_html_join(mark_safe("<br>"), "<bdi>{}</bdi>", [(FIELDS.get(str(one), one),) for one in value])
    return str(KINDS.get(value, value)) if key == "kind" else str(value)


def _value(case: Case, name: str, value: Any) -> SafeString:
    """A compared value, which a case keeps as text: minor units, numbers with the zeros of their column, our own words."""
    if name in ("kind", "entry"):
        words = KINDS if name == "kind" else ENTRIES
        return format_html("<bdi>{}</bdi>", words.get(value, value))
    return format_html('<bdi dir="ltr">{}</bdi>', _number(case, name, value))


def _number(case: Case, name: str, value: Any) -> str:
    currency = case.currency or (case.account.currency if case.account else "")
    if name.endswith("_minor") and currency:
        return money_text(Money(int(value), currency))
    return price_text(Decimal(value)) if name in ("lots", "price") else str(value)


def note_words(text: str) -> str:
    """A note as written; the comparison's own one translated."""
    return str(pgettext_lazy("trading case", "Both sides agree again.")) if text == AGREES else text


def author_words(name: str) -> str:
    """Who resolved a case or wrote a note; the comparison has no name."""
    return str(pgettext_lazy("trading case", "Comparison with the server")) if name in ("", COMPARISON) else name
