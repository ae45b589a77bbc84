"""Template tags and filters of the design system. Built in: pages need no `{% load %}`."""

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from django import template
from django.template.context import Context
from django.utils.html import conditional_escape, format_html, strip_tags
from django.utils.safestring import SafeString

from kernel import audit_words
from kernel.actors import shown
from kernel.ui import formatting, icons, nav, sparkline, variants
from kernel.ui.forms import typed_text

register = template.Library()

Number = Decimal | int | float


@register.simple_tag
def icon(name: str, size: int = 20, css_class: str = "", label: str = "") -> SafeString:
    """`{% icon "users" %}`, `{% icon "users" size=16 css_class="text-muted" label=_("Clients") %}`."""
    return icons.icon_svg(str(name), int(size), str(css_class), str(label))


@register.simple_tag
def ui_class(kind: str, name: str) -> str:
    """Classes of a component variant; raises for a variant nobody designed."""
    return variants.variant_class(kind, str(name))


def _ltr(text: str, css_class: str = "num") -> SafeString:
    return format_html('<bdi dir="ltr" class="{}">{}</bdi>', css_class, text)


def _tone(negative: bool, zero: bool) -> str:
    if zero:
        return "num"
    return "num text-down" if negative else "num text-up"


@register.filter
def money(value: Any) -> SafeString:
    """`{{ account.balance|money }}` for a Money or a `(minor, currency)` pair; empty for None."""
    return SafeString("") if value is None or value == "" else _ltr(formatting.money_text(value))


@register.simple_tag(name="money")
def money_tag(value: Any, currency: str | None = None, signed: bool = False, code: bool = False) -> SafeString:
    """`{% money 125000 "KWD" %}`, `{% money profit signed=True %}`."""
    return _ltr(formatting.money_text(value, currency, signed=signed, code=code))


@register.filter
def money_plain(value: Any) -> str:
    """Money without markup, for attributes and text mails."""
    return "" if value is None else formatting.money_text(value)


@register.filter
def typed(value: Any) -> str:
    """An amount as the reader would type it, for what fills a box: Money's decimals with the language's mark."""
    return "" if value is None else typed_text(value.amount)


@register.filter
def money_signed(value: Any) -> SafeString:
    """Profit or loss: with a sign, green or red."""
    if value is None:
        return SafeString("")
    minor, _ = formatting.money_parts(value)
    return _ltr(formatting.money_text(value, signed=True), _tone(minor < 0, minor == 0))


@register.filter
def number(value: Number | None, places: int = 0) -> SafeString:
    """A grouped number: `{{ 12480|number }}`, `{{ price|number:5 }}`."""
    return SafeString("") if value is None else _ltr(formatting.number_text(value, places))


@register.filter
def text_length(html: str) -> int:
    """How long a piece of HTML reads, whatever its source is indented by."""
    return len(" ".join(strip_tags(html).split()))


@register.filter
def signed(value: Number | None, places: int = 0) -> SafeString:
    """A number with its sign, green or red."""
    if value is None:
        return SafeString("")
    return _ltr(formatting.number_text(value, places, signed=True), _tone(value < 0, value == 0))


@register.filter
def compact(value: Number | None) -> SafeString:
    """`3.9M`."""
    return SafeString("") if value is None else format_html('<bdi class="num">{}</bdi>', formatting.compact_text(value))


@register.filter
def lots(value: Number | None) -> SafeString:
    """Volume in lots."""
    return SafeString("") if value is None else _ltr(formatting.lots_text(value))


@register.filter
def milliseconds(value: Number | None) -> str:
    """A duration with its unit, in the direction of the language."""
    return "" if value is None else formatting.milliseconds_text(value)


@register.filter
def percent(ratio: Number | None, places: int = 1) -> SafeString:
    """A ratio as percent: `{{ 0.042|percent }}` is 4.2%."""
    return SafeString("") if ratio is None else _ltr(formatting.percent_text(ratio, places))


@register.filter
def in_percent(value: Number | None, places: int = 0) -> SafeString:
    """What is in percent already: `{{ 4.2|in_percent:1 }}` is 4.2%."""
    return SafeString("") if value is None else _ltr(formatting.in_percent_text(value, places))


@register.filter
def percent_signed(ratio: Number | None, places: int = 1) -> SafeString:
    """A change in percent, with sign and colour."""
    if ratio is None:
        return SafeString("")
    return _ltr(formatting.percent_text(ratio, places, signed=True), _tone(ratio < 0, ratio == 0))


def _time_element(
    value: datetime | date, text: str, title: str, *, css_class: str = "", ago: bool = False
) -> SafeString:
    return format_html(
        '<time datetime="{}" title="{}"{} class="{}">{}</time>',
        value.isoformat(),
        title,
        SafeString(" data-ago") if ago else "",
        f"whitespace-nowrap {css_class}".strip(),
        text,
    )


