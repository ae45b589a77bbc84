"""dLocal's units, signatures and tables, and a deposit through the whole house."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import httpx
import pytest

from kernel.errors import Rejected, Unavailable
from kernel.ids import uuid7
from kernel.models import InboxMessage
from kernel.money import Money
from sandbox.tests.support import Sandbox
from tenant_apps.ledger import selectors as ledger
from tenant_apps.payments.adapters.dlocal import DLocalProvider, countries, destinations, reading, units, wire
from tenant_apps.payments.errors import AmountNotPayable
from tenant_apps.payments.models import Deposit, DepositState
from tenant_apps.payments.ports import (
    EventKind,
    Payer,
    PaymentState,
    PayoutOrder,
    ProviderConfig,
    RefundState,
    SignatureInvalid,
)
from tenant_apps.payments.services.deposits import deposit_open, deposit_start
from tenant_apps.wallets.selectors import wallet_of

from .dlocal_side import DLocalSide
from .support import client_actor, make_client, make_rule, run_inbox, until

COLOMBIAN = {
    "bank_code": "007", "bank_account": "272-132139-12", "account_type": "SAVINGS", "document_type": "CC",
    "document_id": "1.004.922.993",
}  # fmt: skip
PIX = {"pix_kind": "email", "pix_key": "ana@example.com", "document_id": "45053975809"}


def payout_order(method: str, destination: dict[str, str], amount: Money) -> PayoutOrder:
    return PayoutOrder(
        operation_id=uuid7(), reference="W1", amount=amount, method=method, destination=destination, language="es",
        payee=Payer(name="Ana Lima Ruiz", email="ana@example.com", country="BR"), description="W1",
        webhook_url="http://broker.localhost:1/hooks",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("minor", "currency", "number"),
    [
        (50_050, "MXN", 500.5),
        (1, "USD", 0.01),
        (123_456_789, "BRL", 1234567.89),
        (10**15 - 1, "ARS", 9999999999999.99),
        (5_000, "CLP", 5000),
        (100_000, "PYG", 100000),
        (20_000_000, "COP", 200000),
        (99, "PEN", 0.99),
        (99, "UYU", 0.99),
    ],
)
def test_units(minor: int, currency: str, number: float) -> None:
    amount = Money(minor, currency)
    sent = units.to_wire(amount)
    assert (sent, type(sent)) == (number, type(number))
    assert units.from_wire(json.loads(json.dumps(sent)), currency) == amount


@pytest.mark.parametrize(
    ("minor", "currency"), [(150, "COP"), (1, "COP"), (0, "MXN"), (-5, "MXN"), (1, "EUR"), (1, "BTC"), (10**15, "USD")]
)
def test_amounts_it_cannot_say(minor: int, currency: str) -> None:
    with pytest.raises(AmountNotPayable):
        units.to_wire(Money(minor, currency))


def test_steps() -> None:
    assert [units.step(code) for code in ("MXN", "CLP", "COP", "PYG", "EUR", "USDT")] == [1, 1, 100, 1, 0, 0]
    with pytest.raises(ValueError, match="decimals"):
        units.from_wire("10.5", "CLP")


def config(**settings: str) -> ProviderConfig:
    secrets = {"secret_key": "sk", "x_trans_key": "tk"}
    return ProviderConfig(account_id=uuid7(), mode="test", settings={"x_login": "me", **settings}, secrets=secrets)


def test_the_signature_joins_login_date_and_body() -> None:
    """RFC 4231, test case 2, in the parts that docs.dlocal.com/reference/payins-security joins."""
    expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    assert wire.sign("Jefe", "what do ", "ya want for", b" nothing?") == expected
    assert wire.sign("Jefe", b"what do ya want for nothing?") == expected


PAID = {"id": "D-4-1", "amount": 72.00, "status": "PAID", "status_detail": "The payment was paid.", "status_code": "200",
        "currency": "USD", "country": "AR", "payment_method_id": "RP", "payment_method_type": "TICKET",
        "order_id": "4m1OdghPUQtg"}  # fmt: skip


def signed(
    body: bytes, *, login: str = "me", secret: str = "sk", date: str = "2026-01-01T00:00:00.000Z"
) -> dict[str, str]:
    mac = hmac.new(secret.encode(), login.encode() + date.encode() + body, hashlib.sha256).hexdigest()
    return {"x-date": date, "x-login": login, "authorization": f"V2-HMAC-SHA256, Signature: {mac}"}


def test_a_notification_needs_our_login_and_key() -> None:
    """The documentation's own example (docs.dlocal.com/docs/receive-notifications)."""
    body = json.dumps(PAID).encode()
    provider = DLocalProvider(config())
    (event,) = provider.verify_webhook(body, signed(body))
    assert event.event_key == "payment:D-4-1:PAID:200"
    assert (event.deposit_id, event.deposit and event.deposit.method) == (None, "rapipago")
    for headers in (
        signed(body, secret="other"),
        signed(body, login="other"),
        {**signed(body), "x-date": "2026-01-01T00:00:01.000Z"},
        {"authorization": "V2-HMAC-SHA256, Signature: "},
        {"payload-signature": ""},
        {},
    ):
        with pytest.raises(SignatureInvalid):
            provider.verify_webhook(body, headers)
    keyless = DLocalProvider(replace(config(), secrets={}))
    with pytest.raises(SignatureInvalid):
        keyless.verify_webhook(body, signed(body, secret=""))


