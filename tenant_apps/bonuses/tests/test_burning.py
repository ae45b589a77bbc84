"""The credit goes before the money does, with the client's own money, and with its deposit."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import transaction

from kernel import clock, commands
from kernel.models import Command
from kernel.relay import drain
from tenant_apps.payments.tests.support import client_actor, staff
from tenant_apps.trading import leaving, platforms
from tenant_apps.trading.models import Case, TradingAccount, Transfer, TransferState
from tenant_apps.trading.ports import Amount, BalanceKind, BalanceOperation
from tenant_apps.trading.services import transfers
from tenant_apps.trading.tests.conftest import TEST, World, settle

from ..models import Burn, CreditMove, Ending, Grant, GrantState, MovePurpose
from ..services import burning, proof
from ..services.grants import BONUSES, grant_accept
from ..services.moves import move_failed
from ..services.sweeping import sweep
from .support import eur, follow, long_ago, on_server, paid_in, reverse, rules, scheme


@pytest.fixture
def account(world: World) -> TradingAccount:
    rules()
    return world.open_account(world.client(country="AE"))


def bonus(world: World, account: TradingAccount, text: str = "300") -> Grant:
    grant = paid_in(world, account, text)
    assert grant is not None
    return grant


def out(account: TradingAccount, text: str, key: str = "out") -> Transfer:
    long_ago(account)
    return transfers.transfer_to_wallet(actor=TEST, account=account, amount=eur(text), key=key)


def test_the_credit_goes_before_the_money(world: World, account: TradingAccount) -> None:
    scheme()
    grant = bonus(world, account)
    row = out(account, "50")
    command = Command.objects.get(pk=row.command_id)
    commands.run(command.pk)  # woken too early: nothing is sent
    assert on_server(world, account) == ("300.00", "150.00")
    settle()
    sent = Command.objects.filter(pk__in=[row.command_id, *CreditMove.objects.values_list("command_id", flat=True)])
    assert list(sent.order_by("finished_at").values_list("kind", flat=True)) == [
        "bonuses.credit", "bonuses.credit", "trading.balance",
    ]  # fmt: skip
    grant.refresh_from_db()
    assert (grant.state, grant.ending, grant.credit_minor) == (GrantState.BURNT, Ending.WITHDRAWAL, 0)
    assert on_server(world, account) == ("250.00", "0.00")
    assert proof.broken() == {}
    assert proof.compare() == 0


def test_a_share_burns_in_proportion_rounded_up(world: World, account: TradingAccount) -> None:
    scheme(burn=Burn.SHARE)
    grant = bonus(world, account)
    assert "\u2066€50.00\u2069 of your bonus" in leaving.consequences(account, eur("100"))[0]
    out(account, "100", "one")
    out(account, "0.01", "two")
    settle()
    grant.refresh_from_db()
    assert (grant.state, grant.credit) == (GrantState.ACTIVE, eur("99.99"))
    assert on_server(world, account) == ("199.99", "99.99")
    out(account, "199.99", "all")
    settle()
    grant.refresh_from_db()
    assert grant.state == GrantState.BURNT
    assert proof.broken() == {}


def test_refused_together_neither_happened(world: World, account: TradingAccount) -> None:
    """Margin in use: the server lets the credit go (it is no balance) but not the money; the credit comes back."""
    scheme()
    grant = bonus(world, account)
    row = out(account, "400")
    settle()
    grant.refresh_from_db()
    assert Transfer.objects.get(pk=row.pk).state == TransferState.FAILED
    assert (grant.state, grant.credit) == (GrantState.ACTIVE, eur("150"))
    assert on_server(world, account) == ("300.00", "150.00")
    assert [move.purpose for move in CreditMove.objects.order_by("created_at")] == ["grant", "burn", "restore"]
    assert proof.broken() == {}


def test_what_was_burnt_stays_burnt_when_other_money_left(world: World, account: TradingAccount) -> None:
    scheme()
    grant = bonus(world, account)
    first = out(account, "400", "too much")
    second = out(account, "10", "some")
    settle()
    grant.refresh_from_db()
    states = [Transfer.objects.get(pk=row.pk).state for row in (first, second)]
    assert states == [TransferState.FAILED, TransferState.DONE]
    assert grant.state == GrantState.BURNT
    assert on_server(world, account) == ("290.00", "0.00")


def test_a_refused_burn_refuses_the_transfer(world: World, account: TradingAccount) -> None:
    """Somebody took the credit off at the server by hand: the money does not leave, and the comparison tells."""
    scheme()
    grant = bonus(world, account)
    taken = BalanceOperation(
        login=int(account.login or 0), kind=BalanceKind.CREDIT, amount=Amount(-eur("100").amount), operation_id="hand"
    )
    platforms.ask(account.server, lambda one: one.balance_operation(taken))
    assert proof.compare() == 1
    row = out(account, "50")
    settle()
    grant.refresh_from_db()
    assert Transfer.objects.get(pk=row.pk).state == TransferState.FAILED
    assert (grant.state, grant.attention) == (GrantState.ACTIVE, "credit_differs")
    assert on_server(world, account) == ("300.00", "50.00")


def test_credit_that_differs_again_is_a_new_case(world: World, account: TradingAccount) -> None:
    scheme()
    bonus(world, account)
    taken = BalanceOperation(
        login=int(account.login or 0), kind=BalanceKind.CREDIT, amount=Amount(-eur("100").amount), operation_id="hand"
    )
    platforms.ask(account.server, lambda one: one.balance_operation(taken))
    cases = Case.objects.filter(account=account, resolved_at=None)
    for _ in range(2):  # one that nobody has resolved stays one
        assert (proof.compare(), cases.count()) == (1, 1)
    cases.update(resolved_at=clock.now())
    assert (proof.compare(), cases.count(), Case.objects.count()) == (1, 1, 2)


def test_own_money_lost_burns_the_bonus(world: World, account: TradingAccount) -> None:
    scheme()
    grant = bonus(world, account)
    follow(world)
    sweep()
    grant.refresh_from_db()
    assert grant.state == GrantState.ACTIVE
    TradingAccount.objects.filter(pk=account.pk).update(equity_minor=15_000, seen_at=clock.now())
    sweep()
    settle()
    grant.refresh_from_db()
    assert (grant.state, grant.ending) == (GrantState.BURNT, Ending.LOW_EQUITY)
    assert on_server(world, account) == ("300.00", "0.00")


def test_equity_read_before_the_credit_came_burns_nothing(world: World, account: TradingAccount) -> None:
    scheme()
    grant = bonus(world, account)
    old = clock.now() - timedelta(hours=1)
    TradingAccount.objects.filter(pk=account.pk).update(equity_minor=0, credit_minor=10_000, seen_at=old)
    sweep()
    grant.refresh_from_db()
    assert grant.state == GrantState.ACTIVE


def test_a_reversed_deposit_takes_its_bonus_along(world: World, account: TradingAccount) -> None:
    scheme()
    one, two = bonus(world, account, "200"), bonus(world, account, "200")
    reverse(one.deposit)
    reverse(one.deposit)
    one.refresh_from_db()
    two.refresh_from_db()
    assert (one.state, one.ending, two.state) == (GrantState.BURNT, Ending.REVERSAL, GrantState.ACTIVE)
    assert on_server(world, account) == ("400.00", "100.00")
    assert proof.broken() == {}


def test_a_reversal_while_a_transfer_burns_lets_nothing_come_back(world: World, account: TradingAccount) -> None:
    scheme()
    grant = bonus(world, account)
    out(account, "400")
    reverse(grant.deposit)
    grant.refresh_from_db()
    assert (grant.state, grant.ending) == (GrantState.BURNT, Ending.REVERSAL)
    assert on_server(world, account) == ("300.00", "0.00")


def test_a_bonus_on_its_way_is_burnt_when_it_has_arrived(world: World, account: TradingAccount) -> None:
    scheme(opt_in=True)
    grant = bonus(world, account)
    grant_accept(actor=client_actor(account.client), grant_id=grant.pk)
    burning.grant_end(grant_id=grant.pk, ending=Ending.LOW_EQUITY, actor=BONUSES)
    settle()
    grant.refresh_from_db()
    assert grant.state == GrantState.BURNT
    assert [move.purpose for move in CreditMove.objects.order_by("finished_at")] == [
        MovePurpose.GRANT,
        MovePurpose.BURN,
    ]
    assert on_server(world, account) == ("300.00", "0.00")


def test_a_burn_never_takes_another_bonuss_credit(world: World, account: TradingAccount) -> None:
    """Giving it was refused after it had been decided to take it back: there is nothing to take."""
    scheme(opt_in=True)
    one, two = bonus(world, account, "200"), bonus(world, account, "200")
    own = client_actor(account.client)
    grant_accept(actor=own, grant_id=one.pk)
    settle()
    grant_accept(actor=own, grant_id=two.pk)
    burning.grant_end(grant_id=two.pk, ending=Ending.LOW_EQUITY, actor=BONUSES)
    given = CreditMove.objects.get(grant=two, purpose=MovePurpose.GRANT)
    with transaction.atomic():
        Command.objects.filter(pk=given.command_id).update(state="failed")
        move_failed(given, problem="not_found", actor=TEST)
    settle()
    two.refresh_from_db()
    assert (two.state, on_server(world, account)) == (GrantState.BURNT, ("400.00", "100.00"))
    assert proof.broken() == {}


def test_time_over_expires_it(world: World, account: TradingAccount) -> None:
    scheme()
    grant = bonus(world, account)
    Grant.objects.filter(pk=grant.pk).update(expires_at=clock.now() - timedelta(minutes=1))
    sweep()
    sweep()
    settle()
    grant.refresh_from_db()
    assert (grant.state, grant.ending) == (GrantState.EXPIRED, Ending.TIME)


def test_an_unclear_answer_is_asked_about_not_repeated(world: World, account: TradingAccount) -> None:
    scheme()
    world.admin("POST", "/faults", {"kind": "drop_after_commit", "path": "/api/trade/balance", "count": 2})
    grant = paid_in(world, account, "300")
    if grant is None:  # the transfer itself is asked about first
        Command.objects.filter(state__in=commands.OPEN).update(available_at=clock.now(), lease_until=None)
        settle()
    Command.objects.filter(state__in=commands.OPEN).update(available_at=clock.now(), lease_until=None)
    settle()
    drain()
    assert on_server(world, account) == ("300.00", "150.00")
    assert Grant.objects.get().state == GrantState.ACTIVE


def test_credit_that_would_not_go_is_tried_again_by_hand(world: World, account: TradingAccount) -> None:
    scheme()
    grant = bonus(world, account)
    burning.grant_end(grant_id=grant.pk, ending=Ending.TIME, actor=BONUSES)
    move = CreditMove.objects.get(purpose=MovePurpose.BURN)
    Command.objects.filter(pk=move.command_id).update(state="failed")
    with transaction.atomic():
        move_failed(move, problem="not_enough_money", actor=TEST)
    grant.refresh_from_db()
    assert (grant.state, grant.attention, grant.credit) == (GrantState.BURNING, "credit_stuck", eur("150"))
    burning.credit_again(actor=staff(), grant_id=grant.pk)
    settle()
    grant.refresh_from_db()
    assert (grant.state, grant.attention) == (GrantState.EXPIRED, "")
    assert on_server(world, account) == ("300.00", "0.00")
