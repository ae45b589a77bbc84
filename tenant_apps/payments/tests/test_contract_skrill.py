"""Skrill against its sandbox: a signature over form fields, refunds that cannot be asked about, money sent once."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl, urlencode

import pytest
from django.test import Client as Browser

from kernel import clock, secrets
from kernel.errors import OutcomeUnknown, Rejected, Unavailable
from kernel.ids import uuid7
from kernel.models import Command, CommandState
from kernel.money import Money
from sandbox.tests.support import Receiver, Sandbox
from tenant_apps.payments.adapters.skrill import SkrillProvider, reports, units
from tenant_apps.payments.models import Deposit, DepositState, PartState, ProviderAccount, WithdrawalPart
from tenant_apps.payments.permissions_list import APPROVE, PROPOSE
from tenant_apps.payments.ports import EventKind, PaymentState, ProviderConfig, RefundState, SignatureInvalid
from tenant_apps.payments.services.deposits import deposit_ask, deposit_open, deposit_start
from tenant_apps.payments.services.destinations import fingerprint, masked
from tenant_apps.payments.services.offers import offers_for
from tenant_apps.payments.services.parts import part_ask
from tenant_apps.payments.services.providers import provider_of
from tenant_apps.payments.services.withdrawals import withdrawal_approve, withdrawal_check, withdrawal_request
from tenant_apps.wallets.selectors import wallet_of

from .contract import PayoutContract, ProviderContract
from .skrill_side import SkrillSide
from .support import SYSTEM, client_actor, eur, make_client, make_destination, make_rule, run_inbox, staff
from .test_withdrawals import funded


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.close()


@pytest.fixture(scope="module")
def skrill_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    running = Sandbox("skrill", tmp_path_factory.mktemp("skrill"), "--retry-base", "0.05")
    yield running
    running.close()


def changed(body: bytes, **values: str | None) -> bytes:
    """The same report with fields changed or (None) left out; its signatures stay what they were."""
    fields: dict[str, str | None] = {**dict(parse_qsl(body.decode(), keep_blank_values=True)), **values}
    return urlencode({name: value for name, value in fields.items() if value is not None}).encode()


class TestSkrill(ProviderContract, PayoutContract):
    amount = Money(50_000, "EUR")
    method = "skrill"
    payout_amount = Money(12_345, "EUR")
    payout_method = "skrill"
    destination = {"email": "lena.vogt@example.com"}  # noqa: RUF012 - read only

    @pytest.fixture
    def side(self, tenant: Any, skrill_server: Sandbox, receiver: Receiver) -> SkrillSide:
        return SkrillSide(skrill_server, receiver, self.amount.currency)

    @pytest.fixture
    def provider(self, side: SkrillSide, account: ProviderAccount) -> SkrillProvider:  # type: ignore[override]
        provider: SkrillProvider = side.provider()
        return provider

    def test_asked_twice_there_is_one_page(self, side: SkrillSide, provider: SkrillProvider) -> None:  # type: ignore[override]
        """Two sessions of one payment, which is paid once."""
        order = self.order(side)
        first, second = provider.create_deposit(order), provider.create_deposit(order)
        assert first.provider_reference == second.provider_reference == str(order.deposit_id)
        side.pay(order, first)
        with pytest.raises(AssertionError):
            side.pay(order, second)
        with pytest.raises(Rejected):
            provider.create_deposit(order)

    def test_a_changed_body_or_key_is_refused(self, side: SkrillSide, provider: SkrillProvider) -> None:  # type: ignore[override]
        """What is signed are fields: each counts, and a report of another account does not."""
        order = self.order(side)
        side.pay(order, provider.create_deposit(order))
        body, headers = side.delivery_of(order)
        for change in (
            {"transaction_id": str(uuid7())}, {"mb_amount": "5000"}, {"mb_currency": "USD"}, {"status": "0"},
            {"merchant_id": "1"}, {"md5sig": ""}, {"sha2sig": "0" * 64}, {"md5sig": None}, {"mb_amount": None},
            {"operation": f"{uuid7()}.{'0' * 24}"},
        ):  # fmt: skip
            with pytest.raises(SignatureInvalid):
                provider.verify_webhook(changed(body, **change), headers)
        for nonsense in (b"", b"{}", b"\xff", b"=&=", b"status=2"):
            with pytest.raises(SignatureInvalid):
                provider.verify_webhook(nonsense, headers)
        assert provider.verify_webhook(changed(body, sha2sig=None), headers) == provider.verify_webhook(body, headers)
        for word in ("", "other"):
            config = ProviderConfig(
                account_id=uuid7(), mode="test", settings=provider.config.settings, secrets={"secret_word": word}
            )
            with pytest.raises(SignatureInvalid):
                SkrillProvider(config).verify_webhook(body, headers)

    def test_refunds_add_up_and_can_be_found(self, side: SkrillSide, provider: SkrillProvider) -> None:  # type: ignore[override]
        """Told by the second step's answer and by a report that brings our operation back; never by asking."""
        order = self.order(side)
        redirect = provider.create_deposit(order)
        side.pay(order, redirect)
        paid = provider.fetch_deposit(redirect.provider_reference).payment_reference
        part, operation = Money(self.amount.minor // 50 * 10, self.amount.currency), uuid7()
        first = provider.refund(operation_id=operation, payment_reference=paid, amount=part, reason="W1")
        assert (first.state, first.amount) == (RefundState.SUCCEEDED, part)
        (event,) = provider.verify_webhook(*side.news(str(operation)))
        assert (event.kind, event.operation_id, event.refund) == (EventKind.REFUND, operation, first)
        with pytest.raises(Unavailable):
            provider.find_refund(operation, payment_reference=paid)
        rest = self.amount - part
        provider.refund(operation_id=uuid7(), payment_reference=paid, amount=rest, reason="W2")
        for reference in (paid, str(uuid7())):
            with pytest.raises(Rejected):
                provider.refund(operation_id=uuid7(), payment_reference=reference, amount=part, reason="W3")

    def test_the_webhook_of_a_payout(self, side: SkrillSide, payer: SkrillProvider) -> None:  # type: ignore[override]
        """There is none: what waits for its payee is asked about."""
        side.hold_payouts()
        order = self.payout_order(side)
        assert payer.payout(order).state is RefundState.PENDING
        found = payer.find_payout(order.operation_id, reference="")
        assert found is not None
        assert found.state is RefundState.PENDING
        side.finish_payout(order)
        found = payer.find_payout(order.operation_id, reference="")
        assert found is not None
        assert (found.state, found.amount) == (RefundState.SUCCEEDED, self.payout_amount)

    def test_a_failed_payout_is_told(self, side: SkrillSide, payer: SkrillProvider) -> None:  # type: ignore[override]
        side.hold_payouts()
        super().test_a_failed_payout_is_told(side, payer)


class TestSkrillInYen(TestSkrill):
    amount = Money(10_000, "JPY")
    payout_amount = Money(5_000, "JPY")


class TestSkrillInForints(TestSkrill):
    amount = Money(5_000_050, "HUF")
    payout_amount = Money(1_000_000, "HUF")


@pytest.mark.parametrize(
    ("minor", "currency", "text"),
    [
        (50_000, "EUR", "500"), (3_960, "EUR", "39.60"), (1, "USD", "0.01"), (1_000, "JPY", "1000"), (7, "KRW", "7"),
        (100_001, "HUF", "1000.01"), (10, "GBP", "0.10"), (500, "ISK", "500"),
    ],
)  # fmt: skip
def test_units(minor: int, currency: str, text: str) -> None:
    amount = Money(minor, currency)
    assert units.to_wire(amount) == text
    assert units.from_wire(text, currency) == amount
    assert units.from_wire(f"{text}0" if "." in text else f"{text}.0", currency) == amount


def test_amounts_it_cannot_say_are_refused() -> None:
    assert [units.step(code) for code in ("EUR", "JPY", "KWD", "BHD", "BTC", "XXX")] == [1, 1, 0, 0, 0, 0]
    for amount in (Money(1, "BTC"), Money(1_000, "KWD")):
        with pytest.raises(units.NotExpressible):
            units.to_wire(amount)
    for value, currency in (("1.005", "EUR"), ("1", "LAK"), ("much", "EUR")):
        with pytest.raises(units.NotExpressible):
            units.from_wire(value, currency)


def test_the_signature_is_the_guides_formula() -> None:
    """upper(md5(merchant_id + transaction_id + upper(md5(secret word)) + mb_amount + mb_currency + status))."""
    fields = {
        "merchant_id": "100",
        "transaction_id": "A205220",
        "mb_amount": "9.99",
        "mb_currency": "EUR",
        "status": "2",
    }
    word = hashlib.md5(b"word").hexdigest().upper()  # noqa: S324 - Skrill's
    text = f"100A205220{word}9.99EUR2".encode()
    good = {**fields, "md5sig": hashlib.md5(text).hexdigest().upper()}  # noqa: S324 - Skrill's
    assert reports.is_genuine("word", good)
    assert not reports.is_genuine("word", {**good, "status": "0"})
    assert not reports.is_genuine("word", {**good, "sha2sig": hashlib.sha256(b"other").hexdigest()})
    assert reports.is_genuine("word", {**good, "sha2sig": hashlib.sha256(text).hexdigest().upper()})


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("2", RefundState.SUCCEEDED), ("0", RefundState.PENDING), ("1", RefundState.PENDING), ("7", RefundState.PENDING),
        *((status, RefundState.FAILED) for status in ("-1", "-2", "-3", "-4")),
    ],
)  # fmt: skip
def test_what_money_on_its_way_out_may_end_as(status: str, state: RefundState) -> None:
    """A status that we do not know gives no money back."""
    fields = {"transaction_id": "T", "status": status, "mb_amount": "1", "mb_currency": "EUR"}
    for told in (reports.refund_status(fields), reports.payout_status(fields)):
        assert (told.state, bool(told.failure_text)) == (state, state is RefundState.FAILED)


