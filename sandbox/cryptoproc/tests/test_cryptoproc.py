"""CryptoProcessing as a merchant meets it, over real sockets."""

from __future__ import annotations

import hashlib
import hmac
import itertools
import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest

from sandbox.cryptoproc.chains import base58, fresh, is_address
from sandbox.cryptoproc.signing import sign
from sandbox.tests.support import Receiver, Sandbox

_numbers = itertools.count(1)
SECRET = "AbCdEfG123456"  # noqa: S105
PERSON = {"first_name": "Lena", "last_name": "Vogt", "date_of_birth": "1990-05-01"}
COMPANY = {"legal_name": "Nordwind GmbH", "country_of_registration": "DEU"}
BTC = "39mFf3X46YzUtfdwVQpYXPCMydc74ccbAZ"  # of the published callback


class Merchant:
    """One merchant with bare HTTP in its hand."""

    def __init__(self, server: Sandbox, receiver: Receiver) -> None:
        self.server = server
        self.key = f"key{next(_numbers)}"
        self.control("PUT", "settings", {"secret_key": SECRET, "callback_url": f"{receiver.url}/callback"})

    def call(self, path: str, method: str = "POST", *, secret: str = SECRET, **values: Any) -> httpx.Response:
        body = json.dumps(values).encode()
        headers = {"X-Processing-Key": self.key, "X-Processing-Signature": sign(secret, body),
                   "Content-Type": "application/json"}  # fmt: skip
        return self.server.http.request(method, f"/api/v2/{path}", content=body, headers=headers)

    def take(self, **changes: Any) -> httpx.Response:
        values = {"currency": "USDTT", "foreign_id": "dep-1", "end_user_reference": "client-7", "sender_type": "natural",
                  "sender_data": PERSON}  # fmt: skip
        return self.call("addresses/take", **{**values, **changes})

    def address(self, **changes: Any) -> str:
        answer = self.take(**changes)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["data"]["address"])

    def withdraw(self, **changes: Any) -> httpx.Response:
        values = {"currency": "BTC", "address": BTC, "tag": None, "amount": "0.02", "foreign_id": "out-1",
                  "end_user_reference": "client-7", "sender_type": "legal", "sender_data": COMPANY,
                  "receiver_type": "natural", "receiver_data": PERSON}  # fmt: skip
        return self.call("withdrawal/crypto", **{**values, **changes})

    def control(self, method: str, path: str, body: Any = None) -> Any:
        answer = self.server.http.request(method, f"/_control/api/{self.key}/{path}", json=body or {})
        assert answer.status_code == 200, answer.text
        return answer.json()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    running = Sandbox("cryptoproc", tmp_path_factory.mktemp("cryptoproc"), "--retry-base", "0.05")
    yield running
    running.close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    running = Receiver()
    yield running
    running.close()


@pytest.fixture
def merchant(server: Sandbox, receiver: Receiver) -> Merchant:
    return Merchant(server, receiver)


def genuine(body: bytes, headers: dict[str, str]) -> bool:
    expected = hmac.new(SECRET.encode(), body, hashlib.sha512).hexdigest()
    return hmac.compare_digest(headers["x-processing-signature"], expected)


def test_the_published_signature() -> None:
    """docs.cryptoprocessing.com, "Authentication"."""
    assert sign("AbCdEfG123456", b'{"currency":"BTC","foreign_id":"123456"}') == (
        "03c25fcf7cd35e7d995e402cd5d51edd72d48e1471e865907967809a0c189ba5"
        "5b90815f20e2bb10f82c7a9e9d865546fda58989c2ae9e8e2ff7bc29195fa1ec"
    )


def test_addresses_are_of_their_network() -> None:
    """The genesis block's address, TRON's USDT contract, and what the sandbox makes itself."""
    assert base58(bytes.fromhex("0062e907b15cbf27d5425399ebf6f0fb50ebb88f18")) == "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa"
    assert is_address("tron", "TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6t")
    assert is_address("bitcoin", "bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq")
    for network in ("tron", "ethereum", "bitcoin"):
        assert is_address(network, fresh(network))
    for network, wrong in (("tron", "TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6u"), ("tron", BTC), ("ethereum", "0x12"),
                           ("bitcoin", BTC[:-1] + "a")):  # fmt: skip
        assert not is_address(network, wrong)


