"""Freedom Pay at its sandbox: the contract, its units and signatures, its questions and what it reads of our answers."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest

from kernel import clock, commands, secrets
from kernel.errors import OutcomeUnknown, Rejected, Unavailable
from kernel.ids import uuid7
from kernel.models import Command, InboxMessage
from kernel.money import Money
from sandbox.tests.support import Receiver, Sandbox
from tenant_apps.clients.models import Client
from tenant_apps.payments.adapters.freedompay import FreedomPayProvider, statuses, wire
from tenant_apps.payments.models import Deposit, DepositState, PartState, Withdrawal, WithdrawalState
from tenant_apps.payments.permissions_list import APPROVE, PROPOSE
from tenant_apps.payments.ports import (
    Answering,
    Conversing,
    DepositOrder,
    PaymentProvider,
    PaymentState,
    PayoutOrder,
    ProviderConfig,
    Recognising,
    RefundState,
    SignatureInvalid,
)
from tenant_apps.payments.services.deposits import deposit_ask, deposit_open, deposit_start
from tenant_apps.payments.services.parts import part_ask
from tenant_apps.payments.services.providers import provider_of
from tenant_apps.payments.services.withdrawals import withdrawal_approve, withdrawal_check, withdrawal_request
from tenant_apps.wallets.selectors import wallet_of

from .contract import PayoutContract, ProviderContract
from .freedompay_side import FreedomPaySide
from .support import SYSTEM, client_actor, make_client, make_rule, run_commands, run_inbox, staff, until

HOOK = "https://portal.example/webhooks/0197/"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    running = Sandbox("freedompay", tmp_path_factory.mktemp("freedompay"), "--retry-base", "0.05")
    yield running
    running.close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.close()


def kzt(text: str) -> Money:
    return Money.of(text, "KZT")


# --- the contract -----------------------------------------------------------------------------------------------------


class FreedomPayContract(ProviderContract):
    method = "card"

    @pytest.fixture
    def side(self, tenant: Any, server: Sandbox, receiver: Receiver) -> FreedomPaySide:
        return FreedomPaySide(server, receiver)

    def order(self, side: Any) -> DepositOrder:
        return replace(super().order(side), webhook_url=side.webhook_url)

    def test_a_changed_body_or_key_is_refused(self, side: Any, provider: PaymentProvider) -> None:
        """The signature is in the body: headers say nothing."""
        order = self.order(side)
        side.pay(order, provider.create_deposit(order))
        body, headers = side.delivery_of(order)
        assert provider.verify_webhook(body, {}) == provider.verify_webhook(body, headers)
        for changed in (body.replace(b"5", b"6", 1), body + b" ", body + b"&pg_amount=1", body + b"&x=1", b"", b"{}"):
            with pytest.raises(SignatureInvalid):
                provider.verify_webhook(changed, headers)

    def test_refunds_add_up_and_can_be_found(self, side: Any, provider: PaymentProvider) -> None:
        """They carry no id of ours, but a number of their own, which we keep."""
        assert isinstance(provider, Recognising)
        order = self.order(side)
        redirect = provider.create_deposit(order)
        side.pay(order, redirect)
        paid = provider.fetch_deposit(redirect.provider_reference).payment_reference
        part = Money(self.amount.minor // 50 * 10, self.amount.currency)
        operation = uuid7()
        assert provider.find_refund(operation, payment_reference=paid) is None
        first = provider.refund(operation_id=operation, payment_reference=paid, amount=part, reason="W1")
        assert (first.state, first.amount, first.payment_reference) == (RefundState.SUCCEEDED, part, paid)
        known = {"payment_reference": paid, "amount": part, "others": frozenset[str]()}
        assert provider.recognise_refund(reference=first.reference, **known) == first
        assert provider.recognise_refund(reference="", **known) == first
        again = provider.refund(operation_id=operation, payment_reference=paid, amount=part, reason="W1")
        assert (again.state, again.reference) == (RefundState.PENDING, "")
        assert len(side.items("refund")) == 1
        second = provider.refund(operation_id=uuid7(), payment_reference=paid, amount=part, reason="W2")
        assert second.reference != first.reference
        others = frozenset({second.reference})
        assert provider.recognise_refund(payment_reference=paid, amount=part, reference="", others=others) == first
        both = others | {first.reference}
        assert provider.recognise_refund(payment_reference=paid, amount=part, reference="", others=both) is None
        with pytest.raises(OutcomeUnknown):
            provider.find_refund(uuid7(), payment_reference=paid)
        rest = self.amount - part - part
        provider.refund(operation_id=uuid7(), payment_reference=paid, amount=rest, reason="W3")
        with pytest.raises(Rejected):
            provider.refund(operation_id=uuid7(), payment_reference=paid, amount=part, reason="W4")


class TestFreedomPay(PayoutContract, FreedomPayContract):
    amount = Money(2_500_000, "KZT")
    payout_amount = Money(1_250_050, "KZT")
    payout_method = "freedompay_card"
    destination: dict[str, str] = {}  # noqa: RUF012 (nothing to fill in: the payee names the card on the page)

    def payout_order(self, side: Any, **changes: Any) -> PayoutOrder:
        return super().payout_order(side, **{"webhook_url": side.webhook_url, **changes})

    def test_the_payee_is_sent_to_a_page(self, side: Any, account: Any, receiver: Receiver) -> None:
        payer: Any = provider_of(account)
        order = self.payout_order(side)
        page = payer.payout(order).page_url
        with httpx.Client(trust_env=False) as browser:
            url = page.replace("freedompay.localhost", "127.0.0.1")
            assert browser.post(url, data={"number": "4000000000009995"}).headers["location"] == order.return_url
        found = payer.find_payout(order.operation_id, reference="")
        assert (found.state, found.failure_text) == (RefundState.FAILED, "Недостаточно средств на карте")

    def test_what_is_kept_of_a_payout_is_told(self, side: Any, account: Any) -> None:
        payer: Any = provider_of(account)
        order = self.payout_order(side, amount=kzt("1000.00"))
        payer.payout(order)
        side.finish_payout(order)
        body, headers = side.payout_delivery_of(order)
        (event,) = payer.verify_webhook(body, headers)
        assert (event.operation_id, event.refund.fee) == (order.operation_id, kzt("10.00"))

    def test_payouts_are_made_in_the_accounts_currency_only(self, side: Any, account: Any) -> None:
        payer: Any = provider_of(account)
        with pytest.raises(Rejected, check=lambda error: str(error) == "This account pays out in KZT only."):
            payer.payout(self.payout_order(side, amount=Money(100, "USD")))
        assert side.items("payout") == []

    def test_a_refused_question_is_no_refused_payout(
        self, side: Any, account: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A refusal would send the money by the next account, though this one may have it already."""
        payer: Any = provider_of(account)

        def refused(*_: Any, **__: Any) -> Any:
            raise Rejected("Неверный номер магазина", provider="freedompay", code="101")

        monkeypatch.setattr(payer, "_call", refused)
        order = self.payout_order(side)
        for ask in (lambda: payer.payout(order), lambda: payer.find_payout(order.operation_id, reference="")):
            with pytest.raises(Unavailable):
                ask()

    def test_the_payment_key_opens_no_payouts(self, side: Any, account: Any) -> None:
        secrets.credential_set(owner=account.secrets_owner, name="payout_key", value=side.secret)
        payer: Any = provider_of(account)
        assert not payer.test_connection().good
        with pytest.raises(Unavailable):
            payer.payout(self.payout_order(side))
        assert side.items("payout") == []

    @pytest.mark.parametrize(
        ("number", "failure"),
        [
            ("4000000000009995", "insufficient_funds"),
            ("5200000000000114", "declined"),
            ("4000000000000069", "expired_card"),
        ],
    )
    def test_what_a_card_may_end_as(self, side: Any, account: Any, number: str, failure: str) -> None:
        provider = provider_of(account)
        order = self.order(side)
        redirect = provider.create_deposit(order)
        side.pay(order, redirect, number)
        status = provider.fetch_deposit(redirect.provider_reference)
        assert (status.state, status.failure) == (PaymentState.FAILED, failure)
        (event,) = provider.verify_webhook(*side.delivery_of(order))
        assert event.deposit is not None
        assert (event.deposit.state, event.deposit.failure) == (PaymentState.FAILED, failure)

    def test_fee_and_card_are_told(self, side: Any, account: Any) -> None:
        provider = provider_of(account)
        order = self.order(side)
        redirect = provider.create_deposit(order)
        side.pay(order, redirect)
        (event,) = provider.verify_webhook(*side.delivery_of(order))
        assert event.deposit is not None
        assert (event.deposit.fee, event.deposit.source) == (kzt("625.00"), "Visa •••• 1111")
        assert provider.fetch_deposit(redirect.provider_reference).fee == kzt("625.00")

    def test_a_page_nobody_paid_runs_out(self, side: Any, account: Any) -> None:
        provider = provider_of(account)
        redirect = provider.create_deposit(self.order(side))
        side.control("POST", f"payments/{redirect.provider_reference}/expire")
        assert provider.fetch_deposit(redirect.provider_reference).state is PaymentState.EXPIRED

    def test_a_repeat_is_the_same_fact(self, side: Any, account: Any, receiver: Receiver) -> None:
        """Each has a salt and a signature of its own."""
        side.control("PUT", "faults", {"deliver_twice": True})
        provider = provider_of(account)
        order = self.order(side)
        side.pay(order, provider.create_deposit(order))
        first, second = receiver.wait(lambda got: len(got) == 2)
        assert first.body != second.body
        assert provider.verify_webhook(first.body, {}) == provider.verify_webhook(second.body, {})

    def test_a_lost_answer_leaves_open_what_happened(self, side: Any, account: Any) -> None:
        provider = provider_of(account)
        order = self.order(side)
        for fault in ("api_reset_after_commit", "api_error_after_commit", "api_unauthorized"):
            side.control("PUT", "faults", {fault: True if fault == "api_unauthorized" else 1})
            with pytest.raises(OutcomeUnknown):
                provider.create_deposit(order)
        side.control("PUT", "faults", {})
        provider.create_deposit(order)
        assert len(side.items("payment")) == 1

    def test_a_refund_on_its_way_is_followed_by_its_number(self, side: Any, account: Any) -> None:
        side.control("PUT", "settings", {"refunds": "process"})
        provider: Any = provider_of(account)
        order = self.order(side)
        redirect = provider.create_deposit(order)
        side.pay(order, redirect)
        paid, part = redirect.provider_reference, kzt("1000.00")
        sent = provider.refund(operation_id=uuid7(), payment_reference=paid, amount=part, reason="W1")
        assert (sent.state, sent.reference != "") == (RefundState.PENDING, True)
        side.control("POST", f"refunds/{sent.reference}/fail")
        known = {"payment_reference": paid, "amount": part, "reference": sent.reference, "others": frozenset[str]()}
        told = provider.recognise_refund(**known)
        assert (told.state, told.failure_text) == (RefundState.FAILED, "Freedom Pay: refund failed")
        side.control("PUT", "settings", {"refunds": "error"})
        with pytest.raises(Rejected):
            provider.refund(operation_id=uuid7(), payment_reference=paid, amount=kzt("5.00"), reason="W2")


