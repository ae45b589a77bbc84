"""Tap as a merchant and a customer meet it, over real sockets."""

from __future__ import annotations

import hashlib
import hmac
import itertools
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from sandbox.tap.page import TEXTS
from sandbox.tap.signing import hashstring, text_to_hash
from sandbox.tests.support import Receiver, Sandbox

_numbers = itertools.count(1)
CARD = {"number": "4508 7500 1574 1019", "expiry": "12/49", "cvv": "123", "name": "Noura"}


class Merchant:
    """One account with bare HTTP in its hand."""

    def __init__(self, server: Sandbox, receiver: Receiver | None = None) -> None:
        self.server = server
        self.account = f"shop{next(_numbers)}"
        self.key = f"sk_test_{self.account}_abcd1234"
        self.url = receiver.url if receiver else "http://broker.localhost:1"

    def call(self, method: str, path: str, body: Any = None, key: str | None = None, **headers: str) -> httpx.Response:
        headers = {"Authorization": f"Bearer {key or self.key}", **headers}
        return self.server.http.request(method, f"/v2/{path}", json=body, headers=headers)

    def request(self, language: str = "en", **changes: Any) -> httpx.Response:
        values = {
            "amount": 1.5, "currency": "KWD", "threeDSecure": True, "description": "Deposit",
            "reference": {"transaction": "D1", "order": "o-1"},
            "customer": {"first_name": "Noura", "email": "noura@example.com"},
            "source": {"id": "src_card"}, "post": {"url": f"{self.url}/hooks"}, "redirect": {"url": f"{self.url}/back?a=1"},
        }  # fmt: skip
        return self.call("POST", "charges/", {**values, **changes}, lang_code=language)

    def charge(self, **changes: Any) -> dict[str, Any]:
        answer = self.request(**changes)
        assert answer.status_code == 200, answer.text
        return answer.json()  # type: ignore[no-any-return]

    def captured(self, **changes: Any) -> dict[str, Any]:
        made = self.charge(**changes)
        self.control("POST", f"charges/{made['id']}/pay")
        return made

    def refund(self, charge: dict[str, Any], amount: float, **changes: Any) -> httpx.Response:
        values = {"charge_id": charge["id"], "amount": amount, "currency": charge["currency"],
                  "reason": "requested_by_customer", "post": {"url": f"{self.url}/refunds"}}  # fmt: skip
        return self.call("POST", "refunds/", {**values, **changes})

    def control(self, method: str, path: str, body: Any = None) -> Any:
        answer = self.server.http.request(method, f"/_control/api/{self.account}/{path}", json=body or {})
        assert answer.status_code == 200, answer.text
        return answer.json()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    running = Sandbox("tap", tmp_path_factory.mktemp("tap"), "--retry-base", "0.05")
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


def path_of(charge: dict[str, Any]) -> str:
    return httpx.URL(charge["transaction"]["url"]).path


def genuine(merchant: Merchant, received: Any) -> bool:
    """By the documentation's own words, not by the sandbox's functions."""
    item = json.loads(received.body)
    places = 3 if item["currency"] in {"KWD", "BHD", "OMR", "JOD"} else 2
    created = item["transaction"]["created"] if "transaction" in item else item["created"]
    joined = (
        f"x_id{item['id']}x_amount{item['amount']:.{places}f}x_currency{item['currency']}"
        f"x_gateway_reference{item['reference'].get('gateway', '')}"
        f"x_payment_reference{item['reference'].get('payment', '')}x_status{item['status']}x_created{created}"
    )
    expected = hmac.new(merchant.key.encode(), joined.encode(), hashlib.sha256).hexdigest()
    return hmac.compare_digest(expected, received.headers["hashstring"])


def test_the_documented_string_of_a_dinar_and_a_half() -> None:
    charge = {"id": "chg_1", "amount": 1.5, "currency": "KWD", "status": "CAPTURED",
              "reference": {"gateway": "gw", "payment": "py"}, "transaction": {"created": "1700"}}  # fmt: skip
    joined = (
        "x_idchg_1x_amount1.500x_currencyKWDx_gateway_referencegwx_payment_referencepyx_statusCAPTUREDx_created1700"
    )
    assert text_to_hash(charge) == joined
    assert text_to_hash({**charge, "currency": "SAR", "amount": 10}).startswith("x_idchg_1x_amount10.00x_currencySAR")


def test_the_hash_is_hmac_sha256() -> None:
    """RFC 4231, test case 2."""
    expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    assert hashstring("Jefe", "what do ya want for nothing?") == expected


