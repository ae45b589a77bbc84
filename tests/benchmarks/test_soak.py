"""A short soak: everything dies at least once while money moves, and nothing is lost or doubled."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.soak import plan

ROOT = Path(__file__).parents[2]
SMALL = plan.Size(tenants=2, deals=400, operations=24, seed=7)


def test_a_seed_says_everything_and_each_kind_of_fault_comes() -> None:
    steps = plan.compose(SMALL)
    assert steps == plan.compose(SMALL)
    assert sum(step.deals for step in steps if isinstance(step, plan.Burst)) == SMALL.deals
    assert sum(isinstance(step, plan.Move) for step in steps) == SMALL.operations
    assert {step.kind for step in steps if isinstance(step, plan.Wire)} == set(plan.WIRE)
    dead: set[str] = set()
    for step in steps:
        if isinstance(step, plan.Death):
            dead.add(step.name)
        elif isinstance(step, plan.Return):
            dead.discard(step.name)
        else:  # without these the soak itself could ask for nothing
            assert not dead & plan.BY_ONE or isinstance(step, plan.Burst)
    assert not dead


@pytest.mark.slow
def test_ledgers_equal_servers_after_a_short_soak() -> None:
    options = ["--tenants", str(SMALL.tenants), "--deals", str(SMALL.deals), "--operations", str(SMALL.operations)]
    environment = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
    ran = subprocess.run(
        [sys.executable, "-m", "benchmarks", "--soak", *options, "--seed", str(SMALL.seed)],
        cwd=ROOT, env=environment, capture_output=True, text=True, timeout=280, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout[-8000:] + ran.stderr[-4000:]
