"""Money in through Stripe, over sockets: page, signed webhook, inbox, ledger."""

from __future__ import annotations

import json
import time
from datetime import timedelta
from typing import Any

import httpx
import pytest
import stripe

from kernel import clock, inbox
from kernel.errors import Unavailable
from kernel.models import InboxMessage, OutboxMessage
from kernel.money import Money
from sandbox.tests.support import Sandbox
from tenant_apps.clients.models import Stage, TimelineEntry
from tenant_apps.ledger import selectors as ledger
from tenant_apps.payments.adapters.stripe.events import fee_of
from tenant_apps.payments.models import Deposit, DepositState
from tenant_apps.payments.ports import PaymentState
from tenant_apps.payments.services import posting
from tenant_apps.payments.services.deposits import deposit_ask, deposit_open, deposit_start
from tenant_apps.payments.services.providers import provider_of
from tenant_apps.payments.tasks import deposits_to_ask
from tenant_apps.wallets.selectors import wallet_of

from .stripe_side import StripeSide
from .support import SYSTEM, client_actor, eur, make_account, make_client, make_rule, run_inbox, until


@pytest.fixture
def side(live_tenant: Any, portal_port: int, stripe_server: Sandbox) -> StripeSide:
    return StripeSide(stripe_server)


def started(
    side: StripeSide, method: str = "klarna", amount: str = "500.00", country: str = "DE", **rule: Any
) -> Deposit:
    account = side.connect()
    make_rule(account, method, **rule)
    client = make_client(country=country)
    deposit = deposit_start(
        actor=client_actor(client), client=client, amount=eur(amount), offer_key=f"{account.pk}:{method}"
    )
    return deposit_open(deposit_id=deposit.pk)


def delivered(kind: str) -> Any:
    """The stored message about an event, once the sandbox has delivered it."""
    return until(
        lambda: next((message for message in InboxMessage.objects.all() if kind.encode() in bytes(message.body)), None)
    )


def test_five_hundred_by_klarna_reach_the_wallet(side: StripeSide) -> None:
    deposit = started(side)
    assert deposit.state == DepositState.PENDING
    assert deposit.payment_url.startswith(side.server.url.replace("127.0.0.1", "stripe.localhost"))
    side.pay(deposit.provider_reference, "klarna")
    delivered("checkout.session.completed")
    run_inbox()

    deposit.refresh_from_db()
    assert (deposit.state, deposit.received_minor, deposit.first) == (DepositState.CREDITED, 50_000, True)
    wallet = wallet_of(deposit.client_id, "EUR")
    assert wallet is not None
    assert (wallet.balance, wallet.held) == (eur("500.00"), eur("0"))
    assert ledger.balance(posting.clearing(deposit.provider_account, "EUR")).balance == eur("-500.00")
    assert ledger.broken_invariants() == {}
    client = deposit.client
    client.refresh_from_db()
    assert (client.stage, client.ftd_minor, client.ftd_currency) == (Stage.FUNDED, 50_000, "EUR")
    payload = OutboxMessage.objects.get(name="payments.deposit_credited").payload
    assert payload == {
        "deposit_id": str(deposit.pk),
        "client_id": str(client.pk),
        "amount": {"minor": 50_000, "currency": "EUR"},
        "provider": "stripe",
        "method": "klarna",
        "first": True,
        "trading_account_id": None,
    }
    assert TimelineEntry.objects.filter(client=client, kind="payments.deposit_credited").count() == 1


@pytest.mark.parametrize(("method", "country"), [("card", "DE"), ("ideal", "NL"), ("eps", "AT")])
def test_what_is_paid_at_once_is_in_the_wallet_at_once(side: StripeSide, method: str, country: str) -> None:
    deposit = started(side, method, "120.50", country)
    side.pay(deposit.provider_reference, method)
    delivered("checkout.session.completed")
    run_inbox()
    deposit.refresh_from_db()
    assert (deposit.state, deposit.method, deposit.received_minor) == (DepositState.CREDITED, method, 12_050)
    wallet = wallet_of(deposit.client_id, "EUR")
    assert wallet is not None
    assert wallet.balance == eur("120.50")


