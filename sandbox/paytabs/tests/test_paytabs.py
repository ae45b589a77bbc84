"""PayTabs as a merchant and a customer meet it, over real sockets."""

from __future__ import annotations

import hashlib
import hmac
import html
import itertools
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from sandbox.paytabs.page import TEXTS
from sandbox.paytabs.signing import sign_body, sign_fields
from sandbox.tests.support import Receiver, Sandbox

_numbers = itertools.count(47001)
CARD = {"number": "4111 1111 1111 1111", "expiry": "12/49", "cvv": "123", "name": "Omar"}


class Merchant:
    """One profile with bare HTTP in its hand."""

    def __init__(self, server: Sandbox, profile: int, receiver: Receiver | None = None) -> None:
        self.server = server
        self.profile = profile
        self.key = f"S{profile:09d}-JBTESTTEST-ABCDEFGHIJ"
        self.callback = f"{receiver.url}/callback" if receiver else "http://broker.localhost:1/callback"

    def post(self, path: str, key: str | None = None, **values: Any) -> httpx.Response:
        body = {"profile_id": self.profile, **values}
        return self.server.http.post(path, json=body, headers={"authorization": key or self.key})

    def request(self, **changes: Any) -> httpx.Response:
        values = {
            "tran_type": "sale",
            "tran_class": "ecom",
            "cart_id": "dep-1",
            "cart_description": "Deposit",
            "cart_currency": "AED",
            "cart_amount": 500,
            "callback": self.callback,
            "return": "http://broker.localhost:1/back",
            "customer_details": {"name": "Omar", "email": "omar@example.com"},
        }
        return self.post("/payment/request", **{**values, **changes})

    def sale(self, **changes: Any) -> dict[str, Any]:
        answer = self.request(**changes)
        assert answer.status_code == 200, answer.text
        return answer.json()  # type: ignore[no-any-return]

    def paid(self, **changes: Any) -> dict[str, Any]:
        sale = self.sale(**changes)
        self.control("POST", f"transactions/{sale['tran_ref']}/pay")
        return sale

    def refund(self, reference: str, amount: Any, cart: str = "ref-1", **changes: Any) -> httpx.Response:
        values = {"tran_type": "refund", "tran_ref": reference, "cart_id": cart, "cart_amount": amount}
        return self.request(**{**values, **changes})

    def query(self, **values: Any) -> Any:
        return self.post("/payment/query", **values).json()

    def control(self, method: str, path: str, body: Any = None) -> Any:
        answer = self.server.http.request(method, f"/_control/api/{self.profile}/{path}", json=body or {})
        assert answer.status_code == 200, answer.text
        return answer.json()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    running = Sandbox("paytabs", tmp_path_factory.mktemp("paytabs"), "--retry-base", "0.05")
    yield running
    running.close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    running = Receiver()
    yield running
    running.close()


@pytest.fixture
def merchant(server: Sandbox, receiver: Receiver) -> Merchant:
    return Merchant(server, next(_numbers), receiver)


def path_of(sale: dict[str, Any]) -> str:
    return httpx.URL(sale["redirect_url"]).path


def verify(merchant: Merchant, body: bytes, signature: str) -> bool:
    return hmac.compare_digest(hmac.new(merchant.key.encode(), body, hashlib.sha256).hexdigest(), signature)


def test_the_body_signature_is_hmac_sha256() -> None:
    """RFC 4231, test case 2."""
    expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    assert sign_body("Jefe", b"what do ya want for nothing?") == expected


def test_the_return_signature_skips_empty_fields_and_sorts_the_others() -> None:
    fields = {"tranRef": "T1", "respStatus": "A", "token": "", "customerEmail": "a b@x.test", "respCode": "0"}
    query = b"customerEmail=a+b%40x.test&respStatus=A&tranRef=T1"
    assert sign_fields("key", fields) == hmac.new(b"key", query, hashlib.sha256).hexdigest()


def test_both_languages_have_every_word_and_placeholder() -> None:
    assert TEXTS["ar"].keys() == TEXTS["en"].keys()
    for name, text in TEXTS["en"].items():
        assert sorted(re.findall(r"{\w+}", text)) == sorted(re.findall(r"{\w+}", TEXTS["ar"][name])), name


