"""Praxis against its sandbox: the common contract, and what is peculiar to it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, ClassVar

import pytest

from kernel.errors import OutcomeUnknown, Rejected, Unavailable
from kernel.ids import uuid7
from kernel.money import Money
from sandbox.tests.support import Receiver, Sandbox
from tenant_apps.payments.adapters.praxis import PraxisProvider, signing, wire
from tenant_apps.payments.adapters.praxis.units import Units
from tenant_apps.payments.errors import AmountNotPayable
from tenant_apps.payments.models import ProviderAccount
from tenant_apps.payments.ports import (
    EventKind,
    PaymentState,
    PayoutProvider,
    ProviderConfig,
    RefundState,
    SignatureInvalid,
)
from tenant_apps.payments.services.providers import provider_of

from .contract import PayoutContract, ProviderContract
from .praxis_side import SECRET, PraxisSide, digest


@pytest.fixture(scope="module")
def praxis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    running = Sandbox("praxis", tmp_path_factory.mktemp("praxis"), "--retry-base", "0.05")
    yield running
    running.close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.close()


def changed(body: bytes, **values: Any) -> bytes:
    """The message with a signed value changed; a dot stands as two underscores."""
    message = json.loads(body)
    for path, value in values.items():
        *way, name = path.split("__")
        place = message
        for step in way:
            place = place[step]
        place[name] = value
    return json.dumps(message).encode()


class TestPraxis(ProviderContract, PayoutContract):
    amount = Money(50_000, "EUR")
    payout_amount = Money(20_000, "EUR")
    method = "card"
    payout_method = "cashier_out"
    destination: ClassVar[dict[str, str]] = {}
    repeats_give_the_same_page = False  # it opens an order once
    unscaled = ""
    fractions: ClassVar[Mapping[str, int]] = {}

    @pytest.fixture
    def side(self, tenant: Any, praxis_server: Sandbox, receiver: Receiver) -> PraxisSide:
        return PraxisSide(praxis_server, receiver, unscaled=self.unscaled, fractions=self.fractions)

    def test_a_changed_body_or_key_is_refused(self, side: PraxisSide, provider: PraxisProvider) -> None:
        """Praxis signs values, not bytes: those that are signed cannot be changed; money in is asked about as well."""
        order = self.order(side)
        side.pay(order, provider.create_deposit(order))
        body, headers = side.delivery_of(order)
        for spoilt in (
            changed(body, transaction__amount=1),
            changed(body, transaction__processed_amount=99_999),
            changed(body, transaction__processed_currency="USD"),
            changed(body, session__order_id=str(uuid7())),
            changed(body, application_key="other.example"),
            body[:-1],
            b"[]",
        ):
            with pytest.raises(SignatureInvalid):
                provider.verify_webhook(spoilt, headers)
        with pytest.raises(SignatureInvalid):
            provider.verify_webhook(body, {})
        assert provider.verify_webhook(body, headers)[0].refetch == str(order.deposit_id)

    def test_the_webhook_of_a_payout(self, side: PraxisSide, payer: PayoutProvider) -> None:
        order = self.payout_order(side)
        payer.payout(order)
        side.finish_payout(order)
        body, headers = side.payout_delivery_of(order)
        event = payer.verify_webhook(body, headers)[0]
        assert (event.kind, event.operation_id) == (EventKind.PAYOUT, order.operation_id)
        assert event.refund is not None
        assert (event.refund.state, event.refund.amount) == (RefundState.SUCCEEDED, self.payout_amount)
        with pytest.raises(SignatureInvalid):
            payer.verify_webhook(changed(body, transaction__amount=1), headers)


class TestPraxisInYen(TestPraxis):
    amount = Money(10_000, "JPY")
    payout_amount = Money(3_000, "JPY")


class TestPraxisInDinar(TestPraxis):
    amount = Money(150_550, "KWD")
    payout_amount = Money(10_005, "KWD")
    unscaled = "JPY KWD=1000"
    fractions: ClassVar[Mapping[str, int]] = {"KWD": 1000}


class TestPraxisInWholeDinar(TestPraxis):
    amount = Money(150_000, "BHD")
    payout_amount = Money(10_000, "BHD")


# --- units, signatures ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("listed", "minor", "currency", "wire"),
    [
        ("", 50_000, "EUR", 50_000),
        ("", 1, "USD", 1),
        ("", 1_000, "JPY", 1_000),
        ("", 150_000, "BHD", 150),
        ("JPY=100", 1_000, "JPY", 100_000),
        ("KWD=1000", 1_500, "KWD", 1_500),
        ("kwd=100, jpy", 1_500, "KWD", 150),
        ("EUR", 50_000, "EUR", 500),
    ],
)
def test_units(listed: str, minor: int, currency: str, wire: int) -> None:
    units = Units(listed)
    assert units.to_wire(Money(minor, currency)) == wire
    assert units.from_wire(signing.Written(wire), currency) == Money(minor, currency)


@pytest.mark.parametrize(
    ("listed", "minor", "currency"),
    [("", 1_500, "KWD"), ("", 500, "ISK"), ("", 1_500, "BHD"), ("KWD=100", 1_505, "KWD"), ("", 1, "BTC"), ("", 1, "USDT"),
     ("KWD=3", 1_500, "KWD"), ("EUR", 50, "EUR")],
)  # fmt: skip
def test_what_has_no_known_unit_is_refused(listed: str, minor: int, currency: str) -> None:
    with pytest.raises(AmountNotPayable):
        Units(listed).to_wire(Money(minor, currency))


def test_steps() -> None:
    units = Units("BHD JPY KWD=100 OMR=1000")
    assert [units.step(code) for code in ("EUR", "JPY", "BHD", "KWD", "OMR", "ISK", "XYZ")] == [1, 1, 1000, 10, 1, 0, 0]


def test_a_fraction_of_ours_is_not_rounded() -> None:
    with pytest.raises(ValueError, match="decimals"):
        Units("EUR=1000").from_wire("1005", "EUR")
    with pytest.raises(ValueError, match="unit of ISK"):
        Units("").from_wire("100", "ISK")


def test_the_published_example_of_a_signature() -> None:
    """doc.praxiscashier.com, "How to build a signature": the joined values, the secret, and the hash they print."""
    joined = {"all": "Integration TEST USDTest-Integration-Merchant15688553921.1ABCDEF"}
    printed = "c8d9b1824601bb6e11342afc36cb7281892daead2fbae257ea2d2ff8aa4908d66d5863a429e247d47155c01a0592e482"
    assert signing.signature("MerchantSecretKey", joined, ("all",)) == printed
    assert signing.genuine("MerchantSecretKey", joined, ("all",), printed.upper())
    assert not signing.genuine("", joined, ("all",), signing.signature("", joined, ("all",)))


def test_numbers_are_signed_as_they_were_written() -> None:
    body = b'{"transaction_attempt": {"amount": 10.50, "conversion_rate": 1.000000}, "timestamp": 0012}'
    assert signing.signature("s", signing.read(body.replace(b"0012", b"12")), signing.VALIDATION) == digest(
        "12", "10.50", "1.000000", secret="s"  # noqa: S106
    )  # fmt: skip


# --- what it tells ----------------------------------------------------------------------------------------------------


def told(status: str, *, kind: str = "sale", session: str = "open", **values: Any) -> Any:
    message = {
        "merchant_id": "M", "application_key": "A", "timestamp": 1, "customer": {"customer_token": "C"},
        "session": {"order_id": str(uuid7()), "session_status": session, "intent": "payment", "currency": "EUR",
                    "amount": 50_000},
        "transaction": {"transaction_type": kind, "transaction_status": status, "tid": 7, "currency": "EUR", "amount": 50_000,
                        **values},
    }  # fmt: skip
    config = ProviderConfig(account_id=uuid7(), mode="test", settings={})
    return PraxisProvider(config).read_webhook(json.dumps(message).encode())[0]


@pytest.mark.parametrize(
    ("status", "session", "state", "failure"),
    [
        ("initialized", "open", PaymentState.OPEN, ""),
        ("pending", "open", PaymentState.OPEN, ""),
        ("pending_async", "open", PaymentState.OPEN, ""),
        ("authorized", "open", PaymentState.AUTHORISED, ""),
        ("approved", "successful", PaymentState.PAID, ""),
        ("rejected", "open", PaymentState.OPEN, "declined"),
        ("declined", "expired", PaymentState.FAILED, "declined"),
        ("cancelled", "open", PaymentState.OPEN, "cancelled"),
        ("canceled", "failed", PaymentState.FAILED, "cancelled"),
        ("error", "expired", PaymentState.FAILED, "error"),
        ("chargeback", "successful", PaymentState.REVERSED, "chargeback"),
        ("reversed", "successful", PaymentState.REVERSED, "chargeback"),
        ("partial_refund", "successful", PaymentState.PAID, ""),
        ("something new", "open", PaymentState.OPEN, ""),
    ],
)
def test_statuses_of_a_payment(status: str, session: str, state: PaymentState, failure: str) -> None:
    event = told(status, session=session)
    assert event.deposit is not None
    assert (event.deposit.state, event.deposit.failure) == (state, failure)
    assert bool(event.refetch) == (state in {PaymentState.PAID, PaymentState.REVERSED})  # neither status is signed


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("requested", RefundState.PENDING),
        ("in progress", RefundState.PENDING),
        ("split", RefundState.PENDING),
        ("error", RefundState.PENDING),  # it may have gone out: Praxis marks it for verification
        ("approved", RefundState.SUCCEEDED),
        ("rejected", RefundState.FAILED),
        ("cancelled", RefundState.FAILED),
        ("reversed", RefundState.FAILED),
    ],
)
def test_statuses_of_money_out(status: str, state: RefundState) -> None:
    for kind, wanted in (("payout", EventKind.PAYOUT), ("refund", EventKind.REFUND)):
        event = told(status, kind=kind, status_details="words")
        assert (event.kind, event.refund.state) == (wanted, state)
        assert bool(event.refund.failure_text) == (state is RefundState.FAILED or status == "error")


def test_what_was_processed_is_credited() -> None:
    amounts = {"conversion_rate": "1.0", "processed_currency": "EUR", "processed_amount": 49_000}
    assert told("approved", **amounts).deposit.amount == Money(49_000, "EUR")
    converted = {"conversion_rate": "1.1", "processed_currency": "USD", "processed_amount": 53_900, "amount": 49_000}
    assert told("approved", **converted).deposit.amount == Money(49_000, "EUR")
    assert told("approved", processed_amount=None).deposit.amount == Money(50_000, "EUR")


def test_a_currency_of_unknown_unit_is_put_aside() -> None:
    assert told("approved", currency="ISK").kind is EventKind.OTHER


# --- at the sandbox ---------------------------------------------------------------------------------------------------


@pytest.fixture
def side(tenant: Any, praxis_server: Sandbox, receiver: Receiver) -> PraxisSide:
    return PraxisSide(praxis_server, receiver)


@pytest.fixture
def account(side: PraxisSide) -> ProviderAccount:
    return side.connect()


@pytest.fixture
def provider(account: ProviderAccount) -> PraxisProvider:
    made = provider_of(account)
    assert isinstance(made, PraxisProvider)
    return made


CONTRACT = TestPraxis()


@pytest.mark.parametrize(
    ("number", "state", "failure"),
    [
        ("4000000000000119", PaymentState.OPEN, "error"),
        ("4000000000007726", PaymentState.OPEN, ""),
        ("4000000000000002", PaymentState.OPEN, ""),
    ],
)
def test_what_a_card_may_do(
    side: PraxisSide, provider: PraxisProvider, number: str, state: PaymentState, failure: str
) -> None:
    order = CONTRACT.order(side)
    reference = provider.create_deposit(order).provider_reference
    side.pay(order, None, number)
    status = provider.fetch_deposit(reference)
    assert (status.state, status.failure) == (state, failure)


def test_a_declined_card_leaves_the_page_and_then_ends_with_it(side: PraxisSide, provider: PraxisProvider) -> None:
    order = CONTRACT.order(side)
    reference = provider.create_deposit(order).provider_reference
    side.pay(order, None, "4000000000009995")
    event = provider.verify_webhook(*side.delivery_of(order, "rejected"))[0]
    assert event.deposit is not None
    assert (event.deposit.state, event.deposit.failure) == (PaymentState.OPEN, "insufficient_funds")
    assert provider.fetch_deposit(reference).state is PaymentState.OPEN
    side.control("POST", f"sessions/{order.deposit_id}/expire")
    status = provider.fetch_deposit(reference)
    assert (status.state, status.failure) == (PaymentState.FAILED, "insufficient_funds")


def test_a_page_nobody_used_expires(side: PraxisSide, provider: PraxisProvider) -> None:
    order = CONTRACT.order(side)
    provider.create_deposit(order)
    side.control("POST", f"sessions/{order.deposit_id}/expire")
    wanted = str(order.deposit_id).encode()
    request = next(one for one in side.receiver.wait(lambda got: any(wanted in one.body for one in got)))
    event = provider.verify_webhook(request.body, request.headers)[0]
    assert event.deposit is not None
    assert (event.deposit_id, event.deposit.state) == (order.deposit_id, PaymentState.EXPIRED)


def test_a_chargeback_after_the_payment(side: PraxisSide, provider: PraxisProvider) -> None:
    order = CONTRACT.order(side)
    reference = provider.create_deposit(order).provider_reference
    side.settle(side.pay(order)["tid"], "chargeback")
    status = provider.fetch_deposit(reference)
    assert (status.state, status.amount, status.failure) == (PaymentState.REVERSED, CONTRACT.amount, "chargeback")
    event = provider.verify_webhook(*side.delivery_of(order, "chargeback"))[0]
    assert event.event_key != provider.verify_webhook(*side.delivery_of(order))[0].event_key


def test_what_was_converted_is_not_refunded_by_guess(side: PraxisSide, provider: PraxisProvider) -> None:
    order = CONTRACT.order(side)
    reference = provider.create_deposit(order).provider_reference
    tid = side.pay(order, None, "4000000000007726")["tid"]
    side.settle(tid, "approved", processed_currency="USD", processed_amount=55_000, conversion_rate="1.100000")
    status = provider.fetch_deposit(reference)
    assert (status.state, status.amount) == (PaymentState.PAID, CONTRACT.amount)
    with pytest.raises(Rejected, match="another currency"):
        provider.refund(operation_id=uuid7(), payment_reference=str(tid), amount=Money(100, "EUR"), reason="W1")


def test_the_card_is_shown_masked_and_the_payer_by_no_name(side: PraxisSide, provider: PraxisProvider) -> None:
    order = replace(CONTRACT.order(side), payer=replace(CONTRACT.order(side).payer, reference=""))
    reference = provider.create_deposit(order).provider_reference
    side.pay(order)
    status = provider.fetch_deposit(reference)
    assert (status.source, status.source_country) == ("Visa •••• 1111", "GB")
    session = side.control("GET", "sessions")["data"][0]
    assert "@" not in session["cid"]
    assert session["variable1"] == order.reference


@pytest.mark.parametrize("fault", ["api_reset_after_commit", "api_error_after_commit"])
def test_a_lost_answer_is_found_by_asking(side: PraxisSide, provider: PraxisProvider, fault: str) -> None:
    order = CONTRACT.order(side)
    provider.create_deposit(order)
    tid = str(side.pay(order)["tid"])
    operation, part = uuid7(), Money(10_000, "EUR")
    side.control("PUT", "faults", {fault: 1})
    with pytest.raises(OutcomeUnknown):
        provider.refund(operation_id=operation, payment_reference=tid, amount=part, reason="W1")
    found = provider.find_refund(operation, payment_reference=tid)
    assert found is not None
    assert (found.state, found.amount, found.payment_reference) == (RefundState.SUCCEEDED, part, tid)
    assert provider.refund(operation_id=operation, payment_reference=tid, amount=part, reason="W1") == found


def test_a_refund_that_went_wrong_there_waits_for_a_person(side: PraxisSide, provider: PraxisProvider) -> None:
    order = CONTRACT.order(side)
    provider.create_deposit(order)
    tid = str(side.pay(order)["tid"])
    side.control("PUT", "settings", {"refunds": "error"})
    operation, part = uuid7(), Money(10_000, "EUR")
    first = provider.refund(operation_id=operation, payment_reference=tid, amount=part, reason="W1")
    assert (first.state, first.failure_text) == (RefundState.PENDING, "Processing error")
    side.settle(first.reference, "approved")
    found = provider.find_refund(operation, payment_reference=tid)
    assert found is not None
    assert found.state is RefundState.SUCCEEDED


def test_only_a_signed_not_found_is_not_there(
    account: ProviderAccount, provider: PraxisProvider, side: PraxisSide
) -> None:
    """Another secret, application, version or address of ours: none of them says whether money went out."""
    operation = uuid7()
    assert provider.find_refund(operation, payment_reference="7") is None
    assert provider.find_payout(operation, reference="") is None
    account.settings = {**account.settings, "application_key": "other.example"}
    other = provider_of(account)
    assert isinstance(other, PraxisProvider)
    for ask in (
        lambda: other.find_refund(operation, payment_reference="7"),
        lambda: other.find_payout(operation, reference=""),
        lambda: other.fetch_deposit(str(operation)),
        lambda: other.refund(operation_id=operation, payment_reference="7", amount=Money(100, "EUR"), reason="W1"),
    ):
        with pytest.raises(Unavailable, match="unknown application"):
            ask()
    assert not other.test_connection().good


@pytest.mark.parametrize(
    ("words", "sure"),
    [("order_id: not found", True), ("Order was not found", True), ("Transaction does not exist", True),
     ("Merchant not found", False), ("application_key: not found", False), ("Invalid signature", False), ("", False)],
)  # fmt: skip
def test_what_is_said_to_be_missing(words: str, sure: bool) -> None:
    assert bool(wire.NOT_THERE.search(words)) == sure


def test_errors_of_the_other_side(side: PraxisSide, provider: PraxisProvider) -> None:
    side.control("PUT", "faults", {"api_error_before_commit": 1})
    with pytest.raises(Unavailable):
        provider.fetch_deposit(str(uuid7()))
    side.control("PUT", "faults", {"api_unauthorized": True})
    with pytest.raises(Unavailable, match="whitelisted"):
        provider.create_deposit(CONTRACT.order(side))


def test_a_withdrawal_waits_for_the_payee_and_is_then_sent(side: PraxisSide, provider: PraxisProvider) -> None:
    order = CONTRACT.payout_order(side)
    first = provider.payout(order)
    assert first.page_url.startswith(side.server.url.replace("127.0.0.1", "praxis.localhost"))
    assert side.ask(order).state is RefundState.PENDING
    side.control("PUT", "settings", {"payouts": "pending"})
    side.submit(order)
    event = provider.verify_webhook(*side._delivery(order.operation_id, "requested"))[0]
    assert (event.refetch, event.refund and event.refund.state) == (str(order.operation_id), RefundState.PENDING)
    assert side.ask(order).state is RefundState.PENDING
    transaction = side.control("GET", "transactions")["data"][0]
    assert transaction["transaction_status"] == "pending"  # managed: it was requested before
    side.settle(transaction["tid"], "approved")
    assert side.ask(order).state is RefundState.SUCCEEDED


def test_a_withdrawal_of_another_amount_is_cancelled(side: PraxisSide, provider: PraxisProvider) -> None:
    order = CONTRACT.payout_order(side)
    provider.payout(order)
    side.submit(order)
    asked = provider._order(order.operation_id)
    asked["transaction"]["amount"] = "200000"
    told_back = provider.withdrawal_manage(asked)
    assert told_back["transaction"]["transaction_status"] == "cancelled"
    assert side.ask(order).state is RefundState.FAILED


def test_a_withdrawal_page_that_ran_out_gives_the_money_back(side: PraxisSide, provider: PraxisProvider) -> None:
    order = CONTRACT.payout_order(side)
    provider.payout(order)
    side.control("POST", f"sessions/{order.operation_id}/expire")
    found = side.ask(order)
    assert (found.state, found.failure_text) == (RefundState.FAILED, "expired")


def test_a_lost_completion_is_asked_about_and_done_once(side: PraxisSide, provider: PraxisProvider) -> None:
    order = CONTRACT.payout_order(side)
    provider.payout(order)
    side.submit(order)
    side.control("PUT", "faults", {"api_reset_after_commit": 1})
    with pytest.raises(Unavailable):
        side.ask(order)
    assert side.ask(order).state is RefundState.SUCCEEDED
    assert len(side.control("GET", "transactions")["data"]) == 1


def test_an_acknowledgement_is_signed_in_both_headers(provider: PraxisProvider) -> None:
    answer = provider.answer_webhook(b"", {}, accepted=True)
    message = json.loads(answer.body)
    assert (answer.status, message["status"], message["description"], message["version"]) == (200, 0, "Ok", "1.3")
    expected = digest(0, message["timestamp"])
    assert answer.headers == {"GT-Authentication": expected, "external-request-signature": expected}
    stranger = provider.answer_webhook(b"", {}, accepted=False)
    assert (stranger.status, json.loads(stranger.body)["status"], stranger.headers) == (403, -1, {})
    assert SECRET not in str(answer)
