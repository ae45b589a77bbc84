"""CryptoProcessing against its sandbox: the common contract, coins and their networks, and money that comes as it likes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any, ClassVar

import pytest
from django.test import Client as Browser

from kernel import clock
from kernel.errors import Invalid, OutcomeUnknown, Rejected, Unavailable
from kernel.ids import uuid7
from kernel.money import Money
from sandbox.tests.support import Receiver, Sandbox
from tenant_apps.ledger import selectors as ledger
from tenant_apps.payments.adapters.cryptoproc import CryptoProcessingProvider, coins
from tenant_apps.payments.chain_addresses import address_good, keccak_256
from tenant_apps.payments.errors import AmountNotPayable
from tenant_apps.payments.models import Deposit, DepositState, ProviderAccount
from tenant_apps.payments.ports import (
    DepositOrder,
    EventKind,
    PaymentProvider,
    PaymentState,
    PayoutOrder,
    PayoutProvider,
    ProviderConfig,
    RefundState,
    SignatureInvalid,
)
from tenant_apps.payments.selectors import DEPOSIT_VIEWS
from tenant_apps.payments.services.deposits import deposit_ask, deposit_open, deposit_start
from tenant_apps.payments.services.destinations import destination_add
from tenant_apps.payments.services.providers import provider_of
from tenant_apps.payments.services.webhooks import webhook_receive
from tenant_apps.payments.tasks import deposits_to_ask
from tenant_apps.wallets.selectors import wallet_of

from .contract import PayoutContract, ProviderContract
from .cryptoproc_side import SECRET, CryptoSide
from .support import SYSTEM, client_actor, make_client, make_rule, run_inbox

TRON_ADDRESS = "TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6t"
BORN = "1990-05-01"


@pytest.fixture(scope="module")
def crypto_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    running = Sandbox("cryptoproc", tmp_path_factory.mktemp("cryptoproc"), "--retry-base", "0.05")
    yield running
    running.close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.close()


@pytest.fixture
def side(tenant: Any, crypto_server: Sandbox, receiver: Receiver) -> CryptoSide:
    return CryptoSide(crypto_server, receiver)


class TestTetherOnTron(ProviderContract, PayoutContract):
    amount = Money(250_500_000, "USDT")
    payout_amount = Money(20_000_001, "USDT")
    method = "usdt_trc20"
    looks_for_refunds = False
    payout_method = "crypto"
    destination: ClassVar[dict[str, str]] = {"network": "tron", "address": TRON_ADDRESS}

    def order(self, side: Any) -> DepositOrder:
        order = super().order(side)
        return replace(order, payer=replace(order.payer, birth_date=BORN))

    def payout_order(self, side: Any, **changes: Any) -> PayoutOrder:
        order = super().payout_order(side, **changes)
        return replace(order, payee=replace(order.payee, birth_date=BORN))

    @pytest.fixture
    def side(self, tenant: Any, crypto_server: Sandbox, receiver: Receiver) -> CryptoSide:
        return CryptoSide(crypto_server, receiver)

    def test_a_new_payment_is_open_and_has_a_page(self, side: CryptoSide, provider: PaymentProvider) -> None:
        """There is no page: the payer is told where to send, and on which network."""
        redirect = provider.create_deposit(self.order(side))
        assert redirect.url == ""
        coin = coins.BY_METHOD[self.method]
        assert redirect.instructions["network"] == coins.NETWORKS[coin.network]
        assert address_good(coin.network, redirect.instructions["address"], "live")
        assert provider.fetch_deposit(redirect.provider_reference).state is PaymentState.OPEN

    def test_refunds_add_up_and_can_be_found(self, side: CryptoSide, provider: PaymentProvider) -> None:
        """Coins do not go back where they came from: that may be an exchange's wallet."""
        assert not type(provider).capabilities.refunds
        with pytest.raises(Rejected):
            provider.refund(operation_id=uuid7(), payment_reference="1", amount=self.amount, reason="W1")
        assert provider.find_refund(uuid7(), payment_reference="1") is None

    def test_amounts_it_cannot_express_are_refused_not_rounded(
        self, side: CryptoSide, provider: PaymentProvider
    ) -> None:
        assert [provider.amount_step(code) for code in ("USDT", "BTC", "ETH", "EUR", "USDC")] == [1, 1, 1, 0, 0]
        wrong = Money(1, "ETH" if self.amount.currency == "BTC" else "BTC")
        for amount in (Money(100, "EUR"), wrong, Money(0, self.amount.currency)):
            with pytest.raises(AmountNotPayable):
                provider.create_deposit(replace(self.order(side), amount=amount))


