"""Traded enough, a bonus becomes the client's money: once, and as much as it was."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kernel.relay import drain
from tenant_apps.ledger import selectors as ledger
from tenant_apps.ledger.services import HOUSE, account_ensure
from tenant_apps.trading.models import Deal, TradingAccount
from tenant_apps.trading.tests.conftest import World, settle

from ..lots import ClosedDeal, Window, concerning, fill, spans
from ..models import Grant, GrantState
from ..services import proof, release, sweeping
from ..services.sweeping import sweep
from .support import eur, follow, on_server, paid_in, reverse, rules, scheme, trade

START = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def grant(world: World) -> Grant:
    """100 EUR on an account with 200, free after 0.05 lots."""
    rules()
    scheme(symbols=["EUR*"])
    found = paid_in(world, world.open_account(world.client(country="AE")), "200")
    assert found is not None
    return found


def spent() -> str:
    return str(ledger.balance(account_ensure(owner=HOUSE, kind="bonus", currency="EUR")).balance)


def credit(world: World, grant: Grant) -> str:
    return on_server(world, grant.account)[1]


def test_enough_lots_pay_it_out_once(world: World, grant: Grant) -> None:
    trade(world, grant.account, "0.03")
    settle()
    assert release.progress([grant])[grant.pk] == Decimal("0.03")
    assert credit(world, grant) == "100.00"
    trade(world, grant.account, "0.02")
    settle()
    for _ in range(2):
        sweep()
        release.release_due(account_ids=[grant.account_id])
        settle()
    grant.refresh_from_db()
    assert (grant.state, grant.paid, grant.credit_minor) == (GrantState.RELEASED, eur("100"), 0)
    assert credit(world, grant) == "0.00"
    assert spent() == "-100.00 EUR"
    follow(world)
    assert proof.broken() == {}
    assert proof.compare() == 0
    assert ledger.broken_invariants() == {}


def test_other_symbols_and_deals_taken_back_do_not_count(world: World, grant: Grant) -> None:
    trade(world, grant.account, "0.06", "USDJPY")
    deal = trade(world, grant.account, "0.04")
    world.admin("POST", "/faults", {"kind": "delete_deal", "deal": deal})
    follow(world)
    drain()
    assert Deal.objects.filter(deleted_at__isnull=False).count() == 1
    assert release.progress([grant])[grant.pk] == 0


def test_a_reversal_after_the_release_is_told(world: World, grant: Grant) -> None:
    trade(world, grant.account, "0.06")
    settle()
    reverse(grant.deposit)
    grant.refresh_from_db()
    assert (grant.state, grant.attention) == (GrantState.RELEASED, "reversed_after_release")
    assert spent() == "-100.00 EUR"


def test_an_account_that_takes_no_money_leaves_it_in_the_wallet(world: World, grant: Grant) -> None:
    trade(world, grant.account, "0.06")
    TradingAccount.objects.filter(pk=grant.account_id).update(state="archived")
    release.grant_release(grant_id=grant.pk)
    settle()
    grant.refresh_from_db()
    wallet = account_ensure(owner=f"client:{grant.client_id}", kind="wallet", currency="EUR")
    assert ledger.balance(wallet).balance == eur("100")
    assert (grant.state, credit(world, grant)) == (GrantState.RELEASED, "0.00")


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    lots=st.lists(st.tuples(st.integers(0, 100), st.integers(1, 300)), max_size=30),
    windows=st.lists(
        st.tuples(st.integers(0, 100), st.integers(1, 100) | st.none(), st.integers(1, 500)), min_size=1, max_size=4
    ),
)
def test_a_lot_counts_once(lots: list[tuple[int, int]], windows: list[tuple[int, int | None, int]]) -> None:
    """Together never more than was traded, each never more than it needs, and more trading never means less progress."""
    deals = [ClosedDeal(START + timedelta(hours=at), "EURUSD", Decimal(n) / 100) for at, n in lots]
    own = [
        Window(n, START + timedelta(hours=at), START + timedelta(hours=at + length) if length else None, Decimal(need))
        for n, (at, length, need) in enumerate(windows)
    ]
    done = fill(own, deals)
    assert sum(done.values()) <= sum((deal.lots for deal in deals), Decimal(0))
    assert all(done[window.key] <= window.needed for window in own)
    for window in own:
        alone = fill(concerning(own, {window.key}), deals)
        assert alone[window.key] == done[window.key]
    more = fill(own, [*deals, ClosedDeal(START + timedelta(hours=50), "EURUSD", Decimal(1))])
    assert sum(more.values()) >= sum(done.values())


def test_bonuses_long_ended_are_not_counted_again() -> None:
    """One beside the living one bears on it, and one beside that; what had ended before them does not."""

    def window(key: str, start: int, end: int | None) -> Window:
        over = START + timedelta(hours=end) if end is not None else None
        return Window(key, START + timedelta(hours=start), over, Decimal(1))

    windows = [window("old", 0, 10), window("before", 10, 30), window("beside", 20, 50), window("alive", 40, None)]
    assert {one.key for one in concerning(windows, {"alive"})} == {"before", "beside", "alive"}


def test_no_account_waits_behind_others(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """However small the batches, each round looks at every account."""
    monkeypatch.setattr(sweeping, "MOST", 1)
    rules()
    scheme()
    grants = [paid_in(world, world.open_account(world.client(country="AE")), "200") for _ in range(2)]
    for found in grants:
        assert found is not None
        trade(world, found.account, "0.06")
    sweep()
    assert list(Grant.objects.values_list("state", flat=True)) == [GrantState.RELEASING] * 2


@pytest.mark.parametrize("seed", range(40))
def test_sums_between_beginnings_and_ends_say_what_the_single_deals_say(seed: int) -> None:
    """Bonuses of one account that take the same symbols: added up per span, each gets the lots it would get one by one."""
    chance = Random(seed)
    begun = START

    def at() -> datetime:
        return begun + timedelta(minutes=chance.randrange(100))

    windows = []
    for key in range(chance.randrange(1, 5)):
        start = at()
        end = start + timedelta(minutes=chance.randrange(1, 60)) if chance.random() < 0.6 else None
        windows.append(Window(key, start, end, Decimal(chance.randrange(1, 12)), ("EUR*", "XAU*")))
    deals = [
        ClosedDeal(at(), chance.choice(("EURUSD", "XAUUSD", "GBPUSD")), Decimal(chance.randrange(1, 5)))
        for _ in range(30)
    ]
    sums: dict[tuple[datetime, str], Decimal] = defaultdict(Decimal)
    for deal in deals:
        for since, until in spans(windows):
            if since <= deal.at and (until is None or deal.at < until):
                sums[since, deal.symbol] += deal.lots
    assert fill(windows, [ClosedDeal(since, symbol, lots) for (since, symbol), lots in sums.items()]) == fill(
        windows, deals
    )