def test_a_sale_from_request_to_callback_and_return(merchant: Merchant, receiver: Receiver) -> None:
    sale = merchant.sale()
    assert (sale["tran_type"], sale["cart_amount"], sale["profileId"]) == ("Sale", "500.00", merchant.profile)
    assert sale["redirect_url"].startswith(f"{merchant.server.url}/payment/page/")
    assert merchant.query(tran_ref=sale["tran_ref"])["payment_result"]["response_status"] == "P"
    paid = merchant.server.http.post(path_of(sale), data=CARD)
    assert (paid.status_code, paid.headers["location"]) == (303, f"{path_of(sale)}/return")
    (callback,) = receiver.wait(lambda got: len(got) == 1)
    assert verify(merchant, callback.body, callback.headers["signature"])
    message = json.loads(callback.body)
    assert (message["tran_ref"], message["cart_id"]) == (sale["tran_ref"], "dep-1")
    assert (message["cart_amount"], message["payment_result"]["response_status"]) == ("500.00", "A")
    assert message["payment_info"]["payment_description"] == "4111 11## #### 1111"
    page = merchant.server.http.get(paid.headers["location"])
    assert page.headers["content-security-policy"].endswith("script-src 'self'")
    assert 'action="http://broker.localhost:1/back"' in page.text
    fields = {name: html.unescape(value) for name, value in re.findall(r'name="(\w+)" value="([^"]*)"', page.text)}
    assert (fields["tranRef"], fields["respStatus"]) == (sale["tran_ref"], "A")
    assert sign_fields(merchant.key, {k: v for k, v in fields.items() if k != "signature"}) == fields["signature"]
    assert "4111111111111111" not in page.text
    again = merchant.server.http.post(path_of(sale), data=CARD)
    assert again.headers["location"].endswith("/return")
    assert len(merchant.control("GET", "deliveries")["data"]) == 1


@pytest.mark.parametrize(
    ("number", "status", "code"),
    [
        ("4000000000009995", "D", "316"),
        ("5200000000000114", "D", "300"),
        ("4000000000000119", "E", "400"),
        ("4100000000000019", "H", "501"),
        ("4000000000007726", "P", "600"),
        ("4242424242424242", "D", "300"),
    ],
)
def test_test_cards_end_as_they_should(
    merchant: Merchant, receiver: Receiver, number: str, status: str, code: str
) -> None:
    sale = merchant.sale()
    assert merchant.server.http.post(path_of(sale), data={**CARD, "number": number}).status_code == 303
    (callback,) = receiver.wait(lambda got: len(got) == 1)
    outcome = json.loads(callback.body)["payment_result"]
    assert (outcome["response_status"], outcome["response_code"]) == (status, code)
    assert merchant.query(tran_ref=sale["tran_ref"])["payment_result"] == outcome


@pytest.mark.parametrize(("decision", "status"), [("approve", "A"), ("refuse", "D")])
def test_authentication(merchant: Merchant, decision: str, status: str) -> None:
    sale = merchant.sale()
    step = merchant.server.http.post(path_of(sale), data={**CARD, "number": "4000000000000002"})
    assert step.headers["location"] == f"{path_of(sale)}/authenticate"
    assert "0002" in merchant.server.http.get(step.headers["location"]).text
    merchant.server.http.post(step.headers["location"], data={"decision": decision})
    assert merchant.query(tran_ref=sale["tran_ref"])["payment_result"]["response_status"] == status


def test_cancelling(merchant: Merchant, receiver: Receiver) -> None:
    sale = merchant.sale()
    merchant.server.http.post(path_of(sale), data={"decision": "cancel"})
    (callback,) = receiver.wait(lambda got: len(got) == 1)
    assert json.loads(callback.body)["payment_result"]["response_status"] == "C"


@pytest.mark.parametrize(("outcome", "status"), [("accept", "A"), ("reject", "D")])
def test_a_payment_on_hold_is_decided_later(merchant: Merchant, receiver: Receiver, outcome: str, status: str) -> None:
    sale = merchant.sale()
    merchant.control("POST", f"transactions/{sale['tran_ref']}/pay", {"number": "4100000000000019"})
    for _ in range(2):
        merchant.control("POST", f"transactions/{sale['tran_ref']}/review", {"outcome": outcome})
    requests = receiver.wait(lambda got: len(got) == 2)
    assert [json.loads(r.body)["payment_result"]["response_status"] for r in requests] == ["H", status]


