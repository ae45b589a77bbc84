"""Click as a payer and a merchant meet it; the merchant here is a table of answers."""

from __future__ import annotations

import hashlib
import itertools
import json
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode

import pytest

from sandbox.click.checkout import TEXTS
from sandbox.click.conversation import BadAnswer, check_answer, sign
from sandbox.tests.support import Sandbox, until

_numbers = itertools.count(30_001)


class Shop:
    """A merchant's endpoint: answers well, or as ``answers`` says by action."""

    def __init__(self) -> None:
        self.answers: dict[str, dict[str, Any]] = {}
        self.asked: list[dict[str, str]] = []
        shop = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                fields = dict(parse_qsl(self.rfile.read(int(self.headers["Content-Length"])).decode()))
                shop.asked.append(fields)
                good = {
                    "click_trans_id": int(fields["click_trans_id"]), "merchant_trans_id": fields["merchant_trans_id"],
                    "merchant_prepare_id": 77, "merchant_confirm_id": 78, "error": 0, "error_note": "Success",
                }  # fmt: skip
                written = json.dumps({**good, **shop.answers.get(fields["action"], {})}).encode()
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
    def actions(self) -> str:
        return "".join(call["action"] for call in self.asked)

    def close(self) -> None:
        self.http.shutdown()
        self.http.server_close()
        self.thread.join()


class Merchant:
    def __init__(self, server: Sandbox, shop: Shop) -> None:
        self.server, self.shop = server, shop
        self.service = str(next(_numbers))
        settings = {"secret_key": "secret", "merchant_id": "9", "endpoint": shop.url, "name": "Broker"}
        self.control("PUT", "settings", settings)

    def control(self, method: str, path: str, body: Any = None, status: int = 200) -> Any:
        answer = self.server.http.request(method, f"/_control/api/{self.service}/{path}", json=body or {})
        assert answer.status_code == status, answer.text
        return answer.json()

    def link(self, **changes: str) -> str:
        said = {"service_id": self.service, "merchant_id": "9", "amount": "150000.00", "transaction_param": "D1"}
        return "/services/pay?" + urlencode({**said, **changes})

    def pay(self, **changes: Any) -> Any:
        return self.control("POST", "pay", {"order": "D1", "amount": "150000.00", **changes})


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    running = Sandbox("click", tmp_path_factory.mktemp("click"), "--retry-base", "0.05")
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


FIELDS = {
    "click_trans_id": "13", "service_id": "2", "merchant_trans_id": "D1", "amount": "1000", "action": "0",
    "sign_time": "2026-11-21 10:00:00", "merchant_prepare_id": "77",
}  # fmt: skip


@pytest.mark.parametrize(("action", "text"), [("0", "132keyD110000"), ("1", "132keyD17710001")])
def test_what_is_signed(action: str, text: str) -> None:
    """docs.click.uz: the prepare id is part of it only when completing."""
    expected = hashlib.md5(f"{text}2026-11-21 10:00:00".encode(), usedforsecurity=False).hexdigest()
    assert sign({**FIELDS, "action": action}, "key") == expected


def test_all_languages_have_every_word_and_placeholder() -> None:
    for language in ("uz", "ru"):
        assert TEXTS[language].keys() == TEXTS["en"].keys()
        for name, text in TEXTS["en"].items():
            assert re.findall(r"{\w+}", text) == re.findall(r"{\w+}", TEXTS[language][name]), name


def test_from_the_page_to_a_confirmed_payment(merchant: Merchant, shop: Shop) -> None:
    page = merchant.server.http.get(merchant.link())
    assert 'lang="uz"' in page.text
    assert "150\xa0000,00 so‘m" in page.text
    assert "<script" not in page.text
    assert 'lang="ru"' in merchant.server.http.get(merchant.link(lang="ru")).text
    back = "http://broker.localhost/back"
    paid = merchant.server.http.post(merchant.link(return_url=back), data={"number": "8600 0000 0000 0000"})
    assert (paid.status_code, paid.headers["location"]) == (303, back)
    (attempt,) = merchant.control("GET", "attempts")["data"]
    assert (attempt["step"], attempt["confirm_id"]) == ("confirmed", 78)
    prepare, complete = shop.asked
    assert (prepare["amount"], prepare["merchant_trans_id"], prepare["error"]) == ("150000", "D1", "0")
    assert (complete["action"], complete["merchant_prepare_id"]) == ("1", "77")
    assert complete["sign_string"] == sign(complete, "secret")


def test_the_bank_says_no_after_prepare(merchant: Merchant, shop: Shop) -> None:
    shop.answers["1"] = {"error": -9, "error_note": "Transaction cancelled"}
    page = merchant.server.http.post(merchant.link(), data={"number": "8600000000000008"})
    assert (page.status_code, TEXTS["uz"]["declined"] in page.text) == (422, True)
    assert [call["error"] for call in shop.asked] == ["0", "-5017"]
    assert merchant.control("GET", "attempts")["data"][0]["step"] == "failed"


