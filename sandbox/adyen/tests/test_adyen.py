"""Adyen as a merchant and a payer meet it, over real sockets."""

from __future__ import annotations

import base64
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

from sandbox.adyen.notifications import sign
from sandbox.adyen.page import TEXTS
from sandbox.tests.support import Receiver, Sandbox

KEY = "44782DEF547AAA06C910C43932B1EB0C71FC68D9D0C057550C48EC2ACF6BA056"  # of Adyen's published example
CARD = {"number": "4111 1111 1111 1111", "expiry": "12/49", "cvv": "737", "name": "Joost"}
_numbers = itertools.count(1)


class Merchant:
    """One merchant account with bare HTTP in its hand."""

    def __init__(self, server: Sandbox, receiver: Receiver) -> None:
        self.server = server
        self.account = f"Broker{next(_numbers)}ECOM"
        self.key = f"AQEtest{self.account}0000"
        self.control("PUT", "settings", {"hmac_key": KEY, "webhook_url": f"{receiver.url}/hooks"})

    def post(self, path: str, *, key: str = "", idempotency: str = "", **values: Any) -> httpx.Response:
        headers = {"X-API-Key": key or self.key}
        if idempotency:
            headers["Idempotency-Key"] = idempotency
        body = {"merchantAccount": self.account, **values}
        return self.server.http.post(f"/v72/{path}", json=body, headers=headers)

    def link(self, **changes: Any) -> httpx.Response:
        values = {
            "amount": {"currency": "EUR", "value": 50_000},
            "reference": "dep-1",
            "returnUrl": "http://broker.localhost:1/back",
            "countryCode": "NL",
            "shopperLocale": "nl-NL",
            "allowedPaymentMethods": ["scheme", "ideal"],
        }
        return self.post("paymentLinks", **{**values, **changes})

    def status(self, link: dict[str, Any]) -> str:
        answer = self.server.http.get(f"/v72/paymentLinks/{link['id']}", headers={"X-API-Key": self.key})
        return str(answer.json()["status"])

    def control(self, method: str, path: str, body: Any = None) -> Any:
        answer = self.server.http.request(method, f"/_control/api/{self.account}/{path}", json=body or {})
        assert answer.status_code == 200, answer.text
        return answer.json()

    def paid(self) -> dict[str, Any]:
        """A paid payment."""
        link = self.link().json()
        return self.control("POST", f"links/{link['id']}/pay")  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    running = Sandbox("adyen", tmp_path_factory.mktemp("adyen"), "--retry-base", "0.05")
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


def items(requests: list[Any]) -> list[dict[str, Any]]:
    """Notification items in the order in which they came, their signatures checked by a third hand."""
    found = []
    for request in requests:
        for wrapped in json.loads(request.body)["notificationItems"]:
            one = wrapped["NotificationRequestItem"]
            text = ":".join(
                [one["pspReference"], one.get("originalReference", ""), one["merchantAccountCode"],
                 one["merchantReference"], str(one["amount"]["value"]), one["amount"]["currency"], one["eventCode"],
                 one["success"]]
            )  # fmt: skip
            digest = hmac.new(bytes.fromhex(KEY), text.encode(), hashlib.sha256).digest()
            assert one["additionalData"]["hmacSignature"] == base64.b64encode(digest).decode()
            found.append(one)
    return found


def told(receiver: Receiver, count: int) -> list[dict[str, Any]]:
    return items(receiver.wait(lambda got: len(got) >= count))


def test_the_published_example_of_a_signature() -> None:
    example = {
        "pspReference": "7914073381342284", "merchantAccountCode": "TestMerchant",
        "merchantReference": "TestPayment-1407325143704", "amount": {"value": 1130, "currency": "EUR"},
        "eventCode": "AUTHORISATION", "success": "true",
    }  # fmt: skip
    assert sign(KEY, example) == "coqCmt/IZ4E3CzPvMY8zTjQVL5hYJUiBRg8UU+iCWo0="


def test_both_languages_have_every_word_and_placeholder() -> None:
    assert TEXTS["nl"].keys() == TEXTS["en"].keys()
    for name, text in TEXTS["en"].items():
        assert sorted(re.findall(r"{\w+}", text)) == sorted(re.findall(r"{\w+}", TEXTS["nl"][name])), name