def test_a_deposit_from_address_to_confirmation(merchant: Merchant, receiver: Receiver) -> None:
    address = merchant.address()
    assert merchant.address() == address
    assert merchant.address(currency="USDTE") != address
    assert merchant.call("transactions/info", "GET", foreign_id="dep-1").status_code == 404
    seen = merchant.control("POST", f"addresses/{address}/receive", {"amount": "250.5"})
    merchant.control("POST", f"transactions/{seen['id']}/confirm")
    first, second = receiver.wait(lambda got: len(got) == 2)
    assert genuine(first.body, first.headers)
    assert second.headers["x-processing-key"] == merchant.key
    facts = [json.loads(one.body) for one in (first, second)]
    assert [(one["status"], one["crypto_address"]["foreign_id"]) for one in facts] == [
        ("not_confirmed", "dep-1"), ("confirmed", "dep-1")
    ]  # fmt: skip
    assert facts[1]["currency_received"] == {
        "currency": "USDTT",
        "amount": "250.50000000",
        "amount_minus_fee": "248.49600000",
    }
    assert facts[1]["fees"] == [{"type": "deposit", "currency": "USDTT", "amount": "2.00400000"}]
    assert merchant.call("transactions/info", "GET", foreign_id="dep-1").json() == facts[1]
    assert merchant.call("transactions/info", "GET", id=seen["id"]).json()["status"] == "confirmed"


@pytest.mark.parametrize(
    ("amount", "action", "status", "error"),
    [("9", "confirm", "failed", "Deposited funds less than the lower limit"),
     ("50", "cancel", "cancelled", "The transaction was cancelled")],
)  # fmt: skip
def test_deposits_that_fail(merchant: Merchant, amount: str, action: str, status: str, error: str) -> None:
    seen = merchant.control("POST", f"addresses/{merchant.address()}/receive", {"amount": amount})
    found = merchant.control("POST", f"transactions/{seen['id']}/{action}")
    assert (found["status"], found["error"]) == (status, error)


def test_at_once_and_in_another_currency(merchant: Merchant) -> None:
    address = merchant.address(currency="ETH")
    seen = merchant.control("POST", f"addresses/{address}/receive", {"amount": "1.123456789012", "confirmed": True})
    assert (seen["status"], seen["currency_sent"]["amount"]) == ("confirmed", "1.123456789012")
    crossed = merchant.control("POST", f"addresses/{address}/receive", {"amount": "20", "currency": "USDTE"})
    assert crossed["crypto_address"]["cross_currency"] is True
    assert crossed["currency_received"]["currency"] == "USDTE"


def test_a_withdrawal_is_made_once_and_decided(merchant: Merchant, receiver: Receiver) -> None:
    made = merchant.withdraw()
    assert made.status_code == 201
    data = made.json()["data"]
    assert (data["status"], data["amount"], data["foreign_id"]) == ("processing", "0.02000000", "out-1")
    assert merchant.withdraw().json() == {"errors": {"foreign_id": "The foreign id has already been taken."}}
    merchant.control("POST", f"transactions/{data['id']}/hold")
    found = merchant.control("POST", f"transactions/{data['id']}/confirm")
    assert [fee["type"] for fee in found["fees"]] == ["mining", "withdrawal"]
    told = receiver.wait(lambda got: len(got) == 2)
    assert [json.loads(one.body)["status"] for one in told] == ["pending", "confirmed"]
    balances = {row["currency"]: row["balance"] for row in merchant.call("accounts/list").json()["data"]}
    assert Decimal(balances["BTC"]) == Decimal("999999.98")
    second = merchant.withdraw(foreign_id="out-2").json()["data"]
    declined = merchant.control("POST", f"transactions/{second['id']}/decline")
    assert (declined["status"], declined["error"]) == ("declined", "Declined by the owner")
    balances = {row["currency"]: row["balance"] for row in merchant.call("accounts/list").json()["data"]}
    assert Decimal(balances["BTC"]) == Decimal("999999.98")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"currency": "XRP"}, "currency"), ({"foreign_id": ""}, "foreign_id"), ({"foreign_id": 7}, "foreign_id"),
        ({"end_user_reference": "l@example.com"}, "end_user_reference"), ({"sender_data": None}, "sender_data"),
        ({"sender_data": {"first_name": "L"}}, "last_name"), ({"sender_type": "robot"}, "sender_data"),
        ({"sender_data": {**PERSON, "date_of_birth": "1.5.1990"}}, "sender_data"), ({"convert_to": "EUR"}, "convert_to"),
    ],
)  # fmt: skip
def test_addresses_that_are_refused(merchant: Merchant, change: dict[str, Any], field: str) -> None:
    answer = merchant.take(**change)
    assert (answer.status_code, list(answer.json()["errors"])) == (400, [field])
    assert merchant.control("GET", "addresses")["data"] == []


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"address": "39mF"}, "address"), ({"currency": "USDTT"}, "address"), ({"amount": 0.02}, "amount"),
        ({"amount": "0.00001"}, "amount"), ({"amount": "0.020000001"}, "amount"), ({"amount": "-1"}, "amount"),
        ({"amount": "2000000"}, "amount"), ({"receiver_data": COMPANY}, "receiver_data"),
        ({"sender_data": {**COMPANY, "country_of_registration": "DE"}}, "sender_data"),
    ],
)  # fmt: skip
def test_withdrawals_that_are_refused(merchant: Merchant, change: dict[str, Any], field: str) -> None:
    answer = merchant.withdraw(**change)
    assert (answer.status_code, list(answer.json()["errors"])) == (400, [field])
    assert merchant.control("GET", "transactions")["data"] == []


