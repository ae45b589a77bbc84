from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def _no_rate_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Buckets live in Redis and outlast a test; limits have tests of their own."""
    monkeypatch.setattr("kernel.throttle.check", lambda *args, **options: None)
