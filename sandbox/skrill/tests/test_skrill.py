"""Skrill as a merchant and a payer meet it, over real sockets."""

from __future__ import annotations

import hashlib
import itertools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import httpx
import pytest
from defusedxml import ElementTree

from sandbox.skrill.page import TEXTS
from sandbox.skrill.reports import sign
from sandbox.tests.support import Receiver, Sandbox

_numbers = itertools.count(1)


def md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


class Merchant:
    """One merchant account with bare HTTP in its hand."""

    def __init__(self, server: Sandbox, receiver: Receiver | None = None) -> None:
        self.server = server
        number = next(_numbers)
        self.email = f"shop{number}@broker.example"
        self.word, self.password, self.id = f"word{number}", f"password-{number}", str(500 + number)
        self.hooks = f"{receiver.url}/hooks" if receiver else ""
        self.settings(merchant_id=self.id, secret_word=self.word, api_password=self.password)

    def control(self, method: str, path: str, body: Any = None) -> Any:
        answer = self.server.http.request(method, f"/_control/api/{self.email}/{path}", json=body or {})
        assert answer.status_code == 200, answer.text
        return answer.json()

    def settings(self, **values: str) -> None:
        self.control("PUT", "settings", values)

    def session(self, **changes: str) -> httpx.Response:
        values = {
            "prepare_only": "1", "pay_to_email": self.email, "transaction_id": "dep-1", "amount": "39.60",
            "currency": "EUR", "return_url": "http://broker.localhost:1/back", "cancel_url": "http://broker.localhost:1/no",
            "language": "DE", "detail1_text": "<b>Deposit</b>", **({"status_url": self.hooks} if self.hooks else {}),
        }  # fmt: skip
        return self.server.http.post("/", data={**values, **changes})

    def paid(self, **changes: str) -> Any:
        sid = self.session(**changes).text
        return self.control("POST", f"sessions/{sid}/pay")

    def app(self, script: str, action: str, **values: str) -> httpx.Response:
        login = {"email": self.email, "password": md5(self.password)}
        return self.server.http.post(f"/app/{script}", data={"action": action, **login, **values})

    def steps(self, script: str, last: str, **values: str) -> Any:
        """Both steps; the answer's root."""
        first = ElementTree.fromstring(self.app(script, "prepare", **values).content)
        sid = first.findtext("sid")
        return ElementTree.fromstring(self.app(script, last, sid=sid).content) if sid else first

    def refund(self, amount: str, **values: str) -> Any:
        return self.steps("refund.pl", "refund", transaction_id="dep-1", amount=amount, **values)

    def send(self, reference: str = "w1", **changes: str) -> Any:
        values = {"amount": "12", "currency": "EUR", "bnf_email": "lena@example.com", "subject": "s", "note": "n"}
        return self.steps("pay.pl", "transfer", **{**values, "frn_trn_id": reference, **changes})

    def query(self, reference: str = "dep-1") -> str:
        return self.app("query.pl", "status_trn", trn_id=reference).text


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    running = Sandbox("skrill", tmp_path_factory.mktemp("skrill"), "--retry-base", "0.05")
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


def told(merchant: Merchant, receiver: Receiver, count: int) -> list[dict[str, str]]:
    """The reports' fields, their signature checked by a third hand."""
    found = [dict(parse_qsl(one.body.decode())) for one in receiver.wait(lambda got: len(got) >= count)]
    for fields in found:
        text = fields["merchant_id"] + fields["transaction_id"] + md5(merchant.word).upper()
        text += fields["mb_amount"] + fields["mb_currency"] + fields["status"]
        assert fields["md5sig"] == md5(text).upper()
        assert fields["sha2sig"] == hashlib.sha256(text.encode()).hexdigest().upper()
    return found


def error(root: Any) -> str | None:
    found: str | None = root.findtext("error/error_msg")
    return found


def test_the_formula_of_the_guide() -> None:
    fields = {"merchant_id": "100", "transaction_id": "A1", "mb_amount": "9.99", "mb_currency": "EUR", "status": "2"}
    text = f"100A1{md5('word').upper()}9.99EUR2"
    assert sign("word", fields)["md5sig"] == md5(text).upper()


