"""What came above the threshold stays in its wallet until its source is known, whichever way round is tried."""

from __future__ import annotations

from typing import Any

import pytest

from kernel.ids import uuid7
from kernel.models import OutboxMessage
from kernel.money import Money
from tenant_apps.clients.models import Client
from tenant_apps.ledger import selectors as ledger
from tenant_apps.ledger.services import client_owner
from tenant_apps.payments import selectors
from tenant_apps.payments.errors import FundsNeeded, WithdrawalRefused
from tenant_apps.payments.models import Deposit, FundsRequest, FundsThreshold, ProviderAccount
from tenant_apps.payments.ports import DepositStatus, PaymentState
from tenant_apps.payments.services import funds, posting
from tenant_apps.payments.services.deposits import deposit_apply, deposit_start
from tenant_apps.payments.services.withdrawals import withdrawal_check, withdrawal_request
from tenant_apps.wallets.errors import MoveRefused
from tenant_apps.wallets.models import ClientTransfer, Exchange, ExchangePolicy, TransferPolicy
from tenant_apps.wallets.selectors import wallet_of
from tenant_apps.wallets.services.exchange import exchange_confirm, exchange_quote
from tenant_apps.wallets.services.transfers import client_transfer_approve, client_transfer_send
from tenant_apps.wallets.tests.support import give, sheet

from .support import SYSTEM, client_actor, eur, make_account, make_client, make_destination, make_rule, staff
from .test_deposit_limits import account, credit, paper, start
from .test_exactly_once import pending_deposit
from .test_pages import trader

__all__ = ["account"]  # the fixture


def paid(person: Client, amount: str) -> None:
    """Much more came than the payment had been begun for, as by wire or on a chain."""
    deposit = pending_deposit(client=person)
    told = DepositStatus(state=PaymentState.PAID, provider_reference="", amount=eur(amount))
    assert deposit_apply(deposit_id=deposit.pk, status=told, actor=SYSTEM) == "credited"


def above(action: str = "hold") -> Client:
    """1300 came, 1000 may come without a question."""
    FundsThreshold.objects.create(currency="EUR", amount_minor=100_000, action=action)
    ExchangePolicy.objects.create(transfers_enabled=True)
    TransferPolicy.objects.create(currency="EUR", minimum_minor=1, daily_minor=10**9)
    TransferPolicy.objects.create(currency="USD", minimum_minor=1, daily_minor=10**9)
    make_account("bank_wire", settings={"iban": "DE89370400440532013000"})
    sheet()
    person = make_client(user_id=uuid7())
    make_destination(person)
    paid(person, "1300")
    return person


def accepted(person: Client) -> None:
    request = FundsRequest.objects.get(client=person)
    funds.decide(actor=staff("kyc.decide"), request_id=request.pk, accepted=True)


def exchanged(person: Client, amount: str) -> Exchange:
    quote = exchange_quote(
        actor=client_actor(person), client=person, amount=eur(amount), give_currency="EUR", get_currency="USD"
    )
    return exchange_confirm(actor=client_actor(person), exchange_id=quote.pk)


def sent(person: Client, money: Money) -> ClientTransfer:
    other = make_client(user_id=uuid7())
    return client_transfer_send(
        actor=client_actor(person), client=person, number=other.number, email=other.email, amount=money,
        key=str(uuid7()),
    )  # fmt: skip


def asked(person: Client, money: Money) -> Any:
    return withdrawal_request(
        actor=client_actor(person), client=person, amount=money, destination=person.destinations.get()
    )


def available(person: Client, currency: str = "EUR") -> Money:
    wallet = wallet_of(person.pk, currency)
    assert wallet is not None
    return wallet.available


def test_it_is_not_exchanged_away(tenant: Any) -> None:
    person = above()
    with pytest.raises(MoveRefused) as refusal:
        exchanged(person, "1000.01")
    assert (refusal.value.data["check"], refusal.value.field) == ("funds_source", "amount")
    assert exchanged(person, "1000").state == "done"
    assert available(person) == eur("300")
    accepted(person)
    exchanged(person, "300")
    assert ledger.broken_invariants() == {}


def test_a_quote_from_before_takes_no_more_than_may_go(tenant: Any) -> None:
    """Two quotes were good one by one."""
    person = above()
    actor = client_actor(person)
    quotes = [
        exchange_quote(actor=actor, client=person, amount=eur("600"), give_currency="EUR", get_currency="USD")
        for _ in range(2)
    ]
    exchange_confirm(actor=actor, exchange_id=quotes[0].pk)
    with pytest.raises(MoveRefused) as refusal:
        exchange_confirm(actor=actor, exchange_id=quotes[1].pk)
    assert (refusal.value.data["check"], available(person)) == ("funds_source", eur("700"))


