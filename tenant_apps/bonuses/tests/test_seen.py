"""In the real order of events: the server books, the ledger follows, the bridge looks last. Until then nothing is promised."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.db.models import F
from django.test.utils import CaptureQueriesContext

from kernel import clock
from kernel.models import OutboxMessage
from tenant_apps.ledger.services import account_freeze
from tenant_apps.payments.models import Deposit
from tenant_apps.payments.tests.support import client_actor
from tenant_apps.trading import ledgers
from tenant_apps.trading.models import Deal, TradingAccount
from tenant_apps.trading.tests.conftest import World, settle

from ..errors import NotSeenYet, OwnMoneyLost
from ..models import Ending, Grant, GrantState, Waiting
from ..services import sweeping
from ..services.grants import grant_accept
from ..services.sweeping import sweep
from .support import deposit, eur, paid_in, rules, scheme, states, trade

PRICES = {"EURUSD": {"bid": "1.10000", "ask": "1.10010"}}
FALLEN = {"EURUSD": {"bid": "1.04000", "ask": "1.04010"}}


@pytest.fixture
def account(world: World) -> TradingAccount:
    rules()
    world.admin("POST", "/prices", PRICES)
    return world.open_account(world.client(country="AE"))


def arrived(world: World, account: TradingAccount, text: str) -> Deposit:
    """A deposit on the account, before the bridge has looked again."""
    world.funds(account.client, eur(text).minor)
    row = deposit(account.client, eur(text), account)
    settle()
    return row


def bought(world: World, account: TradingAccount) -> None:
    """A position that loses some 170 EUR as soon as prices have fallen."""
    world.admin("POST", "/orders", {"login": account.login, "symbol": "EURUSD", "side": "buy", "lots": "0.03"})


@pytest.mark.parametrize(("fallen", "given"), [(True, 0), (False, 1)])
def test_a_deposit_into_an_open_loss_brings_no_bonus(
    world: World, account: TradingAccount, fallen: bool, given: int
) -> None:
    """150 of other money lose 170 while 200 arrive: some of the 200 are lost already."""
    paid_in(world, account, "150")
    bought(world, account)
    scheme()
    row = arrived(world, account, "200")
    if fallen:
        world.admin("POST", "/prices", FALLEN)
    assert not Grant.objects.exists()
    assert Waiting.objects.get().deposit == row
    sweep()  # the bridge has not looked
    assert Waiting.objects.exists()
    states(world)
    sweep()
    assert Grant.objects.count() == given
    assert not Waiting.objects.exists()


def test_it_comes_once_the_bridge_has_seen_the_money(world: World, account: TradingAccount) -> None:
    scheme()
    arrived(world, account, "200")
    assert not Grant.objects.exists()
    states(world)
    sweep()
    settle()
    assert Grant.objects.get().state == GrantState.ACTIVE
    sweep()
    assert Grant.objects.count() == 1


def test_a_deposit_that_brings_no_bonus_waits_for_nothing(world: World, account: TradingAccount) -> None:
    arrived(world, account, "200")
    scheme()
    arrived(world, account, "50")  # less than the least
    assert not Waiting.objects.exists()


def test_an_offer_is_not_accepted_on_numbers_of_yesterday(world: World, account: TradingAccount) -> None:
    scheme(opt_in=True)
    grant = paid_in(world, account, "200")
    assert grant is not None
    arrived(world, account, "50")  # the ledger knows of it, the bridge does not
    bought(world, account)
    world.admin("POST", "/prices", FALLEN)
    with pytest.raises(NotSeenYet):
        grant_accept(actor=client_actor(account.client), grant_id=grant.pk)
    grant.refresh_from_db()
    assert grant.state == GrantState.OFFERED
    states(world)
    with pytest.raises(OwnMoneyLost):
        grant_accept(actor=client_actor(account.client), grant_id=grant.pk)
    grant.refresh_from_db()
    assert (grant.state, grant.ending) == (GrantState.BURNT, Ending.LOW_EQUITY)


def test_an_account_never_seen_brings_a_person_after_a_day(world: World, account: TradingAccount) -> None:
    scheme()
    arrived(world, account, "200")
    Waiting.objects.update(created_at=clock.now() - timedelta(days=2))
    sweep()
    assert not Waiting.objects.exists()
    told = OutboxMessage.objects.get(name="bonuses.needs_attention")
    assert told.payload["problem"] == "never_seen"


def test_what_was_traded_for_is_not_paid_on_numbers_of_yesterday(world: World, account: TradingAccount) -> None:
    scheme()
    grant = paid_in(world, account, "200")
    assert grant is not None
    trade(world, account, "0.06")
    told = TradingAccount.objects.filter(pk=account.pk).values_list("balance_minor", flat=True).get()
    TradingAccount.objects.filter(pk=account.pk).update(balance_minor=told - 1)
    settle()
    grant.refresh_from_db()
    assert grant.state == GrantState.ACTIVE
    TradingAccount.objects.filter(pk=account.pk).update(balance_minor=told)
    sweep()
    settle()
    grant.refresh_from_db()
    assert grant.state == GrantState.RELEASED


def earned(world: World, account: TradingAccount) -> Grant:
    """Traded enough for, not yet looked at, and its time is over."""
    scheme()
    grant = paid_in(world, account, "200")
    assert grant is not None
    trade(world, account, "0.06")
    Grant.objects.filter(pk=grant.pk).update(expires_at=clock.now() - timedelta(minutes=1))
    return grant


def lag(account: TradingAccount, minor: int) -> None:
    """The server's last word differs from the ledger by so much."""
    TradingAccount.objects.filter(pk=account.pk).update(balance_minor=F("balance_minor") + minor)


