"""Badges are kept for a few seconds, for one person of one brokerage, and never over what that person did."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.core.cache import cache
from django.db.models import QuerySet

from kernel import badges
from kernel.actors import Actor
from kernel.models import Job
from kernel.tenancy import context

ANA = Actor(kind="staff", id="ana", label="Ana")
BEN = Actor(kind="staff", id="ben", label="Ben")


def _running(actor: Actor) -> QuerySet[Job]:
    return Job.objects.filter(state="running")


@pytest.fixture(autouse=True)
def _kept(settings: Any, tenant: Any) -> Iterator[None]:
    settings.MENU_COUNTS_KEPT = 60
    cache.clear()
    yield
    cache.clear()


def _count(actor: Actor, *names: str) -> dict[str, int]:
    return badges.counts_of(dict.fromkeys(names or ("jobs",), _running), actor)


def test_the_second_page_asks_nothing(django_assert_num_queries: Any) -> None:
    Job.objects.create(kind="k", owner="o")
    with django_assert_num_queries(1):
        assert _count(ANA) == {"jobs": 1}
    Job.objects.create(kind="k", owner="o")
    with django_assert_num_queries(0):
        assert _count(ANA) == {"jobs": 1}
    assert _count(BEN) == {"jobs": 2}


def test_after_an_act_of_ones_own_it_is_counted_anew() -> None:
    assert _count(ANA) == {"jobs": 0}
    Job.objects.create(kind="k", owner="o")
    badges.forget(ANA)
    assert _count(ANA) == {"jobs": 1}


def test_a_new_entry_is_counted_at_once() -> None:
    assert _count(ANA) == {"jobs": 0}
    Job.objects.create(kind="k", owner="o")
    assert _count(ANA, "jobs", "more") == {"jobs": 1, "more": 1}


def test_another_brokerages_person_of_that_name_has_counts_of_their_own(other_tenant: Any) -> None:
    Job.objects.create(kind="k", owner="o")
    assert _count(ANA) == {"jobs": 1}
    with context.use(other_tenant):
        assert _count(ANA) == {"jobs": 0}


def test_several_querysets_of_one_badge_are_added_up() -> None:
    Job.objects.create(kind="k", owner="o")
    assert badges.counts_of({"jobs": lambda actor: [_running(actor), _running(actor)]}, ANA) == {"jobs": 2}
