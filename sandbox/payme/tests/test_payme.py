"""Payme as a payer and a merchant meet it; the merchant here is a list of answers."""

from __future__ import annotations

import base64
import itertools
import json
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from sandbox.payme.checkout import TEXTS, BadLink, read_link
from sandbox.payme.conversation import BadAnswer, check_answer
from sandbox.tests.support import Sandbox, until

_numbers = itertools.count(1)
GOOD = {
    "CheckPerformTransaction": {"allow": True},
    "CreateTransaction": {"create_time": 1, "transaction": "t1", "state": 1},
    "PerformTransaction": {"transaction": "t1", "perform_time": 2, "state": 2},
    "CancelTransaction": {"transaction": "t1", "cancel_time": 3, "state": -2},
    "CheckTransaction": {
        "create_time": 1, "perform_time": 0, "cancel_time": 0, "transaction": "t1", "state": 1, "reason": None
    },
}  # fmt: skip


class Shop:
    """A merchant's endpoint that answers by table and keeps what it was asked."""

    def __init__(self) -> None:
        self.answers: dict[str, Any] = dict(GOOD)
        self.asked: list[tuple[str, Any, str]] = []
        shop = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                call = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                shop.asked.append((call["method"], call["params"], self.headers["Authorization"]))
                said = shop.answers[call["method"]]
                body = {"id": call["id"], **(said if "error" in said else {"result": said})}
                written = json.dumps(body).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(written)))
                self.end_headers()
                self.wfile.write(written)

            def log_message(self, format: str, *args: Any) -> None:
                return

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_address[1]}/hook/"
        self.thread = threading.Thread(target=self.http.serve_forever, args=(0.05,), daemon=True)
        self.thread.start()

    @property
    def methods(self) -> list[str]:
        return [method for method, _, _ in self.asked]

    def close(self) -> None:
        self.http.shutdown()
        self.http.server_close()
        self.thread.join()


class Merchant:
    def __init__(self, server: Sandbox, shop: Shop) -> None:
        self.server, self.shop = server, shop
        self.id = f"{next(_numbers):024x}"
        self.control("PUT", "settings", {"key": "secret", "endpoint": shop.url, "name": "Broker"})

    def control(self, method: str, path: str, body: Any = None, status: int = 200) -> Any:
        answer = self.server.http.request(method, f"/_control/api/{self.id}/{path}", json=body or {})
        assert answer.status_code == status, answer.text
        return answer.json()

    def link(self, **changes: str) -> str:
        said = {"m": self.id, "ac.order_id": "D1", "a": "15000000", "l": "uz", **changes}
        return "/" + base64.b64encode(";".join(f"{k}={v}" for k, v in said.items()).encode()).decode()

    def pay(self) -> Any:
        return self.control("POST", "pay", {"account": {"order_id": "D1"}, "amount": 15_000_000})


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    running = Sandbox("payme", tmp_path_factory.mktemp("payme"), "--retry-base", "0.05")
    yield running
    running.close()


@pytest.fixture
def shop() -> Iterator[Shop]:
    made = Shop()
    yield made
    made.close()


@pytest.fixture
def merchant(server: Sandbox, shop: Shop) -> Merchant:
    return Merchant(server, shop)


CARD = {"number": "8600 0000 0000 0000", "expiry": "12/49"}


def test_the_published_link() -> None:
    """developer.help.paycom.uz, "Sending a cheque by GET"."""
    order = read_link("bT01ODdmNzJjNzJjYWMwZDE2MmM3MjJhZTI7YWMub3JkZXJfaWQ9MTk3O2E9NTAw")
    assert (order.merchant, order.account, order.amount) == ("587f72c72cac0d162c722ae2", {"order_id": "197"}, 500)


@pytest.mark.parametrize(
    "text", ["m=1;a=5", "m={m};ac.x=1;a=0", "m={m};ac.x=1;a=1.5", "m={m};a=5", "m={m};ac.x=1;a=5;l=de"]
)
def test_links_that_say_too_little(text: str) -> None:
    with pytest.raises(BadLink):
        read_link(base64.b64encode(text.format(m="0" * 24).encode()).decode())