@pytest.mark.parametrize(
    ("currency", "amount", "text", "shown"),
    [
        ("KWD", 1.5, "1.500", "KWD\xa01.500"),
        ("AED", "12.30", "12.30", "AED\xa012.30"),
        ("JPY", 500, "500", "¥500"),
    ],
)
def test_amounts_have_the_currencys_decimals(
    merchant: Merchant, currency: str, amount: Any, text: str, shown: str
) -> None:
    sale = merchant.sale(cart_currency=currency, cart_amount=amount)
    assert sale["cart_amount"] == text
    assert shown in merchant.server.http.get(path_of(sale)).text


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"cart_amount": 1.005}, 400, 2),
        ({"cart_amount": 0}, 400, 2),
        ({"cart_amount": "NaN"}, 400, 2),
        ({"cart_amount": True}, 400, 2),
        ({"cart_currency": "XXX"}, 400, 206),
        ({"tran_type": "gift"}, 400, 2),
        ({"tran_class": "shop"}, 400, 2),
        ({"cart_id": ""}, 400, 2),
        ({"cart_id": 7}, 400, 2),
        ({"callback": "http://broker.example.com/cb"}, 400, 2),
        ({"return": "back"}, 400, 2),
        ({"paypage_lang": "de"}, 400, 2),
        ({"tran_type": "refund", "tran_ref": "TST0"}, 400, 2),
    ],
)
def test_requests_that_are_refused(merchant: Merchant, change: dict[str, Any], status: int, code: int) -> None:
    answer = merchant.request(**change)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert merchant.control("GET", "transactions")["data"] == []


def test_only_the_profiles_own_key_opens_it(merchant: Merchant) -> None:
    sale = merchant.paid()
    other = Merchant(merchant.server, merchant.profile + 500)
    assert merchant.post("/payment/query", key=other.key, tran_ref=sale["tran_ref"]).status_code == 401
    assert merchant.post("/payment/query", key="nonsense", tran_ref=sale["tran_ref"]).json()["code"] == 1
    assert other.post("/payment/query", tran_ref=sale["tran_ref"]).status_code == 400
    assert other.refund(sale["tran_ref"], 1).status_code == 400


def test_the_same_request_again_is_a_duplicate(merchant: Merchant) -> None:
    merchant.sale()
    again = merchant.request()
    assert (again.status_code, again.json()["code"]) == (409, 4)
    assert merchant.request(cart_amount=501).status_code == 200
    assert [item["cart_amount"] for item in merchant.query(cart_id="dep-1")] == ["500.00", "501.00"]


def test_refunds_part_by_part(merchant: Merchant, receiver: Receiver) -> None:
    merchant.control("PUT", "settings", {"ipn_url": f"{receiver.url}/ipn"})
    sale = merchant.paid()
    first = merchant.refund(sale["tran_ref"], "200.00").json()
    assert (first["tran_type"], first["previous_tran_ref"]) == ("Refund", sale["tran_ref"])
    assert first["payment_result"]["response_status"] == "A"
    over = merchant.refund(sale["tran_ref"], "300.01", "ref-2").json()
    assert over["payment_result"]["response_status"] == "E"
    assert merchant.refund(sale["tran_ref"], "1.00", "ref-3", cart_currency="USD").json()["code"] == 206
    assert merchant.refund(sale["tran_ref"], 300, "ref-4").json()["payment_result"]["response_status"] == "A"
    assert merchant.refund(sale["tran_ref"], 1, "ref-5").json()["payment_result"]["response_status"] == "E"
    requests = receiver.wait(lambda got: len(got) == 4)
    kinds = [json.loads(r.body)["tran_type"] for r in requests if r.path == "/ipn"]
    assert kinds == ["Sale", "Refund", "Refund"]


def test_authorisations_are_captured_or_released(merchant: Merchant) -> None:
    hold = merchant.paid(tran_type="auth")
    assert merchant.refund(hold["tran_ref"], 1).json()["payment_result"]["response_status"] == "E"
    taken = merchant.refund(hold["tran_ref"], 500, "cap-1", tran_type="capture").json()
    assert (taken["tran_type"], taken["payment_result"]["response_status"]) == ("Capture", "A")
    released = merchant.refund(hold["tran_ref"], 500, "rel-1", tran_type="release").json()
    assert released["payment_result"]["response_status"] == "E"
    assert merchant.refund(taken["tran_ref"], 500, "ref-9").json()["payment_result"]["response_status"] == "A"