class TestFreedomPayInDollars(FreedomPayContract):
    amount = Money(10_050, "USD")


class TestFreedomPayInSum(FreedomPayContract):
    amount = Money(150_000_000, "UZS")


# --- units and signatures ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("minor", "currency", "text"),
    [
        (2_500_000, "KZT", "25000.00"),
        (1, "KZT", "0.01"),
        (150_000_000, "UZS", "1500000.00"),
        (10_050, "USD", "100.50"),
        (99, "RUB", "0.99"),
        (500, "KGS", "5.00"),
    ],
)
def test_units(minor: int, currency: str, text: str) -> None:
    assert wire.to_wire(Money(minor, currency)) == text
    assert wire.from_wire(text, currency) == Money(minor, currency)


def test_amounts_are_read_as_the_documentation_writes_them() -> None:
    assert wire.from_wire("25", "KZT") == kzt("25.00")
    for text, currency in (
        ("0.001", "KZT"),
        ("1", "JPY"),
        ("1.5", "KWD"),
        ("x", "KZT"),
        ("1", ""),
        ("Infinity", "KZT"),
        ("1e99", "KZT"),
    ):
        with pytest.raises(wire.Unreadable):
            wire.from_wire(text, currency)


def test_steps() -> None:
    provider = FreedomPayProvider(config())
    assert [provider.amount_step(code) for code in ("KZT", "KGS", "UZS", "USD", "RUB")] == [1] * 5
    assert [provider.amount_step(code) for code in ("JPY", "KWD", "EUR", "BTC")] == [0] * 4


