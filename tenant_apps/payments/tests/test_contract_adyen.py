"""Adyen against its sandbox: the contract, where a signature sits in the body and a refund's outcome comes by webhook only."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client as Browser

from kernel import clock, commands, secrets
from kernel.errors import OutcomeUnknown, Rejected, Unavailable
from kernel.ids import uuid7
from kernel.models import Command, CommandState
from kernel.money import Money
from sandbox.tests.support import Receiver, Sandbox
from tenant_apps.ledger.models import Transfer
from tenant_apps.payments.adapters.adyen import AdyenProvider, items, units
from tenant_apps.payments.models import Deposit, DepositState, PartState, ProviderAccount, WithdrawalPart
from tenant_apps.payments.permissions_list import APPROVE, PROPOSE
from tenant_apps.payments.ports import EventKind, PaymentState, ProviderConfig, RefundState, SignatureInvalid
from tenant_apps.payments.services.deposits import deposit_ask, deposit_open, deposit_start
from tenant_apps.payments.services.offers import offers_for
from tenant_apps.payments.services.providers import provider_of
from tenant_apps.payments.services.withdrawals import withdrawal_approve, withdrawal_check, withdrawal_request
from tenant_apps.wallets.selectors import wallet_of

from .adyen_side import HMAC_KEY, AdyenSide, changed
from .contract import ProviderContract
from .support import SYSTEM, client_actor, eur, make_client, make_rule, run_inbox, staff


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.close()


@pytest.fixture(scope="module")
def adyen_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    running = Sandbox("adyen", tmp_path_factory.mktemp("adyen"), "--retry-base", "0.05")
    yield running
    running.close()


@pytest.fixture
def side(tenant: Any, adyen_server: Sandbox, receiver: Receiver) -> AdyenSide:
    return AdyenSide(adyen_server, receiver)


class TestAdyen(ProviderContract):
    amount = Money(50_000, "EUR")
    method = "card"
    looks_for_refunds = False

    def test_paid_is_told_and_found(self, side: AdyenSide, provider: AdyenProvider) -> None:
        """Asked, Adyen says only that the payer has finished; what was paid stands in the signed webhook."""
        order = self.order(side)
        redirect = provider.create_deposit(order)
        payment = side.pay(order, redirect)
        found = provider.fetch_deposit(redirect.provider_reference)
        assert (found.state, found.amount, found.payment_reference) == (PaymentState.AUTHORISED, None, "")
        body, headers = side.delivery_of(order)
        (event,) = provider.verify_webhook(body, headers)
        assert (event.kind, event.deposit_id) == (EventKind.DEPOSIT, order.deposit_id)
        assert event.deposit is not None
        assert (event.deposit.state, event.deposit.amount) == (PaymentState.PAID, self.amount)
        assert (event.deposit.payment_reference, event.deposit.source) == (payment, "Visa •••• 1111")
        assert provider.read_webhook(body) == [event]

    def test_a_changed_body_or_key_is_refused(self, side: AdyenSide, provider: AdyenProvider) -> None:
        """What is signed are fields, each in its item: every one of them counts."""
        order = self.order(side)
        side.pay(order, provider.create_deposit(order))
        body, headers = side.delivery_of(order)
        amount = json.loads(body)["notificationItems"][0]["NotificationRequestItem"]["amount"]
        for change in (
            {"amount": {**amount, "value": amount["value"] + 1}},
            {"amount": {**amount, "currency": "USD"}},
            {"pspReference": "X"},
            {"originalReference": "X"},
            {"merchantReference": str(uuid7())},
            {"merchantAccountCode": "Other"},
            {"eventCode": "CAPTURE"},
            {"success": "false"},
            {"additionalData": {}},
            {"additionalData": {"hmacSignature": None}},
        ):
            with pytest.raises(SignatureInvalid):
                provider.verify_webhook(changed(body, **change), headers)
        for nonsense in (b"", b"{}", b"[]", b"null", b'{"notificationItems": []}', b'{"notificationItems": [1]}'):
            with pytest.raises(SignatureInvalid):
                provider.verify_webhook(nonsense, headers)
        for key in ("", "00" * 32, "not hexadecimal"):
            config = ProviderConfig(
                account_id=uuid7(), mode="test", settings=provider.config.settings, secrets={"hmac_key": key}
            )
            with pytest.raises(SignatureInvalid):
                AdyenProvider(config).verify_webhook(body, headers)

    def test_refunds_add_up_and_can_be_found(self, side: AdyenSide, provider: AdyenProvider) -> None:
        """Never found by asking: pending until the webhook, which names our operation; repeated it is the same refund."""
        order = self.order(side)
        paid = side.pay(order, provider.create_deposit(order))
        part = Money(self.amount.minor // 50 * 10, self.amount.currency)
        operation, over = uuid7(), uuid7()
        first = provider.refund(operation_id=operation, payment_reference=paid, amount=part, reason="W1")
        assert (first.state, first.amount, first.payment_reference) == (RefundState.PENDING, part, paid)
        assert provider.refund(operation_id=operation, payment_reference=paid, amount=part, reason="W1") == first
        assert len(side.control("GET", "refunds")["data"]) == 1
        assert provider.find_refund(operation, payment_reference=paid) is None
        later = clock.now() + timedelta(days=7)
        with pytest.MonkeyPatch.context() as patch:  # its key may be forgotten: sent again it would be a second refund
            patch.setattr(clock, "now", lambda: later)
            with pytest.raises(OutcomeUnknown):
                provider.find_refund(operation, payment_reference=paid)
        provider.refund(operation_id=over, payment_reference=paid, amount=self.amount, reason="W2")
        told = [provider.verify_webhook(*side.news('"REFUND"', str(one)))[0] for one in (operation, over)]
        assert [(event.kind, event.operation_id) for event in told] == [
            (EventKind.REFUND, operation), (EventKind.REFUND, over)
        ]  # fmt: skip
        states = [event.refund and (event.refund.state, event.refund.amount) for event in told]
        assert states == [(RefundState.SUCCEEDED, part), (RefundState.FAILED, self.amount)]
        assert told[0].refund is not None
        assert (told[0].refund.reference, told[0].refund.payment_reference) == (first.reference, paid)
        with pytest.raises(Rejected):
            provider.refund(operation_id=uuid7(), payment_reference="UNKNOWN", amount=part, reason="W3")


class TestAdyenInYen(TestAdyen):
    amount = Money(10_000, "JPY")


class TestAdyenInDinar(TestAdyen):
    amount = Money(150_550, "KWD")


class TestAdyenInChileanPesos(TestAdyen):
    """No decimals by ISO 4217, two on Adyen's wire."""

    amount = Money(50_000, "CLP")

    def test_the_wire_has_two_decimals(self, side: AdyenSide, provider: AdyenProvider) -> None:
        provider.create_deposit(self.order(side))
        (link,) = side.control("GET", "links")["data"]
        assert link["amount"] == {"currency": "CLP", "value": 5_000_000}