def test_callbacks_are_retried_doubled_and_tampered_with(merchant: Merchant, receiver: Receiver) -> None:
    merchant.control("PUT", "faults", {"deliver_twice": True, "tamper_signature": 1, "drop_first": 1})
    receiver.answers = [202]
    merchant.paid()
    requests = receiver.wait(lambda got: len(got) >= 3)
    genuine = [verify(merchant, r.body, r.headers["signature"]) for r in requests]
    assert genuine.count(False) == 1
    assert len({r.body for r in requests}) == 1


def test_the_answer_may_be_lost_but_the_transaction_is_not(merchant: Merchant) -> None:
    merchant.control("PUT", "faults", {"api_reset_after_commit": 1})
    with pytest.raises(httpx.ReadError):
        merchant.request()
    assert merchant.request().json()["code"] == 4
    assert len(merchant.query(cart_id="dep-1")) == 1
    merchant.control("PUT", "faults", {"api_error_after_commit": 1})
    assert merchant.request(cart_id="dep-2").status_code == 500
    assert len(merchant.query(cart_id="dep-2")) == 1
    merchant.control("PUT", "faults", {"api_error_before_commit": 1})
    assert merchant.request(cart_id="dep-3").status_code == 500
    assert merchant.query(cart_id="dep-3")["message"] == "Transaction not found"
    merchant.control("PUT", "faults", {"api_unauthorized": True})
    assert merchant.request(cart_id="dep-4").status_code == 401


def test_the_page_in_arabic_and_its_mistakes(merchant: Merchant) -> None:
    sale = merchant.sale(paypage_lang="ar", cart_description="<b>Deposit</b>")
    page = merchant.server.http.get(path_of(sale)).text
    assert 'lang="ar" dir="rtl"' in page
    assert TEXTS["ar"]["number"] in page
    assert "&lt;b&gt;Deposit&lt;/b&gt;" in page
    assert f"التاجر {merchant.profile}" in page
    for run in ("AED\xa0500.00", "4111 1111 1111 1111", "4000 0000 0000 0002"):  # as one run from left to right
        assert f"\u2066{run}\u2069" in page
    wrong = {"number": "4111111111111112", "expiry": "1/20", "cvv": "x", "name": ""}
    answer = merchant.server.http.post(path_of(sale), data=wrong)
    assert answer.status_code == 422
    for field in ("number", "expiry", "cvv", "name"):
        assert f'id="{field}-error"' in answer.text
    assert merchant.server.http.get("/payment/page/NONE").status_code == 404


def test_the_control_page(merchant: Merchant, receiver: Receiver) -> None:
    sale = merchant.paid()
    receiver.wait(lambda got: len(got) == 1)
    base = f"/_control/{merchant.profile}"
    assert sale["tran_ref"] in merchant.server.http.get(base).text
    assert str(merchant.profile) in merchant.server.http.get("/_control").text
    delivery = merchant.control("GET", "deliveries")["data"][0]
    path = f"{base}/deliveries/{delivery['id']}/redeliver"
    assert merchant.server.http.post(path, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
    assert merchant.server.http.post(path).status_code == 303
    first, second = receiver.wait(lambda got: len(got) == 2)
    assert first.body == second.body


def test_kill_9_loses_neither_payment_nor_callback(tmp_path: Path, receiver: Receiver) -> None:
    server = Sandbox("paytabs", tmp_path, "--retry-base", "0.05")
    try:
        merchant = Merchant(server, 47999, receiver)
        sale = merchant.sale()
        merchant.control("PUT", "faults", {"delay_ms": 700})
        merchant.control("POST", f"transactions/{sale['tran_ref']}/pay")
        server.kill()
        assert receiver.requests == []
        server.start()
        assert merchant.query(tran_ref=sale["tran_ref"])["payment_result"]["response_status"] == "A"
        (callback,) = receiver.wait(lambda got: len(got) == 1)
        assert verify(merchant, callback.body, callback.headers["signature"])
        assert server.stop() == 0
    finally:
        server.close()
