"""The hosted page, driven as a browser without script would."""

from __future__ import annotations

import re

import pytest

from sandbox.stripe.currencies import display
from sandbox.stripe.languages import LANGUAGES, TEXTS, choose_language
from sandbox.stripe.tests.conftest import Merchant

CARD = {
    "method": "card",
    "email": "anna@example.com",
    "number": "4242 4242 4242 4242",
    "expiry": "12 / 49",
    "cvc": "123",
    "name": "Anna Beispiel",
}


def path_of(session: object) -> str:
    return f"/c/pay/{session.id}"  # type: ignore[attr-defined]


def test_every_language_has_every_word_and_placeholder() -> None:
    for language in LANGUAGES:
        assert TEXTS[language].keys() == TEXTS["en"].keys()
        for key, text in TEXTS[language].items():
            assert sorted(re.findall(r"{\w+}", text)) == sorted(re.findall(r"{\w+}", TEXTS["en"][key])), (
                language,
                key,
            )


@pytest.mark.parametrize(
    ("locale", "header", "language"),
    [
        ("de", "fr", "de"),
        ("auto", "ar-AE,ar;q=0.9,en;q=0.8", "ar"),
        (None, "fr;q=0.9, ru;q=0.8, en;q=0.1", "ru"),
        ("es-419", "", "es"),
        ("fr", "de", "en"),
        (None, "xx;q=bad", "en"),
    ],
)
def test_language(locale: str | None, header: str, language: str) -> None:
    assert choose_language(locale, header) == language


@pytest.mark.parametrize(
    ("amount", "currency", "language", "shown"),
    [
        (50000, "eur", "de", "500,00\xa0€"),
        (5000, "jpy", "en", "¥5,000"),
        (12340, "kwd", "en", "KWD\xa012.340"),
        (100050, "usd", "es", "1.000,50\xa0US$"),
        (1234500, "kzt", "ru", "12\xa0345,00\xa0KZT"),
    ],
)
def test_amounts_by_exponent_and_language(amount: int, currency: str, language: str, shown: str) -> None:
    assert display(amount, currency, language) == shown


@pytest.mark.parametrize(
    ("locale", "header", "direction", "word"),
    [("de", "en", "ltr", "Kreditkarte|Karte"), ("auto", "ar", "rtl", "بطاقة"), ("ru", "", "ltr", "Карта")],
)
def test_the_page_speaks_the_language(merchant: Merchant, locale: str, header: str, direction: str, word: str) -> None:
    session = merchant.session(locale=locale)
    page = merchant.server.http.get(path_of(session), headers={"Accept-Language": header})
    assert page.status_code == 200
    assert f'dir="{direction}"' in page.text
    assert re.search(word, page.text)
    assert "<script" not in page.text
    assert "style=" not in page.text
    assert page.headers["content-security-policy"].startswith("default-src 'none'; style-src 'self'")


def test_a_card_pays_and_the_browser_comes_home(merchant: Merchant) -> None:
    session = merchant.session()
    answer = merchant.server.http.post(path_of(session), data=CARD)
    assert (answer.status_code, answer.headers["location"]) == (
        303,
        f"http://broker.localhost:1/paid?session={session.id}",
    )
    again = merchant.api.checkout.sessions.retrieve(session.id, {"expand": ["payment_intent.latest_charge"]})
    assert (again.status, again.payment_status, again.url) == ("complete", "paid", None)
    card = again.payment_intent.latest_charge.payment_method_details.card
    assert (card.brand, card.last4, card.exp_month, card.exp_year) == ("visa", "4242", 12, 2049)
    assert again.customer_details.email == "anna@example.com"
    second = merchant.server.http.post(path_of(session), data=CARD)
    assert second.status_code == 200
    assert len(merchant.api.charges.list().data) == 1


@pytest.mark.parametrize(
    ("number", "text", "decline"),
    [
        ("4000000000000002", "declined", "generic_decline"),
        ("4000000000009995", "funds", "insufficient_funds"),
        ("4000000000000069", "expired_card", "expired_card"),
        ("4012888888881881", "not_test", "test_mode_live_card"),
    ],
)
def test_a_declined_card_says_so_and_may_try_again(merchant: Merchant, number: str, text: str, decline: str) -> None:
    session = merchant.session(locale="en")
    answer = merchant.server.http.post(path_of(session), data={**CARD, "number": number})
    assert answer.status_code == 402
    assert TEXTS["en"][text].replace("'", "&#x27;") in answer.text
    intent = merchant.api.payment_intents.list().data[0]
    assert (intent.status, intent.last_payment_error.decline_code) == ("requires_payment_method", decline)
    assert merchant.server.http.post(path_of(session), data=CARD).status_code == 303
    assert [i.status for i in merchant.api.payment_intents.list().data] == ["succeeded"]