def test_keys_that_are_refused(merchant: Merchant, receiver: Receiver) -> None:
    assert merchant.call("accounts/list", secret="other").json()["code"] == "bad_header_signature"  # noqa: S106
    headers = {"X-Processing-Key": merchant.key}
    assert (
        merchant.server.http.post("/api/v2/accounts/list", json={}, headers=headers).json()["code"]
        == "required_header_signature"
    )
    assert merchant.server.http.post("/api/v2/accounts/list", json={}).json()["code"] == "bad_header_key"
    body = b"[]"
    headers |= {"X-Processing-Signature": sign(SECRET, body), "Content-Type": "application/json"}
    assert merchant.server.http.post("/api/v2/accounts/list", content=body, headers=headers).status_code == 400
    merchant.withdraw()
    stranger = Merchant(merchant.server, receiver)
    assert stranger.call("transactions/info", "GET", foreign_id="out-1").status_code == 404
    assert merchant.server.http.get("/api/v2/ping").text == "OK"


def test_callbacks_are_retried_doubled_and_tampered_with(merchant: Merchant, receiver: Receiver) -> None:
    merchant.control("PUT", "faults", {"deliver_twice": True, "tamper_signature": 1, "drop_first": 1})
    receiver.answers = [202]
    merchant.control("POST", f"addresses/{merchant.address()}/receive")
    requests = receiver.wait(lambda got: len(got) >= 3)
    assert [genuine(one.body, one.headers) for one in requests].count(False) == 1
    assert len({one.body for one in requests}) == 1


def test_the_answer_may_be_lost_but_not_what_was_done(merchant: Merchant) -> None:
    merchant.control("PUT", "faults", {"api_reset_after_commit": 1})
    with pytest.raises(httpx.ReadError):
        merchant.withdraw()
    assert merchant.call("transactions/info", "GET", foreign_id="out-1").json()["status"] == "processing"
    merchant.control("PUT", "faults", {"api_error_before_commit": 1})
    assert merchant.withdraw(foreign_id="out-2").status_code == 500
    assert merchant.call("transactions/info", "GET", foreign_id="out-2").status_code == 404
    merchant.control("PUT", "faults", {"api_unauthorized": True})
    assert merchant.withdraw(foreign_id="out-3").status_code == 403


def test_the_control_page(merchant: Merchant, receiver: Receiver) -> None:
    address = merchant.address()
    base = f"/_control/{merchant.key}"
    assert address in merchant.server.http.get(base).text
    path = f"{base}/addresses/{address}/receive"
    assert merchant.server.http.post(path, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
    assert merchant.server.http.post(path, data={"amount": "much"}).status_code == 422
    assert merchant.server.http.post(path, data={"amount": "20"}).status_code == 303
    (seen,) = merchant.control("GET", "transactions")["data"]
    assert merchant.server.http.post(f"{base}/transactions/{seen['id']}/confirm").status_code == 303
    assert json.loads(receiver.wait(lambda got: len(got) == 2)[1].body)["status"] == "confirmed"


def test_kill_9_loses_neither_deposit_nor_callback(tmp_path: Path, receiver: Receiver) -> None:
    server = Sandbox("cryptoproc", tmp_path, "--retry-base", "0.05")
    try:
        merchant = Merchant(server, receiver)
        address = merchant.address()
        merchant.control("PUT", "faults", {"delay_ms": 700})
        merchant.control("POST", f"addresses/{address}/receive", {"confirmed": True})
        server.kill()
        assert receiver.requests == []
        server.start()
        assert merchant.address() == address
        (callback,) = receiver.wait(lambda got: len(got) == 1)
        assert genuine(callback.body, callback.headers)
        assert server.stop() == 0
    finally:
        server.close()
