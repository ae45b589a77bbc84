"""Freedom Pay as a merchant, a payer and a payee meet it, over real sockets."""

from __future__ import annotations

import hashlib
import itertools
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl
from xml.etree import ElementTree

import httpx
import pytest

from sandbox.freedompay import signing
from sandbox.freedompay.view import TEXTS
from sandbox.tests.support import Receiver, Sandbox, until

_numbers = itertools.count(540_001)
CARD = {"number": "4111 1111 1111 1111", "expiry": "12/49", "cvv": "123", "name": "AIGUL"}


def md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


class Merchant:
    """One merchant with bare HTTP in its hand; it signs by itself."""

    def __init__(self, server: Sandbox, number: int, receiver: Receiver) -> None:
        self.server, self.number, self.receiver = server, number, receiver
        self.secret, self.payout_secret = f"s{number}", f"p{number}"
        self.control("PUT", "settings", {"secret_key": self.secret, "payout_key": self.payout_secret, "name": "Бrоker"})

    def call(self, path: str, secret: str = "", **values: Any) -> dict[str, str]:
        fields = {"pg_merchant_id": str(self.number), "pg_salt": "salt", **{k: str(v) for k, v in values.items()}}
        key = secret or (self.payout_secret if path.startswith("/api/") else self.secret)
        ordered = [fields[name] for name in sorted(fields)]
        fields["pg_sig"] = md5(";".join([path.rpartition("/")[2], *ordered, key]))
        answer = self.server.http.post(path, data=fields)
        assert answer.status_code == 200, answer.text
        root = ElementTree.fromstring(answer.content)
        told = {child.tag: child.text or "" for child in root if not len(child)}
        told["refunds"] = " ".join(
            f"{item.findtext('pg_amount')} {item.findtext('pg_payment_status')}"
            for item in root.iter("pg_refund_payment")
        )
        return told

    def init(self, **changes: Any) -> dict[str, str]:
        url = self.receiver.url
        values = {
            "pg_order_id": "dep-1", "pg_amount": "25000.00", "pg_currency": "KZT", "pg_description": "Deposit",
            "pg_result_url": f"{url}/hooks/result", "pg_success_url": f"{url}/back?x=1",
            "pg_failure_url": f"{url}/back?x=0",
        }  # fmt: skip
        return self.call("/init_payment.php", **{**values, **changes})

    def paid(self, **changes: Any) -> str:
        number = self.init(**changes)["pg_payment_id"]
        self.control("POST", f"payments/{number}/pay", {})
        return number

    def status(self, number: str) -> dict[str, str]:
        return self.call("/get_status3.php", pg_payment_id=number)

    def payout(self, **changes: Any) -> dict[str, str]:
        values = {
            "pg_order_id": "out-1", "pg_amount": "1000", "pg_description": "Payout",
            "pg_post_link": f"{self.receiver.url}/hooks/payout", "pg_back_link": f"{self.receiver.url}/back",
            "pg_order_time_limit": "2040-01-01 12:00:00",
        }  # fmt: skip
        return self.call("/api/reg2nonreg", **{**values, **changes})

    def control(self, method: str, path: str, body: Any = None) -> Any:
        answer = self.server.http.request(method, f"/_control/api/{self.number}/{path}", json=body or {})
        assert answer.status_code == 200, answer.text
        return answer.json()

    def genuine(self, body: bytes, script: str, secret: str = "") -> dict[str, str]:
        """The fields of a call, its signature checked by hand."""
        fields = dict(parse_qsl(body.decode(), keep_blank_values=True))
        ordered = [fields[name] for name in sorted(fields) if name != "pg_sig"]
        assert fields["pg_sig"] == md5(";".join([script, *ordered, secret or self.secret]))
        return fields


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    running = Sandbox("freedompay", tmp_path_factory.mktemp("freedompay"), "--retry-base", "0.05")
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


def path_of(url: str) -> str:
    parsed = httpx.URL(url)
    return f"{parsed.path}?{parsed.query.decode()}"


