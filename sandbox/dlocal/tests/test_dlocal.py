"""dLocal as a merchant and a payer meet it, over real sockets."""

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

from sandbox.dlocal.digits import is_cbu, is_clabe, is_cnpj, is_cpf, is_cuit, is_rut
from sandbox.dlocal.markets import MARKETS, document_fits
from sandbox.dlocal.page import SAMPLES, TEXTS
from sandbox.dlocal.signing import payload_signature, request_signature
from sandbox.tests.support import Receiver, Sandbox

_numbers = itertools.count(1)
DATE = "2026-11-21T20:00:00.000Z"
CARD = {"number": "4111 1111 1111 1111", "expiry": "12/49", "cvv": "123", "name": "Ana"}


class Merchant:
    """One X-Login with bare HTTP in its hand."""

    def __init__(self, server: Sandbox, receiver: Receiver | None = None) -> None:
        self.server = server
        self.login = f"login{next(_numbers)}"
        self.trans_key, self.secret = "tk-1", "sk-1"
        self.url = receiver.url if receiver else "http://broker.localhost:1"
        self.control("PUT", "settings", {"trans_key": self.trans_key, "secret_key": self.secret})

    def headers(self, **changes: str) -> dict[str, str]:
        headers = {"X-Date": DATE, "X-Login": self.login, "X-Trans-Key": self.trans_key, "X-Version": "2.1"}
        return {**headers, "Content-Type": "application/json", **changes}

    def call(self, method: str, path: str, body: Any = None, **changes: str) -> httpx.Response:
        content = json.dumps(body).encode() if body is not None else b""
        mac = hmac.new(self.secret.encode(), self.login.encode() + DATE.encode() + content, hashlib.sha256).hexdigest()
        headers = self.headers(**{"Authorization": f"V2-HMAC-SHA256, Signature: {mac}", **changes})
        return self.server.http.request(method, path, content=content, headers=headers)

    def payouts(self, method: str, path: str, body: Any = None, **changes: str) -> httpx.Response:
        content = json.dumps(body).encode() if body is not None else b""
        mac = hmac.new(self.secret.encode(), content, hashlib.sha256).hexdigest()
        return self.server.http.request(
            method, path, content=content, headers=self.headers(**{"Payload-Signature": mac, **changes})
        )

    def request(self, **changes: Any) -> httpx.Response:
        values = {
            "amount": 500.5, "currency": "MXN", "country": "MX", "payment_method_id": "CARD",
            "payment_method_flow": "REDIRECT", "payer": {"name": "Ana Ruiz", "email": "ana@example.com"},
            "order_id": f"order-{next(_numbers)}", "description": "Depósito",
            "notification_url": f"{self.url}/hooks", "callback_url": f"{self.url}/back",
        }  # fmt: skip
        return self.call("POST", "/payments", {**values, **changes})

    def payment(self, **changes: Any) -> dict[str, Any]:
        answer = self.request(**changes)
        assert answer.status_code == 200, answer.text
        return answer.json()  # type: ignore[no-any-return]

    def paid(self, **changes: Any) -> dict[str, Any]:
        made = self.payment(**changes)
        self.control("POST", f"payments/{made['id']}/pay")
        return made

    def refund(self, payment: dict[str, Any], **changes: Any) -> httpx.Response:
        values = {"payment_id": payment["id"], "notification_url": f"{self.url}/refunds", **changes}
        return self.call("POST", "/refunds", values)

    def payout(self, **changes: Any) -> httpx.Response:
        values = {
            "external_id": f"out-{next(_numbers)}", "country": "MX", "payment_method_id": "BANK_TRANSFER",
            "amount": 900.25, "currency": "MXN", "currency_to_pay": "MXN", "flow_type": "B2C", "purpose": "OTHER",
            "notification_url": f"{self.url}/payouts",
            "beneficiary": {"first_name": "Ana", "last_name": "Ruiz",
                            "bank_account": {"code": "002", "account": "002010077777777771"}},
        }  # fmt: skip
        return self.payouts("POST", "/payouts/v3", {**values, **changes})

    def control(self, method: str, path: str, body: Any = None) -> Any:
        answer = self.server.http.request(method, f"/_control/api/{self.login}/{path}", json=body or {})
        assert answer.status_code == 200, answer.text
        return answer.json()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    running = Sandbox("dlocal", tmp_path_factory.mktemp("dlocal"), "--retry-base", "0.05")
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