def test_a_link_from_request_to_webhook(merchant: Merchant, receiver: Receiver) -> None:
    answer = merchant.link()
    link = answer.json()
    assert (answer.status_code, link["status"], link["reference"]) == (201, "active", "dep-1")
    page = merchant.server.http.get(httpx.URL(link["url"]).path)
    assert 'lang="nl"' in page.text
    assert TEXTS["nl"]["number"] in page.text
    assert "iDEAL" in page.text
    assert "BLIK" not in page.text
    assert "script" not in page.headers["content-security-policy"]
    paid = merchant.server.http.post(f"/pay/{link['id']}/card", data=CARD)
    assert paid.status_code == 303
    assert merchant.status(link) == "completed"
    (item,) = told(receiver, 1)
    assert (item["eventCode"], item["success"], item["merchantReference"]) == ("AUTHORISATION", "true", "dep-1")
    assert item["amount"] == {"currency": "EUR", "value": 50_000}
    assert item["additionalData"]["cardSummary"] == "1111"
    after = merchant.server.http.get(paid.headers["location"]).text
    assert 'href="http://broker.localhost:1/back"' in after
    merchant.server.http.post(f"/pay/{link['id']}/card", data=CARD)
    assert len(merchant.control("GET", "payments")["data"]) == 1


def test_a_refused_card_may_be_tried_again(merchant: Merchant, receiver: Receiver) -> None:
    link = merchant.link().json()
    merchant.server.http.post(f"/pay/{link['id']}/card", data={**CARD, "name": "NOT_ENOUGH_BALANCE"})
    assert merchant.status(link) == "active"
    merchant.server.http.post(f"/pay/{link['id']}/card", data=CARD)
    found = told(receiver, 2)
    assert [(one["success"], one["reason"]) for one in found] == [("false", "Not enough balance"), ("true", "")]


@pytest.mark.parametrize(("decision", "success"), [("approve", "true"), ("refuse", "false")])
def test_authentication(merchant: Merchant, receiver: Receiver, decision: str, success: str) -> None:
    link = merchant.link().json()
    step = merchant.server.http.post(f"/pay/{link['id']}/card", data={**CARD, "number": "4212345678910006"})
    assert "0006" in step.text
    merchant.server.http.post(f"/pay/{link['id']}/authenticate", data={"decision": decision})
    assert told(receiver, 1)[0]["success"] == success


def test_a_bank_that_takes_its_time(merchant: Merchant, receiver: Receiver) -> None:
    link = merchant.link().json()
    merchant.server.http.post(f"/pay/{link['id']}/other", data={"method": "ideal", "decision": "wait"})
    assert merchant.status(link) == "paymentPending"
    (payment,) = merchant.control("GET", "payments")["data"]
    merchant.control("POST", f"payments/{payment['id']}/settle")
    assert merchant.status(link) == "completed"
    assert told(receiver, 1)[0]["paymentMethod"] == "ideal"


def test_mistakes_on_the_card_form(merchant: Merchant) -> None:
    link = merchant.link(description="<b>x</b>").json()
    wrong = {"number": "4111111111111112", "expiry": "1/20", "cvv": "x", "name": ""}
    answer = merchant.server.http.post(f"/pay/{link['id']}/card", data=wrong)
    assert answer.status_code == 422
    for field in wrong:
        assert f'id="{field}-error"' in answer.text
    assert "&lt;b&gt;" in answer.text
    assert merchant.server.http.get("/pay/PLNONE").status_code == 404


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"amount": {"currency": "EUR", "value": 10.5}}, "137"),
        ({"amount": {"currency": "EUR", "value": 0}}, "137"),
        ({"amount": {"currency": "EUR", "value": True}}, "137"),
        ({"amount": {"currency": "XXX", "value": 10}}, "138"),
        ({"amount": 10}, "100"),
        ({"reference": ""}, "130"),
        ({"reference": "x" * 81}, "130"),
        ({"returnUrl": "back"}, "702"),
        ({"countryCode": "de"}, "702"),
        ({"shopperLocale": "deutsch"}, "702"),
        ({"shopperName": {"firstName": "Lena"}}, "702"),
        ({"allowedPaymentMethods": ["gold"]}, "702"),
        ({"surprise": 1}, "702"),
    ],
)
def test_requests_that_are_refused(merchant: Merchant, change: dict[str, Any], code: str) -> None:
    answer = merchant.link(**change)
    assert (answer.status_code, answer.json()["errorCode"]) == (422, code)
    assert merchant.control("GET", "links")["data"] == []


def test_only_the_accounts_own_key_opens_it(merchant: Merchant, receiver: Receiver) -> None:
    payment = merchant.paid()
    assert merchant.post("paymentMethods", key="nonsense").status_code == 401
    assert merchant.post("paymentMethods", key="AQEsomebodyelse00").status_code == 403
    other = Merchant(merchant.server, receiver)
    amount = {"currency": "EUR", "value": 1}
    assert other.post(f"payments/{payment['id']}/refunds", amount=amount).json()["errorCode"] == "167"


def test_one_key_one_effect(merchant: Merchant) -> None:
    first = merchant.link(idempotency="k1").json()
    assert merchant.link(idempotency="k1").json() == first
    assert merchant.link(idempotency="k1", reference="dep-2").status_code == 422
    assert merchant.link(idempotency="k" * 65).status_code == 422
    assert len(merchant.control("GET", "links")["data"]) == 1