def md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def test_the_published_string_is_what_is_signed() -> None:
    """freedompay.kz/docs-en/merchant-api/pay: 'init_payment.php;25;test;{merchant};23;molbulak;{secret}'."""
    fields = {"pg_order_id": "23", "pg_merchant_id": "500001", "pg_amount": "25", "pg_description": "test",
              "pg_salt": "molbulak", "pg_sig": "is not signed"}  # fmt: skip
    assert wire.sign_fields("init_payment.php", fields, "key") == md5("init_payment.php;25;test;500001;23;molbulak;key")


STATUS = (
    "<response><pg_status>ok</pg_status><pg_refund_payments><pg_refund_payment><pg_payment_id>9</pg_payment_id>"
    "<pg_amount>-10</pg_amount></pg_refund_payment></pg_refund_payments><pg_salt>s</pg_salt>{sig}</response>"
)


def test_nested_elements_are_signed_in_place() -> None:
    body = STATUS.format(sig=f"<pg_sig>{md5('get_status3.php;-10;9;s;ok;k')}</pg_sig>")
    reply = wire.read_reply(body.encode(), "get_status3.php", "k")
    assert reply.refunds == ({"pg_payment_id": "9", "pg_amount": "-10"},)
    for wrong in (
        body.replace("-10", "-20"),
        STATUS.format(sig=""),
        "<!DOCTYPE a [<!ENTITY e 'ok'>]>" + body,
        "<response>",
        "ok",
    ):
        with pytest.raises(wire.Unreadable):
            wire.read_reply(wrong.encode(), "get_status3.php", "k")