def test_sepa_debit_waits_for_the_bank(side: StripeSide) -> None:
    side.settings(sepa_settle_seconds=None)
    deposit = started(side, "sepa_debit", "120.50")
    intent = side.pay(deposit.provider_reference, "sepa_debit")
    delivered("checkout.session.completed")
    run_inbox()
    deposit.refresh_from_db()
    assert deposit.state == DepositState.DELAYED
    assert wallet_of(deposit.client_id, "EUR") is None

    side.control("POST", f"payment_intents/{intent['id']}/settle", {"outcome": "succeed"})
    delivered("async_payment_succeeded")
    run_inbox()
    deposit.refresh_from_db()
    assert (deposit.state, deposit.received_minor) == (DepositState.CREDITED, 12_050)


def test_a_returned_debit_fails_and_says_so(side: StripeSide) -> None:
    side.settings(sepa_settle_seconds=None)
    deposit = started(side, "sepa_debit", "120.50")
    intent = side.pay(deposit.provider_reference, "sepa_debit")
    side.control("POST", f"payment_intents/{intent['id']}/settle", {"outcome": "fail"})
    delivered("async_payment_failed")
    run_inbox()
    deposit.refresh_from_db()
    assert (deposit.state, deposit.failure) == (DepositState.FAILED, "declined")
    assert OutboxMessage.objects.filter(name="payments.deposit_failed").count() == 1
    assert wallet_of(deposit.client_id, "EUR") is None


def test_a_declined_card_leaves_the_page_open_and_the_reason_known(side: StripeSide) -> None:
    deposit = started(side, "card")
    side.pay(deposit.provider_reference, "card", number="4000000000009995")
    delivered("payment_intent.payment_failed")
    run_inbox()
    deposit.refresh_from_db()
    assert (deposit.state, deposit.failure) == (DepositState.PENDING, "insufficient_funds")
    side.pay(deposit.provider_reference, "card")
    delivered("checkout.session.completed")
    run_inbox()
    deposit.refresh_from_db()
    assert (deposit.state, deposit.failure) == (DepositState.CREDITED, "")


def test_a_lost_webhook_is_made_up_for_by_asking(live_tenant: Any, stripe_server: Sandbox) -> None:
    side = StripeSide(stripe_server)
    account = side.connect(webhook=False)
    make_rule(account, "card", fee_percent="1.5")
    client = make_client()
    deposit = deposit_start(
        actor=client_actor(client), client=client, amount=eur("200"), offer_key=f"{account.pk}:card"
    )
    deposit_open(deposit_id=deposit.pk)
    assert deposits_to_ask() == []
    Deposit.objects.update(created_at=clock.now() - timedelta(minutes=4))
    assert deposits_to_ask() == [deposit.pk]
    deposit.refresh_from_db()
    assert deposit_ask(deposit_id=deposit.pk, actor=SYSTEM) == "nothing"
    side.pay(deposit.provider_reference, "card")
    assert deposit_ask(deposit_id=deposit.pk, actor=SYSTEM) == "credited"
    assert deposit_ask(deposit_id=deposit.pk, actor=SYSTEM) == "nothing"
    deposit.refresh_from_db()
    assert (deposit.source, deposit.fee_minor) == ("Visa •••• 4242", 300)
    assert deposit.provider_fee == eur("3.25")  # the answer tells what Stripe keeps: 1.5 % and 0.25
    assert ledger.balance(posting.clearing(account, "EUR")).balance == eur("-196.75")
    wallet = wallet_of(client.pk, "EUR")
    assert wallet is not None
    assert wallet.balance == eur("197.00")
    assert ledger.broken_invariants() == {}


def test_what_stripe_keeps_is_told_where_it_is_asked(side: StripeSide) -> None:
    """A debit on its way has no fee yet, a balance in a currency that we do not carry none that we could book."""
    side.settings(sepa_settle_seconds=None)
    deposit = started(side, "sepa_debit", "120.50")
    intent = side.pay(deposit.provider_reference, "sepa_debit")
    provider = provider_of(deposit.provider_account)
    assert provider.fetch_deposit(deposit.provider_reference).fee is None
    side.control("POST", f"payment_intents/{intent['id']}/settle", {"outcome": "succeed"})
    assert provider.fetch_deposit(deposit.provider_reference).fee == eur("0.35")
    assert fee_of({"balance_transaction": {"fee": 12, "currency": "iqd"}}) is None
    assert fee_of({"balance_transaction": {"fee": 12, "currency": "jpy"}}) == Money(12, "JPY")
    assert fee_of({"balance_transaction": "txn_1"}) is None


