"""Payme: what of the contract a provider can keep that only asks, every question through the real view, and its sandbox."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from threading import Barrier
from typing import Any

import httpx
import pytest
from django.test import Client as Browser

from kernel import clock
from kernel.errors import Rejected
from kernel.ids import uuid7
from kernel.models import InboxMessage
from kernel.money import Money
from kernel.tenancy import context
from sandbox.tests.support import Receiver, Sandbox, until
from tenant_apps.ledger import selectors as ledger
from tenant_apps.payments.adapters.payme import PaymeProvider
from tenant_apps.payments.adapters.payme.provider import from_wire, to_wire
from tenant_apps.payments.errors import AmountNotPayable
from tenant_apps.payments.models import Deposit, DepositState, ProviderAccount, ProviderNote
from tenant_apps.payments.ports import Conversing, DepositOrder, PaymentProvider, ProviderConfig, SignatureInvalid
from tenant_apps.payments.services.deposits import deposit_ask
from tenant_apps.payments.services.providers import provider_of
from tenant_apps.wallets.selectors import wallet_of

from .contract import PAYER, ProviderContract
from .payme_side import PaymeSide
from .support import SYSTEM

TX, OTHER = "5305e3bab097f420a62ced0b", "5305e3bab097f420a62ced0c"
AMOUNT = 15_000_000  # tiyin: 150 000.00 sum
HALF_DAY = timedelta(hours=12)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    running = Sandbox("payme", tmp_path_factory.mktemp("payme"), "--retry-base", "0.05")
    yield running
    running.close()


@pytest.fixture
def side(tenant: Any) -> PaymeSide:
    return PaymeSide()


@pytest.fixture
def at(settings: Any) -> Any:
    """`with at(moment):` the clock shows it."""
    settings.DEMO = True
    return clock.frozen_at


def milliseconds(moment: datetime | None = None) -> int:
    return int((moment or clock.now()).timestamp() * 1000)


def account(deposit: Deposit) -> dict[str, str]:
    return {"order_id": deposit.reference}


def create(side: PaymeSide, deposit: Deposit, number: str = TX, amount: int = AMOUNT) -> Any:
    return side.say("CreateTransaction", id=number, time=milliseconds(), amount=amount, account=account(deposit))


def balance(deposit: Deposit) -> Money | None:
    wallet = wallet_of(deposit.client_id, "UZS")
    return wallet.balance if wallet else None


# --- the contract, as far as it goes --------------------------------------------------------------------------------------


class TestPayme(ProviderContract):
    amount = Money(AMOUNT, "UZS")
    method = "payme"
    looks_for_refunds = False

    @pytest.fixture
    def side(self, tenant: Any) -> Iterator[PaymeSide]:
        made: Any = PaymeSide()
        made.receiver = Receiver()
        yield made
        made.receiver.close()

    def test_a_new_payment_is_open_and_has_a_page(self, side: Any, provider: PaymentProvider) -> None:
        assert provider.create_deposit(self.order(side)).url.startswith("https://test.paycom.uz/")
        assert provider.create_deposit(self.order(side)).provider_reference == ""

    def test_paid_is_told_and_found(self, side: Any, provider: PaymentProvider) -> None:
        """It is told in a conversation: below. It cannot be asked."""
        assert isinstance(provider, Conversing)
        assert not type(provider).capabilities.asks
        assert not type(provider).capabilities.refunds

    def test_a_changed_body_or_key_is_refused(self, side: Any, provider: PaymentProvider) -> None:
        for body in (b"", b"{}", b'{"method":"PerformTransaction"}'):
            with pytest.raises(SignatureInvalid):
                provider.verify_webhook(body, {})

    def test_refunds_add_up_and_can_be_found(self, side: Any, provider: PaymentProvider) -> None:
        with pytest.raises(Rejected):
            provider.refund(operation_id=uuid7(), payment_reference=TX, amount=self.amount, reason="W1")
        assert provider.find_refund(uuid7(), payment_reference=TX) is None


# --- units and the link ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("minor", "tiyin"), [(1, 1), (100, 100), (AMOUNT, AMOUNT), (99_999_999_999, 99_999_999_999)])
def test_units(minor: int, tiyin: int) -> None:
    """A sum has a hundred tiyin, and our minor unit of UZS is the tiyin: developer.help.paycom.uz, "amount"."""
    assert to_wire(Money(minor, "UZS")) == tiyin
    assert from_wire(tiyin) == Money(minor, "UZS")


def test_steps() -> None:
    provider = PaymeProvider(config())
    assert [provider.amount_step(code) for code in ("UZS", "USD", "JPY", "KWD")] == [1, 0, 0, 0]
    for currency in ("USD", "JPY", "KWD"):
        with pytest.raises(AmountNotPayable):
            to_wire(Money(100, currency))


def config(**settings: str) -> ProviderConfig:
    return ProviderConfig(account_id=uuid7(), mode="live", settings=settings, secrets={})


def test_the_published_link() -> None:
    """developer.help.paycom.uz: m, ac.order_id and a of its example; language and return address are added."""
    order = DepositOrder(
        deposit_id=uuid7(), reference="197", amount=Money(500, "UZS"), method="payme", language="de",
        description="", payer=PAYER, return_url="https://x.example/back", cancel_url="", webhook_url="",
    )  # fmt: skip
    provider = PaymeProvider(config(merchant_id="587f72c72cac0d162c722ae2"))
    host, _, link = provider.create_deposit(order).url.rpartition("/")
    assert host == "https://checkout.paycom.uz"
    assert base64.b64decode(link) == b"m=587f72c72cac0d162c722ae2;ac.order_id=197;a=500;l=ru;c=https://x.example/back"
    assert link.startswith("bT01ODdmNzJjNzJjYWMwZDE2MmM3MjJhZTI7YWMub3JkZXJfaWQ9MTk3O2E9NTAw")
    uzbek = provider.create_deposit(replace(order, language="uz")).url.rpartition("/")[2]
    assert b";l=uz;" in base64.b64decode(uzbek)


# --- the conversation -----------------------------------------------------------------------------------------------------


def test_a_payment_from_question_to_credit(side: PaymeSide) -> None:
    deposit = side.started()
    assert side.say("CheckPerformTransaction", amount=AMOUNT, account=account(deposit)) == {"allow": True}
    created = create(side, deposit)
    assert created["state"] == 1
    assert balance(deposit) is None
    performed = side.say("PerformTransaction", id=TX)
    assert (performed["state"], performed["transaction"]) == (2, created["transaction"])
    deposit.refresh_from_db()
    assert (deposit.state, deposit.received_minor, deposit.payment_reference, deposit.provider_reference) == (
        DepositState.CREDITED, AMOUNT, TX, TX
    )  # fmt: skip
    assert balance(deposit) == Money(AMOUNT, "UZS")
    kept = InboxMessage.objects.get()
    assert (json.loads(bytes(kept.body))["method"], kept.outcome, kept.headers) == (
        "PerformTransaction", "credited", {}
    )  # fmt: skip


def test_repeated_calls_get_the_same_answer_and_have_one_effect(side: PaymeSide) -> None:
    deposit = side.started()
    moment = milliseconds()
    for method, params in (
        ("CreateTransaction", {"time": moment, "amount": AMOUNT, "account": account(deposit)}),
        ("PerformTransaction", {}),
        ("CheckTransaction", {}),
        ("CancelTransaction", {"reason": 5}),
        ("CheckTransaction", {}),
    ):
        first = side.say(method, id=TX, **params)
        assert isinstance(first, dict), first
        assert [side.say(method, id=TX, **params) for _ in range(2)] == [first, first]
    assert balance(deposit) == Money(0, "UZS")
    assert ledger.broken_invariants() == {}


def test_what_was_created_once_must_not_change(side: PaymeSide) -> None:
    deposit = side.started()
    create(side, deposit)
    assert create(side, deposit, amount=AMOUNT + 1) == -31008


def test_the_wrong_amount_order_and_state(side: PaymeSide) -> None:
    deposit = side.started()
    for method, more in (("CheckPerformTransaction", {}), ("CreateTransaction", {"id": TX, "time": milliseconds()})):
        assert side.say(method, amount=AMOUNT - 1, account=account(deposit), **more) == -31001
        assert side.say(method, amount=AMOUNT // 100, account=account(deposit), **more) == -31001
        for order in ({"order_id": "D0"}, {"order_id": ""}, {"order_id": 7}, {"other": deposit.reference}, {}):
            assert side.say(method, amount=AMOUNT, account=order, **more) == -31050
    Deposit.objects.update(state=DepositState.EXPIRED)
    assert side.say("CheckPerformTransaction", amount=AMOUNT, account=account(deposit)) == -31051
    assert create(side, deposit) == -31051
    assert ProviderNote.objects.count() == 0


def test_the_order_of_another_account_is_unknown(side: PaymeSide) -> None:
    deposit = side.started()
    create(side, deposit)
    other = PaymeSide()
    other.connect()
    assert other.say("CheckPerformTransaction", amount=AMOUNT, account=account(deposit)) == -31050
    assert other.say("PerformTransaction", id=TX) == -31003
    assert side.say("PerformTransaction", key=other.key + "x", id=TX) == -32504
    assert balance(deposit) is None


def test_an_order_is_paid_by_one_transaction_at_a_time(side: PaymeSide) -> None:
    deposit = side.started()
    create(side, deposit)
    assert create(side, deposit, OTHER) == -31052
    assert side.say("CheckPerformTransaction", amount=AMOUNT, account=account(deposit)) == -31052
    cancelled = side.say("CancelTransaction", id=TX, reason=3)
    assert cancelled["state"] == -1
    deposit.refresh_from_db()
    assert (deposit.state, deposit.failure) == (DepositState.PENDING, "cancelled")
    assert create(side, deposit, OTHER)["state"] == 1
    assert side.say("PerformTransaction", id=TX) == -31008
    assert create(side, deposit, TX) == -31008
    assert side.say("PerformTransaction", id=OTHER)["state"] == 2
    assert create(side, deposit, "5305e3bab097f420a62ced0d") == -31051
    assert balance(deposit) == Money(AMOUNT, "UZS")


def test_out_of_order(side: PaymeSide) -> None:
    deposit = side.started()
    for method, more in (("PerformTransaction", {}), ("CancelTransaction", {"reason": 1}), ("CheckTransaction", {})):
        assert side.say(method, id=TX, **more) == -31003
    create(side, deposit)
    side.say("CancelTransaction", id=TX, reason=2)
    assert side.say("PerformTransaction", id=TX) == -31008
    told = side.say("CheckTransaction", id=TX)
    assert (told["state"], told["reason"], told["perform_time"]) == (-1, 2, 0)
    assert balance(deposit) is None


def test_cancelled_after_it_was_performed_takes_the_money_back_once(side: PaymeSide) -> None:
    deposit = side.started()
    create(side, deposit)
    side.say("PerformTransaction", id=TX)
    cancelled = side.say("CancelTransaction", id=TX, reason=5)
    assert cancelled["state"] == -2
    assert side.say("CancelTransaction", id=TX, reason=3) == cancelled
    deposit.refresh_from_db()
    assert (deposit.state, deposit.reversed_minor, deposit.failure) == (DepositState.REVERSED, AMOUNT, "voided")
    assert balance(deposit) == Money(0, "UZS")
    assert side.say("PerformTransaction", id=TX) == -31008
    assert create(side, deposit, OTHER) == -31051
    told = side.say("CheckTransaction", id=TX)
    assert (told["state"], told["reason"], told["cancel_time"]) == (-2, 5, cancelled["cancel_time"])
    assert ledger.broken_invariants() == {}


@pytest.mark.parametrize(("late", "state"), [(HALF_DAY - timedelta(milliseconds=1), 2), (HALF_DAY, -1)])
def test_after_twelve_hours_it_cannot_be_performed(side: PaymeSide, at: Any, late: timedelta, state: int) -> None:
    deposit = side.started()
    began = clock.now().replace(microsecond=0)
    with at(began):
        create(side, deposit)
    with at(began + late):
        performed = side.say("PerformTransaction", id=TX)
        told = side.say("CheckTransaction", id=TX)
    assert performed == -31008 if state == -1 else performed["state"] == 2
    assert (told["state"], told["reason"]) == (state, 4 if state == -1 else None)
    assert balance(deposit) == (Money(AMOUNT, "UZS") if state == 2 else None)


def test_a_transaction_that_timed_out_makes_room_for_another(side: PaymeSide, at: Any) -> None:
    deposit = side.started()
    began = clock.now()
    with at(began):
        create(side, deposit)
    with at(began + HALF_DAY):
        assert side.say("CheckPerformTransaction", amount=AMOUNT, account=account(deposit)) == {"allow": True}
        assert create(side, deposit, OTHER)["state"] == 1
        told = side.say("CheckTransaction", id=TX)
        assert (told["state"], told["reason"]) == (-1, 4)
        assert side.say(
            "CreateTransaction", id=TX, time=milliseconds(began), amount=AMOUNT, account=account(deposit)
        ) == (-31008)
        assert side.say("PerformTransaction", id=OTHER)["state"] == 2


def test_a_transaction_older_than_that_is_not_begun(side: PaymeSide) -> None:
    deposit = side.started()
    old = milliseconds(clock.now() - HALF_DAY)
    assert side.say("CreateTransaction", id=TX, time=old, amount=AMOUNT, account=account(deposit)) == -31008
    assert ProviderNote.objects.count() == 0


def test_what_was_created_is_credited_although_we_had_given_it_up(side: PaymeSide) -> None:
    deposit = side.started()
    create(side, deposit)
    Deposit.objects.update(created_at=clock.now() - timedelta(hours=25))
    assert deposit_ask(deposit_id=deposit.pk, actor=SYSTEM) == "expired"
    assert side.say("PerformTransaction", id=TX)["state"] == 2
    deposit.refresh_from_db()
    assert (deposit.state, deposit.attention) == (DepositState.CREDITED, "late")


def test_the_statement(side: PaymeSide, at: Any) -> None:
    began = clock.now().replace(microsecond=0) - timedelta(days=3)
    numbers = [f"{number:024x}" for number in range(3)]
    deposits = [side.started() for _ in numbers]
    for index, (number, deposit) in enumerate(zip(numbers, deposits, strict=True)):
        with at(began + timedelta(hours=index)):
            create(side, deposit, number)
    side.say("CancelTransaction", id=numbers[1], reason=3)
    start = milliseconds(began)
    hour = 3_600_000
    told = side.say("GetStatement", **{"from": start, "to": start + 2 * hour})["transactions"]
    assert [item["id"] for item in told] == numbers
    assert [item["state"] for item in told] == [1, -1, 1]
    assert set(told[0]) == {
        "id", "time", "amount", "account", "create_time", "perform_time", "cancel_time", "transaction", "state", "reason"
    }  # fmt: skip
    assert (told[0]["amount"], told[0]["account"]) == (AMOUNT, account(deposits[0]))
    inner = side.say("GetStatement", **{"from": start + 1, "to": start + 2 * hour - 1})["transactions"]
    assert [item["id"] for item in inner] == [numbers[1]]
    assert side.say("GetStatement", **{"from": 0, "to": 1}) == {"transactions": []}
    assert side.say("GetStatement", **{"from": 2, "to": 1}) == -32600
    assert side.say("GetStatement", **{"from": 0, "to": 10**18}) == -32600


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", -32700),
        (b"{", -32700),
        (b"\xff", -32700),
        (b"[]", -32600),
        (b'{"id":1}', -32600),
        (b'{"id":1,"method":"CheckTransaction","params":[]}', -32600),
        (b'{"id":1,"method":"CheckTransaction","params":{}}', -32600),
        (b'{"id":1,"method":"CheckTransaction","params":{"id":5}}', -32600),
        (b'{"id":1,"method":"CancelTransaction","params":{"id":"x","reason":"5"}}', -32600),
        (b'{"id":1,"method":"CheckPerformTransaction","params":{"amount":"1","account":{}}}', -32600),
        (b'{"id":1,"method":"CheckPerformTransaction","params":{"amount":true,"account":{}}}', -32600),
        (b'{"id":1,"method":"ChangePassword","params":{"password":"x"}}', -32601),
    ],
)
def test_calls_of_no_form(side: PaymeSide, body: bytes, code: int) -> None:
    side.connect()
    answer = side.post(body)
    assert answer["error"]["code"] == code
    assert set(answer["error"]["message"]) == {"ru", "uz", "en"}


@pytest.mark.parametrize(
    "login", ["", "Basic", "Basic !", "Bearer x", "Basic " + base64.b64encode(b"Paycom:").decode()]
)
def test_whoever_is_not_payme_learns_and_changes_nothing(side: PaymeSide, login: str) -> None:
    deposit = side.started()
    call = {"id": 3, "method": "CreateTransaction", "params": {"id": TX, "time": milliseconds(), "amount": AMOUNT,
                                                               "account": account(deposit)}}  # fmt: skip
    answer = Browser().post(
        f"/webhooks/{deposit.provider_account_id}/", data=json.dumps(call), content_type="application/json",
        headers={"host": f"{context.tenant().slug}.localhost", "authorization": login},
    )  # fmt: skip
    assert (answer.status_code, answer.json()["id"], answer.json()["error"]["code"]) == (200, 3, -32504)
    assert (ProviderNote.objects.count(), InboxMessage.objects.count()) == (0, 0)


def test_an_account_without_a_key_lets_nobody_in(side: PaymeSide) -> None:
    from .support import make_account

    side.account = make_account("payme", settings={"merchant_id": side.merchant})
    assert side.say("CheckTransaction", key="", id=TX) == -32504


def test_the_connection_test_says_what_to_enter(side: PaymeSide) -> None:
    account_row: ProviderAccount = side.connect()
    report = provider_of(account_row).test_connection()
    assert report.good
    assert f"/webhooks/{account_row.pk}/" in report.details[0]
    account_row.settings = {**account_row.settings, "merchant_id": "42"}
    assert not provider_of(account_row).test_connection().good


# --- with Payme's sandbox calling -------------------------------------------------------------------------------------------


@contextmanager
def browser(side: PaymeSide) -> Iterator[httpx.Client]:
    assert side.server is not None
    with httpx.Client(base_url=side.server.url, trust_env=False, timeout=30) as made:
        yield made


def test_the_payer_pays_and_payme_asks_all_there_is(live_tenant: Any, portal_port: int, server: Sandbox) -> None:
    side = PaymeSide(server)
    deposit = side.started()
    side.control("PUT", "faults", {"deliver_twice": True, "api_reset_after_commit": 1})
    link = httpx.URL(deposit.payment_url).path
    with browser(side) as payer:
        assert "150\xa0000,00 so‘m" in payer.get(link).text
        paid = payer.post(link, data={"number": "8600000000000000", "expiry": "12/49"})
    assert paid.status_code == 303
    (transaction,) = until(
        lambda: [one for one in side.control("GET", "transactions")["data"] if one["step"] == "performed"]
    )
    deposit.refresh_from_db()
    assert (deposit.state, deposit.payment_reference) == (DepositState.CREDITED, transaction["id"])
    with browser(side) as payer:
        again = payer.post(link, data={"number": "8600000000000000", "expiry": "12/49"})
    assert again.status_code == 422
    assert "-31051" in again.text
    told = side.control("POST", f"transactions/{transaction['id']}/repeat", {"method": "CheckTransaction"})
    assert told["result"]["state"] == 2
    side.control("PUT", "faults", {})
    ended = side.control("POST", f"transactions/{transaction['id']}/cancel", {"reason": 5})
    assert ended["state"] == -2
    deposit.refresh_from_db()
    assert deposit.state == DepositState.REVERSED
    now = milliseconds()
    period = {"from": now - 3_600_000, "to": now + 3_600_000}
    told = side.control("POST", "call", {"method": "GetStatement", "params": period})
    assert [item["state"] for item in told["result"]["transactions"]] == [-2]
    problems = {call["problem"] for call in side.control("GET", "calls")["data"]}
    assert problems == {"", "the answer was lost on purpose"}


def at_once(portal_port: int, side: PaymeSide, calls: list[dict[str, Any]]) -> list[Any]:
    """All calls at the same moment, over sockets: results, or codes of errors."""
    assert side.account is not None
    url = f"http://127.0.0.1:{portal_port}/webhooks/{side.account.pk}/"
    start = Barrier(len(calls))

    def say(call: dict[str, Any]) -> Any:
        with httpx.Client(trust_env=False, timeout=60, auth=("Paycom", side.key)) as payme:
            start.wait(30)
            answer = payme.post(url, json={"id": 1, **call}).json()
        return answer["result"] if "result" in answer else answer["error"]["code"]

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(say, calls))


def test_calls_at_the_same_moment_wait_for_each_other(live_tenant: Any, portal_port: int) -> None:
    side = PaymeSide()
    deposit = side.started()
    order = {"time": milliseconds(), "amount": AMOUNT, "account": account(deposit)}
    ids = [f"{number:024x}" for number in range(5)]
    created = at_once(
        portal_port, side, [{"method": "CreateTransaction", "params": {"id": one, **order}} for one in ids]
    )
    assert sorted(answer for answer in created if answer == -31052) == [-31052] * 4
    (mine,) = (one for one, answer in zip(ids, created, strict=True) if answer != -31052)
    performed = at_once(portal_port, side, [{"method": "PerformTransaction", "params": {"id": mine}}] * 5)
    assert performed == [performed[0]] * 5
    assert performed[0]["state"] == 2
    cancelled = at_once(portal_port, side, [{"method": "CancelTransaction", "params": {"id": mine, "reason": 5}}] * 5)
    assert cancelled == [cancelled[0]] * 5
    assert balance(deposit) == Money(0, "UZS")
    assert ledger.broken_invariants() == {}


def test_with_a_wrong_key_payme_gets_nowhere(live_tenant: Any, portal_port: int, server: Sandbox) -> None:
    side = PaymeSide(server)
    deposit = side.started()
    side.control("PUT", "faults", {"tamper_signature": 1})
    link = httpx.URL(deposit.payment_url).path
    with browser(side) as payer:
        refused = payer.post(link, data={"number": "8600000000000000", "expiry": "12/49"})
    assert (refused.status_code, "-32504" in refused.text) == (422, True)
    assert ProviderNote.objects.count() == 0