@pytest.mark.parametrize("action", ["0", "1"])
def test_the_merchant_says_no(merchant: Merchant, shop: Shop, action: str) -> None:
    shop.answers[action] = {"error": -5, "error_note": "User does not exist"}
    page = merchant.server.http.post(merchant.link(), data={"number": "8600000000000000"})
    assert (page.status_code, "-5 User does not exist" in page.text) == (422, True)
    assert shop.actions == "01"[: int(action) + 1]


@pytest.mark.parametrize(
    "change",
    [
        {"service_id": "1"}, {"merchant_id": "8"}, {"amount": "0"}, {"amount": "1.005"}, {"amount": "x"},
        {"transaction_param": ""}, {"return_url": "back"},
    ],
)  # fmt: skip
def test_links_that_are_none(merchant: Merchant, change: dict[str, str]) -> None:
    assert merchant.server.http.get(merchant.link(**change)).status_code == 404
    assert merchant.server.http.post(merchant.link(**change), data={"number": "8600000000000000"}).status_code == 404


def test_mistakes_on_the_page(merchant: Merchant, shop: Shop) -> None:
    answer = merchant.server.http.post(merchant.link(transaction_param="<b>"), data={"number": "1"})
    assert (answer.status_code, "&lt;b&gt;" in answer.text, shop.asked) == (422, True, [])


@pytest.mark.parametrize(
    "answer",
    [
        {"error": "0"},
        {"error": 5},
        {"error": 0},
        {"error": 0, "error_note": "x", "merchant_prepare_id": "77"},
        {"error": 0, "error_note": "x", "merchant_prepare_id": 77, "click_trans_id": 14, "merchant_trans_id": "D1"},
        {"error": 0, "error_note": "x", "merchant_prepare_id": 77, "click_trans_id": 13, "merchant_trans_id": "D2"},
        [],
    ],
)
def test_answers_that_are_not_taken(answer: Any) -> None:
    with pytest.raises(BadAnswer):
        check_answer(FIELDS, 200, json.dumps(answer).encode())


def test_a_bad_answer_stands_beside_the_call(merchant: Merchant, shop: Shop) -> None:
    shop.answers["1"] = {"merchant_confirm_id": None}
    assert merchant.pay()["step"] == "refused"
    call = merchant.control("GET", "calls")["data"][-1]
    assert (call["name"], call["problem"]) == ("Complete", "merchant_confirm_id is not a number")
    assert "merchant_confirm_id is not a number" in merchant.server.http.get(f"/_control/{merchant.service}").text
    assert merchant.service in merchant.server.http.get("/_control").text


def test_calls_and_answers_get_lost_and_are_repeated(merchant: Merchant, shop: Shop) -> None:
    merchant.control("PUT", "faults", {"drop_first": 1, "api_reset_after_commit": 1})
    merchant.pay()
    until(lambda: merchant.control("GET", "attempts")["data"][0]["step"] == "confirmed")
    assert shop.actions == "001"


def test_a_complete_said_again_may_be_answered_with_already_paid(merchant: Merchant, shop: Shop) -> None:
    shop.answers["1"] = {"error": -4, "error_note": "Already paid"}
    assert merchant.pay()["step"] == "confirmed"


def test_everything_twice_and_with_a_wrong_key(merchant: Merchant, shop: Shop) -> None:
    merchant.control("PUT", "faults", {"deliver_twice": True, "tamper_signature": 1})
    attempt = merchant.pay()
    assert shop.actions == "0011"
    assert shop.asked[0]["sign_string"] == sign(shop.asked[0], "secret!")
    merchant.control("PUT", "faults", {})
    path = f"attempts/{attempt['id']}/complete"
    assert merchant.control("POST", path, {"error": -5017})["error"] == 0
    assert shop.asked[-1]["error"] == "-5017"
    shop.close()
    merchant.control("POST", path, status=504)


def test_kill_9_in_the_middle(tmp_path: Path, shop: Shop) -> None:
    server = Sandbox("click", tmp_path, "--retry-base", "0.3", "--service", "5=9=secret=http://127.0.0.1:1/")
    try:
        assert server.http.get("/_control/api/5/settings").json()["merchant_id"] == "9"
        merchant = Merchant(server, shop)
        merchant.control("PUT", "faults", {"api_reset_after_commit": 1})
        assert merchant.pay()["step"] == "new"
        server.kill()
        server.start()
        until(lambda: merchant.control("GET", "attempts")["data"][0]["step"] == "confirmed")
        assert len({call["click_trans_id"] for call in shop.asked}) == 1
        assert server.stop() == 0
    finally:
        server.close()