@pytest.mark.parametrize(
    ("minor", "currency", "value"),
    [
        (50_000, "EUR", 50_000), (1, "USD", 1), (1_000, "JPY", 1_000), (1_000, "KRW", 1_000), (1_500, "KWD", 1_500),
        (10, "BHD", 10), (12_345, "OMR", 12_345), (500, "ISK", 50_000), (990, "CLP", 99_000), (7, "UGX", 7),
        (1_500_000, "IDR", 15_000), (99, "HUF", 99), (1_000_000, "KZT", 1_000_000), (5, "VND", 5), (123, "TND", 123),
    ],
)  # fmt: skip
def test_units(minor: int, currency: str, value: int) -> None:
    amount = Money(minor, currency)
    assert units.to_wire(amount) == {"currency": currency, "value": value}
    assert units.from_wire(value, currency) == amount


def test_amounts_it_cannot_say_are_refused() -> None:
    assert [units.step(code) for code in ("EUR", "JPY", "IDR", "CLP", "KWD", "IQD", "BTC", "XXX")] == [
        1, 1, 100, 1, 1, 0, 0, 0
    ]  # fmt: skip
    for amount in (Money(1_050, "IDR"), Money(1, "BTC"), Money(1, "IQD")):
        with pytest.raises(units.NotExpressible):
            units.to_wire(amount)
    with pytest.raises(units.NotExpressible):
        units.from_wire(50_001, "ISK")


