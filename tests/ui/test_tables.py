"""Sorting and paging over a real queryset: no row twice, none skipped, in either direction."""

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connections, models
from django.db.backends.sqlite3.base import DatabaseWrapper
from django.test import RequestFactory

from kernel.ui.tables import Column, TableSpec, build_table

ALIAS = "ui_tables"
IN_MEMORY = {
    "ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:", "USER": "", "PASSWORD": "", "HOST": "", "PORT": "",
    "ATOMIC_REQUESTS": False, "AUTOCOMMIT": True, "CONN_MAX_AGE": 0, "CONN_HEALTH_CHECKS": False, "OPTIONS": {},
    "TIME_ZONE": None, "TEST": {},
}  # fmt: skip


class Sample(models.Model):
    label = models.CharField(max_length=10)
    model = models.CharField(max_length=10)
    note = models.CharField(max_length=10, null=True, default="x")  # noqa: DJ001 - what may be empty is the point

    class Meta:
        app_label = "ui"
        managed = False

    def __str__(self) -> str:
        return self.model


SPEC = TableSpec(
    default_sort="label",
    page_size=3,
    largest_page=5,
    columns=[Column(key=key, label=key.title(), sort=key) for key in ("label", "model", "note")],
)
NUMBERED = TableSpec(default_sort="id", page_size=3, columns=[Column(key="id", label="Id", sort="id")])
ROWS = [("b", "m1"), ("a", "m2"), ("b", "m3"), ("a", "m4"), ("c", "m5"), ("b", "m6"), ("a", "m7")]


def samples() -> models.QuerySet[Sample]:
    return Sample._default_manager.using(ALIAS)


@pytest.fixture
def rows(django_db_blocker: Any) -> Iterator[list[str]]:
    """A database of its own in memory, so that these tests run under any settings."""
    with django_db_blocker.unblock():
        connections[ALIAS] = connection = DatabaseWrapper(IN_MEMORY, alias=ALIAS)
        with connection.schema_editor() as editor:
            editor.create_model(Sample)
        samples().bulk_create(Sample(label=label, model=model) for label, model in ROWS)
        yield [row.model for row in samples().order_by("label", "pk")]
        connection.close()
        del connections[ALIAS]


def names(query: str, *, keyset: bool = False) -> list[str]:
    return [
        row.model for row in build_table(SPEC, samples(), RequestFactory().get("/" + query), keyset=keyset).page.rows
    ]


def walk(first: str, link: str) -> list[list[str]]:
    """Follow the page's links until there are none."""
    seen, query = [], first
    while query or not seen:
        table = build_table(SPEC, samples(), RequestFactory().get("/" + query), keyset=True)
        seen.append([row.model for row in table.page.rows])
        query = getattr(table.page, link)
        assert len(seen) < 10
    return seen


def test_numbered_pages(rows: list[str]) -> None:
    page = build_table(SPEC, samples(), RequestFactory().get("/?page=2&q=x")).page

    assert [row.model for row in page.rows] == rows[3:6]
    assert (page.number, page.pages, page.total, page.range_text) == (2, 3, 7, "4–6")
    assert (page.previous_query, page.next_query) == ("?q=x&page=1", "?q=x&page=3")


@pytest.mark.parametrize(
    ("query", "count"),
    [("?page=99", 1), ("?page=-1", 3), ("?page=x", 3), ("?size=1000", 5), ("?size=0", 3), ("?page=²", 3),
     (f"?page={'9' * 5000}", 3), (f"?size={'9' * 5000}", 3)],
)  # fmt: skip
def test_nonsense_in_the_query_is_harmless(rows: list[str], query: str, count: int) -> None:
    assert len(names(query)) == count


def test_sorting_is_total_in_both_directions(rows: list[str]) -> None:
    assert names("?sort=-label&size=5") == rows[::-1][:5]
    assert names("?sort=model") == ["m1", "m2", "m3"]


def test_empty_values_come_last_in_both_directions_and_are_spoken_of_only_where_there_may_be_some(
    rows: list[str],
) -> None:
    samples().filter(model__in=["m2", "m3"]).update(note=None)
    assert names("?sort=note&size=5")[-1:] + names("?sort=note&size=5&page=2") == ["m7", "m2", "m3"]
    assert names("?sort=-note&size=5&page=2") == ["m3", "m2"]
    ordered = {
        sort: str(SPEC.ordered(samples(), RequestFactory().get(f"/?sort=-{sort}").GET).query)
        for sort in ("label", "note")
    }
    assert ("NULLS LAST" in ordered["label"], "NULLS LAST" in ordered["note"]) == (False, True)


@pytest.mark.parametrize("sort", ["", "?sort=-label"])
def test_keyset_walks_forward_and_back_over_ties(rows: list[str], sort: str) -> None:
    expected = rows if not sort else rows[::-1]

    forward = walk(sort, "next_query")
    assert [name for page in forward for name in page] == expected

    last = build_table(SPEC, samples(), RequestFactory().get("/" + sort), keyset=True)
    while last.page.next_query:
        last = build_table(SPEC, samples(), RequestFactory().get("/" + last.page.next_query), keyset=True)
    back = walk(last.page.previous_query, "previous_query")
    assert [name for page in back[::-1] for name in page] == expected[: -len(last.page.rows)]


def test_unreadable_cursor_gives_the_first_page(rows: list[str]) -> None:
    no_key, nested = cursor_of("b", "m1"), base64.urlsafe_b64encode(b"[" * 50_000).decode()
    for cursor in ("x", "W10", "e30", "bnVsbA", "%00", no_key, nested):
        assert names(f"?after={cursor}", keyset=True) == rows[:3]


def cursor_of(*parts: str) -> str:
    return base64.urlsafe_b64encode(json.dumps(parts).encode()).decode().rstrip("=")


@pytest.mark.parametrize("link", ["after", "before"])
def test_a_cursor_of_another_column_gives_the_first_page(rows: list[str], link: str) -> None:
    """As somebody has who changes the order by hand, or makes one up."""
    for value in ("b", "2026-11-23T01:00:00+00:00", "1e400", "NaN"):
        by_number = build_table(
            NUMBERED, samples(), RequestFactory().get(f"/?{link}={cursor_of(value, '1')}"), keyset=True
        )
        assert len(by_number.page.rows) == 3


def test_empty_table(rows: list[str]) -> None:
    table = build_table(SPEC, samples().none(), RequestFactory().get("/"))
    assert (table.page.rows, table.page.range_text, table.page.next_query) == ([], "0", "")
    assert table.headings[0].state == "asc"