def test_both_languages_have_every_word_and_placeholder() -> None:
    assert TEXTS["de"].keys() == TEXTS["en"].keys()
    for name, text in TEXTS["en"].items():
        assert sorted(re.findall(r"{\w+}", text)) == sorted(re.findall(r"{\w+}", TEXTS["de"][name])), name


def test_a_payment_from_session_to_report(merchant: Merchant, receiver: Receiver) -> None:
    sid = merchant.session().text
    assert re.fullmatch(r"[0-9a-f]{32}", sid)
    assert merchant.query().startswith("403")
    page = merchant.server.http.get("/", params={"sid": sid})
    assert 'lang="de"' in page.text
    assert "39,60" in page.text
    assert "&lt;b&gt;" in page.text
    assert "script" not in page.headers["content-security-policy"]
    paid = merchant.server.http.post(f"/checkout/{sid}", data={"decision": "pay", "email": "lena@example.com"})
    assert paid.headers["location"] == "http://broker.localhost:1/back"
    merchant.server.http.post(f"/checkout/{sid}", data={"decision": "pay"})
    (fields,) = told(merchant, receiver, 1)
    assert (fields["status"], fields["mb_amount"], fields["pay_from_email"]) == ("2", "39.6", "lena@example.com")
    first, _, rest = merchant.query().partition("\n")
    assert first.split() == ["200", "OK"]
    assert dict(parse_qsl(rest.strip()))["mb_transaction_id"] == fields["mb_transaction_id"]
    assert len(merchant.control("GET", "transactions")["data"]) == 1
    assert merchant.session().json()["code"] == "BAD_REQUEST"


def test_declined_then_paid_and_going_back(merchant: Merchant, receiver: Receiver) -> None:
    sid = merchant.session().text
    assert (
        merchant.server.http.post(f"/checkout/{sid}", data={"decision": "cancel"}).headers["location"].endswith("/no")
    )
    for decision in ("decline", "pay"):
        merchant.server.http.post(f"/checkout/{sid}", data={"decision": decision})
    found = told(merchant, receiver, 2)
    assert [(one["status"], one.get("failed_reason_code")) for one in found] == [("-2", "05"), ("2", None)]
    assert merchant.server.http.get("/", params={"sid": "none"}).status_code == 404


@pytest.mark.parametrize(("action", "status"), [("process", "2"), ("cancel", "-1"), ("fail", "-2")])
def test_pending_payments_and_chargebacks(merchant: Merchant, receiver: Receiver, action: str, status: str) -> None:
    sid = merchant.session().text
    made = merchant.control("POST", f"sessions/{sid}/pay", {"status": "0"})
    merchant.control("POST", f"transactions/{made['id']}/{action}")
    assert [one["status"] for one in told(merchant, receiver, 2)] == ["0", status]
    if status == "2":
        merchant.control("POST", f"transactions/{made['id']}/chargeback")
        assert told(merchant, receiver, 3)[-1]["status"] == "-3"


@pytest.mark.parametrize(
    "change",
    [
        {"amount": "39.605"}, {"amount": "0"}, {"amount": "x"}, {"amount": "500.5", "currency": "JPY"}, {"currency": "XXX"},
        {"transaction_id": ""}, {"transaction_id": "x" * 101}, {"status_url": "hooks"}, {"language": "de"},
        {"payment_methods": "GOLD"}, {"prepare_only": "0"}, {"pay_to_email": "nobody@example.com"},
    ],
)  # fmt: skip
def test_sessions_that_are_refused(merchant: Merchant, change: dict[str, str]) -> None:
    answer = merchant.session(**change)
    assert (answer.status_code, answer.json()["code"]) == (400, "BAD_REQUEST")
    assert merchant.control("GET", "sessions")["data"] == []


def test_only_the_accounts_own_password_opens_it(merchant: Merchant) -> None:
    merchant.paid()
    other = Merchant(merchant.server)
    assert other.query().startswith("403")
    assert error(other.refund("1")) == "TRANSACTION_NOT_FOUND"
    merchant.password = "wrong"  # noqa: S105
    assert merchant.query().startswith("401")
    assert error(merchant.refund("1")) == "CANNOT_LOGIN"


