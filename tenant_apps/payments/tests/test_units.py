"""Amount units per provider and currency, and published signature vectors: a mistake here is a factor of a hundred."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any

import httpx
import pytest

from kernel import http
from kernel.errors import OutcomeUnknown, Unavailable
from kernel.ids import uuid7
from kernel.money import Money
from sandbox.tests.support import Receiver
from tenant_apps.payments.adapters.paytabs.provider import PayTabsProvider
from tenant_apps.payments.adapters.paytabs.provider import from_wire as paytabs_from
from tenant_apps.payments.adapters.paytabs.provider import to_wire as paytabs_to
from tenant_apps.payments.adapters.stripe import units
from tenant_apps.payments.adapters.stripe.provider import StripeProvider
from tenant_apps.payments.errors import AmountNotPayable
from tenant_apps.payments.ports import EventKind, NormalizedEvent, PaymentState, ProviderConfig, SignatureInvalid
from tenant_apps.payments.services.checks import same_name

# our minor units, currency, Stripe's units, PayTabs' text
TABLE = [
    (50_000, "EUR", 50_000, "500.00"),
    (1, "USD", 1, "0.01"),
    (1_000, "JPY", 1_000, "1000"),
    (1_000, "KRW", 1_000, "1000"),
    (1_500, "KWD", 1_500, "1.500"),
    (10, "BHD", 10, "0.010"),
    (12_340, "OMR", 12_340, "12.340"),
    (500, "ISK", 50_000, "500"),  # no decimals, but sent times 100
    (7, "UGX", 700, "7"),
    (367_250, "AED", 367_250, "3672.50"),
    (1_000_000, "KZT", 1_000_000, "10000.00"),
    (99, "HUF", 99, "0.99"),
]


@pytest.mark.parametrize(("minor", "currency", "stripe_units", "paytabs_text"), TABLE)
def test_units(minor: int, currency: str, stripe_units: int, paytabs_text: str) -> None:
    amount = Money(minor, currency)
    assert units.to_wire(amount) == stripe_units
    assert units.from_wire(stripe_units, currency.lower()) == amount
    assert paytabs_to(amount) == paytabs_text
    assert paytabs_from(paytabs_text, currency) == amount


@pytest.mark.parametrize(("minor", "currency"), [(1_505, "KWD"), (1, "BHD"), (1, "IQD"), (1, "BTC"), (1, "USDT")])
def test_stripe_refuses_what_it_cannot_say(minor: int, currency: str) -> None:
    with pytest.raises(units.NotExpressible):
        units.to_wire(Money(minor, currency))


def test_stripe_steps() -> None:
    assert [units.step(code) for code in ("EUR", "JPY", "ISK", "KWD", "IQD")] == [1, 1, 1, 10, 0]


def test_paytabs_never_rounds_what_was_paid() -> None:
    with pytest.raises(ValueError, match="decimals"):
        paytabs_from("10.001", "AED")


@pytest.mark.parametrize("text", ["Infinity", "NaN", "-Infinity"])
def test_paytabs_takes_no_amount_that_is_none(text: str) -> None:
    with pytest.raises(ValueError, match="no amount"):
        paytabs_from(text, "AED")


def config(**secrets: str) -> ProviderConfig:
    return ProviderConfig(account_id=uuid7(), mode="test", settings={}, secrets=secrets)


def test_paytabs_signature_is_hmac_sha256_of_the_raw_body() -> None:
    body = json.dumps({"tran_ref": "TST1", "cart_id": "x", "cart_currency": "AED", "cart_amount": "10.00",
                       "tran_type": "Sale", "payment_result": {"response_status": "A"}}).encode()  # fmt: skip
    signature = hmac.new(b"SKJN-KEY", body, hashlib.sha256).hexdigest()
    provider = PayTabsProvider(config(server_key="SKJN-KEY"))
    assert provider.verify_webhook(body, {"signature": signature})[0].event_key == "TST1:sale:A"
    for headers in ({}, {"signature": signature[:-1] + "0"}, {"signature": ""}):
        with pytest.raises(SignatureInvalid):
            provider.verify_webhook(body, headers)
    with pytest.raises(SignatureInvalid):
        PayTabsProvider(config()).verify_webhook(body, {"signature": hmac.new(b"", body, "sha256").hexdigest()})


def test_stripes_news_of_a_currency_we_do_not_carry_is_put_aside() -> None:
    """Refused, Stripe would repeat it for days and then switch the endpoint off for all payments."""
    session = {"id": "cs_1", "amount_total": 5_000_000, "currency": "lak", "payment_status": "paid"}
    body = {"id": "evt_1", "type": "checkout.session.completed", "data": {"object": session}}
    told = StripeProvider(config()).read_webhook(json.dumps(body).encode())
    assert [(event.event_key, event.kind) for event in told] == [("evt_1", EventKind.OTHER)]


@pytest.mark.parametrize("first", [OutcomeUnknown(), httpx.Response(503, text="{}")])
def test_a_write_that_may_have_arrived_once_stays_unknown(monkeypatch: pytest.MonkeyPatch, first: Any) -> None:
    """The library repeats by itself; that the last attempt found the door closed says nothing of the first."""
    answers = iter([first, Unavailable(), Unavailable()])

    def request(*_: Any, **__: Any) -> Any:
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(http, "request", request)
    with pytest.raises(OutcomeUnknown):
        StripeProvider(config(secret_key="sk_test_x")).refund(
            operation_id=uuid7(), payment_reference="pi_1", amount=Money(100, "EUR"), reason="W1"
        )


def test_what_stripe_cannot_be_asked_for_is_no_refund() -> None:
    """The last digit of a dinar's three is a zero there: a command would otherwise try for ever."""
    with pytest.raises(AmountNotPayable):
        StripeProvider(config(secret_key="sk_test_x")).refund(
            operation_id=uuid7(), payment_reference="pi_1", amount=Money(1_505, "KWD"), reason="W1"
        )


