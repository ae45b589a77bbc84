"""Praxis as a merchant and a customer meet it, over real sockets."""

from __future__ import annotations

import hashlib
import itertools
import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from sandbox.praxis.page import TEXTS
from sandbox.praxis.signing import ACKNOWLEDGEMENT, NOTIFICATION, REQUESTS, complaint, sign
from sandbox.tests.support import Received, Sandbox, until

_numbers = itertools.count(1)
CARD = {"number": "4111 1111 1111 1111", "expiry": "12/49", "cvv": "123", "name": "Lena"}
SECRET = "MerchantSecretKey"  # noqa: S105
ORDERS = {
    "/cashier/cashier": ("merchant_id", "application_key", "timestamp", "intent", "cid", "order_id"),
    "/agent/find-order": ("merchant_id", "application_key", "timestamp", "order_id"),
    "/agent/find-transaction": ("merchant_id", "application_key", "timestamp", "tid"),
    "/agent/manage-withdrawal-request": REQUESTS["manage"],
    "/direct/refund": REQUESTS["refund"],
}


def digest(*values: Any) -> str:
    return hashlib.sha384(("".join(str(value) for value in values) + SECRET).encode()).hexdigest()


class Crm:
    """The merchant's server: acknowledges notifications and answers validations."""

    def __init__(self) -> None:
        self.requests: list[Received] = []
        self.answers: list[bytes | None] = []
        self.verdict: dict[str, Any] = {"status": 0, "description": "Ok"}
        self.header = "GT-Authentication"
        self._changed = threading.Condition()
        crm = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                headers = {name.lower(): value for name, value in self.headers.items()}
                answer = crm._take(Received(self.command, self.path, headers, body))
                self.send_response(200)
                self.send_header(crm.header, sign(SECRET, json.loads(answer or b"{}"), ACKNOWLEDGEMENT))
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, format: str, *args: Any) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://broker.localhost:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def _take(self, request: Received) -> bytes:
        answer = {**self.verdict, "version": "1.3", "timestamp": int(time.time())}
        if not request.path.startswith("/validate"):
            answer |= {"status": 0, "description": "Ok"}
        with self._changed:
            self.requests.append(request)
            self._changed.notify_all()
            planned = self.answers.pop(0) if self.answers else None
        return json.dumps(answer).encode() if planned is None else planned

    def told(self, count: int) -> list[dict[str, Any]]:
        """The first so many notifications."""

        def notifications() -> list[Received]:
            return [one for one in self.requests if one.path == "/notify"]

        with self._changed:
            assert self._changed.wait_for(lambda: len(notifications()) >= count, 15), self.requests
        return [json.loads(one.body) for one in notifications()[:count]]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class Merchant:
    """One merchant with bare HTTP in its hand."""

    def __init__(self, server: Sandbox, crm: Crm) -> None:
        self.server, self.crm = server, crm
        self.name = f"API-Test{next(_numbers)}"
        self.order = f"order-{self.name}"
        self.control("PUT", "settings", {"application_key": "test.example", "merchant_secret": SECRET})

    def call(self, path: str, *, secret: str = SECRET, **values: Any) -> httpx.Response:
        body = {"merchant_id": self.name, "application_key": "test.example", "version": "1.3",
                "timestamp": int(time.time()), **values}  # fmt: skip
        signature = sign(secret, body, ORDERS[path])
        return self.server.http.post(path, json=body, headers={"Gt-Authentication": signature})

    def open(self, **changes: Any) -> httpx.Response:
        values = {
            "intent": "payment", "currency": "EUR", "amount": 50_000, "cid": "client-7", "locale": "es-ES",
            "customer_data": {"country": "ES", "first_name": "Lena", "last_name": "Vogt", "email": "l@example.com"},
            "notification_url": f"{self.crm.url}/notify", "return_url": f"{self.crm.url}/back", "order_id": self.order,
        }  # fmt: skip
        return self.call("/cashier/cashier", **{**values, **changes})

    def page(self, **changes: Any) -> str:
        answer = self.open(**changes).json()
        assert answer["status"] == 0, answer
        return httpx.URL(answer["redirect_url"]).path

    def find(self, order: str = "") -> dict[str, Any]:
        return self.call("/agent/find-order", order_id=order or self.order).json()  # type: ignore[no-any-return]

    def refund(self, tid: int, amount: int, order: str, **changes: Any) -> dict[str, Any]:
        values = {"transaction_type": "refund", "currency": "EUR", "amount": amount, "cid": "client-7", "locale": "en-GB",
                  "order_id": order, "reference_id": tid}  # fmt: skip
        return self.call("/direct/refund", **{**values, **changes}).json()  # type: ignore[no-any-return]

    def control(self, method: str, path: str, body: Any = None) -> Any:
        answer = self.server.http.request(method, f"/_control/api/{self.name}/{path}", json=body or {})
        assert answer.status_code == 200, answer.text
        return answer.json()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    running = Sandbox("praxis", tmp_path_factory.mktemp("praxis"), "--retry-base", "0.05")
    yield running
    running.close()