class TestTetherOnEthereum(TestTetherOnTron):
    method = "usdt_erc20"
    destination: ClassVar[dict[str, str]] = {
        "network": "ethereum", "address": "0x2D6CA312567986C08CC4eF3F706136D1c9eF0321"
    }  # fmt: skip


class TestBitcoin(TestTetherOnTron):
    amount = Money(1_234_567, "BTC")
    payout_amount = Money(20_001, "BTC")
    method = "btc"
    destination: ClassVar[dict[str, str]] = {
        "network": "bitcoin", "address": "bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq"
    }  # fmt: skip


class TestEther(TestTetherOnTron):
    amount = Money(150_000_000, "ETH")
    payout_amount = Money(5_000_001, "ETH")
    method = "eth"
    destination: ClassVar[dict[str, str]] = {
        "network": "ethereum", "address": "0xd61180ff0cf74dc3ee8e264751f18c47060729b9"
    }  # fmt: skip


# --- units, addresses, signatures -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("minor", "currency", "wire", "text"),
    [
        (250_500_000, "USDT", "USDTT", "250.500000"),
        (1, "USDT", "USDTE", "0.000001"),
        (1, "BTC", "BTC", "0.00000001"),
        (123_456_789, "ETH", "ETH", "1.23456789"),
    ],
)
def test_units(minor: int, currency: str, wire: str, text: str) -> None:
    assert coins.to_wire(Money(minor, currency)) == text
    for zeros in ("", "00000"):
        assert coins.from_wire({"currency": wire, "amount": text + zeros}) == Money(minor, currency)


def test_what_would_have_to_be_rounded_is_refused() -> None:
    for wire, text in (("USDTT", "1.0000001"), ("ETH", "0.010000001"), ("BTC", Decimal("0.000000015"))):
        with pytest.raises(ValueError, match="decimals"):
            coins.from_wire({"currency": wire, "amount": text})


def test_a_fee_is_rounded_up_and_gas_left_out() -> None:
    fees = [{"currency": "ETH", "amount": "0.00037336"}, {"currency": "USDTE", "amount": "0.00090001"}]
    assert coins.fee_of(fees, "USDT") == Money(901, "USDT")
    assert coins.fee_of(fees[:1], "USDT") is None