def test_the_published_string_is_what_is_signed() -> None:
    """freedompay.kz/docs-en/merchant-api/pay: 'init_payment.php;25;test;{merchant};23;molbulak;{secret}'."""
    fields: signing.Fields = [
        ("pg_order_id", "23"), ("pg_merchant_id", "500001"), ("pg_amount", "25"), ("pg_description", "test"),
        ("pg_salt", "molbulak"),
    ]  # fmt: skip
    assert signing.signature("init_payment.php", fields, "key") == md5(
        "init_payment.php;25;test;500001;23;molbulak;key"
    )


def test_nested_elements_are_signed_in_place() -> None:
    nested: signing.Fields = [
        ("pg_status", "ok"),
        ("pg_refund_payments", [("pg_refund_payment", [("pg_payment_id", "9"), ("pg_amount", "-10")])]),
        ("pg_salt", "s"),
    ]
    assert signing.signature("get_status3.php", nested, "k") == md5("get_status3.php;-10;9;s;ok;k")


def test_an_address_that_ends_in_a_slash_has_no_script_name() -> None:
    names = [signing.script_name(url) for url in ("http://x/a/result?b=/c", "http://x/webhooks/1/", "http://x")]
    assert names == ["result", "", ""]


def test_all_languages_have_every_word_and_placeholder() -> None:
    for language in ("kk", "en"):
        assert TEXTS[language].keys() == TEXTS["ru"].keys()
        for name, text in TEXTS["ru"].items():
            assert sorted(re.findall(r"{\w+}", text)) == sorted(re.findall(r"{\w+}", TEXTS[language][name])), name


def test_a_payment_from_request_to_result_and_return(merchant: Merchant, receiver: Receiver) -> None:
    opened = merchant.init(customer_tag="42")
    assert (opened["pg_status"], opened["pg_redirect_url_type"]) == ("ok", "need data")
    assert merchant.status(opened["pg_payment_id"])["pg_payment_status"] == "new"
    page = path_of(opened["pg_redirect_url"])
    shown = merchant.server.http.get(page)
    assert 'lang="ru"' in shown.text
    assert "25\xa0000,00\xa0₸" in shown.text
    paid = merchant.server.http.post(page, data=CARD)
    assert paid.status_code == 303
    back = httpx.URL(paid.headers["location"])
    carried = dict(back.params)
    assert (carried["x"], carried["pg_payment_id"]) == ("1", opened["pg_payment_id"])
    ordered = [carried["pg_order_id"], carried["pg_payment_id"], carried["pg_salt"]]
    assert carried["pg_sig"] == md5(";".join(["back", *ordered, merchant.secret]))
    (result,) = receiver.wait(lambda got: len(got) == 1)
    told = merchant.genuine(result.body, "result")
    assert (told["pg_result"], told["pg_captured"], told["pg_amount"], told["customer_tag"]) == (
        "1", "1", "25000.00", "42"
    )  # fmt: skip
    assert (told["pg_card_pan"], told["pg_net_amount"]) == ("4111-11XX-XXXX-1111", "24375.00")
    now = merchant.status(opened["pg_payment_id"])
    assert (now["pg_payment_status"], now["pg_captured"], now["pg_clearing_amount"]) == ("success", "1", "25000.00")
    assert merchant.server.http.post(page, data=CARD).headers["location"].startswith(f"{receiver.url}/back?x=1")
    assert TEXTS["ru"]["done"] in merchant.server.http.get(page).text
    assert len(merchant.control("GET", "deliveries")["data"]) == 1


@pytest.mark.parametrize(
    ("number", "code"), [("4000000000009995", "10012"), ("5200000000000114", "10010"), ("4242424242424242", "10010")]
)
def test_a_declined_card_is_told(merchant: Merchant, receiver: Receiver, number: str, code: str) -> None:
    opened = merchant.init()
    merchant.server.http.post(path_of(opened["pg_redirect_url"]), data={**CARD, "number": number})
    (result,) = receiver.wait(lambda got: len(got) == 1)
    told = merchant.genuine(result.body, "result")
    assert (told["pg_result"], told["pg_captured"], told["pg_failure_code"]) == ("0", "0", code)
    now = merchant.status(opened["pg_payment_id"])
    assert (now["pg_payment_status"], now["pg_failure_code"]) == ("error", code)


