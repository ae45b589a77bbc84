"""PayPal against its sandbox: capture after approval, refunds, payouts, and a signature that only PayPal can judge."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client as Browser

from kernel import clock, commands
from kernel.errors import OutcomeUnknown, Rejected, Unavailable
from kernel.ids import uuid7
from kernel.models import Command, CommandState
from kernel.money import Money
from sandbox.tests.support import Receiver, Sandbox
from tenant_apps.ledger import selectors as ledger
from tenant_apps.payments.adapters.paypal import PayPalProvider, facts, units
from tenant_apps.payments.adapters.paypal.provider import EVENTS, WEBHOOKS
from tenant_apps.payments.adapters.paypal.wire import Api
from tenant_apps.payments.commands import _not_payable_is_refused
from tenant_apps.payments.models import Deposit, DepositState, PartState, ProviderAccount, WithdrawalPart
from tenant_apps.payments.permissions_list import APPROVE, PROPOSE
from tenant_apps.payments.ports import (
    EventKind,
    PaymentState,
    PayoutOrder,
    ProviderConfig,
    RefundState,
    SignatureInvalid,
    Subscribing,
)
from tenant_apps.payments.services import posting
from tenant_apps.payments.services.deposits import deposit_ask, deposit_open, deposit_start
from tenant_apps.payments.services.destinations import fingerprint, masked
from tenant_apps.payments.services.offers import offers_for
from tenant_apps.payments.services.providers import provider_of
from tenant_apps.payments.services.withdrawals import withdrawal_approve, withdrawal_check, withdrawal_request
from tenant_apps.wallets.selectors import wallet_of

from .contract import PayoutContract, ProviderContract
from .paypal_side import PayPalSide
from .support import SYSTEM, client_actor, eur, make_client, make_destination, make_rule, run_inbox, staff
from .test_withdrawals import funded


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.close()


@pytest.fixture(scope="module")
def paypal_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    running = Sandbox("paypal", tmp_path_factory.mktemp("paypal"), "--retry-base", "0.05")
    yield running
    running.close()


@pytest.fixture
def side(tenant: Any, paypal_server: Sandbox, receiver: Receiver) -> PayPalSide:
    return PayPalSide(paypal_server, receiver)


class TestPayPal(ProviderContract, PayoutContract):
    amount = Money(50_000, "EUR")
    method = "paypal"
    payout_amount = Money(12_345, "EUR")
    payout_method = "paypal"
    destination = {"email": "lena.vogt@example.com"}  # noqa: RUF012 - read only

    def test_paid_out_once_and_found(self, side: PayPalSide, payer: PayPalProvider) -> None:  # type: ignore[override]
        """Found by PayPal's own batch id; without it, sending again answers with the first batch."""
        order = self.payout_order(side)
        assert payer.find_payout(order.operation_id, reference="") is None
        first = payer.payout(order)
        assert (first.state, first.amount) == (RefundState.PENDING, self.payout_amount)
        side.finish_payout(order)
        found = payer.find_payout(order.operation_id, reference=first.reference)
        assert found is not None
        assert (found.state, found.amount, found.reference) == (
            RefundState.SUCCEEDED, self.payout_amount, first.reference
        )  # fmt: skip
        assert found.fee is not None
        assert payer.payout(order).reference == first.reference


class TestPayPalInYen(TestPayPal):
    amount = Money(10_000, "JPY")
    payout_amount = Money(5_000, "JPY")


class TestPayPalInForints(TestPayPal):
    """Two decimals by ISO 4217, none at PayPal."""

    amount = Money(5_000_000, "HUF")
    payout_amount = Money(1_000_000, "HUF")


@pytest.mark.parametrize(
    ("minor", "currency", "text"),
    [
        (50_000, "EUR", "500.00"), (1, "USD", "0.01"), (1_000, "JPY", "1000"), (100_000, "HUF", "1000"),
        (100, "TWD", "1"), (12_345, "CHF", "123.45"), (99_999_999, "PLN", "999999.99"),
    ],
)  # fmt: skip
def test_units(minor: int, currency: str, text: str) -> None:
    amount = Money(minor, currency)
    assert units.to_wire(amount) == text
    assert units.from_wire(text, currency) == amount


