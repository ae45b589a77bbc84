"""What comes back after a refusal, what is asked again, and which rules a client stands under."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from kernel import clock
from kernel.errors import Invalid
from kernel.models import Command
from tenant_apps.clients.models import KycState, LegalEntity
from tenant_apps.clients.tests.support import entity
from tenant_apps.payments.tests.support import client_actor, make_client, staff
from tenant_apps.trading.models import TradingAccount, Transfer, TransferState
from tenant_apps.trading.services import transfers
from tenant_apps.trading.tests.conftest import TEST, World, settle

from ..errors import MostReached
from ..models import CreditMove, Ending, Grant, GrantState, MovePurpose, PackChoice
from ..office.forms import SchemeForm
from ..services import burning, packs, proof, schemes
from ..services.grants import BONUSES, grant_accept, preview
from ..services.moves import held, move_failed, save, worry
from ..services.offers import offer_for
from ..services.restoring import transfer_refused
from ..services.sweeping import sweep
from .support import deposit, eur, long_ago, on_server, paid_in, rules, scheme, terms


@pytest.fixture
def account(world: World) -> TradingAccount:
    rules()
    return world.open_account(world.client(country="AE"))


def bonus(world: World, account: TradingAccount, text: str = "300") -> Grant:
    grant = paid_in(world, account, text)
    assert grant is not None
    return grant


def out(account: TradingAccount, text: str, key: str) -> None:
    long_ago(account)
    transfers.transfer_to_wallet(actor=TEST, account=account, amount=eur(text), key=key)


def test_two_refused_transfers_give_the_bonus_back(world: World, account: TradingAccount) -> None:
    scheme()
    grant = bonus(world, account)
    out(account, "400", "one")
    out(account, "500", "two")
    settle()
    grant.refresh_from_db()
    assert (grant.state, grant.credit) == (GrantState.ACTIVE, eur("150"))
    assert on_server(world, account) == ("300.00", "150.00")
    assert proof.broken() == {}


def test_an_offer_lapsed_by_a_refused_transfer_comes_back(world: World, account: TradingAccount) -> None:
    scheme(opt_in=True)
    grant = bonus(world, account)
    out(account, "400", "one")
    grant.refresh_from_db()
    assert (grant.state, grant.ending) == (GrantState.BURNT, Ending.WITHDRAWAL)
    settle()
    grant.refresh_from_db()
    assert (grant.state, grant.ending, grant.ended_at) == (GrantState.OFFERED, "", None)
    grant_accept(actor=client_actor(account.client), grant_id=grant.pk)
    settle()
    assert on_server(world, account) == ("300.00", "150.00")


def test_an_offer_stays_lapsed_when_money_left(world: World, account: TradingAccount) -> None:
    scheme(opt_in=True)
    grant = bonus(world, account)
    out(account, "400", "one")
    out(account, "1", "two")
    settle()
    grant.refresh_from_db()
    assert grant.state == GrantState.BURNT


def test_an_offer_never_taken_up_leaves_the_most_per_client(world: World, account: TradingAccount) -> None:
    """250 and 150 are the most; an offer that lapsed with a transfer out counts for neither."""
    scheme(opt_in=True)
    bonus(world, account, "1000")
    out(account, "1000", "one")
    settle()
    assert bonus(world, account, "1000").amount == eur("250")
    assert bonus(world, account, "1000").amount == eur("150")


def burnt_by(account: TradingAccount, key: str = "one") -> Transfer:
    """A transfer out whose refusal is not known yet."""
    out(account, "5000", key)
    return Transfer.objects.get(key=key)


def refused(transfer: Transfer) -> None:
    Transfer.objects.filter(pk=transfer.pk).update(state=TransferState.FAILED)
    transfer_refused(transfer_id=transfer.pk, actor=BONUSES)


@pytest.mark.parametrize(("second", "again"), [("500", "150"), ("800", "150"), ("200", "250")])
def test_offers_that_come_back_keep_to_the_most_per_client(
    world: World, account: TradingAccount, second: str, again: str
) -> None:
    """400 is the most. 250 lapse with a transfer, a later deposit brings its own; refused, what is left comes back."""
    scheme(opt_in=True)
    first = bonus(world, account, "500")
    transfer = burnt_by(account)
    other = later(account, second)
    refused(transfer)
    first.refresh_from_db()
    assert (first.state, first.amount) == (GrantState.OFFERED, eur(again))
    assert first.amount + other.amount <= eur("400")


def test_nothing_comes_back_where_nothing_is_left(world: World, account: TradingAccount) -> None:
    scheme(opt_in=True)
    first = bonus(world, account, "500")
    transfer = burnt_by(account)
    later(account, "500")
    later(account, "500")
    refused(transfer)
    first.refresh_from_db()
    assert first.state == GrantState.BURNT


def test_two_offers_above_the_most_are_not_both_accepted(world: World, account: TradingAccount) -> None:
    """As they may stand from before: the first one taken counts."""
    scheme(opt_in=True)
    one, other = bonus(world, account, "500"), bonus(world, account, "500")
    Grant.objects.filter(pk=other.pk).update(amount_minor=25_000)
    grant_accept(actor=client_actor(account.client), grant_id=one.pk)
    with pytest.raises(MostReached):
        grant_accept(actor=client_actor(account.client), grant_id=other.pk)


def later(account: TradingAccount, text: str) -> Grant:
    """What the next deposit brings, as `grant_make` would offer it."""
    found = offer_for(client=account.client, account=account, amount=eur(text), first=False, at=clock.now())
    assert found is not None
    return Grant.objects.create(
        client=account.client, version=found.version, account=account, deposit=deposit(account.client, eur(text), None),
        reference=f"L{Grant.objects.count()}", amount_minor=found.amount.minor, currency="EUR",
        lots_per_unit=Decimal(1), offered_until=clock.now() + timedelta(days=1),
    )  # fmt: skip


def stuck(world: World, account: TradingAccount) -> Grant:
    grant = bonus(world, account)
    burning.grant_end(grant_id=grant.pk, ending=Ending.TIME, actor=BONUSES)
    move = CreditMove.objects.get(purpose=MovePurpose.BURN)
    with transaction.atomic():
        row = held(grant.pk)
        worry(row, "reversed_after_release", BONUSES)
        save(row)
    Command.objects.filter(pk=move.command_id).update(state="failed")
    with transaction.atomic():
        move_failed(move, problem="not_enough_money", actor=TEST)
    grant.refresh_from_db()
    return grant


def test_credit_that_would_not_go_is_asked_for_again_after_a_while(world: World, account: TradingAccount) -> None:
    scheme()
    grant = stuck(world, account)
    assert (grant.state, grant.attention) == (GrantState.BURNING, "reversed_after_release")
    sweep()
    assert CreditMove.objects.filter(purpose=MovePurpose.BURN).count() == 1
    CreditMove.objects.update(finished_at=clock.now() - timedelta(hours=2))
    sweep()
    settle()
    grant.refresh_from_db()
    assert (grant.state, grant.attention) == (GrantState.EXPIRED, "reversed_after_release")
    assert on_server(world, account) == ("300.00", "0.00")


@pytest.mark.parametrize(
    "changes", [{"country": ""}, {"kyc_state": KycState.SUBMITTED}, {"identity_changed_at": clock.now()}]
)
def test_who_is_not_known_gets_no_bonus(world: World, account: TradingAccount, changes: dict[str, Any]) -> None:
    scheme(opt_in=True)
    at = {"client": account.client, "account": account, "amount": eur("300"), "first": False}
    assert preview(**at) == eur("150")
    for name, value in changes.items():
        setattr(account.client, name, value)
    assert preview(**at) is None


def test_a_laxer_choice_of_old_protects_residents_no_less(tenant: Any) -> None:
    """Chosen before the country's regulator had a pack."""
    choice = PackChoice(default="offshore", countries={"FR": "offshore", "AE": "esma"})
    found = {country: packs.pack_under(choice, country) for country in ("FR", "AE", "KW")}
    assert {country: pack.allows_bonuses for country, pack in found.items() if pack} == {
        "FR": False, "AE": False, "KW": True,
    }  # fmt: skip