def test_it_is_not_sent_to_another_client(tenant: Any) -> None:
    person = above()
    with pytest.raises(MoveRefused) as refusal:
        sent(person, eur("1000.01"))
    assert (refusal.value.data["check"], ClientTransfer.objects.count()) == ("funds_source", 0)
    sent(person, eur("1000"))
    assert available(person) == eur("300")
    accepted(person)
    sent(person, eur("300"))


def test_a_small_dispute_frees_nothing_of_it(tenant: Any) -> None:
    """The deposit counts as reversed then, whatever of it was taken back."""
    person = above()
    deposit = Deposit.objects.get(client=person)
    taken = DepositStatus(state=PaymentState.REVERSED, provider_reference="", amount=eur("1"), dispute="d1")
    assert deposit_apply(deposit_id=deposit.pk, status=taken, actor=SYSTEM) == "reversed"
    assert funds.kept_back(person.pk, "EUR") == eur("299")


def test_a_threshold_that_refuses_keeps_what_came_all_the_same(tenant: Any) -> None:
    person = above("refuse")
    assert funds.kept_back(person.pk, "EUR") == eur("300")
    for move in (lambda: exchanged(person, "1000.01"), lambda: sent(person, eur("1000.01")),
                 lambda: asked(person, eur("1000.01"))):  # fmt: skip
        with pytest.raises((MoveRefused, WithdrawalRefused)) as refusal:
            move()
        assert refusal.value.data["check"] == "funds_source"
    assert asked(person, eur("1000")).state == "requested"


def test_what_is_begun_counts_before_the_next_is_begun(account: ProviderAccount) -> None:
    FundsThreshold.objects.create(currency="EUR", amount_minor=100_000, action="refuse")
    person = make_client()
    rows = [start(account, person, "400") for _ in range(2)]
    with pytest.raises(FundsNeeded):
        start(account, person, "400")
    for row in rows:
        credit(row)
    start(account, person, "200")


def test_while_it_is_at_the_trading_account_nothing_goes_out_of_other_wallets(tenant: Any) -> None:
    person = above()
    give(person, "500", "USD")
    dollars = Money.of("100", "USD")
    open_before = asked(person, dollars)
    purse = posting.wallet_ensure(client_id=person.pk, currency="EUR")
    there = posting.account_ensure(owner=client_owner(person.pk), kind="trading:1", currency="EUR", overdraft=True)
    posting.post(kind="trading.to_account", key="there", actor=SYSTEM,
                 legs=[posting.Leg(purse, eur("-1100")), posting.Leg(there, eur("1100"))])  # fmt: skip
    with pytest.raises(WithdrawalRefused) as refusal:
        asked(person, dollars)
    assert refusal.value.data["check"] == "funds_source"
    with pytest.raises(WithdrawalRefused) as at_the_check:
        withdrawal_check(actor=staff(), withdrawal_id=open_before.pk)
    assert at_the_check.value.data["check"] == "funds_source"
    with pytest.raises(MoveRefused):
        sent(person, dollars)
    posting.post(kind="trading.to_wallet", key="back", actor=SYSTEM,
                 legs=[posting.Leg(purse, eur("100")), posting.Leg(there, eur("-100"))])  # fmt: skip
    assert asked(person, dollars).state == "requested"
    sent(person, dollars)


def test_a_payment_tried_again_counts_once(account: ProviderAccount) -> None:
    FundsThreshold.objects.create(currency="EUR", amount_minor=100_000, action="refuse")
    person = make_client()
    first = start(account, person, "600")
    other = make_account()
    make_rule(other, "card")
    again = deposit_start(
        actor=client_actor(person), client=person, amount=eur("600"), offer_key=f"{other.pk}:card", instead_of=first
    )
    assert again.attempt == first.pk
    with pytest.raises(FundsNeeded):
        start(account, person, "600")


def test_a_fee_was_never_in_the_wallet_and_is_not_missed_there(tenant: Any) -> None:
    FundsThreshold.objects.create(currency="EUR", amount_minor=50_000)
    deposit = pending_deposit(fee_minor=1_000)
    told = DepositStatus(state=PaymentState.PAID, provider_reference="", amount=eur("500"))
    deposit_apply(deposit_id=deposit.pk, status=told, actor=SYSTEM)
    paid(deposit.client, "300")
    assert funds.kept_back(deposit.client_id, "EUR") == eur("290")
    assert not funds.left_its_wallet(deposit.client_id)


