"""SIGKILL at every step of a movement of credit: one effect each at the server, and every invariant afterwards."""

from __future__ import annotations

import pytest

from kernel import commands
from kernel.relay import drain
from kernel.tests.dying import KILLED
from tenant_apps.ledger import selectors as ledger
from tenant_apps.trading.services import transfers
from tenant_apps.trading.tests import child
from tenant_apps.trading.tests.conftest import TEST, World
from tenant_apps.trading.tests.test_kill import POINTS, recover

from ..models import CreditMove, GrantState, MoveState
from ..services import proof
from ..services.waiting import judge_waiting
from .support import deposit, eur, follow, on_server, paid_in, rules, scheme, states, trade


def sound() -> None:
    assert proof.broken() == {}
    assert proof.compare() == 0
    assert ledger.broken_invariants() == {}


@pytest.mark.parametrize("point", POINTS)
def test_a_worker_killed_while_giving_gives_once(world: World, point: str) -> None:
    rules()
    scheme()
    account = world.open_account(world.client(country="AE"))
    world.funds(account.client, 30_000)
    deposit(account.client, eur("300"), account)
    drain()
    for row in commands.due():
        commands.run(row.pk)
    drain()
    states(world)
    judge_waiting()
    move = CreditMove.objects.get()
    assert child.carry_out(point, move.command_id) == KILLED
    recover()
    assert on_server(world, account) == ("300.00", "150.00")
    assert CreditMove.objects.get().state == MoveState.DONE
    sound()


@pytest.mark.parametrize("point", POINTS)
def test_a_worker_killed_while_burning_lets_no_money_go_first(world: World, point: str) -> None:
    rules()
    scheme()
    account = world.open_account(world.client(country="AE"))
    grant = paid_in(world, account, "300")
    assert grant is not None
    transfers.transfer_to_wallet(actor=TEST, account=account, amount=eur("50"), key="out")
    move = CreditMove.objects.get(purpose="burn")
    assert child.carry_out(point, move.command_id) == KILLED
    assert on_server(world, account)[0] == "300.00"
    recover()
    grant.refresh_from_db()
    assert grant.state == GrantState.BURNT
    assert on_server(world, account) == ("250.00", "0.00")
    sound()


@pytest.mark.parametrize("point", POINTS)
def test_a_worker_killed_while_paying_out_pays_once(world: World, point: str) -> None:
    rules()
    scheme()
    account = world.open_account(world.client(country="AE"))
    grant = paid_in(world, account, "200")
    assert grant is not None
    trade(world, account, "0.06")
    drain()
    before = float(on_server(world, account)[0])
    first = commands.due()[0]
    assert first.kind == "trading.balance"
    assert child.carry_out(point, first.pk) == KILLED
    recover()
    grant.refresh_from_db()
    balance, credit = on_server(world, account)
    assert (grant.state, grant.paid, credit) == (GrantState.RELEASED, eur("100"), "0.00")
    assert round(float(balance) - before, 2) == 100
    follow(world)
    sound()
