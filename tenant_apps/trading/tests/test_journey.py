"""From an approved identity to money on the server, over the real protocol and through real commands."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest
from django.db import transaction
from django.test import override_settings

from kernel import clock, commands
from kernel.actors import Actor
from kernel.errors import Conflict
from kernel.events import Event, event, publish
from kernel.ids import uuid7
from kernel.models import Command, OutboxMessage
from kernel.money import Money
from kernel.ui.formatting import money_text
from tenant_apps.ledger import selectors as ledger
from tenant_apps.ledger import services
from tenant_apps.trading.errors import AccountNotReady, HasOpenPositions, NotEnoughFree, NotVerified
from tenant_apps.trading.models import AccountState, TradingAccount, Transfer, TransferState
from tenant_apps.trading.services import accounts, transfers
from tenant_apps.trading.tests.conftest import TEST, World, settle
from tenant_apps.wallets.targets import Onward, onward_of


def known_event(name: str, **fields: type) -> type[Event]:
    """Another app's event as it is registered there, or a stand-in of the same name while that app is not installed."""
    from kernel.events import _events

    if name in _events:
        return _events[name]
    return event(name)(type(name.replace(".", "_"), (Event,), {"__annotations__": fields}))


def kyc_approved(client_id: object) -> None:
    fact = known_event("kyc.approved", client_id=object, level=int, case_id=object)
    with transaction.atomic():
        publish(fact(client_id=client_id, level=1, case_id=uuid7()), aggregate=f"client:{client_id}")


def deposit_credited(client_id: object, amount: Money, account_id: object) -> UUID:
    fact = known_event(
        "payments.deposit_credited",
        deposit_id=object,
        client_id=object,
        amount=Money,
        provider=str,
        method=str,
        first=bool,
        trading_account_id=object,
    )
    deposit_id = uuid7()
    values = {
        "deposit_id": deposit_id,
        "client_id": client_id,
        "amount": amount,
        "provider": "stripe",
        "method": "klarna",
        "first": True,
        "trading_account_id": account_id,
    }
    with transaction.atomic():
        publish(fact(**values), aggregate=f"client:{client_id}")
    return deposit_id


def balance(owner: object, kind: str, currency: str = "EUR") -> int:
    account = services.account_ensure(
        owner=f"client:{owner}", kind=kind, currency=currency, overdraft=kind.startswith("trading:")
    )
    return ledger.balance(account).balance.minor


def test_an_approved_identity_opens_one_account_on_the_server(world: World) -> None:
    client = world.client()
    kyc_approved(client.pk)
    kyc_approved(client.pk)
    settle()
    account = TradingAccount.objects.get(client=client)
    assert account.state == AccountState.OPEN
    found = world.on_server(account.login)
    assert (found["name"], found["group"], found["leverage"]) == ("Greta Lindqvist", "real\\std-eur", 30)
    row = Command.objects.get(kind="trading.account_open")
    assert row.state == "succeeded"
    assert row.latency_ms is not None
    assert OutboxMessage.objects.filter(name="trading.account_opened").count() == 1


def test_a_deposit_for_the_account_arrives_there_once(world: World) -> None:
    client = world.client()
    account = world.open_account(client)
    world.funds(client, 50_000)
    deposit_credited(client.pk, Money(50_000, "EUR"), account.pk)
    settle()
    assert world.on_server(account.login)["balance"] == "500.00"
    assert balance(client.pk, "wallet") == 0
    assert balance(client.pk, "in_transit") == 0
    assert balance(client.pk, account.ledger_kind) == 50_000
    assert Transfer.objects.get().state == TransferState.DONE
    assert ledger.broken_invariants() == {}


@override_settings(ROOT_URLCONF="config.urls_portal")
def test_a_deposit_tells_how_far_it_came(world: World) -> None:
    """It read "arrived" and no word of the account that it was made for."""
    client = world.client()
    account = world.open_account(client)
    world.funds(client, 1_000)
    label, url = f"MT5 {account.login}", f"/accounts/{account.pk}/"
    deposit_id = deposit_credited(client.pk, Money(1_000, "EUR"), account.pk)
    assert onward_of(deposit_id, account.pk) == Onward(label=label, state="moving", url=url)
    settle()
    assert onward_of(deposit_id, account.pk) == Onward(label=label, state="arrived", url=url)
    spent = deposit_credited(client.pk, Money(1_000, "EUR"), account.pk)  # its wallet is empty by now
    settle()
    assert onward_of(spent, account.pk) == Onward(label=label, state="stays", url=url)
    assert onward_of(spent, uuid7()) is None
    assert onward_of(spent, None) is None


