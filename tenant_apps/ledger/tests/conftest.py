from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from .support import MovedClock


@pytest.fixture
def settable_clock(settings: Any) -> Iterator[MovedClock]:
    settings.DEMO = True  # the only place where a past may be invented
    made = MovedClock(datetime(2026, 11, 2, 6, tzinfo=UTC))
    yield made
    made.close()