def test_the_published_example_of_a_signature() -> None:
    """docs.adyen.com, "Verify HMAC signatures", and the tests of Adyen's own libraries."""
    example: dict[str, Any] = {
        "pspReference": "7914073381342284", "merchantAccountCode": "TestMerchant", "originalReference": "",
        "merchantReference": "TestPayment-1407325143704", "amount": {"value": 1130, "currency": "EUR"},
        "eventCode": "AUTHORISATION", "success": "true",
        "additionalData": {"hmacSignature": "coqCmt/IZ4E3CzPvMY8zTjQVL5hYJUiBRg8UU+iCWo0="},
    }  # fmt: skip
    key = bytes.fromhex(HMAC_KEY)
    assert items.signature(key, example) == "coqCmt/IZ4E3CzPvMY8zTjQVL5hYJUiBRg8UU+iCWo0="
    assert items.is_genuine(key, {**example, "success": True})
    assert not items.is_genuine(key, {**example, "amount": {"value": 1131, "currency": "EUR"}})


def item(code: str, **values: Any) -> dict[str, Any]:
    made: dict[str, Any] = {
        "pspReference": "P2", "originalReference": "P1", "merchantAccountCode": "Here", "eventCode": code,
        "merchantReference": "", "amount": {"value": 1_000, "currency": "EUR"}, "success": "true",
    }  # fmt: skip
    return {**made, **values}


@pytest.mark.parametrize(
    ("code", "state", "failure", "dispute", "follows"),
    [
        ("CHARGEBACK", PaymentState.REVERSED, "chargeback", "P2", ""),
        ("CHARGEBACK_REVERSED", PaymentState.REINSTATED, "chargeback", "P2", ""),
        ("SECOND_CHARGEBACK", PaymentState.REVERSED, "chargeback", "P2:2", "P2"),
        ("CANCELLATION", PaymentState.FAILED, "voided", "", ""),
        ("CAPTURE_FAILED", PaymentState.FAILED, "voided", "", ""),
    ],
)
def test_what_happens_to_a_payment_later(
    code: str, state: PaymentState, failure: str, dispute: str, follows: str
) -> None:
    told = items.normalise(item(code), "Here")
    assert told.deposit is not None
    assert (told.deposit.state, told.deposit.failure, told.deposit.payment_reference) == (state, failure, "P1")
    assert (told.deposit.dispute, told.deposit.follows) == (dispute, follows)
    assert told.event_key == f"P2:{code}:true"
    assert items.normalise(item(code, success="false"), "Here").kind is EventKind.OTHER


@pytest.mark.parametrize(
    "told",
    [
        item("NOTIFICATION_OF_CHARGEBACK"), item("REPORT_AVAILABLE"), item("CAPTURE"),
        item("AUTHORISATION", merchantAccountCode="Another"),
        item("AUTHORISATION", amount={"value": 1, "currency": "LAK"}), item("REFUND", amount=None),
    ],
)  # fmt: skip
def test_news_of_no_consequence_is_put_aside(told: dict[str, Any]) -> None:
    """Refused, Adyen would repeat it and hold back everything behind it."""
    assert items.normalise(told, "Here").kind is EventKind.OTHER


@pytest.mark.parametrize(
    ("code", "success", "state"),
    [
        ("REFUND", "true", RefundState.SUCCEEDED),
        ("REFUND", "false", RefundState.FAILED),
        ("REFUND_FAILED", "true", RefundState.FAILED),
        ("REFUNDED_REVERSED", "true", RefundState.FAILED),
    ],
)
def test_how_a_refund_may_end(code: str, success: str, state: RefundState) -> None:
    told = items.normalise(item(code, success=success), "Here").refund
    assert told is not None
    assert (told.state, told.reference, told.payment_reference) == (state, "P2", "P1")


