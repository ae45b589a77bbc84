from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connections

from provisioning import tasks
from provisioning.tests import helpers


@pytest.fixture
def runs(
    django_db_setup: None, django_db_blocker: Any, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., Any]]:
    """Starts runs that are really committed; no task leaves the process."""
    monkeypatch.setattr(tasks.run_advance, "apply_async", lambda *args, **options: None)
    made: list[Any] = []

    def make(**changes: Any) -> Any:
        made.append(helpers.start(**changes))
        return made[-1]

    with django_db_blocker.unblock():
        yield make
        for run in made:
            helpers.remove(run)
        connections.close_all()


@pytest.fixture(autouse=True)
def _no_rate_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Buckets live in Redis and outlast a test; limits have tests of their own."""
    monkeypatch.setattr("kernel.throttle.check", lambda *args, **options: None)