def config(**values: str) -> ProviderConfig:
    return ProviderConfig(
        account_id=uuid7(), mode="test", settings={"merchant_id": "1"}, webhook_url=HOOK, secrets=values
    )


def called(script: str, secret: str = "key", **changes: str) -> bytes:
    fields = {"pg_payment_id": "7", "pg_order_id": str(uuid7()), "pg_result": "1", "pg_captured": "1", "pg_salt": "s",
              "pg_amount": "10.00", "pg_currency": "KZT", **changes}  # fmt: skip
    ordered = [fields[name] for name in sorted(fields)]
    return urlencode({**fields, "pg_sig": md5(";".join([script, *ordered, secret]))}).encode()


def test_either_reading_of_our_addresss_last_part_is_taken_and_answered_in_kind() -> None:
    provider = FreedomPayProvider(config(secret_key="key"))
    for script in ("", "0197"):
        body = called(script)
        assert provider.verify_webhook(body, {})[0].event_key == "7:result:1:1"
        answer = provider.answer_webhook(body, {}, accepted=True)
        sig = md5(f"{script};Accepted;s;ok;key")
        assert f"<pg_status>ok</pg_status><pg_sig>{sig}</pg_sig>" in answer.body.decode()
    for body in (called("webhooks"), called("", "other"), called("", ""), called("", pg_salt="")):
        with pytest.raises(SignatureInvalid):
            provider.verify_webhook(body, {})
    with pytest.raises(SignatureInvalid):
        FreedomPayProvider(config()).verify_webhook(called("", ""), {})