def test_of_a_repeated_field_the_first_counts() -> None:
    assert reports.fields_of(b"status=0&mb_amount=1&status=2")["status"] == "0"


# --- payments -----------------------------------------------------------------------------------------------------------------


@pytest.fixture
def side(tenant: Any, skrill_server: Sandbox, receiver: Receiver) -> SkrillSide:
    return SkrillSide(skrill_server, receiver)


@pytest.fixture
def provider(side: SkrillSide) -> Any:
    side.connect()
    return side.provider()


@pytest.mark.parametrize(
    ("status", "reason", "state", "failure"),
    [
        ("-2", "05", PaymentState.FAILED, "insufficient_funds"),
        ("-2", "99", PaymentState.FAILED, "declined"),
        ("-2", "", PaymentState.FAILED, "declined"),
        ("0", "", PaymentState.DELAYED, ""),
    ],
)
def test_how_an_attempt_may_end(
    side: SkrillSide, provider: Any, status: str, reason: str, state: PaymentState, failure: str
) -> None:
    order = TestSkrill().order(side)
    redirect = provider.create_deposit(order)
    side.pay(order, redirect, status=status, reason=reason)
    told = provider.verify_webhook(*side.delivery_of(order))[0].deposit
    found = provider.fetch_deposit(redirect.provider_reference)
    assert told is not None
    assert (told.state, told.failure) == (found.state, found.failure) == (state, failure)