@pytest.mark.parametrize("answer", [{}, {"refunds": []}, None, "none", [{"external_id": "other"}]])
def test_an_answer_of_another_form_is_no_proof(answer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither list was ever seen from the live service; "not there" would let money be sent twice."""
    provider = DLocalProvider(config())
    for call in ("payins", "payouts"):
        monkeypatch.setattr(provider.wire, call, lambda *_, **__: answer)
    if not isinstance(answer, list):
        with pytest.raises(Unavailable):
            provider.find_refund(uuid7(), payment_reference="D-4-1")
    with pytest.raises(Unavailable):
        provider.find_payout(uuid7(), reference="")


def test_a_list_without_descriptions_is_no_proof(monkeypatch: pytest.MonkeyPatch) -> None:
    """The description is all that tells a refund of ours: without it each may be the one."""
    provider, operation = DLocalProvider(config()), uuid7()
    told = {"id": "REF-1", "payment_id": "D-4-1", "status": "SUCCESS", "amount": 5, "currency": "USD"}
    listed: list[dict[str, Any]] = [told, {**told, "id": "REF-2", "description": None}]
    monkeypatch.setattr(provider.wire, "payins", lambda *_, **__: listed)
    with pytest.raises(Unavailable):
        provider.find_refund(operation, payment_reference="D-4-1")
    listed.append({**told, "id": "REF-3", "description": f"W1 {operation}"})
    found = provider.find_refund(operation, payment_reference="D-4-1")
    assert found is not None
    assert found.reference == "REF-3"
    listed[:2] = [{**told, "description": ""}]
    assert provider.find_refund(uuid7(), payment_reference="D-4-1") is None


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"id": 1}', b'{"id": "D", "status": "PAID"}', b"\xff"])
def test_signed_nonsense_is_refused(body: bytes) -> None:
    with pytest.raises(SignatureInvalid):
        DLocalProvider(config()).verify_webhook(body, signed(body))


def test_news_of_a_currency_we_do_not_carry_is_put_aside() -> None:
    body = json.dumps({**PAID, "currency": "XOQ"}).encode()
    (event,) = DLocalProvider(config()).verify_webhook(body, signed(body))
    assert event.kind is EventKind.OTHER


@pytest.mark.parametrize(
    ("status", "state", "failure"),
    [
        ("PENDING", PaymentState.OPEN, ""),
        ("VERIFIED", PaymentState.OPEN, ""),
        ("AUTHORIZED", PaymentState.AUTHORISED, ""),
        ("EXPIRED", PaymentState.EXPIRED, "expired"),
        ("CANCELLED", PaymentState.EXPIRED, "cancelled"),
        ("NEW_TO_US", PaymentState.OPEN, ""),
    ],
)
def test_states_of_a_payment(status: str, state: PaymentState, failure: str) -> None:
    told = reading.deposit_status({**PAID, "status": status})
    assert (told.state, told.failure) == (state, failure)


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("PENDING", RefundState.PENDING),
        ("DELIVERED", RefundState.PENDING),
        ("ON_HOLD", RefundState.PENDING),
        ("ON_HOLD_BY_COMPLIANCE", RefundState.PENDING),
        ("NEW_TO_US", RefundState.PENDING),
        ("PAID", RefundState.SUCCEEDED),
        ("REJECTED", RefundState.FAILED),
        ("CANCELLED", RefundState.FAILED),
    ],
)
def test_states_of_a_payout(status: str, state: RefundState) -> None:
    told = reading.payout_status({"id": "PO-1", "amount": 5, "currency": "CLP", "status": status})
    assert told.state is state
    assert bool(told.failure_text) is (state is RefundState.FAILED)
    assert told.fee is None


@pytest.mark.parametrize("fee", ["n/a", "", [], "1.234"])
def test_a_fee_that_cannot_be_read_keeps_no_payout_from_being_booked(fee: Any) -> None:
    data = {"id": "PO-1", "amount": 5, "currency": "MXN", "status": "PAID", "amount_details": {"fees": fee}}
    assert reading.payout_status(data).fee is None


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("PENDING", RefundState.PENDING),
        ("NEW_TO_US", RefundState.PENDING),
        ("SUCCESS", RefundState.SUCCEEDED),
        ("REJECTED", RefundState.FAILED),
        ("CANCELLED", RefundState.FAILED),
    ],
)
def test_states_of_a_refund(status: str, state: RefundState) -> None:
    told = reading.refund_status({"id": "REF-1", "payment_id": "D", "amount": 5, "currency": "USD", "status": status})
    assert (told.state, bool(told.failure_text)) == (state, state is RefundState.FAILED)


@pytest.mark.parametrize(
    ("method", "payer", "currency", "country"),
    [
        ("card", "MX", "MXN", "MX"),
        ("card", "MX", "USD", "MX"),
        ("card", "DE", "MXN", "MX"),
        ("card", "MX", "BRL", "BR"),
        ("pix", "DE", "USD", "BR"),
        ("oxxo", "", "MXN", "MX"),
        ("card", "EC", "USD", "EC"),
    ],
)
def test_the_country_of_a_payment(method: str, payer: str, currency: str, country: str) -> None:
    assert countries.country_of(method, payer, currency) == country


@pytest.mark.parametrize(
    ("method", "payer", "currency"),
    [("card", "DE", "USD"), ("oxxo", "MX", "BRL"), ("card", "MX", "EUR"), ("x", "MX", "MXN")],
)
def test_payments_that_fit_no_country(method: str, payer: str, currency: str) -> None:
    with pytest.raises(Rejected):
        countries.country_of(method, payer, currency)


def test_the_table_of_destinations_is_whole() -> None:
    for destination in destinations.TABLE:
        names = [asked.field.name for asked in destination.asked]
        assert len(set(names)) == len(names)
        assert set(destination.identity) <= set(names)
        assert not destination.bank_in or destination.bank_in in names
        assert destination.method.countries == {destination.country}


@pytest.mark.parametrize(
    ("method", "change", "name"),
    [
        ("bank_co", {"bank_code": "999"}, "bank_code"),
        ("bank_co", {"document_type": "CPF"}, "document_type"),
        ("bank_co", {"document_id": ""}, "document_id"),
        ("bank_co", {"bank_account": "12"}, "bank_account"),
        ("pix", {"pix_key": "ana at example"}, "pix_key"),
        ("pix", {"pix_kind": "telegram"}, "pix_kind"),
    ],
)
def test_a_destination_that_does_not_fit_names_the_field(method: str, change: dict[str, str], name: str) -> None:
    good = COLOMBIAN if method == "bank_co" else PIX
    order = payout_order(method, {**good, **change}, Money(1_000_00, "COP"))
    with pytest.raises(Rejected) as refused:
        destinations.beneficiary(destinations.BY_CODE[method], order)
    assert refused.value.data["name"] == name
    assert name in str(refused.value)


def test_a_payee_with_one_name_still_has_two() -> None:
    order = payout_order("spei", {"clabe": "002010077777777771"}, Money(100, "MXN"))
    built = destinations.beneficiary(destinations.BY_CODE["spei"], order)
    assert (built["first_name"], built["last_name"]) == ("Ana", "Lima Ruiz")
    assert built["bank_account"] == {"account": "002010077777777771", "code": "002"}
    single = replace(order, payee=replace(order.payee, name="Ana"))
    built = destinations.beneficiary(destinations.BY_CODE["spei"], single)
    assert (built["first_name"], built["last_name"]) == ("Ana", "Ana")


# --- through the house ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def dlocal_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    running = Sandbox("dlocal", tmp_path_factory.mktemp("dlocal"), "--retry-base", "0.05")
    yield running
    running.close()


@pytest.fixture
def side(live_tenant: Any, portal_port: int, dlocal_server: Sandbox) -> DLocalSide:
    return DLocalSide(dlocal_server, receiver=None)  # the portal itself receives


def started(side: DLocalSide, method: str, amount: Money) -> Deposit:
    account = side.connect()
    make_rule(account, method, amount.currency, maximum_minor=amount.minor * 10)
    client = make_client(country="MX", currency=amount.currency, language="es")
    deposit = deposit_start(
        actor=client_actor(client), client=client, amount=amount, offer_key=f"{account.pk}:{method}"
    )
    return deposit_open(deposit_id=deposit.pk)


def heard(count: int, word: bytes) -> None:
    until(lambda: len([one for one in InboxMessage.objects.all() if word in bytes(one.body)]) >= count)


def test_pesos_at_the_till_reach_the_wallet_once(side: DLocalSide) -> None:
    deposit = started(side, "oxxo", Money(950_050, "MXN"))
    assert deposit.state == DepositState.PENDING
    side.control("PUT", "faults", {"deliver_twice": True})
    page = httpx.URL(deposit.payment_url).path
    side.server.http.post(page, data={"document": "GOMC850312HDFMRS09"})
    later = side.server.http.post(f"{page}/step", data={"decision": "later"})
    assert later.headers["location"].endswith(f"/{deposit.pk}/")
    side.server.http.post(f"{page}/step", data={"decision": "approve"})
    heard(1, b'"PAID"')
    until(lambda: {one["state"] for one in side.control("GET", "deliveries")["data"]} == {"delivered"})
    assert run_inbox() == 1
    deposit.refresh_from_db()
    assert (deposit.state, deposit.received_minor) == (DepositState.CREDITED, 950_050)
    wallet = wallet_of(deposit.client_id, "MXN")
    assert wallet is not None
    assert wallet.balance == Money(950_050, "MXN")
    assert ledger.broken_invariants() == {}


def test_a_chargeback_leaves_the_wallet_and_a_won_dispute_returns(side: DLocalSide) -> None:
    deposit = started(side, "card", Money(950_050, "MXN"))
    payment = deposit.provider_reference
    side.control("POST", f"payments/{payment}/pay")
    heard(1, b'"PAID"')
    run_inbox()
    side.control("POST", f"payments/{payment}/chargeback")
    heard(1, b'"COMPLETED"')
    run_inbox()
    deposit.refresh_from_db()
    assert deposit.state == DepositState.REVERSED
    wallet = wallet_of(deposit.client_id, "MXN")
    assert wallet is not None
    assert wallet.balance == Money.zero("MXN")
    (dispute,) = side.control("GET", "chargebacks")["data"]
    side.control("POST", f"chargebacks/{dispute['id']}/win")
    heard(1, b'"REVERSAL"')
    run_inbox()
    wallet = wallet_of(deposit.client_id, "MXN")
    assert wallet is not None
    assert wallet.balance == Money(950_050, "MXN")
    assert ledger.broken_invariants() == {}


def test_a_forged_notification_credits_nothing(side: DLocalSide) -> None:
    deposit = started(side, "card", Money(950_050, "MXN"))
    side.control("PUT", "faults", {"tamper_signature": 3})
    side.control("POST", f"payments/{deposit.provider_reference}/pay")
    until(lambda: [one for one in side.control("GET", "deliveries")["data"] if one["attempts"] >= 3])
    until(lambda: {one["state"] for one in side.control("GET", "deliveries")["data"]} == {"delivered"})
    assert InboxMessage.objects.count() == 1