@pytest.mark.parametrize(
    ("status", "safe", "lost"), [(500, False, 1), (503, False, 1), (500, True, 0), (404, False, 0), (200, False, 0)]
)
def test_a_write_that_a_server_failed_at_may_have_been_carried_out(status: int, safe: bool, lost: int) -> None:
    receiver = Receiver()
    receiver.answers = [status]
    try:
        with http.lost_writes() as found:
            http.request("POST", receiver.url, safe_to_repeat=safe)
    finally:
        receiver.close()
    assert len(found) == lost


def paytabs_news(kind: str, status: str, **values: str) -> NormalizedEvent:
    body = {"tran_ref": "TST2", "cart_id": str(uuid7()), "cart_currency": "AED", "cart_amount": "10.00",
            "tran_type": kind, "payment_result": {"response_status": status}, **values}  # fmt: skip
    return PayTabsProvider(config()).read_webhook(json.dumps(body).encode())[0]


@pytest.mark.parametrize(
    ("kind", "status", "state", "failure"),
    [
        ("Sale", "A", PaymentState.PAID, ""),
        ("Auth", "A", PaymentState.AUTHORISED, ""),
        ("Capture", "A", PaymentState.PAID, ""),
        ("Sale", "V", PaymentState.FAILED, "voided"),
        ("Void", "A", PaymentState.FAILED, "voided"),
        ("Release", "A", PaymentState.FAILED, "voided"),
        ("Void", "E", PaymentState.OPEN, ""),
    ],
)
def test_an_approved_void_is_no_payment(kind: str, status: str, state: PaymentState, failure: str) -> None:
    told = paytabs_news(kind, status).deposit
    assert told is not None
    assert (told.state, told.failure) == (state, failure)


def test_paytabs_says_which_payment_a_refund_gives_back() -> None:
    told = paytabs_news("Refund", "A", previous_tran_ref="TST1").refund
    assert told is not None
    assert (told.reference, told.payment_reference) == ("TST2", "TST1")


def test_stripe_takes_any_of_several_signatures_while_a_secret_is_rolled() -> None:
    import time

    body = json.dumps({"id": "evt_1", "type": "x.y", "object": "event", "data": {"object": {}}})
    now = int(time.time())
    good = hmac.new(b"whsec_new", f"{now}.{body}".encode(), hashlib.sha256).hexdigest()
    provider = StripeProvider(config(webhook_secret="whsec_new"))
    header = f"t={now},v1={'0' * 64},v1={good}"
    assert provider.verify_webhook(body.encode(), {"stripe-signature": header})[0].event_key == "evt_1"
    old = now - 301
    stale = hmac.new(b"whsec_new", f"{old}.{body}".encode(), hashlib.sha256).hexdigest()
    with pytest.raises(SignatureInvalid):
        provider.verify_webhook(body.encode(), {"stripe-signature": f"t={old},v1={stale}"})


@pytest.mark.parametrize(
    ("client", "bank", "same"),
    [
        ("Тимур Садыков", "TIMUR SADYKOV", True),
        ("Юлия Жукова", "ZHUKOVA YULIYA", True),
        ("Мария Щербакова", "Mariia Shcherbakova", True),
        ("Айгүл Қасымова", "KASSYMOVA, AIGUL", True),
        ("Артём Соколов", "SOKOLOV ARTYOM", True),
        ("Jürgen Müller-Lüders", "MUELLER LUEDERS JUERGEN", True),
        ("Søren Łukasz", "SOREN LUKASZ", True),
        ("Pat O’Brien", "OBRIEN PAT", True),
        ("سامي الكندي", "الكندي سامي", True),
        ("Тимур Садыков", "TIMUR SADYROV", False),
        ("Иван Петров", "ANNA PETROVA", False),
        ("Тимур Садыков", "", False),
        ("Тимур Садыков", "...", False),
    ],
)
def test_a_bank_writes_names_in_its_own_letters(client: str, bank: str, same: bool) -> None:
    assert same_name(client, bank) is same