@pytest.mark.parametrize(("decision", "state"), [("approve", "success"), ("refuse", "error")])
def test_confirming_with_the_bank(merchant: Merchant, decision: str, state: str) -> None:
    opened = merchant.init(pg_language="kz")
    step = merchant.server.http.post(
        path_of(opened["pg_redirect_url"]), data={**CARD, "number": "4000000000000002"}
    ).headers["location"]
    shown = merchant.server.http.get(step).text
    assert 'lang="kk"' in shown
    assert "0002" in shown
    assert merchant.server.http.post(step, data={"decision": decision}).status_code == 303
    assert merchant.status(opened["pg_payment_id"])["pg_payment_status"] == state


def test_cancelling(merchant: Merchant) -> None:
    opened = merchant.init()
    left = merchant.server.http.post(path_of(opened["pg_redirect_url"]), data={"decision": "cancel"})
    assert "x=0" in left.headers["location"]
    assert merchant.status(opened["pg_payment_id"])["pg_failure_code"] == "400"


def test_mistakes_on_the_page(merchant: Merchant) -> None:
    opened = merchant.init(pg_language="en", pg_description="<b>x</b>")
    wrong = {"number": "4111111111111112", "expiry": "1/20", "cvv": "x", "name": ""}
    answer = merchant.server.http.post(path_of(opened["pg_redirect_url"]), data=wrong)
    assert answer.status_code == 422
    for field in ("number", "expiry", "cvv", "name"):
        assert f'id="{field}-error"' in answer.text
    assert "&lt;b&gt;" in answer.text
    assert "<script" not in answer.text
    assert merchant.server.http.get("/pay.html?customer=none").status_code == 404


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"pg_amount": "1.005"}, "200"),
        ({"pg_amount": "0"}, "200"),
        ({"pg_amount": "-5"}, "200"),
        ({"pg_amount": "NaN"}, "200"),
        ({"pg_currency": "JPY"}, "200"),
        ({"pg_order_id": ""}, "200"),
        ({"pg_description": ""}, "200"),
        ({"pg_language": "de"}, "200"),
        ({"pg_lifetime": "60"}, "200"),
        ({"pg_result_url": "result"}, "200"),
        ({"secret": "other"}, "9999"),
    ],
)
def test_requests_that_are_refused(merchant: Merchant, change: dict[str, str], code: str) -> None:
    answer = merchant.init(**change)
    assert (answer["pg_status"], answer["pg_error_code"]) == ("error", code)
    assert merchant.control("GET", "payments")["data"] == []


def test_merchants_do_not_see_each_other(merchant: Merchant, server: Sandbox, receiver: Receiver) -> None:
    number = merchant.paid()
    other = Merchant(server, next(_numbers), receiver)
    assert other.status(number)["pg_error_code"] == "340"
    assert other.call("/revoke.php", pg_payment_id=number)["pg_error_code"] == "340"
    assert merchant.call("/get_status3.php", pg_merchant_id="1", pg_payment_id=number)["pg_error_code"] == "101"


def test_an_idempotency_key_has_one_effect(merchant: Merchant) -> None:
    first = merchant.init(pg_idempotency_key="k1")
    assert merchant.init(pg_idempotency_key="k1")["pg_redirect_url"] == first["pg_redirect_url"]
    assert merchant.init(pg_idempotency_key="k1", pg_amount="1")["pg_error_code"] == "9997"
    assert len(merchant.control("GET", "payments")["data"]) == 1


def test_refunds_part_by_part(merchant: Merchant) -> None:
    number = merchant.paid()
    for _ in range(2):
        part = merchant.call("/revoke.php", pg_payment_id=number, pg_refund_amount="10000.00", pg_idempotency_key="r1")
        assert part["pg_status"] == "ok"
    assert merchant.status(number)["refunds"] == "-10000.00 success"
    assert merchant.call("/revoke.php", pg_payment_id=number, pg_refund_amount="15000.01")["pg_error_code"] == "490"
    assert merchant.call("/revoke.php", pg_payment_id=number)["pg_status"] == "ok"
    now = merchant.status(number)
    assert (now["refunds"], now["pg_refund_amount"], now["pg_payment_status"]) == (
        "-10000.00 success -15000.00 success", "-25000.00", "success"
    )  # fmt: skip
    assert merchant.call("/revoke.php", pg_payment_id=number)["pg_error_code"] == "490"