def test_all_languages_have_every_word_and_placeholder() -> None:
    for language in ("uz", "ru"):
        assert TEXTS[language].keys() == TEXTS["en"].keys()
        for name, text in TEXTS["en"].items():
            assert re.findall(r"{\w+}", text) == re.findall(r"{\w+}", TEXTS[language][name]), name


def test_from_the_page_to_a_performed_transaction(merchant: Merchant, shop: Shop) -> None:
    page = merchant.server.http.get(merchant.link())
    assert 'lang="uz"' in page.text
    assert "150\xa0000,00 so‘m" in page.text
    assert "<script" not in page.text
    paid = merchant.server.http.post(merchant.link(c="http://broker.localhost/back"), data=CARD)
    assert (paid.status_code, paid.headers["location"]) == (303, "http://broker.localhost/back")
    assert shop.methods == ["CheckPerformTransaction", "CreateTransaction", "PerformTransaction"]
    (transaction,) = merchant.control("GET", "transactions")["data"]
    assert transaction["step"] == "performed"
    (_, checked, login), (_, created, _), (_, performed, _) = shop.asked
    assert base64.b64decode(login.removeprefix("Basic ")) == b"Paycom:secret"
    assert checked == {"amount": 15_000_000, "account": {"order_id": "D1"}}
    assert created == {"id": transaction["id"], "time": transaction["time"], **checked}
    assert performed == {"id": transaction["id"]}


def test_the_page_says_why_it_cannot_be_paid(merchant: Merchant, shop: Shop) -> None:
    assert merchant.server.http.post(merchant.link(), data={"number": "1", "expiry": ""}).status_code == 422
    declined = merchant.server.http.post(merchant.link(), data={**CARD, "number": "8600000000000008"})
    assert TEXTS["uz"]["declined"] in declined.text
    assert shop.asked == []
    message = {"ru": "Закрыт", "uz": "Yopilgan", "en": "Closed"}
    shop.answers["CheckPerformTransaction"] = {"error": {"code": -31050, "message": message, "data": "order_id"}}
    refused = merchant.server.http.post(merchant.link(), data=CARD)
    assert "-31050 Closed" in refused.text
    assert shop.methods == ["CheckPerformTransaction"]
    assert merchant.server.http.get(merchant.link(m="f" * 24)).status_code == 404
    assert merchant.server.http.get("/nonsense").status_code == 404


def test_cancelling_before_and_after(merchant: Merchant, shop: Shop) -> None:
    performed = merchant.pay()
    ended = merchant.control("POST", f"transactions/{performed['id']}/cancel", {"reason": 5})
    assert (ended["step"], ended["state"], shop.asked[-1][1]) == ("cancelled", -2, {"id": performed["id"], "reason": 5})
    shop.answers["CancelTransaction"] = {"error": {"code": -31007, "message": "no"}}
    performed = merchant.pay()
    ended = merchant.control("POST", f"transactions/{performed['id']}/cancel", {"reason": 5})
    assert (ended["step"], ended["error"]) == ("performed", "-31007 no")


def test_what_was_created_and_then_refused_is_cancelled(merchant: Merchant, shop: Shop) -> None:
    shop.answers["PerformTransaction"] = {"error": {"code": -31008, "message": "no"}}
    shop.answers["CancelTransaction"] = {"transaction": "t1", "cancel_time": 3, "state": -1}
    ended = merchant.pay()
    assert (ended["step"], ended["state"], ended["error"]) == ("cancelled", -1, "-31008 no")