@pytest.mark.parametrize(
    ("action", "state", "failure"),
    [("process", PaymentState.PAID, ""), ("cancel", PaymentState.FAILED, "cancelled"), ("fail", PaymentState.FAILED, "declined")],
)  # fmt: skip
def test_a_pending_payment_is_decided_later(
    side: SkrillSide, provider: Any, action: str, state: PaymentState, failure: str
) -> None:
    order = TestSkrill().order(side)
    redirect = provider.create_deposit(order)
    made = side.pay(order, redirect, status="0")
    side.control("POST", f"transactions/{made['id']}/{action}")
    found = provider.fetch_deposit(redirect.provider_reference)
    assert (found.state, found.failure) == (state, failure)


def test_an_untried_payment_expires_after_a_day(provider: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    reference = str(uuid7())
    assert provider.fetch_deposit(reference).state is PaymentState.OPEN
    later = clock.now() + SkrillProvider.capabilities.refund_quiet * 200
    monkeypatch.setattr(clock, "now", lambda: later)
    assert provider.fetch_deposit(reference).state is PaymentState.EXPIRED


def test_paid_in_another_currency_than_the_accounts(tenant: Any, skrill_server: Sandbox, receiver: Receiver) -> None:
    """The report signs what was converted only: the payer's own amount is asked for. Such a payment is not refunded here."""
    side = SkrillSide(skrill_server, receiver, currency="USD")
    side.connect()
    provider = side.provider()
    order = TestSkrill().order(side)
    redirect = provider.create_deposit(order)
    side.pay(order, redirect)
    (event,) = provider.verify_webhook(*side.delivery_of(order))
    assert event.refetch == redirect.provider_reference
    assert event.deposit is not None
    assert event.deposit.amount == Money(45_000, "USD")
    assert provider.fetch_deposit(redirect.provider_reference).amount == order.amount
    with pytest.raises(Rejected):
        provider.refund(
            operation_id=uuid7(), payment_reference=redirect.provider_reference, amount=eur("100"), reason="W1"
        )
    assert side.control("GET", "refunds")["data"] == []


def test_a_chargeback_in_another_currency_takes_the_whole_payment(tenant: Any, side: SkrillSide) -> None:
    """Paid in euros into an account in dollars: a report signs the dollars only, and they are not what the client lost."""
    account, deposit, fields = credited(tenant, side)
    dollars = {**fields, "mb_amount": "545", "mb_currency": "USD", "status": "-3"}
    assert post(tenant, account, report(side, dollars)) == 200
    run_inbox()
    deposit.refresh_from_db()
    assert (deposit.state, deposit.attention, balance(deposit)) == (DepositState.REVERSED, "reversed", eur("0"))


@pytest.mark.parametrize("asked", [True, False])
def test_a_chargeback_never_names_a_converted_amount(asked: bool) -> None:
    fields = {"transaction_id": "T", "status": "-3", "mb_amount": "545", "mb_currency": "USD"}
    own = {"amount": "500", "currency": "EUR"}
    assert reports.deposit_status(fields, signed=not asked).amount is None
    assert reports.deposit_status({**fields, **own}, signed=not asked).amount == (eur("500") if asked else None)
    same = {**fields, "mb_currency": "EUR", "currency": "EUR"}
    assert reports.deposit_status(same, signed=not asked).amount == Money(54_500, "EUR")


def test_a_refund_whose_last_answer_is_lost_is_unknown(side: SkrillSide, provider: Any) -> None:
    order = TestSkrill().order(side)
    redirect = provider.create_deposit(order)
    side.pay(order, redirect)
    side.control("PUT", "faults", {"api_error_before_commit": 1})
    with pytest.raises(Unavailable):  # before the last step nothing has happened
        provider.refund(
            operation_id=uuid7(), payment_reference=redirect.provider_reference, amount=eur("1"), reason="W"
        )
    for fault in ("api_error_after_commit", "api_reset_after_commit"):
        side.control("PUT", "faults", {fault: 1})
        with pytest.raises(OutcomeUnknown):
            provider.refund(
                operation_id=uuid7(), payment_reference=redirect.provider_reference, amount=eur("1"), reason="W"
            )
    assert len(side.control("GET", "refunds")["data"]) == 2


def test_a_lost_payout_is_found_and_not_sent_again(side: SkrillSide, provider: Any) -> None:
    order = TestSkrill().payout_order(side)
    side.control("PUT", "faults", {"api_reset_after_commit": 1})
    with pytest.raises(OutcomeUnknown):
        provider.payout(order)
    with pytest.raises(OutcomeUnknown):
        provider.payout(order)
    assert provider.find_payout(order.operation_id, reference="").state is RefundState.SUCCEEDED
    assert side.payouts_made(order) == 1


@pytest.mark.parametrize(
    ("words", "sure"),
    [(" ", False), ("ALREADY_EXECUTED", False), ("GENERIC_ERROR", False), ("BALANCE_NOT_ENOUGH", True), ("INVALID_AMOUNT", True)],
)  # fmt: skip
def test_only_some_words_of_the_last_step_say_that_nothing_was_done(
    side: SkrillSide, provider: Any, words: str, sure: bool
) -> None:
    order = TestSkrill().order(side)
    redirect = provider.create_deposit(order)
    side.pay(order, redirect)
    side.control("PUT", "settings", {"last_step_error": words})
    with pytest.raises(Rejected if sure else OutcomeUnknown):
        provider.refund(
            operation_id=uuid7(), payment_reference=redirect.provider_reference, amount=eur("1"), reason="W"
        )
    with pytest.raises(Rejected if sure else OutcomeUnknown):
        provider.payout(TestSkrill().payout_order(side))
    side.control("PUT", "settings", {"last_step_error": ""})
    with pytest.raises(Rejected):  # the first step moves nothing, whatever it says
        provider.refund(operation_id=uuid7(), payment_reference=str(uuid7()), amount=eur("1"), reason="W")


def test_a_payout_that_is_refused(side: SkrillSide, provider: Any) -> None:
    with pytest.raises(Rejected):
        provider.payout(TestSkrill().payout_order(side, destination={"email": "nobody"}))
    side.control("PUT", "faults", {"api_unauthorized": True})
    with pytest.raises(Unavailable):
        provider.payout(TestSkrill().payout_order(side))


# --- through the real view ----------------------------------------------------------------------------------------------------


def opened(account: ProviderAccount) -> Deposit:
    make_rule(account, "skrill")
    client = make_client()
    offer = next(one for one in offers_for(client, "EUR") if one.account.pk == account.pk)
    deposit = deposit_start(actor=SYSTEM, client=client, amount=eur("500"), offer_key=offer.key)
    return deposit_open(deposit_id=deposit.pk)


def post(tenant: Any, account: ProviderAccount, body: bytes) -> int:
    browser = Browser(headers={"host": f"{tenant.slug}.localhost"})
    kind = "application/x-www-form-urlencoded"
    return browser.post(f"/webhooks/{account.pk}/", data=body, content_type=kind).status_code


def credited(tenant: Any, side: SkrillSide) -> tuple[ProviderAccount, Deposit, Any]:
    """A deposit of 500 euros that was paid, and the report that credited it."""
    account = side.connect()
    deposit = opened(account)
    sid = deposit.payment_url.rpartition("sid=")[2]
    made = side.control("POST", f"sessions/{sid}/pay")
    fields = {**{name: value for name, value in made.items() if name != "id"}, "mb_transaction_id": made["id"]}
    body = report(side, fields)
    assert post(tenant, account, body) == 200
    run_inbox()
    deposit.refresh_from_db()
    return account, deposit, fields


def report(side: SkrillSide, fields: dict[str, str]) -> bytes:
    """A report as Skrill signs it; the sandbox sends its own to an address that nobody serves here."""
    known = {**fields, "merchant_id": side.merchant_id}
    word = hashlib.md5(side.secret_word.encode()).hexdigest().upper()  # noqa: S324 - Skrill's
    text = "".join(
        [known["merchant_id"], known["transaction_id"], word, known["mb_amount"], known["mb_currency"], known["status"]]
    )
    return urlencode({**known, "md5sig": hashlib.md5(text.encode()).hexdigest().upper()}).encode()  # noqa: S324


def balance(deposit: Deposit) -> Money:
    wallet = wallet_of(deposit.client_id, "EUR")
    assert wallet is not None
    return wallet.balance


def test_the_way_of_a_deposit_through_the_view(tenant: Any, side: SkrillSide) -> None:
    """Paid, told twice, asked, charged back; a forgery in between."""
    account, deposit, fields = credited(tenant, side)
    assert (deposit.state, balance(deposit)) == (DepositState.CREDITED, eur("500"))
    assert post(tenant, account, report(side, fields)) == 200
    run_inbox()
    assert deposit_ask(deposit_id=deposit.pk, actor=SYSTEM) == "nothing"
    assert balance(deposit) == eur("500")
    forged = changed(report(side, fields), status="-3")
    assert post(tenant, account, forged) == 403
    assert post(tenant, account, report(side, {**fields, "status": "-3"})) == 200
    run_inbox()
    deposit.refresh_from_db()
    assert (deposit.state, balance(deposit)) == (DepositState.REVERSED, eur("0"))


def test_a_lost_refund_is_settled_by_its_report_and_never_sent_again(tenant: Any, side: SkrillSide) -> None:
    """Skrill cannot be asked: until its report comes the command waits, however long."""
    from kernel import commands

    _, deposit, fields = credited(tenant, side)
    row = withdrawal_request(
        actor=client_actor(deposit.client), client=deposit.client, amount=eur("200"), iban="", holder=""
    )
    withdrawal_check(actor=staff(PROPOSE), withdrawal_id=row.pk)
    withdrawal_approve(actor=staff(APPROVE), withdrawal_id=row.pk)
    side.control("PUT", "faults", {"api_reset_after_commit": 1})
    part = WithdrawalPart.objects.get(withdrawal=row)
    command = Command.objects.get(pk=part.pk)

    def again() -> str:
        Command.objects.filter(pk=command.pk).update(available_at=clock.now(), lease_until=None)
        return commands.run(command.pk)

    assert again() == CommandState.UNKNOWN
    for _ in range(2):
        Command.objects.filter(pk=command.pk).update(sent_at=clock.now() - SkrillProvider.capabilities.refund_quiet * 2)
        assert again() == CommandState.UNKNOWN
    assert len(side.control("GET", "refunds")["data"]) == 1
    told = {
        "transaction_id": fields["transaction_id"], "mb_amount": "200", "mb_currency": "EUR", "status": "2",
        "mb_transaction_id": side.control("GET", "refunds")["data"][0]["id"],
        "operation": reports.seal(side.secret_word, part.pk, fields["transaction_id"]),
    }  # fmt: skip
    assert post(tenant, side.account, report(side, {**told, "operation": f"{part.pk}.{'0' * 24}"})) == 403
    assert post(tenant, side.account, report(side, told)) == 200
    run_inbox()
    part.refresh_from_db()
    assert part.state == PartState.PAID
    assert again() == CommandState.SUCCEEDED
    assert len(side.control("GET", "refunds")["data"]) == 1
    assert balance(deposit) == eur("300")


def test_a_withdrawal_to_a_wallet(tenant: Any, side: SkrillSide) -> None:
    """From the address book through the command, its answer lost, found by asking; the payee comes days later."""
    from kernel import commands

    account, person = side.connect(payouts=["skrill"]), funded()
    side.hold_payouts()
    details = {"email": "lena.vogt@example.com"}
    method = SkrillProvider.capabilities.payout_method("skrill")
    assert method is not None
    destination = make_destination(
        person, method="skrill", details=details, fingerprint=fingerprint(method, details),
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
    Command.objects.filter(pk=part.pk).update(available_at=clock.now())
    assert commands.run(part.pk) == CommandState.SUCCEEDED
    (sent,) = side.control("GET", "payouts")["data"]
    part.refresh_from_db()
    assert (part.state, part.provider_reference) == (PartState.SENDING, sent["id"])
    assert part_ask(part_id=part.pk, actor=SYSTEM) == "pending"
    side.control("POST", f"payouts/{sent['id']}/process")
    assert part_ask(part_id=part.pk, actor=SYSTEM) == "paid"
    assert part_ask(part_id=part.pk, actor=SYSTEM) == "nothing"
    wallet = wallet_of(person.pk, "EUR")
    assert wallet is not None
    assert (wallet.balance, wallet.held) == (eur("300"), eur("0"))


def test_the_secret_word_alone_opens_the_door(tenant: Any, side: SkrillSide) -> None:
    account, _, fields = credited(tenant, side)
    secrets.credential_set(owner=account.secrets_owner, name="secret_word", value="changed")
    assert post(tenant, account, report(side, {**fields, "status": "-3"})) == 403
    assert provider_of(account).test_connection().good
