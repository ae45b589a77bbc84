"""Tap against its sandbox: the contract in dinars, riyals and dollars, and what its signature leaves open."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from kernel.errors import OutcomeUnknown, Rejected, Unavailable
from kernel.ids import uuid7
from kernel.money import Money
from sandbox.tests.support import Receiver, Sandbox
from tenant_apps.ledger import selectors as ledger
from tenant_apps.payments.adapters.tap import TapProvider, reading, units
from tenant_apps.payments.adapters.tap import provider as tap
from tenant_apps.payments.errors import AmountNotPayable
from tenant_apps.payments.models import DepositState
from tenant_apps.payments.ports import (
    EventKind,
    PaymentState,
    ProviderConfig,
    RefundState,
    SignatureInvalid,
)
from tenant_apps.payments.services.deposits import deposit_ask, deposit_open, deposit_start
from tenant_apps.wallets.selectors import wallet_of

from .contract import ProviderContract
from .support import SYSTEM, client_actor, make_client, make_rule, run_inbox, until
from .tap_side import TapSide


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.close()


@pytest.fixture(scope="module")
def tap_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    running = Sandbox("tap", tmp_path_factory.mktemp("tap"), "--retry-base", "0.05")
    yield running
    running.close()


class OfTap(ProviderContract):
    @pytest.fixture
    def side(self, tenant: Any, tap_server: Sandbox, receiver: Receiver) -> TapSide:
        return TapSide(tap_server, receiver)

    def test_a_changed_body_or_key_is_refused(self, side: TapSide, provider: TapProvider) -> None:
        """Seven fields are signed. A change of one is refused; the rest may change, so it is asked about, not believed."""
        order = self.order(side)
        side.pay(order, provider.create_deposit(order))
        body, headers = side.delivery_of(order)
        told = json.loads(body)
        for change in (
            {"id": "chg_other"},
            {"amount": told["amount"] + 1},
            {"currency": "EUR"},
            {"status": "DECLINED"},
            {"reference": {**told["reference"], "gateway": "other"}},
            {"reference": {**told["reference"], "payment": "other"}},
            {"transaction": {**told["transaction"], "created": "1"}},
        ):
            with pytest.raises(SignatureInvalid):
                provider.verify_webhook(json.dumps({**told, **change}).encode(), headers)
        for wrong in ({}, {"hashstring": ""}, {"hashstring": headers["hashstring"][:-1] + "g"}, {"hashstring": "é"}):
            with pytest.raises(SignatureInvalid):
                provider.verify_webhook(body, wrong)
        other = uuid7()
        stolen = json.dumps({**told, "reference": {**told["reference"], "order": str(other)}}).encode()
        (event,) = provider.verify_webhook(stolen, headers)
        assert (event.deposit_id, event.refetch) == (other, told["id"])


class TestTap(OfTap):
    amount = Money(183_650, "AED")
    method = "card"

    @pytest.mark.parametrize(
        ("number", "state", "failure"),
        [
            ("4000000000000002", PaymentState.FAILED, "declined"),
            ("4000000000009995", PaymentState.FAILED, "insufficient_funds"),
            ("4000000000000069", PaymentState.FAILED, "expired_card"),
            ("4100000000000019", PaymentState.FAILED, "fraud"),
            ("4000000000000119", PaymentState.FAILED, "error"),
        ],
    )
    def test_what_a_card_may_end_as(
        self, side: TapSide, provider: TapProvider, number: str, state: PaymentState, failure: str
    ) -> None:
        order = self.order(side)
        redirect = provider.create_deposit(order)
        side.pay(order, redirect, number)
        status = provider.fetch_deposit(redirect.provider_reference)
        assert (status.state, status.failure, status.source) == (state, failure, f"Visa •••• {number[-4:]}")
        assert status.failure_text

    @pytest.mark.parametrize(("action", "failure"), [("cancel", "cancelled"), ("abandon", "expired")])
    def test_who_leaves_has_not_paid(self, side: TapSide, provider: TapProvider, action: str, failure: str) -> None:
        redirect = provider.create_deposit(self.order(side))
        side.control("POST", f"charges/{redirect.provider_reference}/{action}")
        status = provider.fetch_deposit(redirect.provider_reference)
        assert (status.state, status.failure) == (PaymentState.EXPIRED, failure)

    @pytest.mark.parametrize("fault", ["api_error_after_commit", "api_reset_after_commit"])
    def test_an_answer_that_was_lost_is_given_again(self, side: TapSide, provider: TapProvider, fault: str) -> None:
        order = self.order(side)
        side.control("PUT", "faults", {fault: 1})
        with pytest.raises(OutcomeUnknown):
            provider.create_deposit(order)
        redirect = provider.create_deposit(order)
        (made,) = side.control("GET", "charges")["data"]
        assert redirect.provider_reference == made["id"]

    def test_a_refund_whose_answer_was_lost_is_not_made_twice(self, side: TapSide, provider: TapProvider) -> None:
        order = self.order(side)
        redirect = provider.create_deposit(order)
        side.pay(order, redirect)
        refund = {"operation_id": uuid7(), "payment_reference": redirect.provider_reference, "reason": "W1"}
        side.control("PUT", "faults", {"api_reset_after_commit": 1})
        with pytest.raises(OutcomeUnknown):
            provider.refund(amount=Money(10_000, "AED"), **refund)
        again = provider.refund(amount=Money(10_000, "AED"), **refund)
        (made,) = side.control("GET", "refunds")["data"]
        assert again.reference == made["id"]

    def test_a_refund_is_found_on_a_later_page(
        self, side: TapSide, provider: TapProvider, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        order = self.order(side)
        redirect = provider.create_deposit(order)
        side.pay(order, redirect)
        paid, operations = redirect.provider_reference, [uuid7() for _ in range(3)]
        made = [
            provider.refund(operation_id=one, payment_reference=paid, amount=Money(100, "AED"), reason="W")
            for one in operations
        ]
        monkeypatch.setattr(tap, "PAGE", 1)
        assert provider.find_refund(operations[0], payment_reference=paid) == made[0]
        assert provider.find_refund(uuid7(), payment_reference=paid) is None
        monkeypatch.setattr(tap, "PAGES", 2)
        with pytest.raises(Unavailable):
            provider.find_refund(operations[0], payment_reference=paid)

    def test_an_answer_of_another_form_is_no_proof(
        self, provider: TapProvider, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The list was never seen from the live service; "not there" would let money be sent twice."""
        monkeypatch.setattr(provider, "_call", lambda *_, **__: {"object": "list"})
        with pytest.raises(Unavailable):
            provider.find_refund(uuid7(), payment_reference="chg_1")

    def test_a_refund_that_waits_is_told_later(self, side: TapSide, provider: TapProvider) -> None:
        side.control("PUT", "settings", {"refunds": "pending"})
        order = self.order(side)
        redirect = provider.create_deposit(order)
        side.pay(order, redirect)
        provider.config = replace(provider.config, webhook_url=f"{side.receiver.url}/hooks")
        operation = uuid7()
        first = provider.refund(
            operation_id=operation, payment_reference=redirect.provider_reference, amount=self.amount, reason="W1"
        )
        assert first.state is RefundState.PENDING
        side.control("POST", f"refunds/{first.reference}/pay")
        body, headers = side.delivered(first.reference.encode(), b'"REFUNDED"')
        (event,) = provider.verify_webhook(body, headers)
        assert (event.kind, event.operation_id) == (EventKind.REFUND, operation)
        assert event.refund == provider.find_refund(operation, payment_reference=redirect.provider_reference)

    def test_a_refused_refund_did_not_happen(self, side: TapSide, provider: TapProvider) -> None:
        side.control("PUT", "settings", {"refunds": "declined"})
        order = self.order(side)
        redirect = provider.create_deposit(order)
        side.pay(order, redirect)
        with pytest.raises(Rejected):
            provider.refund(
                operation_id=uuid7(), payment_reference=redirect.provider_reference, amount=self.amount, reason="W1"
            )

    def test_a_fee_is_read_where_it_is_told(self, side: TapSide, provider: TapProvider) -> None:
        order = self.order(side)
        redirect = provider.create_deposit(order)
        side.control("PUT", "settings", {"fee_percent": "2.5"})
        side.pay(order, redirect)
        assert provider.fetch_deposit(redirect.provider_reference).fee == Money(4_591, "AED")

    @pytest.mark.parametrize("fee", [{"amount": "n/a"}, {"amount": "1.234"}, {"amount": 1, "currency": "XOQ"}])
    def test_a_fee_that_cannot_be_read_keeps_no_payment_from_being_booked(self, fee: Any) -> None:
        charge = {"id": "chg_1", "status": "CAPTURED", "amount": 10, "currency": "AED", "fee": fee}
        told = reading.deposit_status(charge)
        assert (told.state, told.amount, told.fee) == (PaymentState.PAID, Money(1_000, "AED"), None)

    @pytest.mark.parametrize(
        ("phone", "sent"),
        [
            ("+96551234567", {"country_code": "965", "number": "51234567"}),
            ("+4915112345678", {"country_code": "49", "number": "15112345678"}),
            ("0151 1234", None),
            ("", None),
        ],
    )
    def test_a_phone_number_goes_out_in_two_parts(
        self, side: TapSide, provider: TapProvider, phone: str, sent: Any
    ) -> None:
        order = self.order(side)
        provider.create_deposit(replace(order, payer=replace(order.payer, phone=phone)))
        (made,) = side.control("GET", "charges")["data"]
        assert made["customer"].get("phone") == sent

    def test_a_live_key_on_a_test_account_is_noticed(self, provider: TapProvider) -> None:
        provider.config = replace(provider.config, mode="live")
        report = provider.test_connection()
        assert not report.good
        assert "sk_live_" in report.details[0]