@pytest.fixture
def crm() -> Iterator[Crm]:
    running = Crm()
    yield running
    running.close()


@pytest.fixture
def merchant(server: Sandbox, crm: Crm) -> Merchant:
    return Merchant(server, crm)


def test_the_signature_is_sha384_of_the_values_and_the_secret() -> None:
    """The construction of Praxis' published example ("How to build a signature"), whose hash it gives."""
    joined = "Integration TEST USDTest-Integration-Merchant15688553921.1ABCDEF"
    printed = "c8d9b1824601bb6e11342afc36cb7281892daead2fbae257ea2d2ff8aa4908d66d5863a429e247d47155c01a0592e482"
    assert sign("MerchantSecretKey", {"all": joined}, ("all",)) == printed
    message = {"merchant_id": "M", "application_key": "A", "timestamp": 5, "customer": {"customer_token": "C"},
               "session": {"order_id": "O"}, "transaction": None}  # fmt: skip
    assert sign(SECRET, message, NOTIFICATION) == digest("M", "A", 5, "C", "O")


def test_both_languages_have_every_word_and_placeholder() -> None:
    assert TEXTS["es"].keys() == TEXTS["en"].keys()
    for name, text in TEXTS["en"].items():
        assert sorted(re.findall(r"{\w+}", text)) == sorted(re.findall(r"{\w+}", TEXTS["es"][name])), name


def test_a_payment_from_session_to_notification_and_return(merchant: Merchant, crm: Crm) -> None:
    opened = merchant.open()
    answer = opened.json()
    assert (answer["status"], answer["session"]["session_status"]) == (0, "open")
    expected = digest(0, answer["timestamp"], answer["redirect_url"], answer["customer"]["customer_token"])
    assert opened.headers["gt-authentication"] == expected
    path = httpx.URL(answer["redirect_url"]).path
    assert "500,00" in merchant.server.http.get(path).text
    paid = merchant.server.http.post(path, data=CARD)
    assert (paid.status_code, paid.headers["location"]) == (303, f"{path}/result")
    (told,) = crm.told(1)
    fact = told["transaction"]
    assert (fact["transaction_status"], fact["amount"], fact["processed_amount"]) == ("approved", 50_000, 50_000)
    assert fact["card"]["card_number"] == "411111******1111"
    signed = digest(merchant.name, "test.example", told["timestamp"], told["customer"]["customer_token"], merchant.order,
                    fact["tid"], "EUR", 50_000, "1.000000", "EUR", 50_000)  # fmt: skip
    assert crm.requests[0].headers["gt-authentication"] == signed
    result = merchant.server.http.get(f"{path}/result").text
    assert 'method="post"' in result
    assert "4111111111111111" not in result
    by_tid = merchant.call("/agent/find-transaction", tid=fact["tid"])
    assert by_tid.json()["transaction"] == merchant.find()["transaction"]
    assert by_tid.headers["gt-authentication"] == digest(
        0, by_tid.json()["timestamp"], told["customer"]["customer_token"], fact["tid"], "approved", "EUR", 50_000
    )


