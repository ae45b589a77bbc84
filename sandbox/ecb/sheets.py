"""Which sheet is the newest at a moment, and how the bank writes it. Rates are real, a year of them, over and over.

A day of the present shows the rates of the same weekday 52 weeks (or a multiple) earlier, under its own date. A day that
was a holiday of the bank then has no sheet, nor has a week-end.
"""

from __future__ import annotations

import csv
from datetime import date, datetime, time, timedelta
from pathlib import Path
from xml.sax.saxutils import quoteattr
from zoneinfo import ZoneInfo

DATA = Path(__file__).parent / "data" / "reference-rates.csv"
FRANKFURT = ZoneInfo("Europe/Berlin")
PUBLISHED_AT = time(16, 0)
ROUND = timedelta(weeks=52)
Sheet = list[tuple[str, str]]


def load() -> dict[date, Sheet]:
    """Currency and rate as text, by day."""
    with DATA.open(newline="", encoding="ascii") as lines:
        head, *rows = csv.reader(lines)
    return {date.fromisoformat(row[0]): list(zip(head[1:], row[1:], strict=True)) for row in rows}


class Archive:
    """The sheets of all days, past and to come."""

    def __init__(self) -> None:
        self.real = load()
        self.last = max(self.real)

    def of(self, day: date) -> Sheet | None:
        """The sheet of a day, or None when there is none."""
        shown = day
        while shown > self.last:
            shown -= ROUND
        return self.real.get(shown)

    def newest(self, now: datetime) -> tuple[date, Sheet]:
        """What is published at a moment. Raises ValueError before the data begins."""
        local = now.astimezone(FRANKFURT)
        day = local.date() if local.time() >= PUBLISHED_AT else local.date() - timedelta(days=1)
        for back in range(15):
            sheet = self.of(day - timedelta(days=back))
            if sheet is not None:
                return day - timedelta(days=back), sheet
        raise ValueError(f"no sheet near {day}")

    def days(self, now: datetime, count: int) -> list[tuple[date, Sheet]]:
        """The newest `count` sheets, newest first; fewer at the beginning of the data."""
        day, sheet = self.newest(now)
        found = [(day, sheet)]
        for back in range(1, count * 2):
            one = self.of(day - timedelta(days=back))
            if one is not None and len(found) < count:
                found.append((day - timedelta(days=back), one))
        return found


def render(sheets: list[tuple[date, Sheet]]) -> bytes:
    """The envelope as the bank sends it."""
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        '<gesmes:Envelope xmlns:gesmes="http://www.gesmes.org/xml/2002-08-01" '
        'xmlns="http://www.ecb.int/vocabulary/2002-08-01/eurofxref">',
        "\t<gesmes:subject>Reference rates</gesmes:subject>",
        "\t<gesmes:Sender>\n\t\t<gesmes:name>European Central Bank</gesmes:name>\n\t</gesmes:Sender>",
        "\t<Cube>",
    ]
    for day, sheet in sheets:
        lines.append(f"\t\t<Cube time='{day.isoformat()}'>")
        lines += [f"\t\t\t<Cube currency={quoteattr(code)} rate={quoteattr(rate)}/>" for code, rate in sheet]
        lines.append("\t\t</Cube>")
    return "\n".join([*lines, "\t</Cube>", "</gesmes:Envelope>", ""]).encode()