@pytest.mark.parametrize(
    ("method", "result"),
    [
        ("CheckPerformTransaction", {"allow": False}),
        ("CheckPerformTransaction", []),
        ("CreateTransaction", {"create_time": 1, "transaction": "t1", "state": 2}),
        ("CreateTransaction", {"create_time": 1, "transaction": 5, "state": 1}),
        ("CreateTransaction", {"create_time": "1", "transaction": "t", "state": 1}),
        ("PerformTransaction", {"transaction": "t1", "state": 2}),
        ("CancelTransaction", {"transaction": "t1", "cancel_time": 3, "state": 1}),
        (
            "CheckTransaction",
            {"transaction": "t1", "state": 1, "create_time": 1, "perform_time": None, "cancel_time": 0},
        ),
        ("GetStatement", {"transactions": [{"id": 1}]}),
    ],
)
def test_answers_that_are_not_taken(method: str, result: Any) -> None:
    with pytest.raises(BadAnswer):
        check_answer(method, 200, json.dumps({"id": 1, "result": result}).encode(), 1)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (500, b'{"id":1,"result":{"allow":true}}'),
        (200, b"ok"),
        (200, b'{"id":2,"result":{"allow":true}}'),
        (200, b'{"id":1}'),
        (200, b'{"id":1,"error":{"code":"x"}}'),
        (200, b'{"id":1,"error":{"code":-31050,"message":"only one"}}'),
    ],
)
def test_answers_of_no_form_at_all(status: int, body: bytes) -> None:
    with pytest.raises(BadAnswer):
        check_answer("CheckPerformTransaction", status, body, 1)


def test_a_bad_answer_stands_beside_the_call(merchant: Merchant, shop: Shop) -> None:
    shop.answers["CreateTransaction"] = {"create_time": 0, "state": 1}
    assert merchant.pay()["step"] == "refused"
    call = merchant.control("GET", "calls")["data"][-1]
    assert (call["name"], call["problem"]) == ("CreateTransaction", "transaction is missing")
    page = merchant.server.http.get(f"/_control/{merchant.id}").text
    assert "transaction is missing" in page
    assert merchant.id in merchant.server.http.get("/_control").text


def test_calls_and_answers_get_lost_and_are_repeated(merchant: Merchant, shop: Shop) -> None:
    merchant.control("PUT", "faults", {"drop_first": 1, "api_reset_after_commit": 2})
    merchant.pay()
    until(lambda: merchant.control("GET", "transactions")["data"][0]["step"] == "performed")
    assert shop.methods == ["CheckPerformTransaction"] * 3 + ["CreateTransaction", "PerformTransaction"]


def test_everything_twice_and_with_a_wrong_key(merchant: Merchant, shop: Shop) -> None:
    merchant.control("PUT", "faults", {"deliver_twice": True, "tamper_signature": 1})
    merchant.pay()
    assert [method for method in shop.methods if method == "PerformTransaction"] == ["PerformTransaction"] * 2
    assert base64.b64decode(shop.asked[0][2].removeprefix("Basic ")) == b"Paycom:secret!"


def test_any_call_by_hand(merchant: Merchant, shop: Shop) -> None:
    answer = merchant.control("POST", "call", {"method": "CheckTransaction", "params": {"id": "x"}, "key": "other"})
    assert answer["result"]["state"] == 1
    assert base64.b64decode(shop.asked[0][2].removeprefix("Basic ")) == b"Paycom:other"
    transaction = merchant.pay()
    path = f"transactions/{transaction['id']}/repeat"
    assert merchant.control("POST", path, {"method": "PerformTransaction"})["result"]["state"] == 2
    shop.close()
    merchant.control("POST", "call", {"method": "CheckTransaction", "params": {"id": "x"}}, status=504)


def test_kill_9_in_the_middle(tmp_path: Path, shop: Shop) -> None:
    server = Sandbox("payme", tmp_path, "--retry-base", "0.3")
    try:
        merchant = Merchant(server, shop)
        merchant.control("PUT", "faults", {"api_reset_after_commit": 1})
        assert merchant.pay()["step"] == "new"
        server.kill()
        server.start()
        until(lambda: merchant.control("GET", "transactions")["data"][0]["step"] == "performed")
        assert len({params["id"] for method, params, _ in shop.asked if method != "CheckPerformTransaction"}) == 1
        assert server.stop() == 0
    finally:
        server.close()