class TestTapInDinar(OfTap):
    amount = Money(150_555, "KWD")
    method = "knet"

    @pytest.fixture
    def side(self, tenant: Any, tap_server: Sandbox, receiver: Receiver) -> TapSide:
        return TapSide(tap_server, receiver)


class TestTapInBahrain(OfTap):
    amount = Money(50_010, "BHD")
    method = "benefit"


class TestTapsOwnChoice(OfTap):
    amount = Money(50_001, "USD")
    method = "tap"


# --- tables and signatures --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("minor", "currency", "number", "printed"),
    [
        (1_500, "KWD", 1.5, "1.500"),
        (10, "BHD", 0.01, "0.010"),
        (12_345, "OMR", 12.345, "12.345"),
        (1, "JOD", 0.001, "0.001"),
        (10_000, "SAR", 100.0, "100.00"),
        (99, "QAR", 0.99, "0.99"),
        (10**15 - 1, "AED", 9999999999999.99, "9999999999999.99"),
    ],
)
def test_units(minor: int, currency: str, number: float, printed: str) -> None:
    amount = Money(minor, currency)
    assert units.to_wire(amount) == number
    assert units.from_wire(json.loads(json.dumps(number)), currency) == amount
    assert units.printed(number, currency) == printed


@pytest.mark.parametrize(("minor", "currency"), [(0, "KWD"), (-1, "KWD"), (1, "JPY"), (1, "BTC"), (10**15, "AED")])
def test_amounts_it_cannot_say(minor: int, currency: str) -> None:
    with pytest.raises(AmountNotPayable):
        units.to_wire(Money(minor, currency))