def test_both_languages_have_every_word_and_placeholder() -> None:
    assert TEXTS["ar"].keys() == TEXTS["en"].keys()
    for name, text in TEXTS["en"].items():
        assert sorted(re.findall(r"{\w+}", text)) == sorted(re.findall(r"{\w+}", TEXTS["ar"][name])), name


def test_a_charge_from_request_to_webhook_and_return(merchant: Merchant, receiver: Receiver) -> None:
    made = merchant.charge()
    assert (made["status"], made["amount"], made["response"]["code"]) == ("INITIATED", 1.5, "100")
    page = merchant.server.http.get(path_of(made))
    assert "KWD\xa01.500" in page.text
    assert "script" not in page.headers["content-security-policy"]
    paid = merchant.server.http.post(path_of(made), data=CARD)
    assert paid.headers["location"] == f"{path_of(made)}/done"
    back = merchant.server.http.get(paid.headers["location"]).headers["location"]
    assert back == f"{receiver.url}/back?a=1&tap_id={made['id']}"
    (news,) = receiver.wait(lambda got: len(got) == 1)
    assert genuine(merchant, news)
    told = json.loads(news.body)
    assert (told["status"], told["card"]["last_four"]) == ("CAPTURED", "1019")
    assert (told["reference"]["order"], b"4508750015741019" in news.body) == ("o-1", False)
    assert merchant.call("GET", f"charges/{made['id']}").json() == told
    assert merchant.server.http.post(path_of(made), data=CARD).headers["location"].endswith("/done")
    assert len(merchant.control("GET", "deliveries")["data"]) == 1


@pytest.mark.parametrize(
    ("number", "status"),
    [("5123450000000008", "CAPTURED"), ("4000000000000002", "DECLINED"), ("4000000000009995", "DECLINED"),
     ("4000000000000069", "DECLINED"), ("4100000000000019", "RESTRICTED"), ("4000000000000119", "FAILED"),
     ("4242424242424242", "DECLINED")],
)  # fmt: skip
def test_test_cards_end_as_they_should(merchant: Merchant, receiver: Receiver, number: str, status: str) -> None:
    made = merchant.charge()
    assert merchant.server.http.post(path_of(made), data={**CARD, "number": number}).status_code == 303
    (news,) = receiver.wait(lambda got: len(got) == 1)
    assert json.loads(news.body)["status"] == status
    assert genuine(merchant, news)


@pytest.mark.parametrize(("decision", "status"), [("approve", "CAPTURED"), ("refuse", "DECLINED")])
def test_the_bank_verifies_a_card(merchant: Merchant, decision: str, status: str) -> None:
    made = merchant.charge()
    step = merchant.server.http.post(path_of(made), data={**CARD, "number": "4000000000003220"})
    assert step.headers["location"] == f"{path_of(made)}/verify"
    assert merchant.call("GET", f"charges/{made['id']}").json()["status"] == "IN_PROGRESS"
    assert "3220" in merchant.server.http.get(step.headers["location"]).text
    merchant.server.http.post(step.headers["location"], data={"decision": decision})
    assert merchant.call("GET", f"charges/{made['id']}").json()["status"] == status


@pytest.mark.parametrize(
    ("source", "currency", "number", "brand"),
    [("src_kw.knet", "KWD", "8888880000000001", "KNET"), ("src_bh.benefit", "BHD", "4600410123456789", "BENEFIT"),
     ("src_qa.qpay", "QAR", "4215375500883243", "QPAY"), ("src_sa.mada", "SAR", "4508750015741019", "MADA"),
     ("src_om.omannet", "OMR", "4508750015741019", "OMANNET")],
)  # fmt: skip
def test_local_debit_cards_have_a_pin(merchant: Merchant, source: str, currency: str, number: str, brand: str) -> None:
    made = merchant.charge(source={"id": source}, currency=currency)
    page = merchant.server.http.get(path_of(made)).text
    assert TEXTS["en"]["pin"] in page
    assert 'name="name"' not in page
    answer = merchant.server.http.post(path_of(made), data={"number": number, "expiry": "09/30", "cvv": "1234"})
    assert answer.status_code == 303
    told = merchant.call("GET", f"charges/{made['id']}").json()
    assert (told["status"], told["card"]["brand"]) == ("CAPTURED", brand)