def test_what_was_refused_is_answered_without_believing_it() -> None:
    answer = FreedomPayProvider(config(secret_key="key")).answer_webhook(
        b"pg_salt=<x>&pg_sig=1", {}, accepted=False
    )  # fmt: skip
    assert (answer.status, b"<pg_status>error</pg_status>" in answer.body, b"<x>" in answer.body) == (403, True, False)


@pytest.mark.parametrize(
    ("status", "captured", "state", "failure"),
    [
        ("success", "1", PaymentState.PAID, ""),
        ("success", "0", PaymentState.AUTHORISED, ""),
        ("process", "0", PaymentState.OPEN, ""),
        ("new", "", PaymentState.OPEN, ""),
        ("incomplete", "0", PaymentState.EXPIRED, ""),
        ("error", "0", PaymentState.FAILED, "declined"),
        ("refunded", "1", PaymentState.FAILED, "cancelled"),
        ("revoked", "0", PaymentState.FAILED, "cancelled"),
    ],
)
def test_states(status: str, captured: str, state: PaymentState, failure: str) -> None:
    """A refund of ours may end as "refunded": that never takes a credited deposit back once more."""
    reply = wire.Reply({"pg_payment_id": "7", "pg_amount": "10", "pg_currency": "KZT", "pg_payment_status": status,
                        "pg_captured": captured})  # fmt: skip
    told = statuses.deposit_of_status(reply)
    assert (told.state, told.failure) == (state, failure)


# --- with the brokerage behind it ---------------------------------------------------------------------------------------


@pytest.fixture
def side(live_tenant: Any, portal_port: int, server: Sandbox) -> FreedomPaySide:
    return FreedomPaySide(server)


def started(side: FreedomPaySide, amount: str = "25000.00") -> Deposit:
    account = side.connect()
    make_rule(account, "card", "KZT", maximum_minor=10_000_000_00)
    person = make_client(country="KZ", currency="KZT")
    offer = f"{account.pk}:card"
    deposit = deposit_start(
        actor=client_actor(person), client=person, amount=kzt(amount), offer_key=offer, language="ru"
    )
    return deposit_open(deposit_id=deposit.pk)


def browse(deposit: Deposit, number: str = "4111111111111111") -> httpx.Response:
    """The payer at the hosted page: Freedom Pay asks us before it takes the money."""
    url = deposit.payment_url.replace("freedompay.localhost", "127.0.0.1")
    card = {"number": number, "expiry": "12/49", "cvv": "123", "name": "AIGUL", "decision": "pay"}
    with httpx.Client(trust_env=False, timeout=30) as browser:
        return browser.post(url, data=card)


def answers(side: FreedomPaySide) -> list[str]:
    return until(lambda: [one["answer"] for one in side.control("GET", "deliveries")["data"] if one["answer"]])


def test_it_asks_tells_and_understands_our_answer(side: FreedomPaySide) -> None:
    deposit = started(side)
    provider = provider_of(deposit.provider_account)
    assert isinstance(provider, Answering)
    assert isinstance(provider, Conversing)
    assert browse(deposit).status_code == 303
    assert answers(side) == ["ok Accepted"]
    run_inbox()
    deposit.refresh_from_db()
    assert (deposit.state, deposit.received_minor, deposit.source) == (
        DepositState.CREDITED, 2_500_000, "Visa •••• 1111"
    )  # fmt: skip


