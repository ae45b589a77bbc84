"""Counting many querysets at once."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from kernel import clock
from kernel.counts import count_all
from kernel.models import Command, CommandState


def test_many_are_counted_in_one_query(tenant: Any, django_assert_num_queries: Any) -> None:
    for state in (CommandState.FAILED, CommandState.FAILED, CommandState.UNKNOWN):
        Command.objects.create(
            kind="test", aggregate="test:1", state=state, available_at=clock.now() + timedelta(days=1)
        )
    rows = Command.objects.filter(aggregate="test:1")
    parts = {
        "failed": rows.filter(state=CommandState.FAILED), "all": rows.order_by("created_at"), "none": rows.none(),
        "nobody": rows.filter(pk__in=[]), "quoted": rows.filter(kind="100%"),
    }  # fmt: skip
    with django_assert_num_queries(1):
        assert count_all(parts) == {"failed": 2, "all": 3, "none": 0, "nobody": 0, "quoted": 0}
    assert count_all({"all": rows}, bound=2) == {"all": 2}


def test_nothing_to_count_asks_nothing(tenant: Any, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0):
        assert count_all({}) == {}
        assert count_all({"none": Command.objects.none()}) == {"none": 0}
