"""What the platform did by itself is told in words; people keep their names."""

from __future__ import annotations

import pytest
from django.utils.translation import pgettext_lazy

from kernel import actors


@pytest.mark.parametrize(
    ("label", "shown"),
    [
        ("test sweep", "Lead form"),
        ("test sweep: DE", "Lead form: DE"),
        ("test sweeper", "test sweeper"),
        ("Anna: the second", "Anna: the second"),
        ("", ""),
    ],
)
def test_labels_are_told_in_words(label: str, shown: str) -> None:
    actors.named("test sweep", pgettext_lazy("system actor", "Lead form"))
    assert actors.shown(label) == shown
