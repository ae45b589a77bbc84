"""Chart data for the one chart component: `<c-ui.chart :spec="chart" id="equity" label="…" />`.

Values leave the server as plain JSON numbers for drawing only; exact amounts belong into tables and tiles.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Literal

from django.utils import timezone
from django.utils.functional import Promise
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language_bidi, pgettext

from kernel.ui import formatting

Kind = Literal["line", "area", "bar", "stacked", "candlestick", "donut", "funnel", "heatmap", "gauge", "treemap"]
Engine = Literal["uplot", "echarts"]
_UPLOT_KINDS = frozenset({"line", "area", "bar"})
# Characters that would end a script element or start a comment inside it.
_ESCAPES = {ord("<"): "\\u003C", ord(">"): "\\u003E", ord("&"): "\\u0026"}
_TABLE_ROWS = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """One line, bar set or slice set. `tone` is brand, up, down, muted, warning, info or a palette index as text."""

    name: str | Promise
    values: Sequence[Any]
    tone: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """A chart and its table alternative.

    `x` holds datetimes, dates or labels, one per value. `currency` or `unit` dress the value axis; `places` are the
    decimals shown in tips and the table. `engine` defaults to the small one for time series and to the big one otherwise.
    """

    kind: Kind
    x: Sequence[Any]
    series: Sequence[Series]
    x_label: str | Promise = ""
    currency: str = ""
    unit: str = ""
    places: int = 2
    engine: Engine | Literal[""] = ""
    zero: bool = False
    extra: dict[str, Any] = field(default_factory=dict)

    @property
    def engine_name(self) -> str:
        """The library that draws it."""
        if self.engine:
            return self.engine
        return "uplot" if self.kind in _UPLOT_KINDS and self._timed else "echarts"

    @property
    def _timed(self) -> bool:
        return bool(self.x) and isinstance(self.x[0], date)

    @property
    def names(self) -> list[str]:
        """Heads of the value columns."""
        return [str(series.name) for series in self.series]

    @property
    def rows(self) -> list[list[str]]:
        """The table alternative: the newest rows first for time series, cut at a length a person can read."""
        table = [
            [self._x_text(x), *(self._value_text(series.values[index]) for series in self.series)]
            for index, x in enumerate(self.x)
        ]
        return (table[::-1] if self._timed else table)[:_TABLE_ROWS]

    @property
    def json(self) -> SafeString:
        """What the browser draws from, safe inside a script element."""
        payload = {
            "kind": self.kind,
            "time": self._timed,
            "x": [self._x_number(x) for x in self.x],
            "zone": self._zone,
            "series": [
                {
                    "name": str(series.name),
                    "values": [_plain(value) for value in series.values],
                    "tone": series.tone,
                }
                for series in self.series
            ],
            "prefix": self._sides[0],
            "suffix": self._sides[1],
            "places": self.places,
            "locale": _intl_locale(),
            "rtl": get_language_bidi(),
            "zero": self.zero,
            "empty": pgettext("chart", "No data yet"),
            **self.extra,
        }
        text = json.dumps(payload, ensure_ascii=False, separators=(",", ":")).translate(_ESCAPES)
        return mark_safe(text)  # noqa: S308  the three dangerous characters are escaped above

    @property
    def _sides(self) -> tuple[str, str]:
        return formatting.unit_sides(self.currency) if self.currency else ("", self.unit)

    @property
    def _zone(self) -> str:
        """In which time zone the browser says `x`, whatever its own: moments in the reader's, as the page does; a day is the
        midnight of UTC, which elsewhere may be the day before."""
        return timezone.get_current_timezone_name() if self.x and isinstance(self.x[0], datetime) else "UTC"

    def _x_number(self, x: Any) -> Any:
        if isinstance(x, datetime):
            return round(x.timestamp())
        if isinstance(x, date):
            return round(datetime(x.year, x.month, x.day, tzinfo=UTC).timestamp())
        return str(x)

    def _x_text(self, x: Any) -> str:
        if isinstance(x, datetime):
            return formatting.datetime_text(x)
        return formatting.date_text(x) if isinstance(x, date) else str(x)

    def _value_text(self, value: Any) -> str:
        if isinstance(value, list | tuple):
            return " / ".join(self._value_text(part) for part in value)
        if value is None:
            return "–"
        before, after = self._sides
        return f"{before}{formatting.number_text(value, self.places)}{after}"


def _plain(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    return float(value) if isinstance(value, Decimal) else value


def _intl_locale() -> str:
    """A BCP 47 tag of the locale that the page is written in (English has the day before the month), with Latin digits and
    the Gregorian calendar: Persian and Thai would otherwise change both."""
    return f"{str(formatting.current_number_locale()).replace('_', '-')}-u-ca-gregory-nu-latn"