def test_more_decimals_than_the_currency_has_are_refused() -> None:
    with pytest.raises(ValueError, match="decimals"):
        units.from_wire("10.001", "SAR")


CHARGE = {"id": "chg_1", "object": "charge", "amount": 1.5, "currency": "KWD", "status": "CAPTURED",
          "reference": {"gateway": "gw", "payment": "py"}, "transaction": {"created": "1700"}}  # fmt: skip


def config(**secrets: str) -> ProviderConfig:
    return ProviderConfig(account_id=uuid7(), mode="test", settings={}, secrets=secrets)


def test_the_documented_string_of_a_dinar_and_a_half() -> None:
    """developers.tap.company/docs/webhook, with KWD's three decimals."""
    joined = (
        "x_idchg_1x_amount1.500x_currencyKWDx_gateway_referencegwx_payment_referencepyx_statusCAPTUREDx_created1700"
    )
    assert tap.hashed(CHARGE) == joined
    mac = hmac.new(b"sk_test_x_abcd", joined.encode(), hashlib.sha256).hexdigest()
    body = json.dumps(CHARGE).encode()
    (event,) = TapProvider(config(secret_key="sk_test_x_abcd")).verify_webhook(body, {"hashstring": mac.upper()})
    assert (event.event_key, event.kind) == ("charge:chg_1:CAPTURED", EventKind.DEPOSIT)
    unkeyed = hmac.new(b"", joined.encode(), hashlib.sha256).hexdigest()
    with pytest.raises(SignatureInvalid):
        TapProvider(config()).verify_webhook(body, {"hashstring": unkeyed})


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b'"x"', b'{"id": "chg_1"}', b"\xff", b'{"amount": "x", "currency": 1}']
)
def test_nonsense_is_refused(body: bytes) -> None:
    with pytest.raises(SignatureInvalid):
        TapProvider(config(secret_key="sk")).verify_webhook(body, {"hashstring": "0" * 64})