def test_a_closed_order_is_not_charged(side: FreedomPaySide) -> None:
    """The client gave up, the page is still open in another tab."""
    deposit = started(side)
    Deposit.objects.update(state=DepositState.FAILED)
    page = browse(deposit)
    assert page.status_code == 422
    assert "This order is closed" in page.text
    assert (side.items("payment")[0]["status"], InboxMessage.objects.count()) == ("new", 0)


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({}, "ok"),
        ({"pg_amount": "24999.99"}, "rejected"),
        ({"pg_currency": "RUB"}, "rejected"),
        ({"pg_order_id": "5e2d3d6c-0000-7000-8000-000000000000"}, "rejected"),
        ({"secret": "wrong"}, "error"),
        ({"pg_result": "1"}, "error"),
    ],
)
def test_the_question_through_the_real_view(
    side: FreedomPaySide, portal_port: int, change: dict[str, str], status: str
) -> None:
    from django.test import Client as Browser

    from kernel.tenancy import context

    deposit = started(side)
    fields = {"pg_order_id": str(deposit.pk), "pg_payment_id": "7", "pg_amount": "25000", "pg_currency": "KZT",
              "pg_salt": "s", **{name: text for name, text in change.items() if name != "secret"}}  # fmt: skip
    ordered = [fields[name] for name in sorted(fields)]
    fields["pg_sig"] = md5(";".join(["", *ordered, change.get("secret", side.secret)]))
    answer = Browser().post(
        f"/webhooks/{deposit.provider_account_id}/?check=1",
        data=urlencode(fields),
        content_type="application/x-www-form-urlencoded",
        headers={"host": f"{context.tenant().slug}.localhost"},
    )
    assert f"<pg_status>{status}</pg_status>" in answer.content.decode()
    assert answer.status_code == (403 if status == "error" else 200)
    assert answer["Content-Type"] == "text/xml; charset=utf-8"
    deposit.refresh_from_db()
    assert (deposit.state, InboxMessage.objects.count()) == (DepositState.PENDING, 0)


def paid_in(side: FreedomPaySide) -> Client:
    deposit = started(side)
    side.control("POST", f"payments/{deposit.provider_reference}/pay")
    assert deposit_ask(deposit_id=deposit.pk, actor=SYSTEM) == "credited"
    return deposit.client


def approved(person: Client, amount: str = "10000.00") -> Withdrawal:
    row = withdrawal_request(
        actor=client_actor(person), client=person, amount=kzt(amount), iban="DE89370400440532013000", holder="VOGT Lena"
    )
    withdrawal_check(actor=staff(PROPOSE), withdrawal_id=row.pk)
    return withdrawal_approve(actor=staff(APPROVE), withdrawal_id=row.pk)


def test_a_lost_refund_is_recognised_not_sent_again(side: FreedomPaySide) -> None:
    """Two of the same amount: the second's lost answer must not be answered with the first."""
    person = paid_in(side)
    first = approved(person)
    run_commands()
    second = approved(person)
    side.control("PUT", "faults", {"api_reset_after_commit": 1})
    command = Command.objects.latest("created_at")
    assert commands.run(command.pk) == "unknown"
    Command.objects.filter(pk=command.pk).update(available_at=clock.now(), lease_until=None)
    assert commands.run(command.pk) == "succeeded"
    references = {row.parts.get().provider_reference for row in (first, second)}
    assert references == {str(item["id"]) for item in side.items("refund")}
    assert len(references) == 2
    second.refresh_from_db()
    assert second.state == WithdrawalState.PAID
    wallet = wallet_of(person.pk, "KZT")
    assert wallet is not None
    assert (wallet.balance, wallet.held) == (kzt("5000.00"), kzt("0"))


def test_a_refund_on_its_way_is_asked_after(side: FreedomPaySide) -> None:
    side.control("PUT", "settings", {"refunds": "process"})
    row = approved(paid_in(side))
    run_commands()
    part = row.parts.get()
    assert part.state == PartState.SENDING
    assert part_ask(part_id=part.pk, actor=SYSTEM) == "pending"
    side.control("POST", f"refunds/{part.provider_reference}/succeed")
    assert part_ask(part_id=part.pk, actor=SYSTEM) == "paid"


def test_the_idempotency_key_is_not_relied_on() -> None:
    """That revoke.php honours it is not proved: a refund that is not listed is not sent again at once."""
    assert FreedomPayProvider.capabilities.refund_quiet >= timedelta(minutes=10)
