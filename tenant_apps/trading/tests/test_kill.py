"""SIGKILL at every step of a balance operation and of opening an account: one effect each, and a ledger that adds up."""

from __future__ import annotations

from datetime import timedelta

import pytest

from kernel import clock, commands
from kernel.models import Command, CommandState
from kernel.money import Money
from kernel.tests.dying import KILLED
from tenant_apps.ledger import selectors as ledger
from tenant_apps.trading.models import AccountState, TradingAccount, Transfer, TransferState
from tenant_apps.trading.services import accounts, transfers
from tenant_apps.trading.tests import child
from tenant_apps.trading.tests.conftest import TEST, World, settle
from tenant_apps.trading.tests.test_journey import balance

POINTS = ["claimed", "carried_out", "recording", "recorded"]


def recover() -> None:
    """An hour later: leases and quiet periods are over, and the sweeper wakes what was left behind."""
    for _ in range(5):
        past = clock.now() - timedelta(hours=1)
        open_ones = Command.objects.filter(state__in=commands.OPEN)
        if not open_ones.exists():
            return
        open_ones.update(available_at=past)
        open_ones.filter(lease_until__isnull=False).update(lease_until=past)
        open_ones.filter(sent_at__isnull=False).update(sent_at=past)
        settle()


def funded(world: World, *, wallet: int = 0, account: int = 0) -> TradingAccount:
    client = world.client()
    row = world.open_account(client)
    world.funds(client, wallet + account)
    if account:
        transfers.transfer_to_account(actor=TEST, account=row, amount=Money(account, "EUR"), key="before")
        settle()
    return row


@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("direction", ["in", "out"])
def test_a_worker_killed_anywhere_moves_money_once(world: World, point: str, direction: str) -> None:
    account = funded(world, wallet=10_000, account=5_000)
    begin = transfers.transfer_to_account if direction == "in" else transfers.transfer_to_wallet
    row = begin(actor=TEST, account=account, amount=Money(3_000, "EUR"), key="only")
    assert child.carry_out(point, row.command_id) == KILLED
    recover()
    row.refresh_from_db()
    sign = 1 if direction == "in" else -1
    assert row.state == TransferState.DONE
    assert world.on_server(account.login)["balance"] == f"{50 + sign * 30}.00"
    assert balance(account.client_id, "wallet") == 10_000 - sign * 3_000
    assert balance(account.client_id, "in_transit") == 0
    assert balance(account.client_id, account.ledger_kind) == 5_000 + sign * 3_000
    assert ledger.broken_invariants() == {}
    assert sum(minor for *_, minor in ledger.trial_balance()) == 0


@pytest.mark.parametrize(("point", "transfers_left"), [("issuing", 0), ("issued", 1)])
def test_asking_is_all_or_nothing(world: World, point: str, transfers_left: int) -> None:
    account = funded(world, wallet=10_000)
    assert child.issue(point, account, 3_000) == KILLED
    assert Transfer.objects.count() == transfers_left
    assert balance(account.client_id, "in_transit") == transfers_left * 3_000
    recover()
    assert world.on_server(account.login)["balance"] == f"{transfers_left * 30}.00"
    assert balance(account.client_id, "wallet") == 10_000 - transfers_left * 3_000
    assert ledger.broken_invariants() == {}


@pytest.mark.parametrize("point", POINTS)
def test_a_worker_killed_anywhere_opens_one_account(world: World, point: str) -> None:
    account = accounts.account_open(actor=TEST, client=world.client(), account_type=world.account_type)
    command = Command.objects.get(aggregate=account.aggregate)
    assert child.carry_out(point, command.pk) == KILLED
    recover()
    account.refresh_from_db()
    assert account.state == AccountState.OPEN
    assert world.admin("GET", "/accounts")["total"] == 1


def test_a_server_killed_while_it_works_is_asked_again(world: World) -> None:
    account = funded(world, wallet=10_000)
    world.server.settings["call_seconds"] = 2
    world.server.save()
    world.admin("POST", "/faults", {"kind": "half_open", "path": "/api/trade/balance"})
    row = transfers.transfer_to_account(actor=TEST, account=account, amount=Money(3_000, "EUR"), key="only")
    assert commands.run(row.command_id) in {CommandState.UNKNOWN, CommandState.PENDING}
    world.admin("DELETE", "/faults")
    recover()
    assert world.on_server(account.login)["balance"] == "30.00"
