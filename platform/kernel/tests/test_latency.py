"""Latency as pages report it: numbers of strangers, drawn on the vendor's console."""

from __future__ import annotations

import json

import pytest

from kernel.live.asgi import latency_report


def test_a_report_is_read_and_capped() -> None:
    assert latency_report({"p50": 12.5, "p95": 9e9, "n": 3}) == {"p50": 12.5, "p95": 600_000.0, "n": 3}


@pytest.mark.parametrize("figure", ["-Infinity", "Infinity", "NaN", "-1", "1e999", '"fast"'])
def test_what_is_no_duration_is_refused(figure: str) -> None:
    with pytest.raises(ValueError):
        latency_report({"p50": 1, "p95": json.loads(figure)})