def test_refunds_part_by_part(merchant: Merchant, receiver: Receiver) -> None:
    merchant.paid()
    given = merchant.refund("20", refund_status_url=merchant.hooks, merchant_fields="operation", operation="w1")
    assert (given.findtext("status"), given.findtext("mb_amount")) == ("2", "20")
    fields = told(merchant, receiver, 2)[-1]
    assert (fields["operation"], fields["mb_transaction_id"]) == ("w1", given.findtext("mb_transaction_id"))
    assert error(merchant.refund("19.61")) == "REFUND_AMOUNT_EXCEEDED"
    assert merchant.refund("19.60").findtext("status") == "2"
    assert error(merchant.refund("0.01")) == "REFUND_AMOUNT_EXCEEDED"


def test_a_session_is_carried_out_once(merchant: Merchant) -> None:
    merchant.paid()
    first = ElementTree.fromstring(merchant.app("refund.pl", "prepare", transaction_id="dep-1", amount="5").content)
    sid = first.findtext("sid")
    assert error(ElementTree.fromstring(merchant.app("pay.pl", "transfer", sid=sid).content)) == "SESSION_EXPIRED"
    answers = [ElementTree.fromstring(merchant.app("refund.pl", "refund", sid=sid).content) for _ in range(2)]
    assert (answers[0].findtext("status"), error(answers[1])) == ("2", "SESSION_EXPIRED")
    assert len(merchant.control("GET", "refunds")["data"]) == 1


def test_money_is_sent_once_by_reference(merchant: Merchant) -> None:
    assert merchant.send().findtext("transaction/status") == "2"
    assert error(merchant.send()) == "ALREADY_EXECUTED"
    assert error(merchant.send("w2", bnf_email="nobody")) == "INVALID_BNF_EMAIL"
    assert error(merchant.send("w2", amount="")) == "MISSING_AMOUNT"
    merchant.settings(hold_payouts="1")
    sent = merchant.send("w2")
    assert sent.findtext("transaction/status_msg") == "scheduled"
    merchant.control("POST", f"payouts/{sent.findtext('transaction/id')}/cancel")
    assert "status=-1" in merchant.query("w2")


def test_reports_are_repeated_doubled_and_forged(merchant: Merchant, receiver: Receiver) -> None:
    receiver.answers = [500, 204]
    merchant.paid()
    assert len({one.body for one in receiver.wait(lambda got: len(got) == 3)}) == 1
    merchant.control("PUT", "faults", {"deliver_twice": True, "tamper_signature": 1})
    merchant.paid(transaction_id="dep-2")
    forged = receiver.wait(lambda got: len(got) == 5)[-1]
    fields = dict(parse_qsl(forged.body.decode()))
    assert sign(merchant.word, fields)["md5sig"] != fields["md5sig"]


def test_answers_may_be_lost(merchant: Merchant) -> None:
    merchant.paid()
    merchant.control("PUT", "faults", {"api_reset_after_commit": 1})
    with pytest.raises(httpx.ReadError):
        merchant.refund("5")
    merchant.control("PUT", "faults", {"api_error_before_commit": 1})
    assert merchant.session(transaction_id="dep-2").status_code == 500
    assert len(merchant.control("GET", "refunds")["data"]) == 1


def test_the_control_page(merchant: Merchant, receiver: Receiver) -> None:
    made = merchant.paid()
    assert made["id"] in merchant.server.http.get(f"/_control/{merchant.email}").text
    merchant.server.http.post(f"/_control/{merchant.email}/transactions/{made['id']}/chargeback")
    assert told(merchant, receiver, 2)[-1]["status"] == "-3"


def test_killed_and_started_again_it_remembers(tmp_path: Path, receiver: Receiver) -> None:
    server = Sandbox("skrill", tmp_path, "--retry-base", "0.05")
    try:
        merchant = Merchant(server, receiver)
        merchant.control("PUT", "faults", {"delay_ms": 400})
        merchant.paid()
        server.kill()
        assert receiver.requests == []
        server.start()
        assert merchant.query().startswith("200")
        assert told(merchant, receiver, 1)[0]["status"] == "2"
        assert server.stop() == 0
    finally:
        server.close()