# --- a threshold from after the deposits: nobody asked when they came


def overtaken() -> Client:
    """1300 came and 800 of it was exchanged, before anybody minded; then 300 may come without a question."""
    person = above()
    FundsThreshold.objects.update(amount_minor=10**7)
    FundsRequest.objects.all().delete()
    exchanged(person, "800")
    FundsThreshold.objects.update(amount_minor=30_000)
    assert funds.kept_back(person.pk, "EUR") > available(person)
    return person


def quoted(person: Client) -> Any:
    """A quote from before."""
    FundsThreshold.objects.update(amount_minor=10**7)
    quote = exchange_quote(
        actor=client_actor(person), client=person, amount=eur("10"), give_currency="EUR", get_currency="USD"
    )
    FundsThreshold.objects.update(amount_minor=30_000)
    return exchange_confirm(actor=client_actor(person), exchange_id=quote.pk)


def sent_after_all(person: Client) -> Any:
    """It waits for staff, who are refused then."""
    FundsThreshold.objects.update(amount_minor=10**7)
    TransferPolicy.objects.update(approval_minor=100)
    row = sent(person, eur("10"))
    FundsThreshold.objects.update(amount_minor=30_000)
    return client_transfer_approve(actor=staff(), client_transfer_id=row.pk)


def checked(person: Client) -> Any:
    """Asked for before."""
    FundsThreshold.objects.update(amount_minor=10**7)
    row = asked(person, eur("10"))
    FundsThreshold.objects.update(amount_minor=30_000)
    return withdrawal_check(actor=staff(), withdrawal_id=row.pk)


MOVES = {
    "withdrawal": lambda person: asked(person, eur("10")),
    "other wallet": lambda person: asked(person, Money.of("10", "USD")),
    "check": checked,
    "quote": lambda person: exchanged(person, "10"),
    "exchange": quoted,
    "transfer": lambda person: sent(person, eur("10")),
    "approval": sent_after_all,
}


@pytest.mark.parametrize("move", MOVES)
def test_who_is_refused_is_asked(tenant: Any, move: str) -> None:
    person = overtaken()
    for _ in range(2):
        with pytest.raises((MoveRefused, WithdrawalRefused)):
            MOVES[move](person)
        row = FundsRequest.objects.get(client=person)
    assert (row.state, row.total) == ("asked", eur("1300"))
    assert (
        OutboxMessage.objects.filter(name="payments.source_of_funds_needed", payload__request_id=str(row.pk)).count()
        == 1
    )
    assert row in selectors.funds_visible(staff("kyc.view"))
    accepted(person)
    MOVES["withdrawal"](person)


def test_who_is_refused_for_another_reason_is_not_asked(tenant: Any) -> None:
    person = above()
    FundsRequest.objects.all().delete()
    with pytest.raises(WithdrawalRefused):
        asked(person, eur("1300.01"))
    with pytest.raises(MoveRefused):
        exchanged(person, "1300.01")
    assert not FundsRequest.objects.exists()


@pytest.mark.parametrize("way", ["form", "link"])
def test_the_page_leads_to_where_it_can_be_shown(tenant: Any, way: str) -> None:
    person = overtaken()
    web = trader(tenant, person)
    page = web.get("/cashier/withdraw/?currency=EUR").content.decode()
    assert "/cashier/funds/" in page
    if way == "form":
        values = {"amount": "10", "currency": "EUR", "destination": str(person.destinations.get().pk), "key": "k1"}
        assert web.post("/cashier/withdraw/", values).status_code == 422
    asked_for = FundsRequest.objects.filter(client=person)
    assert [row.state for row in asked_for.all()] == (["asked"] if way == "form" else [])
    for _ in range(2):
        assert web.get("/cashier/funds/").status_code == 200
    assert [row.state for row in asked_for.all()] == (["asked"] if way == "form" else [])  # looking asks nobody
    assert web.post("/cashier/funds/", {"origin": "salary", "file": paper()}).status_code == 302
    assert [row.state for row in asked_for.all()] == ["given"]


def test_nothing_is_asked_of_whose_money_is_free(tenant: Any) -> None:
    person = make_client(user_id=uuid7())
    FundsThreshold.objects.create(currency="EUR", amount_minor=100)
    assert trader(tenant, person).get("/cashier/funds/").status_code == 302
    assert not FundsRequest.objects.exists()