def test_money_for_an_account_still_being_opened_waits_for_it(world: World) -> None:
    client = world.client()
    account = accounts.account_open(actor=TEST, client=client, account_type=world.account_type)
    world.funds(client, 1_000)
    transfers.transfer_to_account(actor=TEST, account=account, amount=Money(1_000, "EUR"), key="early")
    assert balance(client.pk, "in_transit") == 1_000
    settle()
    account.refresh_from_db()
    assert world.on_server(account.login)["balance"] == "10.00"


def test_a_refused_withdrawal_releases_the_hold(world: World) -> None:
    client = world.client()
    account = world.open_account(client)
    world.funds(client, 10_000)
    transfers.transfer_to_account(actor=TEST, account=account, amount=Money(10_000, "EUR"), key="in")
    settle()
    back = transfers.transfer_to_wallet(actor=TEST, account=account, amount=Money(15_000, "EUR"), key="out")
    mirror = services.account_ensure(
        owner=f"client:{client.pk}", kind=account.ledger_kind, currency="EUR", overdraft=True
    )
    assert ledger.balance(mirror).held == Money(15_000, "EUR")
    settle()
    back.refresh_from_db()
    assert (back.state, back.problem) == (TransferState.FAILED, "not_enough_money")
    assert ledger.balance(mirror).held == Money(0, "EUR")
    assert (balance(client.pk, "wallet"), world.on_server(account.login)["balance"]) == (0, "100.00")


@pytest.mark.parametrize(
    ("free", "credit", "balance_minor", "most"),
    [(4_000, 0, 10_000, 4_000), (12_000, 3_000, 10_000, 9_000), (12_000, 0, 10_000, 10_000), (2_000, 3_000, 10_000, 0)],
)
def test_more_than_is_free_is_refused_before_it_is_sent(
    world: World, free: int, credit: int, balance_minor: int, most: int
) -> None:
    account = world.open_account(world.client())
    TradingAccount.objects.filter(pk=account.pk).update(
        balance_minor=balance_minor, free_margin_minor=free, credit_minor=credit, margin_minor=1, seen_at=clock.now()
    )
    with pytest.raises(NotEnoughFree) as refusal:
        transfers.transfer_to_wallet(actor=TEST, account=account, amount=Money(most + 1, "EUR"), key="out")
    assert refusal.value.field == "amount"
    assert money_text(Money(most, "EUR")) in str(refusal.value)
    assert not Transfer.objects.filter(key="out").exists()
    if most:
        row = transfers.transfer_to_wallet(actor=TEST, account=account, amount=Money(most, "EUR"), key="out")
        TradingAccount.objects.filter(pk=account.pk).update(free_margin_minor=0)
        again = transfers.transfer_to_wallet(actor=TEST, account=account, amount=Money(most, "EUR"), key="out")
        assert again == row  # what has begun is not refused afterwards


def test_an_old_word_of_the_server_refuses_nothing(world: World) -> None:
    account = world.open_account(world.client())
    for margin, seen, known in (
        (1, clock.now() - timedelta(minutes=6), None), (0, clock.now() - timedelta(days=1), Money(0, "EUR")), (0, None, None)
    ):  # fmt: skip
        TradingAccount.objects.filter(pk=account.pk).update(margin_minor=margin, seen_at=seen)
        account.refresh_from_db()
        assert transfers.withdrawable(account, now=clock.now()) == known
    TradingAccount.objects.filter(pk=account.pk).update(seen_at=clock.now())
    account.refresh_from_db()
    Transfer.objects.create(
        account=account, client=account.client, direction="in", amount_minor=1, currency="EUR", key="since",
        finished_at=clock.now(),
    )  # fmt: skip
    assert transfers.withdrawable(account, now=clock.now()) is None


def test_a_withdrawal_takes_from_the_server_first(world: World) -> None:
    client = world.client()
    account = world.open_account(client)
    world.funds(client, 10_000)
    transfers.transfer_to_account(actor=TEST, account=account, amount=Money(10_000, "EUR"), key="in")
    settle()
    transfers.transfer_to_wallet(actor=TEST, account=account, amount=Money(4_000, "EUR"), key="out")
    settle()
    assert world.on_server(account.login)["balance"] == "60.00"
    assert (balance(client.pk, "wallet"), balance(client.pk, account.ledger_kind)) == (4_000, 6_000)
    assert ledger.broken_invariants() == {}


def test_a_lost_answer_is_resolved_by_asking(world: World) -> None:
    client = world.client()
    account = world.open_account(client)
    world.funds(client, 10_000)
    world.admin("POST", "/faults", {"kind": "drop_after_commit", "path": "/api/trade/balance"})
    row = transfers.transfer_to_account(actor=TEST, account=account, amount=Money(10_000, "EUR"), key="in")
    assert commands.run(row.command_id) == "unknown"
    Command.objects.update(available_at="2020-01-01T00:00Z")
    assert commands.run(row.command_id) == "succeeded"
    assert Command.objects.get(pk=row.command_id).attempts == 1
    assert world.on_server(account.login)["balance"] == "100.00"