@pytest.mark.parametrize(
    ("network", "address", "mode", "good"),
    [
        ("tron", TRON_ADDRESS, "live", True),
        ("tron", "TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6u", "live", False),
        ("tron", "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa", "live", False),
        ("bitcoin", "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa", "live", True),
        ("bitcoin", "39mFf3X46YzUtfdwVQpYXPCMydc74ccbAZ", "live", True),
        ("bitcoin", "2NFZ9SmEm3mQ7jqVF4vPXBwCyn9KpmEwkTj", "live", False),
        ("bitcoin", "2NFZ9SmEm3mQ7jqVF4vPXBwCyn9KpmEwkTj", "test", True),
        ("bitcoin", "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4", "live", True),  # BIP 173
        ("bitcoin", "BC1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KV8F3T4", "live", True),
        ("bitcoin", "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0", "live", True),  # BIP 350
        ("bitcoin", "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqh2y7hd", "live", False),
        ("bitcoin", "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t5", "live", False),
        ("bitcoin", "tb1qw508d6qejxtdg4y5r3zarvary0c5xw7kxpjzsx", "live", False),
        ("bitcoin", "tb1qw508d6qejxtdg4y5r3zarvary0c5xw7kxpjzsx", "test", True),
        ("ethereum", "0xd61180ff0cf74dc3ee8e264751f18c47060729b9", "live", True),
        ("ethereum", "d61180ff0cf74dc3ee8e264751f18c47060729b9", "live", False),
        ("ethereum", "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", "live", True),  # EIP-55
        ("ethereum", "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359", "live", True),
        ("ethereum", "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB", "live", True),
        ("ethereum", "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb", "live", True),
        ("ethereum", "0x52908400098527886E0F7030069857D2E4169EE7", "live", True),  # EIP-55, all capitals
        ("ethereum", "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAeD", "live", False),
        ("ethereum", "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAea", "live", False),
        ("ethereum", TRON_ADDRESS, "live", False),
        ("solana", TRON_ADDRESS, "live", False),
        ("tron", "", "live", False),
        ("bitcoin", "", "live", False),
    ],
)
def test_addresses(network: str, address: str, mode: str, good: bool) -> None:
    assert address_good(network, address, mode) is good


def test_keccak_is_that_of_the_published_vectors_and_sha3_but_for_its_padding() -> None:
    """keccak.team's vectors; FIPS 202 as the interpreter has it, around the length of a block."""
    assert keccak_256(b"").hex() == "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"
    assert keccak_256(b"abc").hex() == "4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45"
    for length in (0, 1, 135, 136, 137, 272, 400):
        data = bytes(at % 251 for at in range(length))
        assert keccak_256(data, padding=0x06) == hashlib.sha3_256(data).digest()


@pytest.mark.parametrize(
    ("network", "address", "good"),
    [
        ("tron", TRON_ADDRESS, True), ("bitcoin", TRON_ADDRESS, False), ("ethereum", TRON_ADDRESS, False),
        ("ethereum", "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", True),
        ("ethereum", "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAeD", False),
        ("bitcoin", "tb1qw508d6qejxtdg4y5r3zarvary0c5xw7kxpjzsx", False),
    ],
)  # fmt: skip
def test_an_address_of_another_network_is_not_written_down(tenant: Any, network: str, address: str, good: bool) -> None:
    client = make_client()
    values = {"network": network, "address": f" {address} "}
    if good:
        row = destination_add(actor=client_actor(client), client=client, method="crypto", details=values)
        assert row.details["address"] == address
        return
    with pytest.raises(Invalid) as refusal:
        destination_add(actor=client_actor(client), client=client, method="crypto", details=values)
    assert refusal.value.field == "address"
    assert not client.destinations.exists()


def provider_with(secret: str = SECRET, **settings: str) -> CryptoProcessingProvider:
    config = ProviderConfig(account_id=uuid7(), mode="live", settings=settings, secrets={"secret_key": secret})
    return CryptoProcessingProvider(config)


def test_the_published_signature() -> None:
    """docs.cryptoprocessing.com, "Authentication"."""
    assert provider_with()._sign(b'{"currency":"BTC","foreign_id":"123456"}') == (
        "03c25fcf7cd35e7d995e402cd5d51edd72d48e1471e865907967809a0c189ba5"
        "5b90815f20e2bb10f82c7a9e9d865546fda58989c2ae9e8e2ff7bc29195fa1ec"
    )