@pytest.mark.parametrize(
    ("number", "status", "session"),
    [
        ("4000000000009995", "rejected", "open"),
        ("4000000000000119", "error", "open"),
        ("4000000000007726", "pending", "open"),
    ],
)
def test_what_a_card_may_end_as(merchant: Merchant, crm: Crm, number: str, status: str, session: str) -> None:
    merchant.page()
    merchant.control("POST", f"sessions/{merchant.order}/pay", {"number": number})
    (told,) = crm.told(1)
    assert (told["transaction"]["transaction_status"], told["session"]["session_status"]) == (status, session)
    shown = merchant.find()["transaction"]
    assert (shown is None) == (status == "rejected")


@pytest.mark.parametrize(("decision", "status"), [("approve", "approved"), ("refuse", "cancelled")])
def test_a_wallet_asks_its_owner(merchant: Merchant, crm: Crm, decision: str, status: str) -> None:
    path = merchant.page()
    asked = merchant.server.http.post(path, data={"method": "wallet", "account": "lena@example.com"})
    assert asked.headers["location"] == f"{path}/authenticate"
    merchant.server.http.post(f"{path}/authenticate", data={"decision": decision})
    assert [one["transaction"]["transaction_status"] for one in crm.told(2)] == ["pending_async", status]


def test_the_merchant_is_asked_before_a_payment(merchant: Merchant, crm: Crm) -> None:
    path = merchant.page(validation_url=f"{crm.url}/validate?ask=validation")
    crm.verdict = {"status": 1, "description": "Este depósito está cerrado."}
    refused = merchant.server.http.post(path, data=CARD)
    assert refused.status_code == 422
    assert "Este depósito está cerrado." in refused.text
    asked = crm.requests[0]
    body = json.loads(asked.body)
    assert asked.headers["gt-authentication"] == digest(
        merchant.name, "test.example", body["timestamp"], body["customer"]["customer_token"], merchant.order, "EUR", 50_000,
        "1.000000", "EUR", 50_000,
    )  # fmt: skip
    assert "4111111111111111" not in asked.body.decode()
    crm.answers = [b"yes"]
    assert "no puede aceptar este pago" in merchant.server.http.post(path, data=CARD).text
    assert merchant.control("GET", "transactions")["data"] == []
    crm.verdict = {"status": 0, "description": "Ok"}
    assert merchant.server.http.post(path, data=CARD).status_code == 303


@pytest.mark.parametrize(
    "change",
    [
        {"amount": 10.5}, {"amount": 0}, {"amount": True}, {"amount": "50000"}, {"currency": "XXX"}, {"intent": "gift"},
        {"cid": "lena@example.com"}, {"cid": ""}, {"order_id": "x" * 51}, {"locale": "de"}, {"notification_url": "here"},
        {"return_url": None}, {"payment_method": "Barter"}, {"customer_data": None}, {"customer_data": {"country": "ES"}},
        {"version": "1.2"}, {"timestamp": 1_559_825_373}, {"application_key": "other.example"},
    ],
)  # fmt: skip
def test_requests_that_are_refused(merchant: Merchant, change: dict[str, Any]) -> None:
    answer = merchant.open(**change).json()
    assert answer["status"] > 0
    assert answer["description"]
    assert merchant.control("GET", "sessions")["data"] == []


def test_signatures_that_are_refused(merchant: Merchant, crm: Crm) -> None:
    assert merchant.call("/agent/find-order", secret="other", order_id="o").status_code == 400  # noqa: S106
    assert merchant.server.http.post("/agent/find-order", json={"merchant_id": merchant.name}).status_code == 400
    stranger = Merchant(merchant.server, crm)
    merchant.page()
    assert stranger.find(merchant.order)["status"] == 140
    merchant.control("PUT", "faults", {"api_unauthorized": True})
    assert merchant.call("/agent/find-order", order_id=merchant.order).status_code == 403


def test_an_order_is_opened_once_and_its_page_runs_out(merchant: Merchant, crm: Crm) -> None:
    path = merchant.page()
    assert merchant.open().json()["status"] == 110
    merchant.control("POST", f"sessions/{merchant.order}/expire")
    (told,) = crm.told(1)
    assert (told["transaction"], told["session"]["session_status"]) == (None, "expired")
    assert merchant.server.http.post(path, data=CARD).headers["location"] == f"{path}/result"
    assert merchant.find()["transaction"] is None
    assert crm.requests[0].headers["gt-authentication"] == digest(
        merchant.name, "test.example", told["timestamp"], told["customer"]["customer_token"], merchant.order
    )


