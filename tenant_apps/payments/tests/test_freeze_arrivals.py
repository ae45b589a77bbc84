"""After a chargeback, money that reaches the wallet by whichever way is set aside up to the loss."""

from __future__ import annotations

from typing import Any

import pytest

from kernel.ids import uuid7
from kernel.money import Money
from kernel.relay import drain
from tenant_apps.ledger import selectors as ledger
from tenant_apps.ledger.services import client_owner
from tenant_apps.payments.errors import WithdrawalRefused
from tenant_apps.payments.models import Deposit, Freeze
from tenant_apps.payments.ports import PaymentState
from tenant_apps.payments.services import posting
from tenant_apps.payments.services.deposits import deposit_apply
from tenant_apps.payments.services.freezes import freeze_lift
from tenant_apps.payments.services.withdrawals import withdrawal_check, withdrawal_request
from tenant_apps.payments.tasks import sweep
from tenant_apps.wallets.errors import MoveRefused
from tenant_apps.wallets.models import ExchangePolicy, TransferPolicy
from tenant_apps.wallets.services.adjustments import adjustment_approve, adjustment_propose
from tenant_apps.wallets.services.exchange import exchange_confirm, exchange_quote
from tenant_apps.wallets.services.transfers import client_transfer_approve, client_transfer_cancel, client_transfer_send
from tenant_apps.wallets.tests.support import give, sheet

from .support import SYSTEM, client_actor, eur, make_account, make_client, make_destination, staff
from .test_exactly_once import pending_deposit, status


def carried_away() -> tuple[Deposit, Freeze]:
    """500 came, went on to the trading account, and were charged back: the house carries them."""
    deposit = pending_deposit(client=make_client(user_id=uuid7()))
    deposit_apply(deposit_id=deposit.pk, status=status(PaymentState.PAID), actor=SYSTEM)
    _trading(deposit, "-500", "there")
    deposit_apply(deposit_id=deposit.pk, status=status(PaymentState.REVERSED), actor=SYSTEM)
    drain()
    return deposit, Freeze.objects.get(deposit=deposit, uncovered_minor=50_000)


def _trading(deposit: Deposit, text: str, key: str) -> None:
    """What the bridge books when money goes to a trading account (negative) or comes back from it."""
    wallet = posting.wallet_ensure(client_id=deposit.client_id, currency="EUR")
    owner = client_owner(deposit.client_id)
    account = posting.account_ensure(owner=owner, kind="trading:1", currency="EUR", overdraft=True)
    legs = [posting.Leg(wallet, eur(text)), posting.Leg(account, -eur(text))]
    posting.post(kind="trading.to_wallet", legs=legs, key=key, actor=SYSTEM)


def held(freeze: Freeze) -> Any:
    freeze.refresh_from_db()
    return freeze.held


def test_an_adjustment(tenant: Any) -> None:
    deposit, freeze = carried_away()
    row = adjustment_propose(
        actor=staff(), client=deposit.client, amount=eur("120"), reason="goodwill", text="as agreed"
    )
    adjustment_approve(actor=staff(), adjustment_id=row.pk)
    drain()
    assert held(freeze) == eur("120")


def test_money_of_another_client_and_of_another_wallet(tenant: Any) -> None:
    deposit, freeze = carried_away()
    ExchangePolicy.objects.create(transfers_enabled=True)
    TransferPolicy.objects.create(currency="EUR", minimum_minor=1, daily_minor=10**9, approval_minor=10_000)
    sheet()
    person = make_client(user_id=uuid7())
    give(person, "200")
    client_transfer_send(
        actor=client_actor(person), client=person, number=deposit.client.number, email=deposit.client.email,
        amount=eur("90"), key="one",
    )  # fmt: skip
    drain()
    assert held(freeze) == eur("90")
    give(deposit.client, "100", "USD")
    quote = exchange_quote(
        actor=client_actor(deposit.client), client=deposit.client, amount=eur("50"), give_currency="USD",
        get_currency="EUR",
    )  # fmt: skip
    exchange_confirm(actor=client_actor(deposit.client), exchange_id=quote.pk)
    drain()
    assert held(freeze) == eur("140")
    assert ledger.broken_invariants() == {}