def test_an_account_opened_without_an_answer_is_found_again(world: World) -> None:
    world.admin("POST", "/faults", {"kind": "drop_after_commit", "path": "/api/user/add"})
    account = accounts.account_open(actor=TEST, client=world.client(), account_type=world.account_type)
    row = Command.objects.get(aggregate=account.aggregate)
    assert commands.run(row.pk) == "unknown"
    Command.objects.update(available_at="2020-01-01T00:00Z")
    assert commands.run(row.pk) == "succeeded"
    account.refresh_from_db()
    assert account.state == AccountState.OPEN
    assert world.admin("GET", "/accounts")["total"] == 1


def test_leverage_and_password_reach_the_server(world: World) -> None:
    account = world.open_account(world.client())
    accounts.leverage_set(actor=TEST, account=account, leverage=10, reason="asked by phone")
    accounts.password_set(actor=TEST, account=account, kind="main", password="Neu-Wort77")
    settle()
    account.refresh_from_db()
    assert (account.leverage, world.on_server(account.login)["leverage"]) == (10, 10)
    states = dict(Command.objects.values_list("kind", "state"))
    assert states["trading.leverage"] == states["trading.password"] == "succeeded"


def test_a_key_used_for_another_request_is_refused_not_ignored(world: World) -> None:
    client = world.client()
    account = world.open_account(client)
    world.funds(client, 10_000)
    first = transfers.transfer_to_account(actor=TEST, account=account, amount=Money(4_000, "EUR"), key="form")
    assert transfers.transfer_to_account(actor=TEST, account=account, amount=Money(4_000, "EUR"), key="form") == first
    with pytest.raises(Conflict):
        transfers.transfer_to_account(actor=TEST, account=account, amount=Money(5_000, "EUR"), key="form")
    assert balance(client.pk, "in_transit") == 4_000


def test_an_account_is_not_archived_with_money_on_its_way(world: World) -> None:
    """Nobody reads an archived account any more: what arrives there would be out of everyone's reach."""
    client = world.client()
    account = world.open_account(client)
    world.funds(client, 10_000)
    transfers.transfer_to_account(actor=TEST, account=account, amount=Money(4_000, "EUR"), key="in")
    with pytest.raises(HasOpenPositions):
        accounts.account_archive(actor=TEST, account=account, reason="asked for it")
    settle()  # the bridge has not read the balance yet, the mirror knows it
    with pytest.raises(HasOpenPositions):
        accounts.account_archive(actor=TEST, account=account, reason="asked for it")
    transfers.transfer_to_wallet(actor=TEST, account=account, amount=Money(4_000, "EUR"), key="out")
    settle()
    accounts.account_archive(actor=TEST, account=account, reason="asked for it")
    with pytest.raises(AccountNotReady):
        transfers.transfer_to_account(actor=TEST, account=account, amount=Money(1_000, "EUR"), key="late")
    settle()
    account.refresh_from_db()
    assert account.state == AccountState.ARCHIVED
    assert balance(client.pk, "wallet") == 10_000


def test_a_client_reopens_what_was_archived(world: World) -> None:
    """Under the rules of opening one; the login, its group and its password are those of before."""
    client = world.client()
    account = world.open_account(client)
    owner = Actor(kind="client", client_id=client.pk)
    with pytest.raises(AccountNotReady):
        accounts.account_reopen(actor=owner, account=account)
    accounts.account_archive(actor=owner, account=account, reason="")
    settle()
    account.refresh_from_db()
    assert account.state == AccountState.ARCHIVED
    type(client).objects.filter(pk=client.pk).update(kyc_state="none")
    with pytest.raises(NotVerified):
        accounts.account_reopen(actor=owner, account=TradingAccount.objects.get(pk=account.pk))
    type(client).objects.filter(pk=client.pk).update(kyc_state="approved")
    accounts.account_reopen(actor=owner, account=TradingAccount.objects.get(pk=account.pk))
    settle()
    account.refresh_from_db()
    assert account.state == AccountState.OPEN
    world.funds(client, 10_000)
    transfers.transfer_to_account(actor=owner, account=account, amount=Money(4_000, "EUR"), key="again")
    settle()
    assert balance(client.pk, "in_transit") == 0


def test_wrong_credentials_delay_but_never_refuse(world: World) -> None:
    client = world.client()
    account = world.open_account(client)
    world.funds(client, 10_000)
    from kernel import secrets
    from tenant_apps.trading import platforms

    secrets.credential_set(owner=world.server.secret_owner, name=platforms.PASSWORD, value="Wrong-Pass9")
    row = transfers.transfer_to_account(actor=TEST, account=account, amount=Money(10_000, "EUR"), key="in")
    assert commands.run(row.command_id) == "pending"
    assert balance(client.pk, "in_transit") == 10_000