def test_a_session_runs_out_by_itself(tmp_path: Path, crm: Crm) -> None:
    server = Sandbox("praxis", tmp_path, "--session-minutes", "0.001")
    try:
        Merchant(server, crm).page()
        assert crm.told(1)[0]["session"]["session_status"] == "expired"
    finally:
        server.close()


def test_refunds_part_by_part(merchant: Merchant, crm: Crm) -> None:
    merchant.page()
    tid = merchant.control("POST", f"sessions/{merchant.order}/pay")["tid"]
    first = merchant.refund(tid, 20_000, "ref-1")
    assert (first["transaction"]["transaction_status"], first["transaction"]["reference_id"]) == ("approved", tid)
    assert merchant.refund(tid, 20_000, "ref-1")["status"] == 110
    assert merchant.refund(tid, 30_001, "ref-2")["status"] == 122
    assert merchant.refund(tid, 1, "ref-3", currency="USD")["status"] == 121
    assert merchant.refund(tid + 1000, 1, "ref-4")["status"] == 120
    assert merchant.refund(tid, 30_000, "ref-5")["status"] == 0
    assert merchant.find("ref-5")["transaction"]["amount"] == 30_000
    assert [one["transaction"]["transaction_type"] for one in crm.told(3)] == ["sale", "refund", "refund"]


def test_a_withdrawal_is_asked_for_and_then_managed_once(merchant: Merchant, crm: Crm) -> None:
    path = merchant.page(intent="withdrawal")
    asked = merchant.server.http.post(path, data={"account": "lena@example.com"})
    assert asked.status_code == 303
    fact = merchant.find()["transaction"]
    assert (fact["transaction_type"], fact["transaction_status"]) == ("payout", "requested")
    manage = {"intent": "complete-withdrawal-request", "withdrawal_request_id": fact["tid"]}
    assert merchant.call("/agent/manage-withdrawal-request", **manage).json()["status"] == 100  # no gateway
    done = merchant.call("/agent/manage-withdrawal-request", gateway="g", **manage).json()
    assert (done["status"], done["transaction"]["transaction_status"]) == (0, "approved")
    assert merchant.call("/agent/manage-withdrawal-request", gateway="g", **manage).json()["status"] == 131
    assert [one["transaction"]["transaction_status"] for one in crm.told(2)] == ["requested", "approved"]
    assert merchant.control("POST", f"transactions/{fact['tid']}/settle", {"status": "reversed"})


def test_what_the_provider_decides_later(merchant: Merchant, crm: Crm) -> None:
    merchant.page()
    tid = merchant.control("POST", f"sessions/{merchant.order}/pay", {"number": "4000000000007726"})["tid"]
    merchant.control(
        "POST", f"transactions/{tid}/settle", {"status": "approved", "amount": 40_000, "processed_amount": 40_000}
    )
    merchant.control("POST", f"transactions/{tid}/settle", {"status": "chargeback"})
    told = [(one["transaction"]["transaction_status"], one["transaction"]["amount"]) for one in crm.told(3)]
    assert told == [("pending", 50_000), ("approved", 40_000), ("chargeback", 40_000)]
    again = merchant.server.http.post(
        f"/_control/api/{merchant.name}/transactions/{tid}/settle", json={"status": "free"}
    )
    assert again.status_code == 404


def good(timestamp: int = 5) -> tuple[bytes, dict[str, str]]:
    return json.dumps({"status": 0, "timestamp": timestamp}).encode(), {"gt-authentication": digest(0, timestamp)}


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda body, headers: (b"ok", headers), "not JSON"),
        (lambda body, headers: (b"[]", headers), "no status"),
        (lambda body, headers: (b'{"status": -1, "timestamp": 5}', headers), "status -1"),
        (lambda body, headers: (body, {}), "not signed"),
        (lambda body, headers: (body.replace(b"5", b"6"), headers), "not signed"),
    ],
)
def test_what_is_no_acknowledgement(spoil: Callable[..., Any], words: str) -> None:
    assert complaint(SECRET, *good()) is None
    body, headers = good()
    assert complaint(SECRET, body, {"external-request-signature": headers["gt-authentication"]}) is None
    assert words in (complaint(SECRET, *spoil(body, headers)) or "")


