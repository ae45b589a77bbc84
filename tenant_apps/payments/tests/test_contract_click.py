"""Click: what of the contract a provider can keep that only asks, both questions through the real view, and its sandbox."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest

from kernel import clock
from kernel.errors import Rejected
from kernel.ids import uuid7
from kernel.models import InboxMessage
from kernel.money import Money
from sandbox.tests.support import Receiver, Sandbox, until
from tenant_apps.ledger import selectors as ledger
from tenant_apps.payments.adapters.click.provider import ClickProvider
from tenant_apps.payments.adapters.click.questions import NOTES, from_wire, sign, to_wire
from tenant_apps.payments.errors import AmountNotPayable
from tenant_apps.payments.models import Deposit, DepositState, ProviderNote
from tenant_apps.payments.ports import Conversing, DepositOrder, PaymentProvider, ProviderConfig, SignatureInvalid
from tenant_apps.payments.services.providers import provider_of
from tenant_apps.wallets.selectors import wallet_of

from .click_side import ClickSide
from .contract import PAYER, ProviderContract

AMOUNT = 15_000_000  # minor units: 150 000.00 sum


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    running = Sandbox("click", tmp_path_factory.mktemp("click"), "--retry-base", "0.05")
    yield running
    running.close()


@pytest.fixture
def side(tenant: Any) -> ClickSide:
    return ClickSide()


def balance(deposit: Deposit) -> Money | None:
    wallet = wallet_of(deposit.client_id, "UZS")
    return wallet.balance if wallet else None


class TestClick(ProviderContract):
    amount = Money(AMOUNT, "UZS")
    method = "click"
    looks_for_refunds = False

    @pytest.fixture
    def side(self, tenant: Any) -> Iterator[ClickSide]:
        made: Any = ClickSide()
        made.receiver = Receiver()
        yield made
        made.receiver.close()

    def test_a_new_payment_is_open_and_has_a_page(self, side: Any, provider: PaymentProvider) -> None:
        redirect = provider.create_deposit(self.order(side))
        assert redirect.url.startswith("https://my.click.uz/services/pay?service_id=")
        assert redirect.provider_reference == ""

    def test_paid_is_told_and_found(self, side: Any, provider: PaymentProvider) -> None:
        """It is told in a conversation: below. It cannot be asked."""
        assert isinstance(provider, Conversing)
        assert not type(provider).capabilities.asks
        assert not type(provider).capabilities.refunds

    def test_a_changed_body_or_key_is_refused(self, side: Any, provider: PaymentProvider) -> None:
        for body in (b"", b"action=1"):
            with pytest.raises(SignatureInvalid):
                provider.verify_webhook(body, {})

    def test_refunds_add_up_and_can_be_found(self, side: Any, provider: PaymentProvider) -> None:
        with pytest.raises(Rejected):
            provider.refund(operation_id=uuid7(), payment_reference="1", amount=self.amount, reason="W1")
        assert provider.find_refund(uuid7(), payment_reference="1") is None


@pytest.mark.parametrize(
    ("minor", "text", "others"),
    [
        (AMOUNT, "150000.00", ["150000", "150000.0", "1.5E+5"]),
        (1, "0.01", []),
        (50, "0.50", ["0.5"]),
        (99_999_999_999, "999999999.99", []),
    ],
)
def test_units(minor: int, text: str, others: list[str]) -> None:
    """Sum with decimals; Click sends a number on, and how it writes it is not promised."""
    assert to_wire(Money(minor, "UZS")) == text
    assert [from_wire(way) for way in (text, *others)] == [Money(minor, "UZS")] * (1 + len(others))


def test_amounts_are_not_rounded() -> None:
    for text in ("1.001", "x", "", "NaN", "Infinity", "1e99"):
        with pytest.raises(ValueError, match="."):
            from_wire(text)
    for currency in ("USD", "JPY", "KWD"):
        with pytest.raises(AmountNotPayable):
            to_wire(Money(100, currency))
    config = ProviderConfig(account_id=uuid7(), mode="test", settings={})
    assert [ClickProvider(config).amount_step(code) for code in ("UZS", "USD", "JPY", "KWD")] == [1, 0, 0, 0]


@pytest.mark.parametrize(("action", "text"), [("0", "132keyD110000"), ("1", "132keyD17710001")])
def test_what_is_signed(action: str, text: str) -> None:
    """docs.click.uz: the prepare id is part of it only when completing."""
    fields = {"click_trans_id": "13", "service_id": "2", "merchant_trans_id": "D1", "amount": "1000", "action": action,
              "sign_time": "2026-11-21 10:00:00", "merchant_prepare_id": "77"}  # fmt: skip
    expected = hashlib.md5(f"{text}2026-11-21 10:00:00".encode(), usedforsecurity=False).hexdigest()
    assert sign(fields, "key") == expected


def test_the_link() -> None:
    order = DepositOrder(
        deposit_id=uuid7(), reference="D197", amount=Money(50_050, "UZS"), method="click", language="de",
        description="", payer=PAYER, return_url="https://x.example/back?a=1", cancel_url="", webhook_url="",
    )  # fmt: skip
    config = ProviderConfig(account_id=uuid7(), mode="live", settings={"service_id": "2", "merchant_id": "9"})
    assert ClickProvider(config).create_deposit(order).url == (
        "https://my.click.uz/services/pay?service_id=2&merchant_id=9&amount=500.50&transaction_param=D197"
        "&return_url=https%3A%2F%2Fx.example%2Fback%3Fa%3D1"
    )


# --- the conversation -----------------------------------------------------------------------------------------------------


def test_a_payment_from_prepare_to_credit(side: ClickSide) -> None:
    deposit = side.started()
    prepared = side.prepare(deposit)
    assert (prepared["error"], prepared["click_trans_id"], prepared["merchant_trans_id"]) == (0, 13, deposit.reference)
    assert balance(deposit) is None
    told = side.complete(deposit, prepared["merchant_prepare_id"])
    assert (told["error"], told["merchant_confirm_id"]) == (0, prepared["merchant_prepare_id"])
    deposit.refresh_from_db()
    assert (deposit.state, deposit.received_minor, deposit.provider_reference, deposit.payment_reference) == (
        DepositState.CREDITED, AMOUNT, "13", "1013"
    )  # fmt: skip
    assert balance(deposit) == Money(AMOUNT, "UZS")
    assert InboxMessage.objects.get().outcome == "credited"


def test_repeated_calls(side: ClickSide) -> None:
    """Prepare gets the same answer; Complete is "already paid" from the second time on, and pays once."""
    deposit = side.started()
    prepared = side.prepare(deposit)
    assert [side.prepare(deposit) for _ in range(2)] == [prepared, prepared]
    number = prepared["merchant_prepare_id"]
    assert [side.complete(deposit, number)["error"] for _ in range(3)] == [0, -4, -4]
    assert side.prepare(deposit)["error"] == -4
    assert side.complete(deposit, number, error="-5017")["error"] == -4
    assert (balance(deposit), ProviderNote.objects.count()) == (Money(AMOUNT, "UZS"), 1)
    assert ledger.broken_invariants() == {}


def test_the_bank_says_no_and_the_payer_tries_again(side: ClickSide) -> None:
    deposit = side.started()
    number = side.prepare(deposit)["merchant_prepare_id"]
    told = side.complete(deposit, number, error="-5017", error_note="Not enough money")
    assert (told["error"], told["error_note"]) == (-9, NOTES[-9])
    assert side.complete(deposit, number)["error"] == -9
    assert side.prepare(deposit)["error"] == -9
    deposit.refresh_from_db()
    assert (deposit.state, deposit.failure, deposit.failure_text) == (
        DepositState.PENDING, "declined", "Click -5017: Not enough money"
    )  # fmt: skip
    again = side.prepare(deposit, 14)["merchant_prepare_id"]
    assert side.complete(deposit, again, 14)["error"] == 0
    assert balance(deposit) == Money(AMOUNT, "UZS")


def test_an_order_prepared_twice_is_paid_once(side: ClickSide) -> None:
    deposit = side.started()
    first, second = (side.prepare(deposit, number)["merchant_prepare_id"] for number in (13, 14))
    assert side.complete(deposit, second, 14)["error"] == 0
    assert side.complete(deposit, first, 13)["error"] == -4
    assert balance(deposit) == Money(AMOUNT, "UZS")


def test_out_of_order_and_of_another(side: ClickSide) -> None:
    deposit, other = side.started(), side.started()
    assert side.complete(deposit, 5)["error"] == -6
    number = side.prepare(deposit)["merchant_prepare_id"]
    assert side.complete(deposit, number + 1)["error"] == -6
    assert side.complete(deposit, number, 99)["error"] == -6
    assert side.complete(other, number)["error"] == -6
    assert side.prepare(other)["error"] == -8
    assert balance(deposit) is None


@pytest.mark.parametrize("amount", ["149999.99", "150000.01", "1500", "15000000", "x", "-150000", "150000.001"])
def test_the_wrong_amount(side: ClickSide, amount: str) -> None:
    deposit = side.started()
    assert side.prepare(deposit, amount=amount)["error"] == -2
    number = side.prepare(deposit)["merchant_prepare_id"]
    assert side.complete(deposit, number, amount=amount)["error"] == -2
    assert balance(deposit) is None
    assert side.complete(deposit, number)["error"] == 0


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"merchant_trans_id": "D0"}, -5),
        ({"service_id": "1"}, -8),
        ({"action": "2"}, -3),
        ({"click_trans_id": "x"}, -8),
        ({"error": "x"}, -8),
        ({"error": "-1"}, -9),
        ({"amount": ""}, -8),
        ({"merchant_trans_id": "D" * 121}, -8),
    ],
)
def test_calls_that_are_refused(side: ClickSide, change: dict[str, str], error: int) -> None:
    deposit = side.started()
    assert side.prepare(deposit, **change) == side.prepare(deposit, **change)
    told = side.prepare(deposit, **change)
    assert (told["error"], told["error_note"]) == (error, NOTES[error])
    assert ProviderNote.objects.count() == 0


def test_whoever_is_not_click_learns_and_changes_nothing(side: ClickSide) -> None:
    deposit = side.started()
    only = {"error": -1, "error_note": NOTES[-1]}
    assert side.prepare(deposit, secret="other") == only
    assert side.prepare(deposit, secret="", merchant_trans_id="D0") == only
    number = side.prepare(deposit)["merchant_prepare_id"]
    assert side.complete(deposit, number, secret="other") == only
    good = side.signed(side.fields(deposit, 1, merchant_prepare_id=str(number)))
    for changed in (good.replace(b"amount=150000", b"amount=150001"), good.replace(b"action=1", b"action=0")):
        assert side.post(changed)["error"] == -1
    for body in (b"", b"\xff", b"a", good + b"&amount=1", good.replace(b"sign_string=", b"x=")):
        assert side.post(body)["error"] == -8
    assert balance(deposit) is None
    assert side.post(good)["error"] == 0


def test_an_account_without_a_key_lets_nobody_in(side: ClickSide) -> None:
    from .support import make_account

    side.account = make_account("click", settings={"service_id": side.service})
    assert side.post(side.signed(side.fields(Deposit(reference="D1"), 0), ""))["error"] == -1


def test_the_order_of_another_account_is_unknown(side: ClickSide) -> None:
    deposit = side.started()
    other = ClickSide()
    other.connect()
    assert other.prepare(deposit)["error"] == -5


def test_a_closed_order(side: ClickSide) -> None:
    """New payments are refused; one that was prepared before is money all the same."""
    deposit = side.started()
    number = side.prepare(deposit)["merchant_prepare_id"]
    Deposit.objects.update(state=DepositState.EXPIRED, closed_at=clock.now())
    assert side.prepare(deposit, 14)["error"] == -9
    assert side.complete(deposit, number)["error"] == 0
    deposit.refresh_from_db()
    assert (deposit.state, deposit.attention) == (DepositState.CREDITED, "late")


def test_the_connection_test_says_what_to_enter(side: ClickSide) -> None:
    account = side.connect()
    report = provider_of(account).test_connection()
    assert report.good
    assert f"/webhooks/{account.pk}/" in report.details[0]
    account.settings = {"merchant_id": "x", "service_id": side.service}
    assert not provider_of(account).test_connection().good


# --- with Click's sandbox calling -------------------------------------------------------------------------------------------


def test_the_payer_pays_and_click_asks_and_repeats(live_tenant: Any, portal_port: int, server: Sandbox) -> None:
    side = ClickSide(server)
    deposit = side.started()
    side.control("PUT", "faults", {"api_reset_after_commit": 1})
    link = deposit.payment_url.replace("click.localhost", "127.0.0.1")
    with httpx.Client(trust_env=False, timeout=30) as payer:
        assert "150\xa0000,00 so‘m" in payer.get(link).text
        assert payer.post(link, data={"number": "8600000000000000"}).status_code == 303
        (attempt,) = until(
            lambda: [one for one in side.control("GET", "attempts")["data"] if one["step"] == "confirmed"]
        )
        deposit.refresh_from_db()
        assert (deposit.state, deposit.provider_reference) == (DepositState.CREDITED, str(attempt["id"]))
        again = payer.post(link, data={"number": "8600000000000000"})
    assert (again.status_code, "-4 Already paid" in again.text) == (422, True)
    assert side.control("POST", f"attempts/{attempt['id']}/complete")["error"] == -4
    problems = {call["problem"] for call in side.control("GET", "calls")["data"]}
    assert problems == {"", "the answer was lost on purpose"}
    assert balance(deposit) == Money(AMOUNT, "UZS")


def test_a_decline_and_a_wrong_key(live_tenant: Any, portal_port: int, server: Sandbox) -> None:
    side = ClickSide(server)
    deposit = side.started()
    link = deposit.payment_url.replace("click.localhost", "127.0.0.1")
    with httpx.Client(trust_env=False, timeout=30) as payer:
        assert payer.post(link, data={"number": "8600000000000008"}).status_code == 422
        side.control("PUT", "faults", {"tamper_signature": 1})
        assert "-1 SIGN CHECK FAILED!" in payer.post(link, data={"number": "8600000000000000"}).text
    steps = [(one["step"], one["error"]) for one in side.control("GET", "attempts")["data"]]
    assert steps == [("refused", -1), ("failed", -9)]
    deposit.refresh_from_db()
    assert (deposit.state, deposit.failure) == (DepositState.PENDING, "declined")


def test_completes_at_the_same_moment_pay_once(live_tenant: Any, portal_port: int) -> None:
    side = ClickSide()
    deposit = side.started()
    assert side.account is not None
    url = f"http://127.0.0.1:{portal_port}/webhooks/{side.account.pk}/"
    numbers = [13, 13, 14, 14]
    prepared = {number: side.prepare(deposit, number)["merchant_prepare_id"] for number in set(numbers)}
    start = Barrier(len(numbers))

    def complete(number: int) -> int:
        fields = side.fields(deposit, 1, number, merchant_prepare_id=str(prepared[number]))
        with httpx.Client(trust_env=False, timeout=60) as click:
            start.wait(30)
            form = {"Content-Type": "application/x-www-form-urlencoded"}
            return int(click.post(url, content=side.signed(fields), headers=form).json()["error"])

    with ThreadPoolExecutor(len(numbers)) as pool:
        assert sorted(pool.map(complete, numbers)) == [-4, -4, -4, 0]
    assert balance(deposit) == Money(AMOUNT, "UZS")
    assert ledger.broken_invariants() == {}


def test_a_body_is_kept_word_for_word_only_when_it_moved_money(side: ClickSide) -> None:
    deposit = side.started()
    number = side.prepare(deposit)["merchant_prepare_id"]
    assert InboxMessage.objects.count() == 0
    fields = side.fields(deposit, 1, merchant_prepare_id=str(number))
    side.post(side.signed(fields))
    assert urlencode(fields).encode() in bytes(InboxMessage.objects.get().body)
