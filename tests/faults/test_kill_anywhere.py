"""Killed at any line on the whole way of a client's money, and taken up again: the same in the end, to the cent.

First a worker goes the way undisturbed and tells every line of ours it passes. Then workers (forks, one after the other)
go it again and each dies by SIGKILL at the first of the chosen lines it comes to, the next takes up what it left. A line
passed in two steps counts twice. RIALTO_KILL_STRIDE=1 kills at every line there is; the default takes an even sample.
"""

from __future__ import annotations

import os
from typing import Any

import pytest

from kernel.tests.dying import ROOT, Place, killed_at, places_of
from sandbox.tests.support import Sandbox
from tenant_apps.ledger import selectors as ledger
from tenant_apps.payments.tests.support import make_account
from tenant_apps.trading import platforms
from tenant_apps.trading.adapters.mt5.tests.sandbox import SandboxProcess
from tenant_apps.trading.tests.conftest import make_world
from tenant_apps.wallets.models import ExchangePolicy
from tenant_apps.wallets.tests.support import sheet

from .flow import IBAN, Flow, flow_new, time_passes

STRIDE = int(os.environ.get("RIALTO_KILL_STRIDE", "97"))
OURS = [
    ROOT / "tenant_apps",
    *(ROOT / "platform/kernel" / f"{one}.py" for one in ("commands", "inbox", "relay", "events")),
]
LIVES = 60  # of one client: then the next one sets out


def _set_out(flow: Flow, deadly: set[Place]) -> int:
    """Let workers take the flow up until one comes to its end; how many died. Places died at are taken from `deadly`."""
    for died in range(LIVES + 1):
        platforms.close_all()
        place = killed_at(flow.go, OURS, deadly if died < LIVES else ())
        time_passes()
        if place is None:
            return died
        deadly.remove(place)
    raise AssertionError("nobody comes to the end of it")


@pytest.mark.slow
@pytest.mark.timeout(7200)
def test_killed_at_any_line_it_ends_the_same(
    live_tenant: Any, stripe_server: Sandbox, trading_process: SandboxProcess
) -> None:
    world = make_world(trading_process)
    make_account("bank_wire", settings={"iban": IBAN, "holder": "Broker", "bic": "X", "bank": "Bank"})
    ExchangePolicy.objects.create(quote_seconds=86_400)
    sheet()
    undisturbed = flow_new(world, stripe_server)
    platforms.close_all()
    passed = places_of(undisturbed.go, OURS)
    expected = undisturbed.outcome()
    assert expected["balances"], "it went nowhere"

    left, kills = set(passed[::STRIDE]), 0
    while left:
        flow, before = flow_new(world, stripe_server), len(left)
        kills += _set_out(flow, left)
        assert flow.outcome() == expected
        assert len(left) < before, sorted(left)[:10]
        assert ledger.broken_invariants() == {}
    print(f"{kills} kills at {len(passed)} places, one of each {STRIDE}")
    platforms.close_all()