@pytest.mark.parametrize(("action", "state", "total"), [("succeed", "success", "-10.00"), ("fail", "error", "0")])
def test_a_refund_that_takes_its_time(merchant: Merchant, action: str, state: str, total: str) -> None:
    merchant.control("PUT", "settings", {"refunds": "process"})
    number = merchant.paid()
    merchant.call("/revoke.php", pg_payment_id=number, pg_refund_amount="10")
    refund = merchant.control("GET", "payments")["data"][0]
    merchant.control("POST", f"refunds/{refund['id']}/{action}")
    now = merchant.status(number)
    assert (now["refunds"], now["pg_refund_amount"]) == (f"-10.00 {state}", total)


def test_a_payment_that_nobody_paid_runs_out(merchant: Merchant) -> None:
    opened = merchant.init()
    assert merchant.call("/revoke.php", pg_payment_id=opened["pg_payment_id"])["pg_error_code"] == "490"
    merchant.control("POST", f"payments/{opened['pg_payment_id']}/expire")
    assert merchant.status(opened["pg_payment_id"])["pg_payment_status"] == "incomplete"
    assert TEXTS["ru"]["expired"] in merchant.server.http.get(path_of(opened["pg_redirect_url"])).text


def test_results_are_repeated_with_a_fresh_salt_and_tampered_with(merchant: Merchant, receiver: Receiver) -> None:
    merchant.control("PUT", "faults", {"deliver_twice": True, "tamper_signature": 1, "drop_first": 1})
    receiver.answers = [500]
    merchant.paid()
    requests = receiver.wait(lambda got: len(got) >= 3)
    told = [dict(parse_qsl(request.body.decode(), keep_blank_values=True)) for request in requests]
    assert len({one["pg_salt"] for one in told}) == len(told)
    wrong = 0
    for request in requests:
        try:
            merchant.genuine(request.body, "result")
        except AssertionError:
            wrong += 1
    assert wrong == 1


def test_the_answer_may_be_lost_but_the_payment_is_not(merchant: Merchant) -> None:
    merchant.control("PUT", "faults", {"api_reset_after_commit": 1})
    with pytest.raises(httpx.ReadError):
        merchant.init(pg_idempotency_key="k2")
    assert merchant.init(pg_idempotency_key="k2")["pg_status"] == "ok"
    assert len(merchant.control("GET", "payments")["data"]) == 1
    merchant.control("PUT", "faults", {"api_unauthorized": True})
    assert merchant.init()["pg_error_code"] == "9999"


class Shop:
    """A merchant that answers Check URL and Result URL with XML of its choice."""

    def __init__(self, secret: str, status: str) -> None:
        self.status, self.seen = status, []  # type: ignore[var-annotated]
        shop = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                shop.seen.append((self.path, self.rfile.read(int(self.headers["Content-Length"]))))
                values = {"pg_description": "Sold out", "pg_salt": "abc", "pg_status": shop.status}
                script = self.path.partition("?")[0].rpartition("/")[2]
                signature = md5(";".join([script, *values.values(), secret]))
                inner = "".join(f"<{k}>{v}</{k}>" for k, v in {**values, "pg_sig": signature}.items())
                body = f"<response>{inner}</response>".encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:
                return

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_address[1]}"
        self.thread = threading.Thread(target=self.http.serve_forever, args=(0.05,), daemon=True)
        self.thread.start()

    def close(self) -> None:
        self.http.shutdown()
        self.http.server_close()
        self.thread.join()


@pytest.mark.parametrize("status", ["ok", "rejected"])
def test_the_shop_is_asked_before_money_moves(merchant: Merchant, status: str) -> None:
    shop = Shop(merchant.secret, status)
    try:
        opened = merchant.init(pg_check_url=f"{shop.url}/hooks/1/?check=1")
        answer = merchant.server.http.post(path_of(opened["pg_redirect_url"]), data=CARD)
        path, body = shop.seen[0]
        assert (path, merchant.genuine(body, "")["pg_payment_id"]) == ("/hooks/1/?check=1", opened["pg_payment_id"])
    finally:
        shop.close()
    assert answer.status_code == (303 if status == "ok" else 422)
    assert ("Sold out" in answer.text) is (status == "rejected")
    expected = "success" if status == "ok" else "new"
    assert merchant.status(opened["pg_payment_id"])["pg_payment_status"] == expected