# The published callback (github.com/coinspaid/docs, "Callback Examples"), but for our id.
PUBLISHED = """{"id": 1, "type": "deposit", "crypto_address": {"id": 1, "currency": "BTC",
 "address": "39mFf3X46YzUtfdwVQpYXPCMydc74ccbAZ", "foreign_id": "%s", "tag": null},
 "currency_sent": {"currency": "BTC", "amount": "6.53157512"},
 "currency_received": {"currency": "BTC", "amount": "6.53157512", "amount_minus_fee": "6.5119800"},
 "transactions": [{"id": 1, "currency": "BTC", "transaction_type": "blockchain", "type": "deposit",
  "address": "39mFf3X46YzUtfdwVQpYXPCMydc74ccbAZ", "tag": null, "amount": "6.53157512",
  "txid": "3950ad8149421a850d01dff88f024810e363ac18c9e8dd9bc0b9116e7937ad93", "riskscore": "0.5", "confirmations": 3}],
 "fees": [{"type": "deposit", "currency": "BTC", "amount": "0.01959472"}], "error": "", "status": "%s"}"""


def test_the_published_callback() -> None:
    ours, provider = uuid7(), provider_with(api_key="public")
    body = (PUBLISHED % (ours, "confirmed")).encode()
    headers = {"x-processing-key": "public", "x-processing-signature": provider._sign(body)}
    event = provider.verify_webhook(body, headers)[0]
    assert (event.event_key, event.deposit_id) == ("deposit:1:confirmed", ours)
    assert event.deposit is not None
    assert (event.deposit.state, event.deposit.amount) == (PaymentState.PAID, Money(653_157_512, "BTC"))
    assert (event.deposit.fee, event.deposit.source) == (Money(1_959_472, "BTC"), "Bitcoin 3950ad…ad93")
    for wrong in ({}, {**headers, "x-processing-key": "other"}, {**headers, "x-processing-signature": "é"}):
        with pytest.raises(SignatureInvalid):
            provider.verify_webhook(body, wrong)
    nobody = provider_with("", api_key="public")
    with pytest.raises(SignatureInvalid):
        nobody.verify_webhook(body, {**headers, "x-processing-signature": nobody._sign(body)})


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("not_confirmed", PaymentState.DELAYED), ("processing", PaymentState.DELAYED), ("confirmed", PaymentState.PAID),
        ("cancelled", PaymentState.FAILED), ("failed", PaymentState.FAILED),
    ],
)  # fmt: skip
def test_statuses_of_a_deposit(status: str, state: PaymentState) -> None:
    event = provider_with().read_webhook((PUBLISHED % (uuid7(), status)).encode())[0]
    assert event.deposit is not None
    assert event.deposit.state is state


def test_what_is_not_ours_is_put_aside() -> None:
    read = provider_with().read_webhook
    body = json.loads(PUBLISHED % (uuid7(), "confirmed"))
    others = [
        {**body, "type": "invoice"},
        {**body, "type": "exchange", "crypto_address": None},
        {**body, "crypto_address": {"foreign_id": "user-id:2048"}},
        {**body, "currency_received": {"currency": "DOGE", "amount": "1"}},
    ]
    assert [read(json.dumps(other).encode())[0].kind for other in others] == [EventKind.OTHER] * 4


# --- at the sandbox ---------------------------------------------------------------------------------------------------

CONTRACT = TestTetherOnTron()


@pytest.fixture
def account(side: CryptoSide) -> ProviderAccount:
    return side.connect()


@pytest.fixture
def provider(account: ProviderAccount) -> PayoutProvider:
    return provider_of(account)  # type: ignore[return-value]


@pytest.mark.parametrize(
    "destination",
    [
        {"network": "tron", "address": "TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6u"},
        {"network": "ethereum", "address": TRON_ADDRESS},
        {"network": "bitcoin", "address": "39mFf3X46YzUtfdwVQpYXPCMydc74ccbAZ"},
        {"network": "", "address": TRON_ADDRESS},
    ],
)
def test_coins_are_not_sent_to_where_they_would_be_lost(
    side: CryptoSide, provider: PayoutProvider, destination: dict[str, str]
) -> None:
    with pytest.raises(Rejected):
        provider.payout(CONTRACT.payout_order(side, destination=destination))
    assert side.control("GET", "transactions")["data"] == []