def path_of(payment: dict[str, Any]) -> str:
    return httpx.URL(payment["redirect_url"]).path


def genuine(merchant: Merchant, received: Any) -> bool:
    """By the documentation's own words, not by the sandbox's functions."""
    if "payload-signature" in received.headers:
        expected = hmac.new(merchant.secret.encode(), received.body, hashlib.sha256).hexdigest()
        return hmac.compare_digest(expected, received.headers["payload-signature"])
    signed = f"{merchant.login}{received.headers['x-date']}".encode() + received.body
    expected = hmac.new(merchant.secret.encode(), signed, hashlib.sha256).hexdigest()
    return hmac.compare_digest(f"V2-HMAC-SHA256, Signature: {expected}", received.headers["authorization"])


def test_both_signatures_are_hmac_sha256() -> None:
    """RFC 4231, test case 2, whole and in the three parts that a request's signature joins."""
    expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    assert payload_signature("Jefe", b"what do ya want for nothing?") == expected
    assert request_signature("Jefe", "what do ", "ya want for", b" nothing?") == expected


@pytest.mark.parametrize(
    ("check", "good", "bad"),
    [
        (is_cpf, "45053975809", "45053975808"),  # both from dLocal's country pages
        (is_cnpj, "55694732000110", "55694732000111"),
        (is_rut, "123456785", "123456784"),
        (is_rut, "6000000K", "60000000"),
        (is_cuit, "20123456786", "20123456785"),
        (is_clabe, "002010077777777771", "002010077777777772"),  # the example of Mexico's CLABE
        (is_cbu, "2850590940090418135201", "2850590940090418135202"),
    ],
)
def test_check_digits(check: Any, good: str, bad: str) -> None:
    assert check(good)
    assert not check(bad)
    assert not check("")
    assert not check("x" * len(good))


def test_the_samples_shown_to_payers_are_accepted() -> None:
    for country in MARKETS:
        sample = re.sub(r"[\s./-]", "", SAMPLES.get(country, "1234567"))
        assert document_fits(country, sample), country


def test_all_languages_have_every_word_and_placeholder() -> None:
    for language in ("es", "pt"):
        assert TEXTS[language].keys() == TEXTS["en"].keys()
        for name, text in TEXTS["en"].items():
            assert sorted(re.findall(r"{\w+}", text)) == sorted(re.findall(r"{\w+}", TEXTS[language][name])), name
            assert text.count("|") == TEXTS[language][name].count("|"), name


def test_a_card_from_request_to_notification_and_return(merchant: Merchant, receiver: Receiver) -> None:
    made = merchant.payment()
    assert (made["status"], made["status_code"], made["amount"]) == ("PENDING", "100", 500.5)
    assert made["redirect_url"].startswith(f"{merchant.server.url}/collect/")
    page = merchant.server.http.get(path_of(made))
    assert '<html lang="es"' in page.text
    assert "500.50\xa0MXN" in page.text
    assert "script" not in page.headers["content-security-policy"]
    answer = merchant.server.http.post(path_of(made), data={**CARD, "document": "GOMC850312HDFMRS09"})
    assert answer.headers["location"] == f"{path_of(made)}/done"
    assert merchant.server.http.get(answer.headers["location"]).headers["location"] == f"{receiver.url}/back"
    (news,) = receiver.wait(lambda got: len(got) == 1)
    assert genuine(merchant, news)
    told = json.loads(news.body)
    assert (told["id"], told["status"], told["status_code"], told["amount"]) == (made["id"], "PAID", "200", 500.5)
    assert told["card"] == {"holder_name": "Ana", "expiration_month": 12, "expiration_year": 2049, "brand": "VI",
                            "last4": "1111"}  # fmt: skip
    assert b"4111111111111111" not in news.body
    assert "redirect_url" not in told
    asked = merchant.call("GET", f"/payments/{made['id']}").json()
    assert asked == told
    order = merchant.call("GET", f"/orders/{made['order_id']}").json()
    assert (order["payment_id"], order["status"]) == (made["id"], "PAID")
    again = merchant.server.http.post(path_of(made), data=CARD)
    assert again.headers["location"].endswith("/done")
    assert len(merchant.control("GET", "deliveries")["data"]) == 1