def test_withdrawals_and_transfers_to_others_wait_in_every_currency(tenant: Any) -> None:
    deposit, _ = carried_away()
    client, person = deposit.client, make_client(user_id=uuid7())
    ExchangePolicy.objects.create(transfers_enabled=True)
    TransferPolicy.objects.create(currency="USD", minimum_minor=1, daily_minor=10**9)
    make_account("bank_wire", settings={"iban": "DE89370400440532013000"})
    give(client, "300", "USD")
    with pytest.raises(MoveRefused) as refusal:
        client_transfer_send(
            actor=client_actor(client), client=client, number=person.number, email=person.email,
            amount=Money.of("10", "USD"), key="one",
        )  # fmt: skip
    assert refusal.value.data["check"] == "stopped"
    row = withdrawal_request(
        actor=client_actor(client), client=client, amount=Money.of("100", "USD"), destination=make_destination(client)
    )
    assert (row.state, row.hold_reason) == ("requested", "reversal")
    with pytest.raises(WithdrawalRefused) as held_back:
        withdrawal_check(actor=staff(), withdrawal_id=row.pk)
    assert held_back.value.data["check"] == "held"
    freeze_lift(actor=staff(), deposit_id=deposit.pk)
    row.refresh_from_db()
    assert row.hold_reason == ""


def test_a_transfer_that_waited_at_the_loss_is_not_let_through(tenant: Any) -> None:
    deposit = pending_deposit(client=make_client(user_id=uuid7()))
    deposit_apply(deposit_id=deposit.pk, status=status(PaymentState.PAID), actor=SYSTEM)
    ExchangePolicy.objects.create(transfers_enabled=True)
    TransferPolicy.objects.create(currency="EUR", minimum_minor=1, daily_minor=10**9, approval_minor=10_000)
    person = make_client(user_id=uuid7())
    row = client_transfer_send(
        actor=client_actor(deposit.client), client=deposit.client, number=person.number, email=person.email,
        amount=eur("400"), key="one",
    )  # fmt: skip
    deposit_apply(deposit_id=deposit.pk, status=status(PaymentState.REVERSED), actor=SYSTEM)
    with pytest.raises(MoveRefused) as refusal:
        client_transfer_approve(actor=staff(), client_transfer_id=row.pk)
    assert refusal.value.data["check"] == "stopped"


def test_the_sweep_finds_what_came_without_news(tenant: Any) -> None:
    """A transfer to somebody else waited when the loss came, and is called off: its money is free again."""
    deposit = pending_deposit(client=make_client(user_id=uuid7()))
    deposit_apply(deposit_id=deposit.pk, status=status(PaymentState.PAID), actor=SYSTEM)
    ExchangePolicy.objects.create(transfers_enabled=True)
    TransferPolicy.objects.create(currency="EUR", minimum_minor=1, daily_minor=10**9, approval_minor=10_000)
    person, actor = make_client(user_id=uuid7()), client_actor(deposit.client)
    row = client_transfer_send(
        actor=actor, client=deposit.client, number=person.number, email=person.email, amount=eur("400"), key="one"
    )
    deposit_apply(deposit_id=deposit.pk, status=status(PaymentState.REVERSED), actor=SYSTEM)
    freeze = Freeze.objects.get(deposit=deposit, uncovered_minor=40_000)
    client_transfer_cancel(actor=actor, client_transfer_id=row.pk)
    sweep.run()
    assert held(freeze) == eur("400")


def test_what_came_a_moment_ago_cannot_be_withdrawn(tenant: Any) -> None:
    """The wallet is full before any news of it has gone round."""
    deposit, freeze = carried_away()
    make_account("bank_wire", settings={"iban": "DE89370400440532013000"})
    make_destination(deposit.client)
    _trading(deposit, "500", "back")
    with pytest.raises(WithdrawalRefused) as refusal:
        withdrawal_request(
            actor=client_actor(deposit.client), client=deposit.client, amount=eur("500"),
            destination=deposit.client.destinations.get(),
        )  # fmt: skip
    assert refusal.value.data["check"] == "funds"
    assert (sweep.run(), held(freeze)) == (0, eur("500"))