def test_the_page_in_arabic_and_its_mistakes(merchant: Merchant) -> None:
    made = merchant.charge(language="ar", description="<b>Deposit</b>")
    page = merchant.server.http.get(path_of(made)).text
    assert 'lang="ar" dir="rtl"' in page
    assert "&lt;b&gt;Deposit&lt;/b&gt;" in page
    answer = merchant.server.http.post(path_of(made), data={"number": "4111111111111112", "expiry": "1/20", "cvv": "x"})
    assert answer.status_code == 422
    for field in ("number", "expiry", "cvv", "name"):
        assert f'id="{field}-error"' in answer.text
    merchant.server.http.get(f"{path_of(made)}?lang=en")
    assert 'lang="en"' in merchant.server.http.get(path_of(made)).text
    assert merchant.server.http.get("/pay/none").status_code == 404


def test_cancelling_and_leaving(merchant: Merchant, receiver: Receiver) -> None:
    first, second = merchant.charge(), merchant.charge()
    merchant.server.http.post(path_of(first), data={"decision": "cancel"})
    merchant.control("POST", f"charges/{second['id']}/abandon")
    got = receiver.wait(lambda got: len(got) == 2)
    assert {json.loads(one.body)["status"] for one in got} == {"CANCELLED", "ABANDONED"}


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"amount": 1.0005}, 400, "1108"),
        ({"amount": 0}, 400, "1108"),
        ({"amount": "1.5"}, 400, "1108"),
        ({"amount": True}, 400, "1108"),
        ({"amount": 1.005, "currency": "SAR"}, 400, "1108"),
        ({"currency": "JPY"}, 400, "1109"),
        ({"currency": "SAR", "source": {"id": "src_kw.knet"}}, 400, "1109"),
        ({"source": {"id": "src_us.ach"}}, 400, "1143"),
        ({"source": "src_card"}, 400, "1105"),
        ({"customer": {"email": "a@example.com"}}, 400, "1105"),
        ({"customer": {"first_name": "Noura"}}, 400, "1105"),
        ({"redirect": {}}, 400, "1105"),
        ({"post": {"url": "http://broker.example.com/hooks"}}, 400, "1105"),
    ],
)
def test_requests_that_are_refused(merchant: Merchant, change: dict[str, Any], status: int, code: str) -> None:
    answer = merchant.request(**change)
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (status, code)
    assert merchant.control("GET", "charges")["data"] == []


def test_only_the_accounts_own_key_opens_it(merchant: Merchant, receiver: Receiver) -> None:
    made = merchant.captured()
    path = f"charges/{made['id']}"
    assert merchant.call("GET", path, key=f"sk_test_{merchant.account}_other1").status_code == 401
    assert merchant.call("GET", path, key="nonsense").status_code == 401
    other = Merchant(merchant.server, receiver)
    assert (other.call("GET", path).status_code, other.refund(made, 1).status_code) == (404, 404)


def test_the_same_idempotent_string_gets_the_first_answer(merchant: Merchant) -> None:
    reference = {"transaction": "D1", "order": "o-1", "idempotent": "k-1"}
    first = merchant.charge(reference=reference)
    assert merchant.charge(reference=reference, amount=99) == first
    merchant.control("POST", f"charges/{first['id']}/pay")
    assert merchant.charge(reference=reference)["status"] == "INITIATED"  # as it was answered then
    assert len(merchant.control("GET", "charges")["data"]) == 1
    mine = {"merchant": "w-1", "idempotent": "w-1"}
    once = merchant.refund(first, 0.5, reference=mine).json()
    assert merchant.refund(first, 0.5, reference=mine).json() == once
    assert len(merchant.control("GET", "refunds")["data"]) == 1


def test_refunds_part_by_part(merchant: Merchant) -> None:
    made = merchant.captured()
    first = merchant.refund(made, 0.5).json()
    assert (first["status"], first["charge_id"]) == ("REFUNDED", made["id"])
    assert merchant.refund(made, 1.001).json()["errors"][0]["code"] == "1150"
    assert merchant.refund(made, 1, currency="USD").json()["errors"][0]["code"] == "1109"
    second = merchant.refund(made, 1).json()
    assert merchant.refund(made, 0.001).json()["errors"][0]["code"] == "1150"
    assert merchant.refund(merchant.charge(), 1).json()["errors"][0]["code"] == "1149"
    other = merchant.refund(merchant.captured(), 1).json()
    listed = merchant.call("POST", "refunds/list", {"charges": [made["id"]]}).json()
    assert ([item["id"] for item in listed["refunds"]], listed["has_more"]) == ([second["id"], first["id"]], False)
    page = merchant.call("POST", "refunds/list", {"limit": 1}).json()
    assert ([item["id"] for item in page["refunds"]], page["has_more"]) == ([other["id"]], True)
    rest = merchant.call("POST", "refunds/list", {"starting_after": other["id"]}).json()
    assert [item["id"] for item in rest["refunds"]] == [second["id"], first["id"]]
    assert merchant.call("GET", f"refunds/{first['id']}").json() == first


