"""Where prices come from: real daily history, filled in between by a seeded Brownian bridge.

A rate is a pure function of (seed, currency, time). Nothing has to be stored, a restart continues on the
same curve, moving the clock moves along it, and crosses built from two rates can never disagree. Rates are
floats because they are a random process, not money: they become integer points before anybody trades on
them.

Dates inside the history get that day's real rate. Later dates walk the history backwards (and forwards
again), so that the curve stays continuous for ever. Currencies and goods the ECB does not publish come from
the same bridge, stretched over years between two levels; they are invented.
"""

from __future__ import annotations

import csv
import hashlib
import math
from bisect import bisect_right
from datetime import UTC, datetime
from pathlib import Path
from statistics import NormalDist

HISTORY = Path(__file__).parent / "data" / "ecb-daily.csv"
DAY_MS = 86_400_000
_HALVINGS = 18
"""A day halved 18 times is 0.33 s, the finest grain of the process."""
_FIXING_MS = 15 * 3_600_000
"""The ECB fixes at about 16:00 CET = 15:00 UTC in winter."""
_ERA_DAYS = 2048
_NORMAL = NormalDist()

PEGGED = {"AED": 3.6725, "KWD": 0.3075, "SAR": 3.75}
"""Units per US dollar of the currencies that hardly move."""

# Per US dollar: level at the start and the end of the era, daily volatility. Invented levels.
INVENTED: dict[str, tuple[float, float, float]] = {
    "KZT": (462.0, 528.0, 0.004),
    "COP": (4790.0, 4020.0, 0.006),
    "XAU": (1 / 1830.0, 1 / 4650.0, 0.008),
    "XAG": (1 / 23.8, 1 / 74.0, 0.014),
    "US500": (1 / 3830.0, 1 / 7350.0, 0.009),
    "GER40": (1 / 14900.0, 1 / 27400.0, 0.010),
    "BTC": (1 / 16800.0, 1 / 96000.0, 0.022),
}

DAILY_VOLATILITY = {"TRY": 0.004, "JPY": 0.006, "ZAR": 0.007, "MXN": 0.006}
_DEFAULT_VOLATILITY = 0.0045


class Feed:
    """Rates per currency at a moment of sandbox UTC."""

    def __init__(self, seed: int, history: Path) -> None:
        self._seed = seed
        self._days: list[int] = []
        self._logs: dict[str, list[float]] = {}
        self._nodes: dict[tuple[str, int, int, int], float] = {}
        self._memo: tuple[int, dict[str, float]] = (-1, {})
        self._load(history)

    def _load(self, history: Path) -> None:
        with history.open(newline="") as file:
            rows = list(csv.DictReader(file))
        for row in rows:
            moment = datetime.strptime(row.pop("Date"), "%Y-%m-%d").replace(tzinfo=UTC)
            self._days.append(int(moment.timestamp()) // 86_400)
            for currency, text in row.items():
                self._logs.setdefault(currency, []).append(math.log(float(text)))

    def per_euro(self, currency: str, now_ms: int) -> float:
        """Units of `currency` (or ounces, index units) for one euro at `now_ms`.

        KeyError for an unknown one.
        """
        if currency == "EUR":
            return 1.0
        at, known = self._memo
        if at != now_ms:
            known = {}
            self._memo = (now_ms, known)
            if len(self._nodes) > 20_000:
                self._nodes.clear()
        if currency not in known:
            known[currency] = self._compute(currency, now_ms)
        return known[currency]

    def _compute(self, currency: str, now_ms: int) -> float:
        if currency in self._logs:
            day, inside = divmod(now_ms - _FIXING_MS, DAY_MS)
            left, right = self._fixing(currency, day), self._fixing(currency, day + 1)
            sigma = DAILY_VOLATILITY.get(currency, _DEFAULT_VOLATILITY)
            return math.exp(self._bridge(currency, day, inside / DAY_MS, left, right, sigma, _HALVINGS))
        dollar = self.per_euro("USD", now_ms)
        if currency in PEGGED:
            return dollar * PEGGED[currency]
        first, last, sigma = INVENTED[currency]
        return dollar * math.exp(self._invented(currency, now_ms, math.log(first), math.log(last), sigma))

    def _fixing(self, currency: str, day: int) -> float:
        """The log rate of the last fixing on or before `day`, the history mirrored at its ends."""
        first, last = self._days[0], self._days[-1]
        span = last - first
        offset = (day - first) % (2 * span)
        if offset > span:
            offset = 2 * span - offset
        return self._logs[currency][bisect_right(self._days, first + offset) - 1]

    def _invented(self, name: str, now_ms: int, first: float, last: float, sigma: float) -> float:
        # Two stages, so that the day is split exactly as finely as it is for real currencies.
        day, inside = divmod(now_ms, DAY_MS)
        ends = []
        for moment in (day, day + 1):
            era, offset = divmod(moment - self._days[0], _ERA_DAYS)
            left, right = (first, last) if era % 2 == 0 else (last, first)
            slope = sigma * math.sqrt(_ERA_DAYS) * 0.35
            ends.append(self._bridge(name + "/era", era, offset / _ERA_DAYS, left, right, slope, 11))
        return self._bridge(name, day, inside / DAY_MS, ends[0], ends[1], sigma, _HALVINGS)

    def _bridge(
        self,
        name: str,
        interval: int,
        position: float,
        left: float,
        right: float,
        sigma: float,
        halvings: int,
    ) -> float:
        """A Brownian bridge by midpoint displacement: every midpoint is a fixed random draw of its own."""
        deviation = sigma / 2.0
        index = 0
        for level in range(halvings):
            key = (name, interval, level, index)
            draw = self._nodes.get(key)
            if draw is None:
                draw = self._nodes[key] = self._draw(key)
            middle = (left + right) / 2.0 + deviation * draw
            position *= 2.0
            index *= 2
            if position >= 1.0:
                position -= 1.0
                index += 1
                left = middle
            else:
                right = middle
            deviation *= math.sqrt(0.5)
        return left + (right - left) * position

    def _draw(self, key: tuple[str, int, int, int]) -> float:
        text = f"{self._seed}:{key[0]}:{key[1]}:{key[2]}:{key[3]}".encode()
        number = int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "big")
        return _NORMAL.inv_cdf((number + 0.5) / 2.0**64)

    def noise(self, name: str, now_ms: int) -> float:
        """A repeatable uniform number in [0, 1) for this name and moment (spreads, tick timing)."""
        text = f"{self._seed}:{name}:{now_ms}".encode()
        return int.from_bytes(hashlib.blake2b(text, digest_size=4).digest(), "big") / 2.0**32