@pytest.mark.parametrize(
    ("number", "code"),
    [("4000000000000002", "301"), ("4000000000009995", "302"), ("4000000000000069", "309"), ("4000000000000127", "315"),
     ("4100000000000019", "317"), ("4000000000000119", "321"), ("4242424242424242", "301")],
)  # fmt: skip
def test_test_cards_end_as_they_should(merchant: Merchant, receiver: Receiver, number: str, code: str) -> None:
    made = merchant.payment(payer={"name": "Ana", "email": "a@example.com", "document": "GOMC850312HDFMRS09"})
    assert merchant.server.http.post(path_of(made), data={**CARD, "number": number}).status_code == 303
    (news,) = receiver.wait(lambda got: len(got) == 1)
    assert (json.loads(news.body)["status"], json.loads(news.body)["status_code"]) == ("REJECTED", code)


@pytest.mark.parametrize(("decision", "status", "code"), [("approve", "PAID", "200"), ("refuse", "REJECTED", "320")])
def test_the_bank_verifies_a_card(merchant: Merchant, decision: str, status: str, code: str) -> None:
    made = merchant.payment()
    form = {**CARD, "number": "4000000000003220", "document": "GOMC850312HDFMRS09"}
    step = merchant.server.http.post(path_of(made), data=form)
    assert step.headers["location"] == f"{path_of(made)}/step"
    assert "3220" in merchant.server.http.get(step.headers["location"]).text
    merchant.server.http.post(step.headers["location"], data={"decision": decision})
    told = merchant.call("GET", f"/payments/{made['id']}").json()
    assert (told["status"], told["status_code"]) == (status, code)


@pytest.mark.parametrize(
    ("identifier", "country", "currency", "document", "shown"),
    [
        ("PQ", "BR", "BRL", "529.982.247-25", "br.gov.bcb.pix"),
        ("BL", "BR", "BRL", "529.982.247-25", "Boleto"),
        ("SE", "MX", "MXN", "GOMC850312HDFMRS09", "646180"),
        ("OX", "MX", "MXN", "GOMC850312HDFMRS09", "OXXO"),
        ("PC", "CO", "COP", "1004922993", "PSE"),
        ("WP", "CL", "CLP", "12.345.678-5", "Webpay"),
        ("EF", "PE", "PEN", "45678901", "PagoEfectivo"),
        ("RP", "AR", "ARS", "30123456", "Rapipago"),
    ],
)
def test_local_methods_on_the_page(
    merchant: Merchant, receiver: Receiver, identifier: str, country: str, currency: str, document: str, shown: str
) -> None:
    made = merchant.payment(payment_method_id=identifier, country=country, currency=currency, amount=1000)
    page = path_of(made)
    wrong = merchant.server.http.post(page, data={"document": "1"})
    assert wrong.status_code == 422
    assert 'id="document-error"' in wrong.text
    assert merchant.server.http.post(page, data={"document": document}).headers["location"] == f"{page}/step"
    step = merchant.server.http.get(f"{page}/step").text
    assert shown in step
    assert merchant.server.http.get(f"{page}/step").text == step
    assert receiver.requests == []
    merchant.server.http.post(f"{page}/step", data={"decision": "approve"})
    (news,) = receiver.wait(lambda got: len(got) == 1)
    assert json.loads(news.body)["status"] == "PAID"


def test_who_pays_later_goes_back_and_may_return(merchant: Merchant, receiver: Receiver) -> None:
    made = merchant.payment(payment_method_id="OX")
    page = path_of(made)
    merchant.server.http.post(page, data={"document": "GOMC850312HDFMRS09"})
    later = merchant.server.http.post(f"{page}/step", data={"decision": "later"})
    assert later.headers["location"] == f"{receiver.url}/back"
    assert merchant.call("GET", f"/payments/{made['id']}/status").json()["status"] == "PENDING"
    assert merchant.server.http.get(page).headers["location"] == f"{page}/step"