@pytest.mark.parametrize(("own", "pack", "allowed"), [
    ("offshore", "offshore", {"FR": False, "AE": False, "KW": True, "BR": True}),
    ("dfsa", "dfsa", {"FR": False, "AE": False, "KW": False, "BR": False}),
    ("", "", {"FR": False, "AE": False, "KW": True, "BR": False}),
    ("gone", "", {"FR": False, "AE": False, "KW": False, "BR": False}),
])  # fmt: skip
def test_the_pack_of_the_clients_entity_counts_and_the_strictest_of_all(
    tenant: Any, own: str, pack: str, allowed: dict[str, bool]
) -> None:
    """Residents of FR are protected, AE and KW were chosen for; where the entity names no pack the default counts."""
    first = entity("Nordwind Europe Ltd")
    LegalEntity.objects.update(pack=own)
    PackChoice.objects.create(
        default="esma", countries={"AE": "dfsa", "KW": "offshore"}, state="approved", decided_at=clock.now(),
        proposer_id="one", decider_id="two", reason="Licence",
    )  # fmt: skip
    for number, (country, may) in enumerate(allowed.items()):
        person = make_client(country=country, entity=first if number % 2 else None)
        with CaptureQueriesContext(connection) as seen:
            found = packs.pack_of(person)
        assert len(seen) == 1
        assert bool(found and found.allows_bonuses) == may, country
        assert country != "BR" or not pack or (found and found.key == pack)


@pytest.mark.parametrize("word", ["NaN", "Infinity", "-Infinity"])
@pytest.mark.parametrize("at", [1, 4])
def test_numbers_without_end_are_refused(tenant: Any, word: str, at: int) -> None:
    parts = ["EUR", "100", "250", "400", "0.0005"]
    parts[at] = word
    form = SchemeForm({"currencies": " ".join(parts)})
    assert "currencies" in form.errors
    euro = {"minimum": 10_000, "cap": 25_000, "client_cap": 40_000, "lots": word}
    with pytest.raises(Invalid):
        schemes.scheme_propose(actor=staff(), code="w", terms=terms(currencies={"EUR": euro}))


def test_what_was_paid_is_proved_in_one_statement(
    world: World, account: TradingAccount, django_assert_num_queries: Any
) -> None:
    scheme()
    grant = bonus(world, account)
    Grant.objects.filter(pk=grant.pk).update(state="releasing", paid_minor=100)
    assert proof.broken() == {"B2": [grant.reference]}
    with django_assert_num_queries(3):
        proof.broken()