@pytest.mark.parametrize(
    ("reason", "failure"),
    [
        ("Not enough balance", "insufficient_funds"), ("Expired Card", "expired_card"), ("CVC Declined", "wrong_details"),
        ("3D Not Authenticated", "authentication"), ("FRAUD", "fraud"), ("Acquirer Error", "error"),
        ("Refused", "declined"), ("", "declined"),
    ],
)  # fmt: skip
def test_a_refused_attempt_leaves_the_link_open(side: AdyenSide, reason: str, failure: str) -> None:
    provider = provider_of(side.connect())
    order = TestAdyen().order(side)
    redirect = provider.create_deposit(order)
    side.pay(order, redirect, outcome="Refused", reason=reason)
    told = provider.verify_webhook(*side.delivery_of(order))[0].deposit
    assert told is not None
    assert (told.state, told.failure, told.failure_text) == (PaymentState.OPEN, failure, reason)
    assert provider.fetch_deposit(redirect.provider_reference).state is PaymentState.OPEN


def test_a_lost_answer_is_unknown_and_repeating_is_safe(side: AdyenSide) -> None:
    provider = provider_of(side.connect())
    order = TestAdyen().order(side)
    for fault in ("api_reset_after_commit", "api_error_after_commit"):
        side.control("PUT", "faults", {fault: 1})
        with pytest.raises(OutcomeUnknown):
            provider.create_deposit(TestAdyen().order(side) if fault == "api_error_after_commit" else order)
    again = provider.create_deposit(order)
    assert again == provider.create_deposit(order)
    assert len(side.control("GET", "links")["data"]) == 2
    side.control("PUT", "faults", {"api_unauthorized": True})
    with pytest.raises(Unavailable):
        provider.create_deposit(TestAdyen().order(side))


def test_a_wrong_api_key_beside_a_good_hmac_key_is_told(side: AdyenSide) -> None:
    account = side.connect()
    secrets.credential_set(owner=account.secrets_owner, name="api_key", value=side.wrong_key)
    report = provider_of(account).test_connection()
    assert (report.good, report.details) == (False, ("Invalid Merchant Account",))


@pytest.mark.parametrize("prefix", ["", "evil.example/", "evil.example#", "evil.example?", "a@evil", "a\nb", "a b"])
def test_the_live_prefix_cannot_lead_the_key_elsewhere(prefix: str) -> None:
    config = ProviderConfig(account_id=uuid7(), mode="live", settings={"live_prefix": prefix})
    with pytest.raises(Unavailable):
        AdyenProvider(config)._address("x")
    good = ProviderConfig(account_id=uuid7(), mode="live", settings={"live_prefix": "1797-Rialto"})
    there = "https://1797-Rialto-checkout-live.adyenpayments.com/checkout/v72/x"
    assert AdyenProvider(good)._address("x") == there


# --- through the real view ------------------------------------------------------------------------------------------------


@pytest.fixture
def account(side: AdyenSide) -> ProviderAccount:
    return side.connect(methods=["card"])


def opened(account: ProviderAccount) -> Deposit:
    make_rule(account, "card")
    client = make_client()
    offer = next(one for one in offers_for(client, "EUR") if one.account.pk == account.pk)
    deposit = deposit_start(actor=SYSTEM, client=client, amount=eur("500"), offer_key=offer.key)
    return deposit_open(deposit_id=deposit.pk)


def post(tenant: Any, account: ProviderAccount, body: bytes) -> Any:
    return Browser(headers={"host": f"{tenant.slug}.localhost"}).post(
        f"/webhooks/{account.pk}/", data=body, content_type="application/json"
    )


def state_of(deposit: Deposit) -> tuple[str, Money]:
    deposit.refresh_from_db()
    wallet = wallet_of(deposit.client_id, "EUR")
    return deposit.state, wallet.balance if wallet else eur("0")