def test_refunds_are_received_and_then_decided(merchant: Merchant, receiver: Receiver) -> None:
    payment = merchant.paid()
    for value, reference in ((20_000, "r1"), (30_001, "r2"), (30_000, "r3")):
        amount = {"currency": "EUR", "value": value}
        answer = merchant.post(f"payments/{payment['id']}/refunds", amount=amount, reference=reference)
        assert (answer.status_code, answer.json()["status"]) == (201, "received")
    found = [(one["merchantReference"], one["success"]) for one in told(receiver, 4)[1:]]
    assert found == [("r1", "true"), ("r2", "false"), ("r3", "true")]
    refund = merchant.control("GET", "refunds")["data"][0]
    merchant.control("POST", f"refunds/{refund['id']}/fail")
    last = told(receiver, 5)[-1]
    assert (last["eventCode"], last["originalReference"]) == ("REFUND_FAILED", payment["id"])


def test_disputes_and_several_items_in_one_body(merchant: Merchant, receiver: Receiver) -> None:
    payment = merchant.paid()
    merchant.control("POST", f"payments/{payment['id']}/CHARGEBACK")
    merchant.control("POST", f"payments/{payment['id']}/CHARGEBACK_REVERSED")
    codes = [one["eventCode"] for one in told(receiver, 3)]
    assert codes == ["AUTHORISATION", "CHARGEBACK", "CHARGEBACK_REVERSED"]
    item = merchant.control("GET", "items")["data"][0]
    merchant.control("POST", f"items/{item['id']}/together")
    requests = receiver.wait(lambda got: len(got) == 4)
    assert len(items(requests[3:])) == 3


def test_webhooks_are_repeated_until_acknowledged_and_doubled_on_demand(merchant: Merchant, receiver: Receiver) -> None:
    receiver.answers = [500, 403, 202]
    merchant.paid()
    assert len({request.body for request in receiver.wait(lambda got: len(got) == 3)}) == 1
    merchant.control("PUT", "faults", {"deliver_twice": True, "tamper_signature": 1})
    merchant.paid()
    forged, again = receiver.wait(lambda got: len(got) == 5)[3:]
    assert forged.body == again.body
    item = json.loads(forged.body)["notificationItems"][0]["NotificationRequestItem"]
    assert sign(KEY, item) != item["additionalData"]["hmacSignature"]


def test_the_answer_may_be_lost_but_the_link_is_not(merchant: Merchant) -> None:
    merchant.control("PUT", "faults", {"api_reset_after_commit": 1})
    with pytest.raises(httpx.ReadError):
        merchant.link(idempotency="k1")
    assert merchant.link(idempotency="k1").status_code == 201
    merchant.control("PUT", "faults", {"api_error_before_commit": 1})
    assert merchant.link(idempotency="k2").status_code == 500
    assert len(merchant.control("GET", "links")["data"]) == 1
    merchant.control("PUT", "faults", {"api_unauthorized": True})
    assert merchant.link(idempotency="k3").status_code == 401


def test_links_expire(merchant: Merchant) -> None:
    link = merchant.link(expiresAt="2020-01-01T00:00:00+00:00").json()
    assert merchant.status(link) == "expired"
    assert TEXTS["nl"]["expired"] in merchant.server.http.get(f"/pay/{link['id']}").text
    open_ = merchant.link().json()
    path = f"/v72/paymentLinks/{open_['id']}"
    answer = merchant.server.http.patch(path, json={"status": "expired"}, headers={"X-API-Key": merchant.key})
    assert answer.json()["status"] == "expired"


def test_the_control_page(merchant: Merchant, receiver: Receiver) -> None:
    payment = merchant.paid()
    told(receiver, 1)
    page = merchant.server.http.get(f"/_control/{merchant.account}").text
    assert payment["id"] in page
    foreign = merchant.server.http.post(
        f"/_control/{merchant.account}/payments/{payment['id']}/CHARGEBACK", headers={"Sec-Fetch-Site": "cross-site"}
    )
    assert foreign.status_code == 403
    merchant.server.http.post(f"/_control/{merchant.account}/payments/{payment['id']}/CHARGEBACK")
    assert told(receiver, 2)[-1]["eventCode"] == "CHARGEBACK"


def test_killed_and_started_again_it_remembers(tmp_path: Path, receiver: Receiver) -> None:
    server = Sandbox("adyen", tmp_path, "--retry-base", "0.05")
    try:
        merchant = Merchant(server, receiver)
        merchant.control("PUT", "faults", {"delay_ms": 400})
        link = merchant.link().json()
        merchant.control("POST", f"links/{link['id']}/pay")
        server.kill()
        assert receiver.requests == []
        server.start()
        assert merchant.status(link) == "completed"
        assert told(receiver, 1)[0]["merchantReference"] == "dep-1"
        assert server.stop() == 0
    finally:
        server.close()