def swept(grant: Grant) -> tuple[str, str]:
    sweep()
    settle()
    grant.refresh_from_db()
    return grant.state, grant.ending


PAID = (GrantState.RELEASED, Ending.TRADED)


def test_what_was_earned_is_not_lost_while_the_server_lags(world: World, account: TradingAccount) -> None:
    grant = earned(world, account)
    lag(account, -1)
    assert swept(grant) == (GrantState.ACTIVE, Ending.NONE)
    lag(account, 1)
    assert swept(grant) == PAID


def test_what_was_earned_is_not_lost_with_an_account_that_closed(world: World, account: TradingAccount) -> None:
    grant = earned(world, account)
    Grant.objects.filter(pk=grant.pk).update(expires_at=clock.now() + timedelta(days=1))
    TradingAccount.objects.filter(pk=account.pk).update(state="archived")
    lag(account, -1)
    assert swept(grant) == (GrantState.ACTIVE, Ending.NONE)
    lag(account, 1)
    assert swept(grant) == PAID


def test_what_was_earned_is_not_lost_while_the_wallet_is_frozen(world: World, account: TradingAccount) -> None:
    grant = earned(world, account)
    wallet = ledgers.wallet(account)
    account_freeze(account=wallet, frozen=True)
    assert swept(grant) == (GrantState.ACTIVE, Ending.NONE)
    account_freeze(account=wallet, frozen=False)
    assert swept(grant) == PAID


def test_time_takes_what_was_not_earned_however_the_server_lags(world: World, account: TradingAccount) -> None:
    grant = earned(world, account)
    Deal.objects.filter(account=account).update(deleted_at=clock.now())
    lag(account, -1)
    assert swept(grant) == (GrantState.EXPIRED, Ending.TIME)


def test_time_takes_what_was_earned_for_a_deposit_that_went_back(world: World, account: TradingAccount) -> None:
    grant = earned(world, account)
    Deposit.objects.filter(pk=grant.deposit_id).update(reversed_minor=1)
    TradingAccount.objects.filter(pk=account.pk).update(last_deal_at=None)  # no release looks at it
    assert swept(grant) == (GrantState.EXPIRED, Ending.TIME)


def test_what_was_earned_is_looked_at_without_a_lock_while_it_waits(world: World, account: TradingAccount) -> None:
    grant = earned(world, account)
    account_freeze(account=ledgers.wallet(account), frozen=True)
    assert swept(grant) == (GrantState.ACTIVE, Ending.NONE)
    with CaptureQueriesContext(connection) as queries:
        assert sweeping._end_unless_earned(sweeping._over(), Ending.TIME) == 0
    assert [query["sql"] for query in queries if "FOR UPDATE" in query["sql"] or "SAVEPOINT" in query["sql"]] == []


def test_none_waits_behind_what_was_earned(
    world: World, account: TradingAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However small the batches, those that stay take nobody's place."""
    monkeypatch.setattr(sweeping, "MOST", 1)
    grant = earned(world, account)
    lag(account, -1)
    other = paid_in(world, world.open_account(world.client(country="AE")), "200")
    assert other is not None
    lag(account, -1)  # the bridge has looked
    Grant.objects.filter(pk=other.pk).update(expires_at=clock.now() - timedelta(minutes=1))
    assert swept(grant) == (GrantState.ACTIVE, Ending.NONE)
    assert swept(other) == (GrantState.EXPIRED, Ending.TIME)
