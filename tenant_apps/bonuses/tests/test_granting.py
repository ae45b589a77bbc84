"""A deposit on a trading account brings its bonus as credit at the server, once, and nothing it should not bring."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction

from kernel import clock, commands
from kernel.errors import Forbidden, Invalid, NotFound
from kernel.models import OutboxMessage
from kernel.relay import drain
from kernel.tenancy import context
from tenant_apps.clients import rule_packs
from tenant_apps.clients.errors import SamePerson
from tenant_apps.ledger import selectors as ledger
from tenant_apps.payments.models import Deposit, DepositState
from tenant_apps.payments.tests.support import client_actor, staff
from tenant_apps.trading.models import AccountState, TradingAccount
from tenant_apps.trading.services import transfers
from tenant_apps.trading.tests.conftest import TEST, World, settle

from ..errors import BonusForbidden, ProposalWaits, WrongState
from ..models import CreditMove, Ending, Grant, GrantState
from ..proposals import choice_changes
from ..services import packs, proof, schemes
from ..services.grants import grant_accept, grant_decline, preview
from ..services.moves import move_failed
from ..services.sweeping import sweep
from ..services.waiting import judge_waiting
from .support import deposit, eur, on_server, paid_in, reverse, rules, scheme, states, terms


@pytest.fixture
def account(world: World) -> TradingAccount:
    return world.open_account(world.client(country="AE"))


def sound() -> None:
    assert proof.broken() == {}
    assert proof.compare() == 0
    assert ledger.broken_invariants() == {}


def test_a_deposit_brings_its_bonus_as_credit(world: World, account: TradingAccount) -> None:
    rules()
    scheme()
    grant = paid_in(world, account, "300")
    assert grant is not None
    assert (grant.state, grant.amount, grant.credit) == (GrantState.ACTIVE, eur("150"), eur("150"))
    assert on_server(world, account) == ("300.00", "150.00")
    assert OutboxMessage.objects.filter(name="bonuses.granted").count() == 1
    assert grant.pack == f"offshore {rule_packs.packs()['offshore'].version}"
    sound()


def test_without_a_choice_of_rules_nobody_gets_a_bonus(world: World, account: TradingAccount) -> None:
    scheme()
    assert paid_in(world, account, "300") is None
    assert on_server(world, account) == ("300.00", "0.00")


@pytest.mark.parametrize("country", ["DE", "GB", "AU"])
def test_protected_residents_get_none_wherever_the_broker_is(world: World, country: str) -> None:
    rules("offshore")
    scheme()
    assert paid_in(world, world.open_account(world.client(country=country)), "300") is None


@pytest.mark.parametrize(
    ("values", "amount"),
    [
        ({"starts_at": clock.now() + timedelta(days=1)}, "300"),
        ({"ends_at": clock.now() - timedelta(hours=1)}, "300"),
        ({"first_only": True}, "300"),
        ({"countries": ["KW"]}, "300"),
        ({"tags": ["vip"]}, "300"),
        ({"account_types": ["018f0000-0000-7000-8000-000000000001"]}, "300"),
        ({"currencies": {"USD": {"minimum": 1, "cap": 9, "client_cap": 9, "lots": "1"}}}, "300"),
        ({"enabled": False}, "300"),
        ({}, "99.99"),
    ],
)
def test_what_does_not_fit_brings_nothing(
    world: World, account: TradingAccount, values: dict[str, Any], amount: str
) -> None:
    rules()
    scheme(**values)
    assert paid_in(world, account, amount) is None


def test_caps_cut_a_bonus_and_then_end_it(world: World, account: TradingAccount) -> None:
    """At most 250 each, 400 together: 250, 150, nothing."""
    rules()
    scheme()
    given = [paid_in(world, account, "1000") for _ in range(3)]
    assert [grant.amount if grant else None for grant in given] == [eur("250"), eur("150"), None]
    assert on_server(world, account) == ("3000.00", "400.00")
    sound()


def test_a_closed_account_and_a_brokerage_at_rest_get_none(world: World, account: TradingAccount) -> None:
    rules()
    scheme()
    at = {"client": account.client, "account": account, "amount": eur("300"), "first": False}
    assert preview(**at) == eur("150")
    account.state = AccountState.ARCHIVED
    assert preview(**at) is None
    account.state = AccountState.OPEN
    resting = context.tenant().__class__(
        **{name: getattr(context.tenant(), name) for name in ("id", "slug", "schema", "name")}, state="suspended"
    )
    with context.use(resting):
        assert preview(**at) is None


def test_an_offer_is_accepted_by_the_client_alone_and_in_time(world: World, account: TradingAccount) -> None:
    rules()
    scheme(opt_in=True)
    grant = paid_in(world, account, "300")
    assert grant is not None
    assert (grant.state, on_server(world, account)) == (GrantState.OFFERED, ("300.00", "0.00"))
    stranger = client_actor(world.client(country="AE"))
    with pytest.raises(NotFound):
        grant_accept(actor=stranger, grant_id=grant.pk)
    own = client_actor(account.client)
    grant_accept(actor=own, grant_id=grant.pk)
    settle()
    assert on_server(world, account) == ("300.00", "150.00")
    with pytest.raises(WrongState):
        grant_accept(actor=own, grant_id=grant.pk)


def test_an_offer_may_be_declined_or_lapse(world: World, account: TradingAccount) -> None:
    rules()
    scheme(opt_in=True)
    one, two = paid_in(world, account, "200"), paid_in(world, account, "200")
    assert one is not None
    assert two is not None
    grant_decline(actor=client_actor(account.client), grant_id=one.pk)
    Grant.objects.filter(pk=two.pk).update(offered_until=clock.now() - timedelta(minutes=1))
    with pytest.raises(WrongState):
        grant_accept(actor=client_actor(account.client), grant_id=two.pk)
    sweep()
    ends = Grant.objects.order_by("created_at").values_list("state", "ending")
    assert list(ends) == [(GrantState.CANCELLED, Ending.DECLINED), (GrantState.EXPIRED, Ending.TIME)]
    sound()


def test_rules_that_change_forbid_the_offer_too(world: World, account: TradingAccount) -> None:
    rules()
    scheme(opt_in=True)
    grant = paid_in(world, account, "300")
    assert grant is not None
    rules("dfsa")
    with pytest.raises(BonusForbidden):
        grant_accept(actor=client_actor(account.client), grant_id=grant.pk)


def test_a_deposit_reversed_before_its_money_arrived_brings_none(world: World, account: TradingAccount) -> None:
    rules()
    scheme()
    world.funds(account.client, 30_000)
    row = deposit(account.client, eur("300"), account)
    Deposit.objects.filter(pk=row.pk).update(state=DepositState.REVERSED)
    settle()
    assert not Grant.objects.exists()
    reverse(row)
    assert not CreditMove.objects.exists()


def arrive(world: World, account: TradingAccount, text: str) -> None:
    """The deposit's money stands on the account; what follows from that has not been looked at yet."""
    world.funds(account.client, eur(text).minor)
    deposit(account.client, eur(text), account)
    drain()
    for row in commands.due():
        commands.run(row.pk)