@pytest.mark.parametrize(("status", "state"), [("ok", "success"), ("rejected", "revoked"), ("error", "success")])
def test_the_shop_may_reject_at_the_first_result(merchant: Merchant, status: str, state: str) -> None:
    shop = Shop(merchant.secret, status)
    try:
        number = merchant.paid(pg_result_url=f"{shop.url}/result")
        (told,) = until(lambda: [d for d in merchant.control("GET", "deliveries")["data"] if d["answer"]])
    finally:
        shop.close()
    assert told["answer"] == f"{status} Sold out"
    assert merchant.status(number)["pg_payment_status"] == state


def test_a_payout_from_page_to_post_link(merchant: Merchant, receiver: Receiver) -> None:
    opened = merchant.payout()
    assert merchant.payout()["pg_error_code"] == "200"
    page = path_of(opened["pg_redirect_url"])
    assert "1\xa0000,00\xa0₸" in merchant.server.http.get(page).text
    assert merchant.server.http.post(page, data={"number": "1"}).status_code == 422
    left = merchant.server.http.post(page, data={"number": "4111111111111111"})
    assert left.headers["location"] == f"{receiver.url}/back"
    (told,) = receiver.wait(lambda got: len(got) == 1)
    fields = merchant.genuine(told.body, "payout", merchant.payout_secret)
    assert (fields["pg_status"], fields["pg_payment_amount"], fields["pg_to_pay"]) == ("ok", "1000.00", "1010.00")
    now = merchant.call("/api/payment_status2", pg_order_id="out-1")
    assert (now["pg_payment_status"], now["pg_payment_id"]) == ("success", opened["pg_payment_id"])
    assert TEXTS["ru"]["payout_done"] in merchant.server.http.get(page).text


def test_a_payout_that_fails_and_one_that_is_unknown(merchant: Merchant, receiver: Receiver) -> None:
    opened = merchant.payout()
    merchant.control("POST", f"payouts/{opened['pg_payment_id']}/fail", {"reason": "Карта закрыта"})
    (told,) = receiver.wait(lambda got: len(got) == 1)
    assert merchant.genuine(told.body, "payout", merchant.payout_secret)["pg_status"] == "error"
    now = merchant.call("/api/payment_status2", pg_order_id="out-1")
    assert (now["pg_payment_status"], now["pg_error_description"]) == ("error", "Карта закрыта")
    assert merchant.call("/api/payment_status2", pg_order_id="none")["pg_error_code"] == "340"
    assert merchant.call("/api/reg2nonreg", secret=merchant.secret, pg_order_id="x")["pg_error_code"] == "9999"


def test_the_control_page(merchant: Merchant, receiver: Receiver) -> None:
    number = merchant.paid()
    receiver.wait(lambda got: len(got) == 1)
    base = f"/_control/{merchant.number}"
    assert number in merchant.server.http.get(base).text
    assert str(merchant.number) in merchant.server.http.get("/_control").text
    delivery = merchant.control("GET", "deliveries")["data"][0]
    path = f"{base}/deliveries/{delivery['id']}/redeliver"
    assert merchant.server.http.post(path, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
    assert merchant.server.http.post(path).status_code == 303
    receiver.wait(lambda got: len(got) == 2)


def test_kill_9_loses_neither_payment_nor_result(tmp_path: Path, receiver: Receiver) -> None:
    server = Sandbox("freedompay", tmp_path, "--retry-base", "0.05", "--merchant", "7:sec:pay:Shop")
    try:
        assert server.http.get("/_control/api/7/settings").json()["name"] == "Shop"
        merchant = Merchant(server, 540_000, receiver)
        opened = merchant.init()
        merchant.control("PUT", "faults", {"delay_ms": 700})
        merchant.control("POST", f"payments/{opened['pg_payment_id']}/pay")
        server.kill()
        assert receiver.requests == []
        server.start()
        assert merchant.status(opened["pg_payment_id"])["pg_payment_status"] == "success"
        (result,) = receiver.wait(lambda got: len(got) == 1)
        assert merchant.genuine(result.body, "result")["pg_result"] == "1"
        assert server.stop() == 0
    finally:
        server.close()