def test_cancelling(merchant: Merchant, receiver: Receiver) -> None:
    made = merchant.payment()
    merchant.server.http.post(path_of(made), data={"decision": "cancel"})
    (news,) = receiver.wait(lambda got: len(got) == 1)
    assert json.loads(news.body)["status"] == "CANCELLED"


def test_the_page_speaks_the_countrys_language_and_two_others(merchant: Merchant) -> None:
    made = merchant.payment(payment_method_id="PQ", country="BR", currency="BRL", amount=1234.5)
    page = merchant.server.http.get(path_of(made)).text
    assert 'lang="pt"' in page
    assert "1.234,50\xa0BRL" in page
    assert merchant.server.http.get(f"{path_of(made)}?lang=en").status_code == 303
    page = merchant.server.http.get(path_of(made)).text
    assert 'lang="en"' in page
    assert "1,234.50\xa0BRL" in page
    assert merchant.server.http.get("/collect/none").status_code == 404


def test_text_of_the_merchant_is_text(merchant: Merchant) -> None:
    made = merchant.payment(description="<b>Depósito</b>")
    assert "&lt;b&gt;Depósito&lt;/b&gt;" in merchant.server.http.get(path_of(made)).text


@pytest.mark.parametrize(
    ("currency", "country", "amount", "kept"),
    [
        ("CLP", "CL", 5000, 5000),
        ("COP", "CO", 200000, 200000),
        ("PYG", "PY", 100000, 100000),
        ("USD", "EC", 10.25, 10.25),
    ],
)
def test_amounts_have_the_countrys_decimals(
    merchant: Merchant, currency: str, country: str, amount: Any, kept: Any
) -> None:
    made = merchant.payment(currency=currency, country=country, amount=amount)
    assert made["amount"] == kept
    assert type(made["amount"]) is type(kept)


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"amount": 1.005}, 400, 5001),
        ({"amount": 0}, 400, 5001),
        ({"amount": "500"}, 400, 5001),
        ({"amount": True}, 400, 5001),
        ({"amount": 5000.5, "country": "CL", "currency": "CLP"}, 400, 5001),
        ({"amount": 5000.5, "country": "CO", "currency": "COP"}, 400, 5001),
        ({"country": "DE"}, 400, 5003),
        ({"currency": "EUR"}, 400, 5004),
        ({"currency": "BRL"}, 400, 5004),
        ({"payment_method_id": "PQ"}, 400, 5010),
        ({"payment_method_flow": "DIRECT"}, 400, 5013),
        ({"order_id": ""}, 400, 5001),
        ({"order_id": 7}, 400, 5001),
        ({"payer": {"name": "Ana"}}, 400, 5001),
        ({"payer": {"name": "Ana", "email": "a@b.c", "document": "1"}}, 400, 5001),
        ({"notification_url": "http://broker.example.com/hooks"}, 400, 5001),
        ({"callback_url": "back"}, 400, 5001),
    ],
)
def test_requests_that_are_refused(merchant: Merchant, change: dict[str, Any], status: int, code: int) -> None:
    answer = merchant.request(**change)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert merchant.control("GET", "payments")["data"] == []


def test_an_order_is_paid_once(merchant: Merchant) -> None:
    merchant.payment(order_id="same")
    again = merchant.request(order_id="same")
    assert (again.status_code, again.json()["code"]) == (400, 5009)
    assert len(merchant.control("GET", "payments")["data"]) == 1


def test_only_the_merchants_own_keys_open_it(merchant: Merchant, receiver: Receiver) -> None:
    made = merchant.paid()
    path = f"/payments/{made['id']}"
    assert merchant.call("GET", path).status_code == 200
    assert merchant.call("GET", path, **{"X-Trans-Key": "other"}).json()["code"] == 3001
    assert merchant.call("GET", path, Authorization="V2-HMAC-SHA256, Signature: 00").json()["code"] == 5000
    assert merchant.call("GET", path, Authorization="Bearer x").json()["code"] == 5000
    assert merchant.call("GET", path, **{"X-Date": "yesterday"}).json()["param"] == "X-Date"
    assert merchant.call("GET", path, **{"X-Version": "1"}).json()["param"] == "X-Version"
    other = Merchant(merchant.server, receiver)
    assert (other.call("GET", path).status_code, other.refund(made).status_code) == (404, 404)