@pytest.mark.parametrize("fault", ["api_reset_after_commit", "api_error_after_commit"])
def test_a_payout_whose_answer_was_lost_is_found(side: CryptoSide, provider: PayoutProvider, fault: str) -> None:
    order = CONTRACT.payout_order(side)
    side.control("PUT", "faults", {fault: 1})
    with pytest.raises(OutcomeUnknown):
        provider.payout(order)
    found = provider.find_payout(order.operation_id, reference="")
    assert found is not None
    assert found.state is RefundState.PENDING
    assert provider.payout(order) == found
    assert side.payouts_made(order) == 1


def test_a_second_payout_under_the_same_id_may_be_the_first(
    side: CryptoSide, provider: PayoutProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = CONTRACT.payout_order(side)
    provider.payout(order)
    monkeypatch.setattr(provider, "find_payout", lambda *_, **__: None)
    with pytest.raises(OutcomeUnknown):
        provider.payout(order)


def test_who_sends_and_receives_is_told_and_the_rest_is_not(side: CryptoSide, provider: PayoutProvider) -> None:
    order = CONTRACT.payout_order(side)
    provider.payout(order)
    made = side.control("GET", "transactions")["data"][0]
    assert "@" not in made["end_user_reference"]
    assert made["currency_sent"] == {"currency": "USDTT", "amount": "20.00000100"}
    unborn = replace(order, operation_id=uuid7(), payee=replace(order.payee, birth_date=""))
    with pytest.raises(Rejected, match="date of birth"):
        provider.payout(unborn)


def test_errors_of_the_other_side(side: CryptoSide, provider: PayoutProvider) -> None:
    side.control("PUT", "settings", {"balances": {"USDTT": "1"}})
    with pytest.raises(Rejected, match="Not enough money"):
        provider.payout(CONTRACT.payout_order(side))
    side.control("PUT", "faults", {"api_error_before_commit": 1})
    with pytest.raises(Unavailable):
        provider.find_payout(uuid7(), reference="")
    side.control("PUT", "faults", {"api_unauthorized": True})
    with pytest.raises(Unavailable, match="Bad key"):
        provider.create_deposit(CONTRACT.order(side))


# --- into the wallet --------------------------------------------------------------------------------------------------


def started(side: CryptoSide, amount: Money, method: str = "usdt_trc20") -> Deposit:
    account = side.connect()
    make_rule(account, method, amount.currency, minimum_minor=1, maximum_minor=10**12)
    client = make_client(birth_date=BORN)
    client.refresh_from_db()
    deposit = deposit_start(
        actor=client_actor(client), client=client, amount=amount, offer_key=f"{account.pk}:{method}"
    )
    return deposit_open(deposit_id=deposit.pk)


def take_in(side: CryptoSide, deposit: Deposit, number: object, status: str) -> None:
    """The callback about a transaction, through verification and the inbox."""
    begins, says = f'{{"id":{number},'.encode(), f'"status":"{status}"'.encode()

    def about(request: Any) -> bool:
        return request.body.startswith(begins) and says in request.body

    for request in filter(about, side.receiver.wait(lambda got: any(map(about, got)))):
        webhook_receive(account_id=deposit.provider_account_id, headers=request.headers, body=request.body)
    run_inbox()
    deposit.refresh_from_db()


@pytest.mark.parametrize(
    ("sent", "credited", "attention"),
    [("250.5", 250_500_000, ""), ("199.999999", 199_999_999, "underpaid"), ("1000", 1_000_000_000, "overpaid")],
)
def test_what_arrives_is_credited_once(side: CryptoSide, sent: str, credited: int, attention: str) -> None:
    deposit = started(side, Money(250_500_000, "USDT"))
    assert (deposit.state, deposit.payment_url) == (DepositState.PENDING, "")
    side.control("PUT", "faults", {"deliver_twice": True})
    seen = side.send(deposit.instructions["address"], sent)
    take_in(side, deposit, seen["id"], "not_confirmed")
    assert deposit.state == DepositState.DELAYED
    assert wallet_of(deposit.client_id, "USDT") is None
    side.decide(seen["id"], "confirm")
    take_in(side, deposit, seen["id"], "confirmed")
    take_in(side, deposit, seen["id"], "not_confirmed")
    assert (deposit.state, deposit.received_minor, deposit.attention) == (DepositState.CREDITED, credited, attention)
    wallet = wallet_of(deposit.client_id, "USDT")
    assert wallet is not None
    assert wallet.balance == Money(credited, "USDT")
    assert deposit_ask(deposit_id=deposit.pk, actor=SYSTEM) == "nothing"


def test_out_of_order_it_is_credited_all_the_same(side: CryptoSide) -> None:
    deposit = started(side, Money(1_000_000, "BTC"), "btc")
    seen = side.send(deposit.instructions["address"], "0.01")
    side.decide(seen["id"], "confirm")
    take_in(side, deposit, seen["id"], "confirmed")
    take_in(side, deposit, seen["id"], "not_confirmed")
    assert (deposit.state, deposit.received_minor, deposit.source[:8]) == (DepositState.CREDITED, 1_000_000, "Bitcoin ")


def test_dust_finer_than_we_keep_stays_behind(side: CryptoSide) -> None:
    """Eighteen decimals of ether do not fit: what does is credited, and so is the next payment to the address."""
    deposit = started(side, Money(100_000_000, "ETH"), "eth")
    seen = side.send(deposit.instructions["address"], "1.000000001234", confirmed=True)
    take_in(side, deposit, seen["id"], "confirmed")
    assert (deposit.state, deposit.received_minor, deposit.failure) == (DepositState.CREDITED, 100_000_000, "")
    more = side.send(deposit.instructions["address"], "0.500000009999999999", confirmed=True)
    take_in(side, deposit, more["id"], "confirmed")
    wallet = wallet_of(deposit.client_id, "ETH")
    assert wallet is not None
    assert wallet.balance == Money(150_000_000, "ETH")
    assert Deposit.objects.filter(client=deposit.client, state=DepositState.CREDITED).count() == 2


def test_another_coin_on_the_same_network_waits_for_a_decision(side: CryptoSide) -> None:
    deposit = started(side, Money(100_000_000, "ETH"), "eth")
    seen = side.send(deposit.instructions["address"], "300", currency="USDTE", confirmed=True)
    take_in(side, deposit, seen["id"], "confirmed")
    assert (deposit.state, deposit.attention) == (DepositState.SUSPENSE, "currency")


def test_too_little_fails_and_what_follows_is_taken(side: CryptoSide) -> None:
    deposit = started(side, Money(50_000_000, "USDT"))
    small = side.send(deposit.instructions["address"], "5")
    side.decide(small["id"], "confirm")
    take_in(side, deposit, small["id"], "failed")
    assert (deposit.state, deposit.failure_text) == (DepositState.FAILED, "Deposited funds less than the lower limit")
    second = side.send(deposit.instructions["address"], "50", confirmed=True)
    take_in(side, deposit, second["id"], "confirmed")
    assert (deposit.state, deposit.received_minor, deposit.attention) == (DepositState.CREDITED, 50_000_000, "late")


def test_the_rest_of_it_is_a_deposit_of_its_own(side: CryptoSide) -> None:
    """Sixty were sent, then the missing forty to the same address: both are the client's, once each."""
    deposit = started(side, Money(100_000_000, "USDT"))
    side.control("PUT", "faults", {"deliver_twice": True})
    first = side.send(deposit.instructions["address"], "60", confirmed=True)
    take_in(side, deposit, first["id"], "confirmed")
    rest = side.send(deposit.instructions["address"], "40")
    side.decide(rest["id"], "confirm")
    for _ in range(2):
        take_in(side, deposit, rest["id"], "confirmed")
        take_in(side, deposit, first["id"], "confirmed")
        assert deposit_ask(deposit_id=deposit.pk, actor=SYSTEM) == "nothing"
    mine = Deposit.objects.filter(client=deposit.client_id).order_by("created_at")
    assert [(one.state, one.received_minor, one.payment_reference) for one in mine] == [
        (DepositState.CREDITED, 60_000_000, str(first["id"])),
        (DepositState.CREDITED, 40_000_000, str(rest["id"])),
    ]
    wallet = wallet_of(deposit.client_id, "USDT")
    assert wallet is not None
    assert wallet.balance == Money(100_000_000, "USDT")
    assert ledger.broken_invariants() == {}


def test_a_lost_callback_is_made_up_for_by_asking(side: CryptoSide) -> None:
    deposit = started(side, Money(50_000_000, "USDT"))
    assert deposit_ask(deposit_id=deposit.pk, actor=SYSTEM) == "nothing"
    side.control("PUT", "faults", {"drop_first": 9})
    side.send(deposit.instructions["address"], "50", confirmed=True)
    assert deposit_ask(deposit_id=deposit.pk, actor=SYSTEM) == "credited"


def asked_later(deposit: Deposit, **age: int) -> str:
    """The sweep's question when the deposit is that old, and was last asked about a day before."""
    now = clock.now()
    Deposit.objects.filter(pk=deposit.pk).update(created_at=now - timedelta(**age), asked_at=now - timedelta(hours=25))
    done = deposit_ask(deposit_id=deposit.pk, actor=SYSTEM) if deposit.pk in deposits_to_ask() else "not asked"
    deposit.refresh_from_db()
    return done


def test_an_address_nobody_paid_to_is_asked_about_and_then_counts_as_left(side: CryptoSide) -> None:
    """It is neither open nor stuck anywhere afterwards; what comes to it later is credited as if it were in time."""
    deposit = started(side, Money(50_000_000, "USDT"))
    assert asked_later(deposit, days=2) == "nothing"
    assert deposit.state == DepositState.PENDING
    assert asked_later(deposit, days=4) == "expired"
    assert deposit.state == DepositState.EXPIRED
    assert not Deposit.objects.filter(DEPOSIT_VIEWS["open"]).exists()
    assert asked_later(deposit, days=29) == "nothing"
    side.control("PUT", "faults", {"drop_first": 9})
    side.send(deposit.instructions["address"], "50", confirmed=True)
    assert asked_later(deposit, days=29) == "credited"
    assert (deposit.state, deposit.attention) == (DepositState.CREDITED, "")


def test_an_address_that_ended_unpaid_is_asked_about_once_a_day_for_a_month(side: CryptoSide) -> None:
    deposit = started(side, Money(50_000_000, "USDT"))
    Deposit.objects.filter(pk=deposit.pk).update(state=DepositState.EXPIRED)
    assert asked_later(deposit, days=29) == "nothing"
    assert deposits_to_ask() == []  # asked a moment ago
    assert asked_later(deposit, days=31) == "not asked"


def test_a_forged_callback_moves_nothing(tenant: Any, side: CryptoSide) -> None:
    deposit = started(side, Money(100_000_000, "BTC"), "btc")
    body = PUBLISHED % (deposit.pk, "confirmed")
    headers = {"Host": f"{tenant.slug}.localhost", "X-Processing-Key": side.key, "X-Processing-Signature": "0" * 128}
    answer = Browser().post(
        f"/webhooks/{deposit.provider_account_id}/", data=body, content_type="application/json", headers=headers
    )
    assert answer.status_code == 403
    deposit.refresh_from_db()
    assert deposit.state == DepositState.PENDING