def test_amounts_it_cannot_say_are_refused() -> None:
    assert [units.step(code) for code in ("EUR", "JPY", "HUF", "TWD", "KWD", "BTC", "XXX")] == [1, 1, 100, 100, 0, 0, 0]
    for amount in (Money(150, "HUF"), Money(1, "BTC"), Money(1_000, "KWD")):
        with pytest.raises(units.NotExpressible):
            units.to_wire(amount)
    for value, currency in (("1.005", "EUR"), ("1", "LAK"), ("many", "EUR"), (None, "EUR")):
        with pytest.raises(units.NotExpressible):
            units.from_wire(value, currency)


# --- approval and capture ----------------------------------------------------------------------------------------------------


@pytest.fixture
def provider(side: PayPalSide) -> Any:
    return provider_of(side.connect())


def opened_order(side: PayPalSide, provider: Any) -> tuple[Any, Any]:
    order = TestPayPal().order(side)
    return order, provider.create_deposit(order)


def test_approval_alone_pays_nothing_and_asking_captures_once(side: PayPalSide, provider: PayPalProvider) -> None:
    order, redirect = opened_order(side, provider)
    assert provider.fetch_deposit(redirect.provider_reference).state is PaymentState.OPEN
    side.pay(order, redirect)
    body, headers = side.news("CHECKOUT.ORDER.APPROVED", str(order.deposit_id))
    (event,) = provider.verify_webhook(body, headers)
    assert event.deposit is not None
    assert (event.deposit.state, event.refetch) == (PaymentState.OPEN, redirect.provider_reference)
    assert (event.deposit_id, event.deposit.amount) == (order.deposit_id, None)
    assert side.control("GET", "captures")["data"] == []
    first = provider.fetch_deposit(redirect.provider_reference)
    assert provider.fetch_deposit(redirect.provider_reference) == first
    assert (first.state, first.fee, first.source) == (PaymentState.PAID, eur("17.45"), "PayPal l•••@example.com")
    assert len(side.control("GET", "captures")["data"]) == 1


@pytest.mark.parametrize("fault", ["api_reset_after_commit", "api_error_after_commit"])
def test_a_capture_whose_answer_is_lost_is_found_by_asking(
    side: PayPalSide, provider: PayPalProvider, fault: str
) -> None:
    order, redirect = opened_order(side, provider)
    side.pay(order, redirect)
    side.control("PUT", "faults", {fault: 1})
    with pytest.raises(Unavailable):
        provider.fetch_deposit(redirect.provider_reference)
    assert provider.fetch_deposit(redirect.provider_reference).state is PaymentState.PAID
    assert len(side.control("GET", "captures")["data"]) == 1


def test_a_declined_instrument_leaves_the_page_open(side: PayPalSide, provider: PayPalProvider) -> None:
    order, redirect = opened_order(side, provider)
    side.pay(order, redirect, declined="true")
    told = provider.fetch_deposit(redirect.provider_reference)
    assert (told.state, told.failure) == (PaymentState.OPEN, "declined")
    side.pay(order, redirect)
    assert provider.fetch_deposit(redirect.provider_reference).state is PaymentState.PAID


@pytest.mark.parametrize(("outcome", "state"), [("", PaymentState.PAID), ("refuse", PaymentState.FAILED)])
def test_a_capture_that_paypal_reviews(
    side: PayPalSide, provider: PayPalProvider, outcome: str, state: PaymentState
) -> None:
    side.control("PUT", "settings", {"hold_captures": "1"})
    order, redirect = opened_order(side, provider)
    side.pay(order, redirect)
    assert provider.fetch_deposit(redirect.provider_reference).state is PaymentState.DELAYED
    (made,) = side.control("GET", "captures")["data"]
    side.control("POST", f"captures/{made['id']}/decide", {"outcome": outcome})
    assert provider.fetch_deposit(redirect.provider_reference).state is state
    name = "PAYMENT.CAPTURE.COMPLETED" if not outcome else "PAYMENT.CAPTURE.DECLINED"
    told = provider.verify_webhook(*side.news(name))[0].deposit
    assert told is not None
    assert (told.state, told.payment_reference) == (state, made["id"])


# --- refunds, reversals, payouts ------------------------------------------------------------------------------------------


def captured(side: PayPalSide, provider: Any) -> tuple[Any, str]:
    order, redirect = opened_order(side, provider)
    side.pay(order, redirect)
    return order, provider.fetch_deposit(redirect.provider_reference).payment_reference


