"""What changed is told in the reader's words, and nothing that has none is lost."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils.translation import override

from tenant_apps.clients.changes import field_words, value_words


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        ("due_at", "2019-11-21T10:00:00+00:00", "21. Nov. 2019"),
        ("due_at", "2026-11-21", "2026-11-21"),  # no instant: as it was kept
        ("reason", "2026-11-21T10:00:00+00:00", "2026-11-21T10:00:00+00:00"),  # somebody's own words
        ("direction", "out", "vom Handelskonto ins Wallet"),
        ("likeness", ["device", "invited"], "ein Gerät, eine hat die andere eingeladen"),
        ("amount", {"minor": 50000, "currency": "EUR"}, "500,00"),
        ("unheard_of", "x", "x"),
        ("active", False, "nein"),
        ("note", "", "–"),
    ],
)
def test_values_in_words(key: str, value: Any, told: str) -> None:
    with override("de"):
        assert told in value_words(key, value, {})


def test_fields_in_words() -> None:
    with override("de"):
        assert field_words("due_at") == "Fällig"
        assert field_words("unheard_of_id") == "Unheard of"