@pytest.mark.parametrize(("action", "status"), [("pay", "REFUNDED"), ("decline", "DECLINED")])
def test_a_pending_refund_is_decided_later(merchant: Merchant, receiver: Receiver, action: str, status: str) -> None:
    merchant.control("PUT", "settings", {"refunds": "pending"})
    made = merchant.captured()
    refund = merchant.refund(made, 1).json()
    assert refund["status"] == "PENDING"
    for _ in range(2):
        merchant.control("POST", f"refunds/{refund['id']}/{action}")
    got = receiver.wait(lambda got: len(got) == 2)
    (news,) = [one for one in got if one.path == "/refunds"]
    assert genuine(merchant, news)
    assert json.loads(news.body)["status"] == status


def test_a_fee_is_told_where_the_account_shows_it(merchant: Merchant) -> None:
    merchant.control("PUT", "settings", {"fee_percent": "2.5"})
    made = merchant.captured(amount=100.555)
    assert merchant.call("GET", f"charges/{made['id']}").json()["fee"] == {"amount": 2.514, "currency": "KWD"}


def test_webhooks_are_retried_doubled_and_tampered_with(merchant: Merchant, receiver: Receiver) -> None:
    merchant.control("PUT", "faults", {"deliver_twice": True, "tamper_signature": 1, "drop_first": 1})
    receiver.answers = [500]
    merchant.captured()
    got = receiver.wait(lambda got: len(got) >= 3)
    assert [genuine(merchant, one) for one in got].count(False) == 1
    assert len({one.body for one in got}) == 1


def test_the_answer_may_be_lost_but_the_charge_is_not(merchant: Merchant) -> None:
    reference = {"idempotent": "k-1"}
    merchant.charge()
    merchant.control("PUT", "faults", {"api_reset_after_commit": 1})
    with pytest.raises(httpx.ReadError):
        merchant.request(reference=reference)
    merchant.charge(reference=reference)
    assert len(merchant.control("GET", "charges")["data"]) == 2
    merchant.control("PUT", "faults", {"api_error_before_commit": 1})
    assert merchant.request().status_code == 500
    assert len(merchant.control("GET", "charges")["data"]) == 2
    merchant.control("PUT", "faults", {"api_unauthorized": True})
    assert merchant.request().status_code == 401


def test_the_control_page(merchant: Merchant, receiver: Receiver) -> None:
    made = merchant.captured()
    receiver.wait(lambda got: len(got) == 1)
    base = f"/_control/{merchant.account}"
    assert made["id"] in merchant.server.http.get(base).text
    assert merchant.account in merchant.server.http.get("/_control").text
    delivery = merchant.control("GET", "deliveries")["data"][0]
    path = f"{base}/deliveries/{delivery['id']}/redeliver"
    assert merchant.server.http.post(path, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
    assert merchant.server.http.post(path).status_code == 303
    first, second = receiver.wait(lambda got: len(got) == 2)
    assert first.body == second.body
    for wrong in ({"refunds": "never"}, {"colour": "red"}, {"fee_percent": "lots"}, {"secret_key": 7}):
        answer = merchant.server.http.put(f"/_control/api/{merchant.account}/settings", json=wrong)
        assert answer.status_code == 400


def test_kill_9_loses_neither_charge_nor_webhook(tmp_path: Path, receiver: Receiver) -> None:
    server = Sandbox("tap", tmp_path, "--retry-base", "0.05")
    try:
        merchant = Merchant(server, receiver)
        made = merchant.charge()
        merchant.control("PUT", "faults", {"delay_ms": 700})
        merchant.control("POST", f"charges/{made['id']}/pay")
        server.kill()
        assert receiver.requests == []
        server.start()
        assert merchant.call("GET", f"charges/{made['id']}").json()["status"] == "CAPTURED"
        (news,) = receiver.wait(lambda got: len(got) == 1)
        assert genuine(merchant, news)
        assert server.stop() == 0
    finally:
        server.close()