def test_a_refund_whose_answer_is_lost_is_found(side: PayPalSide, provider: PayPalProvider) -> None:
    _, paid = captured(side, provider)
    operation = uuid7()
    side.control("PUT", "faults", {"api_reset_after_commit": 1})
    with pytest.raises(OutcomeUnknown):
        provider.refund(operation_id=operation, payment_reference=paid, amount=eur("100"), reason="W1")
    found = provider.find_refund(operation, payment_reference=paid)
    assert found is not None
    assert (found.state, found.amount, found.payment_reference) == (RefundState.SUCCEEDED, eur("100"), paid)
    again = provider.refund(operation_id=operation, payment_reference=paid, amount=eur("100"), reason="W1")
    assert again == found
    assert len(side.control("GET", "refunds")["data"]) == 1


@pytest.mark.parametrize(("outcome", "state"), [("", RefundState.SUCCEEDED), ("refuse", RefundState.FAILED)])
def test_a_refund_that_takes_days(side: PayPalSide, provider: PayPalProvider, outcome: str, state: RefundState) -> None:
    side.control("PUT", "settings", {"hold_refunds": "1"})
    _, paid = captured(side, provider)
    operation = uuid7()
    first = provider.refund(operation_id=operation, payment_reference=paid, amount=eur("100"), reason="W1")
    assert first.state is RefundState.PENDING
    side.control("POST", f"refunds/{first.reference}/decide", {"outcome": outcome})
    found = provider.find_refund(operation, payment_reference=paid)
    assert found is not None
    assert found.state is state
    name = "PAYMENT.REFUND.FAILED" if outcome else "PAYMENT.CAPTURE.REFUNDED"
    (event,) = provider.verify_webhook(*side.news(name))
    assert event.refund is not None
    assert (event.kind, event.operation_id, event.refund.state) == (EventKind.REFUND, operation, state)
    assert (event.refund.reference, event.refund.payment_reference) == (first.reference, paid)


def test_a_reversal_names_the_payment(side: PayPalSide, provider: PayPalProvider) -> None:
    _, paid = captured(side, provider)
    side.control("POST", f"captures/{paid}/reverse")
    side.control("POST", f"captures/{paid}/resolve")
    taken = provider.verify_webhook(*side.news("PAYMENT.CAPTURE.REVERSED"))[0].deposit
    back = provider.verify_webhook(*side.news("CUSTOMER.DISPUTE.RESOLVED"))[0].deposit
    assert taken is not None
    assert back is not None
    assert (taken.state, taken.payment_reference, taken.amount) == (PaymentState.REVERSED, paid, eur("500"))
    assert (back.state, back.payment_reference, back.amount) == (PaymentState.REINSTATED, paid, eur("500"))
    assert taken.movement
    assert back.movement.startswith("PP-D-")  # neither names the other: rounds are paired in their order
    assert (taken.dispute, back.dispute) == ("", "")


def news(name: str, **resource: Any) -> Any:
    return facts.normalise({"id": "WH-1", "event_type": name, "resource": resource})


@pytest.mark.parametrize(
    "told",
    [
        news("CUSTOMER.DISPUTE.CREATED", dispute_id="PP-1"),
        news("CUSTOMER.DISPUTE.RESOLVED", dispute_channel="INTERNAL", dispute_outcome={"outcome_code": "RESOLVED_SELLER_FAVOUR"}),
        news("CUSTOMER.DISPUTE.RESOLVED", dispute_channel="EXTERNAL", dispute_outcome={"outcome_code": "RESOLVED_BUYER_FAVOUR"}),
        news("PAYMENT.CAPTURE.COMPLETED", id="C1", status="COMPLETED", amount={"value": "1", "currency_code": "LAK"}),
        news("PAYMENT.PAYOUTSBATCH.SUCCESS", batch_header={}),
        news("PAYMENT.PAYOUTS-ITEM.SUCCEEDED"),
    ],
)  # fmt: skip
def test_news_of_no_consequence_is_put_aside(told: Any) -> None:
    assert (told.kind, told.event_key) == (EventKind.OTHER, "WH-1")


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("UNCLAIMED", RefundState.PENDING), ("ONHOLD", RefundState.PENDING), ("RETURNED", RefundState.FAILED),
        ("BLOCKED", RefundState.FAILED), ("REFUNDED", RefundState.FAILED),
    ],
)  # fmt: skip
def test_what_a_payout_may_become(side: PayPalSide, provider: PayPalProvider, status: str, state: RefundState) -> None:
    order = TestPayPal().payout_order(side)
    first = provider.payout(order)
    side.control("POST", f"payouts/{first.reference}/settle", {"status": status})
    found = provider.find_payout(order.operation_id, reference=first.reference)
    assert found is not None
    assert (found.state, bool(found.failure_text)) == (state, state is RefundState.FAILED)