@register.filter
def day(value: date | None) -> SafeString:
    """Date only, in the viewer's zone."""
    if value is None:
        return SafeString("")
    return _time_element(value, formatting.date_text(value), formatting.date_text(value, long=True))


@register.filter
def day_plain(value: date | None) -> str:
    """A date without markup, for titles, attributes and text mails."""
    return "" if value is None else formatting.date_text(value)


@register.filter
def moment(value: datetime | None) -> SafeString:
    """Date and time in the viewer's zone; the title gives seconds and the zone."""
    if value is None:
        return SafeString("")
    return _time_element(value, formatting.datetime_text(value), formatting.full_datetime_text(value))


@register.filter
def clock(value: datetime | None) -> SafeString:
    """Time with seconds."""
    if value is None:
        return SafeString("")
    title = formatting.full_datetime_text(value)
    return _time_element(value, formatting.time_text(value, seconds=True), title, css_class="num")


@register.filter
def ago(value: datetime | None) -> SafeString:
    """`3 hours ago`, the exact time in the title; the browser keeps it up to date."""
    if value is None:
        return SafeString("")
    return _time_element(value, formatting.ago_text(value), formatting.full_datetime_text(value), ago=True)


@register.filter
def ltr(value: object) -> SafeString:
    """E-mail addresses, phones, account numbers, codes: one left-to-right run inside any language."""
    return format_html('<bdi dir="ltr">{}</bdi>', value) if value not in (None, "") else SafeString("")


@register.filter
def actor(label: str | None) -> str:
    """Who did it, for people: what the platform did by itself has words in their language."""
    return shown(label or "")


@register.filter
def country(code: str | None) -> str:
    """The name of a country in the active language: `SA` is Saudi Arabia. An unknown code stays as it is."""
    return formatting.country_text(code or "")


@register.filter
def language(code: str | None) -> str:
    """The name of a language in the active language: `ar` is Arabic. An unknown code stays as it is."""
    return formatting.language_text(code or "")


@register.filter
def isolated(value: object) -> str:
    """A name or amount inside a plain-text sentence: subjects, push messages, title attributes."""
    return f"\u2068{value}\u2069"


@register.filter
def act(action: str) -> str:
    """What people call an act of the audit trail."""
    return audit_words.words(action)


@register.filter
def initials(name: str) -> str:
    """Two letters for an avatar."""
    return formatting.initials_text(str(name))


@register.filter
def lookup(mapping: Any, key: Any) -> Any:
    """`{{ counts|lookup:status }}`; None when absent."""
    if isinstance(mapping, Mapping):
        return mapping.get(key)
    return getattr(mapping, str(key), None)


@register.simple_tag(takes_context=True)
def query(context: Context, **changes: object) -> str:
    """The current query string with changes: `{% query page=2 sort=None %}`; None removes a parameter.

    Django's own tag needs a RequestContext, which an isolated component does not have.
    """
    request = context.get("request")
    pairs: dict[str, list[str]] = dict(request.GET.lists()) if request else {}
    for key, value in changes.items():
        pairs.pop(key, None)
        if value is not None and value != "":
            pairs[key] = list(map(str, value)) if isinstance(value, list | tuple) else [str(value)]
    return "?" + urlencode(pairs, doseq=True)


@register.simple_tag(takes_context=True)
def nav_sections(context: Context, surface: str) -> list[dict[str, Any]]:
    """`{% nav_sections "office" as sections %}`."""
    request = context.get("request")
    return nav.sections_for(request, surface) if request else []


@register.simple_tag(takes_context=True)
def nav_pages(context: Context, surface: str) -> dict[str, Any] | None:
    """`{% nav_pages "office" as group %}`: the pages that belong together with this one, if there are any."""
    request = context.get("request")
    return nav.pages_beside(request, surface) if request else None


@register.simple_tag(name="sparkline")
def sparkline_tag(values: Any, width: int = 96, height: int = 28, label: str = "", tone: str = "brand") -> SafeString:
    """A small line drawn on the server: `{% sparkline equity label=_("Equity, 30 days") %}`."""
    return sparkline.sparkline_svg(list(values), int(width), int(height), label=str(label), tone=str(tone))


@register.filter
def json_attr(value: Any) -> str:
    """JSON for a data attribute; escaping is left to the template."""
    import json

    return json.dumps(value, ensure_ascii=False, default=str)


@register.filter
def addclass(field: Any, css_class: str) -> SafeString:
    """Render a bound form field with extra classes."""
    known = field.field.widget.attrs.get("class", "")
    return conditional_escape(field.as_widget(attrs={"class": f"{known} {css_class}".strip()}))