def test_a_refusing_server_cancels_the_bonus(world: World, account: TradingAccount) -> None:
    rules()
    scheme()
    arrive(world, account, "300")
    drain()
    states(world)
    judge_waiting()
    with transaction.atomic():
        move_failed(CreditMove.objects.get(), problem="not_found", actor=TEST)
    grant = Grant.objects.get()
    assert (grant.state, grant.ending, grant.credit_minor) == (GrantState.CANCELLED, Ending.REFUSED, 0)


def test_two_people_decide_on_rules_and_terms(tenant: Any) -> None:
    one, two = staff(), staff()
    choice = packs.choice_propose(actor=one, default="offshore", countries={}, reason="Licence")
    with pytest.raises(ProposalWaits):
        packs.choice_propose(actor=two, default="esma", countries={}, reason="Other")
    with pytest.raises(SamePerson):
        packs.choice_approve(actor=one, choice_id=choice.pk)
    assert packs.choice_in_force() is None
    packs.choice_approve(actor=two, choice_id=choice.pk)
    assert packs.choice_in_force() == choice
    version = schemes.scheme_propose(actor=one, code="w", terms=terms())
    with pytest.raises(SamePerson):
        schemes.scheme_approve(actor=one, version_id=version.pk)
    with pytest.raises(Forbidden):
        schemes.scheme_approve(actor=staff("bonuses.view"), version_id=version.pk)
    assert schemes.versions_in_force() == []
    schemes.scheme_approve(actor=two, version_id=version.pk)
    assert schemes.versions_in_force() == [version]


def test_a_choice_is_shown_against_what_held_when_it_was_proposed(tenant: Any) -> None:
    rules("offshore")
    choice = packs.choice_propose(actor=staff(), default="esma", countries={}, reason="Licence")
    told = choice_changes(choice)
    assert told
    packs.choice_approve(actor=staff(), choice_id=choice.pk)
    choice.refresh_from_db()
    assert choice_changes(choice) == told


def test_nobody_is_put_under_laxer_rules_than_protect_them(tenant: Any) -> None:
    with pytest.raises(Invalid):
        packs.choice_propose(actor=staff(), default="offshore", countries={"FR": "offshore"}, reason="Try")


def test_further_terms_leave_grants_alone(world: World, account: TradingAccount) -> None:
    rules()
    first = scheme()
    grant = paid_in(world, account, "200")
    assert grant is not None
    version = schemes.scheme_propose(actor=staff(), code="", scheme=first.scheme, terms=terms(percent=10))
    schemes.scheme_approve(actor=staff(), version_id=version.pk)
    other = paid_in(world, account, "200")
    assert other is not None
    grant.refresh_from_db()
    assert (grant.version.number, grant.amount) == (1, eur("100"))
    assert (other.version.number, other.amount) == (2, eur("20"))


def test_money_taken_out_before_the_bonus_was_made_brings_none(world: World, account: TradingAccount) -> None:
    rules()
    scheme()
    arrive(world, account, "300")
    transfers.transfer_to_wallet(actor=TEST, account=account, amount=eur("250"), key="quick")
    settle()
    assert not Grant.objects.exists()