def test_refunds_part_by_part(merchant: Merchant) -> None:
    made = merchant.paid()
    first = merchant.refund(made, amount=200, currency="MXN", description="W1 abc").json()
    assert (first["status"], first["status_code"], first["payment_id"]) == ("SUCCESS", 200, made["id"])
    over = merchant.refund(made, amount=300.51, currency="MXN").json()
    assert over["code"] == 5007
    assert merchant.refund(made, amount=1, currency="USD").json()["code"] == 5004
    assert merchant.refund(made, amount=300.5, currency="MXN").json()["status"] == "SUCCESS"
    assert merchant.refund(made, amount=1, currency="MXN").json()["code"] == 5007
    listed = merchant.call("GET", f"/payments/{made['id']}/refunds").json()
    assert [(item["amount"], item["description"]) for item in listed] == [(200, "W1 abc"), (300.5, "")]
    assert merchant.call("GET", f"/refunds/{first['id']}").json() == first
    assert merchant.refund(merchant.payment()).json()["code"] == 5002


@pytest.mark.parametrize(("action", "status"), [("pay", "SUCCESS"), ("reject", "REJECTED")])
def test_a_ticket_is_refunded_when_the_payer_has_named_an_account(
    merchant: Merchant, receiver: Receiver, action: str, status: str
) -> None:
    made = merchant.paid(payment_method_id="OX")
    refund = merchant.refund(made).json()
    assert refund["status"] == "PENDING"
    for _ in range(2):
        merchant.control("POST", f"refunds/{refund['id']}/{action}")
    got = receiver.wait(lambda got: len(got) == 2)
    (news,) = [one for one in got if one.path == "/refunds"]
    assert genuine(merchant, news)
    assert (json.loads(news.body)["id"], json.loads(news.body)["status"]) == (refund["id"], status)


def test_a_chargeback_and_its_reversal(merchant: Merchant, receiver: Receiver) -> None:
    made = merchant.paid()
    for _ in range(2):
        merchant.control("POST", f"payments/{made['id']}/chargeback")
    (dispute,) = merchant.control("GET", "chargebacks")["data"]
    merchant.control("POST", f"chargebacks/{dispute['id']}/win")
    got = receiver.wait(lambda got: len(got) == 3)
    told = [json.loads(one.body) for one in got if b"CHAR-" in one.body]
    assert [one["status"] for one in told] == ["COMPLETED", "REVERSAL"]
    assert {one["payment_id"] for one in told} == {made["id"]}
    assert merchant.call("GET", f"/chargebacks/{dispute['id']}").json()["status"] == "REVERSAL"


BANKS: dict[str, dict[str, Any]] = {
    "MX": {"bank_account": {"code": "002", "account": "002010077777777771"}},
    "AR": {"bank_account": {"code": "285", "account": "2850590940090418135201"},
           "document": {"type": "CUIT", "id": "20123456786"}},
    "CL": {"bank_account": {"code": "012", "account": "12345678", "type": "VISTA"},
           "document": {"type": "RUT", "id": "123456785"}},
    "CO": {"bank_account": {"code": "007", "account": "27213213912", "type": "SAVINGS"},
           "document": {"type": "CC", "id": "1004922993"}},
    "PE": {"bank_account": {"code": "002", "account": "00219300112233445566", "type": "SAVINGS"},
           "document": {"type": "DNI", "id": "45678901"}},
    "BR": {"bank_account": {"code": "341", "branch": "0167", "account": "123451", "type": "CHECKING"},
           "document": {"type": "CPF", "id": "45053975809"}},
}  # fmt: skip


def beneficiary(country: str, **changes: Any) -> dict[str, Any]:
    return {"first_name": "Ana", "last_name": "Ruiz", **BANKS[country], **changes}


