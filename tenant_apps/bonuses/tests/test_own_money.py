"""No credit stands, is given or is paid out without the client's own money beside it."""

from __future__ import annotations

import pytest

from kernel import clock
from kernel.relay import drain
from tenant_apps.ledger.services import HOUSE, Leg, account_ensure, post
from tenant_apps.payments.models import Deposit
from tenant_apps.payments.tests.support import client_actor
from tenant_apps.trading import ledgers
from tenant_apps.trading.models import TradingAccount
from tenant_apps.trading.services import transfers
from tenant_apps.trading.tests.conftest import TEST, World, settle

from ..errors import OwnMoneyLost
from ..models import Burn, CreditMove, Ending, Grant, GrantState
from ..services import release
from ..services.grants import grant_accept
from ..services.sweeping import sweep
from .support import deposit, eur, follow, on_server, paid_in, rules, scheme, trade


@pytest.fixture
def account(world: World) -> TradingAccount:
    rules()
    return world.open_account(world.client(country="AE"))


def bonus(world: World, account: TradingAccount, text: str = "200") -> Grant:
    grant = paid_in(world, account, text)
    assert grant is not None
    return grant


def lose(account: TradingAccount, text: str) -> None:
    """A loss that the ledger knows, as of a closed position."""
    house = account_ensure(owner=HOUSE, kind="trading-pnl", currency="EUR", overdraft=True)
    legs = [Leg(ledgers.mirror(account), -eur(text)), Leg(house, eur(text))]
    post(kind="test.loss", legs=legs, key=f"loss:{account.pk}", actor=TEST)


def told(account: TradingAccount, **minor: int) -> None:
    """The server's last word, in minor units."""
    columns = {f"{name}_minor": value for name, value in minor.items()}
    TradingAccount.objects.filter(pk=account.pk).update(seen_at=clock.now(), **columns)


def ending(grant: Grant) -> tuple[str, str, int]:
    grant.refresh_from_db()
    return grant.state, grant.ending, grant.paid_minor


LOST = (GrantState.BURNT, Ending.LOW_EQUITY, 0)


def test_enough_lots_with_equity_at_the_credit_pay_nothing(world: World, account: TradingAccount) -> None:
    scheme()
    grant = bonus(world, account)
    trade(world, account, "0.06")
    told(account, balance=20_000, credit=10_000, equity=10_000)
    drain()
    settle()
    assert ending(grant) == LOST
    assert on_server(world, account)[1] == "0.00"


def test_enough_lots_with_no_money_in_the_ledger_pay_nothing(world: World, account: TradingAccount) -> None:
    scheme()
    grant = bonus(world, account)
    trade(world, account, "0.06")
    lose(account, "200")
    sweep()
    settle()
    assert ending(grant) == LOST


def test_a_deposit_that_went_back_in_part_pays_nothing(world: World, account: TradingAccount) -> None:
    scheme()
    grant = bonus(world, account)
    trade(world, account, "0.06")
    Deposit.objects.filter(pk=grant.deposit_id).update(reversed_minor=1)
    assert not release.grant_release(grant_id=grant.pk)
    settle()
    assert ending(grant) == (GrantState.BURNT, Ending.REVERSAL, 0)


@pytest.mark.parametrize("by_server", [True, False])
def test_an_offer_ends_with_the_money_it_was_for(world: World, account: TradingAccount, by_server: bool) -> None:
    scheme(opt_in=True)
    grant = bonus(world, account)
    if by_server:
        told(account, balance=20_000, credit=0, equity=19_999)
    else:
        lose(account, "0.01")
    with pytest.raises(OwnMoneyLost):
        grant_accept(actor=client_actor(account.client), grant_id=grant.pk)
    settle()
    assert ending(grant) == LOST
    assert not CreditMove.objects.exists()


def test_numbers_older_than_the_deposit_cost_no_bonus(world: World, account: TradingAccount) -> None:
    scheme()
    told(account, balance=0, credit=0, equity=0)
    assert bonus(world, account).state == GrantState.ACTIVE


def test_a_deposit_that_covers_a_debt_brings_no_bonus(world: World, account: TradingAccount) -> None:
    scheme()
    lose(account, "50")
    assert paid_in(world, account, "200") is None


def test_a_deposit_that_went_back_in_part_brings_no_bonus(world: World, account: TradingAccount) -> None:
    scheme()
    world.funds(account.client, 20_000)
    deposit(account.client, eur("200"), account, reversed_minor=1)
    settle()
    assert not Grant.objects.exists()


def test_a_share_is_of_what_open_positions_have_left(world: World, account: TradingAccount) -> None:
    """200 of which 100 are lost on open positions: taking out 50 is half of the own money, twice."""
    scheme(burn=Burn.SHARE)
    grant = bonus(world, account)
    told(account, balance=20_000, credit=10_000, equity=20_000, free_margin=20_000)
    transfers.transfer_to_wallet(actor=TEST, account=account, amount=eur("50"), key="one")
    grant.refresh_from_db()
    assert grant.credit == eur("50")
    transfers.transfer_to_wallet(actor=TEST, account=account, amount=eur("50"), key="two")
    grant.refresh_from_db()
    assert (grant.state, grant.credit_minor) == (GrantState.BURNING, 0)


def test_low_equity_read_before_the_move_was_booked_burns_all_the_same(world: World, account: TradingAccount) -> None:
    """The bridge stores numbers when they change: those it read between the server's act and our booking stay."""
    scheme()
    grant = bonus(world, account)
    follow(world)
    told(account, equity=10_000)
    CreditMove.objects.update(finished_at=clock.now())
    sweep()
    settle()
    assert ending(grant) == LOST
