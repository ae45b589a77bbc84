"""A deposit that had been taken back and came again: its bonus is offered again, if nothing speaks against it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import transaction

from kernel import clock
from kernel.events import publish
from kernel.models import Command
from tenant_apps.payments import events as payment_events
from tenant_apps.payments.models import Deposit, DepositState
from tenant_apps.payments.tests.support import client_actor
from tenant_apps.trading.models import TradingAccount
from tenant_apps.trading.services import transfers
from tenant_apps.trading.tests.conftest import TEST, World, settle

from ..models import Burn, CreditMove, Ending, Grant, GrantState, MovePurpose, MoveState
from ..services import proof
from ..services.burning import grant_end
from ..services.grants import BONUSES, grant_accept
from ..services.moves import move_failed
from ..services.restoring import deposit_reinstated
from .support import eur, long_ago, on_server, paid_in, reverse, rules, scheme, seen_by_the_bridge


@pytest.fixture
def account(world: World) -> TradingAccount:
    rules()
    return world.open_account(world.client(country="AE"))


def won(row: Deposit) -> None:
    Deposit.objects.filter(pk=row.pk).update(state=DepositState.CREDITED, reversed_minor=0)
    fact = payment_events.DepositReinstated(
        deposit_id=row.pk, client_id=row.client_id, amount=row.amount, provider="stripe", method="card"
    )
    with transaction.atomic():
        publish(fact, aggregate=f"deposit:{row.pk}")
    settle()


def gone_and_back(grant: Grant) -> None:
    """Both before the server has answered to the taking back."""
    Deposit.objects.filter(pk=grant.deposit_id).update(state=DepositState.REVERSED, reversed_minor=1)
    grant_end(grant_id=grant.pk, ending=Ending.REVERSAL, actor=BONUSES)
    grant.refresh_from_db()
    assert grant.state == GrantState.BURNING
    Deposit.objects.filter(pk=grant.deposit_id).update(state=DepositState.CREDITED, reversed_minor=0)
    deposit_reinstated(deposit_id=grant.deposit_id)
    grant.refresh_from_db()
    assert grant.state == GrantState.BURNING


def given(world: World, account: TradingAccount, text: str = "300") -> Grant:
    grant = paid_in(world, account, text)
    assert grant is not None
    return grant


def test_a_won_dispute_offers_the_bonus_again_and_it_is_given_once_more(world: World, account: TradingAccount) -> None:
    scheme()
    grant = given(world, account)
    reverse(grant.deposit)
    grant.refresh_from_db()
    assert (grant.state, grant.ending) == (GrantState.BURNT, Ending.REVERSAL)
    won(grant.deposit)
    won(grant.deposit)
    grant.refresh_from_db()
    assert (grant.state, grant.amount) == (GrantState.OFFERED, eur("150"))
    seen_by_the_bridge(world)
    grant_accept(actor=client_actor(account.client), grant_id=grant.pk)
    settle()
    grant.refresh_from_db()
    assert (grant.state, grant.credit) == (GrantState.ACTIVE, eur("150"))
    assert on_server(world, account) == ("300.00", "150.00")
    assert proof.broken() == {}


def test_not_after_its_time(world: World, account: TradingAccount) -> None:
    scheme()
    grant = given(world, account)
    reverse(grant.deposit)
    Grant.objects.filter(pk=grant.pk).update(expires_at=clock.now() - timedelta(minutes=1))
    won(grant.deposit)
    grant.refresh_from_db()
    assert grant.state == GrantState.BURNT


def test_not_what_a_transfer_had_lessened(world: World, account: TradingAccount) -> None:
    scheme(burn=Burn.SHARE)
    grant = given(world, account)
    transfers.transfer_to_wallet(actor=TEST, account=account, amount=eur("100"), key="one")
    settle()
    reverse(grant.deposit)
    won(grant.deposit)
    grant.refresh_from_db()
    assert grant.state == GrantState.BURNT


def test_not_more_than_one_client_gets(world: World, account: TradingAccount) -> None:
    """250 went back; 250 more were brought meanwhile; of 400 are 150 left."""
    scheme()
    grant = given(world, account, "500")
    reverse(grant.deposit)
    Grant.objects.filter(pk=grant.pk).update(active_at=None)
    other = given(world, account, "500")
    won(grant.deposit)
    grant.refresh_from_db()
    assert grant.state == GrantState.OFFERED
    assert grant.amount + other.amount <= eur("400")


def test_a_deposit_of_which_a_part_is_still_gone_brings_nothing_back(world: World, account: TradingAccount) -> None:
    scheme()
    grant = given(world, account)
    reverse(grant.deposit)
    won_in_part = grant.deposit
    Deposit.objects.filter(pk=won_in_part.pk).update(state=DepositState.CREDITED, reversed_minor=1)
    deposit_reinstated(deposit_id=won_in_part.pk)
    grant.refresh_from_db()
    assert grant.state == GrantState.BURNT


def test_a_deposit_back_before_its_bonus_was_taken_brings_it_again(world: World, account: TradingAccount) -> None:
    scheme()
    grant = given(world, account)
    gone_and_back(grant)
    settle()
    grant.refresh_from_db()
    assert (grant.state, grant.ending, grant.amount) == (GrantState.OFFERED, Ending.NONE, eur("150"))
    assert on_server(world, account) == ("300.00", "0.00")
    assert proof.broken() == {}


def test_also_where_the_server_refuses_giving_and_taking_back(world: World, account: TradingAccount) -> None:
    """The end is told by a refusal then, not by credit that went."""
    scheme()
    grant = given(world, account)
    reverse(grant.deposit)
    won(grant.deposit)
    seen_by_the_bridge(world)
    grant_accept(actor=client_actor(account.client), grant_id=grant.pk)
    gone_and_back(grant)
    for move in CreditMove.objects.filter(state=MoveState.PENDING).order_by("pk"):
        Command.objects.filter(pk=move.command_id).update(state="failed")
        with transaction.atomic():
            move_failed(move, problem="not_found", actor=TEST)
    settle()
    grant.refresh_from_db()
    assert (grant.state, grant.amount) == (GrantState.OFFERED, eur("150"))
    assert proof.broken() == {}


def test_taken_back_and_still_gone_it_stays_burnt(world: World, account: TradingAccount) -> None:
    scheme()
    grant = given(world, account)
    gone_and_back(grant)
    Deposit.objects.filter(pk=grant.deposit_id).update(reversed_minor=1)
    settle()
    grant.refresh_from_db()
    assert (grant.state, grant.ending) == (GrantState.BURNT, Ending.REVERSAL)


def test_an_offer_that_went_with_money_taken_out_is_not_won_with_a_dispute(
    world: World, account: TradingAccount
) -> None:
    scheme(opt_in=True)
    grant = given(world, account)
    transfers.transfer_to_wallet(actor=TEST, account=account, amount=eur("100"), key="one")
    settle()
    reverse(grant.deposit)
    won(grant.deposit)
    grant.refresh_from_db()
    assert (grant.state, grant.ending) == (GrantState.BURNT, Ending.WITHDRAWAL)


def test_also_not_an_offer_that_a_dispute_had_brought(world: World, account: TradingAccount) -> None:
    scheme()
    grant = given(world, account)
    reverse(grant.deposit)
    won(grant.deposit)
    transfers.transfer_to_wallet(actor=TEST, account=account, amount=eur("100"), key="one")
    settle()
    reverse(grant.deposit)
    won(grant.deposit)
    grant.refresh_from_db()
    assert (grant.state, grant.ending) == (GrantState.BURNT, Ending.WITHDRAWAL)


def refused_out(account: TradingAccount) -> None:
    """Asked for, and to be refused by the server."""
    long_ago(account)
    transfers.transfer_to_wallet(actor=TEST, account=account, amount=eur("5000"), key="too much")


def test_what_a_refused_transfer_had_lessened_for_a_moment_is_whole_again(
    world: World, account: TradingAccount
) -> None:
    scheme(burn=Burn.SHARE)
    grant = given(world, account)
    refused_out(account)
    settle()
    seen_by_the_bridge(world)
    grant.refresh_from_db()
    assert (grant.state, grant.credit_minor) == (GrantState.ACTIVE, 15_000)
    assert CreditMove.objects.filter(grant=grant, purpose=MovePurpose.RESTORE).exists()
    reverse(grant.deposit)
    won(grant.deposit)
    grant.refresh_from_db()
    assert (grant.state, grant.amount_minor) == (GrantState.OFFERED, 15_000)


def test_a_deposit_that_was_gone_when_its_bonus_was_judged_brings_it_once_it_is_back(
    world: World, account: TradingAccount
) -> None:
    scheme(opt_in=True)
    grant = given(world, account)
    deposit = grant.deposit
    grant.delete()  # as if it had been gone at that moment
    reverse(deposit)
    assert not Grant.objects.exists()
    won(deposit)
    assert Grant.objects.get().state == GrantState.OFFERED


def test_an_offer_that_a_dispute_had_brought_comes_back_with_a_refused_transfer(
    world: World, account: TradingAccount
) -> None:
    scheme()
    grant = given(world, account)
    reverse(grant.deposit)
    won(grant.deposit)
    refused_out(account)
    grant.refresh_from_db()
    assert (grant.state, grant.ending) == (GrantState.BURNT, Ending.WITHDRAWAL)
    settle()
    seen_by_the_bridge(world)
    grant.refresh_from_db()
    assert (grant.state, grant.ending) == (GrantState.OFFERED, Ending.NONE)
    grant_accept(actor=client_actor(account.client), grant_id=grant.pk)
    settle()
    assert on_server(world, account) == ("300.00", "150.00")
    assert proof.broken() == {}


@pytest.mark.parametrize("comes_back", [False, True])
def test_a_refused_transfer_brings_no_offer_back_for_a_deposit_that_is_gone(
    world: World, account: TradingAccount, comes_back: bool
) -> None:
    """It went with the deposit then, and comes with it."""
    scheme(opt_in=True)
    grant = given(world, account)
    refused_out(account)
    reverse(grant.deposit)
    grant.refresh_from_db()
    assert (grant.state, grant.ending) == (GrantState.BURNT, Ending.REVERSAL)
    if comes_back:
        won(grant.deposit)
        grant.refresh_from_db()
        assert (grant.state, grant.ending) == (GrantState.OFFERED, Ending.NONE)