def test_a_real_card_typed_by_mistake_is_not_kept(merchant: Merchant) -> None:
    session = merchant.session()
    merchant.server.http.post(path_of(session), data={**CARD, "number": "4012 8888 8888 1881"})
    files = [path for path in merchant.server.state.iterdir() if path.is_file()]
    assert files
    assert all(b"4012888888881881" not in path.read_bytes() for path in files)
    card = merchant.api.charges.list().data[0].payment_method_details.card
    assert card.last4 == "1881"


def test_mistakes_are_named_beside_their_fields_and_charge_nothing(merchant: Merchant) -> None:
    session = merchant.session(locale="en")
    wrong = {
        "method": "card",
        "email": "x",
        "number": "4242424242424241",
        "expiry": "13/20",
        "cvc": "1",
        "name": "",
    }
    page = merchant.server.http.post(path_of(session), data=wrong)
    assert page.status_code == 422
    for field in ("email", "number", "expiry", "cvc", "name"):
        assert f'id="{field}-error"' in page.text
        assert re.search(rf'aria-describedby="{field}-error', page.text)
    assert merchant.api.payment_intents.list().data == []


@pytest.mark.parametrize(("decision", "status"), [("approve", "complete"), ("refuse", "open")])
@pytest.mark.parametrize("method", ["klarna", "ideal", "eps", "card"])
def test_methods_that_are_confirmed_elsewhere(merchant: Merchant, method: str, decision: str, status: str) -> None:
    session = merchant.session(locale="en")
    form = {**CARD, "method": method, "number": "4000002760003184"}
    answer = merchant.server.http.post(path_of(session), data=form)
    assert answer.headers["location"] == f"{path_of(session)}/confirm"
    assert merchant.api.payment_intents.list().data[0].status == "requires_action"
    assert "€500.00" in merchant.server.http.get(answer.headers["location"]).text
    back = merchant.server.http.post(answer.headers["location"], data={"decision": decision})
    again = merchant.api.checkout.sessions.retrieve(session.id)
    assert again.status == status
    if status == "complete":
        assert back.headers["location"].startswith("http://broker.localhost:1/paid?")
    else:
        assert back.headers["location"] == path_of(session)
        assert TEXTS["en"]["not_confirmed"] in merchant.server.http.get(path_of(session)).text


def test_sepa_checks_the_iban(merchant: Merchant) -> None:
    session = merchant.session(locale="en")
    form = {
        "method": "sepa_debit",
        "email": "a@example.com",
        "sepa_name": "Anna",
        "iban": "DE00 3704 0044 0532 0130 00",
    }
    assert merchant.server.http.post(path_of(session), data=form).status_code == 422
    form["iban"] = "DE89 3704 0044 0532 0130 00"
    assert merchant.server.http.post(path_of(session), data=form).status_code == 303
    assert merchant.api.checkout.sessions.retrieve(session.id).payment_status == "unpaid"


def test_text_from_the_merchant_is_escaped(merchant: Merchant) -> None:
    data = {"currency": "eur", "unit_amount": 1000, "product_data": {"name": "<b>Deposit</b>"}}
    session = merchant.session(line_items=[{"price_data": data, "quantity": 1}])
    page = merchant.server.http.get(path_of(session)).text
    assert "&lt;b&gt;Deposit&lt;/b&gt;" in page
    assert "<b>Deposit" not in page


def test_expired_and_unknown_sessions(merchant: Merchant) -> None:
    session = merchant.session(locale="en")
    merchant.api.checkout.sessions.expire(session.id)
    page = merchant.server.http.get(path_of(session))
    assert TEXTS["en"]["expired_title"] in page.text
    assert merchant.server.http.post(path_of(session), data=CARD).status_code == 200
    assert merchant.api.charges.list().data == []
    assert merchant.server.http.get("/c/pay/cs_test_nothing").status_code == 404


def test_the_control_page_lists_and_acts(merchant: Merchant) -> None:
    session = merchant.session()
    http = merchant.server.http
    page = http.get(f"/_control/{merchant.account}")
    assert session.id in page.text
    assert merchant.account in http.get("/_control").text
    form = {"deliver_twice": "true", "delay_ms": "250"}
    assert http.post(f"/_control/{merchant.account}/faults", data=form).status_code == 303
    assert merchant.control("GET", "faults")["deliver_twice"] is True
    assert http.post(f"/_control/{merchant.account}/faults", data={"delay_ms": "x"}).status_code == 422
    target = f"/_control/{merchant.account}/sessions/{session.id}/expire"
    assert http.post(target, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
    assert http.post(target).status_code == 303
    assert merchant.api.checkout.sessions.retrieve(session.id).status == "expired"