def test_adyen_reads_accepted_and_several_items_have_one_effect_each(
    tenant: Any, side: AdyenSide, account: ProviderAccount
) -> None:
    """Out of order, twice, and all in one body."""
    deposit = opened(account)
    link = deposit.provider_reference
    payment = side.control("POST", f"links/{link}/pay")["id"]
    assert deposit_ask(deposit_id=deposit.pk, actor=SYSTEM) == "authorised"
    side.control("POST", f"payments/{payment}/CHARGEBACK")
    chargeback, _ = side.news('"CHARGEBACK"')
    answer = post(tenant, account, chargeback)
    assert (answer.status_code, answer.content) == (200, b"[accepted]")
    run_inbox()
    assert state_of(deposit)[1] == eur("0")
    item_ = side.control("GET", "items")["data"][0]
    side.control("POST", f"items/{item_['id']}/together")
    together, _ = side.news('"CHARGEBACK"', "AUTHORISATION")
    for _ in range(2):
        assert post(tenant, account, together).content == b"[accepted]"
        run_inbox()
    assert state_of(deposit) == (DepositState.REVERSED, eur("0"))
    moved = Transfer.objects.count()
    side.control("POST", f"payments/{payment}/CHARGEBACK_REVERSED")
    assert post(tenant, account, side.news("CHARGEBACK_REVERSED")[0]).content == b"[accepted]"
    run_inbox()
    assert state_of(deposit) == (DepositState.CREDITED, eur("500"))
    assert Transfer.objects.count() > moved
    side.control("POST", f"payments/{payment}/SECOND_CHARGEBACK")
    for _ in range(2):
        assert post(tenant, account, side.news("SECOND_CHARGEBACK")[0]).content == b"[accepted]"
        run_inbox()
    assert state_of(deposit) == (DepositState.REVERSED, eur("0"))
    deposit.refresh_from_db()
    assert deposit.payment_reference == payment


def test_a_forged_item_among_genuine_ones_refuses_all(tenant: Any, side: AdyenSide, account: ProviderAccount) -> None:
    deposit = opened(account)
    side.control("POST", f"links/{deposit.provider_reference}/pay")
    body, _ = side.news("AUTHORISATION")
    data = json.loads(body)
    forged = json.loads(changed(body, pspReference="FORGED"))["notificationItems"]
    answer = post(
        tenant, account, json.dumps({**data, "notificationItems": data["notificationItems"] + forged}).encode()
    )
    assert (answer.status_code, answer.content) == (403, b"signature")
    assert run_inbox() == 0
    assert state_of(deposit) == (DepositState.PENDING, eur("0"))
    secrets.credential_set(owner=account.secrets_owner, name="hmac_key", value="00" * 32)
    assert post(tenant, account, body).status_code == 403
    assert state_of(deposit)[0] == DepositState.PENDING


def test_a_refund_waits_for_its_webhook_and_may_come_back_weeks_later(
    tenant: Any, side: AdyenSide, account: ProviderAccount
) -> None:
    deposit = opened(account)
    side.control("POST", f"links/{deposit.provider_reference}/pay")
    post(tenant, account, side.news("AUTHORISATION")[0])
    run_inbox()
    row = withdrawal_request(
        actor=client_actor(deposit.client), client=deposit.client, amount=eur("200"), iban="", holder=""
    )
    withdrawal_check(actor=staff(PROPOSE), withdrawal_id=row.pk)
    withdrawal_approve(actor=staff(APPROVE), withdrawal_id=row.pk)
    part = WithdrawalPart.objects.get(withdrawal=row)
    side.control("PUT", "faults", {"api_reset_after_commit": 1})
    assert commands.run(part.pk) == CommandState.UNKNOWN
    quiet = AdyenProvider.capabilities.refund_quiet
    Command.objects.filter(pk=part.pk).update(available_at=clock.now(), sent_at=clock.now() - quiet)
    assert commands.run(part.pk) == CommandState.SUCCEEDED
    part.refresh_from_db()
    assert (part.state, len(side.control("GET", "refunds")["data"])) == (PartState.SENDING, 1)
    for _ in range(2):
        assert post(tenant, account, side.news('"REFUND"', str(part.pk))[0]).content == b"[accepted]"
        run_inbox()
    part.refresh_from_db()
    assert (part.state, state_of(deposit)[1]) == (PartState.PAID, eur("300"))
    side.control("POST", f"refunds/{part.provider_reference}/fail")
    assert post(tenant, account, side.news("REFUND_FAILED")[0]).content == b"[accepted]"
    run_inbox()
    part.refresh_from_db()
    assert (part.state, state_of(deposit)[1]) == (PartState.FAILED, eur("500"))
