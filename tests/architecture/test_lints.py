"""The sources keep the lints, and each lint finds what it is there for."""

from __future__ import annotations

import pytest

from .lints import LINTS, Lint
from .sources import product_sources, source

by_name = pytest.mark.parametrize("lint", LINTS, ids=lambda lint: lint.name)


@by_name
def test_the_house_keeps_the_rule(lint: Lint) -> None:
    assert [line for item in product_sources() for line in lint.check(item)] == []


@by_name
def test_the_rule_finds_what_it_forbids(lint: Lint) -> None:
    missed = [text for text in lint.bad if not lint.check(source("tenant_apps/example/services.py", text))]
    assert missed == []


@by_name
def test_the_rule_leaves_good_code_alone(lint: Lint) -> None:
    blamed = [text for text in lint.good if lint.check(source("tenant_apps/example/services.py", text))]
    assert blamed == []


@by_name
def test_exceptions_are_still_needed(lint: Lint) -> None:
    """An exception nobody uses any more is a hole; it goes."""
    unused = [
        prefix
        for prefix in lint.allowed
        if not any(next(lint.find(item), None) for item in product_sources() if item.path.startswith(prefix))
    ]
    assert unused == []