def test_notifications_are_sent_until_acknowledged(merchant: Merchant, crm: Crm) -> None:
    merchant.control("PUT", "faults", {"tamper_signature": 1, "drop_first": 1})
    crm.answers = [b"", b'{"status": -1, "description": "later", "timestamp": 1}']
    crm.header = "external-request-signature"
    merchant.page()
    merchant.control("POST", f"sessions/{merchant.order}/pay")
    crm.told(3)
    delivery = until(
        lambda: next((d for d in merchant.control("GET", "deliveries")["data"] if d["state"] == "delivered"), None)
    )
    assert delivery["attempts"] == 4
    assert len({one.headers["gt-authentication"] for one in crm.requests}) == 2


def test_the_answer_may_be_lost_but_not_what_was_done(merchant: Merchant) -> None:
    merchant.control("PUT", "faults", {"api_reset_after_commit": 1})
    with pytest.raises(httpx.ReadError):
        merchant.open()
    assert merchant.find()["session"]["session_status"] == "open"
    merchant.control("PUT", "faults", {"api_error_after_commit": 1})
    assert merchant.open(order_id="second").json()["status"] == -1
    assert merchant.find("second")["status"] == 0
    merchant.control("PUT", "faults", {"api_error_before_commit": 1})
    assert merchant.open(order_id="third").status_code == 500
    assert merchant.find("third")["status"] == 140


def test_amounts_in_units_of_the_currency(merchant: Merchant) -> None:
    merchant.control("PUT", "settings", {"fractions": {"KWD": 1000}})
    shown = [
        merchant.server.http.get(merchant.page(currency=code, amount=amount, order_id=code, locale="en-GB")).text
        for code, amount in (("JPY", 500), ("KWD", 1_500), ("BHD", 7))
    ]
    for text, words in zip(shown, ("¥500", "KWD\xa01.500", "BHD\xa07.000"), strict=True):
        assert words in text


def test_the_page_and_its_mistakes(merchant: Merchant) -> None:
    path = merchant.page()
    assert 'lang="es"' in merchant.server.http.get(path).text
    answer = merchant.server.http.post(
        path, data={"number": "4111111111111112", "expiry": "1/20", "cvv": "x", "name": ""}
    )
    assert answer.status_code == 422
    for field in ("number", "expiry", "cvv", "name"):
        assert f'id="{field}-error"' in answer.text
    assert merchant.server.http.post(path, data={"method": "wallet", "account": "no"}).status_code == 422
    assert merchant.server.http.get("/cashier/page/none").status_code == 404


def test_the_control_page(merchant: Merchant, crm: Crm) -> None:
    merchant.page()
    tid = merchant.control("POST", f"sessions/{merchant.order}/pay")["tid"]
    crm.told(1)
    base = f"/_control/{merchant.name}"
    assert str(tid) in merchant.server.http.get(base).text
    assert merchant.name in merchant.server.http.get("/_control").text
    path = f"{base}/transactions/{tid}/settle"
    assert (
        merchant.server.http.post(
            path, data={"status": "chargeback"}, headers={"Sec-Fetch-Site": "cross-site"}
        ).status_code
        == 403
    )
    assert merchant.server.http.post(path, data={"status": "chargeback"}).status_code == 303
    assert crm.told(2)[1]["transaction"]["transaction_status"] == "chargeback"


def test_kill_9_loses_neither_payment_nor_notification(tmp_path: Path, crm: Crm) -> None:
    server = Sandbox("praxis", tmp_path, "--retry-base", "0.05")
    try:
        merchant = Merchant(server, crm)
        merchant.page()
        merchant.control("PUT", "faults", {"delay_ms": 700})
        merchant.control("POST", f"sessions/{merchant.order}/pay")
        server.kill()
        assert crm.requests == []
        server.start()
        assert merchant.find()["transaction"]["transaction_status"] == "approved"
        assert crm.told(1)[0]["transaction"]["transaction_status"] == "approved"
        assert server.stop() == 0
    finally:
        server.close()
