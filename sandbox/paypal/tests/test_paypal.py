"""PayPal as a merchant and a payer meet it, over real sockets."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from sandbox.paypal.page import TEXTS
from sandbox.tests.support import Receiver, Sandbox

_numbers = itertools.count(1)


class Merchant:
    """One app with bare HTTP in its hand."""

    def __init__(self, server: Sandbox, receiver: Receiver | None = None) -> None:
        self.server = server
        self.client = f"Aclient-{next(_numbers):04d}"
        self.token = self.get_token("secret-secret-1").json()["access_token"]
        if receiver:
            hooks = {"url": f"{receiver.url}/hooks", "event_types": [{"name": "*"}]}
            self.webhook = self.post("/v1/notifications/webhooks", **hooks).json()["id"]

    def get_token(self, secret: str) -> httpx.Response:
        return self.server.http.post(
            "/v1/oauth2/token", data={"grant_type": "client_credentials"}, auth=(self.client, secret)
        )

    def post(self, path: str, key: str = "", **body: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.token}"} | ({"PayPal-Request-Id": key} if key else {})
        return self.server.http.post(path, json=body, headers=headers)

    def patch(self, path: str, *changes: Any) -> httpx.Response:
        return self.server.http.patch(path, json=changes, headers={"Authorization": f"Bearer {self.token}"})

    def get(self, path: str) -> httpx.Response:
        return self.server.http.get(path, headers={"Authorization": f"Bearer {self.token}"})

    def order(self, key: str = "", unit: Any = None, **changes: Any) -> httpx.Response:
        context = {
            "return_url": "http://broker.localhost:1/back",
            "cancel_url": "http://broker.localhost:1/no",
            "locale": "de-DE",
        }
        purchase = {"custom_id": "dep-1", "invoice_id": "D1", "amount": {"currency_code": "EUR", "value": "500.00"}}
        values = {
            "intent": "CAPTURE",
            "purchase_units": [{**purchase, **(unit or {})}],
            "payment_source": {"paypal": {"experience_context": context}},
        }
        return self.post("/v2/checkout/orders", key, **{**values, **changes})

    def approved(self, **unit: Any) -> str:
        name = str(self.order(unit=unit).json()["id"])
        self.control("POST", f"orders/{name}/approve")
        return name

    def captured(self, **unit: Any) -> dict[str, Any]:
        answer = self.post(f"/v2/checkout/orders/{self.approved(**unit)}/capture")
        assert answer.status_code == 201, answer.text
        return answer.json()["purchase_units"][0]["payments"]["captures"][0]  # type: ignore[no-any-return]

    def payout(self, sender: str = "w1", **changes: Any) -> httpx.Response:
        item = {
            "recipient_type": "EMAIL",
            "receiver": "lena@example.com",
            "amount": {"currency": "EUR", "value": "12.34"},
        }
        header = {"sender_batch_id": sender, "email_subject": "Payout"}
        return self.post("/v1/payments/payouts", sender_batch_header=header, items=[{**item, **changes}])

    def control(self, method: str, path: str, body: Any = None) -> Any:
        answer = self.server.http.request(method, f"/_control/api/{self.client}/{path}", json=body or {})
        assert answer.status_code == 200, answer.text
        return answer.json()

    def judged(self, request: Any, webhook: str = "", body: bytes = b"") -> str:
        """What PayPal says of a webhook as it came."""
        names = ("auth_algo", "cert_url", "transmission_id", "transmission_sig", "transmission_time")
        signed = {name: request.headers[f"paypal-{name.replace('_', '-')}"] for name in names}
        asked = json.dumps({**signed, "webhook_id": webhook or self.webhook})[:-1].encode()
        answer = self.server.http.post(
            "/v1/notifications/verify-webhook-signature",
            content=asked + b', "webhook_event":' + (body or request.body) + b"}",
            headers={"Authorization": f"Bearer {self.token}"},
        )
        return str(answer.json()["verification_status"])


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    running = Sandbox("paypal", tmp_path_factory.mktemp("paypal"), "--retry-base", "0.05")
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


def names(receiver: Receiver, count: int) -> list[str]:
    return [json.loads(one.body)["event_type"] for one in receiver.wait(lambda got: len(got) >= count)]


def test_both_languages_have_every_word_and_placeholder() -> None:
    assert TEXTS["de"].keys() == TEXTS["en"].keys()
    for name, text in TEXTS["en"].items():
        assert sorted(re.findall(r"{\w+}", text)) == sorted(re.findall(r"{\w+}", TEXTS["de"][name])), name


def test_only_the_apps_own_secret_and_token_open_it(merchant: Merchant) -> None:
    assert merchant.get_token("another-secret").status_code == 401
    assert merchant.server.http.post("/v1/oauth2/token", headers={"Authorization": "Basic ???"}).status_code == 401
    capture = merchant.captured()
    merchant.token = "nonsense"  # noqa: S105
    assert merchant.order().status_code == 401
    other = Merchant(merchant.server)
    assert other.get(f"/v2/payments/captures/{capture['id']}").status_code == 404
    assert other.post(f"/v2/payments/captures/{capture['id']}/refund").status_code == 404


def test_an_order_from_creation_to_capture(merchant: Merchant, receiver: Receiver) -> None:
    order = merchant.order().json()
    assert order["status"] == "PAYER_ACTION_REQUIRED"
    path = next(httpx.URL(link["href"]).path for link in order["links"] if link["rel"] == "payer-action")
    page = merchant.server.http.get(path)
    assert 'lang="de"' in page.text
    assert "500,00" in page.text
    assert "script" not in page.headers["content-security-policy"]
    early = merchant.post(f"/v2/checkout/orders/{order['id']}/capture")
    assert (early.status_code, early.json()["details"][0]["issue"]) == (422, "ORDER_NOT_APPROVED")
    back = merchant.server.http.post(path, data={"decision": "approve", "email": "lena@example.com"})
    assert back.headers["location"] == f"http://broker.localhost:1/back?token={order['id']}"
    assert merchant.get(f"/v2/checkout/orders/{order['id']}").json()["status"] == "APPROVED"
    done = merchant.post(f"/v2/checkout/orders/{order['id']}/capture").json()
    capture = done["purchase_units"][0]["payments"]["captures"][0]
    assert (done["status"], capture["status"], capture["custom_id"]) == ("COMPLETED", "COMPLETED", "dep-1")
    assert capture["seller_receivable_breakdown"]["paypal_fee"] == {"currency_code": "EUR", "value": "17.45"}
    again = merchant.post(f"/v2/checkout/orders/{order['id']}/capture")
    assert again.json()["details"][0]["issue"] == "ORDER_ALREADY_CAPTURED"
    assert names(receiver, 2) == ["CHECKOUT.ORDER.APPROVED", "PAYMENT.CAPTURE.COMPLETED"]


def test_going_back_and_being_declined(merchant: Merchant) -> None:
    order = merchant.order().json()
    cancelled = merchant.server.http.post(f"/checkoutnow/{order['id']}", data={"decision": "cancel"})
    assert cancelled.headers["location"].startswith("http://broker.localhost:1/no?token=")
    merchant.server.http.post(f"/checkoutnow/{order['id']}", data={"decision": "decline"})
    refused = merchant.post(f"/v2/checkout/orders/{order['id']}/capture")
    assert refused.json()["details"][0]["issue"] == "INSTRUMENT_DECLINED"
    assert merchant.get(f"/v2/checkout/orders/{order['id']}").json()["status"] == "PAYER_ACTION_REQUIRED"
    assert merchant.server.http.get("/checkoutnow/NONE").status_code == 404


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"intent": "SALE"}, 400),
        ({"purchase_units": []}, 400),
        ({"payment_source": {}}, 400),
        ({"unit": {"amount": {"currency_code": "EUR", "value": "500.005"}}}, 422),
        ({"unit": {"amount": {"currency_code": "JPY", "value": "500.5"}}}, 422),
        ({"unit": {"amount": {"currency_code": "HUF", "value": "500.50"}}}, 422),
        ({"unit": {"amount": {"currency_code": "KWD", "value": "5.000"}}}, 422),
        ({"unit": {"amount": {"currency_code": "EUR", "value": 500}}}, 422),
        ({"unit": {"amount": {"currency_code": "EUR", "value": "-5"}}}, 422),
        ({"unit": {"amount": "500"}}, 400),
        ({"unit": {"description": "x" * 128}}, 400),
        ({"unit": {"surprise": 1}}, 400),
    ],
)
def test_orders_that_are_refused(merchant: Merchant, changes: dict[str, Any], status: int) -> None:
    assert merchant.order(**changes).status_code == status
    assert merchant.control("GET", "orders")["data"] == []


def test_one_request_id_one_effect(merchant: Merchant) -> None:
    first = merchant.order("k1").json()
    assert merchant.order("k1").json() == first
    assert merchant.order("k1", unit={"custom_id": "dep-2"}).status_code == 422
    assert merchant.order("k" * 109).status_code == 400
    assert len(merchant.control("GET", "orders")["data"]) == 1


def test_an_invoice_is_paid_once(merchant: Merchant) -> None:
    merchant.captured(invoice_id="D7")
    assert merchant.order(unit={"invoice_id": "D7"}).json()["details"][0]["issue"] == "DUPLICATE_INVOICE_ID"


def test_refunds_part_by_part(merchant: Merchant, receiver: Receiver) -> None:
    capture = merchant.captured()
    path = f"/v2/payments/captures/{capture['id']}/refund"

    def refund(value: str, currency: str = "EUR") -> Any:
        return merchant.post(path, amount={"currency_code": currency, "value": value}, custom_id="w1")

    assert refund("200.00").json()["status"] == "COMPLETED"
    assert refund("300.01").json()["details"][0]["issue"] == "REFUND_AMOUNT_EXCEEDED"
    assert refund("1.00", "USD").json()["details"][0]["issue"] == "REFUND_CAPTURE_CURRENCY_MISMATCH"
    assert refund("300.00").status_code == 201
    assert refund("0.01").json()["details"][0]["issue"] == "CAPTURE_FULLY_REFUNDED"
    order = merchant.get(f"/v2/checkout/orders/{capture['supplementary_data']['related_ids']['order_id']}").json()
    refunds = order["purchase_units"][0]["payments"]["refunds"]
    assert [one["custom_id"] for one in refunds] == ["w1", "w1"]
    assert names(receiver, 4)[2:] == ["PAYMENT.CAPTURE.REFUNDED"] * 2


def test_payouts(merchant: Merchant, receiver: Receiver) -> None:
    made = merchant.payout().json()["batch_header"]
    assert made["batch_status"] == "PENDING"
    again = merchant.payout()
    assert (again.status_code, again.json()["name"]) == (400, "USER_BUSINESS_ERROR")
    assert again.json()["links"][0]["href"].endswith(made["payout_batch_id"])
    for change in ({"receiver": "x"}, {"recipient_type": "PHONE"}, {"amount": {"currency": "JPY", "value": "1.5"}}):
        assert merchant.payout("w2", **change).status_code == 400
    merchant.control("POST", f"payouts/{made['payout_batch_id']}/settle", {"status": "UNCLAIMED"})
    merchant.control("POST", f"payouts/{made['payout_batch_id']}/settle", {"status": "RETURNED"})
    item = merchant.get(f"/v1/payments/payouts/{made['payout_batch_id']}").json()["items"][0]
    assert (item["transaction_status"], item["errors"]["name"]) == ("RETURNED", "RECEIVER_UNREGISTERED")
    assert names(receiver, 2) == ["PAYMENT.PAYOUTS-ITEM.UNCLAIMED", "PAYMENT.PAYOUTS-ITEM.RETURNED"]


def test_signatures_are_judged_byte_for_byte(merchant: Merchant, receiver: Receiver) -> None:
    merchant.control("PUT", "faults", {"tamper_signature": 1, "deliver_twice": True})
    merchant.approved()
    forged, genuine = receiver.wait(lambda got: len(got) == 2)
    assert (merchant.judged(forged), merchant.judged(genuine)) == ("FAILURE", "SUCCESS")
    assert merchant.judged(genuine, webhook="ANOTHERHOOK00") == "FAILURE"
    assert merchant.judged(genuine, body=genuine.body + b" ") == "FAILURE"
    assert merchant.judged(genuine, body=genuine.body.replace(b"500.00", b"900.00")) == "FAILURE"


def test_webhooks_are_repeated_until_acknowledged(merchant: Merchant, receiver: Receiver) -> None:
    receiver.answers = [503, 400]
    merchant.approved()
    requests = receiver.wait(lambda got: len(got) == 3)
    assert len({one.body for one in requests}) == 1
    assert len({one.headers["paypal-transmission-id"] for one in requests}) == 3
    again = merchant.post("/v1/notifications/webhooks", url=f"{receiver.url}/hooks", event_types=[{"name": "*"}])
    assert again.json()["name"] == "WEBHOOK_URL_ALREADY_EXISTS"


def test_a_webhook_is_told_of_what_it_was_changed_to(merchant: Merchant) -> None:
    path = f"/v1/notifications/webhooks/{merchant.webhook}"
    change = {"op": "replace", "path": "/event_types", "value": [{"name": "PAYMENT.CAPTURE.COMPLETED"}]}
    changed = merchant.patch(path, change)
    assert (changed.status_code, changed.json()["event_types"]) == (200, change["value"])
    assert merchant.get("/v1/notifications/webhooks").json()["webhooks"] == [changed.json()]
    assert merchant.patch(path, change).json()["name"] == "WEBHOOK_PATCH_REQUEST_NO_CHANGE"
    for wrong in ({**change, "op": "add"}, {**change, "path": "/id"}, {**change, "value": []}):
        assert merchant.patch(path, wrong).json()["name"] == "VALIDATION_ERROR"
    assert merchant.patch("/v1/notifications/webhooks/NOBODYS", change).status_code == 404


def test_the_answer_may_be_lost_but_the_order_is_not(merchant: Merchant) -> None:
    merchant.control("PUT", "faults", {"api_reset_after_commit": 1})
    with pytest.raises(httpx.ReadError):
        merchant.order("k1")
    assert merchant.order("k1").status_code == 200
    merchant.control("PUT", "faults", {"api_error_before_commit": 1})
    assert merchant.order("k2").status_code == 500
    assert len(merchant.control("GET", "orders")["data"]) == 1
    merchant.control("PUT", "faults", {"api_unauthorized": True})
    assert merchant.get_token("secret-secret-1").status_code == 401


def test_the_control_page(merchant: Merchant, receiver: Receiver) -> None:
    capture = merchant.captured()
    names(receiver, 2)
    assert capture["id"] in merchant.server.http.get(f"/_control/{merchant.client}").text
    merchant.server.http.post(f"/_control/{merchant.client}/captures/{capture['id']}/reverse")
    assert names(receiver, 3)[-1] == "PAYMENT.CAPTURE.REVERSED"


def test_killed_and_started_again_it_remembers(tmp_path: Path, receiver: Receiver) -> None:
    server = Sandbox("paypal", tmp_path, "--retry-base", "0.05")
    try:
        merchant = Merchant(server, receiver)
        merchant.control("PUT", "faults", {"delay_ms": 400})
        order = merchant.approved()
        server.kill()
        assert receiver.requests == []
        server.start()
        assert merchant.get(f"/v2/checkout/orders/{order}").json()["status"] == "APPROVED"
        (request,) = receiver.wait(lambda got: len(got) == 1)
        assert merchant.judged(request) == "SUCCESS"
        assert server.stop() == 0
    finally:
        server.close()
