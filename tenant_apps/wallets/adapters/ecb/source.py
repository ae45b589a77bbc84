"""The European Central Bank's reference rates: one small sheet a day, units of a currency per euro.

Set by a concertation at about 14:15 in Frankfurt and published at about 16:00, on TARGET days only. The bank publishes
them for information and advises against trading on them: the broker's mark-up and the maximum age stand in between.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, ClassVar

from defusedxml import ElementTree
from django.conf import settings
from django.utils.translation import pgettext_lazy

from kernel import http
from kernel.money import CURRENCIES

from ...errors import SheetRefused
from ...ports import Observation
from ...target_days import FRANKFURT, last_banking_day

HOME = "https://www.ecb.europa.eu"
PATH = "/stats/eurofxref/eurofxref-daily.xml"
SET_AT, PUBLISHED_AT = time(14, 15), time(16, 0)
_CUBE = "{http://www.ecb.int/vocabulary/2002-08-01/eurofxref}Cube"
LARGEST = 200_000  # bytes; the real sheet has some 1,600


def observed_at(day: date) -> datetime:
    """The instant of a day's rates, UTC."""
    return datetime.combine(day, SET_AT, FRANKFURT).astimezone(UTC)


def latest_day(now: datetime) -> date:
    """The day whose sheet can be expected by now."""
    local = now.astimezone(FRANKFURT)
    day = local.date() if local.time() >= PUBLISHED_AT else local.date() - timedelta(days=1)
    return last_banking_day(day)


def parse(sheet: bytes) -> list[Observation]:
    """The observations of a sheet. Raises SheetRefused for anything that is not one, in whole."""
    try:
        root = ElementTree.fromstring(sheet, forbid_dtd=True)
    except Exception as error:  # noqa: BLE001 - whatever the parser finds wrong, it is not a sheet
        raise SheetRefused(source="ecb") from error
    found = [item for cube in root.iter(_CUBE) if cube.get("time") for item in _day(cube)]
    if not found:
        raise SheetRefused(source="ecb")
    return found


def _day(cube: Any) -> Iterator[Observation]:
    try:
        moment = observed_at(date.fromisoformat(cube.get("time")))
        for line in cube.iter(_CUBE):
            if line.get("currency") is None:
                continue
            currency, mid = str(line.get("currency")), Decimal(str(line.get("rate")))
            if not mid.is_finite() or mid <= 0:
                raise SheetRefused(source="ecb", currency=currency)
            if currency in CURRENCIES and currency != "EUR":
                yield Observation("EUR", currency, mid, moment)
    except (ValueError, InvalidOperation) as error:
        raise SheetRefused(source="ecb") from error


class EcbSource:
    kind: ClassVar[str] = "ecb"
    label: ClassVar[Any] = pgettext_lazy("rate source", "European Central Bank")

    def due(self, newest: datetime | None, now: datetime) -> bool:
        return newest is None or newest < observed_at(latest_day(now))

    def fetch(self) -> Sequence[Observation]:
        base = settings.SANDBOX.get("ecb_url") or HOME
        answer = http.request("GET", f"{base}{PATH}", safe_to_repeat=True)
        if answer.status_code != 200 or len(answer.content) > LARGEST:
            raise SheetRefused(source=self.kind, status=answer.status_code)
        return parse(answer.content)
