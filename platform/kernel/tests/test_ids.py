"""Ids out of text that came from outside."""

from __future__ import annotations

from uuid import UUID

import pytest

from kernel.ids import parse_uuid, uuid7


def test_an_id_is_read_as_it_is_written() -> None:
    made = uuid7()
    assert [parse_uuid(form) for form in (str(made), str(made).upper(), made.hex, made)] == [made] * 4
    assert isinstance(parse_uuid(made), UUID)


@pytest.mark.parametrize("text", ["", "system", "1", None, 7, "0" * 33, "../etc", "é" * 36, ["x"]])
def test_what_is_no_id_is_none(text: object) -> None:
    assert parse_uuid(text) is None
