"""Praxis calling us, through the real view: validations, notifications, and what a stranger gets."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from django.test import Client as Browser

from kernel.models import InboxMessage
from sandbox.tests.support import Receiver, Sandbox
from tenant_apps.payments.models import Deposit, DepositState, ProviderAccount
from tenant_apps.payments.services.deposits import deposit_ask, deposit_open, deposit_start
from tenant_apps.payments.tasks import deposits_to_ask
from tenant_apps.wallets.selectors import wallet_of

from .praxis_side import SECRET, PraxisSide, digest
from .support import SYSTEM, client_actor, eur, make_client, make_rule, run_inbox, until


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


@pytest.fixture
def side(tenant: Any, praxis_server: Sandbox, receiver: Receiver) -> PraxisSide:
    return PraxisSide(praxis_server, receiver)


def started(side: PraxisSide, language: str = "en") -> Deposit:
    account = side.connect()
    make_rule(account, "card")
    client = make_client()
    deposit = deposit_start(
        actor=client_actor(client), client=client, amount=eur("500"), offer_key=f"{account.pk}:card", language=language
    )
    return deposit_open(deposit_id=deposit.pk)


def question(side: PraxisSide, deposit: Deposit, **changes: Any) -> dict[str, Any]:
    attempt = {"intent": "payment", "currency": "EUR", "amount": 50_000, "conversion_rate": "1.000000",
               "attempted_currency": "USD", "attempted_amount": 55_000, "payment_method": "Credit Card"}  # fmt: skip
    return {
        "merchant_id": side.merchant, "application_key": "nordwind.example", "timestamp": int(time.time()),
        "customer": {"customer_token": "c0ffee"},
        "session": {"order_id": str(deposit.pk), "variable2": deposit.language},
        "transaction_attempt": {**attempt, **changes.pop("attempt", {})}, "version": "1.3", **changes,
    }  # fmt: skip


def signed(message: dict[str, Any], secret: str = SECRET) -> str:
    attempt = message["transaction_attempt"]
    return digest(
        message["merchant_id"], message["application_key"], message["timestamp"], message["customer"]["customer_token"],
        message["session"]["order_id"], attempt["currency"], attempt["amount"], attempt["conversion_rate"],
        attempt["attempted_currency"], attempt["attempted_amount"], secret=secret,
    )  # fmt: skip


def post(
    tenant: Any, account: ProviderAccount, body: bytes, signature: str, query: str = "?ask=validation"
) -> tuple[int, dict[str, Any], Any]:
    answer = Browser().post(
        f"/webhooks/{account.pk}/{query}", data=body, content_type="application/json",
        headers={"Host": f"{tenant.slug}.localhost", "Gt-Authentication": signature},
    )  # fmt: skip
    return answer.status_code, json.loads(answer.content), answer.headers


def ask(tenant: Any, side: PraxisSide, deposit: Deposit, **changes: Any) -> tuple[int, str]:
    message = question(side, deposit, **changes)
    _, answer, headers = post(tenant, deposit.provider_account, json.dumps(message).encode(), signed(message))
    assert headers["GT-Authentication"] == digest(answer["status"], answer["timestamp"])
    return answer["status"], answer["description"]


def test_an_open_deposit_may_be_paid_however_often_it_is_asked(tenant: Any, side: PraxisSide) -> None:
    deposit = started(side)
    assert [ask(tenant, side, deposit) for _ in range(2)] == [(0, "Ok"), (0, "Ok")]
    deposit.refresh_from_db()
    assert deposit.state == DepositState.PENDING
    assert InboxMessage.objects.count() == 0


@pytest.mark.parametrize(
    "attempt",
    [{"amount": 50_001}, {"currency": "USD"}, {"currency": "ISK"}, {"amount": None}, {"amount": "5e4x"},
     {"intent": "withdrawal"}],
)  # fmt: skip
def test_another_amount_is_refused(tenant: Any, side: PraxisSide, attempt: dict[str, Any]) -> None:
    deposit = started(side)
    assert ask(tenant, side, deposit, attempt=attempt) == (1, "The amount is not the one of your deposit.")


@pytest.mark.parametrize("state", [DepositState.CREDITED, DepositState.FAILED, DepositState.EXPIRED])
def test_after_the_deposit_was_closed_nothing_is_taken(tenant: Any, side: PraxisSide, state: DepositState) -> None:
    deposit = started(side)
    Deposit.objects.update(state=state)
    assert ask(tenant, side, deposit) == (1, "This deposit is closed. Begin a new one.")


def test_another_accounts_deposit_is_not_known(
    tenant: Any, side: PraxisSide, praxis_server: Sandbox, receiver: Receiver
) -> None:
    other = started(PraxisSide(praxis_server, receiver))
    deposit = started(side)
    message = question(side, deposit)
    message["session"]["order_id"] = str(other.pk)
    _, answer, _ = post(tenant, deposit.provider_account, json.dumps(message).encode(), signed(message))
    assert (answer["status"], answer["description"]) == (1, "This deposit is not known here.")


def test_who_is_not_praxis_learns_nothing(tenant: Any, side: PraxisSide) -> None:
    deposit = started(side)
    message = question(side, deposit)
    body = json.dumps(message).encode()
    foreign = question(side, deposit, application_key="other.example")
    for sent, signature in (
        (body, ""),
        (body, signed(message, "guess")),
        (body.replace(b"50000", b"50001"), signed(message)),
        (b"not json", signed(message)),
        (b"[]", signed(message)),
        (json.dumps(foreign).encode(), signed(foreign)),
    ):
        status, answer, headers = post(tenant, deposit.provider_account, sent, signature)
        assert (status, answer["status"]) == (403, 1)
        assert "GT-Authentication" not in headers


def test_a_notification_is_stored_once_and_acknowledged_each_time(tenant: Any, side: PraxisSide) -> None:
    deposit = started(side)
    account = deposit.provider_account
    message = {
        "merchant_id": side.merchant, "application_key": "nordwind.example", "conversion_rate": None, "timestamp": 5,
        "customer": {"customer_token": "c0ffee"},
        "session": {"order_id": str(deposit.pk), "session_status": "open", "intent": "payment"},
        "transaction": {"transaction_type": "sale", "transaction_status": "rejected", "tid": 77, "currency": "EUR",
                        "amount": 50_000, "status_details": "Insufficient funds"},
    }  # fmt: skip
    body = json.dumps(message).encode()
    signature = digest(side.merchant, "nordwind.example", 5, "c0ffee", deposit.pk, 77, "EUR", 50_000)
    for _ in range(2):
        status, answer, headers = post(tenant, account, body, signature, query="")
        assert (status, answer["status"]) == (200, 0)
        assert headers["GT-Authentication"] == headers["external-request-signature"] == digest(0, answer["timestamp"])
    status, answer, headers = post(tenant, account, body, "0" * 96, query="")
    assert (status, answer["status"], "GT-Authentication" in headers) == (403, -1, False)
    assert run_inbox() == 1
    deposit.refresh_from_db()
    assert (deposit.state, deposit.failure) == (DepositState.PENDING, "insufficient_funds")


def test_a_forged_status_is_asked_about_before_it_is_credited(tenant: Any, side: PraxisSide) -> None:
    """Praxis does not sign the status: a message that was "pending" and says "approved" moves nothing by itself."""
    deposit = started(side)
    message = {
        "merchant_id": side.merchant, "application_key": "nordwind.example", "timestamp": 5,
        "customer": {"customer_token": "c0ffee"}, "session": {"order_id": str(deposit.pk), "intent": "payment"},
        "transaction": {"transaction_type": "sale", "transaction_status": "approved", "tid": 77, "currency": "EUR",
                        "amount": 50_000},
    }  # fmt: skip
    signature = digest(side.merchant, "nordwind.example", 5, "c0ffee", deposit.pk, 77, "EUR", 50_000)
    assert post(tenant, deposit.provider_account, json.dumps(message).encode(), signature, query="")[0] == 200
    run_inbox()
    assert InboxMessage.objects.get().outcome == "asked"
    assert deposit_ask(deposit_id=deposit.pk, actor=SYSTEM) == "nothing"
    assert wallet_of(deposit.client_id, "EUR") is None


def test_a_chargeback_is_asked_about_until_praxis_answers(tenant: Any, side: PraxisSide) -> None:
    """Neither a forged status nor a lost question moves money: what was heard stays with the deposit until it is answered."""
    deposit = started(side)
    tid = side.control("POST", f"sessions/{deposit.pk}/pay", {"number": "4111111111111111"})["tid"]
    assert deposit_ask(deposit_id=deposit.pk, actor=SYSTEM) == "credited"
    message = {
        "merchant_id": side.merchant, "application_key": "nordwind.example", "timestamp": 5,
        "customer": {"customer_token": "c0ffee"}, "session": {"order_id": str(deposit.pk), "intent": "payment"},
        "transaction": {"transaction_type": "sale", "transaction_status": "chargeback", "tid": tid, "currency": "EUR",
                        "amount": 50_000},
    }  # fmt: skip
    signature = digest(side.merchant, "nordwind.example", 5, "c0ffee", deposit.pk, tid, "EUR", 50_000)
    assert post(tenant, deposit.provider_account, json.dumps(message).encode(), signature, query="")[0] == 200
    assert deposits_to_ask() == []
    run_inbox()
    Deposit.objects.update(asked_at=None)
    assert deposits_to_ask() == [deposit.pk]
    side.control("PUT", "faults", {"api_error_before_commit": 1})
    assert deposit_ask(deposit_id=deposit.pk, actor=SYSTEM) == "no answer"
    assert deposits_to_ask() == []  # not at once again
    Deposit.objects.update(asked_at=None)
    side.settle(tid, "chargeback")
    assert deposit_ask(deposit_id=deposits_to_ask()[0], actor=SYSTEM) == "reversed"
    Deposit.objects.update(asked_at=None)
    assert deposits_to_ask() == []


def test_from_the_page_to_the_wallet(
    live_tenant: Any, portal_port: int, praxis_server: Sandbox, receiver: Receiver
) -> None:
    """Praxis asks us, takes the card and tells us; we ask it and credit."""
    side = PraxisSide(praxis_server, receiver)
    deposit = started(side, "ar")
    page = httpx.URL(deposit.payment_url).path
    card = {"number": "4111 1111 1111 1111", "expiry": "12/49", "cvv": "123", "name": "Lena"}
    assert side.server.http.post(page, data=card).status_code == 303
    until(lambda: InboxMessage.objects.exists())
    run_inbox()
    assert deposit_ask(deposit_id=deposit.pk, actor=SYSTEM) in ("credited", "nothing")
    deposit.refresh_from_db()
    assert (deposit.state, deposit.received_minor, deposit.source) == (DepositState.CREDITED, 50_000, "Visa •••• 1111")
    wallet = wallet_of(deposit.client_id, "EUR")
    assert wallet is not None
    assert wallet.balance == eur("500.00")