def test_a_key_without_the_right_to_the_fee_still_hears_of_the_payment(side: StripeSide) -> None:
    deposit = started(side, "klarna")
    side.pay(deposit.provider_reference, "klarna")
    provider = provider_of(deposit.provider_account)
    assert provider.fetch_deposit(deposit.provider_reference).fee is not None
    side.settings(unreadable="balance_transaction")
    told = provider.fetch_deposit(deposit.provider_reference)
    assert (told.state, told.amount, told.fee) == (PaymentState.PAID, eur("500.00"), None)
    side.settings(unreadable="balance_transaction,charge")
    with pytest.raises(Unavailable):
        provider.fetch_deposit(deposit.provider_reference)


def test_a_dispute_takes_the_money_back_once(side: StripeSide) -> None:
    deposit = started(side, "card")
    intent = side.pay(deposit.provider_reference, "card")
    side.control("POST", f"charges/{intent['latest_charge']}/dispute", {})
    delivered("charge.dispute.created")
    delivered("checkout.session.completed")
    messages = list(InboxMessage.objects.all())
    for message in reversed(messages):  # the dispute is heard of first and waits for the payment's own news
        inbox.process(message.pk)
    for message in messages:
        inbox.process(message.pk)
    deposit.refresh_from_db()
    assert (deposit.state, deposit.attention) == (DepositState.REVERSED, "reversed")
    wallet = wallet_of(deposit.client_id, "EUR")
    assert wallet is not None
    assert wallet.balance == eur("0")
    assert ledger.balance(posting.clearing(deposit.provider_account, "EUR")).balance == eur("0")


def test_told_twice_and_out_of_order_it_is_credited_once(side: StripeSide) -> None:
    deposit = started(side)
    side.faults(deliver_twice=True, out_of_order=True)
    side.pay(deposit.provider_reference, "klarna")
    message = delivered("checkout.session.completed")
    event = side.events("checkout.session.completed")[0]
    side.control("POST", f"events/{event['id']}/redeliver", {})
    run_inbox()
    inbox.replay(message.pk)
    run_inbox()
    deposit.refresh_from_db()
    assert deposit.state == DepositState.CREDITED
    wallet = wallet_of(deposit.client_id, "EUR")
    assert wallet is not None
    assert wallet.balance == eur("500.00")
    assert OutboxMessage.objects.filter(name="payments.deposit_credited").count() == 1


def test_a_forged_or_foreign_webhook_is_refused(side: StripeSide, portal_port: int, live_tenant: Any) -> None:
    deposit = started(side)
    other = make_account("stripe", credentials={"webhook_secret": "whsec_other"})
    body = json.dumps(
        {
            "id": "evt_forged",
            "type": "checkout.session.completed",
            "data": {
                "object": {
                    "id": deposit.provider_reference,
                    "payment_status": "paid",
                    "amount_total": 50_000,
                    "currency": "eur",
                    "payment_intent": "pi_1",
                    "client_reference_id": str(deposit.pk),
                }
            },
        }
    )

    def send(account: Any, secret: str, when: int) -> int:
        header = stripe.WebhookSignature.generate_signature_header(body, secret, when)
        return httpx.post(
            f"http://127.0.0.1:{portal_port}/webhooks/{account.pk}/", content=body, headers={"Stripe-Signature": header}
        ).status_code

    now = int(time.time())
    assert send(deposit.provider_account, "whsec_guess", now) == 403
    assert send(other, "whsec_other", now - 301) == 403
    assert InboxMessage.objects.count() == 0
    assert send(other, "whsec_other", now) == 200  # genuine there, but it speaks of another account's deposit
    run_inbox()
    assert InboxMessage.objects.get().outcome == "not a deposit of this account"
    deposit.refresh_from_db()
    assert deposit.state == DepositState.PENDING
