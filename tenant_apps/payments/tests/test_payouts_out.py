"""Money out through the whole house: coins to a wallet, and a payout whose payee still has to say where to."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from kernel import clock
from kernel.models import InboxMessage
from kernel.money import Money
from sandbox.tests.support import Receiver, Sandbox
from tenant_apps.clients.models import Client
from tenant_apps.ledger import selectors as ledger
from tenant_apps.payments.models import (
    Destination,
    PartState,
    ProviderAccount,
    Withdrawal,
    WithdrawalPart,
    WithdrawalState,
)
from tenant_apps.payments.permissions_list import APPROVE, DESTINATIONS, PROPOSE
from tenant_apps.payments.ports import RefundState, RefundStatus
from tenant_apps.payments.services.deposits import deposit_ask, deposit_open, deposit_start
from tenant_apps.payments.services.destinations import destination_add, destination_verify
from tenant_apps.payments.services.parts import part_apply, part_ask, parts_to_ask
from tenant_apps.payments.services.webhooks import webhook_receive
from tenant_apps.payments.services.withdrawals import withdrawal_approve, withdrawal_check, withdrawal_request
from tenant_apps.payments.tasks import sweep
from tenant_apps.wallets.selectors import wallet_of

from .cryptoproc_side import CryptoSide
from .praxis_side import PraxisSide
from .support import SYSTEM, client_actor, eur, make_client, make_rule, run_commands, run_inbox, staff, until
from .test_withdrawals import funded

ADDRESS = "TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6t"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.close()


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Sandbox]]:
    names = ("cryptoproc", "praxis")
    running = {name: Sandbox(name, tmp_path_factory.mktemp(name), "--retry-base", "0.05") for name in names}
    yield running
    for server in running.values():
        server.close()


def paying(account: ProviderAccount, method: str) -> ProviderAccount:
    account.payouts = [method]
    account.save()
    return account


def verified(person: Client, method: str, **details: str) -> Destination:
    row = destination_add(actor=client_actor(person), client=person, method=method, details=details)
    return destination_verify(actor=staff(DESTINATIONS), destination_id=row.pk)


def approved(person: Client, amount: Money, destination: Destination) -> Withdrawal:
    row = withdrawal_request(actor=client_actor(person), client=person, amount=amount, destination=destination)
    withdrawal_check(actor=staff(PROPOSE), withdrawal_id=row.pk)
    return withdrawal_approve(actor=staff(APPROVE), withdrawal_id=row.pk)


def told(side: Any, account: ProviderAccount, *words: str) -> None:
    """What the provider sent about this, taken in."""
    wanted = [word.encode() for word in words]
    found = side.receiver.wait(lambda got: any(all(word in one.body for word in wanted) for one in got))
    request = next(one for one in found if all(word in one.body for word in wanted))
    webhook_receive(account_id=account.pk, headers=request.headers, body=request.body)
    run_inbox()


def held(person: Client, currency: str) -> tuple[Money, Money]:
    wallet = wallet_of(person.pk, currency)
    assert wallet is not None
    return wallet.balance, wallet.held


def with_coins(side: CryptoSide, account: ProviderAccount) -> Client:
    make_rule(account, "usdt_trc20", "USDT", minimum_minor=1, maximum_minor=10**12)
    person = make_client(birth_date="1990-05-01")
    person.refresh_from_db()
    deposit = deposit_start(
        actor=client_actor(person),
        client=person,
        amount=Money(100_000_000, "USDT"),
        offer_key=f"{account.pk}:usdt_trc20",
    )
    deposit = deposit_open(deposit_id=deposit.pk)
    side.send(deposit.instructions["address"], "100", confirmed=True)
    assert deposit_ask(deposit_id=deposit.pk, actor=SYSTEM) == "credited"
    return person


@pytest.mark.parametrize(
    ("decision", "state", "balance"),
    [("confirm", WithdrawalState.PAID, 60_000_000), ("decline", WithdrawalState.FAILED, 100_000_000)],
)
def test_coins_go_to_the_wallet_or_come_back(
    tenant: Any, servers: dict[str, Sandbox], receiver: Receiver, decision: str, state: str, balance: int
) -> None:
    side = CryptoSide(servers["cryptoproc"], receiver)
    account = paying(side.connect(), "crypto")
    person = with_coins(side, account)
    destination = verified(person, "crypto", network="tron", address=ADDRESS)
    assert destination.label == "TR7N…Lj6t"
    row = approved(person, Money(40_000_000, "USDT"), destination)
    run_commands()
    assert row.parts.get().state == PartState.SENDING
    number = next(one["id"] for one in side.control("GET", "transactions")["data"] if one["type"] == "withdrawal")
    side.decide(number, decision)
    told(side, account, str(row.parts.get().pk), "confirmed" if decision == "confirm" else "declined")
    row.refresh_from_db()
    assert (row.state, held(person, "USDT")) == (state, (Money(balance, "USDT"), Money(0, "USDT")))
    assert ledger.broken_invariants() == {}


def arrived(part_id: object, status: str) -> None:
    """The notification has come to our portal, over a socket; it is taken in."""
    words = (str(part_id).encode(), f'"{status}"'.encode())
    until(lambda: any(all(word in bytes(one.body) for word in words) for one in InboxMessage.objects.all()))
    run_inbox()


@pytest.fixture
def praxis(live_tenant: Any, portal_port: int, servers: dict[str, Sandbox], receiver: Receiver) -> PraxisSide:
    return PraxisSide(servers["praxis"], receiver)


def sent_to_the_page(side: PraxisSide) -> tuple[Client, Withdrawal]:
    paying(side.connect(), "cashier_out")
    person = funded()
    row = approved(person, eur("200"), verified(person, "cashier_out"))
    run_commands()
    part = row.parts.get()
    assert (part.state, part.page_url.startswith("http")) == (PartState.SENDING, True)
    return person, row


def test_the_payee_says_where_to_and_it_goes_out(praxis: PraxisSide) -> None:
    person, row = sent_to_the_page(praxis)
    part = row.parts.get()
    praxis.control("POST", f"sessions/{part.pk}/withdraw", {"account": "lena@example.com"})
    arrived(part.pk, "requested")
    assert InboxMessage.objects.get().outcome == "asked"
    assert part_ask(part_id=part.pk, actor=SYSTEM) in ("paid", "nothing")
    row.refresh_from_db()
    assert (row.state, held(person, "EUR")) == (WithdrawalState.PAID, (eur("300"), eur("0")))
    made = praxis.control("GET", "transactions")["data"]
    assert [(one["transaction_type"], one["transaction_status"], one["amount"]) for one in made] == [
        ("payout", "approved", 20_000)
    ]


def test_news_whose_task_was_lost_is_asked_about_by_the_sweep(praxis: PraxisSide) -> None:
    _, row = sent_to_the_page(praxis)
    part = row.parts.get()
    assert sweep.run() == 0
    praxis.control("POST", f"sessions/{part.pk}/withdraw", {"account": "lena@example.com"})
    arrived(part.pk, "requested")
    assert sweep.run() == 1
    row.refresh_from_db()
    assert (row.state, row.parts.get().ask_wanted_at, sweep.run()) == (WithdrawalState.PAID, None, 0)


def test_news_that_was_not_answered_is_asked_about_again(praxis: PraxisSide) -> None:
    """Once every ten minutes until there is an answer; more news at once."""
    _, row = sent_to_the_page(praxis)
    parts, now = WithdrawalPart.objects.filter(withdrawal=row), clock.now()
    minute, found = timedelta(minutes=1), []
    Withdrawal.objects.update(updated_at=now - 60 * minute)
    for wanted, asked in ((2, 1), (11, 9), (11, 10), (0, 1)):
        parts.update(ask_wanted_at=now - wanted * minute, updated_at=now - asked * minute)
        found.append(len(parts_to_ask()))
    assert found == [0, 0, 1, 1]


@pytest.mark.parametrize(("minutes", "kept"), [(59, True), (60, False)])
def test_news_of_what_the_provider_does_not_know_is_let_go_after_an_hour(
    praxis: PraxisSide, minutes: int, kept: bool
) -> None:
    _, row = sent_to_the_page(praxis)
    told = clock.now() - timedelta(minutes=minutes)
    other = WithdrawalPart.objects.create(
        withdrawal=row, provider_account=row.parts.get().provider_account, amount_minor=1, currency="EUR",
        ask_wanted_at=told,
    )  # fmt: skip
    assert part_ask(part_id=other.pk, actor=SYSTEM) == "not known there"
    other.refresh_from_db()
    assert other.ask_wanted_at == (told if kept else None)


@pytest.mark.parametrize("earlier", [PartState.FAILED, PartState.PAID])
def test_a_payout_is_not_completed_when_the_refused_one_before_it_may_be_paid(
    praxis: PraxisSide, earlier: PartState
) -> None:
    """Said to be paid after all, or paid: the provider is asked how this one stands, which alone sends nothing."""
    _, row = sent_to_the_page(praxis)
    part, doubted = row.parts.get(), earlier == PartState.FAILED
    first = WithdrawalPart.objects.create(
        withdrawal=row, provider_account=part.provider_account, amount_minor=part.amount_minor, currency="EUR",
        state=earlier, doubted_at=clock.now() if doubted else None,
    )  # fmt: skip
    WithdrawalPart.objects.filter(pk=part.pk).update(follows=first)
    praxis.control("POST", f"sessions/{part.pk}/withdraw", {"account": "lena@example.com"})
    arrived(part.pk, "requested")
    assert [part_ask(part_id=part.pk, actor=SYSTEM) for _ in range(2)] == ["pending", "pending"]
    assert [one["transaction_status"] for one in praxis.control("GET", "transactions")["data"]] == ["requested"]
    if doubted:
        refused = RefundStatus(state=RefundState.FAILED, reference="", amount=part.amount)
        part_apply(part_id=first.pk, status=refused, actor=SYSTEM, asked=True)
        assert sweep.run() == 1  # what waited for that goes on at once
        row.refresh_from_db()
        assert row.state == WithdrawalState.PAID


def test_a_page_that_ran_out_gives_the_money_back(praxis: PraxisSide) -> None:
    person, row = sent_to_the_page(praxis)
    part = row.parts.get()
    praxis.control("POST", f"sessions/{part.pk}/expire")
    arrived(part.pk, "expired")
    row.refresh_from_db()
    assert (row.state, held(person, "EUR")) == (WithdrawalState.FAILED, (eur("500"), eur("0")))