@pytest.mark.parametrize("country", sorted(BANKS))
def test_a_payout_in_each_country(merchant: Merchant, receiver: Receiver, country: str) -> None:
    currency = MARKETS[country].currency
    answer = merchant.payout(
        country=country, currency=currency, currency_to_pay=currency, amount=9000, beneficiary=beneficiary(country)
    )
    assert answer.status_code == 200, answer.text
    made = answer.json()
    assert (made["status"], made["status_code"]) == ("PENDING", "100")
    merchant.control("POST", f"payouts/{made['id']}/deliver")
    merchant.control("POST", f"payouts/{made['id']}/pay")
    got = receiver.wait(lambda got: len(got) == 2)
    assert [json.loads(one.body)["status"] for one in got] == ["DELIVERED", "PAID"]
    assert all(genuine(merchant, one) for one in got)
    found = merchant.payouts("GET", f"/payouts/v3?external_id={made['external_id']}").json()
    assert found == merchant.payouts("GET", f"/payouts/v3/{made['id']}").json()
    assert found["status"] == "PAID"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"amount": 1.005}, "amount"),
        ({"currency": "BRL"}, "currency"),
        ({"currency_to_pay": "USD"}, "currency_to_pay"),
        ({"country": "UY"}, "country"),
        ({"flow_type": "C2C"}, "flow_type"),
        ({"purpose": "FUN"}, "purpose"),
        ({"payment_method_id": "INSTANT_PAYMENT"}, "payment_method_id"),
        ({"beneficiary": {"first_name": "Ana"}}, "beneficiary.last_name"),
        ({"beneficiary": beneficiary("MX", bank_account={"code": "002", "account": "002010077777777772"})},
         "beneficiary.bank_account.account"),
        ({"country": "CO", "currency": "COP", "currency_to_pay": "COP", "amount": 9000,
          "beneficiary": beneficiary("MX")},
         "beneficiary.document.type"),
        ({"country": "CO", "currency": "COP", "currency_to_pay": "COP", "amount": 9000.5}, "amount"),
        ({"country": "CL", "currency": "CLP", "currency_to_pay": "CLP", "amount": 9000,
          "beneficiary": beneficiary("CL", bank_account={"code": "012", "account": "12345678", "type": "CBU"})},
         "beneficiary.bank_account.type"),
    ],
)  # fmt: skip
def test_payouts_that_are_refused(merchant: Merchant, change: dict[str, Any], field: str) -> None:
    answer = merchant.payout(**change)
    assert (answer.status_code, answer.json()["field"]) == (400, field)
    assert merchant.control("GET", "payouts")["data"] == []


@pytest.mark.parametrize(
    ("kind", "given", "good"),
    [("email", {"email": "ana@example.com"}, True), ("phone", {"phone": "+5511987654321"}, True),
     ("document_id", {}, True), ("email", {}, False), ("telegram", {}, False)],
)  # fmt: skip
def test_pix(merchant: Merchant, kind: str, given: dict[str, str], good: bool) -> None:
    payee = {"first_name": "Ana", "last_name": "Lima", "document": {"type": "CPF", "id": "45053975809"}, **given}
    answer = merchant.payout(
        country="BR", currency="BRL", currency_to_pay="BRL", payment_method_id="INSTANT_PAYMENT",
        metadata={"pix_key": kind}, beneficiary=payee,
    )  # fmt: skip
    assert (answer.status_code == 200) is good, answer.text


def test_a_payout_is_made_once_and_cancelled_in_time(merchant: Merchant) -> None:
    first = merchant.payout(external_id="w-1").json()
    again = merchant.payout(external_id="w-1")
    assert (again.status_code, again.json()["field"]) == (400, "external_id")
    cancelled = merchant.payouts("POST", f"/payouts/v3/{first['id']}/cancel", {}).json()
    assert cancelled["status"] == "CANCELLED"
    assert merchant.payouts("POST", f"/payouts/v3/{first['id']}/cancel", {}).status_code == 400
    unknown = merchant.payouts("GET", "/payouts/v3?external_id=none")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "payout_not_found_external_id")