def test_news_of_a_currency_we_do_not_carry_is_put_aside() -> None:
    assert reading.event({**CHARGE, "currency": "XOQ"}).kind is EventKind.OTHER


@pytest.mark.parametrize(
    ("status", "state", "failure"),
    [
        ("INITIATED", PaymentState.OPEN, ""),
        ("IN_PROGRESS", PaymentState.OPEN, ""),
        ("UNKNOWN", PaymentState.OPEN, ""),
        ("NEW_TO_US", PaymentState.OPEN, ""),
        ("AUTHORIZED", PaymentState.AUTHORISED, ""),
        ("TIMEDOUT", PaymentState.EXPIRED, "expired"),
        ("VOID", PaymentState.FAILED, "voided"),
        ("RESTRICTED", PaymentState.FAILED, "fraud"),
    ],
)
def test_states_of_a_charge(status: str, state: PaymentState, failure: str) -> None:
    told = reading.deposit_status({**CHARGE, "status": status})
    assert (told.state, told.failure) == (state, failure)


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("PENDING", RefundState.PENDING),
        ("ACCEPTED", RefundState.PENDING),
        ("NEW_TO_US", RefundState.PENDING),
        ("REFUNDED", RefundState.SUCCEEDED),
        ("DECLINED", RefundState.FAILED),
        ("FAILED", RefundState.FAILED),
        ("RESTRICTED", RefundState.FAILED),
    ],
)
def test_states_of_a_refund(status: str, state: RefundState) -> None:
    told = reading.refund_status({"id": "re_1", "amount": 1.5, "currency": "KWD", "status": status, "charge_id": "c"})
    assert (told.state, bool(told.failure_text)) == (state, state is RefundState.FAILED)


# --- through the house ------------------------------------------------------------------------------------------------


def test_the_house_asks_before_it_credits(live_tenant: Any, portal_port: int, tap_server: Sandbox) -> None:
    """What the webhook says of the deposit is not signed, so Tap's answer is what credits it, and once."""
    side = TapSide(tap_server, receiver=None)  # the portal itself receives
    account = side.connect()
    amount = Money(150_555, "KWD")
    make_rule(account, "knet", "KWD", maximum_minor=10**9)
    client = make_client(country="KW", currency="KWD", language="ar")
    key = f"{account.pk}:knet"
    deposit = deposit_open(
        deposit_id=deposit_start(actor=client_actor(client), client=client, amount=amount, offer_key=key).pk
    )
    assert deposit.state == DepositState.PENDING
    side.control("PUT", "faults", {"deliver_twice": True})
    side.control("POST", f"charges/{deposit.provider_reference}/pay", {"number": "8888880000000001"})
    until(lambda: {one["state"] for one in side.control("GET", "deliveries")["data"]} == {"delivered"})
    assert run_inbox() == 1
    deposit.refresh_from_db()
    assert deposit.state == DepositState.PENDING  # the inbox has a worker ask; here that is us
    assert deposit_ask(deposit_id=deposit.pk, actor=SYSTEM) == "credited"
    assert deposit_ask(deposit_id=deposit.pk, actor=SYSTEM) == "nothing"
    wallet = wallet_of(client.pk, "KWD")
    assert wallet is not None
    assert wallet.balance == amount
    assert ledger.broken_invariants() == {}
