"""Fixtures of Rialto (`-p conftest`) with a test database of this package's own."""

from __future__ import annotations

import pytest


@pytest.fixture(scope="session")
def worker_id() -> str:
    """Names the database, so that Rialto's own tests may run beside these."""
    return "acmepay"