def test_a_payout_whose_answer_is_lost_is_made_once(side: PayPalSide, provider: PayPalProvider) -> None:
    order: PayoutOrder = TestPayPal().payout_order(side)
    side.control("PUT", "faults", {"api_error_after_commit": 1})
    with pytest.raises(OutcomeUnknown):
        provider.payout(order)
    assert provider.payout(order).state is RefundState.PENDING
    assert side.payouts_made(order) == 1
    side.control("PUT", "faults", {"api_unauthorized": True})
    with pytest.raises(Unavailable):
        provider_of(side.account).fetch_deposit("X")


def test_what_paypal_may_have_forgotten_is_not_sent_again(
    side: PayPalSide, provider: PayPalProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A batch id counts for 30 days, a request id for 45: "not found" is said only while sending again is harmless."""
    _, paid = captured(side, provider)
    operation, now = uuid7(), clock.now()
    monkeypatch.setattr(clock, "now", lambda: now + timedelta(days=28))
    assert provider.find_payout(operation, reference="") is None
    monkeypatch.setattr(clock, "now", lambda: now + timedelta(days=30))
    with pytest.raises(OutcomeUnknown):
        provider.find_payout(operation, reference="")
    assert provider.find_refund(operation, payment_reference="NO SUCH CAPTURE") is None
    monkeypatch.setattr(clock, "now", lambda: now + timedelta(days=45))
    for payment in (paid, "NO SUCH CAPTURE"):  # nor is it proved that an order shows its refunds
        with pytest.raises(OutcomeUnknown):
            provider.find_refund(operation, payment_reference=payment)


def test_a_refused_payout_is_rejected(side: PayPalSide, provider: PayPalProvider) -> None:
    order = TestPayPal().payout_order(side, destination={"email": "nobody"})
    with pytest.raises(Rejected):
        provider.payout(order)
    assert side.payouts_made(order) == 0


def test_what_cannot_be_said_is_refused_for_good(side: PayPalSide, provider: PayPalProvider) -> None:
    """Half a forint: a command would otherwise try for ever."""
    half = Money(150, "HUF")
    with pytest.raises(Rejected), _not_payable_is_refused():
        provider.payout(TestPayPal().payout_order(side, amount=half))
    with pytest.raises(Rejected), _not_payable_is_refused():
        provider.refund(operation_id=uuid7(), payment_reference="X", amount=half, reason="W1")


# --- webhooks ------------------------------------------------------------------------------------------------------------------


def test_webhooks_are_judged_by_paypal_and_only_where_it_is_worth_a_call(
    side: PayPalSide, provider: PayPalProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    order, _ = captured(side, provider)
    body, headers = side.news("PAYMENT.CAPTURE.COMPLETED", str(order.deposit_id))
    asked: list[str] = []
    monkeypatch.setattr(provider.api, "ask", lambda path, content: asked.append(path) or {})
    for changes in (
        {"paypal-transmission-sig": ""},
        {"paypal-cert-url": "https://evil.example/cert"},
        {"paypal-cert-url": "https://api.paypal.com.evil.example/cert"},
        {"paypal-cert-url": "http://api.paypal.com/cert"},
    ):
        with pytest.raises(SignatureInvalid):
            provider.verify_webhook(body, {**headers, **changes})
    for nonsense in (b"", b"[]", b"{}", b"\xff", body + b', "webhook_event": {}'):
        with pytest.raises(SignatureInvalid):
            provider.verify_webhook(nonsense, headers)
    assert asked == []
    with pytest.raises(SignatureInvalid):  # an answer that is not SUCCESS
        provider.verify_webhook(body, headers)
    assert len(asked) == 1


def test_a_wrong_webhook_id_is_refused(side: PayPalSide, provider: PayPalProvider) -> None:
    order, _ = captured(side, provider)
    body, headers = side.news("PAYMENT.CAPTURE.COMPLETED", str(order.deposit_id))
    for webhook in ("", "SOMEBODYELSES0000"):
        config = ProviderConfig(
            account_id=uuid7(), mode="test", settings=provider.config.settings,
            secrets={**provider.config.secrets, "webhook_secret": webhook},
        )  # fmt: skip
        with pytest.raises(SignatureInvalid):
            PayPalProvider(config).verify_webhook(body, headers)


def test_registered_twice_it_is_one_webhook(side: PayPalSide, provider: PayPalProvider) -> None:
    first = provider.register_webhook(f"{side.receiver.url}/hooks")
    assert first == provider.config.secrets["webhook_secret"]
    assert len(side.control("GET", "webhooks")["data"]) == 1


def test_a_webhook_of_before_is_completed_and_keeps_its_id(side: PayPalSide, provider: PayPalProvider) -> None:
    """A later release may listen to more: the sweep and a second registration complete what is told."""
    url, webhook = f"{side.receiver.url}/hooks", provider.config.secrets["webhook_secret"]

    def told(*names: str) -> None:
        value = [{"name": name} for name in names]
        provider.api.patch(f"{WEBHOOKS}/{webhook}", [{"op": "replace", "path": "/event_types", "value": value}])

    def listens() -> set[str]:
        (hook,) = side.control("GET", "webhooks")["data"]
        assert hook["id"] == webhook
        return {one["name"] for one in hook["event_types"]}

    assert isinstance(provider, Subscribing)
    assert provider.webhook_keep(url) == []
    told(*EVENTS[2:], "INVOICING.INVOICE.PAID")
    assert provider.webhook_keep(f"{url}/elsewhere") == []
    assert provider.webhook_keep(url) == sorted(EVENTS[:2])
    assert listens() == {*EVENTS, "INVOICING.INVOICE.PAID"}
    assert provider.webhook_keep(url) == []
    told(EVENTS[0])
    assert provider.register_webhook(url) == webhook
    assert listens() == set(EVENTS)
    told("*")
    assert provider.webhook_keep(url) == []
    assert listens() == {"*"}


def opened(account: ProviderAccount) -> Deposit:
    make_rule(account, "paypal")
    client = make_client()
    offer = next(one for one in offers_for(client, "EUR") if one.account.pk == account.pk)
    deposit = deposit_start(actor=SYSTEM, client=client, amount=eur("500"), offer_key=offer.key)
    return deposit_open(deposit_id=deposit.pk)


def post(tenant: Any, account: ProviderAccount, body: bytes, headers: dict[str, str]) -> Any:
    signed = {name: value for name, value in headers.items() if name.startswith("paypal-")}
    return Browser(headers={"host": f"{tenant.slug}.localhost", **signed}).post(
        f"/webhooks/{account.pk}/", data=body, content_type="application/json"
    )


def state_of(deposit: Deposit) -> tuple[str, Money]:
    deposit.refresh_from_db()
    wallet = wallet_of(deposit.client_id, "EUR")
    return deposit.state, wallet.balance if wallet else eur("0")


def test_the_way_of_a_deposit_through_the_view(tenant: Any, side: PayPalSide) -> None:
    """Approved, asked, captured, told, told again, refunded elsewhere: each once."""
    account = side.connect()
    deposit = opened(account)
    side.control("POST", f"orders/{deposit.provider_reference}/approve")
    approved = side.news("CHECKOUT.ORDER.APPROVED", str(deposit.pk))
    assert post(tenant, account, *approved).status_code == 200
    run_inbox()
    deposit_ask(deposit_id=deposit.pk, actor=SYSTEM)
    assert state_of(deposit) == (DepositState.CREDITED, eur("500"))
    for _ in range(2):
        assert post(tenant, account, *side.news("PAYMENT.CAPTURE.COMPLETED", str(deposit.pk))).status_code == 200
        run_inbox()
    assert state_of(deposit) == (DepositState.CREDITED, eur("500"))
    amount = {"currency_code": "EUR", "value": "120.00"}
    side.control("POST", f"captures/{deposit.payment_reference}/refund", {"amount": amount})
    assert post(tenant, account, *side.news("PAYMENT.CAPTURE.REFUNDED")).status_code == 200
    run_inbox()
    assert state_of(deposit)[1] == eur("380")


def test_the_view_refuses_forgeries_and_asks_for_a_repeat_when_paypal_is_away(tenant: Any, side: PayPalSide) -> None:
    account = side.connect()
    deposit = opened(account)
    side.control("POST", f"orders/{deposit.provider_reference}/approve")
    body, headers = side.news("CHECKOUT.ORDER.APPROVED", str(deposit.pk))
    assert post(tenant, account, body.replace(b"500.00", b"900.00"), headers).status_code == 403
    event = json.loads(body)
    assert post(tenant, account, json.dumps({**event, "id": "WH-OTHER"}).encode(), headers).status_code == 403
    side.control("PUT", "faults", {"api_error_before_commit": 1})
    assert post(tenant, account, body, headers).status_code == 503
    assert run_inbox() == 0
    assert post(tenant, account, body, headers).status_code == 200
    assert state_of(deposit)[0] == DepositState.PENDING


def test_an_order_that_paypal_has_forgotten_is_closed_after_a_day(tenant: Any, side: PayPalSide) -> None:
    deposit = opened(side.connect())
    Deposit.objects.filter(pk=deposit.pk).update(provider_reference=side.unknown_reference)
    assert deposit_ask(deposit_id=deposit.pk, actor=SYSTEM) == "not known there"
    assert state_of(deposit)[0] == DepositState.PENDING
    Deposit.objects.filter(pk=deposit.pk).update(created_at=clock.now() - timedelta(hours=25))
    side.control("PUT", "faults", {"api_unauthorized": True})
    assert deposit_ask(deposit_id=deposit.pk, actor=SYSTEM) == "no answer"
    side.control("PUT", "faults", {})
    assert deposit_ask(deposit_id=deposit.pk, actor=SYSTEM) == "expired"
    assert state_of(deposit)[0] == DepositState.EXPIRED


def test_paypal_is_asked_about_a_signature_outside_of_any_transaction(
    live_tenant: Any, paypal_server: Sandbox, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A slow PayPal must not hold rows of ours."""
    side = PayPalSide(paypal_server, receiver)
    account = side.connect()
    asked: list[bool] = []
    ask = Api.ask

    def recorded(self: Api, path: str, content: bytes) -> dict[str, Any]:
        asked.append(connection.in_atomic_block)
        return ask(self, path, content)

    monkeypatch.setattr(Api, "ask", recorded)
    order, redirect = opened_order(side, provider_of(account))
    side.pay(order, redirect)
    assert post(live_tenant, account, *side.news("CHECKOUT.ORDER.APPROVED", str(order.deposit_id))).status_code == 200
    assert asked == [False]


@pytest.mark.parametrize(
    ("status", "name", "state", "left"),
    [("SUCCESS", "SUCCEEDED", PartState.PAID, "300"), ("RETURNED", "RETURNED", PartState.FAILED, "500")],
)
def test_a_withdrawal_to_an_address_of_paypal(
    tenant: Any, side: PayPalSide, status: str, name: str, state: str, left: str
) -> None:
    """From the address book through the command, its answer lost, to the webhook, which is told twice."""
    account, person = side.connect(payouts=["paypal"]), funded()
    details = {"email": "lena.vogt@example.com"}
    method = PayPalProvider.capabilities.payout_method("paypal")
    assert method is not None
    destination = make_destination(
        person, method="paypal", details=details, fingerprint=fingerprint(method, details),
        label=masked(method, details), country="",
    )  # fmt: skip
    row = withdrawal_request(
        actor=client_actor(person), client=person, amount=eur("200"), destination=destination
    )  # fmt: skip
    withdrawal_check(actor=staff(PROPOSE), withdrawal_id=row.pk)
    withdrawal_approve(actor=staff(APPROVE), withdrawal_id=row.pk)
    part = WithdrawalPart.objects.get(withdrawal=row)
    assert part.provider_account_id == account.pk
    side.control("PUT", "faults", {"api_reset_after_commit": 1})
    assert commands.run(part.pk) == CommandState.UNKNOWN
    quiet = PayPalProvider.capabilities.refund_quiet
    Command.objects.filter(pk=part.pk).update(available_at=clock.now(), sent_at=clock.now() - quiet)
    assert commands.run(part.pk) == CommandState.SUCCEEDED
    (batch,) = side.control("GET", "payouts")["data"]
    part.refresh_from_db()
    assert (part.state, part.provider_reference) == (PartState.SENDING, batch["id"])
    side.control("POST", f"payouts/{batch['id']}/settle", {"status": "UNCLAIMED"})
    side.control("POST", f"payouts/{batch['id']}/settle", {"status": status})
    for news_ in (side.news("PAYOUTS-ITEM.UNCLAIMED"), *[side.news(f"PAYOUTS-ITEM.{name}")] * 2):
        assert post(tenant, account, *news_).status_code == 200
        run_inbox()
    part.refresh_from_db()
    wallet = wallet_of(person.pk, "EUR")
    assert wallet is not None
    assert (part.state, wallet.balance, wallet.held) == (state, eur(left), eur("0"))
    paid = state == PartState.PAID
    assert bool(part.provider_fee) is paid  # what went out cost what PayPal says, once; what came back had not
    booked = ledger.balance(posting.provider_fees("EUR")).balance
    assert booked == (-part.provider_fee if part.provider_fee else eur("0"))