def test_payouts_have_a_door_of_their_own(merchant: Merchant) -> None:
    path = "/payouts/v3?external_id=none"
    assert merchant.call("GET", path).status_code == 403  # the payins' signature does not open it here
    assert merchant.payouts("GET", path, **{"X-Trans-Key": "other"}).status_code == 401
    merchant.control("PUT", "settings", {"client_id": merchant.login, "client_secret": "s3"})
    ask = {"grant_type": "client_credentials", "client_id": merchant.login, "client_secret": "s3"}
    token = merchant.server.http.post("/oauth/token", json=ask).json()
    assert (token["expires_in"], token["token_type"]) == (180, "Bearer")
    opened = merchant.server.http.get(path, headers={"Authorization": f"Bearer {token['access_token']}"})
    assert opened.json()["code"] == "payout_not_found_external_id"
    assert merchant.server.http.get(path, headers={"Authorization": "Bearer none"}).status_code == 401
    assert merchant.server.http.post("/oauth/token", json={**ask, "client_secret": "no"}).status_code == 401


def test_payouts_may_run_by_themselves(merchant: Merchant) -> None:
    merchant.control("PUT", "settings", {"payouts": "paid"})
    assert merchant.payout().json()["status"] == "PAID"


def test_notifications_are_retried_doubled_and_tampered_with(merchant: Merchant, receiver: Receiver) -> None:
    merchant.control("PUT", "faults", {"deliver_twice": True, "tamper_signature": 1, "drop_first": 1})
    receiver.answers = [500]
    merchant.paid()
    got = receiver.wait(lambda got: len(got) >= 3)
    assert [genuine(merchant, one) for one in got].count(False) == 1
    assert len({one.body for one in got}) == 1


def test_the_answer_may_be_lost_but_the_payment_is_not(merchant: Merchant) -> None:
    merchant.control("PUT", "faults", {"api_reset_after_commit": 1})
    with pytest.raises(httpx.ReadError):
        merchant.request(order_id="o1")
    assert merchant.request(order_id="o1").json()["code"] == 5009
    merchant.control("PUT", "faults", {"api_error_after_commit": 1})
    assert merchant.request(order_id="o2").status_code == 500
    assert merchant.call("GET", "/orders/o2").status_code == 200
    merchant.control("PUT", "faults", {"api_error_before_commit": 1})
    assert merchant.request(order_id="o3").status_code == 500
    assert merchant.call("GET", "/orders/o3").status_code == 404
    merchant.control("PUT", "faults", {"api_unauthorized": True})
    assert merchant.request(order_id="o4").status_code == 403


def test_the_control_page(merchant: Merchant, receiver: Receiver) -> None:
    made = merchant.paid()
    merchant.payout()
    receiver.wait(lambda got: len(got) == 1)
    base = f"/_control/{merchant.login}"
    page = merchant.server.http.get(base).text
    assert made["id"] in page
    assert "Deliver" in page
    assert merchant.login in merchant.server.http.get("/_control").text
    delivery = merchant.control("GET", "deliveries")["data"][0]
    path = f"{base}/deliveries/{delivery['id']}/redeliver"
    assert merchant.server.http.post(path, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
    assert merchant.server.http.post(path).status_code == 303
    first, second = receiver.wait(lambda got: len(got) == 2)
    assert first.body == second.body
    for wrong in ({"payouts": "never"}, {"colour": "red"}, {"secret_key": 7}):
        answer = merchant.server.http.put(f"/_control/api/{merchant.login}/settings", json=wrong)
        assert answer.status_code == 400


def test_kill_9_loses_neither_payment_nor_notification(tmp_path: Path, receiver: Receiver) -> None:
    server = Sandbox("dlocal", tmp_path, "--retry-base", "0.05")
    try:
        merchant = Merchant(server, receiver)
        made = merchant.payment()
        merchant.control("PUT", "faults", {"delay_ms": 700})
        merchant.control("POST", f"payments/{made['id']}/pay")
        server.kill()
        assert receiver.requests == []
        server.start()
        assert merchant.call("GET", f"/payments/{made['id']}").json()["status"] == "PAID"
        (news,) = receiver.wait(lambda got: len(got) == 1)
        assert genuine(merchant, news)
        assert server.stop() == 0
    finally:
        server.close()
