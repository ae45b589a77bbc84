"""Ids out of text that came from outside."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from kernel import clock
from kernel.ids import made_at, parse_uuid, uuid7


def test_an_id_is_read_as_it_is_written() -> None:
    made = uuid7()
    assert [parse_uuid(form) for form in (str(made), str(made).upper(), made.hex, made)] == [made] * 4
    assert isinstance(parse_uuid(made), UUID)


@pytest.mark.parametrize("text", ["", "system", "1", None, 7, "0" * 33, "../etc", "é" * 36, ["x"]])
def test_what_is_no_id_is_none(text: object) -> None:
    assert parse_uuid(text) is None


def test_an_id_tells_when_it_was_made() -> None:
    before = clock.now()
    made = made_at(uuid7())
    assert made is not None
    assert before - timedelta(milliseconds=1) <= made <= clock.now()
    assert made_at(uuid4()) is None
